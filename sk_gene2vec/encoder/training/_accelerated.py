"""Training in several processes, each with a share of every batch.

Every process has all the data and draws the same batches, masks and dropout. So without
`n_negatives` the result does not depend on the number of processes. Each computes the
embedding of the whole batch, which is cheap, and the loss over genes x gene sets, which
takes the time, for its share of the genes. Gradients are averaged.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

import torch
from torch import Tensor

from sk_gene2vec._utils._optional import optional
from sk_gene2vec.encoder.training._batches import Batch, MembershipDataset
from sk_gene2vec.encoder.training._losses import Targets
from sk_gene2vec.encoder.training._net import MembershipNet

accelerate = optional("accelerate", 'device="accelerate"')


def start_accelerator() -> Any:
    """Connect to the other processes of this run, if there are any.

    Raises
    ------
    RuntimeError
        If there are others, and accelerate was already started without them.
    """
    accelerator = accelerate.Accelerator(
        # Without cpu=True, CPU-only processes are not connected.
        cpu=not torch.cuda.is_available(),
        # The encoder has parameters for precision and device.
        mixed_precision="no",
        device_placement=False,
    )
    n_started = int(os.environ.get("WORLD_SIZE", "1"))
    if accelerator.num_processes != n_started:
        raise RuntimeError(
            f"Expected the {n_started} processes of WORLD_SIZE for "
            f'device="accelerate", got {accelerator.num_processes}: an Accelerator '
            "made earlier in this script did not join them. Make it as "
            "Accelerator(cpu=True), or after fit."
        )
    return accelerator


def check_same_problem(
    dataset: MembershipDataset, seed: int, settings: tuple[object, ...]
) -> None:
    """Compare the data, the seed and the settings of all processes.

    Raises
    ------
    ValueError
        If a process has other data, or another seed, than the first one.
    """
    digest = hashlib.blake2b(dataset.X.indptr.tobytes())
    digest.update(dataset.X.indices.tobytes())
    digest.update(repr(settings).encode())
    gathered = accelerate.utils.gather_object([(seed, digest.digest())])
    seeds, digests = zip(*gathered, strict=True)
    for wanted, values in (
        ("an int as random_state, the same", seeds),
        ("the same X, all genes in the same order, and the same parameters", digests),
    ):
        others = [i for i, value in enumerate(values) if value != values[0]]
        if others:
            raise ValueError(
                f"Expected {wanted} in all {len(values)} processes of "
                f'device="accelerate", got a difference from process 0 in {others}. '
                "Give each process all genes: training divides the batches itself."
            )


def share_of(targets: Targets, rows: slice) -> Targets:
    """Slice adjacent rows of the targets, with weights that sum to one."""
    share = targets.of_rows(rows)
    return share._replace(weights=share.weights / share.weights.sum())


class AcceleratedNet(MembershipNet):
    """The net in one of several processes.

    Not skorch's ``AccelerateMixin``, which prepares a criterion without parameters (an
    error on CPUs), and waits for the other processes after an error.

    Parameters
    ----------
    accelerator : accelerate.Accelerator
        Connection to the other processes.
    """

    def __init__(self, *args: Any, accelerator: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.accelerator = accelerator

    def initialize_module(self) -> AcceleratedNet:
        super().initialize_module()
        # Averages the gradients of the module, whose parameters it shares.
        self.replica_ = self.accelerator.prepare(self.module_.to(self.device))
        return self

    def loss(self, batch: Batch) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        hidden, output = self.replica_(batch.inputs)
        n_rows, n_processes = len(hidden), self.accelerator.num_processes
        if n_rows < n_processes:
            raise ValueError(
                f"Expected batches of at least {n_processes} genes, one for each "
                f"process, got one of {n_rows}. Start fewer processes, or use a larger "
                "batch_size."
            )
        rank = self.accelerator.process_index
        rows = slice(rank * n_rows // n_processes, (rank + 1) * n_rows // n_processes)
        # With this weight, the mean over processes is the loss of the batch.
        weight = batch.targets.weights[rows].sum() * n_processes
        share = hidden[rows], output
        return weight * self.criterion_(share, share_of(batch.targets, rows)), share

    def over_processes(self, value: float) -> float:
        tensor = torch.tensor(value, dtype=torch.float64, device=self.device)
        return float(self.accelerator.reduce(tensor, reduction="mean"))

    def save_params(self, *args: Any, **kwargs: Any) -> None:
        """Write a checkpoint in the first process."""
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            super().save_params(*args, **kwargs)

    def load_params(self, *args: Any, **kwargs: Any) -> None:
        """Load a checkpoint, once the first process has written it."""
        self.accelerator.wait_for_everyone()
        super().load_params(*args, **kwargs)
