"""Training through skorch: mini-batches of genes in, a loss for each epoch out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from skorch.callbacks import EarlyStopping

from sk_gene2vec.encoder.training._batches import BatchIterator, MembershipDataset
from sk_gene2vec.encoder.training._callbacks import (
    EndOfTraining,
    EpochSeeds,
    LinearDecay,
    ProgressBar,
)
from sk_gene2vec.encoder.training._checkpoints import Identity
from sk_gene2vec.encoder.training._moments import Moments, load_moments
from sk_gene2vec.encoder.training._net import MembershipNet

# The decomposition is worth keeping: the first layer learns more slowly.
_LR_AFTER_DECOMPOSITION = 0.2


@dataclass(frozen=True)
class Run:
    """One fit: its parameters, its random sources, and where it goes on from.

    Attributes
    ----------
    parameters : mapping of str to object
        Parameters of the encoder.
    device : torch.device
        Where to train.
    seed : int
        With the number of the epoch, determines everything that is drawn in it.
    noise : torch.Generator
        Source of dropout and negatives, on the device.
    identity : mapping of str to str
        What must be the same in a fit that goes on from a checkpoint of this one.
    epochs_before : int
        Epochs of the fits before, if training goes on from one.
    incremental : bool
        If True, the data are a part, for one epoch at a constant learning rate.
    moments : mapping or None
        State of the optimizers to go on from, of :func:`export_moments`.
    """

    parameters: Mapping[str, Any]
    device: torch.device
    seed: int
    noise: torch.Generator
    identity: Identity = field(default_factory=dict)
    epochs_before: int = 0
    incremental: bool = False
    moments: Moments | None = None

    @property
    def max_epochs(self) -> int:
        """Epochs of this fit."""
        return 1 if self.incremental else int(self.parameters["max_epochs"])

    @property
    def first_layer_lr(self) -> float:
        """Learning rate of the first layer, in units of the others'."""
        one_hot = self.parameters["gene_input"] == "one-hot"
        if one_hot or self.parameters["init"] == "random":
            return 1.0
        return _LR_AFTER_DECOMPOSITION


def train(
    module: torch.nn.Module,
    criterion: torch.nn.Module,
    dataset: MembershipDataset,
    run: Run,
    *,
    callbacks: Sequence[Any] = (),
) -> MembershipNet:
    """Train `module` in place and return the skorch net that did it.

    Nothing is drawn from the global random states of NumPy and torch. A callback may
    load a checkpoint when training begins: the epochs in its history count.

    Parameters
    ----------
    module, criterion, dataset
        Network, loss and data.
    run : Run
        Parameters and random sources.
    callbacks : sequence of skorch callbacks
        Called in this order, between those that every fit has.
    """
    net = _build_net(module, criterion, dataset, run, callbacks)
    net.initialize()
    if run.moments is not None:
        load_moments(net, run.moments)
    # Not net.fit: that swallows KeyboardInterrupt.
    net.notify("on_train_begin", X=dataset, y=None)
    try:
        n_epochs = max(0, run.max_epochs - len(net.history))
        net.fit_loop(dataset, epochs=n_epochs)
    except EndOfTraining as end:
        net.end_of_training = str(end)
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
    run: Run,
    callbacks: Sequence[Any],
) -> MembershipNet:
    parameters = run.parameters
    rng = np.random.default_rng(run.seed)
    generator = torch.Generator(run.device)
    net_type, verbose = _net_type(dataset, run)
    lr, factor = parameters["lr"], run.first_layer_lr
    first_layer = {
        "lr": lr * factor,
        "weight_decay": parameters["weight_decay"] / factor,
    }
    net = net_type(
        module,
        criterion=criterion,
        optimizer=torch.optim.AdamW,
        optimizer__fused=True,
        optimizer__weight_decay=0.0,
        optimizer__param_groups=[("embedding", first_layer)],
        lr=lr,
        max_epochs=run.max_epochs,
        batch_size=parameters["batch_size"],
        iterator_train=BatchIterator,
        iterator_train__rng=rng,
        iterator_train__generator=generator,
        train_split=None,
        callbacks=[
            EpochSeeds(run.seed, run.epochs_before, rng, (generator, run.noise)),
            *callbacks,
            *([] if run.incremental else [LinearDecay()]),
            *([ProgressBar()] if verbose else []),
        ],
        device=run.device,
        verbose=0,
    )
    net.identity = run.identity
    return net


def _net_type(
    dataset: MembershipDataset, run: Run
) -> tuple[Callable[..., MembershipNet], bool]:
    """Choose the net, and decide whether this process shows progress."""
    verbose = bool(run.parameters["verbose"])
    if run.parameters["device"] != "accelerate":
        return MembershipNet, verbose
    # Not at the top: accelerate is optional.
    from sk_gene2vec.encoder.training import _accelerated

    _accelerated.check_same_problem(dataset, run.seed)
    accelerator = _accelerated.start_accelerator()
    net_type = partial(_accelerated.AcceleratedNet, accelerator=accelerator)
    return net_type, verbose and accelerator.is_main_process
