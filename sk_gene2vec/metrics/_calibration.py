"""Calibration of logits, by the number of memberships of a gene."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from scipy.optimize import minimize
from scipy.special import expit

from sk_gene2vec._utils._typing import Array
from sk_gene2vec.metrics._held_out import (
    Predictions,
    entries,
    split_memberships,
)

# Share of the true memberships that a collection is taken to lack.
_MISSING_SHARE = 0.1
MISSING_PER_LISTED = _MISSING_SHARE / (1 - _MISSING_SHARE)

# Numbers of memberships that have slopes and a shift of their own.
_KNOTS = np.array([*range(1, 10), *np.outer(10 ** np.arange(1, 9), [1, 2, 5]).ravel()])

# The most pairs to look at, of genes with hidden memberships and of whole genes. More
# would take longer than they are worth.
_MAX_PAIRS_HELD_OUT = 3 * 10**7
_MAX_PAIRS_WHOLE = 9 * 10**7

# Logits are counted in narrow bins. The outermost take all logits beyond them.
_BINS_PER_UNIT = 16
_BIN_CENTRES = np.arange(-1024, 1025) / _BINS_PER_UNIT
_HALVES = np.array([np.minimum(_BIN_CENTRES, 0), np.maximum(_BIN_CENTRES, 0)])

# Genes are counted in groups of about the same number of memberships.
_GROUPS_PER_OCTAVE = 8
_N_GROUPS = 30 * _GROUPS_PER_OCTAVE

# Standard deviations of the prior: of the values at the knots, and of the differences
# between neighbours. They matter where few memberships are hidden or missing.
_PRIOR_LOG_SLOPES = [(0.5, 0.3), (4.0, 0.3)]
_PRIOR_SHIFT = (100.0, 3.0)


class HeldOut(NamedTuple):
    """Genes to calibrate on, and memberships that training does not see.

    Attributes
    ----------
    genes : ndarray of shape (n_held_out,), int
        Rows of the training matrix that have memberships hidden.
    shown, hidden : csr_array of shape (n_held_out, n_gene_sets)
        The memberships of these rows that are left, and those that are not.
    whole : ndarray of int
        Rows to look at with nothing hidden: all, or a sample with genes of every size.
    listed : csr_array of shape (n_whole, n_gene_sets)
        Their memberships.
    """

    genes: Array
    shown: sp.csr_array
    hidden: sp.csr_array
    whole: Array
    listed: sp.csr_array


def hold_out(
    X: sp.csr_array,
    fraction: float,
    random_state: np.random.RandomState,
    counts: Array | None = None,
) -> tuple[sp.csr_array, HeldOut | None]:
    """Hide memberships of some genes from training.

    The share that is hidden is the share that the collection is taken to lack, a ninth
    of what it lists. At least one membership of a gene is hidden, and one stays.

    Parameters
    ----------
    X : csr_array of shape (n_rows, n_gene_sets)
        Memberships.
    fraction : float
        Share of the rows with two memberships or more to hide some of, without a row
        that stands for more than half of the genes. It is less for a large collection,
        for at most thirty million pairs.
    random_state : RandomState
        Source of the choice.
    counts : ndarray of shape (n_rows,), int, or None
        Number of genes that each row stands for; None is one.

    Returns
    -------
    X : csr_array of shape (n_rows, n_gene_sets)
        What is left to train on.
    held_out : HeldOut or None
        None if `fraction` is zero or X empty. It has no `genes` if there is no such
        row.
    """
    if not fraction or not X.nnz:
        return X, None
    sizes = np.diff(X.indptr)
    counts = np.ones(len(sizes), dtype=int) if counts is None else counts
    # A row that most genes share keeps its memberships: no other row tells of them.
    genes = np.flatnonzero((sizes >= 2) & (2 * counts <= counts.sum()))
    n_genes = int(np.ceil(fraction * len(genes)))
    n_genes = min(n_genes, max(1, _MAX_PAIRS_HELD_OUT // X.shape[1]))
    genes = np.sort(random_state.permutation(genes)[:n_genes])
    shown, hidden = X[genes], sp.csr_array((len(genes), X.shape[1]), dtype=X.dtype)
    if n_genes:
        shown, hidden = split_memberships(
            shown,
            hidden_fraction=MISSING_PER_LISTED,
            min_memberships=2,
            random_state=random_state,
        )
    places = genes[entries(hidden)[0]], hidden.indices
    rest = sp.csr_array(X - sp.csr_array((hidden.data, places), shape=X.shape))
    rest.eliminate_zeros()
    rows = np.repeat(np.arange(len(sizes)), np.where(sizes > 0, counts, 0))
    rows = random_state.permutation(rows)
    whole = _of_all_sizes(rows, sizes[rows], max(1, _MAX_PAIRS_WHOLE // X.shape[1]))
    return rest, HeldOut(genes, shown, hidden, whole, X[whole])


def _of_all_sizes(rows: Array, sizes: Array, most: int) -> Array:
    """Take at most so many rows, equally many of each size if there are enough."""
    nearest = np.searchsorted(np.sqrt(_KNOTS[1:] * _KNOTS[:-1]), sizes)
    order = np.argsort(nearest, kind="stable")
    starts = np.searchsorted(nearest[order], nearest[order])
    place = np.arange(len(rows)) - starts
    return np.sort(rows[order[np.argsort(place, kind="stable")[:most]]])


def fit_calibration(
    held_out: Iterable[Predictions], whole: Iterable[Predictions]
) -> Array:
    """Fit slopes and shifts that turn logits into probabilities.

    The probability is ``sigmoid(below * min(z, 0) + above * max(z, 0) + shift)`` for a
    logit z. Both slopes and the shift go by the gene's number of memberships. The
    slopes are learned from held-out memberships. The shifts are set so that a gene with
    m listed memberships is expected to have m / 9 that are not listed: a tenth of the
    true ones is taken to be missing. No gene is expected to be in more than half of the
    sets that do not list it.

    Parameters
    ----------
    held_out : iterable of Predictions
        Logits of genes, the memberships that they were computed from, and the hidden
        ones.
    whole : iterable of Predictions
        Logits and memberships of genes with nothing hidden, a sample of all sizes.

    Returns
    -------
    ndarray of shape (n_knots, 4)
        Number of memberships, both slopes, and shift. In between, they are linear in
        the logarithm of the number, and constant outside, as in
        :func:`slopes_and_shifts`. Slopes are positive.

    References
    ----------
    J. Platt, "Probabilistic outputs for support vector machines and comparisons to
    regularized likelihood methods", 1999.

    C. Elkan and K. Noto, "Learning classifiers from only positive and unlabeled
    data", KDD 2008.
    """
    tallies = _tally(held_out), _tally(whole)
    largest = max(tally.sizes.max(initial=1) for tally in tallies)
    knots = _KNOTS[: np.searchsorted(_KNOTS, largest) + 1]
    slopes = _fit_slopes(tallies[0], knots)
    return np.column_stack([knots, *slopes, _fit_shifts(tallies[1], knots, slopes)])


def slopes_and_shifts(calibration: Array, sizes: Array) -> Array:
    """Slopes and shifts of genes, shape (3, n_genes), by number of memberships."""
    knots = np.log(calibration[:, 0])
    sizes = np.log(np.maximum(sizes, 1))
    return np.array([np.interp(sizes, knots, x) for x in calibration[:, 1:].T])


class _Tally(NamedTuple):
    """Genes, pairs and logits, by number of memberships.

    Attributes
    ----------
    sizes : ndarray of shape (n_groups,)
        Mean number of memberships of the genes of a group.
    unlisted, hidden : ndarray of shape (n_groups, n_bins)
        Pairs of a gene and a set that does not list it, and those that are hidden
        memberships, by logit.
    missing : ndarray of shape (n_groups,)
        Number of memberships that the collection is taken to lack.
    halves : ndarray of shape (2, n_bins)
        Negative and positive parts of the logits.
    """

    sizes: Array
    unlisted: Array
    hidden: Array
    missing: Array
    halves: Array


def _tally(blocks: Iterable[Predictions]) -> _Tally:
    """Count the pairs of all blocks."""
    n_bins = len(_BIN_CENTRES)
    unlisted, hidden = np.zeros((2, _N_GROUPS, n_bins))
    n_genes, n_listed, missing = np.zeros((3, _N_GROUPS))
    for block in blocks:
        n_shown, n_hidden = np.diff(block.visible.indptr), np.diff(block.hidden.indptr)
        groups = _GROUPS_PER_OCTAVE * np.log2(np.maximum(n_shown, 1))
        groups = np.rint(groups).astype(int)
        bins = np.rint((block.scores - _BIN_CENTRES[0]) * _BINS_PER_UNIT)
        bins = np.clip(bins, 0, n_bins - 1).astype(np.int32)
        found = entries(block.hidden)
        np.add.at(hidden, (groups[found[0]], bins[found]), 1)
        # One bin more, which is dropped, takes all other pairs.
        bins[found] = bins[entries(block.visible)] = n_bins
        for group, row in zip(groups, bins, strict=True):
            unlisted[group] += np.bincount(row, minlength=n_bins + 1)[:n_bins]
        n_open = bins.shape[1] - n_shown - n_hidden
        lacking = np.minimum(MISSING_PER_LISTED * (n_shown + n_hidden), n_open / 2)
        for total, values in ((n_genes, 1), (n_listed, n_shown), (missing, lacking)):
            np.add.at(total, groups, values)
    used = n_genes > 0
    sizes = np.maximum(n_listed[used] / n_genes[used], 1)
    # Of a small collection, most bins are empty.
    filled = (unlisted + hidden).any(axis=0)
    counts = unlisted[used][:, filled], hidden[used][:, filled]
    return _Tally(sizes, *counts, missing[used], _HALVES[:, filled])


def _fit_slopes(tally: _Tally, knots: Array) -> Array:
    """Find the slopes under which the hidden memberships are most probable.

    A true membership that is not shown is either hidden, with a known probability, or
    missing from the collection. The shifts found along with the slopes are dropped:
    genes with hidden memberships have more true ones to find than whole genes.
    """
    at_knots = _interpolation(tally.sizes, knots)
    n_hidden = tally.hidden.sum(axis=1)
    share = (n_hidden / (n_hidden + tally.missing + 1e-6))[:, None]

    def loss(log_below: Array, log_above: Array, shifts: Array) -> tuple[float, Array]:
        slopes = np.exp([log_below, log_above])
        u = at_knots @ slopes.T @ tally.halves + (at_knots @ shifts)[:, None]
        true = expit(u)
        found = share * true
        value = (tally.hidden * np.logaddexp(0, -u)).sum()
        value -= (tally.unlisted * np.log1p(-found)).sum()
        by_u = (1 - true) * (tally.unlisted * found / (1 - found) - tally.hidden)
        by_slopes = (by_u @ tally.halves.T).T @ at_knots * slopes
        return value, np.vstack([by_slopes, by_u.sum(axis=1) @ at_knots])

    priors = [*_PRIOR_LOG_SLOPES, _PRIOR_SHIFT]
    return np.exp(_minimize(loss, priors, len(knots))[:2])


def _fit_shifts(tally: _Tally, knots: Array, slopes: Array) -> Array:
    """Find the shifts under which as many memberships are expected as are missing."""
    at_knots = _interpolation(tally.sizes, knots)
    logits = at_knots @ slopes.T @ tally.halves

    def loss(shifts: Array) -> tuple[float, Array]:
        # Its gradient is what is expected less what is missing.
        u = logits + (at_knots @ shifts)[:, None]
        value = (tally.unlisted * np.logaddexp(0, u)).sum()
        value -= tally.missing @ at_knots @ shifts
        expected = (tally.unlisted * expit(u)).sum(axis=1)
        return value, (expected - tally.missing) @ at_knots

    return _minimize(loss, [_PRIOR_SHIFT], len(knots))[0]


def _interpolation(sizes: Array, knots: Array) -> Array:
    """Weights of the knots at some numbers of memberships, shape (n_sizes, n_knots)."""
    identity = np.eye(len(knots))
    return np.array([np.interp(np.log(sizes), np.log(knots), x) for x in identity]).T


def _minimize(
    loss: Callable[..., tuple[float, Array]],
    priors: list[tuple[float, float]],
    n_knots: int,
) -> Array:
    """Minimise a loss plus a normal prior, over a row of numbers for each prior.

    A prior has the standard deviations of the numbers, and of the differences between
    neighbours.
    """
    scale, step = np.array(priors).T[:, :, None]

    def total(x: Array) -> tuple[float, Array]:
        rows = x.reshape(len(priors), n_knots)
        value, gradient = loss(*rows)
        differences = np.diff(rows, axis=1) / step**2
        pull = rows / scale**2 - np.diff(differences, axis=1, prepend=0, append=0)
        return value + 0.5 * (rows * pull).sum(), (gradient + pull).ravel()

    start = np.zeros(len(priors) * n_knots)
    # Some dozen numbers. L-BFGS-B takes four times as many steps, each of which wakes
    # all threads of LAPACK: seconds on a busy machine.
    options = {"maxiter": 1000, "gtol": 1e-4}
    found = minimize(total, start, jac=True, method="BFGS", options=options)
    return np.reshape(found.x, (len(priors), n_knots))
