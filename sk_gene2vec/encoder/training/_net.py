"""The skorch net: one loss per epoch, and a second optimizer for sparse gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EpochTimer
from torch import Tensor

from sk_gene2vec.encoder.training._batches import Batch, BatchIterator


class MembershipNet(NeuralNet):
    """skorch's loop, with the loss read once per epoch instead of once per batch.

    Parameters with sparse gradients have a second optimizer. It changes neither the
    rows that a batch does not touch, nor their moments.
    """

    def get_default_callbacks(self) -> list[tuple[str, Callback]]:
        # skorch's other default callbacks need the loss of every batch.
        return [("epoch_timer", EpochTimer())]

    def initialize_optimizer(
        self, triggered_directly: bool | None = None
    ) -> MembershipNet:
        parameters = dict(self.module_.named_parameters())
        sparse = [parameters.pop(name) for name in self.module_.sparse_parameters]
        args, kwargs = self.get_params_for_optimizer("optimizer", parameters.items())
        self.optimizer_ = self.optimizer(*args, **kwargs)
        self.optimizers_ = {"optimizer": self.optimizer_}
        if sparse:
            ((_, first_layer),) = self.optimizer__param_groups
            groups = [{"params": [p]} for p in sparse]
            groups[0]["lr"] = first_layer["lr"]
            self.sparse_optimizer_ = torch.optim.SparseAdam(groups, lr=self.lr)
            self.sparse_optimizer_.register_step_pre_hook(self._decay_touched_rows)
            self.optimizers_["sparse_optimizer"] = self.sparse_optimizer_
        return self

    def _decay_touched_rows(self, optimizer: torch.optim.Optimizer, *_: object) -> None:
        """Decay touched rows of the first layer as AdamW does."""
        weight = self.module_.embedding
        rows = weight.grad.coalesce().indices()[0]
        ((_, group),) = self.optimizer__param_groups
        rate = optimizer.param_groups[0]["lr"] * group["weight_decay"]
        with torch.no_grad():
            weight[rows] *= 1 - rate

    def train_step(self, batch: Batch, **fit_params: object) -> dict[str, Any]:
        # skorch gives every optimizer a closure, so two would compute the step twice.
        for optimizer in self.optimizers_.values():
            optimizer.zero_grad()
        self.module_.train()
        loss, y_pred = self.loss(batch)
        loss.backward()
        self.notify(
            "on_grad_computed",
            named_parameters=self.get_all_learnable_params(),
            batch=batch,
            training=True,
        )
        for optimizer in self.optimizers_.values():
            optimizer.step()
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
