"""Checks of the state of a saved vectorizer: a file may hold anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from sk_gene2vec._utils._genes import check_text
from sk_gene2vec.gene_sets import GeneSets
from sk_gene2vec.identifiers._index import GeneIndex
from sk_gene2vec.vectorizer._matrix import checked_dtype

#: Attributes that follow from `gene_sets_`, and are not saved.
DERIVED = ("gene_index_", "genes_", "membership_", "vocabulary_")


def checked_state(
    state: Mapping[str, Any], methods: Iterable[str]
) -> tuple[GeneSets, GeneIndex, str] | None:
    """Check a state; return the collection, its index and the dtype, if it is fitted.

    Raises
    ------
    ValueError
        If something is missing, too much, or of another type.
    """
    try:
        if wrong := state.keys() & {*DERIVED, *methods}:
            raise ValueError(f"it has {sorted(wrong)}")
        if not any(name.endswith("_") for name in state):
            return None
        collection, unknown = state["gene_sets_"], state["unknown_genes_"]
        aliases, dtype, *others = state["_fitted"]
        for value, kind in (
            (collection, GeneSets),
            (aliases, dict),
            (dtype, str),
            (unknown, np.ndarray),
        ):
            if not isinstance(value, kind):
                raise TypeError(f"{type(value).__name__} in place of {kind.__name__}")
        check_text(list(unknown), "unknown_genes_")
        checked_dtype(dtype)
        return collection, GeneIndex(collection.genes, aliases, *others), dtype
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"Expected a saved GmtVectorizer, got a damaged file: {error}. Fit and "
            "save the vectorizer again."
        ) from error
