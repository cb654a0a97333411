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


def test_rows_without_weight_leave_the_scale_as_it_is():
    X = (np.random.default_rng(3).random((60, 14)) < 0.3).astype(np.float32)
    X[30:] = 0
    weights = np.linspace(0.5, 2, 14)
    start = svd_start(sp.csr_array(X), weights, 5, np.random.RandomState(0))
    embedding = (input_rows(sp.csr_array(X), weights) @ start)[:30]
    assert np.sqrt(np.mean(embedding**2)) == pytest.approx(START_SCALE, rel=1e-5)
