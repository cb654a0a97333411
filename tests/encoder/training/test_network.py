"""The network: shapes, start, dropout."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from sk_gene2vec.encoder._activations import ACTIVATIONS
from sk_gene2vec.encoder.training._network import GeneSetNetwork

N_SETS, WIDTH = 31, 5


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_is_the_same_in_numpy_and_on_tensors(name):
    activation = ACTIVATIONS[name]
    rng = np.random.default_rng(0)
    x, gradient = rng.normal(size=(2, 7, WIDTH))
    x[3] = 0
    tensor = torch.from_numpy(x.copy()).requires_grad_()
    of_tensor = activation.of_tensor(tensor)
    y = activation.function(x)
    np.testing.assert_allclose(of_tensor.detach(), y, rtol=1e-12)
    (expected,) = torch.autograd.grad(of_tensor, tensor, torch.from_numpy(gradient))
    found = activation.backward(gradient, x, y)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_unknown_activation_raises():
    with pytest.raises(KeyError, match="swish"):
        GeneSetNetwork(3, torch.zeros(3), 2, "swish", (), torch.Generator())


@pytest.mark.parametrize("activation", ACTIVATIONS)
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
        noise=np.random.default_rng(0),
    )
    index = torch.arange(5)
    whole = module.eval()(index)[0].detach()
    dropped = module.train()(index)[0].detach()
    assert torch.equal(torch.random.get_rng_state(), before)
    kept = dropped != 0
    # Four standard deviations of the share of 5,000 draws.
    assert kept.float().mean().item() == pytest.approx(0.7, abs=4 * 0.0065)
    np.testing.assert_allclose(dropped[kept], whole[kept] / 0.7, rtol=1e-6)


def test_random_weights_start_small():
    generator = torch.Generator().manual_seed(0)
    module = GeneSetNetwork(2000, torch.zeros(1500), 25, "tanh", (), generator)
    embedding, output = module.embedding.detach(), module.output.detach()[:, :-1]
    # The logits start with the scale of the embedding, whatever its width.
    for weight, std in ((embedding, 0.1), (output, 0.1 / 25**0.5)):
        assert weight.mean().item() == pytest.approx(0, abs=0.03 * std)
        assert weight.std().item() == pytest.approx(std, rel=0.03)


def test_network_draws_from_its_generator_only():
    before = torch.random.get_rng_state()
    generator = torch.Generator().manual_seed(7)
    first = GeneSetNetwork(5, torch.zeros(3), 2, "relu", (4,), generator)
    assert torch.equal(torch.random.get_rng_state(), before)
    again = GeneSetNetwork(5, torch.zeros(3), 2, "relu", (4,), generator.manual_seed(7))
    for a, b in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("hidden_layer_sizes", [(), (4, 6)])
def test_exported_weights_are_those_of_the_network_and_load_into_another(
    hidden_layer_sizes,
):
    def make(seed):
        generator = torch.Generator().manual_seed(seed)
        log_odds = torch.linspace(-3, 1, N_SETS)
        return GeneSetNetwork(
            11, log_odds, WIDTH, "tanh", hidden_layer_sizes, generator
        )

    module, other = make(0), make(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.1 * torch.rand_like(parameter)
    coefs, intercepts = module.export()
    sizes = [11, WIDTH, *hidden_layer_sizes, N_SETS]
    assert [coef.shape for coef in coefs] == list(pairwise(sizes))
    assert [len(intercept) for intercept in intercepts] == sizes[1:]
    x = np.tanh(coefs[0] + intercepts[0])
    for coef, intercept in zip(coefs[1:-1], intercepts[1:-1], strict=True):
        x = np.maximum(x @ coef + intercept, 0)
    other.load(coefs, intercepts)
    for network in module, other:
        hidden, output = (layer.detach() for layer in network(torch.arange(11)))
        logits = hidden @ output[:, :-1].T + output[:, -1]
        np.testing.assert_allclose(logits, x @ coefs[-1] + intercepts[-1], atol=1e-5)
    for a, b in zip(module.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
