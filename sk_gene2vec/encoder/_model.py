"""The fitted pipeline that functions on genes and gene sets take."""

from __future__ import annotations

from collections.abc import Container, Iterable

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sk_gene2vec._utils._descriptions import telling
from sk_gene2vec._utils._genes import check_genes
from sk_gene2vec._utils._memberships import as_memberships
from sk_gene2vec._utils._messages import nearest_names, shown
from sk_gene2vec._utils._typing import Array
from sk_gene2vec.encoder._encoder import GeneSetEncoder
from sk_gene2vec.vectorizer import GmtVectorizer


def steps_of(model: Pipeline) -> tuple[GmtVectorizer, GeneSetEncoder]:
    """Take vectorizer and encoder from a fitted pipeline that starts with both.

    Raises
    ------
    TypeError
        If `model` is not such a pipeline.
    sklearn.exceptions.NotFittedError
        If the pipeline is not fitted.
    ValueError
        If its steps were fitted on different gene sets.
    """
    steps = [step for _, step in model.steps] if isinstance(model, Pipeline) else []
    match steps:
        case [GmtVectorizer() as vectorizer, GeneSetEncoder() as encoder, *_]:
            check_is_fitted(vectorizer)
            check_is_fitted(encoder)
            _check_same_gene_sets(vectorizer, encoder)
            return vectorizer, encoder
    if hasattr(model, "best_estimator_"):
        raise TypeError(
            "Expected a fitted pipeline, got a search. Pass its best_estimator_."
        )
    got = " -> ".join(type(step).__name__ for step in steps) or type(model).__name__
    raise TypeError(
        "Expected a fitted pipeline that starts with GmtVectorizer and GeneSetEncoder, "
        f"got {got}. Make one: model = make_pipeline(GmtVectorizer(gene_sets), "
        "GeneSetEncoder()).fit(genes)."
    )


def memberships_of(vectorizer: GmtVectorizer) -> sp.csr_array:
    """Return the memberships of all genes of the collection, in `genes_` order."""
    return as_memberships(vectorizer.membership_)


def embed(encoder: GeneSetEncoder, X: sp.csr_array) -> Array:
    """Embed rows of the collection's matrix, whatever the encoder calls its columns."""
    encoder._warn_of_zeros(X)
    return encoder._embed(X)


def row_of(gene: str, vectorizer: GmtVectorizer) -> int:
    """Find a gene of the collection by its name or an alias."""
    names, sets = vectorizer.genes_, vectorizer.vocabulary_
    if isinstance(gene, str):
        row = int(vectorizer.gene_index_.rows([gene])[0])
        if row < len(names):
            return row
    raise _not_found(gene, "gene", names, sets, "a gene set: use suggest_genes")


def column_of(gene_set: str, vectorizer: GmtVectorizer) -> int:
    """Find a gene set of the collection by its name, or by a description of its own."""
    columns, aliases = vectorizer.vocabulary_, vectorizer.gene_index_.row_of
    if isinstance(gene_set, str):
        texts, wanted = vectorizer.gene_sets_.descriptions, gene_set.casefold()
        called = [name for name, text in texts.items() if text.casefold() == wanted]
        if gene_set in columns:
            called = [gene_set]
        if len(called) == 1:
            return columns[called[0]]
        if called:
            several = f"{gene_set!r} describes {shown(map(repr, called), 3)}"
            raise ValueError(f"Expected the name of one gene set: {several}.")
    # Aliases are among the genes, as `transform` finds them too.
    other = "a gene: use suggest_gene_sets"
    raise _not_found(gene_set, "gene set", columns, aliases, other)


def described(
    names: Iterable[str], vectorizer: GmtVectorizer
) -> dict[str, NDArray[np.object_]]:
    """Column with the descriptions of gene sets, if the collection has telling ones."""
    texts = telling(vectorizer.gene_sets_.descriptions)
    column = np.array([texts.get(name, "") for name in names], dtype=object)
    return {"description": column} if texts else {}


def columns_among(
    among: str | Iterable[str] | None, vectorizer: GmtVectorizer
) -> NDArray[np.bool_]:
    """Mark the gene sets that start with a prefix, or are in a list; None is all."""
    names = vectorizer.get_feature_names_out()
    if among is None:
        return np.ones(len(names), dtype=bool)
    if isinstance(among, str):
        chosen = np.array([name.startswith(among) for name in names])
        wanted = f"names that start with {among!r}"
    else:
        # An array of text would give every name the length of the longest.
        listed = set(names_of(among, "names in `among`"))
        chosen = np.array([name in listed for name in names])
        wanted = "one of the names in `among`"
    if not chosen.any():
        raise ValueError(
            f"Expected gene sets of the collection with {wanted}, got none. Its names "
            f"look like {names[0]!r}."
        )
    return chosen


def rows_among(
    among: Iterable[str] | None, vectorizer: GmtVectorizer
) -> NDArray[np.bool_]:
    """Mark the genes of a list, such as those that were measured; None is all."""
    chosen = np.ones(len(vectorizer.genes_) + 1, dtype=bool)
    if among is not None:
        chosen[:] = False
        chosen[vectorizer.gene_index_.rows(names_of(among, "genes in `among`"))] = True
    if not chosen[:-1].any():
        raise ValueError(
            "Expected genes of the collection in `among`, got none; "
            "GmtVectorizer.lookup shows how each was found."
        )
    return chosen[:-1]


def names_of(given: Iterable[str], what: str = "genes") -> list[str]:
    """List names whose order does not matter; they may come as a set."""
    is_set = isinstance(given, set | frozenset)
    return check_genes(sorted(given, key=str) if is_set else given, what)


def _not_found(
    name: object, kind: str, names: Iterable[str], others: Container[str], other: str
) -> TypeError | ValueError:
    """Say that a name is not that of a "gene" or "gene set" of the collection."""
    if not isinstance(name, str):
        return TypeError(f"Expected the name of a {kind}, got {name!r}.")
    hint = f", which is {other}." if name in others else nearest_names(name, names)
    return ValueError(f"Expected a {kind} of the collection, got {name!r}{hint}")


def _check_same_gene_sets(vectorizer: GmtVectorizer, encoder: GeneSetEncoder) -> None:
    """Compare the names of the gene sets if the encoder has them, else the number."""
    names = list(vectorizer.vocabulary_)
    seen = list(getattr(encoder, "feature_names_in_", names))
    if encoder.n_features_in_ != len(names) or seen != names:
        raise ValueError(
            f"Expected an encoder fitted on the {len(names)} gene sets of the "
            f"vectorizer, in their order, got one fitted on {encoder.n_features_in_} "
            "gene sets that are not the same. Fit the pipeline as a whole."
        )
