"""Binary cross-entropy over all pairs of a gene and a gene set, with sparse targets."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import softplus

from sk_gene2vec.encoder.training._sparse_rows import SparseRows

# Logits are computed in chunks of rows that stay in the CPU's cache, and kept for
# blocks of rows, whose size bounds the memory.
_CHUNK_SIZE = 256 * 20_832
_BLOCK_SIZE = 2**25

# Number of pairs per batch whose loss is computed. It is only reported, and for all
# pairs of a large collection it would take as long as a product.
_REPORTED_PAIRS = 2**18

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
    weights : Tensor of shape (n_rows,)
        Weight of every row; those of a batch sum to one.
    asked : Tensor of shape (n_entries,)
        One for memberships that the network has to find. Zero for memberships in its
        input, which have no loss.
    """

    members: SparseRows
    weights: Tensor
    asked: Tensor

    @property
    def weights_of_members(self) -> Tensor:
        """Weight of each membership in the loss, shape (n_entries,)."""
        return self.asked * self.weights.index_select(0, self.members.rows)

    def of_rows(self, rows: slice) -> Targets:
        """Slice adjacent rows."""
        starts = self.members.host.indptr
        entries = slice(int(starts[rows.start]), int(starts[rows.stop]))
        return Targets(
            SparseRows(self.members.host[rows], self.members.device),
            self.weights[rows],
            self.asked[entries],
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
        The second is the hidden layer times the weights of its rows. Columns of zeros
        bring it to a multiple of 8, since products of other widths take 1.4 times as
        long in float32.
    """
    extended = nn.functional.pad(hidden, (0, 1), value=1.0)
    weighted = (extended * weights[:, None]).to(dtype)
    weighted = nn.functional.pad(weighted, (0, -weighted.shape[1] % 8))
    extended = extended.to(dtype)
    if dtype == torch.bfloat16:
        extended = nn.functional.pad(extended, (0, 1), value=1.0)
        rounded = output.to(dtype)
        rest = (output[:, -1:] - rounded[:, -1:]).to(dtype)
        output = torch.cat([rounded, rest], dim=1)
    return extended, weighted, output


def _loss_of_others(z: Tensor, own: Tensor, targets: Targets) -> Tensor:
    """Sum the loss of the pairs that are not memberships.

    Parameters
    ----------
    z : Tensor of shape (n_read, n_gene_sets)
        Logits of the first rows of `targets`.
    own : Tensor of shape (n_entries,)
        Logits of the memberships of `targets`.
    targets : Targets
        Memberships and weights of the rows.
    """
    n_entries = targets.members.host.indptr[len(z)]
    of_members = targets.weights.index_select(0, targets.members.rows[:n_entries])
    of_pairs = softplus(z.to(own.dtype)).sum(1) @ targets.weights[: len(z)]
    return (of_pairs - softplus(own[:n_entries]) @ of_members).clamp(min=0)


def _scaled(ctx: Any, grad_outputs: tuple[Tensor, ...]) -> list[Tensor]:
    """Multiply the saved gradients by that of the loss."""
    # In place: they are used once, and one is as large as the output layer.
    return [gradient.mul_(*grad_outputs) for gradient in ctx.saved_tensors]


class _ExactBCE(torch.autograd.Function):
    """Binary cross-entropy over all pairs of a row and a set, with sparse targets.

    The loss of a pair is softplus(z) - z * y, and its derivative in the logit z is
    sigmoid(z) - y. So one buffer is enough: it holds first the logits, then their
    gradient. Memberships in the network's input have no loss.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, output: Tensor, targets: Targets, logits: Tensor
    ) -> Tensor:
        (n_rows, width), (block, n_sets) = hidden.shape, logits.shape
        on_cpu = hidden.device.type == "cpu"
        chunk = max(1, _CHUNK_SIZE // n_sets) if on_cpu else block
        # The first rows are a random sample of the genes.
        n_read = min(n_rows, -(-_REPORTED_PAIRS // n_sets))
        members, dtype = targets.members, hidden.dtype
        weights_of_members = targets.weights_of_members
        positions = members.positions
        extended, weighted, output = _with_bias_columns(
            hidden, output, targets.weights, logits.dtype
        )
        of_members, of_others = hidden.new_zeros(()), hidden.new_zeros(())
        grad_hidden = torch.empty_like(hidden)
        grad_output = None
        for block_start in range(0, n_rows, block):
            block_stop = min(block_start + block, n_rows)
            for start in range(block_start, block_stop, chunk):
                stop = min(start + chunk, block_stop)
                z = logits[start - block_start : stop - block_start]
                torch.mm(extended[start:stop], output.t(), out=z)
                entries = slice(*members.host.indptr[[start, stop]].tolist())
                at = positions[entries] - start * n_sets
                own = z.view(-1)[at].to(dtype)
                of_members += softplus(-own) @ weights_of_members[entries]
                if start < n_read:
                    part = targets.of_rows(slice(start, stop))
                    of_others += _loss_of_others(z[: n_read - start], own, part)
                _sigmoid_(z)
                _sigmoid_(own)
                own = (own - 1) * targets.asked[entries]
                z.view(-1)[at] = own.to(z.dtype)
                grad_hidden[start:stop] = torch.mm(z, output[:, :width])
            z = logits[: block_stop - block_start]
            of_block = torch.mm(z.t(), weighted[block_start:block_stop])
            of_block = of_block[:, : width + 1].to(dtype)
            grad_output = (
                of_block if grad_output is None else grad_output.add_(of_block)
            )
        grad_hidden *= targets.weights[:, None]
        ctx.save_for_backward(grad_hidden, grad_output)
        return of_members + of_others * (n_rows / n_read)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        return *_scaled(ctx, grad_outputs), None, None


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


class Drawn(NamedTuple):
    """The gene sets, and the number of genes, that represent all others.

    Attributes
    ----------
    sets : Tensor of shape (n_drawn,)
        Their numbers, ascending and distinct.
    weights : Tensor of shape (n_drawn,)
        Number of draws over the expected number of draws.
    members : Tensor
        Positions of the memberships of the batch in a matrix of shape (n_rows,
        n_drawn).
    n_rows : int
        The first rows of a batch, which are a random sample of the genes.
    """

    sets: Tensor
    weights: Tensor
    members: Tensor
    n_rows: int


class _SampledBCE(torch.autograd.Function):
    """The estimate of :class:`SampledBCE`, with its gradient."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        output: Tensor,
        targets: Targets,
        drawn: Drawn,
        dtype: torch.dtype,
    ) -> Tensor:
        members, weights, width = targets.members, targets.weights, hidden.shape[1]
        # Memberships, exactly.
        extended = nn.functional.pad(hidden, (0, 1), value=1.0)
        own = members.entry_products(extended, output)
        asked = targets.weights_of_members
        loss = softplus(-own) @ asked
        gap = (own.sigmoid() - 1) * asked
        grad_hidden = members.product(gap, output)[:, :width]
        grad_output = members.transposed_product(gap, extended)
        # Other pairs of some genes: the loss, and the gradient in the output layer.
        extended, weighted, output = _with_bias_columns(hidden, output, weights, dtype)
        part = targets.of_rows(slice(0, drawn.n_rows))
        # Not the sum of the weights: with it, rows of many genes would be biased.
        share = drawn.n_rows / len(hidden)
        z = extended[: drawn.n_rows] @ output.t()
        z.view(-1)[part.members.positions] = -torch.inf
        n_read = min(len(z), -(-_REPORTED_PAIRS // len(output)))
        of_others = softplus(z[:n_read].to(hidden.dtype)).sum(1) @ weights[:n_read]
        loss += of_others * (len(hidden) / n_read)
        _sigmoid_(z)
        of_rows = z.t() @ (weighted[: drawn.n_rows] / share)
        grad_output += of_rows[:, : width + 1]
        # Other pairs of some gene sets: the gradient in the hidden layer.
        columns = output[drawn.sets]
        z = extended @ columns.t()
        z.view(-1)[drawn.members] = -torch.inf
        _sigmoid_(z)
        z *= drawn.weights.to(dtype)
        grad_hidden += (z @ columns[:, :width]) * weights[:, None]
        ctx.save_for_backward(grad_hidden, grad_output)
        return loss

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        return *_scaled(ctx, grad_outputs), None, None, None


class SampledBCE(nn.Module):
    """Unbiased estimate of :class:`GeneSetBCE`, with a share of its products.

    Memberships enter exactly. All other pairs are estimated from two samples of about
    `n_negatives` pairs per gene: those of all genes with some gene sets give the
    gradient in the hidden layer, and those of some genes with all gene sets give the
    gradient in the output layer, and the loss. With gene sets drawn for both, a gene
    set would get a large gradient in one batch, and that of its memberships alone in
    most others, which costs far more quality than the noise in the hidden layer.

    The probability of a gene set to be drawn is proportional to the square root of its
    size. If it were proportional to the size, small sets would be drawn very rarely,
    and their weights would dominate the sum.

    Parameters
    ----------
    sizes : ndarray of shape (n_gene_sets,)
        Number of genes of every set.
    n_negatives : int
        Gene sets drawn for a batch.
    rng : numpy.random.Generator
        Source of the draws.
    use_bfloat16 : bool, default=False
        If True, all products except those of memberships are computed in bfloat16.
    """

    def __init__(
        self,
        sizes: NDArray[np.integer],
        n_negatives: int,
        rng: np.random.Generator,
        use_bfloat16: bool = False,
    ) -> None:
        super().__init__()
        self.use_bfloat16 = use_bfloat16
        # One more than the size: an empty set must be drawn, too.
        probabilities = np.sqrt(sizes + 1.0)
        self.probabilities = probabilities / probabilities.sum()
        self.cumulative = self.probabilities.cumsum()
        self.n_negatives = n_negatives
        self.rng = rng

    def draw(self) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Draw gene sets, and weight them.

        The draws are stratified: one from each of `n_negatives` equal shares of the
        total probability.
        """
        n = self.n_negatives
        shares = (np.arange(n) + self.rng.random(n)) / n
        drawn = np.searchsorted(self.cumulative, shares)
        sets, n_draws = np.unique(
            np.minimum(drawn, len(self.cumulative) - 1), return_counts=True
        )
        weights = n_draws / (n * self.probabilities[sets])
        return sets, weights.astype(np.float32)

    def forward(self, layers: tuple[Tensor, Tensor], targets: Targets) -> Tensor:
        hidden, output = layers
        sets, weights = self.draw()
        members = targets.members.host[:, sets].tocoo()
        positions = members.row.astype(np.int64) * len(sets) + members.col
        drawn = Drawn(
            torch.from_numpy(sets).to(hidden.device),
            torch.from_numpy(weights).to(hidden.device),
            torch.from_numpy(positions).to(hidden.device),
            n_rows=-(-len(hidden) * len(sets) // len(output)),
        )
        dtype = torch.bfloat16 if self.use_bfloat16 else hidden.dtype
        loss: Tensor = _SampledBCE.apply(hidden, output, targets, drawn, dtype)
        return loss
