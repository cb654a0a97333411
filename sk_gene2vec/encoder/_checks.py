"""Checks of an encoder and a vectorizer that are used together."""

from __future__ import annotations

from typing import Any

from sklearn.utils.validation import check_is_fitted

from sk_gene2vec._utils._messages import nearest_names


def check_pair(encoder: Any, vectorizer: Any) -> None:
    """Refuse all but a fitted encoder and vectorizer of the same gene sets."""
    check_is_fitted(encoder)
    check_is_fitted(vectorizer)
    if not (hasattr(encoder, "_predict_proba") and hasattr(vectorizer, "vocabulary_")):
        raise TypeError(
            "Expected a GeneSetEncoder and a GmtVectorizer, in this order, got "
            f"{type(encoder).__name__} and {type(vectorizer).__name__}. Of a pipeline "
            "of both, pass pipeline[-1] and pipeline[0]."
        )
    check_same_gene_sets(encoder, vectorizer)


def check_same_gene_sets(encoder: Any, vectorizer: Any) -> None:
    """Refuse an encoder of other gene sets than those of the vectorizer.

    Their names are compared where the encoder was fitted on a DataFrame, else their
    number.
    """
    n_sets = len(vectorizer.vocabulary_)
    n_seen = getattr(encoder, "n_features_in_", n_sets)
    if n_seen != n_sets:
        raise ValueError(
            f"Expected an encoder fitted on the {n_sets} gene sets of the vectorizer, "
            f"got one fitted on {n_seen}."
        )
    names = getattr(encoder, "feature_names_in_", None)
    if names is None:
        return
    for seen, name in zip(names, vectorizer.vocabulary_, strict=True):
        # ColumnTransformer puts a prefix before names.
        if seen != name and not seen.endswith(f"__{name}"):
            raise ValueError(
                "Expected an encoder fitted on the gene sets of the vectorizer, in "
                f"their order, got one fitted on {seen!r} in place of {name!r}."
            )


def check_name(name: str, kind: str, vectorizer: Any) -> None:
    """Refuse what is no name of a "gene" or "gene set" of the collection."""
    if not isinstance(name, str):
        raise TypeError(f"Expected the name of a {kind}, got {name!r}.")
    # Aliases are among the genes, as `transform` finds them too.
    known, others = vectorizer.vocabulary_, vectorizer._index.row_of
    names, other = known, "a gene: use suggest_gene_sets"
    if kind == "gene":
        known, others = others, known
        names, other = vectorizer.genes_, "a gene set: use suggest_genes"
    if name in known:
        return
    if name in others:
        raise ValueError(
            f"Expected a {kind} of the collection, got {name!r}, which is {other}."
        )
    near = nearest_names(name, list(names))
    raise ValueError(f"Expected a {kind} of the collection, got {name!r}{near}")
