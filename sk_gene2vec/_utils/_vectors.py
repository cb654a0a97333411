"""Genes and their vectors: what embeddings and plots share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_array

from sk_gene2vec._utils._genes import BYTE_ORDER_MARK, UNWRITABLE, check_genes
from sk_gene2vec._utils._memberships import row_blocks
from sk_gene2vec._utils._messages import excerpt

Vectors: TypeAlias = NDArray[np.floating]


def places_of(genes: Iterable[str]) -> dict[str, int]:
    """Check that genes are unique and can be written as text; map each to its row.

    Examples
    --------
    >>> from sk_gene2vec._utils._vectors import places_of
    >>> places_of(["TP53", "MDM2"])
    {'TP53': 0, 'MDM2': 1}
    """
    places: dict[str, int] = {}
    for place, gene in enumerate(check_genes(genes)):
        if not gene or UNWRITABLE.search(gene) or gene.startswith(BYTE_ORDER_MARK):
            raise ValueError(
                "Expected genes that are not empty, without tab, line break, NUL or "
                "lone surrogate, and without a byte order mark in front, got "
                f"{excerpt(gene)} at position {place}."
            )
        if gene in places:
            raise ValueError(
                f"Expected every gene once, got {excerpt(gene)} twice, at positions "
                f"{places[gene]} and {place}."
            )
        places[str(gene)] = place
    return places


def check_vectors(
    vectors: ArrayLike,
    genes: Sequence[str] | NDArray[np.object_] | None = None,
    **limits: int,
) -> Vectors:
    """Copy vectors of finite numbers, one per gene.

    Parameters
    ----------
    vectors : array-like of shape (n_genes, n_dimensions)
        The vectors. float32 stays, other numbers become float64.
    genes : sequence of str, default=None
        Their genes, to count and for the messages. None if they are not known.
    **limits
        For :func:`sklearn.utils.check_array`, such as ``ensure_min_samples=3``.

    Returns
    -------
    vectors : ndarray of shape (n_genes, n_dimensions)
        A copy in C order.

    Raises
    ------
    ValueError
        If `vectors` is not a matrix of numbers, if a number is NaN or infinite, or if
        there is not one vector per gene.

    Examples
    --------
    >>> from sk_gene2vec._utils._vectors import check_vectors
    >>> check_vectors([[2, 0], [3, 1]], ["HK1", "PKM"])
    array([[2., 0.],
           [3., 1.]])
    """
    checked: Vectors = check_array(
        vectors,
        dtype=[np.float64, np.float32],
        order="C",
        copy=True,
        ensure_all_finite=False,
        input_name="vectors",
        **limits,
    )
    if genes is not None and len(genes) != len(checked):
        raise ValueError(
            f"Expected one vector per gene, got {len(genes):,} genes and "
            f"{len(checked):,} vectors."
        )
    bad = np.flatnonzero(~np.isfinite(checked).all(axis=1))
    if len(bad):
        first = f"in row {bad[0]}" if genes is None else f"of {excerpt(genes[bad[0]])}"
        raise ValueError(
            f"Expected finite numbers, got {len(bad):,} of {len(checked):,} vectors "
            f"with NaN or infinity, the first {first}."
        )
    return checked


def unit_rows(vectors: Vectors) -> Vectors:
    """Scale rows to unit length, in the dtype of `vectors`; rows of zeros stay.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_gene2vec._utils._vectors import unit_rows
    >>> unit_rows(np.array([[3e200, 4e200], [3e-200, 4e-200], [0, 0]]))
    array([[0.6, 0.8],
           [0.6, 0.8],
           [0. , 0. ]])
    """
    rows = vectors.astype(np.float64)
    # Squares overflow or vanish in rows far from 1. A power of two loses no digit.
    _, exponents = np.frexp(np.abs(rows).max(axis=1, keepdims=True))
    with np.errstate(under="ignore"):
        rows = np.ldexp(rows, -exponents)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return (rows / np.where(lengths > 0, lengths, 1)).astype(vectors.dtype)


def nearest(
    units: Vectors, rows: NDArray[np.intp], k: int
) -> tuple[NDArray[np.intp], Vectors]:
    """Find the other rows with the highest cosines to each of some, and the cosines.

    Parameters
    ----------
    units : ndarray of shape (n_genes, n_dimensions)
        Rows of unit length, or of zeros.
    rows : ndarray of shape (n_queries,)
        Rows to find neighbors of.
    k : int
        Number of neighbors, fewer than there are rows.

    Returns
    -------
    neighbors, cosines : ndarray of shape (n_queries, k)
        The most similar first, ties by row.
    """
    neighbors = np.empty((len(rows), k), dtype=np.intp)
    cosines = np.empty((len(rows), k), dtype=units.dtype)
    for block in row_blocks((len(rows), len(units))):
        own = rows[block]
        similarity = units[own] @ units.T
        similarity[np.arange(len(own)), own] = -np.inf
        neighbors[block] = largest(similarity, k)
        cosines[block] = np.take_along_axis(similarity, neighbors[block], axis=1)
    return neighbors, cosines


def largest(values: Vectors, k: int) -> NDArray[np.intp]:
    """Columns of the k largest of each row, sorted, ties by column."""
    n_rows, n_columns = values.shape
    if not k:
        return np.empty((n_rows, 0), dtype=np.intp)
    # k groups of columns or more have a maximum of at least this, so k values have.
    groups = np.arange(0, n_columns, max(1, n_columns // (4 * k)))
    maxima = np.maximum.reduceat(values, groups, axis=1)
    least = np.partition(maxima, len(groups) - k, axis=1)[:, len(groups) - k]
    large = np.flatnonzero(values >= least[:, np.newaxis])
    rows, columns = np.divmod(large, n_columns)
    order = np.lexsort((-values[rows, columns], rows))
    starts = np.searchsorted(rows, np.arange(n_rows))
    return columns[order[starts[:, np.newaxis] + np.arange(k)]]
