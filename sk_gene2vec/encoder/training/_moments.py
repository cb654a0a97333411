"""The state of the optimizers as NumPy arrays, from which another fit goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from skorch import NeuralNet

# Of each weight by its name, running means and the number of steps.
Moments: TypeAlias = Mapping[str, Mapping[str, NDArray[Any]]]


def export_moments(net: NeuralNet) -> Moments:
    """Copy the state of the optimizers."""
    return {
        name: {key: _as_array(value) for key, value in optimizer.state[weight].items()}
        for name, optimizer, weight in _optimized(net)
    }


def load_moments(net: NeuralNet, moments: Moments) -> None:
    """Set the state of the optimizers to a copy of what :func:`export_moments` gave."""
    for name, optimizer, weight in _optimized(net):
        state: dict[str, Any] = {
            key: torch.tensor(value, device=weight.device)
            for key, value in moments[name].items()
        }
        if isinstance(optimizer, torch.optim.SparseAdam):
            state["step"] = int(state["step"])
        optimizer.state[weight] = state


def n_steps(moments: Moments | None) -> int:
    """Count the steps that led to the moments."""
    if moments is None:
        return 0
    return int(next(iter(moments.values()))["step"])


def _optimized(
    net: NeuralNet,
) -> Iterator[tuple[str, torch.optim.Optimizer, torch.nn.Parameter]]:
    names = {id(weight): name for name, weight in net.module.named_parameters()}
    for optimizer in net.optimizers_.values():
        for group in optimizer.param_groups:
            for weight in group["params"]:
                yield names[id(weight)], optimizer, weight


def _as_array(value: Any) -> NDArray[Any]:
    tensor = torch.as_tensor(value, dtype=torch.float32)
    return np.asarray(tensor.cpu().numpy()).copy()
