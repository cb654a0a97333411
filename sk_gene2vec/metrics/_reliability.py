"""A reliability table: predicted probabilities next to what was observed."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_scalar

from sk_gene2vec._utils._typing import MatrixLike
from sk_gene2vec.metrics._held_out import (
    Predictions,
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
        Number of bins, of equally many pairs as far as predictions that differ by less
        than 0.2 % are kept together. Bins without a pair are left out of the table.
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
        As :func:`held_out_membership_scores`; and if no gene has
        `min_memberships`, or all that have are visibly in every set.

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
    visible, hidden = check_split(estimator, visible, hidden)
    genes = genes_to_score(visible, hidden, min_memberships)
    counts = np.zeros((3, _narrow_bins(np.ones(1))[0] + 1))
    for block in predicted_blocks(
        estimator, visible, hidden, genes, probabilities=True
    ):
        counts += _count(block, counts.shape[1])
    n_pairs, predicted, observed = _merge(counts[:, counts[0] > 0], n_bins)
    return pd.DataFrame(
        {
            "mean_predicted": predicted / n_pairs,
            "fraction_observed": observed / n_pairs,
            "n_pairs": n_pairs.astype(np.int64),
        }
    )


def _count(block: Predictions, n_bins: int) -> NDArray[np.float64]:
    """Pairs, sum of predictions and hidden memberships in every narrow bin."""
    bins = _narrow_bins(block.scores)
    found = bins[entries(block.hidden)]
    candidate = np.ones(bins.shape, dtype=bool)
    candidate[entries(block.visible)] = False
    bins, p = bins[candidate], block.scores[candidate]
    return np.array(
        [
            np.bincount(bins, minlength=n_bins),
            np.bincount(bins, weights=p, minlength=n_bins),
            np.bincount(found, minlength=n_bins),
        ]
    )


def _narrow_bins(p: NDArray[np.floating]) -> NDArray[np.int32]:
    """Bins of 0.2 % relative width: the leading bits of a float order as it does."""
    return np.abs(p).astype(np.float32).view(np.int32) >> 14


def _merge(counts: NDArray[np.float64], n_bins: int) -> NDArray[np.float64]:
    """Merge narrow bins into `n_bins` of about as many pairs each."""
    middle = np.cumsum(counts[0]) - counts[0] / 2
    merged = (middle * n_bins / counts[0].sum()).astype(int)
    starts = np.flatnonzero(np.diff(merged, prepend=-1))
    return np.add.reduceat(counts, starts, axis=1)
