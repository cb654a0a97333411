"""Sparse rows in torch: products with them, and their gradients."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

# Number of entries whose two vectors are gathered at a time.
_GATHER_SIZE = 2**16


@dataclass
class SparseRows:
    """Positions of the entries of sparse rows, in coordinate form, sorted by row.

    Parameters
    ----------
    rows : Tensor of shape (n_entries,), int64
        Row of each entry, ascending.
    columns : Tensor of shape (n_entries,), int64
        Column of each entry.
    row_starts : Tensor of shape (n_rows + 1,), int64
        Start of each row among the entries, as in CSR.
    """

    rows: Tensor
    columns: Tensor
    row_starts: Tensor

    @cached_property
    def by_column(self) -> tuple[Tensor, Tensor]:
        """Columns in ascending order, and the entry that each belongs to."""
        columns, order = torch.sort(self.columns, stable=True)
        return columns, order

    def product(self, values: Tensor, dense: Tensor) -> Tensor:
        """Multiply the rows with a dense matrix."""
        return _bag_sums(self.columns, dense, self.row_starts, values)

    def transposed_product(
        self, values: Tensor, dense: Tensor, n_columns: int, sparse: bool
    ) -> Tensor:
        """Multiply the transposed rows with a dense matrix.

        The result has `n_columns` rows. If `sparse`, it holds only those with an entry.
        """
        columns, order = self.by_column
        if sparse:
            columns, counts = torch.unique_consecutive(columns, return_counts=True)
        else:
            # Not bincount, which waits for the device on a GPU.
            counts = columns.new_zeros(n_columns)
            counts.index_add_(0, columns, torch.ones_like(columns))
        starts = nn.functional.pad(counts.cumsum(0), (1, 0))
        sums = _bag_sums(self.rows[order], dense, starts, values[order])
        if not sparse:
            return sums
        # Coalesced: the columns are ascending and distinct.
        return torch.sparse_coo_tensor(
            columns[None],
            sums,
            (n_columns, sums.shape[1]),
            check_invariants=False,
            is_coalesced=True,
        )


def _bag_sums(index: Tensor, dense: Tensor, starts: Tensor, values: Tensor) -> Tensor:
    """Sum rows of `dense` in bags: ``dense[index]``, weighted by `values`."""
    return nn.functional.embedding_bag(
        index,
        dense.contiguous(),
        starts,
        mode="sum",
        per_sample_weights=values,
        include_last_offset=True,
    )


class SparseProduct(torch.autograd.Function):
    """Product of sparse rows and a dense weight; only the weight has a gradient."""

    @staticmethod
    def forward(
        ctx: Any,
        rows: SparseRows,
        values: Tensor,
        weight: Tensor,
        sparse_grad: bool,
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


class EntryProducts(torch.autograd.Function):
    """Scalar products of row i of one matrix and row j of another, for entries (i, j).

    The gradient in the second matrix is sparse.
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
