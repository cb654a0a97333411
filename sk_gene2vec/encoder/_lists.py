"""A gene list of one's own: a further output of the network, frozen otherwise."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize
from scipy.special import expit, logit
from sklearn.covariance import ledoit_wolf

from sk_gene2vec._utils._typing import Array
from sk_gene2vec.encoder._inference import (
    WIDE_LOGITS,
    WIDE_PENALTY,
    WIDE_ROUNDS,
    Layers,
    hidden_outputs,
)
from sk_gene2vec.metrics._calibration import MISSING_PER_LISTED, slopes_and_shifts

# The most inputs of the wide part of a list. With 50 and with 100, a little fewer of
# the hidden genes of gene sets that were left out of MSigDB came first.
_N_INPUTS = 20

# Added to the variances of the prior, which few gene sets may leave at zero.
_LEAST_VARIANCE = 1e-3


class FoldedList(NamedTuple):
    """A gene list as an output of the network.

    Attributes
    ----------
    logits : ndarray of shape (n_genes,)
        Logits of all genes, of the embedding alone. NaN where nothing is known.
    coef : csc_array of shape (n_gene_sets, 1)
        Weights of the gene sets on the list, which add to the logits.
    probability : ndarray of shape (n_genes,)
        Calibrated on the genes that are not in the list.
    """

    logits: Array
    coef: sp.csc_array
    probability: Array


def fold_in_list(
    encoder: Any, X: sp.csr_array, listed: NDArray[np.bool_]
) -> FoldedList:
    """Fold a gene list in as a new output of a fitted encoder.

    Parameters
    ----------
    encoder : GeneSetEncoder
        Fitted.
    X : csr_array of shape (n_genes, n_gene_sets)
        Memberships of all genes, validated.
    listed : ndarray of shape (n_genes,), bool
        Genes of the list, at least one.

    Returns
    -------
    FoldedList
        What is known of the list.
    """
    layers, frequency = encoder._layers(), encoder.gene_set_frequency_
    known = encoder._known(X)
    hidden = hidden_outputs(encoder._embed(X)[known], layers)[-1]
    logits = np.full(len(listed), np.nan)
    if known.any():
        weights = _output_weights(hidden, listed[known], layers, frequency)
        logits[known] = hidden @ weights[:-1] + weights[-1]
    has_wide = encoder.wide_coef_.nnz > 0
    coef = _wide_column(X, listed, _N_INPUTS if has_wide else 0)
    scores = logits + (X @ coef).toarray()[:, 0]
    probability = np.full(len(listed), listed.mean())
    size = np.array([encoder._median_size])
    slopes = slopes_and_shifts(encoder.calibration_, size)[:2, 0]
    probability[known] = _calibrated(scores[known], slopes, listed[known])
    return FoldedList(logits, coef, probability)


def _output_weights(
    hidden: Array, listed: NDArray[np.bool_], layers: Layers, frequency: Array
) -> Array:
    """Weights and bias under which the list is most probable, the bias last.

    The cross-entropy summed over the genes, plus a normal prior: mean and covariance of
    the outputs that the network has, biases relative to the log-odds of the size.
    """
    bias = layers.intercepts[-1] - _log_odds(frequency)
    outputs = np.column_stack([layers.coefs[-1].T, bias]).astype(np.float64)
    covariance = _LEAST_VARIANCE * np.eye(outputs.shape[1])
    if np.ptp(outputs, axis=0).any():
        covariance += ledoit_wolf(outputs)[0]
    mean = outputs.mean(axis=0)
    mean[-1] += _log_odds(listed.mean())
    # In coordinates in which the prior is a standard normal.
    root = np.linalg.cholesky(covariance)
    inputs = np.column_stack([hidden, np.ones(len(hidden))])
    offset = (inputs @ mean).astype(np.float32)
    inputs = (inputs @ root).astype(np.float32)

    def loss(u: Array) -> tuple[float, Array]:
        z = offset + inputs @ u.astype(np.float32)
        value = np.logaddexp(0, z).sum(dtype=float) - z[listed].sum(dtype=float)
        residual = expit(z)
        residual[listed] -= 1
        return value + 0.5 * u @ u, (residual @ inputs).astype(float) + u

    # Single precision cannot tell smaller differences of the loss.
    options = {"maxiter": 100, "gtol": 1e-2, "ftol": 1e-6}
    found = minimize(
        loss, np.zeros(len(mean)), jac=True, method="L-BFGS-B", options=options
    )
    return np.asarray(mean + root @ found.x)


def _log_odds(share: Any) -> Any:
    """Log-odds of shares of genes, those of none and of all kept finite."""
    return logit(np.clip(share, 1e-6, 1 - 1e-6))


def _wide_column(
    X: sp.csr_array, listed: NDArray[np.bool_], n_inputs: int
) -> sp.csc_array:
    """Regress a list on the gene sets that explain it, as the wide part does for sets.

    Gene sets with no gene beside those of the list say nothing about other genes, and
    would only explain the list away.
    """
    by_set, by_column = sp.csr_array(X.T), sp.csc_array(X)
    sizes = np.diff(by_set.indptr)
    target = listed.astype(X.dtype)
    usable = (sizes < X.shape[0]) & (by_set @ (1 - target) > 0)
    # Genes that sets of a few genes share by chance count less.
    scale = np.where(usable, np.sqrt(sizes + 5), np.inf)
    inputs, weights = np.empty(0, dtype=np.intp), np.empty(0)
    left = target
    for round_ in np.array_split(np.arange(min(n_inputs, usable.sum())), WIDE_ROUNDS):
        score = np.abs(by_set @ left) / scale
        score[inputs] = -1
        best = np.argsort(-score, kind="stable")[: len(round_)]
        inputs = np.concatenate([inputs, best])
        chosen = by_column[:, inputs].astype(np.float64)
        gram = (chosen.T @ chosen).toarray() + WIDE_PENALTY * np.eye(len(inputs))
        weights = np.linalg.solve(gram, chosen.T @ target)
        left = target - chosen @ weights
    places = inputs, np.zeros_like(inputs)
    return sp.csc_array((WIDE_LOGITS * weights, places), shape=(X.shape[1], 1))


def _calibrated(logits: Array, slopes: Array, listed: NDArray[np.bool_]) -> Array:
    """Turn logits into probabilities that name as many genes as the list lacks.

    The slopes of negative and of positive logits are those of a median gene: with those
    by a gene's number of memberships, genes of few come too high in a list. The shift
    sets the level: a list lacks a tenth of its true genes, as the collection does, and
    no more than half of the others belong to it.
    """
    below, above = slopes
    u = below * np.minimum(logits, 0) + above * np.maximum(logits, 0)
    others = u[~listed]
    if not len(others):
        return np.asarray(expit(u))
    n_missing = min(MISSING_PER_LISTED * listed.sum(), len(others) / 2)
    if not n_missing:
        return np.zeros_like(u)
    # With these shifts all probabilities are too small, or too large.
    level = logit(n_missing / len(others))
    bounds = level - others.max() - 1, level - others.min() + 1
    shift = brentq(lambda x: expit(others + x).sum() - n_missing, *bounds)
    return np.asarray(expit(u + shift))
