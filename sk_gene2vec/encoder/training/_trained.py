"""The network in training or behind it, as inference sees it: in NumPy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias, cast

import numpy as np
import scipy.sparse as sp

from sk_gene2vec._utils._memberships import row_blocks
from sk_gene2vec._utils._typing import Array
from sk_gene2vec.encoder._inference import (
    Layers,
    Wide,
    decode_logits,
    embed_memberships,
)
from sk_gene2vec.encoder.training._data import TrainingData
from sk_gene2vec.encoder.training._net import diverged
from sk_gene2vec.encoder.training._network import GeneSetNetwork
from sk_gene2vec.metrics._calibration import HeldOut, fit_calibration
from sk_gene2vec.metrics._held_out import Predictions

Parameters: TypeAlias = Mapping[str, Any]

# Probabilities that are the sigmoids of the logits.
NO_CALIBRATION = np.array([[1.0, 1.0, 1.0, 0.0]])


class Trained:
    """A network in training or behind it, in NumPy; refuses weights that diverged."""

    def __init__(
        self, module: GeneSetNetwork, data: TrainingData, parameters: Parameters
    ) -> None:
        self.layers = Layers(
            *module.export(), parameters["activation"], parameters["pos_weight"]
        )
        self.data, self.lr = data, parameters["lr"]

    def calibration(
        self, previous: Array | None, wide: sp.csr_array | None = None
    ) -> Array:
        """Calibrate; go on with the previous calibration if nothing is held out."""
        held_out = self.data.held_out
        if previous is not None and not self.data.holds_out:
            return previous
        if held_out is None:
            return NO_CALIBRATION.copy()
        nothing = sp.csr_array(held_out.listed.shape)
        return fit_calibration(
            self.held_out_predictions(wide),
            self._predictions(held_out.whole, held_out.listed, nothing, wide),
        )

    def held_out_predictions(
        self, wide: sp.csr_array | None = None
    ) -> Iterator[Predictions]:
        """Logits, shown and hidden memberships of held-out genes, by blocks."""
        held_out = cast(HeldOut, self.data.held_out)
        return self._predictions(held_out.genes, held_out.shown, held_out.hidden, wide)

    def _predictions(
        self,
        rows: Array,
        shown: sp.csr_array,
        hidden: sp.csr_array,
        wide: sp.csr_array | None,
    ) -> Iterator[Predictions]:
        """Logits of rows of the table or of memberships, by blocks."""
        embedding = self.embed(rows, shown)
        for block in row_blocks(shown.shape):
            with self._numbers_in_range():
                logits = decode_logits(embedding[block], self.layers)
                if wide is not None:
                    logits += Wide(shown, wide).logits(block)
            self._check_finite(logits)
            yield Predictions(logits, shown[block], hidden[block])

    def embed(self, rows: Array, shown: sp.csr_array) -> Array:
        """Embed rows of the table, if there is one, else their memberships."""
        with self._numbers_in_range():
            if self.data.row_keys is None:
                weights = self.data.gene_set_weights.astype(np.float32)
                shown = shown.astype(np.float32)
                embedding = embed_memberships(shown, weights, self.layers)
            else:
                embedding = self.layers.table()[rows]
                embedding[np.diff(shown.indptr) == 0] = 0
        self._check_finite(*self.layers.coefs, *self.layers.intercepts, embedding)
        return embedding

    def check_bounds(self) -> None:
        """Refuse weights with which some gene would overflow, seen in fit or not."""
        coefs, intercepts, *_ = self.layers.astype(np.float64)
        # Inputs have unit length at most.
        largest = np.linalg.norm(coefs[0], axis=0).max() + abs(intercepts[0]).max()
        bounds = [largest]
        # A norm scales every embedding to a length that does not depend on its weights.
        largest = max(largest, coefs[0].shape[1])
        for coef, intercept in zip(coefs[1:], intercepts[1:], strict=True):
            largest = largest * abs(coef).sum(axis=0).max() + abs(intercept).max()
            bounds.append(largest)
        # Activations square their inputs.
        if not max(bounds) < np.sqrt(np.finfo(np.float32).max):
            raise diverged("The weights became too large", self.lr)

    @contextmanager
    def _numbers_in_range(self) -> Iterator[None]:
        """Take an overflow in NumPy for a divergence of training."""
        try:
            with np.errstate(over="raise", invalid="raise"):
                yield
        except FloatingPointError as error:
            raise diverged("The weights became infinite", self.lr) from error

    def _check_finite(self, *arrays: Array) -> None:
        """Look for infinite values, which products in SciPy do not report."""
        if not all(np.isfinite(values).all() for values in arrays):
            raise diverged("The weights became infinite", self.lr)
