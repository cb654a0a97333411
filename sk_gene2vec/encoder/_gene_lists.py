"""A custom gene list, treated as one more gene set; nothing is retrained."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.preprocessing import normalize

from sk_gene2vec._utils._typing import Array
from sk_gene2vec.encoder._inference import input_rows
from sk_gene2vec.encoder._probabilities import level_of

# Length that the vectors are scaled to; the rows have length 1. Lists from outside the
# collection were completed best with 0.5, and nearly as well with 0.7 and 1.
_VECTOR_LENGTH = 0.5


def score_list(
    X: sp.csr_array,
    gene_set_weights: Array,
    embedding: Array,
    listed: NDArray[np.bool_],
) -> tuple[Array, sp.csc_array]:
    """Regress a gene list on the gene sets and vectors of all genes.

    Parameters
    ----------
    X : csr_array of shape (n_genes, n_gene_sets)
        Memberships of all genes.
    gene_set_weights : ndarray of shape (n_gene_sets,)
        Weights of the gene sets in the rows.
    embedding : ndarray of shape (n_genes, embedding_dim)
        Vectors of all genes.
    listed : ndarray of shape (n_genes,), bool
        Genes of the list, at least one.

    Returns
    -------
    scores : ndarray of shape (n_genes,)
        Log-odds up to a common shift.
    parts : csc_array of shape (n_genes, n_gene_sets)
        What each membership adds to the score of its gene.
    """
    if listed.all():
        return np.zeros(len(listed)), sp.csc_array(X.shape)
    # Not at the top, to keep the import of the package fast.
    from sklearn.linear_model import LogisticRegression

    rows = input_rows(X, gene_set_weights)
    inputs = sp.csr_matrix(sp.hstack([rows, _VECTOR_LENGTH * normalize(embedding)]))
    model = LogisticRegression(class_weight="balanced", max_iter=300, tol=1e-3)
    model.fit(inputs, listed)
    weights = model.coef_[0, : X.shape[1]]
    return model.decision_function(inputs), sp.csc_array(rows.multiply(weights))


def calibrated(scores: Array, listed: NDArray[np.bool_], completeness: float) -> Array:
    """Turn scores into probabilities.

    The probabilities of genes outside the list sum to the number of genes that the list
    is assumed to lack.
    """
    n_missing = (1 / completeness - 1) * listed.sum()
    shift = level_of(scores[~listed].astype(float), n_missing)
    return np.asarray(expit(scores + shift))


def overlap_p_values(X: sp.csr_array, listed: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Count the listed genes in each gene set, with hypergeometric p-values.

    Returns
    -------
    shared : ndarray of shape (n_gene_sets,), int
        Number of listed genes in the set.
    p_values : ndarray of shape (n_gene_sets,)
        Probability that the set contains `shared` or more of as many random genes.
    """
    # Not at the top, to keep the import of the package fast.
    from scipy.stats import hypergeom

    shared = np.asarray(X[listed].sum(axis=0)).astype(int)
    sizes = np.bincount(X.indices, minlength=X.shape[1])
    return shared, hypergeom.sf(shared - 1, X.shape[0], sizes, listed.sum())
