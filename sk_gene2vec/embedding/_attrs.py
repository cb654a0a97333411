"""Attributes of vectors that say where they come from."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from sk_gene2vec._version import __version__


def attrs_of(encoder: Any, vectorizer: Any) -> dict[str, Any]:
    """Describe an encoder and its collection."""
    described = encoder[-1] if isinstance(encoder, Pipeline) else encoder
    return {
        "sk_gene2vec": __version__,
        "collection": dict(vectorizer.gene_sets_.attrs),
        "n_genes": len(vectorizer.genes_),
        "n_gene_sets": len(vectorizer.vocabulary_),
        "encoder": type(described).__name__,
        "encoder_params": {
            name: _plain(value)
            for name, value in described.get_params(deep=False).items()
        },
    }


def _plain(value: Any) -> Any:
    """Give the value of a parameter as JSON holds it, or else its repr."""
    value = value.item() if isinstance(value, np.generic) else value
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return repr(value)
    return value
