"""A custom gene list, treated as one more gene set; nothing is retrained."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import normalize
from sklearn.utils.validation import check_scalar

from sk_gene2vec._utils._messages import shown, warn
from sk_gene2vec._utils._typing import Array
from sk_gene2vec.encoder._inference import input_rows
from sk_gene2vec.encoder._model import (
    columns_among,
    described,
    memberships_of,
    names_of,
    steps_of,
)
from sk_gene2vec.encoder._probabilities import level_of
from sk_gene2vec.vectorizer import GmtVectorizer

if TYPE_CHECKING:
    import pandas as pd

# Length that the vectors are scaled to; the rows have length 1. Lists from outside the
# collection were completed best with 0.5, and nearly as well with 0.7 and 1.
_VECTOR_LENGTH = 0.5

# Shorter gene lists get a warning.
_FEW_GENES = 3

# A list gets a warning if its best p-value, times the number of gene sets, is larger.
_NO_MATCH = 0.1


def nearest_gene_sets(
    model: Pipeline,
    genes: Iterable[str],
    n: int = 10,
    *,
    among: str | Iterable[str] | None = None,
) -> pd.DataFrame:
    """Find the gene sets that share more genes with a list than chance explains.

    Gene sets are ranked by the p-value of the hypergeometric test, which accounts for
    the sizes of list and gene set. A gene set needs at least two genes of the list, or
    one if the list has only one gene.

    Parameters
    ----------
    model : Pipeline
        Fitted pipeline that starts with :class:`GmtVectorizer` and
        :class:`GeneSetEncoder`. Further steps are not used.
    genes : iterable of str
        The list.
    n : int, default=10
        Number of gene sets, or all that qualify if they are fewer.
    among : str or iterable of str or None, default=None
        Gene sets to choose from: those whose names start with a `str`, such as
        ``"REACTOME_"``, or those of a list. None chooses from all.

    Returns
    -------
    DataFrame of shape (n, 5)
        The smallest p-value first, ties by similarity. Columns are `gene_set`;
        `p_value`, not corrected for the number of gene sets; `shared`, the number of
        listed genes in the gene set; `size`, the number of all genes in it; and
        `similarity`, the cosine of the gene set and the weights of all genes. The
        weight of a gene is 1 in the list, and otherwise its probability, see
        :func:`suggest_genes`. A column `description` follows `gene_set` as in
        :func:`suggest_gene_sets`.

    Raises
    ------
    TypeError
        If `genes` is not an iterable of `str`, or if `model` is not such a pipeline.
    ValueError
        If the collection has no gene of the list or no gene set of `among`, or if `n`
        is below 1.

    Warns
    -----
    UserWarning
        As :func:`suggest_genes`.

    See Also
    --------
    suggest_genes : Genes that the list may lack.
    GeneEmbedding.of_gene_sets : Vectors of gene sets, to find similar gene sets.
    group_gene_sets : Near copies among gene sets.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sk_gene2vec import GeneSetEncoder, GmtVectorizer, nearest_gene_sets
    >>> gene_sets = {
    ...     "GLYCOLYSIS": ["HK1", "PFKM", "PKM", "LDHA"],
    ...     "WARBURG": ["HK1", "PFKM", "PKM"],
    ...     "P53_PATHWAY": ["TP53", "MDM2", "CDKN1A", "BAX", "BBC3"],
    ...     "SENESCENCE": ["TP53", "CDKN1A", "CDKN2A", "LMNB1", "RB1"],
    ... }
    >>> genes = sorted({gene for members in gene_sets.values() for gene in members})
    >>> encoder = GeneSetEncoder(2, max_epochs=100, random_state=0)
    >>> model = make_pipeline(GmtVectorizer(gene_sets), encoder).fit(genes)
    >>> found = nearest_gene_sets(model, ["HK1", "PKM", "LDHA", "PFKM"], n=2)
    >>> list(found.gene_set)
    ['GLYCOLYSIS', 'WARBURG']
    """
    import pandas as pd

    vectorizer, encoder = steps_of(model)
    check_scalar(n, "n", Integral, min_val=1)
    listed = listed_genes(genes, vectorizer)
    X, names = memberships_of(vectorizer), vectorizer.get_feature_names_out()
    shared, p_values = overlap_p_values(X, listed)
    warn_without_match(shared, p_values, listed, names)
    scores, _ = score_list(X, encoder.gene_set_weights_, encoder._embed(X), listed)
    weights = calibrated(scores, listed, encoder._completeness)
    weights[listed] = 1
    sizes = np.bincount(X.indices, minlength=X.shape[1])
    similarity = X.T @ weights / np.sqrt(np.maximum(sizes, 1) * (weights**2).sum())
    enough = shared >= min(2, listed.sum())
    allowed = np.flatnonzero(enough & columns_among(among, vectorizer))
    order = np.lexsort((-similarity[allowed], p_values[allowed]))
    best = allowed[order[:n]]
    return pd.DataFrame(
        {
            "gene_set": names[best],
            **described(names[best], vectorizer),
            "p_value": p_values[best],
            "shared": shared[best],
            "size": sizes[best],
            "similarity": similarity[best],
        }
    )


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
    # SciPy takes long, and many gene sets share both numbers.
    pairs, place = np.unique([shared, sizes], axis=1, return_inverse=True)
    p_values = hypergeom.sf(pairs[0] - 1, X.shape[0], pairs[1], listed.sum())
    return shared, p_values[place.ravel()]


def listed_genes(genes: Iterable[str], vectorizer: GmtVectorizer) -> NDArray[np.bool_]:
    """Find the genes of a list among those of the collection."""
    rows = vectorizer.gene_index_.rows_of_list(names_of(genes))
    listed = np.zeros(len(vectorizer.genes_) + 1, dtype=bool)
    listed[rows] = True
    found = vectorizer.genes_[listed[:-1]]
    if len(found) < _FEW_GENES:
        warn(
            f"Expected a list of {_FEW_GENES} genes or more, got {len(found)} of the "
            f"collection ({shown(map(repr, found), _FEW_GENES)}): so few genes may "
            "have many things in common. Give more genes if you can."
        )
    return listed[:-1]


def warn_without_match(
    shared: Array,
    p_values: Array,
    listed: NDArray[np.bool_],
    names: NDArray[np.object_],
) -> None:
    """Warn if no gene set has more genes of the list than chance explains."""
    best = int(p_values.argmin())
    if listed.sum() < _FEW_GENES or p_values[best] * len(names) < _NO_MATCH:
        return
    warn(
        f"No gene set has more of the {listed.sum()} genes than chance "
        f"explains: the best, {names[best]}, has {shared[best]} (p = "
        f"{p_values[best]:.1g}, among {len(names)} gene sets). Suggestions for this "
        "list mean little. Use a collection that covers its topic."
    )
