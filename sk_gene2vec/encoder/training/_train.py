"""Training through skorch: batches of genes in, a loss an epoch out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from skorch.callbacks import Callback, EarlyStopping

from sk_gene2vec.encoder.training._batches import BatchIterator, MembershipDataset
from sk_gene2vec.encoder.training._callbacks import (
    CheckpointCheck,
    EndOfTraining,
    EpochSeeds,
    LinearDecay,
    ProgressBar,
)
from sk_gene2vec.encoder.training._checkpoints import Identity
from sk_gene2vec.encoder.training._moments import Moments, load_moments, n_steps
from sk_gene2vec.encoder.training._net import MembershipNet


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


@dataclass(frozen=True)
class TrainingSettings:
    """How to train.

    Attributes
    ----------
    lr, weight_decay, max_epochs, batch_size, verbose
        As in the encoder.
    seed : int
        With the number of the epoch, determines everything that is drawn in it.
    first_layer_lr : float
        Learning rate of the first layer, in units of `lr`.
    callbacks : sequence of skorch callbacks
        Callbacks, called in this order.
    stopping : skorch callback or None
        Callback that sees the end of an epoch behind `callbacks`.
    accelerate : bool
        If True, batches are shared out to the processes of this run.
    decay : bool
        If True, the learning rate falls linearly to zero.
    generators : sequence of torch.Generator
        Sources of module and criterion, seeded in each epoch.
    epochs_before : int
        Epochs of the fits before, if training goes on from one.
    moments : mapping or None
        State of the optimizers to go on from, of :func:`export_moments`.
    identity : mapping of str to str
        What must be the same in a fit that goes on from a checkpoint of this one.
    """

    lr: float
    weight_decay: float
    max_epochs: int
    batch_size: int
    seed: int
    first_layer_lr: float = 1.0
    callbacks: Sequence[Any] = ()
    stopping: Callback | None = None
    verbose: int = 0
    accelerate: bool = False
    decay: bool = True
    generators: Sequence[torch.Generator] = ()
    epochs_before: int = 0
    moments: Moments | None = None
    identity: Identity = field(default_factory=dict)


def train(
    module: torch.nn.Module,
    criterion: torch.nn.Module,
    dataset: MembershipDataset,
    settings: TrainingSettings,
) -> MembershipNet:
    """Train `module` in place and return the skorch net that did it.

    Nothing is drawn from the global random states of NumPy and torch. A callback may
    load a checkpoint when training begins: the epochs in its history count.
    """
    net = _build_net(module, criterion, dataset, settings)
    net.initialize()
    if settings.moments is not None:
        load_moments(net, settings.moments)
    # Not net.fit: that swallows KeyboardInterrupt.
    net.notify("on_train_begin", X=dataset, y=None)
    try:
        n_epochs = max(0, settings.max_epochs - len(net.history))
        net.fit_loop(dataset, epochs=n_epochs)
    except EndOfTraining:
        pass
    except KeyboardInterrupt:
        # skorch's EarlyStopping ends training by the same exception as Ctrl-C.
        stoppers = [cb for _, cb in net.callbacks_ if isinstance(cb, EarlyStopping)]
        if not any(cb.misses_ >= cb.patience for cb in stoppers):
            raise
    finally:
        net.notify("on_train_end", X=dataset, y=None)
    return net


def _build_net(
    module: torch.nn.Module,
    criterion: torch.nn.Module,
    dataset: MembershipDataset,
    settings: TrainingSettings,
) -> MembershipNet:
    net_type: Callable[..., MembershipNet] = MembershipNet
    verbose = settings.verbose
    if settings.accelerate:
        # Not at the top: accelerate is optional.
        from sk_gene2vec.encoder.training import _accelerated

        _accelerated.check_same_problem(dataset, settings.seed)
        accelerator = _accelerated.start_accelerator()
        verbose = verbose if accelerator.is_main_process else 0
        net_type = partial(_accelerated.AcceleratedNet, accelerator=accelerator)
    rng = np.random.default_rng(settings.seed)
    generator = torch.Generator(dataset.device)
    seeds = EpochSeeds(
        settings.seed,
        settings.epochs_before,
        rng,
        (generator, *settings.generators),
    )
    # Behind the callbacks that may load a checkpoint: it looks at their epochs.
    check = CheckpointCheck(settings.identity, n_steps(settings.moments))
    own: list[Callback] = [settings.stopping] if settings.stopping else []
    own += [LinearDecay()] if settings.decay else []
    own += [ProgressBar()] if verbose else []
    first_layer = {
        "lr": settings.lr * settings.first_layer_lr,
        "weight_decay": settings.weight_decay / settings.first_layer_lr,
    }
    net = net_type(
        module,
        criterion=criterion,
        optimizer=torch.optim.AdamW,
        optimizer__fused=True,
        optimizer__weight_decay=0.0,
        optimizer__param_groups=[("embedding", first_layer)],
        lr=settings.lr,
        max_epochs=settings.max_epochs,
        batch_size=settings.batch_size,
        iterator_train=BatchIterator,
        iterator_train__rng=rng,
        iterator_train__generator=generator,
        train_split=None,
        callbacks=[seeds, *settings.callbacks, check, *own],
        device=dataset.device,
        verbose=0,
    )
    net.identity = settings.identity
    return net
