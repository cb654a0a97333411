"""A reliability table: predicted probabilities next to what was observed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_scalar

from sk_gene2vec._utils._typing import Array, MatrixLike
from sk_gene2vec.metrics._held_out import (
    Predictions,
    check_probabilistic,
    check_probabilities,
    check_split,
    entries,
    genes_to_score,
    predicted_blocks,
)

if TYPE_CHECKING:
    import pandas as pd


def reliability_table(
    estimator: BaseEstimator,
    visible: MatrixLike,
    hidden: MatrixLike,
    *,
    n_bins: int = 10,
    strategy: str = "quantile",
    min_memberships: int | None = None,
) -> pd.DataFrame:
    """Compare predicted probabilities with how often they come true.

    The pairs are those of a gene and a set that the gene is not visibly in: what is
    hidden is observed, all else is not.

    Parameters
    ----------
    estimator : fitted estimator
        With `predict_proba`, of shape (n_genes, n_gene_sets).
    visible, hidden : {array-like, sparse matrix} of shape (n_genes, n_gene_sets)
        As from :func:`split_memberships`, best with ``rounding="random"``: it hides
        the same share of genes with few and with many memberships.
    n_bins : int, default=10
        Number of bins. Those without a pair are left out of the table.
    strategy : {"quantile", "uniform"}, default="quantile"
        "quantile" makes bins of equally many pairs, as far as predictions that differ
        by less than 0.2 % are kept together; "uniform" makes bins of equal width. As
        memberships are rare, nearly all pairs are in the first uniform bin.
    min_memberships : int or None, default=None
        Look at the genes with at least so many memberships, visible and hidden
        together: those that the split could hide memberships of. None looks at the
        genes that have hidden memberships.

    Returns
    -------
    DataFrame of shape (n_bins, 3)
        One row per bin, by ascending prediction. Columns are `mean_predicted`, the mean
        probability; `fraction_observed`, the share of pairs that were hidden
        memberships; and `n_pairs`. The expected calibration error is the mean of
        ``|mean_predicted - fraction_observed|``, weighted by `n_pairs`.

    Raises
    ------
    ValueError, TypeError
        As :func:`held_out_membership_scores`; and if `strategy` is unknown, if no gene
        has `min_memberships`, or if all that have are visibly in every set.

    References
    ----------
    M. P. Naeini, G. F. Cooper and M. Hauskrecht, "Obtaining well calibrated
    probabilities using Bayesian binning", AAAI 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_gene2vec import GeneSetEncoder
    >>> from sk_gene2vec.metrics import reliability_table, split_memberships
    >>> X = np.kron(np.eye(2), np.ones((10, 6)))
    >>> visible, hidden = split_memberships(X, random_state=0)
    >>> encoder = GeneSetEncoder(2, random_state=0).fit(visible)
    >>> table = reliability_table(encoder, visible, hidden, n_bins=5)
    >>> int(table.n_pairs.sum())
    140
    >>> gaps = (table.mean_predicted - table.fraction_observed).abs()
    >>> float(np.average(gaps, weights=table.n_pairs)) < 0.2
    True
    """
    import pandas as pd

    check_scalar(n_bins, "n_bins", Integral, min_val=1)
    if strategy not in ("quantile", "uniform"):
        raise ValueError(
            f"Expected strategy 'quantile' or 'uniform', got {strategy!r}."
        )
    check_probabilistic(estimator, "a reliability table")
    visible, hidden = check_split(estimator, visible, hidden)
    genes = _genes_to_look_at(visible, hidden, min_memberships)
    uniform = partial(_uniform_bins, n_bins=n_bins)
    bin_of: Callable[[Array], Array] = uniform if strategy == "uniform" else _bit_bins
    counts = np.zeros((3, int(bin_of(np.ones(1))[0]) + 1))
    for block in predicted_blocks(estimator, visible, hidden, genes):
        check_probabilities(block.scores)
        counts += _count(block, bin_of, counts.shape[1])
    counts = counts[:, counts[0] > 0]
    if strategy == "quantile":
        counts = _merge(counts, n_bins)
    n_pairs, predicted, observed = counts
    return pd.DataFrame(
        {
            "mean_predicted": predicted / n_pairs,
            "fraction_observed": observed / n_pairs,
            "n_pairs": n_pairs.astype(np.int64),
        }
    )


def _genes_to_look_at(
    visible: sp.csr_array, hidden: sp.csr_array, min_memberships: int | None
) -> Array:
    if min_memberships is None:
        return genes_to_score(visible, hidden, None, None)
    check_scalar(min_memberships, "min_memberships", Integral, min_val=1)
    n_visible = np.diff(visible.indptr)
    sizes = n_visible + np.diff(hidden.indptr)
    enough = sizes >= min_memberships
    if not enough.any():
        raise ValueError(
            f"Expected genes with at least min_memberships={min_memberships} "
            f"memberships, got at most {sizes.max()} a gene; lower min_memberships."
        )
    enough &= n_visible < visible.shape[1]
    if not enough.any():
        raise ValueError(
            "Expected genes with sets that they are not visibly in, got genes that are "
            "visibly in every set; hide memberships, or use more gene sets."
        )
    return np.flatnonzero(enough)


def _count(block: Predictions, bin_of: Callable[[Array], Array], n_bins: int) -> Array:
    """Pairs, sum of predictions and hidden memberships in every bin."""
    p = block.scores
    bins = bin_of(p)
    found = np.bincount(bins[entries(block.hidden)], minlength=n_bins)
    candidate = np.ones(p.shape, dtype=bool)
    candidate[entries(block.visible)] = False
    bins, p = bins[candidate], p[candidate]
    n_pairs = np.bincount(bins, minlength=n_bins)
    return np.array([n_pairs, np.bincount(bins, weights=p, minlength=n_bins), found])


def _merge(counts: Array, n_bins: int) -> Array:
    """Merge narrow bins into `n_bins` of about as many pairs each."""
    middle = np.cumsum(counts[0]) - counts[0] / 2
    merged = (middle * n_bins / counts[0].sum()).astype(int)
    starts = np.flatnonzero(np.diff(merged, prepend=-1))
    return np.add.reduceat(counts, starts, axis=1)


def _uniform_bins(p: Array, n_bins: int) -> Array:
    """Bins of equal width."""
    return np.minimum(np.multiply(p, n_bins).astype(int), n_bins - 1)


def _bit_bins(p: Array) -> Array:
    """Bins of 0.2 % relative width: the leading bits of a float order as it does."""
    return np.abs(p).astype(np.float32).view(np.int32) >> 14
