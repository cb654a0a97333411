"""A GeneEmbedding in and out of pandas and AnnData."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sk_gene2vec._utils._messages import excerpt, shown, warn
from sk_gene2vec.embedding._attrs import checked_attrs
from sk_gene2vec.identifiers._index import Aliases, GeneIndex, Rows
from sk_gene2vec.identifiers._kinds import describe_kinds

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData, Raw

    from sk_gene2vec.embedding._embedding import GeneEmbedding

# Share of the genes, or of the names if these are fewer, below which two lists of
# identifiers are taken to be of different kinds.
_LEAST_SHARE = 0.1
_SHOWN = 3
# A number, also with the suffix that pandas gives to equal names of columns.
_NUMBER = re.compile(r"[+-]?\d*\.?\d+(e[+-]?\d+)?(\.\d+)?", re.IGNORECASE)


def to_frame(self: GeneEmbedding) -> pd.DataFrame:
    """Return a DataFrame with one row per gene.

    Returns
    -------
    DataFrame of shape (n_genes, n_dimensions)
        The genes are the index, `gene`. The columns are `gene2vec_0`, `gene2vec_1`,
        ..., which still say what they are after a join with another table. Its
        `attrs` are those of the embedding.

    Examples
    --------
    >>> from sk_gene2vec import GeneEmbedding
    >>> frame = GeneEmbedding(["PKM", "TP53"], [[3, 1], [0, 1]]).to_frame()
    >>> frame.loc["PKM", "gene2vec_0"].item()
    3.0
    """
    import pandas as pd

    columns = [f"gene2vec_{place}" for place in range(self.vectors.shape[1])]
    index = pd.Index(self.genes, name="gene")
    frame = pd.DataFrame(self.vectors.copy(), index=index, columns=columns)
    frame.attrs.update(self.attrs)
    return frame


def from_frame(cls: type[GeneEmbedding], frame: pd.DataFrame) -> GeneEmbedding:
    """Take genes from the index of a DataFrame, vectors from its columns.

    Parameters
    ----------
    frame : DataFrame of shape (n_genes, n_dimensions)
        Numbers only; float32 where all columns are. Its `attrs` are kept.

    Returns
    -------
    embedding : GeneEmbedding
        The genes and vectors; the names of the columns are dropped.

    Raises
    ------
    TypeError
        If `frame` is not a pandas DataFrame; if its index has anything but `str`;
        if a column has no numbers.
    ValueError
        If a gene occurs twice, or a number is missing; if the names of the columns
        are numbers such as '0.25', the first row of a file without a header.

    Examples
    --------
    >>> import pandas as pd
    >>> from sk_gene2vec import GeneEmbedding
    >>> frame = pd.DataFrame({"a": [3, 0], "b": [1, 1]}, index=["PKM", "TP53"])
    >>> GeneEmbedding.from_frame(frame)["PKM"]
    array([3., 1.])
    """
    if not (hasattr(frame, "index") and hasattr(frame, "select_dtypes")):
        raise TypeError(
            "Expected a pandas DataFrame with genes as its index, got "
            f"{type(frame).__name__}."
        )
    others = frame.select_dtypes(exclude="number")
    if others.shape[1]:
        name = others.columns[0]
        raise TypeError(
            f"Expected numbers in every column, got {others.dtypes.iloc[0]} in column "
            f"{excerpt(name)}. If it has the genes, use frame.set_index({name!r})."
        )
    _check_header(list(frame.columns))
    single = all(dtype == np.float32 for dtype in frame.dtypes)
    dtype = np.float32 if single else np.float64
    attrs: Mapping[Any, object] = frame.attrs
    return cls(frame.index, frame.to_numpy(dtype, na_value=np.nan), attrs)


def to_anndata(
    self: GeneEmbedding,
    adata: AnnData,
    key: str = "X_gene2vec",
    aliases: Aliases | None = None,
    gene_symbols: str | None = None,
) -> None:
    """Put the vectors into ``adata.varm[key]``, in the order of its `var_names`.

    Names that are not a gene of the embedding get NaN, with a warning that counts
    them; leave them out of sums over genes. The `attrs` go as JSON into
    ``adata.uns[key]["varm_attrs"]``. :func:`embed_cells` has the same default `key`
    for the vectors of cells, in `obsm` and `uns`: both can be in one AnnData.

    Parameters
    ----------
    adata : AnnData
        Changed in place; an entry of the same key is replaced.
    key : str, default="X_gene2vec"
        Name of the entries in `varm` and `uns`.
    aliases : mapping or DataFrame, default=None
        Other names of genes, as :class:`GmtVectorizer` takes them. A name of
        several genes is not found.
    gene_symbols : str, default=None
        Column of ``adata.var`` with the genes, where `var_names` are other
        identifiers. None for `var_names`.

    Raises
    ------
    KeyError
        If `var` has no such column.
    TypeError
        If `adata` is not an AnnData.
    ValueError
        If less than a tenth of the names, or of the genes if these are fewer,
        match.

    Warns
    -----
    UserWarning
        If a name is not a gene of the embedding.

    See Also
    --------
    embed_cells : Means of the vectors, for the cells.

    Examples
    --------
    >>> import anndata, numpy as np, pandas as pd
    >>> from sk_gene2vec import GeneEmbedding
    >>> var = pd.DataFrame(index=["TP53", "PKM"])
    >>> adata = anndata.AnnData(np.ones((1, 2)), var=var)
    >>> GeneEmbedding(["PKM", "TP53"], [[3, 1], [0, 1]]).to_anndata(adata)
    >>> adata.varm["X_gene2vec"]
    array([[0., 1.],
           [3., 1.]])
    """
    variables, vectors = check_anndata(adata), self.vectors
    rows, unknown = rows_of_variables(self, variables, aliases, gene_symbols)
    if unknown:
        warn(f"Genes without a vector get NaN: {unknown}.")
    known = rows < len(vectors)
    aligned = np.full((len(rows), vectors.shape[1]), np.nan, dtype=vectors.dtype)
    aligned[known] = vectors[rows[known]]
    adata.varm[key] = aligned
    update_uns(adata, key, {"varm_attrs": json.dumps(dict(self.attrs))})


def from_anndata(
    cls: type[GeneEmbedding], adata: AnnData, key: str = "X_gene2vec"
) -> GeneEmbedding:
    """Take genes from `var_names`, vectors from ``adata.varm[key]``.

    Parameters
    ----------
    adata : AnnData
        With vectors of its variables, by `to_anndata` or another tool.
    key : str, default="X_gene2vec"
        Name of the entry in `varm`.

    Returns
    -------
    embedding : GeneEmbedding
        Without the variables whose vector has only NaN; with the `attrs` that
        `to_anndata` has left.

    Raises
    ------
    KeyError
        If there is no such key.
    TypeError
        If `adata` is not an AnnData, or has no dense matrix of numbers there.
    ValueError
        If a name occurs twice, or a vector has NaN and numbers; if the attrs in `uns`
        are damaged.
    """
    stored = check_anndata(adata).varm
    if key not in stored:
        raise KeyError(f"Expected {key!r} in adata.varm, got {list(stored)}.")
    vectors = np.asarray(stored[key])
    if vectors.ndim != 2 or vectors.dtype.kind not in "iuf":
        raise TypeError(
            f"Expected a dense matrix of numbers in adata.varm[{key!r}], got "
            f"{stored[key]!r}."
        )
    kept = ~np.isnan(vectors).all(axis=1)
    origin = adata.uns.get(key)
    text = origin.get("varm_attrs", "{}") if isinstance(origin, Mapping) else "{}"
    try:
        attrs = checked_attrs(json.loads(text))
    except (RecursionError, TypeError, ValueError) as error:
        where = f"adata.uns[{key!r}]['varm_attrs']"
        raise ValueError(
            f"Expected attrs as JSON in {where}, got {excerpt(text)}. To read the "
            f"vectors without attrs, delete it: del {where}."
        ) from error
    return cls(adata.var_names[kept], vectors[kept], attrs)


def update_uns(adata: AnnData, key: str, entries: dict[str, object]) -> None:
    """Set entries of ``adata.uns[key]``, where vectors of genes and cells meet."""
    old = adata.uns.get(key)
    adata.uns[key] = {**(old if isinstance(old, Mapping) else {}), **entries}


def rows_of_variables(
    genes: Iterable[str],
    annotated: AnnData | Raw,
    aliases: Aliases | None,
    gene_symbols: str | None,
) -> tuple[Rows, str]:
    """Find the genes that the variables of an AnnData, or of its `raw`, are.

    Parameters
    ----------
    genes : iterable of str, length n_genes
        Genes of the embedding.
    annotated : AnnData or Raw
        With `var` and `var_names`.
    aliases : mapping, DataFrame of two columns or None
        Other names -> genes.
    gene_symbols : str or None
        Column of `var` with the genes. None for `var_names`.

    Returns
    -------
    rows : ndarray of shape (n_variables,)
        Places among the genes; `n_genes` where a variable is not a gene.
    unknown : str
        Counts and names the variables that are not genes, without a full stop. Empty
        if all are.
    """
    columns = list(annotated.var.columns)
    if gene_symbols is None:
        names, what = annotated.var_names.tolist(), "var_names"
    elif gene_symbols in columns:
        names, what = annotated.var[gene_symbols].tolist(), f"var[{gene_symbols!r}]"
    else:
        raise KeyError(
            f"Expected gene_symbols to be a column of var, one of {columns}, got "
            f"{gene_symbols!r}."
        )
    index = GeneIndex(list(genes), aliases)
    rows = index.rows(names)
    missing = index.missing(names, rows)
    if not missing:
        return rows, ""
    n_found, some = len(names) - len(missing), shown(map(repr, missing), _SHOWN)
    unknown = f"the embedding has {n_found} of {len(names)} {what}, and not {some}"
    if n_found >= _LEAST_SHARE * min(len(index.genes), len(names)):
        return rows, unknown
    some = shown(map(repr, index.genes), _SHOWN)
    sentences = [f"Expected genes such as {some}; {unknown}."]
    folded = {gene.casefold() for gene in index.genes}
    if n_cased := sum(str(name).casefold() in folded for name in missing):
        sentences.append(f"{n_cased} differ only in upper and lower case.")
    sentences += describe_kinds(map(str, dict.fromkeys(missing)), index.genes)[0]
    if gene_symbols is None and columns:
        advice = f"set gene_symbols to one of {columns}"
        sentences.append(f"If a column of var has the genes, {advice}.")
    raise ValueError(" ".join(sentences))


def check_anndata(adata: AnnData) -> AnnData:
    """Return an AnnData, or raise an error."""
    if not (hasattr(adata, "varm") and hasattr(adata, "var_names")):
        raise TypeError(f"Expected an AnnData, got {type(adata).__name__}.")
    return adata


def _check_header(names: list[object]) -> None:
    """Refuse names of columns that are the first row of a file without a header."""
    numbers = [x for x in names if isinstance(x, str) and _NUMBER.fullmatch(x)]
    if not numbers or len(numbers) < len(names):
        return
    # Names such as '0', '1', '2' are those of an array that became a table.
    start = int(numbers[0]) if numbers[0].isdecimal() else 0
    if numbers != [str(place) for place in range(start, start + len(numbers))]:
        raise ValueError(
            "Expected names of columns, got the numbers "
            f"{shown(map(excerpt, numbers), _SHOWN)}: the first line has no names. Add "
            "one, such as 'gene', 'gene2vec_0', 'gene2vec_1', …."
        )
