"""Whether predicted probabilities of memberships come true."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils.validation import check_scalar

from sk_gene2vec.metrics._held_out import (
    Array,
    check_probabilistic,
    check_probabilities,
    check_split,
    entries,
    genes_to_score,
    predicted_blocks,
)


def reliability_table(
    estimator: Any,
    visible: Any,
    hidden: Any,
    *,
    n_bins: int = 10,
    strategy: str = "quantile",
) -> Bunch:
    """Compare predicted probabilities with how often they come true.

    The pairs are those of a gene that has hidden memberships and a set that the gene
    is not visibly in: what is hidden is observed, all else is not.

    Parameters
    ----------
    estimator : fitted estimator
        With `predict_proba`, of shape (n_genes, n_gene_sets).
    visible, hidden : {array-like, sparse matrix} of shape (n_genes, n_gene_sets)
        As from :func:`split_memberships`.
    n_bins : int, default=10
        Number of bins. Those without a pair are left out of the table.
    strategy : {"quantile", "uniform"}, default="quantile"
        "quantile" makes bins of equally many pairs, as far as predictions that differ
        by less than 0.2 % are kept together; "uniform" makes bins of equal width. As
        memberships are rare, nearly all pairs are in the first uniform bin.

    Returns
    -------
    Bunch
        With arrays of shape (n_bins,), by ascending prediction: `mean_predicted`,
        `fraction_observed` and `n_pairs` of each bin. And with numbers over all
        pairs: `mean_prediction`, `base_rate` (the fraction observed), and
        `expected_calibration_error`, the mean of ``|mean_predicted -
        fraction_observed|``, bins weighted by their pairs.

    Raises
    ------
    ValueError, TypeError
        As :func:`held_out_membership_scores`; and if `strategy` is unknown.

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
    >>> table.n_pairs.sum()
    np.int64(140)
    """
    check_scalar(n_bins, "n_bins", Integral, min_val=1)
    if strategy not in ("quantile", "uniform"):
        raise ValueError(
            f"Expected strategy 'quantile' or 'uniform', got {strategy!r}."
        )
    check_probabilistic(estimator, "a reliability table")
    visible, hidden = check_split(estimator, visible, hidden)
    genes = genes_to_score(visible, hidden, None, None)
    counts = np.zeros((3, n_bins if strategy == "uniform" else _bit_bins(1.0) + 1))
    for p, known, target in predicted_blocks(estimator, visible, hidden, genes):
        check_probabilities(p)
        bins = _bit_bins(p) if strategy == "quantile" else _uniform_bins(p, n_bins)
        found = np.bincount(bins[entries(target)], minlength=counts.shape[1])
        candidate = np.ones(p.shape, dtype=bool)
        candidate[entries(known)] = False
        bins, p = bins[candidate], p[candidate]
        counts[0] += np.bincount(bins, minlength=counts.shape[1])
        counts[1] += np.bincount(bins, weights=p, minlength=counts.shape[1])
        counts[2] += found
    counts = counts[:, counts[0] > 0]
    if strategy == "quantile":
        middle = np.cumsum(counts[0]) - counts[0] / 2
        merged = (middle * n_bins / counts[0].sum()).astype(int)
        starts = np.flatnonzero(np.diff(merged, prepend=-1))
        counts = np.add.reduceat(counts, starts, axis=1)
    n_pairs, predicted, observed = counts
    return Bunch(
        mean_predicted=predicted / n_pairs,
        fraction_observed=observed / n_pairs,
        n_pairs=n_pairs.astype(np.int64),
        mean_prediction=float(predicted.sum() / n_pairs.sum()),
        base_rate=float(observed.sum() / n_pairs.sum()),
        expected_calibration_error=float(
            np.abs(predicted - observed).sum() / n_pairs.sum()
        ),
    )


def _uniform_bins(p: Array, n_bins: int) -> Array:
    return np.minimum((p * n_bins).astype(int), n_bins - 1)


def _bit_bins(p: Any) -> Any:
    """Bins of 0.2 % relative width: the leading bits of a float order as it does."""
    return np.abs(p).astype(np.float32).view(np.int32) >> 14
