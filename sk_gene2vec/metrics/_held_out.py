"""Memberships held out from an estimator, and its predictions block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral, Real
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_scalar

from sk_gene2vec._utils._memberships import as_memberships, row_blocks
from sk_gene2vec._utils._typing import MatrixLike, RandomStateLike

Rows: TypeAlias = NDArray[np.intp]
Scores: TypeAlias = NDArray[np.floating]


def split_memberships(
    X: MatrixLike,
    *,
    hidden_fraction: float = 0.1,
    min_memberships: int = 2,
    rounding: str = "nearest",
    random_state: RandomStateLike = None,
) -> tuple[sp.csr_array, sp.csr_array]:
    """Hide a share of every gene's memberships.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_genes, n_gene_sets)
        Memberships: greater than zero where the gene is in the set.
    hidden_fraction : float, default=0.1
        Share of a gene's memberships to hide, in (0, 1). At least one stays.
    min_memberships : int, default=2
        Genes with fewer memberships keep all of them. At least 2.
    rounding : {"nearest", "random"}, default="nearest"
        How the share becomes a number of memberships.

        - "nearest": the nearest number, but at least one, so that every gene has
          something to find. Genes with few memberships lose more than the share.
        - "random": up or down at random, so that the share holds on average, as
          :func:`reliability_table` needs it. With a share of a tenth, one of five genes
          with two memberships loses one.
    random_state : int, RandomState instance or None, default=None
        Determines which memberships are hidden.

    Returns
    -------
    visible, hidden : csr_array of shape (n_genes, n_gene_sets)
        What stays and what is hidden, as ones. Together they are the memberships of X.

    Raises
    ------
    ValueError
        If no gene has `min_memberships`, a value is negative, or a parameter is
        out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_gene2vec.metrics import split_memberships
    >>> visible, hidden = split_memberships(np.ones((3, 20)), random_state=0)
    >>> visible.sum(axis=1), hidden.sum(axis=1)
    (array([18., 18., 18.]), array([2., 2., 2.]))
    """
    check_share(hidden_fraction, min_memberships)
    if rounding not in ("nearest", "random"):
        raise ValueError(f"Expected rounding 'nearest' or 'random', got {rounding!r}.")
    generator = check_random_state(random_state)
    X = _memberships(X)
    sizes = np.diff(X.indptr)
    if sizes.max() < min_memberships:
        advice = "; lower min_memberships" if min_memberships > 2 else ""
        raise ValueError(
            f"Expected genes with at least {min_memberships} memberships, one to hide "
            f"and the others to go by, got at most {sizes.max()} per gene{advice}."
        )
    n_hidden = hidden_fraction * sizes
    if rounding == "nearest":
        n_hidden = np.maximum(np.rint(n_hidden), 1)
    else:
        n_hidden = np.floor(n_hidden + generator.random_sample(len(sizes)))
    n_hidden = np.where(sizes < min_memberships, 0, np.minimum(n_hidden, sizes - 1))
    rows = _row_of(X)
    shuffled = np.lexsort((generator.random_sample(X.nnz), rows))
    hide = np.zeros(X.nnz, dtype=bool)
    hide[shuffled] = np.arange(X.nnz) - X.indptr[rows] < n_hidden[rows]
    return _keep(X, ~hide), _keep(X, hide)


def check_share(hidden_fraction: float, min_memberships: int) -> None:
    """Refuse a share of the memberships, or a least number, that is out of range."""
    bounds = {"min_val": 0, "max_val": 1, "include_boundaries": "neither"}
    check_scalar(hidden_fraction, "hidden_fraction", Real, **bounds)
    check_scalar(min_memberships, "min_memberships", Integral, min_val=2)


def _memberships(X: ArrayLike) -> sp.csr_array:
    """Validate X and return its memberships as a CSR array of ones."""
    return as_memberships(check_array(X, accept_sparse="csr"), "sk_gene2vec.metrics")


def _keep(X: sp.csr_array, kept: NDArray[np.bool_]) -> sp.csr_array:
    indptr = np.append(0, np.cumsum(kept))[X.indptr]
    return sp.csr_array((X.data[kept], X.indices[kept], indptr), shape=X.shape)


def check_split(
    estimator: BaseEstimator, visible: MatrixLike, hidden: MatrixLike
) -> tuple[sp.csr_array, sp.csr_array]:
    """Validate visible and hidden memberships for an estimator."""
    check_columns(estimator, visible)
    check_columns(estimator, hidden)
    visible, hidden = _memberships(visible), _memberships(hidden)
    if visible.shape != hidden.shape:
        raise ValueError(
            "Expected visible and hidden memberships of the same shape, got "
            f"{visible.shape} and {hidden.shape}."
        )
    if n_both := visible.multiply(hidden).nnz:
        raise ValueError(
            f"Expected memberships to be visible or hidden, got {n_both} that are "
            "both; make the two with split_memberships."
        )
    return visible, hidden


def check_columns(estimator: BaseEstimator, X: MatrixLike) -> None:
    """Compare the names of the columns, where there are any, with those of fit."""
    names = getattr(X, "columns", None)
    expected = getattr(estimator, "feature_names_in_", None)
    if names is not None and expected is not None and list(names) != list(expected):
        raise ValueError(
            f"Expected the {len(expected)} columns of fit, in their order, got "
            f"{len(names)} columns that are not the same; pass X[feature_names_in_]."
        )


def entries(X: sp.csr_array) -> tuple[Rows, Rows]:
    """Where X has entries, as an index into a dense array."""
    return _row_of(X), X.indices


def _row_of(X: sp.csr_array) -> Rows:
    return np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))


@dataclass(frozen=True)
class Predictions:
    """Scores of some genes in all gene sets, with what they are compared with.

    Parameters
    ----------
    scores : ndarray of shape (n_genes, n_gene_sets)
        Predictions, the higher the more probable.
    visible, hidden : csr_array of shape (n_genes, n_gene_sets)
        Memberships that the estimator was given, and those to find.
    """

    scores: Scores
    visible: sp.csr_array
    hidden: sp.csr_array

    @cached_property
    def ranks(self) -> tuple[Rows, Rows]:
        """Candidates above each hidden membership, and level with it, itself included.

        A candidate is a gene set that the gene is not visibly in.
        """
        values = self.scores[entries(self.hidden)]
        ordered = self.scores.copy()
        ordered[entries(self.visible)] = -np.inf
        ordered.sort(axis=1)
        low, high = np.empty((2, self.hidden.nnz), dtype=np.intp)
        starts = self.hidden.indptr
        for row, scores in enumerate(ordered):
            own = slice(starts[row], starts[row + 1])
            low[own] = scores.searchsorted(values[own], "left")
            high[own] = scores.searchsorted(values[own], "right")
        return ordered.shape[1] - high, high - low


def genes_to_score(
    visible: sp.csr_array, hidden: sp.csr_array, min_memberships: int | None = None
) -> Rows:
    """Rows with a set that the gene is not in, and a hidden membership.

    With `min_memberships`, rows with so many memberships and a set that is not visible.
    """
    n_visible, n_hidden = np.diff(visible.indptr), np.diff(hidden.indptr)
    n_known, wanted = n_visible + n_hidden, "hidden memberships"
    suitable = (n_hidden > 0) & (n_known < visible.shape[1])
    if min_memberships is not None:
        check_scalar(min_memberships, "min_memberships", Integral, min_val=1)
        suitable = (n_known >= min_memberships) & (n_visible < visible.shape[1])
        wanted = f"at least min_memberships={min_memberships} memberships"
    if not suitable.any():
        raise ValueError(
            f"Expected genes with {wanted} and with sets that they are not in, got "
            f"none among {len(n_known)} with {hidden.nnz} hidden and at most "
            f"{n_known.max()} memberships per gene."
        )
    return np.flatnonzero(suitable)


def predicted_blocks(
    estimator: BaseEstimator,
    visible: sp.csr_array,
    hidden: sp.csr_array,
    genes: Rows,
    *,
    probabilities: bool,
) -> Iterator[Predictions]:
    """Predictions of an estimator for blocks of genes."""
    if probabilities and not hasattr(estimator, "predict_proba"):
        raise TypeError(
            "Expected an estimator with predict_proba, for probabilities, got "
            f"{type(estimator).__name__}; the metrics that rank do without."
        )
    for batch in row_blocks((len(genes), visible.shape[1])):
        known, target = visible[genes[batch]], hidden[genes[batch]]
        scores = _predict(estimator, known)
        if probabilities and (scores.min() < 0 or scores.max() > 1):
            got = f"predictions from {scores.min()} to {scores.max()}"
            raise ValueError(f"Expected probabilities, got {got}.")
        yield Predictions(scores, known, target)


def _predict(estimator: BaseEstimator, known: sp.csr_array) -> Scores:
    import pandas as pd

    # The rows of a DataFrame, which named its columns, arrive as a sparse array.
    names = getattr(estimator, "feature_names_in_", None)
    X = known if names is None else pd.DataFrame(known.toarray(), columns=names)
    if hasattr(estimator, "predict_proba"):
        scores = estimator.predict_proba(X)
    else:
        last = estimator[-1] if isinstance(estimator, Pipeline) else estimator
        whole = estimator if hasattr(estimator, "inverse_transform") else last
        if not hasattr(whole, "inverse_transform"):
            raise TypeError(
                "Expected an estimator with predict_proba, or with transform and "
                f"inverse_transform, got {type(last).__name__}."
            )
        scores = whole.inverse_transform(estimator.transform(X))
    scores = scores.toarray() if sp.issparse(scores) else np.asarray(scores)
    scores = scores.astype(np.result_type(scores, np.float32), copy=False)
    if scores.shape != known.shape:
        raise ValueError(
            f"Expected predictions of shape {known.shape}, genes x gene sets, got "
            f"{scores.shape}; a pipeline must keep all gene sets to the end."
        )
    if not np.isfinite(scores).all():
        raise ValueError("Expected finite predictions, got NaN or infinity.")
    return scores
