"""The metrics, each a function of a block of predictions, in one table."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from sk_gene2vec.metrics._held_out import Predictions, Scores, entries


def ndcg(block: Predictions, k: int) -> Scores:
    """NDCG@k of each gene."""
    return _gain_at_k(block, k, discount=1)


def recall(block: Predictions, k: int) -> Scores:
    """Recall@k of each gene."""
    return _gain_at_k(block, k, discount=0)


def _gain_at_k(block: Predictions, k: int, discount: int) -> Scores:
    """Sum of what the places of the hidden memberships are worth, 1 at best."""
    above, tied = block.ranks
    n_sets = block.hidden.shape[1]
    worth = np.zeros(n_sets + 1)
    worth[1 : k + 1] = 1 / np.log2(np.arange(2, min(k, n_sets) + 2)) ** discount
    best = np.cumsum(worth)
    gain = (best[above + tied] - best[above]) / tied
    return _sum_by_row(gain, block.hidden) / best[np.diff(block.hidden.indptr)]


def auroc(block: Predictions, k: int) -> Scores:
    """Mann-Whitney U of each gene's hidden memberships, as a share of its maximum."""
    above, tied = block.ranks
    n_hidden = np.diff(block.hidden.indptr)
    n_absent = block.hidden.shape[1] - n_hidden - np.diff(block.visible.indptr)
    rank_sum = _sum_by_row(above + (tied + 1) / 2, block.hidden)
    misplaced = rank_sum - n_hidden * (n_hidden + 1) / 2
    return 1 - misplaced / (n_hidden * n_absent)


def log_likelihood(block: Predictions, k: int) -> Scores:
    """Log-likelihood of every pair; 0 where the membership is visible."""
    epsilon = np.finfo(block.scores.dtype).eps
    p = np.clip(block.scores, epsilon, 1 - epsilon)
    terms = np.log1p(-p)
    terms[entries(block.visible)] = 0
    terms[entries(block.hidden)] = np.log(p[entries(block.hidden)])
    return terms


def _sum_by_row(values: Scores, X: sp.csr_array) -> Scores:
    """Sum over the entries of each row of X; no row is empty."""
    return np.add.reduceat(values, X.indptr[:-1])


class Metric(NamedTuple):
    """A metric: its function, and what the function needs.

    Attributes
    ----------
    function : callable
        Called with :class:`Predictions` and the length of the list. Returns what is
        summed over all blocks and divided by the number of genes or pairs.
    at_k : bool
        If True, it looks at the first places of a list, and may be called "name@k".
    of_pairs : bool
        If True, it is a mean over pairs, and needs probabilities. If False, it is a
        mean over genes.
    """

    function: Callable[[Predictions, int], Scores]
    at_k: bool = False
    of_pairs: bool = False


# A new metric is one entry here, and a line in the Notes of
# `held_out_membership_scores`.
METRICS = {
    "ndcg": Metric(ndcg, at_k=True),
    "recall": Metric(recall, at_k=True),
    "auroc": Metric(auroc),
    "log_likelihood": Metric(log_likelihood, of_pairs=True),
}


def find_metric(name: str) -> tuple[Metric, int]:
    """Find a metric, and the length of its list: from its name, else 100."""
    match = re.fullmatch(r"(.+?)(?:@([1-9]\d*))?", str(name))
    metric = METRICS.get(match[1]) if match else None
    if match is None or metric is None or (match[2] and not metric.at_k):
        at_k = [known for known, metric in METRICS.items() if metric.at_k]
        raise ValueError(
            f"Expected a metric out of {[*METRICS]}, of which {at_k} may carry the "
            f"length of the list as in '{at_k[0]}@100', got {name!r}."
        )
    return metric, int(match[2] or 100)
