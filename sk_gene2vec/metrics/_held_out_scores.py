"""Held-out membership scores, and the scorer for grid search."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from numbers import Integral

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_scalar

from sk_gene2vec._utils._typing import MatrixLike, RandomStateLike
from sk_gene2vec.metrics._held_out import (
    check_columns,
    check_share,
    check_split,
    genes_to_score,
    predicted_blocks,
    split_memberships,
)
from sk_gene2vec.metrics._metrics import find_metric


def held_out_membership_scores(
    estimator: BaseEstimator,
    visible: MatrixLike,
    hidden: MatrixLike,
    *,
    metrics: Iterable[str] = ("ndcg", "recall", "auroc"),
    n_genes: int | None = None,
    random_state: RandomStateLike = None,
) -> dict[str, float]:
    """Score how well an estimator finds memberships that were hidden from it.

    The estimator gets the visible memberships of a gene. The hidden ones are ranked
    among all gene sets that the gene is not visibly in; the visible ones take no
    part in the ranking.

    Parameters
    ----------
    estimator : fitted estimator
        With `predict_proba`, whose (n_genes, n_gene_sets) values are the scores; or
        with `transform` and `inverse_transform`, such as TruncatedSVD or NMF, whose
        reconstruction is the score. A pipeline undoes all its steps if each has an
        `inverse_transform`, and otherwise only the last. If a pipeline starts with
        gene names, pass the rest of it, ``pipeline[1:]``.
    visible, hidden : {array-like, sparse matrix} of shape (n_genes, n_gene_sets)
        Memberships that the estimator may know, and those to find, as from
        :func:`split_memberships`.
    metrics : iterable of str, default=("ndcg", "recall", "auroc")
        Any of "ndcg", "recall", "auroc" and "log_likelihood", see Notes. The first
        two look at the first k = 100 places; ``"recall@20"`` sets another k.
    n_genes : int or None, default=None
        Largest number of genes to score, drawn at random; None scores all.
    random_state : int, RandomState instance or None, default=None
        Determines that sample.

    Returns
    -------
    dict of str to float
        Each metric by its name as given; greater is better.

    Raises
    ------
    ValueError
        If nothing is hidden; if a membership is both visible and hidden; if the
        estimator was fitted on another number of columns; if predictions are not
        finite, or are not probabilities where "log_likelihood" asks for them; if a
        metric is unknown or a parameter out of range.
    TypeError
        If the estimator has none of the methods above, or lacks `predict_proba` and
        "log_likelihood" asks for it; if `metrics` is a single `str`.

    See Also
    --------
    held_out_membership_score : Hides and scores in one call, for one metric.

    Notes
    -----
    All but the last metric are computed for each gene and averaged over the genes
    that have both hidden memberships and sets that they are not in. Ties count as
    the mean over the orders that they leave open. With h hidden memberships,

    - "ndcg" is the sum of ``1 / log2(1 + rank)`` over the hidden memberships of
      rank k or better, divided by its maximum, the sum over ranks 1 to min(k, h);
    - "recall" is the number of hidden memberships of rank k or better, divided by
      min(k, h);
    - "auroc" is the probability that a hidden membership scores higher than a set
      that the gene is not in; 0.5 is chance;
    - "log_likelihood" is the mean over all pairs of such a gene and a set that it is
      not visibly in, of ``log(p)`` where the pair is hidden and of ``log(1 - p)``
      where it is not; p is kept away from 0 and 1 by its type's machine epsilon.

    Scores of the pairs are held for a block of genes at a time.

    References
    ----------
    K. Järvelin and J. Kekäläinen, "Cumulated gain-based evaluation of IR
    techniques", ACM Transactions on Information Systems 20(4), 2002.

    F. McSherry and M. Najork, "Computing information retrieval performance measures
    efficiently in the presence of tied scores", ECIR 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.decomposition import TruncatedSVD
    >>> from sk_gene2vec.metrics import held_out_membership_scores, split_memberships
    >>> X = np.kron(np.eye(2), np.ones((10, 6)))
    >>> visible, hidden = split_memberships(X, random_state=0)
    >>> svd = TruncatedSVD(2, random_state=0).fit(visible)
    >>> held_out_membership_scores(svd, visible, hidden, metrics=["ndcg", "recall@3"])
    {'ndcg': 1.0, 'recall@3': 1.0}
    """
    if isinstance(metrics, str):
        raise TypeError(
            f"Expected a list of metrics, got the str {metrics!r}; pass [{metrics!r}]."
        )
    wanted = {name: find_metric(name) for name in metrics}
    visible, hidden = check_split(estimator, visible, hidden)
    genes = genes_to_score(visible, hidden)
    if n_genes is not None:
        check_scalar(n_genes, "n_genes", Integral, min_val=1)
        shuffled = check_random_state(random_state).permutation(genes)
        genes = np.sort(shuffled[:n_genes])
    totals, n_pairs = dict.fromkeys(wanted, 0.0), 0
    probabilities = any(metric.of_pairs for metric, _ in wanted.values())
    for block in predicted_blocks(
        estimator, visible, hidden, genes, probabilities=probabilities
    ):
        n_pairs += block.scores.size - block.visible.nnz
        for name, (metric, k) in wanted.items():
            totals[name] += metric.function(block, k).sum(dtype=np.float64)
    return {
        name: float(totals[name] / (n_pairs if metric.of_pairs else len(genes)))
        for name, (metric, _) in wanted.items()
    }


def held_out_membership_score(
    estimator: BaseEstimator,
    X: MatrixLike,
    *,
    metric: str = "ndcg",
    hidden_fraction: float = 0.1,
    min_memberships: int = 2,
    n_genes: int | None = None,
    random_state: RandomStateLike = None,
) -> float:
    """Hide memberships of genes, and score how well an estimator finds them.

    Parameters
    ----------
    estimator : fitted estimator
        As in :func:`held_out_membership_scores`. If it is a fitted search, its best
        estimator is scored.
    X : {array-like, sparse matrix} of shape (n_genes, n_gene_sets)
        Memberships of genes, best of genes that `estimator` was not fitted on. If
        `estimator` is a pipeline, also what it takes, such as gene names: the steps
        before there is a matrix of numbers are applied first, then memberships are
        hidden, and the rest of the pipeline is scored.
    metric : str, default="ndcg"
        "ndcg", "recall", "auroc" or "log_likelihood", as for
        :func:`held_out_membership_scores`.
    hidden_fraction : float, default=0.1
        Share of a gene's memberships to hide, see :func:`split_memberships`.
    min_memberships : int, default=2
        Genes with fewer are not scored. At least 2: one to hide, one to go by.
    n_genes : int or None, default=None
        Largest number of genes to score, drawn at random; None scores all.
    random_state : int, RandomState instance or None, default=None
        Determines which memberships are hidden, and the sample.

    Returns
    -------
    float
        The score; greater is better.

    Raises
    ------
    ValueError, TypeError
        As :func:`split_memberships` and :func:`held_out_membership_scores`; and if a
        DataFrame has other columns than the estimator was fitted with.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.decomposition import TruncatedSVD
    >>> from sk_gene2vec.metrics import held_out_membership_score
    >>> X = np.kron(np.eye(2), np.ones((10, 6)))
    >>> svd = TruncatedSVD(2, random_state=0).fit(X[::2])
    >>> held_out_membership_score(svd, X[1::2], random_state=0)
    1.0
    """
    estimator, X = _after_names(estimator, X)
    check_columns(estimator, X)
    visible, hidden = split_memberships(
        X,
        hidden_fraction=hidden_fraction,
        min_memberships=min_memberships,
        random_state=random_state,
    )
    return held_out_membership_scores(
        estimator,
        visible,
        hidden,
        metrics=[metric],
        n_genes=n_genes,
        random_state=random_state,
    )[metric]


@dataclass(frozen=True)
class HeldOutMembershipScorer:
    """Scorer for grid search: how well an estimator finds hidden memberships.

    Pass it as `scoring` to `GridSearchCV`, `HalvingGridSearchCV`, `cross_val_score`
    and the like. A call hides memberships of the genes in X and returns
    :func:`held_out_membership_score`. With an integer `random_state` every candidate
    is asked for the same ones.

    Parameters
    ----------
    metric : str, default="ndcg"
        "ndcg", "recall", "auroc" or "log_likelihood", as for
        :func:`held_out_membership_scores`.
    hidden_fraction : float, default=0.1
        Share of a gene's memberships to hide.
    min_memberships : int, default=2
        Genes with fewer are not scored. At least 2: one to hide, one to go by.
    n_genes : int or None, default=None
        Largest number of genes to score, drawn at random; None scores all.
    random_state : int, RandomState instance or None, default=0
        Determines which memberships are hidden, and the sample.

    Raises
    ------
    ValueError
        If the metric is unknown, or `hidden_fraction` or `min_memberships` out of
        range.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.decomposition import TruncatedSVD
    >>> from sklearn.model_selection import GridSearchCV, KFold
    >>> from sk_gene2vec.metrics import HeldOutMembershipScorer
    >>> X = np.kron(np.eye(3), np.ones((10, 6)))
    >>> search = GridSearchCV(
    ...     TruncatedSVD(random_state=0),
    ...     {"n_components": [1, 3]},
    ...     scoring=HeldOutMembershipScorer(),
    ...     cv=KFold(2, shuffle=True, random_state=0),
    ... )
    >>> search.fit(X).best_params_
    {'n_components': 3}
    """

    metric: str = "ndcg"
    hidden_fraction: float = field(default=0.1, kw_only=True)
    min_memberships: int = field(default=2, kw_only=True)
    n_genes: int | None = field(default=None, kw_only=True)
    random_state: RandomStateLike = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        find_metric(self.metric)
        check_share(self.hidden_fraction, self.min_memberships)
        if self.n_genes is not None:
            check_scalar(self.n_genes, "n_genes", Integral, min_val=1)

    def __call__(
        self, estimator: BaseEstimator, X: MatrixLike, y: object = None
    ) -> float:
        """Score a fitted estimator.

        Parameters
        ----------
        estimator : fitted estimator
            As for :func:`held_out_membership_score`.
        X : array-like or sparse matrix of shape (n_genes, n_gene_sets)
            Memberships; or gene names, if the estimator is a pipeline that begins
            with a :class:`~sk_gene2vec.GmtVectorizer`.
        y : None
            Ignored, present for API consistency.

        Returns
        -------
        score : float
            Higher is better.
        """
        return held_out_membership_score(estimator, X, **self.__dict__)


def _has_names(X: MatrixLike) -> bool:
    """Tell genes, or rows of text, from memberships in any type of numbers."""
    if sp.issparse(X):
        return False
    values = np.asarray(X)
    if values.dtype.kind == "O":
        return any(isinstance(value, str) for value in values.flat)
    return values.dtype.kind not in "biuf"


def _after_names(
    estimator: BaseEstimator, X: MatrixLike
) -> tuple[BaseEstimator, MatrixLike]:
    """Apply a pipeline's steps until there are numbers; return what is left of both."""
    estimator = getattr(estimator, "best_estimator_", estimator)
    while _has_names(X):
        if not isinstance(estimator, Pipeline) or len(estimator) == 1:
            raise ValueError(
                "Expected a matrix of genes x gene sets, got no numbers; gene names "
                "need a pipeline that starts with a fitted GmtVectorizer."
            )
        X, estimator = estimator[:1].transform(X), estimator[1:]
    return estimator, X
