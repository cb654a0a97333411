"""The trained network in NumPy, by which a fitted encoder computes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import DTypeLike
from scipy.special import expit

from sk_gene2vec._utils._memberships import row_blocks, row_keys
from sk_gene2vec._utils._typing import Array
from sk_gene2vec.encoder._activations import ACTIVATIONS

# A fixed number, so that the embedding of a row depends on that row alone.
FOLD_IN_STEPS = 100


class Layers(NamedTuple):
    """Weights of a network.

    Attributes
    ----------
    coefs : list of ndarray
        Weights of the layers, of shape (n_in, n_out). The first is the embedding's.
    intercepts : list of ndarray
        Biases of the layers.
    activation : str
        Activation of the embedding, a key of `ACTIVATIONS`.
    """

    coefs: list[Array]
    intercepts: list[Array]
    activation: str

    def astype(self, dtype: DTypeLike) -> Layers:
        """Convert the weights, without a copy where they have that dtype."""
        coefs, intercepts = (
            [weight.astype(dtype, copy=False) for weight in weights]
            for weights in (self.coefs, self.intercepts)
        )
        return self._replace(coefs=coefs, intercepts=intercepts)

    def table(self) -> Array:
        """Compute the embeddings where the first layer is an embedding table."""
        function = ACTIVATIONS[self.activation].function
        return function(self.coefs[0] + self.intercepts[0])


def input_rows(X: sp.csr_array, gene_set_weights: Array) -> sp.csr_array:
    """Weight every membership by its set and scale each row to unit length."""
    values = np.asarray(gene_set_weights, dtype=X.dtype)[X.indices]
    weighted = sp.csr_array((values, X.indices, X.indptr), shape=X.shape)
    norms = np.sqrt(weighted.power(2).sum(axis=1))
    norms[norms == 0] = 1
    weighted.data /= np.repeat(norms, np.diff(X.indptr))
    return weighted


def embed_memberships(
    X: sp.csr_array, gene_set_weights: Array, layers: Layers
) -> Array:
    """Embed rows from their memberships, in the dtype of X.

    The embedding of a row without a weighted membership is zero, although the bias
    would give another.
    """
    rows = input_rows(X, gene_set_weights)
    embedding = rows @ layers.coefs[0].astype(X.dtype, copy=False)
    embedding += layers.intercepts[0].astype(X.dtype, copy=False)
    embedding = ACTIVATIONS[layers.activation].function(embedding)
    embedding[rows.sum(axis=1) == 0] = 0
    return embedding


def embed_known_or_fold_in(X: sp.csr_array, known_keys: Array, layers: Layers) -> Array:
    """Embed rows from an embedding table, and fold in rows that are not in the table.

    Row i of the table, which is the first coefficient, belongs to the row of
    memberships with the key ``known_keys[i]``.
    """
    known = {key.tobytes(): i for i, key in enumerate(known_keys)}
    index = np.array([known.get(key.tobytes(), -1) for key in row_keys(X)], dtype=int)
    embedding = layers.table()[index].astype(X.dtype)
    unseen = np.flatnonzero(index < 0)
    for block in row_blocks((len(unseen), X.shape[1])):
        rows = unseen[block]
        embedding[rows] = fold_in(X[rows].astype(np.float64), layers)
    embedding[np.diff(X.indptr) == 0] = 0
    return embedding


def decode_logits(
    embedding: Array, layers: Layers, gene_sets: slice = slice(None)
) -> Array:
    """Compute the logits of some gene sets, all by default, from embeddings."""
    hidden = hidden_outputs(embedding, layers)[-1]
    logits = hidden @ layers.coefs[-1][:, gene_sets]
    logits += layers.intercepts[-1][gene_sets]
    return np.asarray(logits)


def hidden_outputs(embedding: Array, layers: Layers) -> list[Array]:
    """List the embedding and the outputs of the hidden layers."""
    outputs = [embedding]
    for coef, intercept in zip(
        layers.coefs[1:-1], layers.intercepts[1:-1], strict=True
    ):
        outputs.append(np.maximum(outputs[-1] @ coef + intercept, 0))
    return outputs


def fold_in(X: sp.csr_array, layers: Layers) -> Array:
    """Embed rows that have no entry in the embedding table.

    The loss of each row, as in training, is minimised over its embedding with the
    decoder frozen: `FOLD_IN_STEPS` steps of Adam from the mean of the table, in
    float64, with steps that shrink linearly from the table's standard deviation.

    Parameters
    ----------
    X : CSR array of shape (n_rows, n_gene_sets)
        Binary memberships.
    layers : Layers
        The network; its first coefficient is the embedding table.

    Returns
    -------
    ndarray of shape (n_rows, embedding_dim), float64
        Embeddings after the activation.
    """
    layers = layers.astype(np.float64)
    table = layers.coefs[0] + layers.intercepts[0]
    state = np.tile(table.mean(axis=0), (X.shape[0], 1))
    first = np.zeros_like(state)
    second = np.zeros_like(state)
    scale = table.std() or 1.0
    for step in range(1, FOLD_IN_STEPS + 1):
        gradient = _embedding_gradient(X, state, layers)
        first += 0.1 * (gradient - first)
        second += 0.01 * (gradient**2 - second)
        mean = first / (1 - 0.9**step)
        spread = np.sqrt(second / (1 - 0.99**step))
        rate = 0.5 * scale * (1 - (step - 1) / FOLD_IN_STEPS)
        state -= rate * mean / (spread + 1e-12)
    return ACTIVATIONS[layers.activation].function(state)


def _embedding_gradient(X: sp.csr_array, state: Array, layers: Layers) -> Array:
    """Gradient of each row's summed loss in its pre-activation."""
    activation = ACTIVATIONS[layers.activation]
    outputs = hidden_outputs(activation.function(state), layers)
    output = layers.coefs[-1]
    residual = outputs[-1] @ output
    residual += layers.intercepts[-1]
    expit(residual, out=residual)
    gradient = residual @ output.T - X @ output.T
    for coef, above in zip(layers.coefs[-2:0:-1], outputs[:0:-1], strict=True):
        gradient = (gradient * (above > 0)) @ coef.T
    return activation.backward(gradient, state, outputs[0])
