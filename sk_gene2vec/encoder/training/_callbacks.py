"""Callbacks of training: seeds, learning rate, progress."""

from __future__ import annotations

import math
from collections.abc import Sized
from typing import NamedTuple

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch.optim.lr_scheduler import LambdaLR
from tqdm.auto import tqdm


class RandomSources(NamedTuple):
    """The random sources of a fit.

    Attributes
    ----------
    seed : int
        With the number of the epoch, determines everything that is drawn in it.
    order : numpy.random.Generator
        Source of the order of the genes.
    masks, noise : torch.Generator
        Source of the masks, and of dropout and negatives, on the device.
    """

    seed: int
    order: np.random.Generator
    masks: torch.Generator
    noise: torch.Generator

    @classmethod
    def seeded(cls, seed: int, device: torch.device) -> RandomSources:
        """Make the sources of a fit."""
        masks, noise = torch.Generator(device), torch.Generator(device)
        return cls(seed, np.random.default_rng(seed), masks, noise)


class EpochSeeds(Callback):
    """Seed all random sources by the number of the epoch.

    The draws of an epoch do not depend on the epochs before it. So a fit that resumes
    from a checkpoint draws the same as one that was never interrupted.

    Parameters
    ----------
    sources : RandomSources
        Sources to seed.
    epochs_before : int
        Epochs of the fits that this one continues.
    """

    def __init__(self, sources: RandomSources, epochs_before: int) -> None:
        self.sources = sources
        self.epochs_before = epochs_before

    def on_epoch_begin(self, net: NeuralNet, **kwargs: object) -> None:
        seed, order, *generators = self.sources
        epoch = self.epochs_before + len(net.history)
        fresh = np.random.default_rng((seed, epoch))
        for generator in generators:
            generator.manual_seed(int(fresh.integers(2**63)))
        order.bit_generator.state = fresh.bit_generator.state


class LinearDecay(Callback):
    """Lower the learning rate of every optimizer linearly to zero, step by step.

    List it after the callbacks that may load a checkpoint.
    """

    def on_train_begin(self, net: NeuralNet, X: Sized, **kwargs: object) -> None:
        n_batches = math.ceil(len(X) / net.batch_size)
        n_steps = net.max_epochs * n_batches
        n_done = len(net.history) * n_batches
        for name, optimizer in net.optimizers_.items():
            if n_done and "initial_lr" not in optimizer.param_groups[0]:
                raise ValueError(
                    f"Expected a checkpoint with the state of the {name}, got one "
                    f'without. Set Checkpoint(f_{name}="{name}.pt", ...), delete the '
                    "files, and fit again."
                )
        self.schedulers_ = [
            LambdaLR(
                optimizer,
                lambda step: max(0.0, 1.0 - step / n_steps),
                last_epoch=n_done - 1,
            )
            for optimizer in net.optimizers_.values()
        ]

    def on_batch_end(self, net: NeuralNet, training: bool, **kwargs: object) -> None:
        if training:
            for scheduler in self.schedulers_:
                scheduler.step()


class ProgressBar(Callback):
    """One bar with the loss for the whole fit, a widget in notebooks."""

    def on_train_begin(self, net: NeuralNet, **kwargs: object) -> None:
        self.bar_ = tqdm(
            total=net.max_epochs, initial=len(net.history), desc="epochs", unit="epoch"
        )

    def on_epoch_end(self, net: NeuralNet, **kwargs: object) -> None:
        self.bar_.update()
        self.bar_.set_postfix_str(f"loss={net.history[-1]['train_loss']:.5f}")

    def on_train_end(self, net: NeuralNet, **kwargs: object) -> None:
        self.bar_.close()
