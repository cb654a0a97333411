"""The wide part: which inputs a gene set gets, and their weights."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.linear_model import Ridge

from sk_gene2vec import GeneSetEncoder
from sk_gene2vec.encoder._inference import WIDE_LOGITS, WIDE_PENALTY
from sk_gene2vec.encoder.training import _wide
from sk_gene2vec.encoder.training._wide import averaged, wide_coef
from sk_gene2vec.metrics import held_out_membership_scores, split_memberships


def csr(matrix):
    return sp.csr_array(np.asarray(matrix, dtype=np.float32))


@pytest.fixture(scope="module")
def X():
    """Genes of six kinds, in 40 sets, ten of which are copies with errors."""
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 6, size=400)
    X = rng.random((400, 40)) < rng.beta(0.3, 2, size=(6, 40))[kinds]
    X[:, 30:] = X[:, :10] ^ (rng.random((400, 10)) < 0.02)
    return csr(X[X.any(axis=1)])


def test_weights_are_a_ridge_regression_on_the_inputs(X):
    coef = wide_coef(X, 5).toarray() / WIDE_LOGITS
    assert np.count_nonzero(coef, axis=0).tolist() == [5] * 40
    np.testing.assert_array_equal(coef.diagonal(), 0)
    dense = X.toarray()
    for target, weights in zip(dense.T, coef.T, strict=True):
        inputs = np.flatnonzero(weights)
        ridge = Ridge(WIDE_PENALTY, fit_intercept=False)
        ridge.fit(dense[:, inputs].astype(float), target)
        np.testing.assert_allclose(weights[inputs], ridge.coef_, atol=1e-5)


def test_the_first_inputs_are_the_most_similar_and_more_of_them_none_the_worse(X):
    one = wide_coef(X, 1)
    shared = (X.T @ X).toarray()
    size = shared.diagonal()
    similar = shared / np.sqrt(size + 5)
    np.fill_diagonal(similar, -1)
    assert one.toarray().argmax(axis=0).tolist() == similar.argmax(axis=1).tolist()
    # A copy is the first input of what it copies.
    assert one.toarray().argmax(axis=0)[:10].tolist() == [*range(30, 40)]
    errors = [
        ((X @ wide_coef(X, n) / WIDE_LOGITS - X).toarray() ** 2).mean()
        for n in (1, 2, 4, 10, 39)
    ]
    assert (np.diff(errors) < 0).all()


def test_a_set_that_excludes_another_is_found():
    # Genes of A are in B or in C, never in both: of B's inputs A says yes, C no.
    a, b = np.zeros((2, 90))
    a[:60], b[:30] = 1, 1
    X = np.column_stack([a, b, a - b, np.roll(a, 45)])
    coef = wide_coef(csr(X), 2).toarray()
    assert coef[0, 1] > 0
    assert coef[2, 1] < 0


@pytest.mark.parametrize("n_threads", [1, 2])
def test_threads_and_the_size_of_strips_change_nothing(X, n_threads, monkeypatch):
    # 40 sets: in one strip, and in five, of which each thread takes some.
    expected = wide_coef(X, 7).toarray()
    monkeypatch.setattr(_wide, "_STRIP", 9)
    np.testing.assert_array_equal(wide_coef(X, 7, n_threads).toarray(), expected)


def test_as_many_genes_as_two_bytes_cannot_count():
    rng = np.random.default_rng(0)
    few = rng.random((30, 3)) < [0.3, 0.5, 0.6]
    many = sp.vstack([csr(few), sp.csr_array((65_600, 3), dtype=np.float32)])
    np.testing.assert_allclose(
        wide_coef(sp.csr_array(many), 2).toarray(), wide_coef(csr(few), 2).toarray()
    )


def test_large_collections_are_split_into_similar_sets(X, monkeypatch):
    whole = wide_coef(X, 3)
    # Counts of two bytes: blocks of at most 20 sets.
    monkeypatch.setattr(_wide, "_MAX_COUNTS", 2 * 20**2)
    split = wide_coef(X, 3)
    blocks = _wide._similar_blocks(
        sp.csr_array(X.T, dtype=np.uint16), np.arange(X.shape[1])
    )
    assert [len(block) for block in blocks] == [20, 20]
    block_of = np.empty(40, dtype=int)
    for number, block in enumerate(blocks):
        block_of[block] = number
    inputs, sets = split.nonzero()
    assert (block_of[inputs] == block_of[sets]).all()
    # Nearly all copies stay with what they copy.
    assert (block_of[:10] == block_of[30:]).sum() >= 8
    assert split.nnz == whole.nnz
    # Halves of an odd number: neither may be too large.
    monkeypatch.setattr(_wide, "_MAX_COUNTS", 2 * 10**2)
    by_set = sp.csr_array(X.T, dtype=np.uint16)
    blocks = _wide._similar_blocks(by_set, np.arange(21))
    assert sorted(len(block) for block in blocks) == [5, 5, 5, 6]
    assert sorted(np.concatenate(blocks)) == [*range(21)]


@pytest.mark.parametrize(
    "X",
    [np.zeros((3, 2)), np.ones((3, 2)), np.eye(3, 1), np.zeros((4, 3))],
    ids=["empty", "full", "one set", "empty rows"],
)
def test_sets_that_tell_nothing_have_no_weights(X):
    coef = wide_coef(csr(X), 50)
    assert coef.shape == (X.shape[1],) * 2
    assert coef.nnz == 0


def test_two_sets_predict_each_other(X):
    coef = wide_coef(sp.csr_array(X[:, [0, 30]]), 50).toarray()
    assert (coef != 0).tolist() == [[False, True], [True, False]]


def test_a_set_of_all_genes_and_an_empty_one_are_no_inputs(X):
    all_, none = np.ones((X.shape[0], 1)), np.zeros((X.shape[0], 1))
    coef = wide_coef(csr(np.hstack([X.toarray(), all_, none])), 7).toarray()
    np.testing.assert_array_equal(coef[:40, :40], wide_coef(X, 7).toarray())
    np.testing.assert_array_equal(coef[40:], 0)
    np.testing.assert_array_equal(coef[:, 40:], 0)


def test_averages_keep_the_largest_weights():
    a = csr([[0, 4, 0], [2, 0, 0], [6, 0, 0]])
    b = csr([[0, 0, 0], [2, 0, 9], [-6, -8, 0]])
    mean = averaged((a, b), np.array([0.25, 0.5, 0]), n_inputs=1)
    np.testing.assert_array_equal(mean.toarray(), [[0, 0, 0], [0, 0, 9], [-3, -4, 0]])


# --- in the encoder


@pytest.fixture(scope="module")
def fitted(X):
    return GeneSetEncoder(4, n_wide_inputs=5, random_state=0).fit(X)


def test_it_finds_what_a_short_vector_cannot(X):
    shown, hidden = split_memberships(X, random_state=1)
    encoder = GeneSetEncoder(4, random_state=0).fit(shown)
    with_it, without = (
        held_out_membership_scores(
            encoder, shown, hidden, metrics=["ndcg"], response_method=method
        )["ndcg"]
        for method in ("predict_proba", "inverse_transform")
    )
    assert with_it > without + 0.1


def test_vectors_and_the_embedding_alone_know_nothing_of_it(X, fitted):
    without = GeneSetEncoder(4, n_wide_inputs=0, random_state=0).fit(X)
    assert without.wide_coef_.nnz == 0
    for name in ("embedding_", "gene_set_embedding_", "embedding_calibration_"):
        np.testing.assert_array_equal(getattr(fitted, name), getattr(without, name))
    np.testing.assert_array_equal(
        fitted.inverse_transform(fitted.embedding_),
        without.inverse_transform(without.embedding_),
    )
    assert fitted.score(X) == without.score(X)
    np.testing.assert_array_equal(without.calibration_, without.embedding_calibration_)


def test_one_hot_has_none(X):
    encoder = GeneSetEncoder(4, gene_input="one-hot", max_epochs=2).fit(X)
    assert encoder.wide_coef_.nnz == 0


def test_it_is_learned_from_what_training_sees(X, fitted):
    # Some memberships are held out for the calibration.
    assert (fitted.wide_coef_ != wide_coef(X, 5)).nnz
    whole = GeneSetEncoder(4, n_wide_inputs=5, validation_fraction=0).fit(X)
    np.testing.assert_array_equal(whole.wide_coef_.toarray(), wide_coef(X, 5).toarray())


def test_parts_are_averaged_by_their_members(X):
    dense = X.toarray()
    dense[:100, 7] = 0
    X = csr(dense)
    parts = X[:100], X[100:]
    encoder = GeneSetEncoder(4, n_wide_inputs=6, validation_fraction=0)
    for part in parts:
        encoder.partial_fit(part)
    # Of the second part, the penalty is as large as the part is of both.
    share = parts[1].shape[0] / X.shape[0]
    coefs = (
        wide_coef(parts[0], 6),
        wide_coef(parts[1], 6, penalty=WIDE_PENALTY * share),
    )
    shares = parts[0].sum(axis=0) / X.sum(axis=0)
    np.testing.assert_allclose(
        encoder.wide_coef_.toarray(),
        averaged(coefs, shares, 6).toarray(),
        rtol=1e-4,
        atol=1e-4,
    )
    # A set that the first part has no gene of is predicted as the second says.
    assert shares[7] == 0
    np.testing.assert_allclose(
        encoder.wide_coef_[:, [7]].toarray(), coefs[1][:, [7]].toarray(), rtol=1e-5
    )


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_wide_part_that_nothing_calibrates_is_left_out_with_a_warning(X, method):
    encoder = GeneSetEncoder(4, n_wide_inputs=0, warm_start=True, random_state=0)
    before = encoder.fit(X).predict_proba(X)
    encoder.set_params(n_wide_inputs=5, validation_fraction=0, lr=1e-12, max_epochs=1)
    with pytest.warns(UserWarning, match="no wide part.*nothing is held out"):
        getattr(encoder, method)(X)
    assert encoder.wide_coef_.nnz == 0
    np.testing.assert_allclose(encoder.predict_proba(X), before, rtol=1e-4)
    # With memberships held out there is one, on the same level.
    getattr(encoder.set_params(validation_fraction=0.1), method)(X)
    assert encoder.wide_coef_.nnz == wide_coef(X, 5).nnz
    beyond = ~X.toarray().astype(bool)
    assert encoder.predict_proba(X)[beyond].mean() == pytest.approx(
        before[beyond].mean(), rel=0.2
    )


def test_without_calibration_it_may_come_later(X):
    encoder = GeneSetEncoder(4, n_wide_inputs=0, warm_start=True, validation_fraction=0)
    encoder.fit(X).set_params(n_wide_inputs=5).fit(X)
    assert encoder.wide_coef_.nnz


def test_a_part_without_inputs_removes_it(X):
    encoder = GeneSetEncoder(4, random_state=0).partial_fit(X)
    assert encoder.wide_coef_.nnz
    encoder.set_params(n_wide_inputs=0).partial_fit(X)
    assert encoder.wide_coef_.nnz == 0


def test_early_stopping_is_refused_before_it_is_computed(X, monkeypatch):
    monkeypatch.delattr(_wide, "_pursue")
    encoder = GeneSetEncoder(4, early_stopping=True, validation_fraction=0)
    with pytest.raises(ValueError, match="early_stopping needs held-out"):
        encoder.fit(X)


def test_warm_start_computes_it_anew(X):
    encoder = GeneSetEncoder(4, n_wide_inputs=5, validation_fraction=0, max_epochs=1)
    encoder.set_params(warm_start=True).fit(X[:200]).fit(X)
    np.testing.assert_array_equal(
        encoder.wide_coef_.toarray(), wide_coef(X, 5).toarray()
    )


def test_parts_share_the_penalty(X):
    encoder = GeneSetEncoder(2, max_epochs=1, validation_fraction=0.0, random_state=0)
    first, second = X[:200], X[200:]
    for part in (first, second):
        encoder.partial_fit(part)
    penalty = WIDE_PENALTY * second.shape[0] / X.shape[0]
    coefs = wide_coef(first, 50), wide_coef(second, 50, penalty=penalty)
    expected = averaged(coefs, first.sum(axis=0) / X.sum(axis=0), 50)
    np.testing.assert_allclose(
        encoder.wide_coef_.toarray(), expected.toarray(), rtol=1e-5, atol=1e-5
    )
