"""Callbacks of training: seeds, learning rate, progress."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sized
from functools import partial
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch.optim.lr_scheduler import LambdaLR
from tqdm.auto import tqdm


class EpochSeeds(Callback):
    """Seed the random source of a fit by the number of the epoch.

    The draws of an epoch do not depend on the epochs before it. So a fit that resumes
    from a checkpoint draws the same as one that was never interrupted.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the order of the genes, masks, dropout and negatives.
    seed : int
        Seed of the fit.
    epochs_before : int
        Epochs of the fits that this one continues.
    """

    def __init__(self, rng: np.random.Generator, seed: int, epochs_before: int) -> None:
        self.rng = rng
        self.seed = seed
        self.epochs_before = epochs_before

    def on_epoch_begin(self, net: NeuralNet, **kwargs: object) -> None:
        epoch = self.epochs_before + len(net.history)
        fresh = np.random.default_rng((self.seed, epoch))
        self.rng.bit_generator.state = fresh.bit_generator.state


def _share_left(step: int, n_steps: int) -> float:
    return max(0.0, 1.0 - step / n_steps)


class LinearDecay(Callback):
    """Lower the learning rate linearly to zero, step by step.

    List it after the callbacks that may load a checkpoint.
    """

    def on_train_begin(self, net: NeuralNet, X: Sized, **kwargs: object) -> None:
        n_batches = math.ceil(len(X) / net.batch_size)
        n_steps = net.max_epochs * n_batches
        n_done = len(net.history) * n_batches
        self.scheduler_ = LambdaLR(
            net.optimizer_,
            partial(_share_left, n_steps=n_steps),
            last_epoch=n_done - 1,
        )

    def on_batch_end(self, net: NeuralNet, training: bool, **kwargs: object) -> None:
        if training:
            self.scheduler_.step()


def announce(parameters: Mapping[str, Any], phase: str) -> None:
    """Name a phase that has no progress bar, in the first process if there are more."""
    several = (
        parameters["device"] == "accelerate" and torch.distributed.is_initialized()
    )
    if parameters["verbose"] and not (several and torch.distributed.get_rank()):
        tqdm.write(phase, file=sys.stderr)


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
