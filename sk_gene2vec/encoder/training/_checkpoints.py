"""Check that a checkpoint of skorch is complete and of the present fit."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from skorch import NeuralNet

Identity: TypeAlias = Mapping[str, str]

# Parameters that another fit from the same checkpoint may change: for how long, where,
# how precisely and how visibly to train. random_state is compared by its seed.
_FREE_PARAMETERS = {
    "callbacks",
    "device",
    "max_epochs",
    "n_iter_no_change",
    # The wide part is computed anew, and training does not see it.
    "n_wide_inputs",
    "precision",
    "random_state",
    "verbose",
    "warm_start",
}

# A column of a batch: loggers show the columns of epochs.
_IDENTITY = "fit"

_START_AGAIN = (
    "Remove its files, or LoadInitState from callbacks, to start from the beginning."
)


def identity_of_fit(
    X: sp.csr_array,
    parameters: Mapping[str, Any],
    *,
    gene_set_names: NDArray[Any] | None,
    seed: int,
    epochs_before: int,
) -> Identity:
    """List what must be the same in a fit that goes on from a checkpoint of this one.

    Parameters
    ----------
    X : csr_array of shape (n_genes, n_gene_sets)
        Memberships.
    parameters : mapping of str to object
        Those of the encoder.
    gene_set_names : ndarray of shape (n_gene_sets,) or None
        Names of the gene sets, if they are known.
    seed : int
        Drawn from `random_state`.
    epochs_before : int
        Epochs of the fits that this one goes on from.
    """
    n_genes, n_sets = X.shape
    names = (
        "" if gene_set_names is None else _digest("\n".join(gene_set_names).encode())
    )
    memberships = [values.astype("<i8").tobytes() for values in (X.indptr, X.indices)]
    return {
        "the number of gene sets": str(n_sets),
        "the digest of their names": names,
        "the number of genes": str(n_genes),
        "the digest of the memberships": _digest(*memberships),
        "the seed drawn from random_state": str(seed),
        "the number of epochs before": str(epochs_before),
        **{
            name: str(value)
            for name, value in parameters.items()
            if name not in _FREE_PARAMETERS
        },
        # 5, (5,) and [5] are the same.
        "hidden_layer_sizes": str(np.atleast_1d(parameters["hidden_layer_sizes"])),
    }


def _digest(*parts: bytes) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def record_identity(net: NeuralNet) -> None:
    """Record in the history which fit the present epoch is of."""
    net.history.record_batch(_IDENTITY, dict(net.identity))


def check_history(net: NeuralNet) -> None:
    """Compare the fit of the history with the present one.

    Raises
    ------
    ValueError
        If they differ, with all differences, or if an epoch is incomplete.
    """
    if not net.history:
        return
    if "train_loss" not in net.history[-1]:
        raise ValueError(
            "Expected a checkpoint of the end of an epoch, as Checkpoint(monitor=None) "
            f"writes it, got one of the middle of epoch {len(net.history)}. "
            f"{_START_AGAIN}"
        )
    saved = _recorded_identity(net.history[0])
    different = [
        f"{name} is {saved.get(name)} there and {value} here"
        for name, value in net.identity.items()
        if saved.get(name) != value
    ]
    if different:
        raise ValueError(
            "Expected a checkpoint of the same gene sets, genes and parameters, got "
            f"one of another fit: {', '.join(different)}. {_START_AGAIN}"
        )


def _recorded_identity(epoch: dict[str, Any]) -> dict[str, str]:
    for batch in epoch["batches"]:
        if _IDENTITY in batch:
            return dict(batch[_IDENTITY])
    return {}


def check_steps(net: NeuralNet, steps_before: int) -> None:
    """Compare the steps of the optimizers with the epochs of the history.

    skorch writes one file after the other, the history last. A process that is killed
    in between leaves files of two epochs.

    Raises
    ------
    ValueError
        If the numbers differ.
    """
    expected = steps_before + sum(epoch["train_batch_count"] for epoch in net.history)
    for name, optimizer in net.optimizers_.items():
        steps = {int(state["step"]) for state in optimizer.state.values()} or {0}
        if steps != {expected}:
            raise ValueError(
                f"Expected {name} after the {expected} steps of the "
                f"{len(net.history)} epochs in the checkpoint's history, got "
                f"{max(steps)} steps. Either the process was killed while it wrote the "
                "files, or Checkpoint did not save all of f_history, f_params and "
                f"f_{name}. {_START_AGAIN}"
            )


def unreadable(error: Exception) -> ValueError:
    """Say what to do about files that skorch cannot load."""
    first_line = (str(error).splitlines() or [type(error).__name__])[0]
    return ValueError(
        f"Cannot read the checkpoint ({first_line}): a file is damaged or missing, "
        "perhaps because the process was killed while it wrote them. Expected all of "
        f"f_history, f_params and f_optimizer. {_START_AGAIN}"
    )
