"""Activations of the embedding: one table, in NumPy and on tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sk_gene2vec._utils._typing import Array

if TYPE_CHECKING:
    from torch import Tensor

# Avoids a division by zero for a row of zeros.
_EPSILON = 1e-12


class Activation(NamedTuple):
    """An activation of the embedding.

    Attributes
    ----------
    function : callable
        ``function(x)`` for an ndarray of shape (n_rows, embedding_dim).
    backward : callable
        ``backward(gradient, x, y)`` turns the gradient in ``y = function(x)`` into the
        gradient in x.
    of_tensor : callable
        The same function of a torch tensor. It uses only methods of tensors, so that
        a fitted encoder needs no torch.
    """

    function: Callable[[Array], Array]
    backward: Callable[[Array, Array, Array], Array]
    of_tensor: Callable[[Tensor], Tensor]


def _root_mean_square(x: Array) -> Array:
    squares = np.square(x).mean(axis=-1, keepdims=True)
    return np.sqrt(squares + x.dtype.type(_EPSILON))


def _rmsnorm_backward(gradient: Array, x: Array, y: Array) -> Array:
    along = (gradient * y).mean(axis=1, keepdims=True)
    return (gradient - along * y) / _root_mean_square(x)


def _rmsnorm_of_tensor(x: Tensor) -> Tensor:
    return x * (x.square().mean(dim=1, keepdim=True) + _EPSILON).rsqrt()


ACTIVATIONS = {
    "identity": Activation(
        function=lambda x: x,
        backward=lambda gradient, x, y: gradient,
        of_tensor=lambda x: x,
    ),
    "relu": Activation(
        function=lambda x: np.maximum(x, 0),
        backward=lambda gradient, x, y: gradient * (y > 0),
        of_tensor=lambda x: x.relu(),
    ),
    "rmsnorm": Activation(
        function=lambda x: x / _root_mean_square(x),
        backward=_rmsnorm_backward,
        of_tensor=_rmsnorm_of_tensor,
    ),
    "tanh": Activation(
        function=np.tanh,
        backward=lambda gradient, x, y: gradient * (1 - y**2),
        of_tensor=lambda x: x.tanh(),
    ),
}
