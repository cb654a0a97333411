"""Whether a checkpoint of skorch is whole, and of the fit that is to go on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from skorch import NeuralNet

Identity: TypeAlias = Mapping[str, str]

# Not max_epochs, which may grow, and not where and how precisely it is computed.
_PARAMETERS_OF_A_FIT = (
    "gene_input",
    "embedding_dim",
    "activation",
    "mask_rate",
    "init",
    "dropout",
    "lr",
    "weight_decay",
    "batch_size",
    "early_stopping",
    "validation_fraction",
    "n_negatives",
)

# A column of a batch, not of an epoch: loggers show those of the epochs.
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
        Names of the gene sets, where they are known.
    seed : int
        What `random_state` came to.
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
        **{name: str(parameters[name]) for name in _PARAMETERS_OF_A_FIT},
        "hidden_layer_sizes": str(np.atleast_1d(parameters["hidden_layer_sizes"])),
    }


def _digest(*parts: bytes) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def record_identity(net: NeuralNet, identity: Identity) -> None:
    """Write into the history of an epoch which fit it is of."""
    net.history.record_batch(_IDENTITY, dict(identity))


def check_history(net: NeuralNet, identity: Identity) -> None:
    """Compare the fit that the history is of with the present one.

    Raises
    ------
    ValueError
        If they differ, with all that they differ in, or if an epoch is not complete.
    """
    if not net.history:
        return
    if "train_loss" not in net.history[-1]:
        raise ValueError(
            f"The checkpoint was written in the middle of epoch {len(net.history)}; "
            "expected one of the end of an epoch, as Checkpoint(monitor=None) writes "
            f"them. {_START_AGAIN}"
        )
    saved = _recorded_identity(net.history[0])
    different = [
        f"{name} is {saved.get(name)} there and {value} here"
        for name, value in identity.items()
        if saved.get(name) != value
    ]
    if different:
        raise ValueError(
            "The checkpoint is of another fit, expected the same gene sets, genes and "
            f"parameters to go on from it: {', '.join(different)}. {_START_AGAIN}"
        )


def _recorded_identity(epoch: dict[str, Any]) -> dict[str, str]:
    for batch in epoch["batches"]:
        if _IDENTITY in batch:
            return dict(batch[_IDENTITY])
    return {}


def check_steps(net: NeuralNet, steps_before: int) -> None:
    """Compare the steps of the optimizers with the epochs of the history.

    skorch writes one file after the other, the history last: a process that is killed
    in between leaves files of two epochs.

    Raises
    ------
    ValueError
        If there is more of one than of the other.
    """
    expected = steps_before + sum(epoch["train_batch_count"] for epoch in net.history)
    for name in net._optimizers:
        states = getattr(net, f"{name}_").state.values()
        steps = {int(state["step"]) for state in states} or {0}
        if steps != {expected}:
            raise ValueError(
                f"The files of the checkpoint do not belong together: expected {name} "
                f"after the {expected} steps of {len(net.history)} epochs in the "
                f"history, got {max(steps)} steps. Either the process was killed while "
                f"they were written, or Checkpoint was told not to save all: it needs "
                f"f_history, f_params and f_{name}. {_START_AGAIN}"
            )


def unreadable(error: Exception) -> ValueError:
    """Say what to do about files that cannot be loaded."""
    first_line = (str(error).splitlines() or [type(error).__name__])[0]
    return ValueError(
        f"The checkpoint cannot be read ({first_line}): a file is damaged or missing, "
        "perhaps because the process was killed while it was written. It needs "
        f"f_history, f_params and f_optimizer. {_START_AGAIN}"
    )
