"""The skorch net, which reads the loss once per epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from skorch import NeuralNet
from skorch.callbacks import Callback, EpochTimer
from torch import Tensor

from sk_gene2vec.encoder.training._batches import Batch, BatchIterator


class MembershipNet(NeuralNet):
    """skorch's loop, with the loss read once per epoch instead of once per batch."""

    def get_default_callbacks(self) -> list[tuple[str, Callback]]:
        # skorch's other default callbacks need the loss of every batch.
        return [("epoch_timer", EpochTimer())]

    def train_step_single(self, batch: Batch, **fit_params: object) -> dict[str, Any]:
        self.module_.train()
        loss, y_pred = self.loss(batch)
        loss.backward()
        return {"loss": loss, "y_pred": y_pred}

    def loss(self, batch: Batch) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return the loss of a batch, and the layers that it was computed from."""
        y_pred = self.module_(batch.inputs)
        return self.criterion_(y_pred, batch.targets), y_pred

    def over_processes(self, value: float) -> float:
        """Average over the processes that train; this class trains in one."""
        return value

    def run_single_epoch(
        self,
        iterator: BatchIterator | None,
        training: bool,
        prefix: str,
        step_fn: Callable[..., dict[str, Any]],
        **fit_params: object,
    ) -> None:
        if iterator is None:
            return
        total: Tensor | float = 0.0
        n_genes = 0.0
        for batch in iterator:
            self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            total = total + step["loss"].detach() * batch.n_genes
            n_genes += batch.n_genes
            self.notify("on_batch_end", batch=batch, training=training, **step)
        n_gene_sets = len(self.module_.output)
        loss = self.over_processes(float(total)) / (n_genes * n_gene_sets)
        if not math.isfinite(loss):
            raise diverged(
                f"The {prefix} loss became {loss} in epoch {len(self.history)}", self.lr
            )
        before = [epoch[f"{prefix}_loss"] for epoch in self.history[:-1]]
        self.history.record(f"{prefix}_loss", loss)
        self.history.record(f"{prefix}_loss_best", loss < min(before, default=math.inf))
        self.history.record(f"{prefix}_batch_count", len(iterator))


def diverged(what: str, lr: float) -> ValueError:
    """Say that training diverged, and suggest a smaller `lr`."""
    return ValueError(
        f"{what}: training diverged at lr={lr}. Use a smaller lr, for example "
        f"lr={lr / 10:g}."
    )


@contextmanager
def numbers_in_range(lr: float) -> Iterator[None]:
    """Report an overflow in NumPy as a divergence of training."""
    try:
        with np.errstate(over="raise", invalid="raise"):
            yield
    except FloatingPointError as error:
        raise diverged("The weights became infinite", lr) from error
