"""Probabilities against the formula of the docs, in plain NumPy."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone

from sk_gene2vec import GeneSetEncoder
from sk_gene2vec.encoder import _probabilities

INPUTS = ["membership", "one-hot"]
RTOL = {np.float32: 1e-4, np.float64: 1e-5}  # vectors and weights are float32


def kinds(n_genes=70):
    """Genes of three kinds, each often in ten sets of its own."""
    rng = np.random.default_rng(0)
    own = np.arange(n_genes)[:, None] % 3 == np.arange(30) // 10
    X = rng.random((n_genes, 30)) < np.where(own, 0.6, 0.05)
    X[~X.any(axis=1), 0] = True
    return X.astype(np.float64)


def make(**changes):
    parameters = {"batch_size": 20, "max_epochs": 10, "random_state": 0}
    return GeneSetEncoder(5, **(parameters | changes))


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def votes_of(vectors, genes, memberships):
    """Votes of the 30 nearest genes, gene by gene; vectors of zeros have none."""
    known = np.flatnonzero(genes.any(axis=1))
    units = genes[known] / np.linalg.norm(genes[known], axis=1)[:, None]
    votes = np.zeros((len(vectors), memberships.shape[1]))
    for row, vector in enumerate(vectors):
        cosines = units @ vector / np.linalg.norm(vector)
        for place in np.argsort(-cosines)[:30]:
            votes[row] += max(cosines[place], 0) ** 3 * memberships[known[place]]
    return votes


def scores_of(encoder, vectors, X_fit):
    """Log-odds up to the constant that sets the level."""
    hidden = vectors
    for coef, intercept in zip(
        encoder.coefs_[1:-1], encoder.intercepts_[1:-1], strict=True
    ):
        hidden = np.maximum(hidden @ coef + intercept, 0)
    logits = hidden @ encoder.coefs_[-1] + encoder.intercepts_[-1]
    frequency = (X_fit.sum(axis=0) + 0.5) / (len(X_fit) + 1)
    votes = votes_of(vectors, encoder.embedding_.astype(np.float64), X_fit)
    return 0.2 * logits + 2 / 3 * np.log(votes + 10 * frequency)


def constant_of(encoder, X_fit):
    """Find the constant by bisection, so that the open pairs sum to what is missing."""
    known = encoder.embedding_.any(axis=1)
    scores = scores_of(encoder, encoder.embedding_[known].astype(np.float64), X_fit)
    open_ = scores[X_fit[known] == 0]
    n_listed = X_fit[known].sum()
    target = min((1 / encoder.completeness - 1) * n_listed, len(open_) / 2)
    low, high = -100.0, 100.0
    for _ in range(100):
        middle = (low + high) / 2
        if sigmoid(open_ + middle).sum() < target:
            low = middle
        else:
            high = middle
    return middle


def assert_is_formula(encoder, X, X_fit, dtype=np.float64):
    vectors = encoder.transform(X.astype(dtype)).astype(np.float64)
    scores = scores_of(encoder, vectors, X_fit)
    expected = sigmoid(scores + constant_of(encoder, X_fit))
    found = encoder.predict_proba(X.astype(dtype))
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, rtol=RTOL[dtype])


@pytest.mark.parametrize("dtype", RTOL)
@pytest.mark.parametrize("gene_input", INPUTS)
@pytest.mark.parametrize("n_genes", [12, 70], ids=["fewer than 30", "more than 30"])
def test_probabilities_are_those_of_the_formula(n_genes, gene_input, dtype):
    X = kinds(n_genes)
    encoder = make(gene_input=gene_input).fit(X)
    assert_is_formula(encoder, X, X, dtype)


def test_the_formula_holds_for_new_genes_and_hidden_layers():
    X = kinds(100)
    train, test = X[:70], X[70:]
    for changes in ({}, {"hidden_layer_sizes": (6, 4)}, {"activation": "tanh"}):
        encoder = make(**changes).fit(train)
        assert_is_formula(encoder, test, train)


def test_level_does_not_depend_on_the_order_of_the_gene_sets(monkeypatch):
    """Small and large sets in turn, and as many pairs as make a step of 2."""
    rng = np.random.default_rng(0)
    frequency = np.tile([0.02, 0.3], 200)
    X = sp.csr_array((rng.random((150, 400)) < frequency).astype(np.float32))
    in_turn = np.arange(400)
    by_size = np.argsort(frequency, kind="stable")
    sums = []
    for order in (in_turn, by_size):
        for pairs in (2**21, 100 * 400 // 2):
            monkeypatch.setattr(_probabilities, "_LEVEL_PAIRS", pairs)
            columns = X[:, order]
            encoder = GeneSetEncoder(5, max_epochs=5, random_state=0).fit(columns)
            p = encoder.predict_proba(columns)
            sums.append(p[columns.toarray() == 0].sum() / columns.nnz)
    np.testing.assert_allclose(sums, 1 / 0.87 - 1, rtol=0.1)


@pytest.mark.filterwarnings("ignore:.* only in sets")
@pytest.mark.parametrize("gene_input", INPUTS)
def test_vectors_of_zeros_do_not_vote_and_set_no_level(gene_input):
    # They would be the nearest if they could be neighbours.
    X = np.vstack([kinds(20), np.zeros((40, 30))])
    encoder = make(gene_input=gene_input).fit(X)
    assert not encoder.embedding_[20:].any()
    assert_is_formula(encoder, X[:20], X)
    expected = np.tile(encoder.gene_set_frequency_, (40, 1))
    np.testing.assert_array_equal(encoder.predict_proba(X[20:]), expected)


def open_and_listed(encoder, X):
    probability = encoder.predict_proba(X)
    return probability[X == 0], X.sum()


@pytest.mark.parametrize("gene_input", INPUTS)
@pytest.mark.parametrize("completeness", [0.6, 0.87, 0.99])
def test_what_is_not_listed_sums_to_what_is_missing(gene_input, completeness):
    X = kinds()
    encoder = make(gene_input=gene_input, completeness=completeness).fit(X)
    open_, n_listed = open_and_listed(encoder, X)
    expected = (1 / completeness - 1) * n_listed
    assert open_.sum() == pytest.approx(expected, rel=1e-4)


def test_no_more_than_half_of_what_is_not_listed_is_expected():
    X = kinds()
    encoder = make(completeness=0.01).fit(X)
    open_, n_listed = open_and_listed(encoder, X)
    assert 99 * n_listed > len(open_)
    assert open_.mean() == pytest.approx(0.5, rel=1e-4)


def test_completeness_changes_the_level_alone():
    X = kinds()
    low, high = (make(completeness=value).fit(X) for value in (0.99, 0.5))
    np.testing.assert_array_equal(low.embedding_, high.embedding_)
    p, q = (encoder.predict_proba(X) for encoder in (low, high))
    assert (p < q).all()
    np.testing.assert_array_equal(p.argsort(axis=1), q.argsort(axis=1))
    # The level is that of the fit.
    fitted = low.predict_proba(X)
    low.set_params(completeness=0.5)
    np.testing.assert_array_equal(low.predict_proba(X), fitted)


@pytest.mark.parametrize("gene_input", INPUTS)
def test_listed_memberships_are_more_probable_than_without_them(gene_input):
    X = kinds()
    encoder = make(gene_input=gene_input).fit(X)
    without = X.copy()
    without[0, np.flatnonzero(X[0])[0]] = 0
    other = clone(encoder).fit(without)
    column = np.flatnonzero(X[0])[0]
    found = encoder.predict_proba(X[:1])[0, column]
    assert found > other.predict_proba(without[:1])[0, column]


@pytest.mark.filterwarnings("ignore:.* only in sets")
@pytest.mark.parametrize("gene_input", INPUTS)
@pytest.mark.parametrize("shape", [(1, 1), (40, 3)])
def test_matrices_of_ones_have_probabilities(shape, gene_input):
    X = np.ones(shape)
    encoder = make(gene_input=gene_input).fit(X)
    probability = encoder.predict_proba(X)
    assert ((probability > 0.5) & (probability <= 1)).all()


@pytest.mark.parametrize("dtype", RTOL)
@pytest.mark.parametrize("gene_input", INPUTS)
def test_rows_on_their_own_and_in_blocks_give_the_same(gene_input, dtype, monkeypatch):
    X = kinds().astype(dtype)
    encoder = make(gene_input=gene_input).fit(X)
    whole = encoder.predict_proba(X)
    rtol = 1e3 * np.finfo(dtype).eps
    for rows in (slice(0, 1), slice(3, 10), slice(50, None)):
        part = encoder.predict_proba(sp.csr_array(X[rows]))
        np.testing.assert_allclose(part, whole[rows], rtol=rtol)
    monkeypatch.setattr(_probabilities, "_SLICE_SIZE", 7 * 30)
    np.testing.assert_allclose(encoder.predict_proba(X), whole, rtol=rtol)


@pytest.mark.parametrize("dtype", RTOL)
def test_numbers_far_out_give_probabilities_and_no_warning(dtype):
    X = kinds()
    encoder = make(activation="identity").fit(X)
    vector = np.array([[1e6, -1e6, 1e6, -1e6, 1e6]], dtype)
    far = encoder.inverse_transform(vector)
    assert ((far >= 0) & (far <= 1)).all()


@pytest.mark.parametrize("pairs", [20_000, 2000])
def test_the_level_holds_where_few_genes_have_most_memberships(pairs, monkeypatch):
    """The largest gene counts as one of many, also if a sample sets the level."""
    monkeypatch.setattr(_probabilities, "_LEVEL_PAIRS", pairs)
    rng = np.random.default_rng(0)
    shares = np.minimum(0.02 * rng.pareto(1.2, size=1000) + 0.01, 0.9)
    X = (rng.random((1000, 100)) < shares[:, None]).astype(np.float64)
    X[~X.any(axis=1), 0] = 1
    encoder = make(batch_size=200).fit(X)
    expected = encoder.predict_proba(X)[X == 0].sum()
    # A sample of 100 or 200 genes.
    assert expected == pytest.approx((1 / 0.87 - 1) * X.sum(), rel=0.1)
