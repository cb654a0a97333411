"""Training over several processes: each takes a share of every batch.

Every process has all the data and draws the same batches, masks and dropout, so that
the numbers do not depend on how many processes there are. The embedding of a batch is
cheap and computed by all of them; the loss over genes x gene sets, which is where the
time goes, is computed for a share of the genes, and gradients are averaged.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

import torch
from skorch.hf import AccelerateMixin

from sk_gene2vec.encoder.training._batches import Batch, MembershipDataset
from sk_gene2vec.encoder.training._losses import Targets
from sk_gene2vec.encoder.training._net import MembershipNet

try:
    from accelerate import Accelerator
    from accelerate.utils import gather_object
except ImportError as error:
    raise ImportError(
        "device='accelerate' needs the package accelerate, which is not installed: "
        'pip install "sk-gene2vec[distributed]".'
    ) from error


def start_accelerator() -> Accelerator:
    """Join the other processes of this run, or stay alone where there are none.

    Raises
    ------
    RuntimeError
        If there are others and accelerate was already started without them.
    """
    accelerator = Accelerator(
        # Without it, accelerate on processors alone leaves each process on its own.
        cpu=not torch.cuda.is_available(),
        # The encoder's own parameters say what is computed in bfloat16, and where.
        mixed_precision="no",
        device_placement=False,
    )
    n_started = int(os.environ.get("WORLD_SIZE", "1"))
    if accelerator.num_processes != n_started:
        raise RuntimeError(
            f"device='accelerate' expected the {n_started} processes of WORLD_SIZE, "
            f"got {accelerator.num_processes}: an Accelerator made earlier in this "
            "script did not join them. Make it as Accelerator(cpu=True), or after fit."
        )
    return accelerator


def check_same_problem(dataset: MembershipDataset, seed: int) -> None:
    """Compare the data and the seed of all processes.

    Raises
    ------
    ValueError
        If a process has others than the first one.
    """
    digest = hashlib.blake2b(dataset.row_starts.tobytes())
    digest.update(dataset.columns.cpu().numpy().tobytes())
    seeds, digests = zip(*gather_object([(seed, digest.digest())]), strict=True)
    # The seed first: with another one, other memberships are held out of the data.
    for wanted, values in (
        ("an int as random_state, the same", seeds),
        ("the same X, all genes in the same order,", digests),
    ):
        others = [i for i, value in enumerate(values) if value != values[0]]
        if others:
            raise ValueError(
                f"device='accelerate' expected {wanted} in all {len(values)} "
                f"processes, got another than that of process 0 in {others}. Training "
                "shares out the batches: do not split the genes yourself."
            )


def share_of(targets: Targets, rows: slice) -> Targets:
    """Slice adjacent rows of the targets, with weights that sum to one."""
    share = targets.of_rows(rows.start, rows.stop)
    return share._replace(weights=share.weights / share.weights.sum())


class AcceleratedNet(AccelerateMixin, MembershipNet):
    """The net of :func:`train` as one of several processes."""

    def initialize(self) -> AcceleratedNet:
        if self.accelerator.num_processes > 1 and self.module.sparse_parameters:
            raise ValueError(
                "n_negatives trains in a single process: expected n_negatives=None "
                f"in {self.accelerator.num_processes} processes."
            )
        super().initialize()
        return self

    def _initialize_accelerator(self) -> AcceleratedNet:
        # Not the mixin's: it prepares the criterion, which has no parameters, and on
        # processors that is an error.
        for kind in ("module", "optimizer"):
            with self._current_init_context(kind):
                for name in getattr(self, f"_{kind}s"):
                    prepared = self.accelerator.prepare(getattr(self, f"{name}_"))
                    setattr(self, f"{name}_", prepared)
        self._wrapped_with_accelerator = True
        return self

    def train_step_single(self, batch: Batch, **fit_params: Any) -> dict[str, Any]:
        self._set_training(True)
        hidden, output = self.module_(batch.inputs)
        n_rows, n_processes = len(hidden), self.accelerator.num_processes
        if n_rows < n_processes:
            raise ValueError(
                f"A batch of {n_rows} genes cannot be shared out to {n_processes} "
                "processes: start fewer, or use a larger batch_size."
            )
        rank = self.accelerator.process_index
        rows = slice(rank * n_rows // n_processes, (rank + 1) * n_rows // n_processes)
        # Such that the mean over processes is the loss of the batch.
        weight = batch.targets.weights[rows].sum() * n_processes
        share = hidden[rows], output
        loss = weight * self.criterion_(share, share_of(batch.targets, rows))
        self.accelerator.backward(loss)
        return {"loss": loss, "y_pred": share}

    def over_processes(self, value: float) -> float:
        tensor = torch.tensor(value, dtype=torch.float64, device=self.device)
        return float(self.accelerator.reduce(tensor, reduction="mean"))

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        # Not the mixin's, which waits for the others: after an error they never come.
        super(AccelerateMixin, self).on_train_end(net, **kwargs)
        self._unwrap_accelerator()
