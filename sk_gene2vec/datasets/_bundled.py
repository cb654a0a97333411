"""Loaders of the data that the package carries."""

from __future__ import annotations

from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from sk_gene2vec.gene_sets._gene_sets import GeneSets
from sk_gene2vec.gene_sets._gmt import read_gmt

if TYPE_CHECKING:
    import pandas as pd

    _Column: TypeAlias = NDArray[np.object_] | pd.Series[str]


def load_go_bp() -> GeneSets:
    """Load the human Gene Ontology, biological process, as gene sets.

    Every term with 15 to 500 genes: 5,233 gene sets, 16,018 genes (symbols) and
    438,496 memberships. Names are in MSigDB's style, descriptions are GO ids.

    Returns
    -------
    gene_sets : GeneSets
        Mapping from name to genes.

    See Also
    --------
    load_go_mf_classes : One label per gene, to go with these gene sets.

    Notes
    -----
    Source: Gene Ontology, release 2022-07-01 [1]_, through Bioconductor 3.16
    (org.Hs.eg.db and GO.db). Licence: CC BY 4.0, Gene Ontology Consortium.

    The annotations are propagated along the ontology, so the sets nest: the genes of
    a term are also genes of every term above it. Overlapping sets are therefore not
    independent evidence, and a narrower term often reveals a membership that was hidden
    for a test. Terms with more than 500 genes, such as "apoptotic process", are not
    included.

    References
    ----------
    .. [1] Gene Ontology Consortium (2022). Gene Ontology Data Archive, 2022-07-01.
       https://doi.org/10.5281/zenodo.6799722

    Examples
    --------
    >>> from sk_gene2vec.datasets import load_go_bp
    >>> gene_sets = load_go_bp()
    >>> len(gene_sets), len(gene_sets.genes)
    (5233, 16018)
    >>> gene_sets.descriptions["GOBP_OXYGEN_TRANSPORT"]
    'GO:0015671'
    >>> gene_sets.attrs["version"]
    '2022-07-01'
    >>> "HBB" in gene_sets["GOBP_OXYGEN_TRANSPORT"]
    True
    """
    with as_file(_data_file("go_bp.gmt.gz")) as path:
        return read_gmt(path)._with_attrs(
            name="GO biological process, human",
            version="2022-07-01",
            url="https://doi.org/10.5281/zenodo.6799722",
            licence="CC BY 4.0, Gene Ontology Consortium",
        )


def load_go_mf_classes(
    *, return_X_y: bool = False, as_frame: bool = False
) -> Bunch | tuple[_Column, _Column]:
    """Load genes with one molecular function each, a multiclass example.

    5,400 human genes in 12 classes of 163 (protein phosphatase) to 801 (GPCR) genes.
    Genes with several of the 12 functions and genes without a gene set in
    :func:`load_go_bp` are left out.

    Parameters
    ----------
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.

    as_frame : bool, default=False
        If True, `data` and `target` are pandas Series, and `frame` is a DataFrame.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : ndarray of shape (5400,) or Series
            Gene symbols, sorted. If `as_frame`, a Series named "gene".
        target : ndarray of shape (5400,) or Series
            The name of each gene's class. If `as_frame`, a Series named "class".
        frame : DataFrame of shape (5400, 2) or None
            Columns "gene" and "class"; None unless `as_frame`.
        target_names : list of str of length 12
            The names of the classes, sorted.
        DESCR : str
            Description of the bundled data.

    (data, target) : tuple if `return_X_y` is True
        The two attributes described above.

    See Also
    --------
    load_go_bp : Gene sets to embed these genes with.

    Notes
    -----
    Source: Gene Ontology molecular function, release 2022-07-01 [1]_, through
    Bioconductor 3.16 (org.Hs.eg.db). Licence: CC BY 4.0, Gene Ontology Consortium.
    `DESCR` lists the classes with their GO ids.

    The annotations are propagated along the ontology: a gene has a function if it is
    annotated to its term or to any narrower one. The classes are for examples, not
    for benchmarks, because some biological processes nearly state the function: all
    198 methyltransferases are in GOBP_METHYLATION.

    References
    ----------
    .. [1] Gene Ontology Consortium (2022). Gene Ontology Data Archive, 2022-07-01.
       https://doi.org/10.5281/zenodo.6799722

    Examples
    --------
    >>> from sk_gene2vec.datasets import load_go_mf_classes
    >>> genes, classes = load_go_mf_classes(return_X_y=True)
    >>> genes.shape
    (5400,)
    >>> dict(zip(genes, classes))["TP53"]
    'transcription factor'
    """
    import pandas as pd

    with as_file(_data_file("go_mf_classes.tsv.gz")) as path:
        frame = pd.read_csv(path, sep="\t", dtype=object, na_filter=False)
    data, target = frame["gene"], frame["class"]
    # Copies: pandas 3 gives arrays that cannot be changed.
    columns = (data, target) if as_frame else (np.array(data), np.array(target))
    if return_X_y:
        return columns
    return Bunch(
        data=columns[0],
        target=columns[1],
        frame=frame if as_frame else None,
        target_names=sorted(set(target)),
        DESCR=_data_file("README.md").read_text(encoding="utf-8"),
    )


def _data_file(name: str) -> Traversable:
    return files("sk_gene2vec.datasets") / "data" / name
