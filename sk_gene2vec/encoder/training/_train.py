"""Training through skorch: batches of genes in, a loss an epoch out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pickle import PickleError
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, EpochTimer
from torch import Tensor

from sk_gene2vec.encoder.training._batches import (
    Batch,
    BatchIterator,
    MembershipDataset,
)
from sk_gene2vec.encoder.training._callbacks import (
    CheckpointCheck,
    EndOfTraining,
    EpochSeeds,
    LinearDecay,
    ProgressBar,
)
from sk_gene2vec.encoder.training._checkpoints import (
    Identity,
    check_history,
    record_identity,
    unreadable,
)
from sk_gene2vec.encoder.training._moments import Moments, load_moments, n_steps


class MembershipNet(NeuralNet):
    """skorch's loop with the loss read once an epoch instead of once a batch.

    Parameters with sparse gradients get an optimizer of their own, which leaves
    the rows that a batch does not touch, and their moments, alone.
    """

    # What tells the fit from others, for checkpoints.
    identity: Identity = MappingProxyType({})

    def get_default_callbacks(self) -> list[tuple[str, Callback]]:
        # The others read a loss from every batch; ours is recorded once an epoch.
        return [("epoch_timer", EpochTimer())]

    def initialize_optimizer(self, triggered_directly: bool | None = None) -> Any:
        parameters = dict(self.get_all_learnable_params())
        sparse = [parameters.pop(name) for name in self.module_.sparse_parameters]
        args, kwargs = self.get_params_for_optimizer("optimizer", parameters.items())
        self.optimizer_ = self.optimizer(*args, **kwargs)
        if sparse:
            ((_, first_layer),) = self.optimizer__param_groups
            groups = [{"params": [p]} for p in sparse]
            groups[0]["lr"] = first_layer["lr"]
            self.sparse_optimizer_ = torch.optim.SparseAdam(groups, lr=self.lr)
            self.sparse_optimizer_.register_step_pre_hook(self._decay_touched_rows)
        return self

    def _decay_touched_rows(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        """Decay the weights of the first layer as AdamW does, where touched."""
        weight = self.module.embedding
        rows = weight.grad.coalesce().indices()[0]
        ((_, group),) = self.optimizer__param_groups
        rate = optimizer.param_groups[0]["lr"] * group["weight_decay"]
        with torch.no_grad():
            weight[rows] *= 1 - rate

    def train_step(self, batch: Batch, **fit_params: Any) -> dict[str, Any]:
        # skorch hands every optimizer a closure; two would compute the step twice.
        self._zero_grad_optimizer()
        step = self.train_step_single(batch, **fit_params)
        self.notify(
            "on_grad_computed",
            named_parameters=self.get_all_learnable_params(),
            batch=batch,
            training=True,
        )
        self._step_optimizer(lambda: None)
        return step

    def train_step_single(self, batch: Batch, **fit_params: Any) -> dict[str, Any]:
        self._set_training(True)
        y_pred = self.module_(batch.inputs)
        loss = self.criterion_(y_pred, batch.targets)
        loss.backward()
        return {"loss": loss, "y_pred": y_pred}

    def load_params(self, *args: Any, **kwargs: Any) -> None:
        """Load a checkpoint, or say what differs or what is wrong with it."""
        try:
            super().load_params(*args, **kwargs)
        except FileNotFoundError as error:
            # Before the first checkpoint there is no file at all, which is no error.
            if self.history:
                raise unreadable(error) from error
            raise
        except (RuntimeError, ValueError, LookupError, EOFError, PickleError) as error:
            check_history(self, self.identity)
            raise unreadable(error) from error

    def over_processes(self, value: float) -> float:
        """Mean over the processes that train; here, there is one."""
        return value

    def run_single_epoch(
        self,
        iterator: BatchIterator | None,
        training: bool,
        prefix: str,
        step_fn: Any,
        **fit_params: Any,
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
        n_gene_sets = len(self.module.output)
        loss = self.over_processes(float(total)) / (n_genes * n_gene_sets)
        if not math.isfinite(loss):
            raise diverged(
                f"The {prefix} loss became {loss} in epoch {len(self.history)}", self.lr
            )
        before = [epoch[f"{prefix}_loss"] for epoch in self.history[:-1]]
        self.history.record(f"{prefix}_loss", loss)
        self.history.record(f"{prefix}_loss_best", loss < min(before, default=math.inf))
        self.history.record(f"{prefix}_batch_count", len(iterator))
        record_identity(self, self.identity)


def diverged(what: str, lr: float) -> ValueError:
    """Say that training diverged, and with what `lr` it may not."""
    return ValueError(
        f"{what}: training diverged at lr={lr}. Use a smaller lr, for example "
        f"lr={lr / 10:g}."
    )


@contextmanager
def advice_on_memory(
    shape: tuple[int, int], batch_size: int, embedding_dim: int
) -> Iterator[None]:
    """Say what needs less memory, where there was too little.

    Raises
    ------
    MemoryError
        In place of any error that says so, of PyTorch's as well.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        kinds = MemoryError | torch.cuda.OutOfMemoryError
        if not isinstance(error, kinds) and "DefaultCPUAllocator" not in str(error):
            raise
        first_line = (str(error).splitlines() or ["no more is known"])[0]
        raise MemoryError(
            f"Out of memory in training on {shape[0]} genes x {shape[1]} gene sets: "
            f"{first_line}. Less is needed with a smaller batch_size (now "
            f"{batch_size}) or embedding_dim (now {embedding_dim}), with "
            'n_negatives=2000, or without init="ease".'
        ) from error


