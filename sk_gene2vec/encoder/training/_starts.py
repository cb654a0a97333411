"""Initial weights, from a closed-form solution on the same matrix."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from sk_gene2vec._utils._typing import Array
from sk_gene2vec.encoder._inference import input_rows
from sk_gene2vec.encoder.training._sparse_rows import SparseRows

# As many directions more than components, and rounds, as scikit-learn's randomized_svd
# would take with n_iter=4.
N_OVERSAMPLES = 10
N_ITERATIONS = 4

# Share of the largest variance that rounding to float32 may leave.
_ROUNDING = 1e-12
# Rows that are converted to float64 at a time.
_PART = 2**16

# Root mean square of the embeddings of the training rows, before activation.
START_SCALE = 0.5


def svd_start(
    X: sp.csr_array,
    gene_set_weights: Array,
    embedding_dim: int,
    random_state: np.random.RandomState,
) -> Array:
    """Start the first layer from the truncated SVD of the weighted rows.

    Parameters
    ----------
    X : csr_array of shape (n_genes, n_gene_sets)
        Memberships.
    gene_set_weights : ndarray of shape (n_gene_sets,)
        Weights of the gene sets.
    embedding_dim : int
        Number of components wanted. The start may have fewer.
    random_state : RandomState
        Source of the randomised decomposition.

    Returns
    -------
    ndarray of shape (n_gene_sets, n_components), float32
        The embeddings of the rows with a weighted membership have a root mean square
        of `START_SCALE`. Without such a row, there are no components.
    """
    rows = input_rows(X.astype(np.float32), gene_set_weights)
    if not rows.sum():
        return np.empty((X.shape[1], 0), dtype=np.float32)
    n_components = min(embedding_dim, *rows.shape)
    components = _leading_components(rows, n_components, random_state)
    embedding = rows @ components
    # Rows of zeros have no embedding, so they are left out of the mean.
    share = np.count_nonzero(rows.sum(axis=1)) / rows.shape[0]
    scale = START_SCALE / np.sqrt(np.mean(np.square(embedding)) / share)
    return np.asarray(scale * components, dtype=np.float32)


def _leading_components(
    rows: sp.csr_array, n_components: int, random_state: np.random.RandomState
) -> Array:
    """Find the leading right singular vectors, shape (n_columns, n_components).

    Randomised subspace iteration, as in scikit-learn's ``randomized_svd``, which takes
    five times as long: its sparse products have one thread and no vector instructions.
    Rounding to float32 after sums in float64 removes nearly all of the effect of the
    order in which threads add. Directions without a variance beyond rounding are left
    out.
    """
    sparse = SparseRows(rows, torch.device("cpu"))
    values = torch.from_numpy(rows.data)
    n_directions = min(n_components + N_OVERSAMPLES, *rows.shape)
    rng = np.random.default_rng(random_state.randint(np.iinfo(np.int32).max))
    random = rng.standard_normal((rows.shape[1], n_directions), dtype=np.float32)
    directions = torch.from_numpy(random)
    for _ in range(N_ITERATIONS):
        directions = sparse.product(values, directions)
        directions = sparse.transposed_product(values, directions)
        variances, axes = _principal_axes(directions)
        kept = variances > _ROUNDING * variances.max()
        directions = _rotated(directions, axes[:, kept] / variances[kept].sqrt())
    variances, axes = _principal_axes(sparse.product(values, directions))
    kept = variances > _ROUNDING * variances.max()
    return _rotated(directions, axes[:, kept][:, :n_components]).numpy()


def _rotated(x: Tensor, axes: Tensor) -> Tensor:
    return torch.cat([(part.double() @ axes).float() for part in x.split(_PART)])


def _principal_axes(x: Tensor) -> tuple[Tensor, Tensor]:
    """Decompose the Gram matrix of the columns, in float64, largest variance first."""
    gram = torch.zeros(x.shape[1], x.shape[1], dtype=torch.float64)
    for part in x.split(_PART):
        gram += part.double().t() @ part.double()
    variances, axes = torch.linalg.eigh(gram)
    return variances.flip(0), axes.flip(1)
