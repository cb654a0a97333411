"""The network and its loss: torch tensors only, no gene and no estimator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


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

# Small, so that the embedding starts on the steep part of its activation.
_INITIAL_STD = 0.1

# Logits are worked on in chunks of rows that stay in the processor's cache, and
# are kept for blocks of rows that bound the memory.
_CHUNK_SIZE = 256 * 20_832
_BLOCK_SIZE = 2**25

# Entries whose two vectors are gathered at a time.
_GATHER_SIZE = 2**16


@dataclass
class SparseRows:
    """Where the entries of some sparse rows are, in coordinate form, sorted by row.

    Parameters
    ----------
    rows : Tensor of shape (n_entries,), int64
        Row of each entry, ascending.
    columns : Tensor of shape (n_entries,), int64
        Column of each entry.
    row_starts : Tensor of shape (n_rows + 1,), int64
        Where each row starts among the entries, as in CSR.
    """

    rows: Tensor
    columns: Tensor
    row_starts: Tensor

    @cached_property
    def by_column(self) -> tuple[Tensor, Tensor]:
        """Columns in ascending order, and the entries that they are of."""
        columns, order = torch.sort(self.columns, stable=True)
        return columns, order

    def product(self, values: Tensor, dense: Tensor) -> Tensor:
        """Multiply the rows with a dense matrix."""
        return _bag_sums(self.columns, dense, self.row_starts, values)

    def transposed_product(
        self, values: Tensor, dense: Tensor, n_columns: int, sparse: bool
    ) -> Tensor:
        """Multiply the transposed rows with a dense matrix.

        The result has `n_columns` rows; if `sparse`, only those with an entry.
        """
        columns, order = self.by_column
        if sparse:
            columns, counts = torch.unique_consecutive(columns, return_counts=True)
        else:
            counts = torch.bincount(columns, minlength=n_columns)
        starts = nn.functional.pad(counts.cumsum(0), (1, 0))
        sums = _bag_sums(self.rows[order], dense, starts, values[order])
        if not sparse:
            return sums
        return torch.sparse_coo_tensor(
            columns[None], sums, (n_columns, sums.shape[1]), check_invariants=False
        )


def _bag_sums(index: Tensor, dense: Tensor, starts: Tensor, values: Tensor) -> Tensor:
    """Sum up rows of `dense`, picked by `index` and weighted, in bags."""
    return nn.functional.embedding_bag(
        index,
        dense.contiguous(),
        starts,
        mode="sum",
        per_sample_weights=values,
        include_last_offset=True,
    )


class Targets(NamedTuple):
    """What one batch of genes is to be told apart by.

    Attributes
    ----------
    members : SparseRows
        The gene sets of every gene.
    row_starts : list of int
        ``members.row_starts`` on the host, so that chunks need no device sync.
    weights : Tensor of shape (n_rows,)
        Weight of every row; they sum to one.
    asked : Tensor of shape (n_entries,)
        One for the memberships that the network is to find, zero for those that
        it is shown: they are left out of the loss.
    """

    members: SparseRows
    row_starts: list[int]
    weights: Tensor
    asked: Tensor


class _SparseProduct(torch.autograd.Function):
    """Product of sparse rows and a dense weight; only the weight gets a gradient."""

    @staticmethod
    def forward(
        ctx: Any, rows: SparseRows, values: Tensor, weight: Tensor, sparse_grad: bool
    ) -> Tensor:
        ctx.rows, ctx.values = rows, values
        ctx.n_columns, ctx.sparse_grad = len(weight), sparse_grad
        return rows.product(values, weight)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        grad_weight = ctx.rows.transposed_product(
            ctx.values, grads[0], ctx.n_columns, ctx.sparse_grad
        )
        return None, None, grad_weight, None


class _EntryProducts(torch.autograd.Function):
    """Scalar products of row i of one matrix and row j of another at entries (i, j).

    The gradient of the second matrix is sparse.
    """

    @staticmethod
    def forward(ctx: Any, entries: SparseRows, left: Tensor, right: Tensor) -> Tensor:
        ctx.entries = entries
        ctx.save_for_backward(left, right)
        chunks = zip(
            entries.rows.split(_GATHER_SIZE),
            entries.columns.split(_GATHER_SIZE),
            strict=True,
        )
        products = [(left[i] * right[j]).sum(1) for i, j in chunks]
        return torch.cat(products) if products else left.new_empty(0)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        left, right = ctx.saved_tensors
        return (
            None,
            ctx.entries.product(grads[0], right),
            ctx.entries.transposed_product(grads[0], left, len(right), True),
        )


class _ExactBCE(torch.autograd.Function):
    """Binary cross-entropy over all pairs of a row and a set, targets sparse.

    Per pair the loss is softplus(z) - z * y and its derivative in the logit z is
    sigmoid(z) - y, so one buffer that first holds the logits and then their
    gradient is all that is needed. Pairs that the network is shown count zero.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, output: Tensor, targets: Targets, bfloat16: bool
    ) -> Tensor:
        (n_rows, width), n_sets = hidden.shape, len(output)
        on_cpu = hidden.device.type == "cpu"
        block = max(1, _BLOCK_SIZE // n_sets)
        chunk = max(1, _CHUNK_SIZE // n_sets) if on_cpu else block
        dtype = torch.bfloat16 if bfloat16 else hidden.dtype
        # A constant column makes the bias part of the one matrix product; in
        # bfloat16 a second one carries what rounding took from the bias.
        extended = nn.functional.pad(hidden, (0, 1), value=1.0)
        weighted = (extended * targets.weights[:, None]).to(dtype)
        extended = extended.to(dtype)
        if bfloat16:
            extended = nn.functional.pad(extended, (0, 1), value=1.0)
            rounded = output.to(dtype)
            output = torch.cat([rounded, (output - rounded)[:, -1:].to(dtype)], dim=1)
        logits = hidden.new_empty((min(block, n_rows), n_sets), dtype=dtype)
        grad_hidden = torch.empty_like(hidden)
        grad_output = None
        # Where products are in bfloat16 on a processor, softplus over all pairs
        # would take as long as they do: it is read on the first chunk of rows,
        # which are a random sample of the genes.
        loss_rows = min(chunk, n_rows) if bfloat16 and on_cpu else n_rows
        loss = hidden.new_zeros(())
        for block_start in range(0, n_rows, block):
            block_stop = min(block_start + block, n_rows)
            for start in range(block_start, block_stop, chunk):
                stop = min(start + chunk, block_stop)
                z = logits[start - block_start : stop - block_start]
                torch.mm(extended[start:stop], output.t(), out=z)
                entries = slice(targets.row_starts[start], targets.row_starts[stop])
                at = (
                    targets.members.rows[entries] - start,
                    targets.members.columns[entries],
                )
                asked = targets.asked[entries]
                if start < loss_rows:
                    weights = targets.weights[start:stop]
                    exact = z.to(hidden.dtype)
                    loss += nn.functional.softplus(exact).sum(1) @ weights
                    shown = (1 - asked) * nn.functional.softplus(exact[at])
                    loss -= (shown + asked * exact[at]) @ weights[at[0]]
                z.sigmoid_()
                z.index_put_(at, (z[at] - 1) * asked.to(dtype))
                grad_hidden[start:stop] = torch.mm(z, output[:, :width])
            part = torch.mm(
                logits[: block_stop - block_start].t(), weighted[block_start:block_stop]
            ).to(hidden.dtype)
            grad_output = part if grad_output is None else grad_output.add_(part)
        grad_hidden *= targets.weights[:, None]
        ctx.save_for_backward(grad_hidden, grad_output)
        if loss_rows < n_rows:
            loss /= targets.weights[:loss_rows].sum()
        return loss

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        (grad_loss,) = grad_outputs
        grad_hidden, grad_output = ctx.saved_tensors
        return grad_hidden * grad_loss, grad_output * grad_loss, None, None


class GeneSetBCE(nn.Module):
    """Binary cross-entropy of a batch, summed over gene sets, averaged over genes.

    Parameters
    ----------
    use_bfloat16 : bool, default=False
        Whether the matrix products are computed in bfloat16.

    Notes
    -----
    The estimator reports the mean over all pairs, which is this loss divided by
    the number of gene sets. The sum is what is optimised, because Adam's epsilon
    would drown gradients that are divided by 20,000.
    """

    def __init__(self, use_bfloat16: bool = False) -> None:
        super().__init__()
        self.use_bfloat16 = use_bfloat16

    def forward(self, layers: tuple[Tensor, Tensor], targets: Targets) -> Tensor:
        hidden, output = layers
        loss: Tensor = _ExactBCE.apply(hidden, output, targets, self.use_bfloat16)
        return loss


class SampledBCE(nn.Module):
    """Unbiased estimate of :class:`GeneSetBCE` whose cost does not grow with sets.

    Memberships enter exactly. The sum over all other pairs is estimated from gene
    sets drawn once a batch, in proportion to their sizes, each weighted by the
    inverse of how often it is expected to be drawn.

    Parameters
    ----------
    sizes : Tensor of shape (n_gene_sets,)
        Number of genes of every set.
    n_negatives : int
        Gene sets drawn for a batch.
    generator : torch.Generator
        Source of the draws, on the device of `sizes`.
    """

    def __init__(
        self, sizes: Tensor, n_negatives: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        # One more than the size, so that no set is never drawn.
        probabilities = (sizes + 1).double()
        self.probabilities = probabilities / probabilities.sum()
        self.cumulative = self.probabilities.cumsum(0)
        self.n_negatives = n_negatives
        self.generator = generator

    def draw(self) -> tuple[Tensor, Tensor]:
        """Draw gene sets, sorted, and the weight of each; repeats weigh nothing.

        The draws are stratified: one from each of `n_negatives` equal shares of
        the total probability.
        """
        n, device = self.n_negatives, self.cumulative.device
        noise = torch.empty(n, dtype=torch.float64, device=device)
        noise.uniform_(generator=self.generator)
        shares = (torch.arange(n, device=device) + noise) / n
        drawn = torch.searchsorted(self.cumulative, shares)
        drawn = drawn.clamp_(max=len(self.cumulative) - 1)
        first = torch.searchsorted(drawn, drawn)
        repeats = torch.searchsorted(drawn, drawn, right=True) - first
        weights = repeats / (n * self.probabilities[drawn])
        weights = weights * (first == torch.arange(n, device=device))
        return drawn, weights

    def forward(self, layers: tuple[Tensor, Tensor], targets: Targets) -> Tensor:
        hidden, output = layers
        rows, columns = targets.members.rows, targets.members.columns
        drawn, weights = self.draw()
        weights = weights.to(hidden.dtype)
        extended = nn.functional.pad(hidden, (0, 1), value=1.0)
        logits = extended @ nn.functional.embedding(drawn, output, sparse=True).t()
        absent = nn.functional.softplus(logits) * weights
        # A drawn set that the gene belongs to is no negative.
        at = torch.searchsorted(drawn, columns).clamp_(max=len(drawn) - 1)
        hits = absent[rows, at] * (drawn[at] == columns)
        of_members = _EntryProducts.apply(targets.members, extended, output)
        present = nn.functional.softplus(-of_members) * targets.asked
        loss: Tensor = absent.sum(1) @ targets.weights
        return loss + (present - hits) @ targets.weights[rows]


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
    start : ndarray of shape (n_inputs, n_components) or None, default=None
        Start of the first columns of the first weight.
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
        start: NDArray[np.float32] | None = None,
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
                self.embedding[:, : start.shape[1]] = torch.from_numpy(start)
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

    def forward(
        self, inputs: Tensor | tuple[SparseRows, Tensor]
    ) -> tuple[Tensor, Tensor]:
        if isinstance(inputs, tuple):
            embedding = _SparseProduct.apply(*inputs, self.embedding, self.sparse_grad)
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
