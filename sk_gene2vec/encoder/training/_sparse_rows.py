"""Sparse rows in torch: products with them, and their gradients."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

with warnings.catch_warnings():
    # PyTorch warns once per process that sparse CSR tensors are in beta.
    warnings.simplefilter("ignore")
    torch.sparse_csr_tensor([0], [], [], size=(0, 0), device="cpu")


@dataclass
class SparseRows:
    """Positions of the entries of sparse rows, copied to a device when first needed.

    Parameters
    ----------
    host : csr_array of shape (n_rows, n_columns)
        The rows. Their values are not used.
    device : torch.device
        Device of the tensors.
    """

    host: sp.csr_array
    device: torch.device

    def _on_device(self, index: NDArray[np.integer]) -> Tensor:
        # torch warns of views of read-only arrays, such as memory maps.
        writable = np.require(index, requirements="W")
        return torch.from_numpy(writable).to(self.device, non_blocking=True)

    @cached_property
    def rows(self) -> Tensor:
        """Row of each entry, shape (n_entries,)."""
        starts = self.host.indptr
        numbers = np.arange(len(starts) - 1, dtype=starts.dtype)
        return self._on_device(np.repeat(numbers, np.diff(starts)))

    @cached_property
    def columns(self) -> Tensor:
        """Column of each entry, shape (n_entries,)."""
        return self._on_device(self.host.indices)

    @cached_property
    def row_starts(self) -> Tensor:
        """Start of each row among the entries, as in CSR, shape (n_rows + 1,)."""
        return self._on_device(self.host.indptr)

    @cached_property
    def by_column(self) -> tuple[Tensor, Tensor, Tensor]:
        """Entries by column: their rows, where the columns start, their numbers."""
        indices, indptr = self.host.indices, self.host.indptr
        numbers = np.arange(len(indices), dtype=indices.dtype)
        csc = sp.csr_array((numbers, indices, indptr), shape=self.host.shape).tocsc()
        arrays = csc.indices, csc.indptr, csc.data
        rows, starts, order = (self._on_device(array) for array in arrays)
        return rows, starts, order

    @property
    def positions(self) -> Tensor:
        """Place of each entry in the flattened matrix, shape (n_entries,)."""
        return self.rows.long() * self.host.shape[1] + self.columns

    def product(self, values: Tensor, dense: Tensor) -> Tensor:
        """Multiply the rows, with these values, with a dense matrix."""
        return _bag_sums(self.columns, dense, self.row_starts, values)

    def transposed_product(self, values: Tensor, dense: Tensor) -> Tensor:
        """Multiply the transposed rows, with these values, with a dense matrix."""
        rows, starts, order = self.by_column
        return _bag_sums(rows, dense, starts, values.index_select(0, order))

    def entry_products(self, left: Tensor, right: Tensor) -> Tensor:
        """Multiply row i of one matrix by row j of another, for all entries (i, j)."""
        nothing = left.new_zeros(len(self.columns))
        rows = torch.sparse_csr_tensor(
            self.row_starts,
            self.columns,
            nothing,
            size=self.host.shape,
            device=left.device,
            check_invariants=False,
        )
        return torch.sparse.sampled_addmm(rows, left, right.t()).values()


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
    def forward(ctx: Any, rows: SparseRows, values: Tensor, weight: Tensor) -> Tensor:
        ctx.rows, ctx.values = rows, values
        return rows.product(values, weight)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        return None, None, ctx.rows.transposed_product(ctx.values, grads[0])
