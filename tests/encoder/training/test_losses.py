"""The losses against torch's dense binary cross-entropy."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from torch.nn.functional import softplus

from sk_gene2vec.encoder.training import _losses as losses
from sk_gene2vec.encoder.training._losses import GeneSetBCE, SampledBCE, Targets
from sk_gene2vec.encoder.training._sparse_rows import SparseRows

N_SETS = 31


def dense_loss(hidden, output, y, targets):
    asked = torch.ones_like(y)
    asked[y == 1] = targets.asked.to(y.dtype)
    logits = hidden @ output[:, :-1].T + output[:, -1]
    loss = torch.nn.functional.binary_cross_entropy_with_logits(
        logits, y, reduction="none"
    )
    return ((loss * asked).sum(dim=1) * targets.weights).sum()


def sampled(sizes, n_negatives, **parameters):
    rng = np.random.default_rng(0)
    return SampledBCE(np.asarray(sizes), n_negatives, rng, **parameters)


def test_targets_of_adjacent_rows(problem):
    _, _, targets, y = problem
    part = targets.of_rows(slice(5, 12))
    dense = torch.zeros(7, N_SETS, dtype=y.dtype)
    dense.view(-1)[part.members.positions] = 1
    assert torch.equal(dense, y[5:12])
    assert torch.equal(part.weights, targets.weights[5:12])
    assert len(part.asked) == y[5:12].sum()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("n_rows", [3, 877, 4211])
def test_sigmoid_does_not_depend_on_the_number_of_threads(n_rows, dtype, n_threads):
    logits = torch.randn((n_rows, 50), generator=torch.Generator().manual_seed(0))
    logits = logits.to(dtype)
    found = []
    for n in (1, 2, 3):
        with n_threads(n):
            found.append(logits.clone())
            losses._sigmoid_(found[-1])
    torch.testing.assert_close(found[0], torch.sigmoid(logits))
    assert torch.equal(found[1], found[0])
    assert torch.equal(found[2], found[0])


@pytest.mark.parametrize(
    ("chunk", "block"),
    [(10**9, 10**9), (4 * N_SETS, 10**9), (4 * N_SETS, 9 * N_SETS), (1, 1)],
    ids=["whole", "chunks", "blocks of chunks", "single rows"],
)
def test_exact_bce_equals_dense_autograd(problem, chunk, block, monkeypatch):
    monkeypatch.setattr(losses, "_CHUNK_SIZE", chunk)
    monkeypatch.setattr(losses, "_BLOCK_SIZE", block)
    hidden, output, targets, y = problem
    expected = dense_loss(hidden, output, y, targets)
    expected_grads = torch.autograd.grad(expected, [hidden, output])
    loss = GeneSetBCE()((hidden, output), targets)
    grads = torch.autograd.grad(3 * loss, [hidden, output])
    assert loss.item() == pytest.approx(expected.item(), abs=1e-10)
    for grad, expected_grad in zip(grads, expected_grads, strict=True):
        np.testing.assert_allclose(grad, 3 * expected_grad, rtol=0, atol=1e-10)


def test_bfloat16_products_stay_close_and_return_float32(problem):
    hidden, output, targets, y = problem
    expected = dense_loss(hidden, output, y, targets)
    expected_grads = torch.autograd.grad(expected, [hidden, output])
    hidden32 = hidden.detach().float().requires_grad_()
    output32 = output.detach().float().requires_grad_()
    targets = targets._replace(
        weights=targets.weights.float(), asked=targets.asked.float()
    )
    loss = GeneSetBCE(use_bfloat16=True)((hidden32, output32), targets)
    grads = torch.autograd.grad(loss, [hidden32, output32])
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(expected.item(), rel=0.01)
    for grad, expected_grad in zip(grads, expected_grads, strict=True):
        assert grad.dtype == torch.float32
        # bfloat16 has 8 bits: one product carries a relative error of about 2**-8.
        error = (grad - expected_grad).norm() / expected_grad.norm()
        assert error < 0.01


@pytest.mark.parametrize("product", [0.01, 0.03])
def test_bfloat16_rounds_the_logit_and_not_the_bias_before(product):
    # Near 4, bfloat16 has steps of 1/32. The bias of 4.01 is nearest to 4, its sum with
    # either product is nearest to the next step.
    members = SparseRows(sp.csr_array((1, 1)), torch.device("cpu"))
    targets = Targets(members, torch.ones(1), torch.ones(0))
    hidden, output = torch.tensor([[product]]), torch.tensor([[1.0, 4.01]])
    loss = GeneSetBCE(use_bfloat16=True)((hidden, output), targets)
    expected = torch.nn.functional.softplus(torch.tensor(4 + 1 / 32))
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize("chunk", [10**9, 4 * N_SETS])
def test_loss_of_pairs_that_are_no_memberships_is_that_of_the_first_rows(
    problem, chunk, monkeypatch
):
    monkeypatch.setattr(losses, "_CHUNK_SIZE", chunk)
    monkeypatch.setattr(losses, "_REPORTED_PAIRS", 8 * N_SETS)
    hidden, output, targets, y = problem
    logits = hidden @ output[:, :-1].T + output[:, -1]
    others = (softplus(logits) * (1 - y)).sum(dim=1)[:8] @ targets.weights[:8]
    members = softplus(-logits)[y == 1] @ targets.weights_of_members
    loss = GeneSetBCE()((hidden, output), targets)
    expected = members + others * len(y) / 8
    assert loss.item() == pytest.approx(expected.item(), abs=1e-10)


def test_sets_are_drawn_in_proportion_to_the_square_root_of_their_size():
    probabilities = sampled([0, 3, 8, 99], 5).probabilities
    np.testing.assert_allclose(probabilities, np.array([1, 2, 3, 10]) / 16)


@pytest.mark.parametrize("n_negatives", [1, 7, 200])
def test_draws_are_sorted_and_weigh_each_set_one_on_average(n_negatives):
    sizes = np.array([0, 1, 2, 30, 5, 60])
    criterion = sampled(sizes, n_negatives)
    # A single draw of set j weighs 1 / q with probability q.
    q = np.sqrt(sizes + 1) / np.sqrt(sizes + 1).sum()
    totals = np.zeros(6)
    n_draws = 4000
    for _ in range(n_draws):
        sets, weights = criterion.draw()
        assert (np.diff(sets) > 0).all()
        n_drawn = weights * n_negatives * q[sets]
        np.testing.assert_allclose(n_drawn, n_drawn.round(), rtol=1e-5)
        assert n_drawn.sum() == pytest.approx(n_negatives)
        totals[sets] += weights
    error = 4 * np.sqrt((1 / q) / (n_negatives * n_draws))
    assert (abs(totals / n_draws - 1) < error).all()


def test_sampled_bce_is_an_unbiased_estimate_of_loss_and_gradient(problem, n_threads):
    hidden, output, targets, y = problem
    expected = dense_loss(hidden, output, y, targets)
    expected_grads = torch.autograd.grad(expected, [hidden, output])
    criterion = sampled(y.sum(dim=0), 10)
    rng = np.random.default_rng(1)
    losses, of_hidden, of_output = [], [], []
    # Products this small take far longer on several threads.
    with n_threads(1):
        for _ in range(3000):
            # Batches are shuffled: the first rows are a random sample.
            order = rng.permutation(len(y))
            some = sampled_rows(targets, y, order)
            loss = criterion((hidden[order], output), some)
            losses.append(loss.item())
            grads = torch.autograd.grad(loss, [hidden, output])
            of_hidden.append(grads[0])
            of_output.append(grads[1])
    # Four standard errors of the means.
    assert np.mean(losses) == pytest.approx(
        expected.item(), abs=4 * np.std(losses) / np.sqrt(3000)
    )
    for grads, expected_grad in zip(
        (of_hidden, of_output), expected_grads, strict=True
    ):
        stacked = torch.stack(grads)
        error = (stacked.mean(dim=0) - expected_grad).norm()
        assert error < 4 * (stacked.var(dim=0).sum() / 3000).sqrt()


def sampled_rows(targets, y, order):
    """Targets with their rows in another order."""
    asked = torch.zeros_like(y)
    asked[y == 1] = targets.asked
    rows = y[order]
    members = SparseRows(sp.csr_array(rows.numpy()), torch.device("cpu"))
    return Targets(members, targets.weights[order], asked[order][rows == 1])


@pytest.mark.parametrize("bfloat16", [False, True])
def test_sampled_bce_with_every_set_drawn_is_exact(problem, bfloat16):
    hidden, output, targets, y = problem
    # Equal sizes and as many strata as sets: each set is drawn once.
    criterion = sampled(np.ones(N_SETS), N_SETS, use_bfloat16=bfloat16)
    expected = dense_loss(hidden, output, y, targets)
    expected_grads = torch.autograd.grad(expected, [hidden, output])
    if bfloat16:
        hidden, output = (x.detach().float().requires_grad_() for x in (hidden, output))
        weights, asked = targets.weights.float(), targets.asked.float()
        targets = targets._replace(weights=weights, asked=asked)
    loss = criterion((hidden, output), targets)
    grads = torch.autograd.grad(loss, [hidden, output])
    tolerance = 0.01 if bfloat16 else 1e-9
    assert loss.item() == pytest.approx(expected.item(), rel=tolerance)
    for grad, expected_grad in zip(grads, expected_grads, strict=True):
        error = (grad - expected_grad).norm() / expected_grad.norm()
        assert error < tolerance
