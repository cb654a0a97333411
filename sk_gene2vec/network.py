"""The network and its loss: torch tensors only, no gene and no estimator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

ACTIVATIONS = {"identity": nn.Identity, "relu": nn.ReLU, "tanh": nn.Tanh}

# Small, so that the embedding starts on the steep part of its activation.
_INITIAL_STD = 0.1

# Logits are worked on in chunks of rows that stay in the processor's cache, and
# are kept for blocks of rows that bound the memory.
_CHUNK_SIZE = 256 * 20_832
_BLOCK_SIZE = 2**25


class SparseRows(NamedTuple):
    """A batch of sparse rows in coordinate form, sorted by row.

    Attributes
    ----------
    rows : Tensor of shape (n_entries,), int64
        Row of each entry, ascending.
    columns : Tensor of shape (n_entries,), int64
        Column of each entry.
    row_starts : Tensor of shape (n_rows + 1,), int64
        Where each row starts among the entries, as in CSR.
    values : Tensor of shape (n_entries,) or None
        Value of each entry; None means ones.
    """

    rows: Tensor
    columns: Tensor
    row_starts: Tensor
    values: Tensor | None = None


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
    """

    members: SparseRows
    row_starts: list[int]
    weights: Tensor


class _SparseProduct(torch.autograd.Function):
    """Product of sparse rows and a dense weight; only the weight gets a gradient."""

    @staticmethod
    def forward(
        ctx: Any, batch: SparseRows, weight: Tensor, sparse_grad: bool
    ) -> Tensor:
        ctx.batch, ctx.shape, ctx.sparse_grad = batch, weight.shape, sparse_grad
        return nn.functional.embedding_bag(
            batch.columns,
            weight,
            batch.row_starts,
            mode="sum",
            per_sample_weights=batch.values,
            include_last_offset=True,
        )

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[None, Tensor, None]:
        (grad,) = grad_outputs
        rows, columns, _, values = ctx.batch
        # The transposed product is again a product of sparse rows once the
        # entries are sorted by column.
        columns, order = torch.sort(columns, stable=True)
        values = values[order]
        if ctx.sparse_grad:
            columns, counts = torch.unique_consecutive(columns, return_counts=True)
        else:
            counts = torch.bincount(columns, minlength=ctx.shape[0])
        starts = nn.functional.pad(counts.cumsum(0), (1, 0))
        product = nn.functional.embedding_bag(
            rows[order],
            grad.contiguous(),
            starts,
            mode="sum",
            per_sample_weights=values,
            include_last_offset=True,
        )
        if ctx.sparse_grad:
            product = torch.sparse_coo_tensor(
                columns[None], product, ctx.shape, check_invariants=False
            )
        return None, product, None


class _ExactBCE(torch.autograd.Function):
    """Binary cross-entropy over all pairs of a row and a set, targets sparse.

    Per pair the loss is softplus(z) - z * y and its derivative in the logit z is
    sigmoid(z) - y, so one buffer that first holds the logits and then their
    gradient is all that is needed.
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
                if start < loss_rows:
                    weights = targets.weights[start:stop]
                    exact = z.to(hidden.dtype)
                    loss += nn.functional.softplus(exact).sum(1) @ weights
                    loss -= exact[at] @ weights[at[0]]
                z.sigmoid_()
                z.index_put_(at, z[at] - 1)
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
        of_members = nn.functional.embedding(columns, output, sparse=True)
        present = nn.functional.softplus(-(extended[rows] * of_members).sum(1))
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
    activation : {"identity", "relu", "tanh"}
        Activation of the embedding.
    hidden_layer_sizes : sequence of int
        Widths of the ReLU layers between embedding and output.
    generator : torch.Generator
        Source of the initial weights.
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
        sparse_grad: bool = False,
    ) -> None:
        super().__init__()
        self.sparse_grad = sparse_grad
        self.sparse_parameters = ("embedding", "output") if sparse_grad else ()
        n_gene_sets = len(log_odds)

        def normal(*shape: int, std: float) -> nn.Parameter:
            weight = torch.empty(shape, dtype=torch.float32)
            return nn.Parameter(weight.normal_(std=std, generator=generator))

        self.embedding = normal(n_inputs, embedding_dim, std=_INITIAL_STD)
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
        self.output = normal(n_gene_sets, width + 1, std=_INITIAL_STD)
        with torch.no_grad():
            self.output[:, -1] = log_odds

    def forward(self, inputs: Tensor | SparseRows) -> tuple[Tensor, Tensor]:
        if isinstance(inputs, SparseRows):
            embedding = _SparseProduct.apply(inputs, self.embedding, self.sparse_grad)
        else:
            embedding = nn.functional.embedding(
                inputs, self.embedding, sparse=self.sparse_grad
            )
        embedding = self.activation(embedding + self.embedding_bias)
        return self.hidden(embedding), self.output
