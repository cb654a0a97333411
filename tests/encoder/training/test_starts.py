"""The weights that training starts from."""

import numpy as np
import pytest
import scipy.sparse as sp

from sk_gene2vec.encoder._inference import input_rows
from sk_gene2vec.encoder.training._starts import START_SCALE, svd_start


def test_svd_start_spans_the_leading_directions():
    rng = np.random.default_rng(6)
    X = sp.csr_array((rng.random((40, 12)) < 0.4).astype(float))
    weights = rng.random(12)
    rows = input_rows(X, weights).toarray()
    start = svd_start(X, weights, 5, np.random.RandomState(0))
    assert start.dtype == np.float32
    embedding = rows @ start
    assert np.sqrt(np.mean(embedding**2)) == pytest.approx(START_SCALE)
    u, s, _ = np.linalg.svd(rows)
    expected = u[:, :5] * s[:5]
    # Equal up to the sign of each component, and scale.
    cosine = (embedding * expected).sum(axis=0) / (
        np.linalg.norm(embedding, axis=0) * np.linalg.norm(expected, axis=0)
    )
    np.testing.assert_allclose(abs(cosine), 1, atol=1e-4)
    spread = np.linalg.norm(embedding, axis=0) / s[:5]
    np.testing.assert_allclose(spread, spread[0], rtol=1e-3)


@pytest.mark.parametrize(
    ("weights", "n_components"), [(np.ones(3), 3), (np.zeros(3), 0)]
)
def test_svd_start_has_no_more_components_than_the_matrix(weights, n_components):
    X = sp.csr_array(np.eye(4, 3))
    start = svd_start(X, weights, 9, np.random.RandomState(0))
    assert start.shape == (3, n_components)


def test_components_beyond_the_rank_are_left_out():
    rng = np.random.default_rng(0)
    X = np.repeat((rng.random((40, 6)) < 0.4).astype(np.float32), 3, axis=1)
    weights = np.repeat(rng.random(6), 3)
    start = svd_start(sp.csr_array(X), weights, 10, np.random.RandomState(0))
    assert start.shape == (18, 6)
    embedding = input_rows(sp.csr_array(X), weights) @ start
    assert np.linalg.matrix_rank(embedding) == 6
    share = X.any(axis=1).mean()
    mean = np.sqrt(np.mean(embedding**2) / share)
    assert mean == pytest.approx(START_SCALE, rel=1e-5)


def test_the_start_does_not_depend_on_the_number_of_threads(n_threads):
    rng = np.random.default_rng(1)
    X = sp.csr_array((rng.random((3000, 900)) < 0.02).astype(np.float32))
    weights = rng.random(900)
    found = []
    for n in (1, 2, 4):
        with n_threads(n):
            found.append(svd_start(X, weights, 40, np.random.RandomState(0)))
    np.testing.assert_allclose(found[1], found[0], rtol=0, atol=1e-6)
    np.testing.assert_allclose(found[2], found[0], rtol=0, atol=1e-6)


def test_rows_without_weight_leave_the_scale_as_it_is():
    X = (np.random.default_rng(3).random((60, 14)) < 0.3).astype(np.float32)
    X[30:] = 0
    weights = np.linspace(0.5, 2, 14)
    start = svd_start(sp.csr_array(X), weights, 5, np.random.RandomState(0))
    embedding = (input_rows(sp.csr_array(X), weights) @ start)[:30]
    assert np.sqrt(np.mean(embedding**2)) == pytest.approx(START_SCALE, rel=1e-5)
