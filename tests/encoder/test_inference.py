"""The trained network in NumPy, and the fold-in of unseen rows."""

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import approx_fprime, minimize

from sk_gene2vec.encoder import _inference
from sk_gene2vec.encoder._activations import ACTIVATIONS
from sk_gene2vec.encoder._inference import Layers

N_SETS = 30


def layers(activation, hidden, rng):
    sizes = [8, 4, *hidden, N_SETS]
    coefs = [rng.normal(size=s) for s in itertools.pairwise(sizes)]
    intercepts = [rng.normal(size=size) for size in sizes[1:]]
    return Layers(coefs, intercepts, activation)


@pytest.fixture
def X():
    rng = np.random.default_rng(3)
    return sp.csr_array((rng.random((6, N_SETS)) < 0.3).astype(float))


def row_losses(X, embedding, network):
    logits = _inference.decode_logits(embedding, network)
    members, others = np.logaddexp(0, -logits), np.logaddexp(0, logits)
    return (X.toarray() * members + (1 - X.toarray()) * others).sum(axis=1)


@pytest.mark.parametrize("hidden", [(), (7,), (7, 5)])
@pytest.mark.parametrize("activation", ["identity", "relu", "rmsnorm", "tanh"])
def test_fold_in_gradient_is_the_derivative_of_the_loss(X, activation, hidden):
    rng = np.random.default_rng(0)
    network = layers(activation, hidden, rng)
    state = rng.normal(size=(6, 4))
    gradient = _inference._embedding_gradient(X, state, network)
    for row in range(6):

        def loss(u, row=row):
            embedding = ACTIVATIONS[activation].function(u[None])
            return row_losses(X[[row]], embedding, network)[0]

        expected = approx_fprime(state[row], loss, 1e-7)
        # Forward differences of a loss of order 100 are good to about 1e-5.
        np.testing.assert_allclose(gradient[row], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("activation", ["identity", "rmsnorm", "tanh"])
def test_fold_in_comes_close_to_the_minimum(X, activation):
    network = layers(activation, (), np.random.default_rng(1))
    folded = _inference.fold_in(X, network)
    losses = row_losses(X, folded, network)
    assert folded.shape == (6, 4)
    start = (network.coefs[0] + network.intercepts[0]).mean(axis=0)
    for row, loss in enumerate(losses):

        def objective(u, row=row):
            embedding = ACTIVATIONS[activation].function(u[None])
            return row_losses(X[[row]], embedding, network)[0]

        assert loss <= 1.05 * minimize(objective, start).fun


@pytest.mark.parametrize("hidden", [(), (7,)])
@pytest.mark.parametrize("activation", ["identity", "relu", "rmsnorm", "tanh"])
def test_fold_in_lowers_the_loss_of_every_row(X, activation, hidden):
    # The loss may have more than one minimum, so only this can be asked.
    network = layers(activation, hidden, np.random.default_rng(1))
    folded = _inference.fold_in(X, network)
    start = ACTIVATIONS[activation].function(
        (network.coefs[0] + network.intercepts[0]).mean(axis=0)
    )
    before = row_losses(X, np.tile(start, (6, 1)), network)
    assert (row_losses(X, folded, network) < before).all()


def test_fold_in_treats_rows_independently(X):
    network = layers("tanh", (7,), np.random.default_rng(2))
    together = _inference.fold_in(X, network)
    order = [4, 0, 5]
    alone = _inference.fold_in(X[order], network)
    np.testing.assert_allclose(alone, together[order], rtol=0, atol=1e-9)


def test_input_rows_are_weighted_and_of_unit_length():
    X = sp.csr_array(np.array([[1.0, 0, 1], [0, 0, 0], [0, 1, 0]]))
    rows = _inference.input_rows(X, np.array([3.0, 5.0, 4.0]))
    np.testing.assert_allclose(rows.toarray(), [[0.6, 0, 0.8], [0, 0, 0], [0, 1, 0]])


def test_logits_are_those_of_the_layers():
    network = layers("tanh", (7,), np.random.default_rng(4))
    embedding = np.random.default_rng(5).normal(size=(3, 4))
    coefs, intercepts, _ = network
    hidden = np.maximum(embedding @ coefs[1] + intercepts[1], 0)
    expected = hidden @ coefs[2] + intercepts[2]
    logits = _inference.decode_logits(embedding, network)
    np.testing.assert_allclose(logits, expected, rtol=1e-12)
    some = _inference.decode_logits(embedding, network, slice(2, 5))
    np.testing.assert_allclose(some, expected[:, 2:5], rtol=1e-12)
