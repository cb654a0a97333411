"""Suggested memberships: those that are probable but not in the collection."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_scalar

from sk_gene2vec._utils._typing import Array
from sk_gene2vec.encoder._encoder import GeneSetEncoder
from sk_gene2vec.encoder._gene_lists import (
    calibrated,
    listed_genes,
    overlap_p_values,
    score_list,
    warn_without_match,
)
from sk_gene2vec.encoder._model import (
    column_of,
    columns_among,
    described,
    memberships_of,
    row_of,
    rows_among,
    steps_of,
)
from sk_gene2vec.encoder._probabilities import log_odds_at_most, neighbor_weights
from sk_gene2vec.vectorizer import GmtVectorizer

if TYPE_CHECKING:
    import pandas as pd

_MAX_EVIDENCE = 3

# Number of genes whose probabilities are computed first.
_FIRST_SEEN = 1000


def suggest_genes(
    model: Pipeline,
    gene_set: str | Iterable[str],
    n: int = 10,
    *,
    among: Iterable[str] | None = None,
    completeness: float | None = None,
) -> pd.DataFrame:
    """Suggest genes that probably belong to a gene set or list, but are not in it.

    Your list is treated as one more gene set; nothing is retrained.

    Parameters
    ----------
    model : Pipeline
        Fitted pipeline that starts with :class:`GmtVectorizer` and
        :class:`GeneSetEncoder`. Further steps are not used.
    gene_set : str or iterable of str
        Name of a gene set of the collection, or a description that no other gene set
        has, such as "apoptotic process" for ``GO:0006915``; or a list of genes.
    n : int, default=10
        Number of genes, or all outside the set if they are fewer. Genes without an
        embedding are left out.
    among : iterable of str or None, default=None
        Genes to choose from, such as those that were measured; others than those of the
        collection are ignored. None chooses from all genes of the collection.
    completeness : float or None, default=None
        Share of its true genes that a list is assumed to have, in (0, 1). It sets the
        level of the probabilities, not their order. None takes that of the encoder.
        For a gene set of the collection, the level is that of the fit in any case.

    Returns
    -------
    DataFrame of shape (n, 3)
        The most probable first. Columns are `gene`, `probability` and `evidence`.
        For a gene set, the evidence names genes of the set that are among the 30
        nearest genes of the suggested one. For a list, it names the gene sets that add
        most to the score of the suggested gene, each with the number of listed genes in
        it, and its size: ``HALLMARK_HYPOXIA (8 of 10, 200)``. A description of the gene
        set follows its name. It names three at most, separated by "; ".

    Raises
    ------
    TypeError
        If `gene_set` is neither a name nor a list of names, or if `model` is not such a
        pipeline.
    ValueError
        If the collection has no such gene set, or no gene of the list or of `among`; or
        if `n` or `completeness` is out of range.

    Warns
    -----
    UserWarning
        If genes of a list are not in the collection; if fewer than three are left; or
        if no gene set has more genes of the list than chance explains, so that
        suggestions for the list mean little.

    See Also
    --------
    suggest_gene_sets : Gene sets that a gene may belong to.
    nearest_gene_sets : Gene sets that are like a list.

    Notes
    -----
    For a gene set, the probabilities are those of :meth:`GeneSetEncoder.predict_proba`.
    For a list, they are those of scikit-learn's logistic regression with balanced
    classes, the list against all other genes. Its inputs are the weighted rows of the
    genes, of length 1, and their embeddings, scaled to length 0.5. A common shift of
    the log-odds makes the probabilities of the other genes sum to
    ``(1 - completeness) / completeness`` times the number of genes in the list, and to
    half of the number of other genes at most.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sk_gene2vec import GeneSetEncoder, GmtVectorizer, suggest_genes
    >>> gene_sets = {
    ...     "GLYCOLYSIS": ["HK1", "PFKM", "PKM"],
    ...     "WARBURG": ["HK1", "PFKM", "PKM"],
    ...     "HYPOXIA": ["HK1", "PFKM"],
    ...     "P53_PATHWAY": ["TP53", "MDM2", "CDKN1A"],
    ... }
    >>> genes = ["CDKN1A", "HK1", "MDM2", "PFKM", "PKM", "TP53"]
    >>> encoder = GeneSetEncoder(2, max_epochs=100, random_state=0)
    >>> model = make_pipeline(GmtVectorizer(gene_sets), encoder).fit(genes)
    >>> suggest_genes(model, "HYPOXIA", n=1).gene.item()
    'PKM'
    """
    import pandas as pd

    vectorizer, encoder = steps_of(model)
    check_scalar(n, "n", Integral, min_val=1)
    completeness = encoder._completeness if completeness is None else completeness
    check_scalar(completeness, "completeness", Real)
    if not 0 < completeness < 1:
        raise ValueError(f"Expected completeness in (0, 1), got {completeness}.")
    X = memberships_of(vectorizer)
    embedding = encoder._embed(X)
    # Genes without an embedding are not suggested.
    open_ = embedding.any(axis=1) & rows_among(among, vectorizer)
    if isinstance(gene_set, str):
        column = column_of(gene_set, vectorizer)
        listed = (X[:, [column]].toarray() > 0).ravel()
        best, chances = _best_of_set(encoder, embedding, column, open_ & ~listed, n)
        votes = _votes(embedding[best], embedding, listed)
        evidence = _strongest(votes, vectorizer.genes_)
    else:
        listed = listed_genes(gene_set, vectorizer)
        shared, p_values = overlap_p_values(X, listed)
        warn_without_match(shared, p_values, listed, vectorizer.get_feature_names_out())
        scores, parts = score_list(X, encoder.gene_set_weights_, embedding, listed)
        probability = calibrated(scores, listed, completeness)
        best = _best(probability, open_ & ~listed, n)
        chances = probability[best]
        names = _counted(vectorizer, X, listed, shared)
        evidence = _strongest(sp.csr_array(parts.tocsr()[best]), names)
    return pd.DataFrame(
        {
            "gene": vectorizer.genes_[best],
            "probability": chances,
            "evidence": np.array(evidence, dtype=object),
        }
    )


def suggest_gene_sets(
    model: Pipeline,
    gene: str,
    n: int = 10,
    *,
    among: str | Iterable[str] | None = None,
) -> pd.DataFrame:
    """Suggest gene sets that a gene probably belongs to but is not listed in.

    Parameters
    ----------
    model : Pipeline
        Fitted pipeline that starts with :class:`GmtVectorizer` and
        :class:`GeneSetEncoder`. Further steps are not used.
    gene : str
        A gene of the collection, or an alias of the vectorizer.
    n : int, default=10
        Number of gene sets, or all without the gene if they are fewer.
    among : str or iterable of str or None, default=None
        Gene sets to choose from: those whose names start with a `str`, such as
        ``"REACTOME_"``, or those of a list. None chooses from all.

    Returns
    -------
    DataFrame of shape (n, 3)
        The most probable first. Columns are `gene_set`, `probability` and `evidence`.
        The evidence names genes of the set that are among the 30 nearest genes of
        `gene`, three at most, separated by "; ". The probabilities of a gene without an
        embedding are the frequencies of the gene sets. If the collection has
        descriptions that are not links, ids or the names themselves, a column
        `description` follows `gene_set`.

    Raises
    ------
    TypeError
        If `gene` is not a `str`, or if `model` is not such a pipeline.
    ValueError
        If the collection has no such gene or no gene set of `among`, or if `n` is below
        1.

    See Also
    --------
    suggest_genes : Genes that a gene set may lack.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sk_gene2vec import GeneSetEncoder, GmtVectorizer, suggest_gene_sets
    >>> gene_sets = {
    ...     "GLYCOLYSIS": ["HK1", "PFKM", "PKM"],
    ...     "WARBURG": ["HK1", "PFKM", "PKM"],
    ...     "HYPOXIA": ["HK1", "PFKM"],
    ...     "P53_PATHWAY": ["TP53", "MDM2", "CDKN1A"],
    ... }
    >>> genes = ["CDKN1A", "HK1", "MDM2", "PFKM", "PKM", "TP53"]
    >>> encoder = GeneSetEncoder(2, max_epochs=100, random_state=1)
    >>> model = make_pipeline(GmtVectorizer(gene_sets), encoder).fit(genes)
    >>> suggest_gene_sets(model, "PKM", n=1).gene_set.item()
    'HYPOXIA'
    """
    import pandas as pd

    vectorizer, encoder = steps_of(model)
    check_scalar(n, "n", Integral, min_val=1)
    row = row_of(gene, vectorizer)
    X, names = memberships_of(vectorizer), vectorizer.get_feature_names_out()
    open_ = columns_among(among, vectorizer)
    open_[X[[row]].indices] = False
    encoder._warn_of_zeros(X[[row]])
    embedding = encoder._embed(X)
    probability = encoder._decode(embedding[[row]])[0]
    best = _best(probability, open_, n)
    weights = neighbor_weights(embedding[[row]], embedding)
    votes = sp.csr_array(X[:, best].T.multiply(weights.toarray()))
    return pd.DataFrame(
        {
            "gene_set": names[best],
            **described(names[best], vectorizer),
            "probability": probability[best],
            "evidence": np.array(_strongest(votes, vectorizer.genes_), dtype=object),
        }
    )


def _counted(
    vectorizer: GmtVectorizer, X: sp.csr_array, listed: NDArray[np.bool_], shared: Array
) -> list[str]:
    """Name gene sets with descriptions, listed genes in them, and their sizes."""
    names = vectorizer.get_feature_names_out()
    texts = described(names, vectorizer).get("description", names)
    sizes, n_listed = np.bincount(X.indices, minlength=X.shape[1]), listed.sum()
    return [
        f"{name if text in ('', name) else f'{name} {text}'} "
        f"({count} of {n_listed}, {size})"
        for name, text, count, size in zip(names, texts, shared, sizes, strict=True)
    ]


def _best_of_set(
    encoder: GeneSetEncoder,
    embedding: Array,
    column: int,
    allowed: NDArray[np.bool_],
    n: int,
) -> tuple[NDArray[np.intp], Array]:
    """Find the n most probable genes of a gene set, and their probabilities.

    Finding the neighbours of all genes would take seconds. So genes are taken in the
    order of a bound, until no other gene can be among the first n.
    """
    chosen = slice(column, column + 1)
    bound = log_odds_at_most(embedding, encoder._layers(), encoder._genes(), column)
    places = np.flatnonzero(allowed)
    if not len(places):
        return places, np.empty(0)
    order = places[np.argsort(-bound[places], kind="stable")]
    n_seen = max(n, _FIRST_SEEN)
    while True:
        seen = np.sort(order[:n_seen])
        probability = encoder._decode(embedding[seen], chosen)[:, 0]
        best = np.argsort(-probability, kind="stable")[:n]
        rest = bound[order[n_seen : n_seen + 1]] + encoder._shift
        if not len(rest) or expit(rest[0]) < probability[best[-1]]:
            return seen[best], probability[best]
        n_seen *= 4


def _best(values: Array, allowed: NDArray[np.bool_], n: int) -> NDArray[np.intp]:
    """Find the n largest of the allowed values, ties in their order."""
    places = np.flatnonzero(allowed)
    return places[np.argsort(-values[places], kind="stable")[:n]]


def _votes(embedding: Array, genes: Array, listed: NDArray[np.bool_]) -> sp.csr_array:
    """Keep the votes of listed genes among the nearest of some genes."""
    return sp.csr_array(neighbor_weights(embedding, genes).multiply(listed))


def _strongest(
    terms: sp.csr_array, names: NDArray[np.object_] | list[str]
) -> list[str]:
    """Name the columns with the largest positive entries of each row."""
    evidence = []
    for row in terms:
        row = sp.coo_array(row)
        order = np.argsort(-row.data, kind="stable")[:_MAX_EVIDENCE]
        places = [row.coords[-1][i] for i in order if row.data[i] > 0]
        evidence.append("; ".join(str(names[place]) for place in places))
    return evidence
