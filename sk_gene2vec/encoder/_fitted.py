"""The record of a fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from numpy.random import RandomState
from scipy.sparse import csr_array

from sk_gene2vec._utils._typing import Array


@dataclass(frozen=True)
class Fitted:
    """Fitted attributes of the encoder, by their names; None for one not there.

    The private ones are:

    Attributes
    ----------
    _architecture : dict
        Parameters that shapes and meaning of the weights follow from.
    _pos_weight : float
        Weight of memberships in the loss of the last fit.
    _median_size : float
        Median number of memberships of the genes of the last fit.
    _wide : tuple of ndarray
        Weights, indices and row starts of `wide_coef_`: saved models name NumPy's
        arrays, no private module of SciPy.
    _row_keys : ndarray of shape (n_rows, 2) or None
        Keys of the rows of the embedding table, if there is one.
    _hold_out_state : RandomState or None
        Source of the held-out memberships, in the state in which the fit that started
        anew found it. Training that goes on holds out the same again: those that it
        saw could not be held out any more. None in models of older versions.
    _moments : mapping or None
        State of the optimizers, after `partial_fit`.
    """

    coefs_: list[Array]
    intercepts_: list[Array]
    gene_set_weights_: Array
    gene_set_frequency_: Array
    n_samples_seen_: int
    calibration_: Array
    embedding_calibration_: Array
    loss_curve_: list[float]
    validation_scores_: list[float] | None
    n_iter_: int
    embedding_: Array
    _architecture: dict[str, Any]
    _pos_weight: float
    _median_size: float
    _wide: tuple[Array, Array, Array]
    _row_keys: Array | None
    _hold_out_state: RandomState | None
    _moments: Mapping[str, Mapping[str, Array]] | None

    @property
    def wide_coef_(self) -> csr_array:
        """Weights of the gene sets on each other."""
        n_sets = len(self._wide[2]) - 1
        return csr_array(self._wide, shape=(n_sets, n_sets))

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
