"""Initial weights, from closed-form solutions on the same matrix."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.linalg import get_lapack_funcs
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import randomized_svd

from sk_gene2vec.encoder._inference import input_rows

Floats: TypeAlias = NDArray[Any]

# Root mean square of the embeddings of the training rows, before activation.
START_SCALE = 0.5

# Brings the scores of an EASE start to the scale of logits.
_OUTPUT_SCALE = 3.0

# An EASE model of at most that many gene sets is in double precision. Rounding to
# float32 then hides the order of additions, which depends on the number of threads.
_MAX_DOUBLE = 4096

# Number of rows of the item-item matrix that are computed at a time.
_STRIP = 512


class Start(NamedTuple):
    """Initial weights of the first layer and of the output layer.

    Attributes
    ----------
    embedding : ndarray of shape (n_inputs, n_components), float32
        First columns of the first layer.
    output : ndarray of shape (n_gene_sets, n_components) or None
        First columns of the output layer. If None, they start at random.
    """

    embedding: Floats
    output: Floats | None = None


def svd_start(
    X: sp.csr_array,
    set_weights: Floats,
    embedding_dim: int,
    one_hot: bool,
    random_state: np.random.RandomState,
) -> Start:
    """Start the first layer from the truncated SVD of the weighted rows.

    Parameters
    ----------
    X : csr_array of shape (n_genes, n_gene_sets)
        Memberships.
    set_weights : ndarray of shape (n_gene_sets,)
        Weights of the gene sets.
    embedding_dim : int
        Number of components wanted. The start may have fewer.
    one_hot : bool
        If True, the layer is a table of genes, not of gene sets.
    random_state : RandomState
        Source of the randomised decomposition.

    Returns
    -------
    Start
        The embeddings of the rows with a weighted membership have a root mean square
        of `START_SCALE`. If there is no such row, no column is given.
    """
    # In double precision: rounding to float32 hides in what order threads add.
    rows = input_rows(X.astype(np.float64), set_weights)
    if not rows.sum():
        return _random_start(X, one_hot)
    n_components = min(embedding_dim, *rows.shape)
    u, s, vt = randomized_svd(rows, n_components, n_iter=3, random_state=random_state)
    return Start(_scaled(u * s if one_hot else vt.T, u * s, rows))


def ease_start(
    X: sp.csr_array,
    set_weights: Floats,
    embedding_dim: int,
    one_hot: bool,
    random_state: np.random.RandomState,
) -> Start:
    """Start both layers from the best low-rank form of an EASE model.

    B holds the weights of the gene sets on each other, and V the leading right singular
    vectors of the predictions ``X @ B`` for rows of unit length. ``B @ V`` is the first
    layer and V the output layer. No other two layers of that width have a product that
    is closer to these predictions.

    Parameters
    ----------
    X, set_weights, embedding_dim, one_hot, random_state
        As in :func:`svd_start`.

    Returns
    -------
    Start
        Weights of both layers; none if no membership has a weight.

    Notes
    -----
    Takes 4 bytes times ``n_gene_sets * (n_gene_sets + n_genes)``, twice that up to
    4,096 gene sets. The ridge penalty is the mean number of memberships of a gene.

    References
    ----------
    H. Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019.
    """
    double = X.shape[1] <= _MAX_DOUBLE
    rows = sp.csr_array(X, dtype=np.float64 if double else np.float32)
    weights = ease_weights(rows, penalty=max(rows.sum() / rows.shape[0], 1.0))
    n_components = min(embedding_dim, *rows.shape)
    _, _, vt = randomized_svd(
        normalize(rows) @ weights, n_components, n_iter=3, random_state=random_state
    )
    first = weights @ vt.T
    # The network sees weighted rows. A set of all genes has weight zero.
    known = set_weights > 0
    first[known] /= set_weights[known, np.newaxis]
    first[~known] = 0
    rows = input_rows(rows, set_weights)
    projected = rows @ first
    if not projected.any():
        # No membership has a weight, or no gene set tells of another.
        return _random_start(X, one_hot)
    layer = projected if one_hot else first
    output = (_OUTPUT_SCALE * vt.T).astype(np.float32)
    return Start(_scaled(layer, projected, rows), output)


def ease_weights(X: sp.csr_array, penalty: float) -> Floats:
    """Compute the weights of the gene sets on each other in EASE, diagonal zero.

    Parameters
    ----------
    X : csr_array of shape (n_genes, n_gene_sets), float32 or float64
        Memberships.
    penalty : float
        Ridge penalty, above 0.

    Returns
    -------
    ndarray of shape (n_gene_sets, n_gene_sets), of the type of X
        ``X @ weights`` predicts each membership from the gene's other gene sets.

    Raises
    ------
    LinAlgError
        If the penalised item-item matrix is not positive definite in that precision.
    """
    n_sets = X.shape[1]
    transposed = X.T.tocsr()
    gram = np.empty((n_sets, n_sets), dtype=X.dtype)
    for start in range(0, n_sets, _STRIP):
        strip = slice(start, start + _STRIP)
        gram[strip] = (transposed[strip] @ X).toarray()
    gram[np.diag_indices(n_sets)] += penalty
    # The transpose of a symmetric matrix is a Fortran array to LAPACK: no copy.
    potrf, potri = get_lapack_funcs(("potrf", "potri"), (gram,))
    factor, info = potrf(gram.T, lower=0, clean=0, overwrite_a=1)
    if info == 0:
        inverse, info = potri(factor, lower=0, overwrite_c=1)
    if info != 0:
        raise np.linalg.LinAlgError(
            "Expected a positive definite item-item matrix, got one that LAPACK cannot "
            f"invert (info={info}). Use a larger penalty than {penalty:g}."
        )
    # LAPACK fills one triangle: copy it to the other, by strips.
    inverse = inverse.T
    for start in range(0, n_sets, _STRIP):
        stop = min(start + _STRIP, n_sets)
        square = inverse[start:stop, start:stop]
        square[:] = np.tril(square) + np.tril(square, -1).T
        inverse[start:stop, stop:] = inverse[stop:, start:stop].T
    inverse /= -inverse.diagonal().copy()
    inverse[np.diag_indices(n_sets)] = 0
    return np.asarray(inverse)


def _random_start(X: sp.csr_array, one_hot: bool) -> Start:
    """Start all columns at random: no membership has a weight to start from."""
    n_inputs = X.shape[0] if one_hot else X.shape[1]
    return Start(np.empty((n_inputs, 0), dtype=np.float32))


def _scaled(layer: Floats, projected: Floats, rows: sp.csr_array) -> Floats:
    """Scale a layer so that the embeddings it gives have `START_SCALE`."""
    # Rows of zeros have no embedding, and do not count.
    share = np.count_nonzero(rows.sum(axis=1)) / rows.shape[0]
    scale = START_SCALE / np.sqrt(np.mean(projected**2) / share)
    return np.asarray(scale * layer, dtype=np.float32)
