"""Probabilities of memberships: the network's logits, and votes of similar genes."""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from scipy.optimize import brentq
from scipy.special import expit, logit
from sklearn.utils import gen_batches

from sk_gene2vec._utils._memberships import row_blocks
from sk_gene2vec._utils._typing import Array
from sk_gene2vec._utils._vectors import largest, unit_rows
from sk_gene2vec.encoder._inference import Layers, decode_logits, hidden_outputs

# Chosen by the memberships that later releases of GO and Reactome added to MSigDB v7.1,
# see benchmarks/README.md. The optimum is flat: 20 or 50 neighbours and 5 or 30 prior
# votes do as well.
N_NEIGHBORS = 30
PRIOR_VOTES = 10.0
LOGIT_SLOPE = 0.2
VOTE_SLOPE = 2 / 3

# Number of probabilities that are computed at a time, so that they stay in the cache.
_SLICE_SIZE = 2**20

# Number of pairs to set the level by. More would not change it.
_LEVEL_PAIRS = 2**21

# The largest log-odds that a shift is found for.
_LARGEST = 1e6


class Genes(NamedTuple):
    """The genes that vote: those of the last fit.

    Attributes
    ----------
    embedding : ndarray of shape (n_genes, embedding_dim)
        Their vectors.
    memberships : csr_array of shape (n_genes, n_gene_sets)
        The gene sets that they vote for.
    """

    embedding: Array
    memberships: sp.csr_array

    @property
    def prior(self) -> Array:
        """Votes of `PRIOR_VOTES` genes drawn at random, shape (n_gene_sets,)."""
        n_genes, n_sets = self.memberships.shape
        sizes = np.bincount(self.memberships.indices, minlength=n_sets)
        return PRIOR_VOTES * (sizes + 0.5) / (n_genes + 1)


def neighbor_weights(embedding: Array, genes: Array) -> sp.csr_array:
    """Weight the nearest genes by the third power of the cosine, or 0 if negative.

    Parameters
    ----------
    embedding : ndarray of shape (n_rows, embedding_dim)
        Vectors whose neighbours are wanted.
    genes : ndarray of shape (n_genes, embedding_dim)
        Vectors of the genes that may be neighbours.

    Returns
    -------
    csr_array of shape (n_rows, n_genes)
        `N_NEIGHBORS` weights per row, or one per gene if there are fewer genes.
    """
    # Not scikit-learn's NearestNeighbors: after a fork, its threads may wait forever,
    # and with metric="cosine", which has no threads, it takes five times as long.
    units, of_genes = unit_rows(embedding), unit_rows(genes).astype(embedding.dtype)
    shape = len(units), len(of_genes)
    k = min(N_NEIGHBORS, len(genes))
    nearest, weights = np.empty((len(units), k), dtype=np.intp), []
    for rows in row_blocks(shape):
        cosines = units[rows] @ of_genes.T
        nearest[rows] = largest(cosines, k)
        weights.append(np.take_along_axis(cosines, nearest[rows], axis=1))
    cosines = np.concatenate([*weights, np.empty((0, k))])
    with np.errstate(under="ignore"):
        values = np.maximum(cosines, 0) ** 3
    starts = np.arange(0, nearest.size + 1, k)
    return sp.csr_array(
        (values.ravel().astype(embedding.dtype), nearest.ravel(), starts), shape=shape
    )


def decode(
    embedding: Array,
    layers: Layers,
    genes: Genes,
    shift: float,
    gene_sets: slice = slice(None),
) -> Array:
    """Compute probabilities of some gene sets, all by default.

    Returns
    -------
    ndarray of shape (n_rows, n_gene_sets)
        Each entry is a probability of its own.
    """
    n_sets = len(layers.intercepts[-1][gene_sets])
    probability = np.empty((len(embedding), n_sets), dtype=embedding.dtype)
    blocks = log_odds(embedding, layers, genes, gene_sets, out=probability)
    # exp overflows to infinity where the probability is zero.
    with np.errstate(over="ignore", under="ignore"):
        for p in blocks:
            # The sigmoid, in place.
            p += embedding.dtype.type(shift)
            np.negative(p, out=p)
            np.exp(p, out=p)
            p += 1
            np.reciprocal(p, out=p)
    return probability


