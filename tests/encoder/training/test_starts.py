"""The weights that training starts from."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.preprocessing import normalize

from sk_gene2vec import GeneSetEncoder
from sk_gene2vec.encoder._inference import input_rows
from sk_gene2vec.encoder.training import _starts
from sk_gene2vec.encoder.training._starts import (
    START_SCALE,
    ease_start,
    ease_weights,
    svd_start,
)


@pytest.mark.parametrize("one_hot", [False, True])
def test_svd_start_spans_the_leading_directions(one_hot):
    rng = np.random.default_rng(6)
    X = sp.csr_array((rng.random((40, 12)) < 0.4).astype(float))
    weights = rng.random(12)
    rows = input_rows(X, weights).toarray()
    start, output = svd_start(X, weights, 5, one_hot, np.random.RandomState(0))
    assert output is None
    assert start.dtype == np.float32
    embedding = start if one_hot else rows @ start
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


@pytest.mark.parametrize("one_hot", [False, True])
def test_svd_start_has_no_more_components_than_the_matrix(one_hot):
    X = sp.csr_array(np.eye(4, 3))
    weights = np.ones(3)
    start, _ = svd_start(X, weights, 9, one_hot, np.random.RandomState(0))
    assert start.shape == ((4 if one_hot else 3), 3)


@pytest.mark.parametrize("make_start", [svd_start, ease_start])
@pytest.mark.parametrize("one_hot", [False, True])
def test_without_weights_all_columns_start_at_random(make_start, one_hot):
    X = sp.csr_array(np.eye(4, 3))
    start, output = make_start(X, np.zeros(3), 2, one_hot, np.random.RandomState(0))
    assert start.shape == ((4 if one_hot else 3), 0)
    assert output is None


@pytest.mark.parametrize("one_hot", [False, True])
def test_ease_starts_at_random_if_no_gene_is_in_two_sets(one_hot):
    X, weights = sp.csr_array(np.eye(4, 3)), np.ones(3)
    start, output = ease_start(X, weights, 2, one_hot, np.random.RandomState(0))
    assert start.shape == ((4 if one_hot else 3), 0)
    assert output is None


@pytest.mark.parametrize("make_start", [svd_start, ease_start])
@pytest.mark.parametrize("one_hot", [False, True])
def test_rows_without_weight_leave_the_scale_as_it_is(make_start, one_hot):
    X = random_memberships().toarray()
    X[30:] = 0
    weights = np.linspace(0.5, 2, 14)
    start, _ = make_start(
        sp.csr_array(X), weights, 5, one_hot, np.random.RandomState(0)
    )
    rows = input_rows(sp.csr_array(X), weights)
    embedding = (start if one_hot else rows @ start)[:30]
    assert np.sqrt(np.mean(embedding**2)) == pytest.approx(START_SCALE, rel=1e-5)


def random_memberships(n_genes=60, n_sets=14, seed=3, dtype=np.float32):
    rng = np.random.default_rng(seed)
    return sp.csr_array((rng.random((n_genes, n_sets)) < 0.3).astype(dtype))


@pytest.mark.parametrize(("dtype", "atol"), [(np.float32, 1e-4), (np.float64, 1e-12)])
def test_ease_weights_are_ridge_regressions_on_the_other_sets(dtype, atol):
    X = random_memberships(dtype=dtype)
    weights = ease_weights(X, penalty=2.0)
    dense = X.toarray().astype(float)
    for j in range(X.shape[1]):
        others = np.arange(X.shape[1]) != j
        A = dense[:, others]
        expected = np.linalg.solve(A.T @ A + 2 * np.eye(len(A.T)), A.T @ dense[:, j])
        np.testing.assert_allclose(weights[others, j], expected, atol=atol)
        assert weights.dtype == dtype
        assert weights[j, j] == 0


@pytest.mark.parametrize("strip", [1, 5, 512])
def test_ease_weights_do_not_depend_on_the_strips(monkeypatch, strip):
    X = random_memberships()
    expected = ease_weights(X, penalty=1.0)
    monkeypatch.setattr("sk_gene2vec.encoder.training._starts._STRIP", strip)
    np.testing.assert_allclose(ease_weights(X, penalty=1.0), expected, atol=1e-6)


def test_ease_weights_of_an_impossible_penalty():
    with pytest.raises(
        np.linalg.LinAlgError, match=r"positive definite.*larger penalty"
    ):
        ease_weights(random_memberships(), penalty=-100.0)


@pytest.mark.parametrize("one_hot", [False, True])
def test_ease_start_of_full_width_gives_the_predictions_of_ease(one_hot):
    X = random_memberships()
    set_weights = np.linspace(0.5, 2, X.shape[1])
    start = ease_start(X, set_weights, 14, one_hot, np.random.RandomState(0))
    rows = input_rows(X, set_weights)
    embedding = start.embedding if one_hot else rows @ start.embedding
    assert np.sqrt(np.mean(embedding**2)) == pytest.approx(START_SCALE, rel=1e-5)
    scores = embedding @ start.output.T
    expected = X @ ease_weights(X, penalty=X.sum() / X.shape[0])
    # Up to one factor for each row.
    np.testing.assert_allclose(normalize(scores), normalize(expected), atol=1e-5)


def test_ease_start_of_small_width_has_the_leading_directions_of_unit_rows():
    dense = random_memberships().toarray()
    # Rows of unequal length: it matters that they are scaled.
    dense[:20, 4:] = 0
    dense[:, 0] = 1
    X = sp.csr_array(dense)
    _, output = ease_start(X, np.ones(14), 3, False, np.random.RandomState(0))
    # Orthogonal, and of the length that gives logits.
    np.testing.assert_allclose(output.T @ output, 9 * np.eye(3), atol=1e-4)
    unit = dense / np.linalg.norm(dense, axis=1, keepdims=True)
    predicted = unit @ ease_weights(X, penalty=X.sum() / X.shape[0])
    directions = np.linalg.svd(predicted)[2][:3]
    np.testing.assert_allclose(abs(directions @ output), 3 * np.eye(3), atol=1e-2)


@pytest.mark.parametrize(
    ("most", "dtype"), [(20, "float64"), (14, "float64"), (13, "float32")]
)
def test_ease_start_is_in_double_precision_up_to_some_size(monkeypatch, most, dtype):
    def spy(rows, penalty):
        seen.append(rows.dtype)
        return ease_weights(rows, penalty)

    seen = []
    monkeypatch.setattr(_starts, "ease_weights", spy)
    monkeypatch.setattr(_starts, "_MAX_DOUBLE", most)
    ease_start(random_memberships(), np.ones(14), 3, False, np.random.RandomState(0))
    assert seen == [dtype]


def test_ease_start_survives_sets_without_genes_and_of_all_genes():
    X = sp.csr_array(np.array([[1, 0, 1], [1, 0, 0]], dtype=np.float32))
    start = ease_start(X, np.array([0, 0, 0.7]), 5, False, np.random.RandomState(0))
    assert start.embedding.shape == (3, 2)
    assert np.isfinite(start.embedding).all()
    assert np.isfinite(start.output).all()


@pytest.mark.parametrize("gene_input", ["membership", "one-hot"])
@pytest.mark.parametrize("hidden_layer_sizes", [(), (8,)])
def test_an_ease_start_trains(problem, gene_input, hidden_layer_sizes):
    """Few small steps from EASE predict hidden memberships; from chance they do not."""
    X = random_blocks()
    options = {
        "embedding_dim": 12,
        "gene_input": gene_input,
        "hidden_layer_sizes": hidden_layer_sizes,
        "max_epochs": 2,
        "lr": 1e-3,
        "random_state": 0,
    }
    with_ease = GeneSetEncoder(init="ease", **options).fit(X).score(X)
    by_chance = GeneSetEncoder(init="random", **options).fit(X).score(X)
    if not hidden_layer_sizes:
        assert with_ease > by_chance + 0.2
    assert with_ease > 0.1


def random_blocks():
    """Genes of twelve kinds, each with gene sets of its own and some noise."""
    rng = np.random.default_rng(0)
    kind = np.arange(240) % 12
    own = kind[:, np.newaxis] == np.arange(120) // 10
    return sp.csr_array(rng.random((240, 120)) < np.where(own, 0.8, 0.02))
