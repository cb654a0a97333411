"""Initial weights, from a closed-form solution on the same matrix."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from sklearn.utils.extmath import randomized_svd

from sk_gene2vec._utils._typing import Array
from sk_gene2vec.encoder._inference import input_rows

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
    # In float64: rounding to float32 then removes the effect of the order in which
    # threads add.
    rows = input_rows(X.astype(np.float64), gene_set_weights)
    if not rows.sum():
        return np.empty((X.shape[1], 0), dtype=np.float32)
    n_components = min(embedding_dim, *rows.shape)
    u, s, vt = randomized_svd(rows, n_components, n_iter=3, random_state=random_state)
    # Rows of zeros have no embedding, so they are left out of the mean.
    share = np.count_nonzero(rows.sum(axis=1)) / rows.shape[0]
    scale = START_SCALE / np.sqrt(np.mean((u * s) ** 2) / share)
    return np.asarray(scale * vt.T, dtype=np.float32)
