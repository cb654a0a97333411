"""Held-out memberships, and the calibration that they set."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import expit

from sk_gene2vec import GeneSetEncoder
from sk_gene2vec.metrics import _calibration as calibration
from sk_gene2vec.metrics import reliability_table, split_memberships
from sk_gene2vec.metrics._calibration import fit_calibration, hold_out


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    X = (rng.random((200, 60)) < rng.random(200)[:, None] * 0.5).astype(np.float32)
    return sp.csr_array(X)


def test_hold_out_takes_a_ninth_from_some_genes_and_nothing_from_others(X):
    rest, held_out = hold_out(X, 0.25, np.random.RandomState(0))
    sizes = np.diff(X.indptr)
    assert len(held_out.genes) == np.ceil(0.25 * (sizes >= 5).sum())
    assert (sizes[held_out.genes] >= 5).all()
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


@pytest.mark.parametrize("fraction", [0.0, 0.5])
def test_nothing_is_held_out_where_nothing_can_be(X, fraction):
    if fraction:
        X = sp.csr_array(np.eye(20))
    rest, held_out = hold_out(X, fraction, np.random.RandomState(0))
    assert rest is X
    assert held_out is None


def test_no_more_genes_are_held_out_than_are_worth_it(X, monkeypatch):
    monkeypatch.setattr(calibration, "_MAX_PAIRS", 7 * X.shape[1])
    _, held_out = hold_out(X, 0.9, np.random.RandomState(0))
    assert len(held_out.genes) == len(held_out.whole) == 7
    assert not set(held_out.genes) & set(held_out.whole)


def test_calibration_recovers_slope_and_shift():
    rng = np.random.default_rng(1)
    true = rng.normal(-3, 1.5, size=(600, 400))
    member = rng.random(true.shape) < expit(true)
    # Half of the memberships that are not shown are hidden, half are missing.
    shown = member & (rng.random(true.shape) < 0.3)
    hidden = member & ~shown & (rng.random(true.shape) < 0.5)
    # The pairs shown are no part of it, whatever their logits.
    logits = np.where(shown, 50.0, (true + 2) / 0.7)
    as_csr = [sp.csr_array(matrix.astype(float)) for matrix in (shown, hidden)]
    halves = [slice(0, 150), slice(150, 600)]
    blocks = [(logits[rows], *(matrix[rows] for matrix in as_csr)) for rows in halves]
    slope, shift = fit_calibration(blocks)
    assert slope == pytest.approx(0.7, rel=0.05)
    # What is missing, among the pairs that are left when nothing is hidden.
    unlisted = ~(shown | hidden)
    mean = expit(slope * logits + shift)[unlisted].mean()
    assert mean == pytest.approx((member & unlisted)[unlisted].mean(), rel=0.03)


def test_level_is_set_by_what_whole_rows_are_taken_to_lack():
    rng = np.random.default_rng(3)
    z = rng.normal(-3, 1, size=(60, 200))
    hidden = sp.csr_array((rng.random(z.shape) < expit(z) / 2).astype(float))
    blocks = [(z, sp.csr_array(z.shape), hidden)]
    slope, shift = fit_calibration(blocks)
    listed = sp.csr_array((rng.random(z.shape) < 0.2).astype(float))
    again, level = fit_calibration(
        blocks, [(z[:30], listed[:30]), (z[30:], listed[30:])]
    )
    assert again == slope
    assert level != shift
    unlisted = listed.toarray() == 0
    expected = expit(slope * z + level)[unlisted].sum()
    # Logits are counted in bins of 1/64.
    assert expected == pytest.approx(listed.nnz / 9, rel=1e-3)


def test_prior_holds_where_next_to_nothing_is_known():
    empty = sp.csr_array((1, 4))
    one = sp.csr_array(np.array([[1.0, 0, 0, 0]]))
    # Perfectly separated: without the prior the slope would be infinite.
    slope, shift = fit_calibration([(np.array([[5.0, -5, -5, -5]]), empty, one)])
    assert 0.5 < slope < 2
    assert abs(shift) < 5


def test_predictions_on_hidden_pairs_are_calibrated():
    rng = np.random.default_rng(2)
    kinds = rng.integers(0, 8, size=1200)
    profile = rng.beta(0.3, 2, size=(8, 80))
    X = sp.csr_array((rng.random((1200, 80)) < profile[kinds]).astype(np.float32))
    visible, hidden = split_memberships(X, random_state=0)
    encoder = GeneSetEncoder(
        8, batch_size=100, validation_fraction=0.5, random_state=0
    ).fit(visible)
    table = reliability_table(encoder, visible, hidden)
    # Hidden memberships are some 1,000, a third of them in the held-out half.
    assert table.mean_prediction == pytest.approx(table.base_rate, rel=0.15)
    assert table.expected_calibration_error < 0.005
    uncalibrated = encoder.calibration_.copy()
    encoder.calibration_ = np.array([1.0, 0.0])
    assert reliability_table(encoder, visible, hidden).mean_prediction > (
        2 * table.base_rate
    )
    assert (uncalibrated != [1.0, 0.0]).all()
