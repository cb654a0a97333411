"""The record of a fit."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from numpy.random import RandomState

from sk_gene2vec._utils._typing import Array


@dataclass(frozen=True)
class Fitted:
    """Fitted attributes of the encoder, by their names; None for one not there.

    The private ones are:

    Attributes
    ----------
    _architecture : dict
        Parameters that shapes and meaning of the weights follow from.
    _shift : float
        Level of the log-odds, see :func:`~._probabilities.level`.
    _memberships : tuple of ndarray
        Columns and row starts of the rows of X: saved models name NumPy's arrays, no
        private module of SciPy.
    _row_keys : ndarray of shape (n_rows, 2) or None
        Keys of the rows of the embedding table, if there is one.
    _hold_out_state : RandomState or None
        Source of the held-out memberships, in the state in which the fit that started
        anew found it. Training that goes on holds out the same again: those that it
        saw could not be held out any more. None if nothing was held out.
    """

    coefs_: list[Array]
    intercepts_: list[Array]
    gene_set_weights_: Array
    gene_set_frequency_: Array
    loss_curve_: list[float]
    validation_scores_: list[float] | None
    n_iter_: int
    embedding_: Array
    _architecture: dict[str, Any]
    _shift: float
    _memberships: tuple[Array, Array]
    _row_keys: Array | None
    _hold_out_state: RandomState | None

    @classmethod
    def from_encoder(cls, encoder: Any) -> Fitted:
        """Read the attributes of a fitted encoder."""
        state = vars(encoder)
        return cls(**{field.name: state.get(field.name) for field in fields(cls)})

    def set_on(self, encoder: Any) -> None:
        """Set the attributes, and delete those that this fit did not find."""
        state = vars(encoder)
        for field in fields(self):
            state.pop(field.name, None)
            if (value := getattr(self, field.name)) is not None:
                state[field.name] = value
