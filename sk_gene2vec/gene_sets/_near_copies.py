"""Redundant gene sets: groups of near copies, with one representative per group."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_scalar

from sk_gene2vec._utils._genes import check_genes
from sk_gene2vec._utils._messages import excerpt, nearest_names
from sk_gene2vec.gene_sets._sources import Sources, membership_matrix, resolve_gene_sets

if TYPE_CHECKING:
    import pandas as pd

# Number of gene sets that are compared with all others at once.
_STRIP = 256


def group_gene_sets(
    gene_sets: Sources,
    names: Iterable[str] | None = None,
    *,
    threshold: float = 0.5,
) -> pd.DataFrame:
    """Group gene sets that are near copies, and choose a representative per group.

    Every gene set of a group is similar to its representative, and no two
    representatives are similar. A table of results can therefore be shortened to the
    representatives.

    Parameters
    ----------
    gene_sets : path, mapping, DataFrame or list of these
        The collection, as for :class:`GmtVectorizer`.
    names : iterable of str, default=None
        Gene sets to group, the best first, as in a table that is sorted by p-value. The
        best gene set of a group represents it. If None, all gene sets are grouped, and
        a group is represented by the gene set with the most near copies; ties go to the
        largest.
    threshold : float, default=0.5
        Smallest similarity of near copies, above 0 and at most 1. The similarity of two
        gene sets is the number of genes in both, divided by the number of genes in
        either (Jaccard).

    Returns
    -------
    DataFrame of shape (n_gene_sets, 4)
        Columns `gene_set`, `representative`, `similarity` of the two, and `size`, the
        number of genes. Groups are in the order of `names`, or else the largest comes
        first. In a group, the representative comes first, then the most similar. A gene
        set without near copies represents itself.

    Raises
    ------
    TypeError
        If a name is not a `str`, or `threshold` is not a number.
    ValueError
        If `names` are empty, or a name is not in the collection or occurs twice; if
        `threshold` is out of range; if `gene_sets` is refused, as by
        :class:`GmtVectorizer`.

    Notes
    -----
    Gene sets are taken in order. Each joins the most similar of the representatives
    that are near copies of it. If there are none, it becomes a representative. This is
    the greedy clustering of CD-HIT. In contrast to single linkage, a chain of near
    copies cannot put two gene sets without common genes into one group. A gene set that
    is nested in a much larger one is not a near copy of it, because it is more
    specific.

    References
    ----------
    W. Li and A. Godzik, "Cd-hit: a fast program for clustering and comparing large sets
    of protein or nucleotide sequences", Bioinformatics 2006.

    Examples
    --------
    >>> from sk_gene2vec import group_gene_sets
    >>> gene_sets = {
    ...     "GLYCOLYSIS": ["HK1", "PFKM", "PKM"],
    ...     "WARBURG": ["HK1", "PFKM", "PKM", "LDHA"],
    ...     "P53_PATHWAY": ["TP53", "MDM2", "CDKN1A"],
    ... }
    >>> group_gene_sets(gene_sets)
          gene_set representative  similarity  size
    0      WARBURG        WARBURG        1.00     4
    1   GLYCOLYSIS        WARBURG        0.75     3
    2  P53_PATHWAY    P53_PATHWAY        1.00     3
    >>> ranked = ["P53_PATHWAY", "GLYCOLYSIS", "WARBURG"]
    >>> group_gene_sets(gene_sets, ranked).representative.unique().tolist()
    ['P53_PATHWAY', 'GLYCOLYSIS']
    """
    import pandas as pd

    check_scalar(
        threshold, "threshold", Real, min_val=0, max_val=1, include_boundaries="right"
    )
    if np.isnan(threshold):
        raise ValueError("Expected threshold above 0 and at most 1, got NaN.")
    collection = resolve_gene_sets(gene_sets, prefix_names=False)
    by_set = sp.csr_array(membership_matrix(collection, np.dtype(np.float32)).T)
    known = np.array(list(collection), dtype=object)
    if names is not None:
        places = _places(names, known)
        known, by_set = known[places], by_set[places]
    similar = _near_copies(by_set, threshold)
    sizes = np.diff(by_set.indptr)
    order = np.arange(len(known))
    if names is None:
        order = np.lexsort((order, -sizes, -np.diff(similar.indptr)))
    leader, similarity = _lead(similar, order)
    # Groups by the order of their leaders, or by their number of gene sets.
    rank = np.argsort(order)
    if names is None:
        members = np.bincount(leader, minlength=len(known))
        rank = np.lexsort((rank, -members)).argsort()
    is_other = leader != np.arange(len(known))
    rows = np.lexsort((-similarity, is_other, rank[leader]))
    return pd.DataFrame(
        {
            "gene_set": known[rows],
            "representative": known[leader[rows]],
            "similarity": similarity[rows],
            "size": sizes[rows],
        }
    )


def _places(names: Iterable[str], known: NDArray[np.object_]) -> NDArray[np.intp]:
    """Find the positions of gene sets in the collection."""
    import pandas as pd

    chosen = pd.Index(check_genes(names, "names of gene sets"))
    if chosen.has_duplicates:
        name = excerpt(chosen[chosen.duplicated()][0])
        raise ValueError(f"Expected every name once, got {name} twice.")
    places = pd.Index(known).get_indexer(chosen)
    if (places < 0).any():
        name = chosen[places < 0][0]
        got = f"{excerpt(name)}{nearest_names(name, known)}"
        raise ValueError(f"Expected gene sets of the collection, got {got}")
    return places


def _near_copies(by_set: sp.csr_array, threshold: float) -> sp.csr_array:
    """Compute the similarities of different gene sets that reach `threshold`."""
    by_gene, sizes = sp.csr_array(by_set.T), np.diff(by_set.indptr)
    strips = []
    for strip in gen_batches(by_set.shape[0], _STRIP):
        found = sp.coo_array(by_set[strip] @ by_gene)
        rows, columns = found.coords
        first, second = sizes[strip][rows], sizes[columns]
        # Integers below 2 ** 24 are exact in float32, their ratio is not.
        similarity = found.data.astype(np.float64) / (first + second - found.data)
        kept = (similarity >= threshold) & (rows + strip.start != columns)
        values = similarity[kept], (rows[kept], columns[kept])
        strips.append(sp.csr_array(values, shape=found.shape))
    return sp.csr_array(sp.vstack(strips, format="csr"))


def _lead(
    similar: sp.csr_array, order: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Find the representative of every gene set, and how similar the two are."""
    leader = np.arange(len(order))
    similarity = np.ones(len(order))
    leads = np.zeros(len(order), dtype=bool)
    for place in order:
        entries = slice(similar.indptr[place], similar.indptr[place + 1])
        others = similar.indices[entries]
        values = np.where(leads[others], similar.data[entries], 0)
        if not values.any():
            leads[place] = True
            continue
        best = values.argmax()
        leader[place], similarity[place] = others[best], values[best]
    return leader, similarity
