"""The trained network in NumPy, and the fold-in of unseen rows."""

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import approx_fprime, minimize

from sk_gene2vec.encoder import _inference as inference

N_SETS = 30


def layers(activation, hidden, rng):
    sizes = [8, 4, *hidden, N_SETS]
    coefs = [rng.normal(size=s) for s in itertools.pairwise(sizes)]
    intercepts = [rng.normal(size=size) for size in sizes[1:]]
    return coefs, intercepts


@pytest.fixture
def X():
    rng = np.random.default_rng(3)
    return sp.csr_array((rng.random((6, N_SETS)) < 0.3).astype(float))


def row_losses(X, embedding, coefs, intercepts):
    logits = inference.decode_logits(embedding, coefs, intercepts)
    return (np.logaddexp(0, logits) - X.toarray() * logits).sum(axis=1)


@pytest.mark.parametrize("hidden", [(), (7,), (7, 5)])
@pytest.mark.parametrize("activation", ["identity", "relu", "rmsnorm", "tanh"])
def test_fold_in_gradient_is_the_derivative_of_the_loss(X, activation, hidden):
    rng = np.random.default_rng(0)
    coefs, intercepts = layers(activation, hidden, rng)
    state = rng.normal(size=(6, 4))
    gradient = inference._embedding_gradient(X, state, coefs, intercepts, activation)
    for row in range(6):

        def loss(u, row=row):
            embedding = inference.activate(u[None], activation)
            return row_losses(X[[row]], embedding, coefs, intercepts)[0]

        expected = approx_fprime(state[row], loss, 1e-7)
        # Forward differences of a loss of order 100 are good to about 1e-5.
        np.testing.assert_allclose(gradient[row], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("activation", ["identity", "rmsnorm", "tanh"])
def test_fold_in_comes_close_to_the_minimum(X, activation):
    coefs, intercepts = layers(activation, (), np.random.default_rng(1))
    folded = inference.fold_in(X, coefs, intercepts, activation)
    losses = row_losses(X, folded, coefs, intercepts)
    assert folded.shape == (6, 4)
    start = (coefs[0] + intercepts[0]).mean(axis=0)
    for row, loss in enumerate(losses):

        def objective(u, row=row):
            embedding = inference.activate(u[None], activation)
            return row_losses(X[[row]], embedding, coefs, intercepts)[0]

        assert loss <= 1.05 * minimize(objective, start).fun


@pytest.mark.parametrize("hidden", [(), (7,)])
@pytest.mark.parametrize("activation", ["identity", "relu", "rmsnorm", "tanh"])
def test_fold_in_lowers_the_loss_of_every_row(X, activation, hidden):
    # All that can be asked where the loss has more than one minimum.
    coefs, intercepts = layers(activation, hidden, np.random.default_rng(1))
    folded = inference.fold_in(X, coefs, intercepts, activation)
    start = inference.activate((coefs[0] + intercepts[0]).mean(axis=0), activation)
    before = row_losses(X, np.tile(start, (6, 1)), coefs, intercepts)
    assert (row_losses(X, folded, coefs, intercepts) < before).all()


def test_fold_in_treats_each_row_on_its_own(X):
    coefs, intercepts = layers("tanh", (7,), np.random.default_rng(2))
    together = inference.fold_in(X, coefs, intercepts, "tanh")
    order = [4, 0, 5]
    alone = inference.fold_in(X[order], coefs, intercepts, "tanh")
    np.testing.assert_allclose(alone, together[order], rtol=0, atol=1e-9)


def test_input_rows_are_weighted_and_of_unit_length():
    X = sp.csr_array(np.array([[1.0, 0, 1], [0, 0, 0], [0, 1, 0]]))
    rows = inference.input_rows(X, np.array([3.0, 5.0, 4.0]))
    np.testing.assert_allclose(rows.toarray(), [[0.6, 0, 0.8], [0, 0, 0], [0, 1, 0]])


def test_decode_is_the_formula():
    coefs, intercepts = layers("tanh", (7,), np.random.default_rng(4))
    embedding = np.random.default_rng(5).normal(size=(3, 4))
    hidden = np.maximum(embedding @ coefs[1] + intercepts[1], 0)
    logits = hidden @ coefs[2] + intercepts[2]
    expected = 1 / (1 + np.exp(-(0.5 * logits - 2)))
    calibration = np.array([0.5, -2.0])
    probability = inference.decode(embedding, coefs, intercepts, calibration)
    np.testing.assert_allclose(probability, expected, rtol=1e-12)
    narrow = inference.decode(
        embedding.astype(np.float32), coefs, intercepts, calibration
    )
    assert narrow.dtype == np.float32
    np.testing.assert_allclose(narrow, expected, rtol=1e-4)
