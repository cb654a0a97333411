"""The trained network in NumPy: what a fitted encoder computes with."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.special import expit

from sk_gene2vec._utils._memberships import row_blocks, row_keys

Floats: TypeAlias = NDArray[Any]

# Fixed, so that a row's embedding depends on that row alone.
FOLD_IN_STEPS = 100

# Entries of the probabilities that are worked on at a time.
_SLICE_SIZE = 2**20


def activate(x: Floats, activation: str) -> Floats:
    """Apply an embedding activation."""
    if activation == "tanh":
        return np.tanh(x)
    if activation == "relu":
        return np.maximum(x, 0)
    if activation == "rmsnorm":
        return x / _root_mean_square(x)
    return x


def _root_mean_square(x: Floats) -> Floats:
    # As in the network: a row of zeros stays one.
    return np.sqrt(np.square(x).mean(axis=-1, keepdims=True) + x.dtype.type(1e-12))


def input_rows(X: sp.csr_array, set_weights: Floats) -> sp.csr_array:
    """Weight every membership by its set and scale each row to unit length."""
    values = np.asarray(set_weights, dtype=X.dtype)[X.indices]
    weighted = sp.csr_array((values, X.indices, X.indptr), shape=X.shape)
    norms = np.sqrt(weighted.power(2).sum(axis=1))
    norms[norms == 0] = 1
    weighted.data /= np.repeat(norms, np.diff(X.indptr))
    return weighted


def embed_memberships(
    X: sp.csr_array,
    set_weights: Floats,
    coefs: list[Floats],
    intercepts: list[Floats],
    activation: str,
) -> Floats:
    """Embed rows from their memberships, in the dtype of X."""
    rows = input_rows(X, set_weights)
    embedding = rows @ coefs[0].astype(X.dtype, copy=False)
    embedding += intercepts[0].astype(X.dtype, copy=False)
    return activate(embedding, activation)


class Layers(NamedTuple):
    """A network and what embeds the rows that it was trained on.

    Attributes
    ----------
    coefs, intercepts : list of ndarray
        Weights and biases of the layers.
    activation : {"identity", "relu", "rmsnorm", "tanh"}
        Activation of the embedding.
    set_weights : ndarray of shape (n_gene_sets,) or None
        Weights of the gene sets; None where the first layer is an embedding table.
    """

    coefs: list[Floats]
    intercepts: list[Floats]
    activation: str
    set_weights: Floats | None

    def embed(self, rows: Floats, X: sp.csr_array) -> Floats:
        """Embed rows of the table, where there is one, or else their memberships X."""
        if self.set_weights is None:
            return activate(self.coefs[0] + self.intercepts[0], self.activation)[rows]
        return embed_memberships(
            X.astype(np.float32),
            self.set_weights,
            self.coefs,
            self.intercepts,
            self.activation,
        )


def embed_known_or_fold_in(
    X: sp.csr_array,
    known_keys: Floats,
    coefs: list[Floats],
    intercepts: list[Floats],
    activation: str,
) -> Floats:
    """Embed rows from an embedding table, and fold in those that it does not have.

    Row i of the table, the first coefficient, is that of the row of memberships with
    the key ``known_keys[i]``.
    """
    known = {key.tobytes(): i for i, key in enumerate(known_keys)}
    index = np.array([known.get(key.tobytes(), -1) for key in row_keys(X)], dtype=int)
    table = activate(coefs[0] + intercepts[0], activation)
    embedding = table[index].astype(X.dtype)
    unseen = np.flatnonzero(index < 0)
    for block in row_blocks((len(unseen), X.shape[1])):
        rows = unseen[block]
        embedding[rows] = fold_in(
            X[rows].astype(np.float64), coefs, intercepts, activation
        )
    return embedding


def decode_logits(
    embedding: Floats, coefs: list[Floats], intercepts: list[Floats]
) -> Floats:
    """Run the layers behind the embedding, shape (n_rows, n_gene_sets)."""
    logits = _hidden(embedding, coefs, intercepts) @ coefs[-1]
    logits += intercepts[-1]
    return logits


def _hidden(embedding: Floats, coefs: list[Floats], intercepts: list[Floats]) -> Floats:
    for coef, intercept in zip(coefs[1:-1], intercepts[1:-1], strict=True):
        embedding = np.maximum(embedding @ coef + intercept, 0)
    return embedding


def decode(
    embedding: Floats,
    coefs: list[Floats],
    intercepts: list[Floats],
    calibration: Floats,
) -> Floats:
    """Probabilities of the gene sets, shape (n_rows, n_gene_sets)."""
    dtype = embedding.dtype
    slope, shift = calibration.astype(dtype)
    coefs = [coef.astype(dtype, copy=False) for coef in coefs]
    intercepts = [intercept.astype(dtype, copy=False) for intercept in intercepts]
    hidden = _hidden(embedding, coefs, intercepts)
    # Slope, shift and the sigmoid's sign go into the last layer.
    weight, bias = -slope * coefs[-1], -slope * intercepts[-1] - shift
    probability = np.empty((len(hidden), len(bias)), dtype=dtype)
    # Slices that stay in the cache, and no temporaries: the output is large.
    n_rows = max(1, _SLICE_SIZE // len(bias))
    # exp overflows to infinity where the probability is zero.
    with np.errstate(over="ignore"):
        for start in range(0, len(hidden), n_rows):
            rows = slice(start, start + n_rows)
            p = np.matmul(hidden[rows], weight, out=probability[rows])
            p += bias
            np.exp(p, out=p)
            p += 1
            np.reciprocal(p, out=p)
    return probability


def fold_in(
    X: sp.csr_array,
    coefs: list[Floats],
    intercepts: list[Floats],
    activation: str,
) -> Floats:
    """Embed rows that have no entry in the embedding table.

    The binary cross-entropy of each row is minimised over its embedding with the
    decoder frozen: `FOLD_IN_STEPS` steps of Adam from the mean of the table, in
    float64, with steps that shrink linearly from the table's standard deviation.

    Parameters
    ----------
    X : CSR array of shape (n_rows, n_gene_sets)
        Binary memberships.
    coefs, intercepts : list of ndarray
        Layers of the network; the first coefficient is the embedding table.
    activation : {"identity", "relu", "rmsnorm", "tanh"}
        Activation of the embedding.

    Returns
    -------
    ndarray of shape (n_rows, embedding_dim), float64
        Embeddings after the activation.
    """
    coefs = [coef.astype(np.float64) for coef in coefs]
    intercepts = [intercept.astype(np.float64) for intercept in intercepts]
    table = coefs[0] + intercepts[0]
    state = np.tile(table.mean(axis=0), (X.shape[0], 1))
    first = np.zeros_like(state)
    second = np.zeros_like(state)
    scale = table.std() or 1.0
    for step in range(1, FOLD_IN_STEPS + 1):
        gradient = _embedding_gradient(X, state, coefs, intercepts, activation)
        first += 0.1 * (gradient - first)
        second += 0.01 * (gradient**2 - second)
        mean = first / (1 - 0.9**step)
        spread = np.sqrt(second / (1 - 0.99**step))
        rate = 0.5 * scale * (1 - (step - 1) / FOLD_IN_STEPS)
        state -= rate * mean / (spread + 1e-12)
    return activate(state, activation)


def _embedding_gradient(
    X: sp.csr_array,
    state: Floats,
    coefs: list[Floats],
    intercepts: list[Floats],
    activation: str,
) -> Floats:
    """Gradient of each row's summed cross-entropy in its pre-activation."""
    outputs = [activate(state, activation)]
    for coef, intercept in zip(coefs[1:-1], intercepts[1:-1], strict=True):
        outputs.append(np.maximum(outputs[-1] @ coef + intercept, 0))
    residual = outputs[-1] @ coefs[-1]
    residual += intercepts[-1]
    expit(residual, out=residual)
    # sigmoid(z) times the output weights, minus the weights of the members.
    gradient = residual @ coefs[-1].T - X @ coefs[-1].T
    for coef, output in zip(coefs[-2:0:-1], outputs[:0:-1], strict=True):
        gradient = (gradient * (output > 0)) @ coef.T
    if activation == "tanh":
        gradient *= 1 - outputs[0] ** 2
    elif activation == "relu":
        gradient *= outputs[0] > 0
    elif activation == "rmsnorm":
        along = (gradient * outputs[0]).mean(axis=1, keepdims=True)
        gradient = (gradient - along * outputs[0]) / _root_mean_square(state)
    return gradient
