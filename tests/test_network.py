"""The loss against torch's own dense one, the network against its formula."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from sk_gene2vec import losses, sparse_rows
from sk_gene2vec.losses import GeneSetBCE, SampledBCE, Targets
from sk_gene2vec.network import GeneSetNetwork
from sk_gene2vec.sparse_rows import EntryProducts, SparseProduct, SparseRows

N_ROWS, N_SETS, WIDTH = 23, 31, 5


def rows_of(matrix):
    rows, columns = np.ascontiguousarray(np.nonzero(matrix))
    starts = np.concatenate([[0], np.cumsum((matrix != 0).sum(axis=1))])
    return SparseRows(*map(torch.from_numpy, (rows, columns, starts)))


@pytest.fixture(params=[1.0, 0.6], ids=["all asked", "some shown"])
def problem(request):
    asked_share = request.param
    rng = np.random.default_rng(0)
    y = (rng.random((N_ROWS, N_SETS)) < 0.2).astype(float)
    y[3] = 0
    members = rows_of(y)
    counts = rng.integers(1, 4, size=N_ROWS)
    weights = torch.from_numpy(counts / counts.sum())
    asked = torch.from_numpy(rng.random(len(members.rows)) < asked_share).double()
    targets = Targets(members, members.row_starts.tolist(), weights, asked)
    hidden = torch.from_numpy(rng.normal(size=(N_ROWS, WIDTH))).requires_grad_()
    output = torch.from_numpy(rng.normal(size=(N_SETS, WIDTH + 1))).requires_grad_()
    return hidden, output, targets, torch.from_numpy(y)


def dense_loss(hidden, output, y, targets):
    asked = torch.ones_like(y)
    asked[y == 1] = targets.asked.to(y.dtype)
    logits = hidden @ output[:, :-1].T + output[:, -1]
    loss = torch.nn.functional.binary_cross_entropy_with_logits(
        logits, y, reduction="none"
    )
    return ((loss * asked).sum(dim=1) * targets.weights).sum()


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


def test_bfloat16_loss_is_that_of_the_first_chunk(problem, monkeypatch):
    monkeypatch.setattr(losses, "_CHUNK_SIZE", 8 * N_SETS)
    hidden, output, targets, y = (
        problem[0].detach().float(),
        problem[1].detach().float(),
        problem[2]._replace(
            weights=problem[2].weights.float(), asked=problem[2].asked.float()
        ),
        problem[3].float(),
    )
    first = targets._replace(
        weights=targets.weights[:8] / targets.weights[:8].sum(),
        asked=targets.asked[: targets.row_starts[8]],
    )
    expected = dense_loss(hidden[:8], output, y[:8], first)
    loss = GeneSetBCE(use_bfloat16=True)((hidden, output), targets)
    assert loss.item() == pytest.approx(expected.item(), rel=0.01)


@pytest.mark.parametrize("sparse_grad", [False, True])
def test_sparse_product_equals_dense_product(sparse_grad):
    rng = np.random.default_rng(1)
    dense = sp.random(7, 9, density=0.3, rng=rng).toarray()
    dense[2] = 0
    dense[:, 4] = 0
    weight = torch.from_numpy(rng.normal(size=(9, 3))).requires_grad_()
    values = torch.from_numpy(dense[dense != 0])
    product = SparseProduct.apply(rows_of(dense), values, weight, sparse_grad)
    expected = torch.from_numpy(dense) @ weight
    np.testing.assert_allclose(product.detach(), expected.detach(), atol=1e-12)
    upstream = torch.from_numpy(rng.normal(size=(7, 3)))
    (expected_grad,) = torch.autograd.grad(expected, weight, upstream)
    (grad,) = torch.autograd.grad(product, weight, upstream)
    assert grad.is_sparse is sparse_grad
    np.testing.assert_allclose(grad.to_dense(), expected_grad, atol=1e-12)


@pytest.mark.parametrize("gather", [3, 10**6])
def test_entry_products_equal_those_of_the_dense_product(problem, gather, monkeypatch):
    monkeypatch.setattr(sparse_rows, "_GATHER_SIZE", gather)
    hidden, output, targets, y = problem
    right = output.detach()[:, :-1].clone().requires_grad_()
    products = EntryProducts.apply(targets.members, hidden, right)
    expected = (hidden @ right.T)[y == 1]
    np.testing.assert_allclose(products.detach(), expected.detach(), atol=1e-12)
    upstream = torch.linspace(-1, 1, len(expected), dtype=torch.float64)
    expected_grads = torch.autograd.grad(expected, [hidden, right], upstream)
    grads = torch.autograd.grad(products, [hidden, right], upstream)
    assert grads[1].is_sparse
    np.testing.assert_allclose(grads[0], expected_grads[0], atol=1e-12)
    np.testing.assert_allclose(grads[1].to_dense(), expected_grads[1], atol=1e-12)


@pytest.mark.parametrize("activation", ["identity", "relu", "rmsnorm", "tanh"])
@pytest.mark.parametrize("hidden_layer_sizes", [(), (4,), (4, 6)])
def test_network_shapes_and_start(activation, hidden_layer_sizes):
    log_odds = torch.linspace(-3, 1, N_SETS)
    generator = torch.Generator().manual_seed(0)
    module = GeneSetNetwork(
        11, log_odds, WIDTH, activation, hidden_layer_sizes, generator
    )
    hidden, output = module(torch.tensor([0, 10, 10]))
    width = hidden_layer_sizes[-1] if hidden_layer_sizes else WIDTH
    assert hidden.shape == (3, width)
    assert output.shape == (N_SETS, width + 1)
    np.testing.assert_array_equal(output[:, -1].detach(), log_odds)
    np.testing.assert_array_equal(hidden[1].detach(), hidden[2].detach())


def test_dropout_only_in_training_and_from_its_own_generator():
    before = torch.random.get_rng_state()
    module = GeneSetNetwork(
        5,
        torch.zeros(3),
        1000,
        "identity",
        (),
        torch.Generator().manual_seed(0),
        dropout=0.3,
        noise=torch.Generator().manual_seed(0),
    )
    index = torch.arange(5)
    whole = module.eval()(index)[0].detach()
    dropped = module.train()(index)[0].detach()
    assert torch.equal(torch.random.get_rng_state(), before)
    kept = dropped != 0
    # Four standard deviations of the share of 5,000 draws.
    assert kept.float().mean().item() == pytest.approx(0.7, abs=4 * 0.0065)
    np.testing.assert_allclose(dropped[kept], whole[kept] / 0.7, rtol=1e-6)


def test_network_starts_from_what_it_is_given():
    start = np.arange(10, dtype=np.float32).reshape(5, 2)
    module = GeneSetNetwork(
        5,
        torch.zeros(3),
        4,
        "identity",
        (),
        torch.Generator().manual_seed(0),
        start=start,
    )
    weight = module.embedding.detach()
    np.testing.assert_array_equal(weight[:, :2], start)
    assert 0 < weight[:, 2:].abs().max() < 1


def test_network_draws_from_its_generator_only():
    before = torch.random.get_rng_state()
    generator = torch.Generator().manual_seed(7)
    first = GeneSetNetwork(5, torch.zeros(3), 2, "relu", (4,), generator)
    assert torch.equal(torch.random.get_rng_state(), before)
    again = GeneSetNetwork(5, torch.zeros(3), 2, "relu", (4,), generator.manual_seed(7))
    for a, b in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)


def sampled(sizes, n_negatives, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return SampledBCE(torch.as_tensor(sizes), n_negatives, generator)


@pytest.mark.parametrize("n_negatives", [1, 7, 200])
def test_draws_are_sorted_and_weigh_each_set_one_on_average(n_negatives):
    sizes = np.array([0, 1, 2, 30, 5, 60])
    criterion = sampled(sizes, n_negatives)
    totals = np.zeros(6)
    n_draws = 4000
    for _ in range(n_draws):
        drawn, weights = criterion.draw()
        assert drawn.shape == weights.shape == (n_negatives,)
        assert (drawn.diff() >= 0).all()
        # A set that is drawn again adds to the weight of the first time.
        assert len(drawn.unique()) == (weights > 0).sum()
        np.add.at(totals, drawn.numpy(), weights.numpy())
    # A single draw of set j weighs 1 / q with probability q.
    q = (sizes + 1) / (sizes + 1).sum()
    error = 4 * np.sqrt((1 / q) / (n_negatives * n_draws))
    assert (abs(totals / n_draws - 1) < error).all()


def test_sampled_bce_is_an_unbiased_estimate_of_loss_and_gradient(problem):
    hidden, output, targets, y = problem
    expected = dense_loss(hidden, output, y, targets)
    expected_grads = torch.autograd.grad(expected, [hidden, output])
    criterion = sampled(y.sum(dim=0), 10)
    losses, grads = [], []
    for _ in range(3000):
        loss = criterion((hidden, output), targets)
        losses.append(loss.item())
        grad_hidden, grad_output = torch.autograd.grad(loss, [hidden, output])
        assert grad_output.is_sparse
        grads.append(
            torch.cat([grad_hidden.flatten(), grad_output.to_dense().flatten()])
        )
    mean_grad = torch.stack(grads).mean(dim=0)
    expected_grad = torch.cat([grad.flatten() for grad in expected_grads])
    # Four standard errors of the means.
    assert np.mean(losses) == pytest.approx(
        expected.item(), abs=4 * np.std(losses) / np.sqrt(3000)
    )
    error = (mean_grad - expected_grad).norm()
    assert error < 4 * (torch.stack(grads).var(dim=0).sum() / 3000).sqrt()


def test_sampled_bce_with_every_set_drawn_is_exact(problem):
    hidden, output, targets, y = problem
    expected = dense_loss(hidden, output, y, targets)
    # Equal sizes and as many strata as sets: each set is drawn once.
    loss = sampled(np.ones(N_SETS), N_SETS)((hidden, output), targets)
    assert loss.item() == pytest.approx(expected.item(), abs=1e-9)
