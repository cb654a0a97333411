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
        Device of the batches. The whole matrix is copied there once.
    """

    def __init__(
        self,
        X: sp.csr_array,
        counts: NDArray[np.integer],
        set_weights: NDArray[np.floating] | None,
        mask_rate: float,
        device: torch.device,
    ) -> None:
        self.row_starts = np.asarray(X.indptr, dtype=np.int64)
        self.counts = np.asarray(counts, dtype=np.float32)
        # A copy: torch warns of views of read-only arrays, such as memory maps.
        self.columns = torch.tensor(X.indices, dtype=torch.int64, device=device)
        self.set_weights = (
            None
            if set_weights is None
            else torch.as_tensor(set_weights, dtype=torch.float32, device=device)
        )
        self.mask_rate = mask_rate
        self.device = device

    def __len__(self) -> int:
        return len(self.counts)

    def batch(self, index: NDArray[np.int64], generator: torch.Generator) -> Batch:
        """Slice the rows ``index`` and draw a mask for their inputs."""
        starts = self.row_starts[index]
        lengths = self.row_starts[index + 1] - starts
        row_starts = np.concatenate([[0], np.cumsum(lengths)])
        # Pack the indices: one copy to the device.
        host = torch.from_numpy(
            np.concatenate([lengths, starts - row_starts[:-1], row_starts])
        ).to(self.device, non_blocking=True)
        n_rows, n_entries = len(index), int(row_starts[-1])
        lengths_t, offsets, row_starts_t = host.split([n_rows, n_rows, n_rows + 1])
        rows = torch.repeat_interleave(lengths_t, output_size=n_entries)
        entries = torch.arange(n_entries, device=self.device) + offsets[rows]
        columns = self.columns[entries]
        members = SparseRows(rows, columns, row_starts_t)
        counts = self.counts[index]
        n_genes = float(counts.sum(dtype=np.float64))
        weights = torch.from_numpy(counts / n_genes).to(
            self.device, dtype=torch.float32
        )
        inputs: Tensor | tuple[SparseRows, Tensor]
        asked = torch.ones(n_entries, device=self.device, dtype=torch.float32)
        if self.set_weights is None:
            inputs = torch.from_numpy(index).to(self.device)
        else:
            asked.bernoulli_(self.mask_rate, generator=generator)
            # Masked entries stay as zeros: dropping them would need a device sync.
            values = self.set_weights[columns] * (1 - asked)
            norms = torch.zeros(n_rows, device=self.device, dtype=torch.float32)
            norms.index_add_(0, rows, values**2)
            values = values / norms.sqrt_().clamp_(min=1e-12)[rows]
            inputs = members, values
        return Batch(
            inputs, Targets(members, row_starts.tolist(), weights, asked), n_genes
        )


class BatchIterator:
    """Shuffled batches of nearly equal size, in place of torch's data loader."""

    def __init__(
        self,
        dataset: MembershipDataset,
        batch_size: int,
        rng: np.random.Generator,
        generator: torch.Generator,
    ) -> None:
        self.dataset = dataset
        self.n_batches = math.ceil(len(dataset) / batch_size)
        self.rng = rng
        self.generator = generator

    def __len__(self) -> int:
        return self.n_batches

    def __iter__(self) -> Iterator[Batch]:
        order = self.rng.permutation(len(self.dataset))
        for index in np.array_split(order, self.n_batches):
            yield self.dataset.batch(index, self.generator)
