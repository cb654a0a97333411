"""Training through skorch: batches of genes in, a loss an epoch out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import MappingProxyType
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
