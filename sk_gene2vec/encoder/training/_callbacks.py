"""Callbacks of training: seeds, learning rate, held-out score, progress."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR
from tqdm.auto import tqdm


class RandomSources(NamedTuple):
    """What a fit draws from.

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

    The draws of an epoch do not depend on the epochs before it. So a fit that goes on
    from a checkpoint draws the same as one that was never interrupted.

    Parameters
    ----------
    sources : RandomSources
        What to seed.
    epochs_before : int
        Epochs of the fits that this one goes on from.
    """

    def __init__(self, sources: RandomSources, epochs_before: int) -> None:
        self.sources = sources
        self.epochs_before = epochs_before

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
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

    def on_train_begin(self, net: NeuralNet, X: Any = None, **kwargs: Any) -> None:
        n_batches = math.ceil(len(X) / net.batch_size)
        n_steps = net.max_epochs * n_batches
        n_done = len(net.history) * n_batches
        self.schedulers_ = [
            LambdaLR(
                optimizer,
                lambda step: max(0.0, 1.0 - step / n_steps),
                last_epoch=n_done - 1,
            )
            for optimizer in net.optimizers_.values()
        ]

    def on_batch_end(self, net: NeuralNet, training: bool, **kwargs: Any) -> None:
        if training:
            for scheduler in self.schedulers_:
                scheduler.step()


class EndOfTraining(Exception):
    """Raised by a callback that wants no further epoch; its text says why."""


class HeldOutScore(Callback):
    """Record the score of every epoch, and if it is the best one so far.

    Parameters
    ----------
    evaluate : callable
        Returns the score of the module; higher is better.
    """

    def __init__(self, evaluate: Callable[[Any], float]) -> None:
        self.evaluate = evaluate

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        # The same in all processes: else some would stop, and the others wait for them.
        score = net.over_processes(self.evaluate(net.module))
        before = [epoch["valid_score"] for epoch in net.history[:-1]]
        net.history.record("valid_score", score)
        net.history.record("valid_score_best", score > max(before, default=-math.inf))


class HeldOutStopping(Callback):
    """End training when the score stops improving, and restore the best epoch.

    List it last: it needs the score, and after it no callback sees the epoch.

    Parameters
    ----------
    n_iter_no_change : int
        Epochs without improvement before training ends.
    """

    def __init__(self, n_iter_no_change: int) -> None:
        self.n_iter_no_change = n_iter_no_change

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        self.best_weights_: dict[str, Tensor] = {}
        if not net.history:
            return
        if n_since := _epochs_since_best(net):
            n_epochs = len(net.history)
            raise ValueError(
                "Expected a checkpoint of the best epoch, which is "
                f"{n_epochs - n_since}, got one of epoch {n_epochs}: early_stopping "
                "ends with the weights of the best epoch. Delete its files and start "
                'again with Checkpoint(monitor="valid_score_best"), which keeps them.'
            )
        self._keep_weights(net)

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        n_since = _epochs_since_best(net)
        if n_since == 0:
            self._keep_weights(net)
        if n_since >= self.n_iter_no_change:
            best = len(net.history) - n_since
            raise EndOfTraining(f"no better score since epoch {best}")

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        if self.best_weights_:
            net.module.load_state_dict(self.best_weights_)

    def _keep_weights(self, net: NeuralNet) -> None:
        weights = net.module.state_dict()
        self.best_weights_ = {name: w.clone() for name, w in weights.items()}


def _epochs_since_best(net: NeuralNet) -> int:
    best = [epoch["valid_score_best"] for epoch in net.history]
    return best[::-1].index(True)


class ProgressBar(Callback):
    """One bar for the whole fit, a widget in notebooks.

    It shows the loss of the last epoch and the held-out score, if there is one, and in
    the end why training ended before its last epoch.
    """

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        self.bar_ = tqdm(
            total=net.max_epochs, initial=len(net.history), desc="epochs", unit="epoch"
        )

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        self._show(net)

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        if net.end_of_training:
            # The epoch that ended training was not shown: its end was cut short.
            self._show(net, net.end_of_training)
        self.bar_.close()

    def _show(self, net: NeuralNet, why: str = "") -> None:
        epoch = net.history[-1]
        shown = [f"loss={epoch['train_loss']:.5f}"]
        if "valid_score" in epoch:
            shown.append(f"score={epoch['valid_score']:.4f}")
        self.bar_.update()
        self.bar_.set_postfix_str(", ".join([*shown, why] if why else shown))