def log_odds(
    embedding: Array, layers: Layers, genes: Genes, gene_sets: slice, *, out: Array
) -> Iterator[Array]:
    """Compute log-odds up to a common shift, and yield them by blocks of rows of `out`.

    They are ``LOGIT_SLOPE * logit + VOTE_SLOPE * log(votes + prior)``.
    """
    dtype = embedding.dtype
    layers = layers.astype(dtype)
    hidden = hidden_outputs(embedding, layers)[-1]
    prior = genes.prior[gene_sets].astype(dtype)
    # Everything except the votes goes into the product with the last layer.
    bias = LOGIT_SLOPE * layers.intercepts[-1][gene_sets] + VOTE_SLOPE * np.log(prior)
    weight = np.vstack([LOGIT_SLOPE * layers.coefs[-1][:, gene_sets], bias])
    weight = weight.astype(dtype)
    hidden = np.column_stack([hidden, np.ones(len(hidden), dtype)])
    weights = neighbor_weights(embedding, genes.embedding)
    members = genes.memberships[:, gene_sets].astype(dtype)
    for rows in gen_batches(len(hidden), max(1, _SLICE_SIZE // len(bias))):
        block = np.matmul(hidden[rows], weight, out=out[rows])
        votes = (weights[rows] @ members).tocoo()
        more = np.log1p(votes.data / prior[votes.col])
        block[votes.row, votes.col] += VOTE_SLOPE * more
        yield block


def log_odds_at_most(
    embedding: Array, layers: Layers, genes: Genes, column: int
) -> Array:
    """Bound the log-odds of a gene set, up to the shift, by votes of all its genes."""
    members = genes.memberships[:, [column]].toarray().ravel() > 0
    units, voters = unit_rows(embedding), unit_rows(genes.embedding[members])
    votes = np.empty(len(units))
    for rows in row_blocks((len(units), max(1, len(voters)))):
        cosines = np.maximum(units[rows] @ voters.T, 0)
        with np.errstate(under="ignore"):
            votes[rows] = (cosines**3).sum(axis=1)
    chosen = slice(column, column + 1)
    logits = decode_logits(embedding, layers.astype(embedding.dtype), chosen)[:, 0]
    bound = LOGIT_SLOPE * logits + VOTE_SLOPE * np.log(votes + genes.prior[column])
    # With a margin for rounding.
    return np.asarray(bound + 1e-4)


def level(layers: Layers, genes: Genes, completeness: float) -> float:
    """Find the shift with which as many memberships are expected as are missing.

    A collection with a share `completeness` of the true memberships lacks ``(1 -
    completeness) / completeness`` memberships per listed one. The shift is set on a
    sample of the genes, evenly spaced in the order of their number of memberships, and
    with many gene sets on every n-th pair.

    Returns
    -------
    float
        Shift for :func:`decode`.
    """
    # The probabilities of a gene without a vector are the frequencies of the sets.
    known = np.flatnonzero(genes.embedding.any(axis=1))
    n_sets = genes.memberships.shape[1]
    n_sampled = min(len(known), max(100, _LEVEL_PAIRS // n_sets))
    by_size = np.argsort(np.diff(genes.memberships.indptr)[known], kind="stable")
    places = ((np.arange(n_sampled) + 0.5) * len(known) / n_sampled).astype(int)
    rows = np.sort(known[by_size[places]])
    listed = genes.memberships[rows]
    values = np.empty(listed.shape, dtype=genes.embedding.dtype)
    for _ in log_odds(genes.embedding[rows], layers, genes, slice(None), out=values):
        pass
    open_ = np.ones(listed.shape, dtype=bool)
    open_[listed.nonzero()] = False
    step = max(1, values.size // _LEVEL_PAIRS)
    # With a common divisor, all rows would be sampled in the same gene sets.
    while gcd(step, n_sets) > 1:
        step += 1
    sample = values.ravel()[::step][open_.ravel()[::step]]
    return level_of(sample, (1 / completeness - 1) * listed.nnz / step)


def level_of(logits: Array, n_expected: float) -> float:
    """Find the shift of log-odds with which `n_expected` pairs are expected to be true.

    At most half of the pairs are expected to be. If none is, the shift is 0.
    """
    n_expected = min(n_expected, len(logits) / 2)
    if not n_expected:
        return 0.0
    # Beyond this, probabilities are 0 or 1 with any shift.
    logits = np.clip(logits, -_LARGEST, _LARGEST)
    # With these shifts all probabilities are too small, or too large.
    target = logit(n_expected / len(logits))
    bounds = target - logits.max() - 1, target - logits.min() + 1

    def surplus(shift: float) -> float:
        probabilities = expit(logits + logits.dtype.type(shift))
        return float(probabilities.sum(dtype=np.float64)) - n_expected

    return float(brentq(surplus, *bounds))
