"""The network: torch tensors only, no gene and no estimator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sk_gene2vec.encoder.training._sparse_rows import SparseProduct, SparseRows
from sk_gene2vec.encoder.training._starts import Start

# Small, so that the embedding starts on the steep part of its activation.
_INITIAL_STD = 0.1


class RMSNorm(nn.Module):
    """Scale each row to a root mean square of one."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(dim=1, keepdim=True) + 1e-12)


ACTIVATIONS = {
    "identity": nn.Identity,
    "relu": nn.ReLU,
    "rmsnorm": RMSNorm,
    "tanh": nn.Tanh,
}


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
    activation : {"identity", "relu", "rmsnorm", "tanh"}
        Activation of the embedding.
    hidden_layer_sizes : sequence of int
        Widths of the ReLU layers between embedding and output.
    generator : torch.Generator
        Source of the initial weights.
    start : Start or None, default=None
        Start of the first columns of the first weight and, where it has one and there
        is no hidden layer, of the output layer.
    dropout : float, default=0.0
        Share of the embedding that is dropped in training.
    noise : torch.Generator or None, default=None
        Source of the dropout, on the device of the inputs.
    sparse_grad : bool, default=False
        Whether gradients hold only the rows that a batch touches. In the output
        layer this is up to the loss, and :class:`SampledBCE` sees to it.

    Notes
    -----
    The forward pass returns the last hidden layer and the output layer's
    parameter, of shape (n_gene_sets, width + 1) with the bias in the last column,
    because the loss never forms all logits at once.
    """

    def __init__(
        self,
        n_inputs: int,
        log_odds: Tensor,
        embedding_dim: int,
        activation: str,
        hidden_layer_sizes: Sequence[int],
        generator: torch.Generator,
        start: Start | None = None,
        dropout: float = 0.0,
        noise: torch.Generator | None = None,
        sparse_grad: bool = False,
    ) -> None:
        super().__init__()
        self.dropout, self.noise = dropout, noise
        self.sparse_grad = sparse_grad
        self.sparse_parameters = ("embedding", "output") if sparse_grad else ()
        n_gene_sets = len(log_odds)

        def normal(*shape: int, std: float) -> nn.Parameter:
            weight = torch.empty(shape, dtype=torch.float32)
            return nn.Parameter(weight.normal_(std=std, generator=generator))

        self.embedding = normal(n_inputs, embedding_dim, std=_INITIAL_STD)
        if start is not None:
            with torch.no_grad():
                self.embedding[:, : start.embedding.shape[1]] = torch.from_numpy(
                    start.embedding
                )
        self.embedding_bias = nn.Parameter(
            torch.zeros(embedding_dim, dtype=torch.float32)
        )
        self.activation = ACTIVATIONS[activation]()
        layers: list[nn.Module] = []
        width = embedding_dim
        for size in hidden_layer_sizes:
            layer = nn.utils.skip_init(nn.Linear, width, size, dtype=torch.float32)
            nn.init.kaiming_uniform_(layer.weight, generator=generator)
            nn.init.zeros_(layer.bias)
            layers += [layer, nn.ReLU()]
            width = size
        self.hidden = nn.Sequential(*layers)
        self.output = normal(n_gene_sets, width + 1, std=_INITIAL_STD * width**-0.5)
        with torch.no_grad():
            self.output[:, -1] = log_odds
            if (
                start is not None
                and start.output is not None
                and not hidden_layer_sizes
            ):
                self.output[:, : start.output.shape[1]] = torch.from_numpy(start.output)
                # Its scores know how large the sets are.
                self.output[:, -1] = log_odds.exp().mean().log()

    def forward(
        self, inputs: Tensor | tuple[SparseRows, Tensor]
    ) -> tuple[Tensor, Tensor]:
        if isinstance(inputs, tuple):
            embedding = SparseProduct.apply(*inputs, self.embedding, self.sparse_grad)
        else:
            embedding = nn.functional.embedding(
                inputs, self.embedding, sparse=self.sparse_grad
            )
        embedding = self.activation(embedding + self.embedding_bias)
        if self.training and self.dropout:
            # Not nn.Dropout: that draws from torch's global random state.
            keep = torch.empty_like(embedding)
            keep.bernoulli_(1 - self.dropout, generator=self.noise)
            embedding = embedding * keep / (1 - self.dropout)
        return self.hidden(embedding), self.output

    def load(
        self, coefs: Sequence[NDArray[Any]], intercepts: Sequence[NDArray[Any]]
    ) -> None:
        """Copy weights and biases of the layers, as :meth:`export` gives them."""
        linear = [layer for layer in self.hidden if isinstance(layer, nn.Linear)]
        with torch.no_grad():
            self.embedding.copy_(torch.tensor(coefs[0]))
            self.embedding_bias.copy_(torch.tensor(intercepts[0]))
            for layer, coef, intercept in zip(
                linear, coefs[1:-1], intercepts[1:-1], strict=True
            ):
                layer.weight.copy_(torch.tensor(coef.T))
                layer.bias.copy_(torch.tensor(intercept))
            self.output[:, :-1] = torch.tensor(coefs[-1].T)
            self.output[:, -1] = torch.tensor(intercepts[-1])

    def export(self) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
        """Weights, (n_in, n_out) each, and biases of the layers as NumPy arrays."""
        linear = [layer for layer in self.hidden if isinstance(layer, nn.Linear)]
        weights: list[Tensor] = [self.embedding, *(x.weight.t() for x in linear)]
        biases: list[Tensor] = [self.embedding_bias, *(x.bias for x in linear)]
        weights.append(self.output[:, :-1].t())
        biases.append(self.output[:, -1])
        return (
            [w.detach().cpu().contiguous().numpy() for w in weights],
            [b.detach().cpu().contiguous().numpy() for b in biases],
        )
