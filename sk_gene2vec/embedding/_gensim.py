"""Methods of gensim's KeyedVectors on groups of genes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sk_gene2vec._utils._vectors import unit_rows

if TYPE_CHECKING:
    from sk_gene2vec.embedding._embedding import GeneEmbedding


def n_similarity(
    self: GeneEmbedding, genes: Iterable[str], others: Iterable[str]
) -> float:
    """Cosine of the mean vectors of two groups of genes, as in gensim.

    Vectors are scaled to unit length before their means are taken.

    Parameters
    ----------
    genes, others : iterable of str
        The two groups, of one gene or more each.

    Returns
    -------
    similarity : float
        From -1 to 1, apart from rounding.

    Raises
    ------
    KeyError
        If a gene has no vector.
    ValueError
        If a group has no gene.

    Examples
    --------
    >>> from sk_gene2vec import GeneEmbedding
    >>> embedding = GeneEmbedding(["HK1", "PKM", "TP53"], [[2, 0], [3, 0], [0, 1]])
    >>> embedding.n_similarity(["HK1"], ["PKM", "HK1"])
    1.0
    """
    means = []
    for group in (list(genes), list(others)):
        if not group:
            raise ValueError("Expected one gene or more in each group, got none.")
        means.append(unit_rows(self[group]).mean(axis=0, keepdims=True))
    first, second = (unit_rows(mean)[0] for mean in means)
    return float(first @ second)


def doesnt_match(self: GeneEmbedding, genes: Iterable[str]) -> str:
    """Find the gene that is least similar to the mean of a group, as in gensim.

    Parameters
    ----------
    genes : iterable of str
        The group, of one gene or more.

    Returns
    -------
    gene : str
        The first of the least similar genes.

    Raises
    ------
    KeyError
        If a gene has no vector.
    ValueError
        If there is no gene.

    Examples
    --------
    >>> from sk_gene2vec import GeneEmbedding
    >>> embedding = GeneEmbedding(["HK1", "PKM", "TP53"], [[2, 0], [3, 0], [0, 1]])
    >>> embedding.doesnt_match(["HK1", "TP53", "PKM"])
    'TP53'
    """
    group = list(genes)
    if not group:
        raise ValueError("Expected one gene or more, got none.")
    units = unit_rows(self[group])
    return group[int((units @ units.mean(axis=0)).argmin())]
