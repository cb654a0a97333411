"""Linear autoencoders from the literature, written from their papers."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
import torch
from scipy.linalg import cholesky
from sklearn.base import BaseEstimator
from sklearn.utils import gen_batches
from torch.nn.functional import cosine_similarity, normalize


class ELSA(BaseEstimator):
    """ELSA: scores ``x @ (A @ A.T - I)``, rows of A of unit length.

    Trained as in the paper: rows and their predictions are scaled to unit length, the
    loss is the squared distance, the optimiser is NAdam, and a batch has 256 rows. A
    gene is ranked only for sets that it is not visibly in, so the identity adds
    nothing.

    Best settings: a grid of the learning rate and of the number of epochs.

    V. Vancura et al., "Scalable linear shallow autoencoder for collaborative
    filtering", RecSys 2022.
    """

    settings: ClassVar = [
        {"lr": lr, "epochs": epochs} for epochs in (5, 20) for lr in (0.1, 0.03, 0.01)
    ]

    def __init__(self, dim: int = 100, lr: float = 0.1, epochs: int = 10) -> None:
        self.dim = dim
        self.lr = lr
        self.epochs = epochs

    def fit(self, X: Any, y: Any = None) -> ELSA:
        X = sp.csr_array(X, dtype=np.float32)
        X = X[np.diff(X.indptr) > 0]
        rng = np.random.default_rng(0)
        torch.manual_seed(0)
        weights = torch.empty(X.shape[1], self.dim, requires_grad=True)
        torch.nn.init.xavier_uniform_(weights)
        optimizer = torch.optim.NAdam([weights], lr=self.lr)
        for _ in range(self.epochs):
            shuffled = X[rng.permutation(X.shape[0])]
            for batch in gen_batches(X.shape[0], 256):
                x = torch.from_numpy(shuffled[batch].toarray())
                unit = normalize(weights)
                predicted = x @ unit @ unit.T - x
                # The squared distance of two rows of unit length.
                loss = 2 - 2 * cosine_similarity(x, predicted).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        self.sets_ = normalize(weights).detach().numpy()
        return self

    def transform(self, X: Any) -> Any:
        return X @ self.sets_

    def inverse_transform(self, embedding: Any) -> Any:
        return embedding @ self.sets_.T


class SANSA(BaseEstimator):
    """SANSA: EASE with a sparse approximate inverse; no embedding.

    ``L @ D @ L.T`` is the penalised item-item matrix. L is cut to its `n_weights`
    largest entries a gene set. Its inverse M starts at ``2 I - L``; minimal-residual
    steps go over all columns six times, then ten times over the worst, and M is always
    cut like L. ``M.T @ inv(D) @ M``, scaled as in EASE, predicts; it is kept as two
    sparse factors.

    The paper factorises with CHOLMOD where the item-item matrix is dense, else
    incompletely. Here a third of that matrix is not zero and its factor is full, so
    that LAPACK computes the same factor. The memory of `fit` is that of EASE: only the
    weights and the predictions are as sparse as in the paper. Gene sets are ordered by
    the number of sets that they overlap with, fewest first, where the paper uses
    COLAMD. The paper's incomplete factorisation, for larger collections, is not here.

    Best settings: a grid of the ridge penalty and of the number of weights. With one
    scan instead of six, NDCG@100 on GO BP is 0.898 instead of 0.927.

    M. Spisak et al., "Scalable approximate nonsymmetric autoencoder for collaborative
    filtering", RecSys 2023.
    """

    settings: ClassVar = [
        {"penalty": penalty, "n_weights": n_weights}
        for n_weights in (10, 50)
        for penalty in (10.0, 50.0, 200.0)
    ]
    embeds = False

    def __init__(self, penalty: float = 50.0, n_weights: int = 50) -> None:
        self.penalty = penalty
        self.n_weights = n_weights

    def fit(self, X: Any, y: Any = None) -> SANSA:
        X = sp.csr_array(X, dtype=np.float32)
        order = np.argsort(np.diff((X.T @ X).tocsr().indptr), kind="stable")
        factor, pivots = self._factorise(X[:, order])
        inverse = self._invert(factor)[:, np.argsort(order)]
        scaled = (sp.diags_array(1 / pivots) @ inverse).tocsc()
        diagonal = (inverse * scaled).sum(axis=0)
        self.first_ = inverse.T.tocsr()
        self.second_ = (scaled @ sp.diags_array(-1 / diagonal)).tocsr()
        return self

    def transform(self, X: Any) -> Any:
        return X

    def inverse_transform(self, X: Any) -> Any:
        X = sp.csr_array(X, dtype=np.float32)
        return (X @ self.first_ @ self.second_).toarray()

    def _factorise(self, X: Any) -> tuple[Any, Any]:
        """Compute the unit lower triangle, cut to its largest entries, and pivots."""
        gram = (X.T @ X).toarray()
        gram[np.diag_indices_from(gram)] += self.penalty
        # The transpose of a symmetric matrix is a Fortran array to LAPACK: no copy.
        factor = cholesky(gram.T, lower=True, overwrite_a=True, check_finite=False)
        # The paper cuts the factor before it scales the columns.
        factor[np.abs(factor) < self._smallest(factor, len(factor))] = 0
        root = factor.diagonal().copy()
        factor = sp.csc_array(factor)
        return (factor @ sp.diags_array(1 / root)).tocsc(), root**2

    def _invert(self, factor: Any) -> Any:
        """Approximate the inverse of a unit lower triangle, with as many entries."""
        n_sets = factor.shape[1]
        batches = [np.arange(n_sets)[x] for x in gen_batches(n_sets, 256)]
        inverse = (2 * sp.eye_array(n_sets, dtype=np.float32) - factor).tocsc()
        for _ in range(6):
            for columns in batches:
                inverse = self._step(factor, inverse, columns)
        for _ in range(10):
            residual = np.concatenate(
                [self._lengths(self._residual(factor, inverse, x)) for x in batches]
            )
            # Relative to the number of rows that a column of the triangle can fill.
            worst = np.argsort(residual / np.arange(n_sets, 0, -1))[-self.n_weights :]
            inverse = self._step(factor, inverse, worst)
        return inverse

    def _step(self, factor: Any, inverse: Any, columns: Any) -> Any:
        """Move some columns by a minimal-residual step, then cut to the largest."""
        n_sets = inverse.shape[1]
        residual = self._residual(factor, inverse, columns)
        image = factor @ residual
        move = (residual * image).sum(axis=0) / np.maximum(self._lengths(image), 1e-30)
        places = sp.eye_array(n_sets, dtype=np.float32, format="csr")[columns]
        inverse = inverse + residual @ sp.diags_array(move) @ places
        inverse.data[np.abs(inverse.data) < self._smallest(inverse.data, n_sets)] = 0
        inverse.eliminate_zeros()
        return inverse

    def _smallest(self, entries: Any, n_sets: int) -> Any:
        """Size of the smallest entry to keep."""
        sizes = np.abs(entries).ravel(order="K")
        n_kept = min(self.n_weights * n_sets, len(sizes))
        sizes.partition(-n_kept)
        return sizes[-n_kept]

    @staticmethod
    def _residual(factor: Any, inverse: Any, columns: Any) -> Any:
        unit = sp.eye_array(factor.shape[1], dtype=np.float32, format="csc")
        return unit[:, columns] - factor @ inverse[:, columns]

    @staticmethod
    def _lengths(matrix: Any) -> Any:
        """Squared lengths of columns."""
        return (matrix * matrix).sum(axis=0)
