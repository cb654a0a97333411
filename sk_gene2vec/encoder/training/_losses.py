"""Binary cross-entropy over all pairs of a gene and a gene set, with sparse targets."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from sk_gene2vec.encoder.training._sparse_rows import EntryProducts, SparseRows

# Logits are computed in chunks of rows that stay in the CPU's cache, and kept for
# blocks of rows, whose size bounds the memory.
_CHUNK_SIZE = 256 * 20_832
_BLOCK_SIZE = 2**25

# Softplus is computed in slices, so that its temporaries need no new pages.
_SLICE_SIZE = 2**18

# PyTorch gives fewer than 2**15 numbers to a single thread. The shared size divides
# into multiples of 64 numbers for 1 to 6, 8, 9, 10, 12 or 16 threads.
_SINGLE_SIZE = 2**14
_SHARED_SIZE = 64 * 720


class Targets(NamedTuple):
    """The memberships of a batch of genes, and how much each counts in the loss.

    Attributes
    ----------
    members : SparseRows
        The gene sets of every gene.
    row_starts : list of int
        ``members.row_starts`` on the host, so that slicing needs no device sync.
    weights : Tensor of shape (n_rows,)
        Weight of every row; those of a batch sum to one.
    asked : Tensor of shape (n_entries,)
        One for memberships that the network has to find. Zero for memberships in its
        input, which have no loss.
    """

    members: SparseRows
    row_starts: list[int]
    weights: Tensor
    asked: Tensor

    def of_rows(self, start: int, stop: int) -> Targets:
        """Slice adjacent rows."""
        row_starts = self.row_starts[start : stop + 1]
        first, last = row_starts[0], row_starts[-1]
        return Targets(
            SparseRows(
                self.members.rows[first:last] - start,
                self.members.columns[first:last],
                self.members.row_starts[start : stop + 1] - first,
            ),
            [row_start - first for row_start in row_starts],
            self.weights[start:stop],
            self.asked[first:last],
        )


def _sigmoid_(z: Tensor) -> None:
    """Compute the sigmoid in place, with the same bits for any number of threads.

    PyTorch gives each thread one stretch of the numbers. Numbers at the end of a
    stretch that do not fill a vector register are computed by other code, which rounds
    differently. So stretches here end with a full register, and a single thread
    computes the rest.
    """
    flat = z.view(-1)
    shared = flat.numel() // _SHARED_SIZE * _SHARED_SIZE
    flat[:shared].sigmoid_()
    for part in flat[shared:].split(_SINGLE_SIZE):
        part.sigmoid_()


def _with_bias_columns(
    hidden: Tensor, output: Tensor, weights: Tensor, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor]:
    """Bring both layers to `dtype`, such that one product gives the logits.

    A constant column in the hidden layer multiplies the bias. In bfloat16 a second one
    multiplies the rounding error of the bias.

    Returns
    -------
    hidden, weighted, output : Tensor
        The second is the hidden layer times the weights of its rows.
    """
    extended = nn.functional.pad(hidden, (0, 1), value=1.0)
    weighted = (extended * weights[:, None]).to(dtype)
    extended = extended.to(dtype)
    if dtype == torch.bfloat16:
        extended = nn.functional.pad(extended, (0, 1), value=1.0)
        rounded = output.to(dtype)
        rest = (output[:, -1:] - rounded[:, -1:]).to(dtype)
        output = torch.cat([rounded, rest], dim=1)
    return extended, weighted, output


def _loss_terms(z: Tensor, own: Tensor, targets: Targets) -> tuple[Tensor, Tensor]:
    """Sum the loss of all pairs as if none were a member, and the part to subtract.

    Parameters
    ----------
    z : Tensor of shape (n_rows, n_gene_sets)
        Logits of the first rows of `targets`, or of all.
    own : Tensor of shape (n_entries,)
        Logits of the members of all rows of `targets`.
    targets : Targets
        Memberships and weights of the rows.
    """
    slices = z.split(max(1, _SLICE_SIZE // z.shape[1]))
    sums = [softplus(part.to(own.dtype)).sum(1) for part in slices]
    of_pairs = torch.cat(sums) @ targets.weights[: len(z)]
    # A membership to find has the loss softplus(-z), one in the input has none.
    of_members = own + (1 - targets.asked) * softplus(-own)
    of_members = of_members * targets.weights[targets.members.rows]
    return of_pairs, of_members[: targets.row_starts[len(z)]].sum()


def _gradient_(z: Tensor, own: Tensor, targets: Targets) -> None:
    """Replace logits by the gradient of the loss in them, in place."""
    _sigmoid_(z)
    _sigmoid_(own)
    at = targets.members.rows, targets.members.columns
    z.index_put_(at, ((own - 1) * targets.asked).to(z.dtype))


class _ExactBCE(torch.autograd.Function):
    """Binary cross-entropy over all pairs of a row and a set, with sparse targets.

    The loss of a pair is softplus(z) - z * y, and its derivative in the logit z is
    sigmoid(z) - y. So one buffer is enough: it holds first the logits, then their
    gradient. Memberships in the network's input have no loss.
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        output: Tensor,
        targets: Targets,
        logits: Tensor,
    ) -> Tensor:
        (n_rows, width), (block, n_sets) = hidden.shape, logits.shape
        on_cpu = hidden.device.type == "cpu"
        chunk = max(1, _CHUNK_SIZE // n_sets) if on_cpu else block
        n_read = n_rows
        if on_cpu and logits.dtype == torch.bfloat16 and chunk < n_rows:
            # Softplus of all pairs would take as long as the products. The first rows
            # are a random sample of the genes.
            n_read = -(-chunk // 2)
        extended, weighted, output = _with_bias_columns(
            hidden, output, targets.weights, logits.dtype
        )
        loss = hidden.new_zeros(())
        grad_hidden = torch.empty_like(hidden)
        grad_output = None
        for block_start in range(0, n_rows, block):
            block_stop = min(block_start + block, n_rows)
            for start in range(block_start, block_stop, chunk):
                stop = min(start + chunk, block_stop)
                z = logits[start - block_start : stop - block_start]
                torch.mm(extended[start:stop], output.t(), out=z)
                part = targets.of_rows(start, stop)
                own = z[part.members.rows, part.members.columns].to(hidden.dtype)
                if start < n_read:
                    of_pairs, of_members = _loss_terms(z[: n_read - start], own, part)
                    loss += of_pairs
                    loss -= of_members
                _gradient_(z, own, part)
                grad_hidden[start:stop] = torch.mm(z, output[:, :width])
            z = logits[: block_stop - block_start]
            of_block = torch.mm(z.t(), weighted[block_start:block_stop]).to(
                hidden.dtype
            )
            grad_output = (
                of_block if grad_output is None else grad_output.add_(of_block)
            )
        grad_hidden *= targets.weights[:, None]
        ctx.save_for_backward(grad_hidden, grad_output)
        if n_read < n_rows:
            loss /= targets.weights[:n_read].sum()
        return loss

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        (grad_loss,) = grad_outputs
        grad_hidden, grad_output = ctx.saved_tensors
        # In place: both are used once, and one is as large as the output layer.
        return grad_hidden.mul_(grad_loss), grad_output.mul_(grad_loss), None, None


class GeneSetBCE(nn.Module):
    """Binary cross-entropy of a batch, summed over gene sets, averaged over genes.

    Parameters
    ----------
    use_bfloat16 : bool, default=False
        If True, matrix products are computed in bfloat16.

    Notes
    -----
    The estimator reports the mean over all pairs, which is this loss divided by the
    number of gene sets. Training minimises the sum: gradients divided by 20,000 would
    be small next to Adam's epsilon.
    """

    def __init__(self, use_bfloat16: bool = False) -> None:
        super().__init__()
        self.use_bfloat16 = use_bfloat16
        # Kept between steps: new pages would cost as much as a product.
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
    """Unbiased estimate of :class:`GeneSetBCE`, with a cost independent of n_gene_sets.

    Memberships enter exactly. The sum over all other pairs is estimated from gene sets
    that are drawn once per batch. The probability of a set is proportional to the
    square root of its size, and its weight is the inverse of the expected number of
    draws. If the probability were proportional to the size, small sets would be drawn
    very rarely, and their weights would dominate the sum.

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
        # One more than the size: an empty set must be drawn, too.
        probabilities = (sizes + 1).double().sqrt()
        self.probabilities = probabilities / probabilities.sum()
        self.cumulative = self.probabilities.cumsum(0)
        self.n_negatives = n_negatives
        self.generator = generator

    def draw(self) -> tuple[Tensor, Tensor]:
        """Draw gene sets in ascending order, with their weights.

        The draws are stratified: one from each of `n_negatives` equal shares of the
        total probability. If a set is drawn several times, its first draw has the
        weight of all, and the others have weight zero.
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
        # Take out drawn sets that the gene belongs to: they are not negatives.
        at = torch.searchsorted(drawn, columns).clamp_(max=len(drawn) - 1)
        hits = absent[rows, at] * (drawn[at] == columns)
        of_members = EntryProducts.apply(targets.members, extended, output)
        present = softplus(-of_members) * targets.asked
        loss: Tensor = absent.sum(1) @ targets.weights
        return loss + (present - hits) @ targets.weights[rows]
