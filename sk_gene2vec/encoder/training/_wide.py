"""The wide part: every gene set predicted from a few others, in closed form."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp
from sklearn.preprocessing import normalize
from sklearn.utils import gen_batches
from sklearn.utils.extmath import randomized_svd

from sk_gene2vec._utils._typing import Array
from sk_gene2vec.encoder._inference import WIDE_LOGITS, WIDE_PENALTY, WIDE_ROUNDS

Strips: TypeAlias = Callable[[Callable[[slice], Array], Array], Array]

# The most bytes of the counts of common genes. They are square in the gene sets.
_MAX_COUNTS = 2**30

# Gene sets that are worked on at a time.
_STRIP = 64


def wide_coef(
    X: sp.csr_array, n_inputs: int, n_threads: int = 1, penalty: float = WIDE_PENALTY
) -> sp.csr_array:
    """Find for every gene set the few others that predict it, and their weights.

    The inputs of a set are found by orthogonal matching pursuit: those whose genes are
    most like what the inputs found so far leave over of the set. So a near copy is
    followed by sets that tell something else, those that exclude a membership among
    them. The weights are a ridge regression of the set on its inputs alone.

    Parameters
    ----------
    X : csr_array of shape (n_genes, n_gene_sets)
        Memberships, a one for each.
    n_inputs : int
        The most inputs of a set.
    n_threads : int, default=1
        Threads to use. The result does not depend on it.
    penalty : float, default=5
        Of the ridge regression, in genes.

    Returns
    -------
    csr_array of shape (n_gene_sets, n_gene_sets), float32
        ``X @ coef`` adds to the logits. The diagonal is zero, no column has more than
        `n_inputs` entries.

    Notes
    -----
    The counts of genes that two sets share take 2 bytes times ``n_gene_sets ** 2`` for
    up to 65,535 genes. Collections too large for 1 GB are split into blocks of similar
    sets, which know nothing of each other.

    References
    ----------
    X. Ning and G. Karypis, "SLIM: Sparse linear methods for top-N recommender systems",
    ICDM 2011.

    Y. C. Pati et al., "Orthogonal matching pursuit: recursive function approximation
    with applications to wavelet decomposition", Asilomar 1993.
    """
    n_genes, n_sets = X.shape
    by_set = sp.csr_array(X.T, dtype=np.min_scalar_type(n_genes))
    sizes = np.diff(by_set.indptr)
    # Empty sets and those of all genes tell nothing of a gene.
    useful = np.flatnonzero((sizes > 0) & (sizes < n_genes)).astype(np.int32)
    if not n_inputs or len(useful) < 2:
        return sp.csr_array((n_sets, n_sets), dtype=np.float32)
    parts = []
    with ThreadPoolExecutor(n_threads) as pool:
        for sets in _similar_blocks(by_set, useful):
            in_strips = partial(_in_strips, pool)
            inputs, weights = _pursue(by_set[sets], n_inputs, penalty, in_strips)
            targets = np.repeat(sets, inputs.shape[1])
            parts.append((WIDE_LOGITS * weights.ravel(), sets[inputs].ravel(), targets))
    values, *places = map(np.concatenate, zip(*parts, strict=True))
    coef = sp.csr_array((values, places), shape=(n_sets, n_sets))
    coef.eliminate_zeros()
    return coef


def averaged(
    coefs: tuple[sp.csr_array, sp.csr_array], shares: Array, n_inputs: int
) -> sp.csr_array:
    """Average the weights of two parts of the genes; keep the largest ones.

    Parameters
    ----------
    coefs : two csr_array of shape (n_gene_sets, n_gene_sets)
        Weights.
    shares : ndarray of shape (n_gene_sets,)
        For each gene set, a column, how much the first part counts, in [0, 1].
    n_inputs : int
        The most entries of a column.

    Returns
    -------
    csr_array of shape (n_gene_sets, n_gene_sets), float32
    """
    parts = zip(coefs, (shares, 1 - shares), strict=True)
    mean = sp.csc_array(sum(coef @ sp.diags_array(share) for coef, share in parts))
    columns = np.repeat(np.arange(mean.shape[1]), np.diff(mean.indptr))
    order = np.lexsort((-np.abs(mean.data), columns))
    place = np.empty(mean.nnz, dtype=np.intp)
    place[order] = np.arange(mean.nnz) - mean.indptr[columns]
    mean.data[place >= n_inputs] = 0
    mean.eliminate_zeros()
    return sp.csr_array(mean, dtype=np.float32)


def _in_strips(pool: Executor, work: Callable[[slice], Array], out: Array) -> Array:
    """Compute the rows of `out` by strips, in threads."""

    def fill(rows: slice) -> None:
        out[rows] = work(rows)

    for _ in pool.map(fill, gen_batches(len(out), _STRIP)):
        pass
    return out


def _similar_blocks(by_set: sp.csr_array, sets: Array) -> list[Array]:
    """Split gene sets into blocks of similar ones whose counts are not too large.

    Each cut is at the median of the singular vector along which the sets differ most.
    """
    most = int((_MAX_COUNTS / by_set.dtype.itemsize) ** 0.5)
    blocks = [sets]
    if len(sets) > most:
        rows = normalize(by_set.astype(np.float32))
        vectors, *_ = randomized_svd(rows, 16, n_iter=2, random_state=0)
    while len(blocks[0]) > most:
        halves = []
        for block in blocks:
            along = vectors[block].var(axis=0).argmax()
            block = block[np.argsort(vectors[block, along], kind="stable")]
            halves += [np.sort(half) for half in np.array_split(block, 2)]
        blocks = sorted(halves, key=len, reverse=True)
    return blocks


def _pursue(
    by_set: sp.csr_array, n_inputs: int, penalty: float, in_strips: Strips
) -> tuple[Array, Array]:
    """Choose the inputs of each set and weigh them.

    Parameters
    ----------
    by_set : csr_array of shape (n_gene_sets, n_genes)
        Memberships, gene sets in rows.
    n_inputs : int
        Number of inputs of a set; fewer if there are no others.
    penalty : float
        Of the ridge regression.
    in_strips : callable
        Computes the rows of an array by strips, in place.

    Returns
    -------
    inputs, weights : ndarray of shape (n_gene_sets, n_inputs)
        Inputs of every set, and their weights.
    """
    n_sets = by_set.shape[0]
    by_gene = sp.csr_array(by_set.T)
    counts = in_strips(
        lambda rows: (by_set[rows] @ by_gene).toarray(),
        np.empty((n_sets, n_sets), dtype=by_set.dtype),
    )
    inputs = np.empty((n_sets, 0), dtype=np.intp)
    weights = np.empty((n_sets, 0), dtype=np.float32)
    for round_ in np.array_split(np.arange(min(n_inputs, n_sets - 1)), WIDE_ROUNDS):
        more = partial(_further_inputs, counts, inputs, weights, len(round_))
        found = in_strips(more, np.empty((n_sets, len(round_)), dtype=np.intp))
        inputs = np.hstack([inputs, found])
        weights = np.empty(inputs.shape, dtype=np.float32)
        in_strips(partial(_ridge, counts, inputs, penalty), weights)
    return inputs, weights


def _further_inputs(
    counts: Array, inputs: Array, weights: Array, n_more: int, rows: slice
) -> Array:
    """Choose inputs of some sets: the most like what the present ones leave over."""
    left = np.abs(_left_over(counts, inputs[rows], weights[rows], rows))
    # Genes that sets of a few genes share by chance count less.
    left /= np.sqrt(counts.diagonal().astype(np.float32) + 5)
    # Neither the set itself nor inputs that it has.
    left[np.arange(len(left)), np.arange(rows.start, rows.stop)] = -1
    np.put_along_axis(left, inputs[rows], -1, axis=1)
    last = left.shape[1] - n_more
    return np.argpartition(left, min(last, left.shape[1] - 1), axis=1)[:, last:]


def _left_over(counts: Array, inputs: Array, weights: Array, rows: slice) -> Array:
    """Genes that some sets share with each set, less those that inputs explain."""
    left = counts[rows].astype(np.float32)
    if inputs.shape[1]:
        for row, own, weight in zip(left, inputs, weights, strict=True):
            # Not BLAS: its threads would compete with those that work on the strips.
            row -= np.einsum("k,ks->s", weight, counts[own].astype(np.float32))
    return left


def _ridge(counts: Array, inputs: Array, penalty: float, rows: slice) -> Array:
    """Regress some sets on their inputs."""
    own = inputs[rows]
    gram = counts[own[:, :, np.newaxis], own[:, np.newaxis, :]].astype(np.float64)
    gram += penalty * np.eye(own.shape[1])
    shared = np.take_along_axis(counts[rows], own, axis=1).astype(np.float64)
    solution = np.linalg.solve(gram, shared[:, :, np.newaxis])
    return solution[:, :, 0].astype(np.float32)
