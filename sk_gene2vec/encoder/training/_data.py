"""From a membership matrix to the rows to train on."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from sk_gene2vec._utils._memberships import row_keys
from sk_gene2vec._utils._typing import Array
from sk_gene2vec.encoder._fitted import Fitted
from sk_gene2vec.metrics import split_memberships

# Share of a gene's memberships that is held out.
_HIDDEN_FRACTION = 0.1

# The most pairs to score after each epoch. More would take longer than they are worth.
_MAX_PAIRS_HELD_OUT = 3 * 10**7


class HeldOut(NamedTuple):
    """Memberships that training does not see.

    Attributes
    ----------
    genes : ndarray of shape (n_held_out,), int
        Rows of the training matrix that have memberships hidden.
    shown, hidden : csr_array of shape (n_held_out, n_gene_sets)
        The memberships of these rows that are left, and those that are not.
    """

    genes: Array
    shown: sp.csr_array
    hidden: sp.csr_array


@dataclass(frozen=True)
class TrainingData:
    """Rows to train on, and what follows from them alone.

    Attributes
    ----------
    X : csr_array of shape (n_genes, n_gene_sets)
        Memberships of all genes.
    rows : csr_array of shape (n_rows, n_gene_sets)
        Rows to train on, without the memberships that are held out. With an embedding
        table, each distinct row once.
    counts : ndarray of shape (n_rows,)
        Number of genes with that row.
    row_of : ndarray of shape (n_genes,)
        Row of each gene.
    row_keys : ndarray of shape (n_rows, 2) or None
        Keys of the rows, with an embedding table.
    held_out : HeldOut or None
        Memberships held out, if any are.
    hold_out_state : RandomState or None
        Source of the choice, as it was before.
    sizes : ndarray of shape (n_gene_sets,)
        Number of genes in each set, without what is held out.
    gene_set_weights : ndarray of shape (n_gene_sets,)
        Weights of the gene sets in the inputs.
    """

    X: sp.csr_array
    rows: sp.csr_array
    counts: Array
    row_of: Array
    row_keys: Array | None
    held_out: HeldOut | None
    hold_out_state: np.random.RandomState | None
    sizes: Array
    gene_set_weights: Array


def prepare(
    X: sp.csr_array,
    *,
    one_hot: bool,
    validation_fraction: float,
    previous: Fitted | None,
    random_state: np.random.RandomState,
) -> TrainingData:
    """Find distinct rows, hold memberships out, and count in what is left.

    Parameters
    ----------
    X : csr_array of shape (n_genes, n_gene_sets)
        Memberships.
    one_hot : bool
        If True, rows that are equal share a row of the embedding table.
    validation_fraction : float
        Share of the genes to hold memberships out from; 0 holds nothing out.
    previous : Fitted or None
        Fit to go on from. Sets seen before keep their weight.
    random_state : RandomState
        Source of the choice.
    """
    n_genes, n_gene_sets = X.shape
    rows, counts = X, np.ones(n_genes, dtype=np.int64)
    row_of, keys = np.arange(n_genes), None
    if one_hot:
        keys, first, row_of, counts = np.unique(
            row_keys(X),
            axis=0,
            return_index=True,
            return_inverse=True,
            return_counts=True,
        )
        rows, row_of = X[first], row_of.ravel()
    held_out = state = None
    if validation_fraction:
        state = deepcopy(random_state)
        rows, held_out = _hold_out(rows, validation_fraction, counts, random_state)
    sizes = np.bincount(
        rows.indices,
        weights=np.repeat(counts, np.diff(rows.indptr)),
        minlength=n_gene_sets,
    )
    # A set of all genes has no weight, even if some are held out; a later part may.
    weighted = (sizes > 0) & (np.bincount(X.indices, minlength=n_gene_sets) < n_genes)
    weights = np.where(weighted, np.log(n_genes / np.maximum(sizes, 1)), 0.0)
    if previous is not None:
        # The first layer was trained with these weights.
        seen = previous.gene_set_weights_ > 0
        weights[seen] = previous.gene_set_weights_[seen]
    return TrainingData(X, rows, counts, row_of, keys, held_out, state, sizes, weights)


def _hold_out(
    X: sp.csr_array,
    fraction: float,
    counts: Array,
    random_state: np.random.RandomState,
) -> tuple[sp.csr_array, HeldOut]:
    """Hide memberships of some genes; return the rows without them, and the choice."""
    sizes = np.diff(X.indptr)
    # A row that most genes share keeps its memberships: no other row tells of them.
    genes = np.flatnonzero((sizes >= 2) & (2 * counts <= counts.sum()))
    if not len(genes):
        raise ValueError(
            "early_stopping needs held-out memberships: expected genes with two "
            "memberships or more, in rows that at most half of the genes share."
        )
    n_genes = int(np.ceil(fraction * len(genes)))
    n_genes = min(n_genes, max(1, _MAX_PAIRS_HELD_OUT // X.shape[1]))
    genes = np.sort(random_state.permutation(genes)[:n_genes])
    shown, hidden = split_memberships(
        X[genes], hidden_fraction=_HIDDEN_FRACTION, random_state=random_state
    )
    places = np.repeat(genes, np.diff(hidden.indptr)), hidden.indices
    rest = sp.csr_array(X - sp.csr_array((hidden.data, places), shape=X.shape))
    rest.eliminate_zeros()
    return rest, HeldOut(genes, shown, hidden)
