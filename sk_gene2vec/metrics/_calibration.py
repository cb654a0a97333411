"""Probabilities that mean something: held-out memberships set scale and shift."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from scipy.optimize import brentq, minimize
from scipy.special import expit

from sk_gene2vec.metrics._held_out import Array, entries, split_memberships

# Share of the true memberships that a collection is taken to lack.
MISSING_SHARE = 0.1

# Genes with fewer memberships are not held out from, as in the held-out scores.
MIN_MEMBERSHIPS = 5

# Standard deviations of the prior of log(slope) and shift: they only matter where
# next to nothing was held out.
_PRIOR = np.array([0.5, 5.0])

# Missing memberships that are enough to set a level by.
_ENOUGH = 100

# Narrow bins for logits; what lies outside goes into the outermost.
_BINS_PER_UNIT = 64
_BIN_CENTRES = np.arange(-4096, 4097) / _BINS_PER_UNIT

# Pairs that are looked at, at most: more would take longer than they are worth.
_MAX_PAIRS = 3 * 10**7


class HeldOut(NamedTuple):
    """Some genes, the memberships that training sees, and those that it does not.

    Attributes
    ----------
    genes : ndarray of shape (n_held_out,), int
        Rows of the training matrix.
    shown, hidden : csr_array of shape (n_held_out, n_gene_sets)
        Their memberships.
    whole : ndarray of int
        As many other rows, with nothing hidden, where there are.
    """

    genes: Array
    shown: sp.csr_array
    hidden: sp.csr_array
    whole: Array


def hold_out(
    X: sp.csr_array, fraction: float, random_state: np.random.RandomState
) -> tuple[sp.csr_array, HeldOut | None]:
    """Hide memberships of some genes from training.

    As many are hidden as the collection is taken to lack of those that it lists.

    Parameters
    ----------
    X : csr_array of shape (n_genes, n_gene_sets)
        Memberships.
    fraction : float
        Share of the genes with five memberships or more that lose some. Of a large
        collection fewer do, so that the pairs to look at stay below thirty million.
    random_state : RandomState
        Source of the choice.

    Returns
    -------
    X : csr_array of shape (n_genes, n_gene_sets)
        What is left to train on.
    held_out : HeldOut or None
        None where no gene has memberships enough, or `fraction` is zero.
    """
    genes = np.flatnonzero(np.diff(X.indptr) >= MIN_MEMBERSHIPS)
    n_genes = int(np.ceil(fraction * len(genes)))
    n_genes = min(n_genes, max(1, _MAX_PAIRS // X.shape[1]))
    if not n_genes:
        return X, None
    shuffled = random_state.permutation(genes)
    genes, whole = np.sort(shuffled[:n_genes]), np.sort(shuffled[n_genes : 2 * n_genes])
    shown, hidden = split_memberships(
        X[genes],
        hidden_fraction=MISSING_SHARE / (1 - MISSING_SHARE),
        min_memberships=MIN_MEMBERSHIPS,
        random_state=random_state,
    )
    rows, columns = entries(hidden)
    removed = sp.csr_array((hidden.data, (genes[rows], columns)), shape=X.shape)
    rest = sp.csr_array(X - removed)
    rest.eliminate_zeros()
    return rest, HeldOut(genes, shown, hidden, whole)


def fit_calibration(
    blocks: Iterable[tuple[Array, sp.csr_array, sp.csr_array]],
    whole: Iterable[tuple[Array, sp.csr_array]] = (),
) -> Array:
    """Fit ``probability = sigmoid(slope * logit + shift)`` to pairs not shown.

    Parameters
    ----------
    blocks : iterable of (logits, shown, hidden)
        Logits of the network for some held-out genes, an ndarray of shape (n_rows,
        n_gene_sets), the memberships that they were computed from, and those to
        find, CSR arrays of the same shape.
    whole : iterable of (logits, shown)
        The same for genes with nothing hidden.

    Returns
    -------
    ndarray of shape (2,)
        Slope, which is positive, and shift.

    References
    ----------
    J. Platt, "Probabilistic outputs for support vector machines and comparisons to
    regularized likelihood methods", 1999.

    C. Elkan and K. Noto, "Learning classifiers from only positive and unlabeled
    data", KDD 2008.
    """
    positives: list[Array] = []
    counts = np.zeros(len(_BIN_CENTRES))
    for z, shown, hidden in blocks:
        positives.append(z[entries(hidden)])
        # Logits of the absent pairs are many: they are counted in narrow bins.
        counts += _count_in_bins(z.ravel())
        counts -= _count_in_bins(z[entries(shown)])
        counts -= _count_in_bins(positives[-1])
    values = np.concatenate([*positives, _BIN_CENTRES])
    n_positives = sum(map(len, positives))
    weights = np.concatenate([np.ones(n_positives), counts])
    target = np.arange(len(values)) < n_positives

    # As many true memberships are missing from the collection as were hidden from
    # the network, so that a true one was hidden in one case of two: what is found
    # among the pairs not shown follows sigmoid(u) / 2, u the logit of being true.
    # Where nothing is hidden, the odds of being true are half of those.
    half = np.log(2)

    def loss(parameters: Array) -> tuple[float, Array]:
        slope = np.exp(parameters[0])
        u = slope * values + parameters[1]
        total = weights @ np.where(
            target,
            np.logaddexp(0, -u),
            np.logaddexp(0, u) - np.logaddexp(0, u - half),
        )
        residual = weights * (expit(u) - np.where(target, 1, expit(u - half)))
        gradient = np.array([slope * (residual @ values), residual.sum()])
        penalty = parameters / _PRIOR
        return total + 0.5 * (penalty @ penalty), gradient + penalty / _PRIOR

    found = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B")
    slope, shift = np.exp(found.x[0]), found.x[1] - half
    # The more of a gene is shown, the more the network expects: the level is set
    # on genes with nothing hidden, so that the expected number of missing
    # memberships is that of the convention.
    unlisted, n_missing = np.zeros(len(_BIN_CENTRES)), 0.0
    for z, shown in whole:
        unlisted += _count_in_bins(z.ravel()) - _count_in_bins(z[entries(shown)])
        n_missing += shown.nnz * MISSING_SHARE / (1 - MISSING_SHARE)
    if n_missing >= _ENOUGH:
        z = slope * _BIN_CENTRES
        shift = brentq(lambda c: unlisted @ expit(z + c) - n_missing, -100, 100)
    return np.array([slope, shift])


def _count_in_bins(logits: Array) -> Array:
    bins = np.rint((logits - _BIN_CENTRES[0]) * _BINS_PER_UNIT)
    bins = np.clip(bins, 0, len(_BIN_CENTRES) - 1).astype(np.intp)
    return np.bincount(bins, minlength=len(_BIN_CENTRES))
