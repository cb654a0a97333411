"""Held-out memberships, and the calibration that they and the convention set."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import approx_fprime, minimize
from scipy.special import expit, logit
from scipy.stats import norm

from sk_gene2vec import GeneSetEncoder, GmtVectorizer, read_gmt
from sk_gene2vec.metrics import _calibration as calibration
from sk_gene2vec.metrics import reliability_table, split_memberships
from sk_gene2vec.metrics._calibration import (
    fit_calibration,
    hold_out,
    slopes_and_shifts,
)
from sk_gene2vec.metrics._held_out import Predictions


@pytest.fixture
def X():
    """Genes of 0 to 30 memberships."""
    rng = np.random.default_rng(0)
    X = (rng.random((200, 60)) < rng.random(200)[:, None] * 0.5).astype(np.float32)
    X[:20] = 0
    X[np.arange(5, 20), np.arange(15)] = 1
    return sp.csr_array(X)


def csr(matrix):
    return sp.csr_array(np.asarray(matrix, dtype=float))


def nothing(shape):
    return sp.csr_array(shape)


def probabilities(z, table, sizes):
    """Apply a calibration, as its docstring says."""
    below, above, shifts = slopes_and_shifts(table, sizes)[:, :, None]
    return expit(below * np.minimum(z, 0) + above * np.maximum(z, 0) + shifts)


# --- hold_out


def test_hold_out_takes_a_ninth_from_some_genes_and_nothing_from_others(X):
    rest, held_out = hold_out(X, 0.25, np.random.RandomState(0))
    sizes = np.diff(X.indptr)
    assert len(held_out.genes) == np.ceil(0.25 * (sizes >= 2).sum())
    assert (sizes[held_out.genes] >= 2).all()
    assert (sizes[held_out.genes] < 5).any()
    np.testing.assert_array_equal(
        np.diff(held_out.hidden.indptr),
        np.maximum(np.rint(sizes[held_out.genes] / 9), 1),
    )
    expected = X.toarray()
    expected[held_out.genes] -= held_out.hidden.toarray()
    np.testing.assert_array_equal(rest.toarray(), expected)
    np.testing.assert_array_equal(held_out.shown.toarray(), expected[held_out.genes])
    assert rest.has_sorted_indices
    assert rest.nnz == X.nnz - held_out.hidden.nnz


def test_whole_genes_are_all_that_have_a_membership(X):
    _, held_out = hold_out(X, 0.25, np.random.RandomState(0))
    np.testing.assert_array_equal(held_out.whole, np.flatnonzero(np.diff(X.indptr)))
    listed = X[held_out.whole].toarray()
    np.testing.assert_array_equal(held_out.listed.toarray(), listed)


def test_whole_genes_are_counted_as_often_as_their_row_occurs(X):
    counts = np.arange(200) % 3
    _, held_out = hold_out(X, 0.25, np.random.RandomState(0), counts)
    expected = np.where(np.diff(X.indptr) > 0, counts, 0)
    np.testing.assert_array_equal(np.bincount(held_out.whole, minlength=200), expected)


def test_nothing_is_held_out_with_a_fraction_of_zero_or_without_memberships(X):
    for matrix, fraction in ((X, 0.0), (nothing(X.shape), 0.5)):
        rest, held_out = hold_out(matrix, fraction, np.random.RandomState(0))
        assert rest is matrix
        assert held_out is None


def test_nothing_is_hidden_where_genes_have_one_membership():
    X = np.eye(20, 25)
    rest, held_out = hold_out(csr(X), 0.5, np.random.RandomState(0))
    np.testing.assert_array_equal(rest.toarray(), X)
    assert held_out.shown.shape == held_out.hidden.shape == (0, 25)
    assert len(held_out.genes) == held_out.hidden.nnz == held_out.shown.nnz == 0
    assert len(held_out.whole) == 20


def test_no_more_genes_are_looked_at_than_are_worth_it(X, monkeypatch):
    monkeypatch.setattr(calibration, "_MAX_PAIRS_HELD_OUT", 7 * X.shape[1])
    monkeypatch.setattr(calibration, "_MAX_PAIRS_WHOLE", 50 * X.shape[1])
    _, held_out = hold_out(X, 0.9, np.random.RandomState(0))
    assert len(held_out.genes) == 7
    assert len(set(held_out.whole)) == 50
    # Of every number of memberships: there are 15 genes of one.
    sizes = np.diff(X.indptr)[held_out.whole]
    assert 5 <= (sizes == 1).sum() < 15
    assert (sizes >= 20).any()


# --- fit_calibration


def a_world(rng, n_genes, n_sets, below, above):
    """Logits, true memberships, and those listed."""
    level = np.repeat([-5.0, -3.5, -2.0], n_genes // 3)
    logits = rng.normal(0, 2, size=(n_genes, n_sets))
    slopes = np.where(logits < 0, below, above)
    true = rng.random(logits.shape) < expit(slopes * logits + level[:, None])
    listed = true & (rng.random(true.shape) < 0.9)
    return logits, true, listed


def test_slopes_are_recovered_and_the_level_is_that_of_what_is_missing():
    rng = np.random.default_rng(1)
    below, above = 1.1, 0.6
    logits, true, listed = a_world(rng, 1500, 400, below, above)
    shown, hidden = split_memberships(
        csr(listed), hidden_fraction=1 / 9, random_state=0
    )
    # The pairs shown are no part of it, whatever their logits.
    seen = np.where(shown.toarray() > 0, 50.0, logits)
    blocks = [
        Predictions(seen[rows], shown[rows], hidden[rows])
        for rows in (slice(0, 700), slice(700, 1500))
    ]
    whole = [Predictions(logits, csr(listed), nothing(listed.shape))]
    table = fit_calibration(blocks, whole)
    sizes = listed.sum(axis=1)
    found = slopes_and_shifts(table, sizes)
    # Some dozen hidden memberships tell little of the slopes of genes with fewer. Those
    # of negative logits are rare.
    np.testing.assert_allclose(found[1, sizes >= 10], above, rtol=0.2)
    assert np.median(found[1]) == pytest.approx(above, rel=0.05)
    assert np.median(found[0]) == pytest.approx(below, rel=0.1)
    p = probabilities(logits, table, sizes)
    for kind in np.split(np.arange(1500), 3):
        open_ = ~listed[kind]
        # Some 250, 700 and 1,600 are missing.
        assert p[kind][open_].sum() == pytest.approx(true[kind][open_].sum(), rel=0.1)


@pytest.mark.parametrize("sizes", [(1, 2, 3, 4, 6, 12, 30, 55), (1, 70)])
def test_level_holds_for_genes_of_every_size(sizes):
    rng = np.random.default_rng(3)
    sizes = np.repeat(sizes, 40)
    listed = rng.random((len(sizes), 200)).argsort(axis=1) < sizes[:, None]
    # What the network expects has little to do with what there is.
    z = rng.normal(rng.normal(-3, 1, size=(len(sizes), 1)), 1.5, size=listed.shape)
    whole = [
        Predictions(z[rows], csr(listed[rows]), nothing(listed[rows].shape))
        for rows in (slice(0, 100), slice(100, None))
    ]
    table = fit_calibration([], whole)
    np.testing.assert_array_equal(table[:, 1:3], 1)
    p = np.where(listed, 0, probabilities(z, table, sizes)).sum(axis=1)
    for size in np.unique(sizes):
        # Shifts are linear between 50 and 100, and the prior has its say.
        assert p[sizes == size].mean() == pytest.approx(size / 9, rel=0.05)


def test_outside_the_sizes_of_training_the_nearest_calibration_holds():
    table = np.array([[1, 0.5, 0.1, -4], [2, 1.5, 0.2, -3], [10, 2.0, 0.4, 0]])
    below, above, shifts = slopes_and_shifts(table, [0, 1, 2, 10, 5000])
    np.testing.assert_allclose(below, [0.5, 0.5, 1.5, 2, 2])
    np.testing.assert_allclose(above, [0.1, 0.1, 0.2, 0.4, 0.4])
    np.testing.assert_allclose(shifts, [-4, -4, -3, 0, 0])
    # In between, linear in the logarithm.
    np.testing.assert_allclose(
        slopes_and_shifts(table, [np.sqrt(20)]), [[1.75], [0.3], [-1.5]]
    )


def test_level_takes_no_more_than_half_of_what_is_unlisted():
    listed = np.ones((50, 30))
    listed[:, 0] = 0
    whole = [Predictions(np.full((50, 30), 3.0), csr(listed), nothing((50, 30)))]
    p = probabilities(3.0, fit_calibration([], whole), [29])
    assert p == pytest.approx(0.5, abs=0.01)


def test_no_unlisted_pair_is_no_error():
    full = csr(np.ones((5, 4)))
    whole = [Predictions(np.zeros((5, 4)), full, nothing((5, 4)))]
    table = fit_calibration([], whole)
    assert table[:, 0].tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(table[:, 1:], [[1, 1, 0]] * 4, atol=1e-6)


def test_prior_holds_where_next_to_nothing_is_known():
    one = csr([[1, 0, 0, 0]])
    shown = csr([[0, 0, 0, 1]])
    # Perfectly separated: without the prior the slope would be infinite.
    held_out = [Predictions(np.array([[5.0, -5, -5, 0]]), shown, one)]
    whole = [Predictions(np.array([[-5.0, -5, -5, 0]]), shown, nothing((1, 4)))]
    ((size, below, above, shift),) = fit_calibration(held_out, whole)
    assert size == 1
    assert 1 < below < 2
    # The wider prior lets it be larger.
    assert 1.2 < above < 100
    # A ninth of a membership among three pairs, but for the prior of the shift.
    assert shift == pytest.approx(5 * below + logit(1 / 27), abs=1)


def test_slopes_are_the_most_probable_ones_under_their_prior():
    # A gene with one membership shown, one with two; of each, one is hidden.
    z = np.array([[4.0, -1, -2, 1, 0, 0], [-1.0, 2, -4, -3, 0, 0]])
    shown = csr([[0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 1, 1]])
    hidden = csr([[1, 0, 0, 0, 0, 0]] * 2)
    share = 1 / (1 + np.array([2, 3]) / 9)

    def minus_log_posterior(parameters):
        below, above, levels = np.split(parameters, 3)
        u = np.where(z < 0, np.exp(below)[:, None], np.exp(above)[:, None]) * z
        p = expit(u + levels[:, None])
        absent = np.log1p(-share[:, None] * p)
        likelihood = np.log(p[:, 0]).sum() + absent[0, 1:5].sum() + absent[1, 1:4].sum()
        prior = norm.logpdf(below, scale=0.5).sum() + norm.logpdf(above, scale=4).sum()
        prior += norm.logpdf(np.diff([below, above]), scale=0.3).sum()
        prior += norm.logpdf(levels, scale=100).sum()
        prior += norm.logpdf(np.diff(levels), scale=3).sum()
        return -likelihood - prior

    expected = np.exp(minimize(minus_log_posterior, np.zeros(6)).x[:4])
    assert abs(expected - 1).min() > 0.008
    table = fit_calibration([Predictions(z, shown, hidden)], [])
    np.testing.assert_allclose(table[:, 1:3].T.ravel(), expected, rtol=1e-3)


def test_shifts_weigh_what_is_missing_against_their_prior():
    listed = csr([[1, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0]])
    z = np.repeat([[-50.0], [-54.0]], 6, axis=1)
    table = fit_calibration([], [Predictions(z, listed, nothing(z.shape))])
    low, high = table[:, 3]
    of_prior = np.array([low, high]) / 100**2 + np.array([low - high, high - low]) / 9
    expected = [5, 4] * expit(z[:, 0] + [low, high])
    np.testing.assert_allclose(expected, [1 / 9, 2 / 9] - of_prior, atol=5e-4)


def test_logits_out_of_range_count_as_the_outermost():
    z = np.random.default_rng(0).choice([-300.0, -0.5, 1, 300], size=(50, 20))
    kinds = np.random.default_rng(1).integers(0, 9, size=z.shape)
    shown, hidden = csr(kinds == 0), csr(kinds == 1)
    tables = [
        fit_calibration(
            [Predictions(logits, shown, hidden)],
            [Predictions(logits, shown + hidden, nothing(z.shape))],
        )
        for logits in (z, np.clip(z, -64, 64))
    ]
    np.testing.assert_array_equal(*tables)


def test_what_is_minimised_has_the_gradient_that_it_says(monkeypatch):
    rng = np.random.default_rng(0)
    z, kinds = rng.normal(size=(30, 20)), rng.integers(0, 7, size=(30, 20))
    totals = []

    def spy(total, start, **options):
        totals.append((total, rng.normal(0, 0.3, size=start.shape)))
        return minimize(total, start, **options)

    monkeypatch.setattr(calibration, "minimize", spy)
    shown, hidden = csr(kinds == 0), csr(kinds == 1)
    fit_calibration(
        [Predictions(z, shown, hidden)],
        [Predictions(z, shown + hidden, nothing(z.shape))],
    )
    assert len(totals) == 2
    for total, at in totals:
        expected = approx_fprime(at, lambda x, total=total: total(x)[0])
        np.testing.assert_allclose(total(at)[1], expected, rtol=1e-3, atol=1e-3)


def test_sizes_without_genes_borrow_from_their_neighbours():
    rng = np.random.default_rng(5)
    sizes = np.repeat([1, 20], 200)
    listed = rng.random((400, 100)).argsort(axis=1) < sizes[:, None]
    z = np.full(listed.shape, -2.0)
    table = fit_calibration([], [Predictions(z, csr(listed), nothing(z.shape))])
    assert table[:, 0].tolist() == [*range(1, 11), 20]
    assert (np.diff(table[:, 3]) > 0).all()
    # In equal steps from knot to knot.
    np.testing.assert_allclose(np.diff(table[:, 3], n=2), 0, atol=0.05)


# --- the encoder's probabilities


def by_size(encoder, X):
    """Mean number of expected memberships over the convention, by class."""
    return reliability_table(encoder, X, nothing(X.shape), min_memberships=1).by_size


def test_predictions_are_calibrated_for_genes_of_every_size():
    rng = np.random.default_rng(2)
    kinds = rng.integers(0, 8, size=2400)
    share = rng.random((2400, 1)) ** 2
    X = csr(rng.random((2400, 80)) < share * rng.beta(0.3, 1.5, size=(8, 80))[kinds])
    X = X[np.flatnonzero(np.diff(X.indptr))]
    visible, hidden = split_memberships(X, rounding="random", random_state=0)
    encoder = GeneSetEncoder(
        8, batch_size=100, validation_fraction=0.5, random_state=0
    ).fit(visible)
    table = reliability_table(encoder, visible, hidden, min_memberships=2)
    assert table.mean_prediction == pytest.approx(table.base_rate, rel=0.1)
    assert table.expected_calibration_error < 0.005
    sizes = by_size(encoder, visible)
    assert sizes.smallest.tolist() == [1, 2, 5, 10]
    np.testing.assert_allclose(sizes.mean_prediction, sizes.convention, rtol=0.05)
    encoder.calibration_ = np.array([[1.0, 1.0, 1.0, 0.0]])
    uncalibrated = by_size(encoder, visible)
    assert (uncalibrated.mean_prediction > 2 * sizes.convention).all()


@pytest.mark.parametrize("embedding_dim", [20, 100])
def test_level_holds_on_hallmark(msigdb_file, embedding_dim):
    gene_sets = read_gmt(msigdb_file("h.all.v7.0.symbols.gmt"))
    X = GmtVectorizer(gene_sets).fit_transform(gene_sets.genes)
    encoder = GeneSetEncoder(embedding_dim, random_state=0).fit(X)
    sizes = by_size(encoder, X)
    assert sizes.n_genes.tolist() == [2671, 1584, 126, 3]
    np.testing.assert_allclose(sizes.mean_prediction, sizes.convention, rtol=0.1)
    # Of a gene with one set little is known. The highest are those of interferon
    # alpha alone: three in four genes of that set are in interferon gamma as well.
    one = X[np.flatnonzero(X.sum(axis=1) == 1)]
    assert np.where(one.toarray() > 0, 0, encoder.predict_proba(one)).max() < 0.65


# Two of the matrices have nothing but sets of all genes.
@pytest.mark.filterwarnings("ignore:.* in no gene set, or only in sets")
@pytest.mark.parametrize("gene_input", ["membership", "one-hot"])
@pytest.mark.parametrize(
    "X",
    [
        np.ones((5, 4)),
        np.eye(5),
        np.ones((1, 1)),
        np.random.default_rng(0).random((40, 30)) < 0.95,
        np.random.default_rng(0).random((5, 6)) < 0.4,
    ],
    ids=["ones", "eye", "one", "dense", "toy"],
)
def test_small_and_full_matrices_are_calibrated_too(X, gene_input):
    encoder = GeneSetEncoder(2, gene_input=gene_input, random_state=0).fit(X * 1.0)
    p = encoder.predict_proba(X * 1.0)
    assert np.isfinite(p).all()
    n_open = (~X.astype(bool)).sum(axis=1)
    expected = np.minimum(X.sum(axis=1) / 9, n_open / 2).sum()
    assert p[X == 0].sum() == pytest.approx(expected, rel=0.2)


def test_validation_fraction_of_zero_leaves_the_network_as_it_is(X):
    encoder = GeneSetEncoder(2, validation_fraction=0.0, random_state=0)
    encoder.fit(X[np.flatnonzero(np.diff(X.indptr))])
    assert encoder.calibration_.tolist() == [[1, 1, 1, 0]]