def resolve_device(device: str) -> torch.device:
    """Turn ``"auto"``, ``"accelerate"`` or a torch device into one that exists.

    Raises
    ------
    ValueError
        If torch does not know the device, or this machine does not have it.
    """
    if device == "accelerate":
        # Not at the top: accelerate is optional.
        from sk_gene2vec.encoder.training._accelerated import start_accelerator

        return torch.device(start_accelerator().device)
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    found = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    message = f"device={device!r} cannot be used here: expected 'auto', 'accelerate' "
    message += f"or one of {found}."
    try:
        resolved = torch.device(device)
        torch.empty(0, device=resolved)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(message) from error
    if resolved.type not in ("cpu", "cuda"):
        raise ValueError(message)
    return resolved


def use_bfloat16(precision: str, device: torch.device) -> bool:
    """Whether ``precision`` comes to bfloat16 products on ``device``."""
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return bool(supported())


def train(
    module: torch.nn.Module,
    criterion: torch.nn.Module,
    dataset: MembershipDataset,
    *,
    lr: float,
    first_layer_lr: float,
    weight_decay: float,
    max_epochs: int,
    batch_size: int,
    seed: int,
    callbacks: Sequence[Any],
    verbose: int,
    accelerate: bool = False,
    decay: bool = True,
    generators: Sequence[torch.Generator] = (),
    epochs_before: int = 0,
    moments: Moments | None = None,
    identity: Identity = MappingProxyType({}),
    stopping: Callback | None = None,
) -> MembershipNet:
    """Train ``module`` in place and return the skorch net that did it.

    Nothing is drawn from the global random states of NumPy and torch. A callback may
    load a checkpoint when training begins: the epochs in its history count.

    Parameters
    ----------
    module, criterion, dataset
        What is trained, how, and on what.
    lr, first_layer_lr, weight_decay, max_epochs, batch_size
        As in the encoder; the first layer has `first_layer_lr` times the learning rate
        of the others.
    seed : int
        With the number of the epoch, determines all that is drawn in it.
    callbacks : sequence of skorch callbacks
        See the events in their order.
    verbose : int
        Whether to show a progress bar.
    accelerate : bool
        Whether batches are shared out to the processes of this run.
    decay : bool
        Whether the learning rate falls to zero.
    generators : sequence of torch.Generator
        What module and criterion draw from, to be seeded in each epoch.
    epochs_before : int
        Epochs of the fits before, where training goes on from one.
    moments : dict or None
        State of the optimizers to go on from, of :func:`export_moments`.
    identity : mapping of str to str
        What must be the same in a fit that goes on from a checkpoint of this one.
    stopping : skorch callback or None
        Sees the end of an epoch behind `callbacks`.
    """
    net_type: Callable[..., MembershipNet] = MembershipNet
    if accelerate:
        from sk_gene2vec.encoder.training import _accelerated as accelerated

        accelerated.check_same_problem(dataset, seed)
        accelerator = accelerated.start_accelerator()
        verbose = verbose if accelerator.is_main_process else 0
        net_type = partial(accelerated.AcceleratedNet, accelerator=accelerator)
    rng = np.random.default_rng(seed)
    generator = torch.Generator(dataset.device)
    net = net_type(
        module,
        criterion=criterion,
        optimizer=torch.optim.AdamW,
        optimizer__fused=True,
        optimizer__weight_decay=0.0,
        optimizer__param_groups=[
            (
                "embedding",
                {
                    "lr": lr * first_layer_lr,
                    "weight_decay": weight_decay / first_layer_lr,
                },
            )
        ],
        lr=lr,
        max_epochs=max_epochs,
        batch_size=batch_size,
        iterator_train=BatchIterator,
        iterator_train__rng=rng,
        iterator_train__generator=generator,
        train_split=None,
        callbacks=[
            EpochSeeds(seed, epochs_before, rng, (generator, *generators)),
            *callbacks,
            # Behind those that may load a checkpoint: they look at its epochs.
            CheckpointCheck(identity, n_steps(moments)),
            *([stopping] if stopping is not None else []),
            *([LinearDecay()] if decay else []),
            *([ProgressBar()] if verbose else []),
        ],
        device=dataset.device,
        verbose=0,
    )
    net.identity = identity
    net.initialize()
    if moments is not None:
        load_moments(net, moments)
    # Not net.fit: that swallows KeyboardInterrupt.
    net.notify("on_train_begin", X=dataset, y=None)
    try:
        net.fit_loop(dataset, epochs=max(0, max_epochs - len(net.history)))
    except EndOfTraining:
        pass
    except KeyboardInterrupt:
        # skorch's EarlyStopping says so by the same exception as Ctrl-C.
        stoppers = [cb for _, cb in net.callbacks_ if isinstance(cb, EarlyStopping)]
        if not any(cb.misses_ >= cb.patience for cb in stoppers):
            raise
    finally:
        net.notify("on_train_end", X=dataset, y=None)
    return net
