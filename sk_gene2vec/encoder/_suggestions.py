"""Suggested memberships: what is probable but not in the collection."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted, check_scalar

from sk_gene2vec._utils._messages import near_misses
from sk_gene2vec._utils._optional import optional

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["suggest_gene_sets", "suggest_genes"]

_MAX_EVIDENCE = 3


def suggest_genes(
    encoder: Any, vectorizer: Any, gene_set: str, k: int = 10
) -> pd.DataFrame:
    """Suggest genes that probably belong to a gene set but are not listed in it.

    Parameters
    ----------
    encoder : GeneSetEncoder
        Fitted on a matrix of `vectorizer`.
    vectorizer : GmtVectorizer
        Fitted on the collection.
    gene_set : str
        Name of a gene set of the collection.
    k : int, default=10
        Number of genes; fewer if the collection has fewer outside the set.

    Returns
    -------
    DataFrame of shape (k, 5)
        The most probable first. Columns are `gene`, `probability`, and its reasons:
        `from_embedding` and `from_gene_sets` are what embedding and wide part give to
        the logit, before it is calibrated; `evidence` names the listed gene sets that
        give the most, three at most, divided by "; ". Where a gene's vector is zero,
        its probabilities are the frequencies of the gene sets, and `from_embedding`
        is NaN.

    Raises
    ------
    ImportError
        If pandas is not installed.
    TypeError
        If `gene_set` is no `str`, or if encoder or vectorizer is something else.
    ValueError
        If the collection has no such gene set, if encoder and vectorizer have not
        the same number of gene sets, or if `k` is below 1.

    See Also
    --------
    suggest_gene_sets : The same for a gene.

    Examples
    --------
    >>> from sk_gene2vec import GeneSetEncoder, GmtVectorizer
    >>> from sk_gene2vec import suggest_genes
    >>> gene_sets = {
    ...     "GLYCOLYSIS": ["HK1", "PFKM", "PKM"],
    ...     "WARBURG": ["HK1", "PFKM", "PKM"],
    ...     "HYPOXIA": ["HK1", "PFKM"],
    ...     "P53_PATHWAY": ["TP53", "MDM2", "CDKN1A"],
    ... }
    >>> vectorizer = GmtVectorizer(gene_sets)
    >>> X = vectorizer.fit_transform(["CDKN1A", "HK1", "MDM2", "PFKM", "PKM", "TP53"])
    >>> encoder = GeneSetEncoder(2, max_epochs=100, random_state=0).fit(X)
    >>> suggest_genes(encoder, vectorizer, "HYPOXIA", k=1).gene.item()
    'PKM'
    """
    pd = optional("pandas", "suggest_genes")
    _check(encoder, vectorizer, k)
    _check_name(gene_set, "gene set", vectorizer)
    column = vectorizer.vocabulary_[gene_set]
    genes = vectorizer.genes_
    # Of all gene sets this one alone: the others would take most of the time.
    chosen = slice(column, column + 1)
    X = vectorizer.transform(genes)
    probability = encoder._predict_proba(X, chosen)[:, 0]
    best = _most_probable(probability, genes, vectorizer.gene_sets_[gene_set], k)
    names = vectorizer.get_feature_names_out()
    reasons = _reasons(encoder, X[best], names, np.full(len(best), column))
    return pd.DataFrame(
        {"gene": genes[best], "probability": probability[best], **reasons}
    )


def suggest_gene_sets(
    encoder: Any, vectorizer: Any, gene: str, k: int = 10
) -> pd.DataFrame:
    """Suggest gene sets that a gene probably belongs to but is not listed in.

    Parameters
    ----------
    encoder : GeneSetEncoder
        Fitted on a matrix of `vectorizer`.
    vectorizer : GmtVectorizer
        Fitted on the collection.
    gene : str
        A gene of the collection.
    k : int, default=10
        Number of gene sets; fewer if the collection has fewer without the gene.

    Returns
    -------
    DataFrame of shape (k, 5)
        The most probable first. Columns are `gene_set`, `probability`, and its reasons:
        `from_embedding` and `from_gene_sets` are what embedding and wide part give to
        the logit, before it is calibrated; `evidence` names the listed gene sets that
        give the most, three at most, divided by "; ". Where a gene's vector is zero,
        its probabilities are the frequencies of the gene sets, and `from_embedding`
        is NaN.

    Raises
    ------
    ImportError
        If pandas is not installed.
    TypeError
        If `gene` is no `str`, or if encoder or vectorizer is something else.
    ValueError
        If the collection has no such gene, if encoder and vectorizer have not the
        same number of gene sets, or if `k` is below 1.

    See Also
    --------
    suggest_genes : The same for a gene set.

    Examples
    --------
    >>> from sk_gene2vec import GeneSetEncoder, GmtVectorizer
    >>> from sk_gene2vec import suggest_gene_sets
    >>> gene_sets = {
    ...     "GLYCOLYSIS": ["HK1", "PFKM", "PKM"],
    ...     "WARBURG": ["HK1", "PFKM", "PKM"],
    ...     "HYPOXIA": ["HK1", "PFKM"],
    ...     "P53_PATHWAY": ["TP53", "MDM2", "CDKN1A"],
    ... }
    >>> vectorizer = GmtVectorizer(gene_sets)
    >>> X = vectorizer.fit_transform(["CDKN1A", "HK1", "MDM2", "PFKM", "PKM", "TP53"])
    >>> encoder = GeneSetEncoder(2, max_epochs=100, random_state=0).fit(X)
    >>> suggest_gene_sets(encoder, vectorizer, "PKM", k=1).gene_set.item()
    'HYPOXIA'
    """
    pd = optional("pandas", "suggest_gene_sets")
    _check(encoder, vectorizer, k)
    _check_name(gene, "gene", vectorizer)
    X = vectorizer.transform([gene])
    probability = encoder.predict_proba(X)[0]
    names = vectorizer.get_feature_names_out()
    best = _most_probable(probability, names, vectorizer.inverse_transform(X)[0], k)
    reasons = _reasons(encoder, X, names, best)
    return pd.DataFrame(
        {"gene_set": names[best], "probability": probability[best], **reasons}
    )


def _reasons(
    encoder: Any, X: Any, names: NDArray[Any], columns: NDArray[np.intp]
) -> dict[str, Any]:
    """Columns that say why each row, or one row, may be in these gene sets."""
    from_embedding, terms = encoder._logit_parts(X, columns)
    evidence = []
    for start, stop in pairwise(terms.indptr):
        most = np.argsort(-terms.data[start:stop], kind="stable")[:_MAX_EVIDENCE]
        places = start + most[terms.data[start + most] > 0]
        evidence.append("; ".join(names[terms.indices[places]]))
    return {
        "from_embedding": from_embedding,
        "from_gene_sets": terms.sum(axis=1),
        "evidence": evidence,
    }


def _check(encoder: Any, vectorizer: Any, k: int) -> None:
    check_is_fitted(encoder)
    check_is_fitted(vectorizer)
    if not (hasattr(encoder, "_predict_proba") and hasattr(vectorizer, "vocabulary_")):
        raise TypeError(
            "Expected a GeneSetEncoder and a GmtVectorizer, in this order, got "
            f"{type(encoder).__name__} and {type(vectorizer).__name__}. Of a pipeline "
            "of both, pass pipeline[-1] and pipeline[0]."
        )
    check_scalar(k, "k", Integral, min_val=1)
    n_sets = len(vectorizer.vocabulary_)
    if encoder.n_features_in_ != n_sets:
        raise ValueError(
            f"Expected an encoder fitted on the {n_sets} gene sets of the vectorizer, "
            f"got one fitted on {encoder.n_features_in_}."
        )


def _check_name(name: str, kind: str, vectorizer: Any) -> None:
    if not isinstance(name, str):
        raise TypeError(f"Expected the name of a {kind}, got {name!r}.")
    known, others = list(vectorizer.vocabulary_), list(vectorizer.genes_)
    other = "a gene: use suggest_gene_sets"
    if kind == "gene":
        known, others, other = others, known, "a gene set: use suggest_genes"
    if name in known:
        return
    if name in others:
        raise ValueError(
            f"Expected a {kind} of the collection, got {name!r}, which is {other}."
        )
    near = near_misses(name, known) or ". No name there is close to it."
    raise ValueError(f"Expected a {kind} of the collection, got {name!r}{near}")


def _most_probable(
    probability: NDArray[Any], names: NDArray[Any], members: Iterable[str], k: int
) -> NDArray[np.intp]:
    """Places of the k most probable names that are no members, ties in their order."""
    listed = set(members)
    open_ = np.flatnonzero([name not in listed for name in names])
    return open_[np.argsort(-probability[open_], kind="stable")[:k]]
