"""The network, on torch tensors."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sk_gene2vec._utils._typing import Array
from sk_gene2vec.encoder._activations import ACTIVATIONS
from sk_gene2vec.encoder.training._sparse_rows import SparseProduct, SparseRows

# Small, so that the embedding starts on the steep part of its activation.
_INITIAL_STD = 0.1


def _normal(shape: tuple[int, int], std: float, generator: torch.Generator) -> Tensor:
    weight = torch.empty(shape, dtype=torch.float32)
    return weight.normal_(std=std, generator=generator)


def _relu_layers(
    width: int, sizes: Sequence[int], generator: torch.Generator
) -> nn.Sequential:
    """Stack ReLU layers of the given sizes on an input of the given width."""
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise([width, *sizes]):
        layer = nn.utils.skip_init(nn.Linear, n_in, n_out, dtype=torch.float32)
        nn.init.kaiming_uniform_(layer.weight, generator=generator)
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers)


class GeneSetNetwork(nn.Module):
    """Gene -> embedding -> activation -> hidden layers -> one logit per gene set.

    Parameters
    ----------
    n_inputs : int
        Rows of the first weight: genes (one-hot) or gene sets (membership).
    log_odds : Tensor of shape (n_gene_sets,)
        Start of the output layer's bias.
    embedding_dim : int
        Width of the embedding.
    activation : str
        Activation of the embedding, a key of ``ACTIVATIONS``.
    hidden_layer_sizes : sequence of int
        Widths of the ReLU layers between embedding and output.
    generator : torch.Generator
        Source of the initial weights.
    dropout : float, default=0.0
        Share of the embedding that is dropped in training.
    noise : numpy.random.Generator or None, default=None
        Source of the dropout.

    Notes
    -----
    The forward pass returns the last hidden layer and the parameter of the output
    layer, of shape (n_gene_sets, width + 1), whose last column is the bias. The loss
    computes the logits from both, block by block.
    """

    def __init__(
        self,
        n_inputs: int,
        log_odds: Tensor,
        embedding_dim: int,
        activation: str,
        hidden_layer_sizes: Sequence[int],
        generator: torch.Generator,
        dropout: float = 0.0,
        noise: np.random.Generator | None = None,
    ) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[activation].of_tensor
        self.dropout, self.noise = dropout, noise
        first = _normal((n_inputs, embedding_dim), _INITIAL_STD, generator)
        hidden = _relu_layers(embedding_dim, hidden_layer_sizes, generator)
        width = hidden_layer_sizes[-1] if hidden_layer_sizes else embedding_dim
        shape = len(log_odds), width + 1
        last = _normal(shape, _INITIAL_STD * width**-0.5, generator)
        last[:, -1] = log_odds
        self.embedding = nn.Parameter(first)
        self.embedding_bias = nn.Parameter(
            torch.zeros(embedding_dim, dtype=torch.float32)
        )
        self.hidden = hidden
        self.output = nn.Parameter(last)

    def forward(
        self, inputs: Tensor | tuple[SparseRows, Tensor]
    ) -> tuple[Tensor, Tensor]:
        if isinstance(inputs, tuple):
            embedding = SparseProduct.apply(*inputs, self.embedding)
        else:
            embedding = nn.functional.embedding(inputs, self.embedding)
        embedding = self.activation(embedding + self.embedding_bias)
        if self.training and self.noise and self.dropout:
            # Not nn.Dropout, which draws from torch's global random state.
            drawn = self.noise.random(embedding.shape, dtype=np.float32)
            factor = (drawn >= self.dropout) / np.float32(1 - self.dropout)
            embedding = embedding * torch.from_numpy(factor).to(embedding.device)
        return self.hidden(embedding), self.output

    @property
    def _linear(self) -> list[nn.Linear]:
        return [layer for layer in self.hidden if isinstance(layer, nn.Linear)]

    def load(self, coefs: Sequence[Array], intercepts: Sequence[Array]) -> None:
        """Set weights and biases of the layers to copies of those of :meth:`export`."""
        with torch.no_grad():
            self.embedding.copy_(torch.tensor(coefs[0]))
            self.embedding_bias.copy_(torch.tensor(intercepts[0]))
            for layer, coef, intercept in zip(
                self._linear, coefs[1:-1], intercepts[1:-1], strict=True
            ):
                layer.weight.copy_(torch.tensor(coef.T))
                layer.bias.copy_(torch.tensor(intercept))
            self.output[:, :-1] = torch.tensor(coefs[-1].T)
            self.output[:, -1] = torch.tensor(intercepts[-1])

    def export(self) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
        """Return weights, each (n_in, n_out), and biases of the layers."""
        weights: list[Tensor] = [self.embedding, *(x.weight.t() for x in self._linear)]
        biases: list[Tensor] = [self.embedding_bias, *(x.bias for x in self._linear)]
        weights.append(self.output[:, :-1].t())
        biases.append(self.output[:, -1])
        return (
            [w.detach().cpu().contiguous().numpy() for w in weights],
            [b.detach().cpu().contiguous().numpy() for b in biases],
        )
