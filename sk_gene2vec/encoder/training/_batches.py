"""Mini-batches of genes: slices of a sparse matrix, with a new mask each."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from sk_gene2vec._utils._typing import Array
from sk_gene2vec.encoder._inference import input_rows
from sk_gene2vec.encoder.training._losses import Targets
from sk_gene2vec.encoder.training._sparse_rows import SparseRows


class Batch(NamedTuple):
    """Inputs and targets of some rows, and the number of genes they stand for."""

    inputs: Tensor | tuple[SparseRows, Tensor]
    targets: Targets
    n_genes: float


class MembershipDataset(torch.utils.data.Dataset[Batch]):
    """A binary gene x gene-set matrix, sliced a whole batch at a time.

    Parameters
    ----------
    X : CSR array of shape (n_rows, n_gene_sets)
        Rows with sorted indices. Every stored entry is a membership, whatever its
        value.
    counts : ndarray of shape (n_rows,)
        Number of genes that each row stands for.
    set_weights : ndarray of shape (n_gene_sets,) or None
        Weight of every set in the inputs. If None, the input is the number of the row.
    mask_rate : float
        Share of the memberships hidden from the inputs.
    device : torch.device
        Device of the batches.
    """

    def __init__(
        self,
        X: sp.csr_array,
        counts: NDArray[np.integer],
        set_weights: NDArray[np.floating] | None,
        mask_rate: float,
        device: torch.device,
    ) -> None:
        self.X = X
        self.counts = np.asarray(counts, dtype=np.float32)
        self.set_weights = (
            None if set_weights is None else np.asarray(set_weights, dtype=np.float32)
        )
        self.mask_rate = mask_rate
        self.device = device

    def __len__(self) -> int:
        return len(self.counts)

    def batch(self, index: NDArray[np.int64], rng: np.random.Generator) -> Batch:
        """Slice the rows ``index`` and draw a mask for their inputs."""
        rows = self.X[index]
        asked = np.ones(rows.nnz, dtype=np.float32)
        inputs: Tensor | tuple[SparseRows, Tensor]
        if self.set_weights is None:
            inputs = self._to_device(index)
        else:
            hidden = rng.random(rows.nnz, dtype=np.float32) < self.mask_rate
            asked[:] = hidden
            shown = input_rows(_entries(rows, ~hidden), self.set_weights)
            inputs = SparseRows(shown, self.device), self._to_device(shown.data)
        counts = self.counts[index]
        n_genes = float(counts.sum(dtype=np.float64))
        weights = (counts / n_genes).astype(np.float32)
        targets = Targets(
            SparseRows(rows, self.device),
            self._to_device(weights),
            self._to_device(asked),
        )
        return Batch(inputs, targets, n_genes)

    def _to_device(self, values: Array) -> Tensor:
        return torch.from_numpy(values).to(self.device, non_blocking=True)


def _entries(rows: sp.csr_array, kept: NDArray[np.bool_]) -> sp.csr_array:
    """Keep some entries of sparse rows, as ones."""
    columns = rows.indices[kept]
    starts = np.concatenate([[0], np.cumsum(kept)])[rows.indptr].astype(columns.dtype)
    ones = np.ones(len(columns), dtype=np.float32)
    return sp.csr_array((ones, columns, starts), shape=rows.shape)


class BatchIterator:
    """Shuffled batches of nearly equal size, in place of torch's data loader."""

    def __init__(
        self,
        dataset: MembershipDataset,
        batch_size: int,
        rng: np.random.Generator,
    ) -> None:
        self.dataset = dataset
        self.n_batches = math.ceil(len(dataset) / batch_size)
        self.rng = rng

    def __len__(self) -> int:
        return self.n_batches

    def __iter__(self) -> Iterator[Batch]:
        order = self.rng.permutation(len(self.dataset))
        for index in np.array_split(order, self.n_batches):
            yield self.dataset.batch(index, self.rng)
