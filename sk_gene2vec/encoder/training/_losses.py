"""Binary cross-entropy over all pairs of a gene and a gene set, targets sparse."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from sk_gene2vec.encoder.training._sparse_rows import EntryProducts, SparseRows

# Logits are worked on in chunks of rows that stay in the processor's cache, and
# are kept for blocks of rows that bound the memory.
_CHUNK_SIZE = 256 * 20_832
_BLOCK_SIZE = 2**25

# Softplus is taken in slices, whose temporaries need no new pages.
_SLICE_SIZE = 2**18

# PyTorch lets one thread alone work on fewer than 2**15 numbers. Of the other size,
# equal shares for 1 to 6, 8, 9, 10, 12 or 16 threads are multiples of 64 numbers.
_SINGLE_SIZE = 2**14
_SHARED_SIZE = 64 * 720


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


def _sigmoid_(z: Tensor) -> None:
    """Sigmoid in place, with the same bits whatever the number of threads.

    PyTorch gives every thread one stretch of the numbers, and computes those at its end
    that do not fill a vector register in another way than the rest. So stretches are
    made to end with a full register, and what is left over goes to one thread.
    """
    flat = z.view(-1)
    shared = flat.numel() // _SHARED_SIZE * _SHARED_SIZE
    flat[:shared].sigmoid_()
    for part in flat[shared:].split(_SINGLE_SIZE):
        part.sigmoid_()


class _ExactBCE(torch.autograd.Function):
    """Binary cross-entropy over all pairs of a row and a set, targets sparse.

    Per pair the loss is softplus(z) - z * y and its derivative in the logit z is
    sigmoid(z) - y, so one buffer that first holds the logits and then their
    gradient is all that is needed. Pairs that the network is shown count zero.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, output: Tensor, targets: Targets, logits: Tensor
    ) -> Tensor:
        (n_rows, width), (block, n_sets) = hidden.shape, logits.shape
        on_cpu = hidden.device.type == "cpu"
        chunk = max(1, _CHUNK_SIZE // n_sets) if on_cpu else block
        dtype = logits.dtype
        bfloat16 = dtype == torch.bfloat16
        # A constant column makes the bias part of the one matrix product; in
        # bfloat16 a second one carries what rounding took from the bias.
        extended = nn.functional.pad(hidden, (0, 1), value=1.0)
        weighted = (extended * targets.weights[:, None]).to(dtype)
        extended = extended.to(dtype)
        if bfloat16:
            extended = nn.functional.pad(extended, (0, 1), value=1.0)
            rounded = output.to(dtype)
            rest = (output[:, -1:] - rounded[:, -1:]).to(dtype)
            output = torch.cat([rounded, rest], dim=1)
        grad_hidden = torch.empty_like(hidden)
        grad_output = None
        # Where products are in bfloat16 on a processor, softplus over all pairs
        # would take as long as they do: the loss of a large batch is read on its
        # first rows, which are a random sample of the genes.
        sampled = bfloat16 and on_cpu and chunk < n_rows
        loss_rows = -(-chunk // 2) if sampled else n_rows
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
                own = z[at].to(hidden.dtype)
                if start < loss_rows:
                    read = z[: loss_rows - start]
                    slices = read.split(max(1, _SLICE_SIZE // n_sets))
                    sums = [softplus(part.to(hidden.dtype)).sum(1) for part in slices]
                    loss += torch.cat(sums) @ targets.weights[start : start + len(read)]
                    # Of a membership that is asked for remains softplus(-z), of one
                    # that is shown nothing.
                    of_members = (own + (1 - asked) * softplus(-own)) * (
                        targets.weights[at[0] + start]
                    )
                    n_read = targets.row_starts[start + len(read)] - entries.start
                    loss -= of_members[:n_read].sum()
                _sigmoid_(z)
                _sigmoid_(own)
                z.index_put_(at, ((own - 1) * asked).to(dtype))
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
        # In place: they are used once, and one of them is as large as the layer.
        return grad_hidden.mul_(grad_loss), grad_output.mul_(grad_loss), None, None


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
        # Kept from step to step: new pages would cost as much as a product.
        self.logits = torch.empty(0)

    def forward(self, layers: tuple[Tensor, Tensor], targets: Targets) -> Tensor:
        hidden, output = layers
        n_sets = len(output)
        n_rows = min(len(hidden), max(1, _BLOCK_SIZE // n_sets))
        if self.logits.numel() < n_rows * n_sets:
            dtype = torch.bfloat16 if self.use_bfloat16 else hidden.dtype
            self.logits = hidden.new_empty(n_rows * n_sets, dtype=dtype)
        logits = self.logits[: n_rows * n_sets].view(n_rows, n_sets)
        loss: Tensor = _ExactBCE.apply(hidden, output, targets, logits)
        return loss


class SampledBCE(nn.Module):
    """Unbiased estimate of :class:`GeneSetBCE` whose cost does not grow with sets.

    Memberships enter exactly. The sum over all other pairs is estimated from gene
    sets drawn once a batch, each weighted by the inverse of how often it is expected
    to be drawn, which goes with the square root of its size: in proportion to the
    size, rare sets would hardly ever be drawn, with a weight that drowns the rest.

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
        probabilities = (sizes + 1).double().sqrt()
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
        absent = softplus(logits) * weights
        # A drawn set that the gene belongs to is no negative.
        at = torch.searchsorted(drawn, columns).clamp_(max=len(drawn) - 1)
        hits = absent[rows, at] * (drawn[at] == columns)
        of_members = EntryProducts.apply(targets.members, extended, output)
        present = softplus(-of_members) * targets.asked
        loss: Tensor = absent.sum(1) @ targets.weights
        return loss + (present - hits) @ targets.weights[rows]
