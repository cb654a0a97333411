"""Vectors of a fitted pipeline, and attributes that say where they come from."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from sk_gene2vec._utils._vectors import places_of
from sk_gene2vec._version import __version__
from sk_gene2vec.encoder._model import memberships_of, steps_of


def embed_genes(
    model: Pipeline, genes: Iterable[str] | None
) -> tuple[list[str], NDArray[Any], NDArray[np.int64]]:
    """Embed genes of the collection, all by default; those in no gene set are left out.

    Returns
    -------
    genes : list of str
        Genes that have a vector.
    vectors : ndarray of shape (n_genes, n_dimensions)
        Their vectors.
    n_gene_sets : ndarray of shape (n_genes,)
        Number of gene sets of each.
    """
    vectorizer, encoder = steps_of(model)
    chosen = list(places_of(vectorizer.genes_ if genes is None else genes))
    _, missing = vectorizer._look_up_some(chosen)
    left_out = set(missing)
    chosen = [gene for gene in chosen if gene not in left_out]
    with warnings.catch_warnings():
        # Columns without names where the encoder knows names, or the reverse.
        warnings.filterwarnings("ignore", "X (has|does not have valid) feature")
        vectors = np.asarray(encoder.transform(vectorizer.transform(chosen)))
    n_gene_sets = np.diff(memberships_of(vectorizer).indptr)
    return chosen, vectors, n_gene_sets[vectorizer._index.rows(chosen)]


def attrs_of(model: Pipeline) -> dict[str, Any]:
    """Describe an encoder and its collection."""
    vectorizer, encoder = steps_of(model)
    return {
        "sk_gene2vec": __version__,
        "collection": dict(vectorizer.gene_sets_.attrs),
        "n_genes": len(vectorizer.genes_),
        "n_gene_sets": len(vectorizer.vocabulary_),
        "encoder": type(encoder).__name__,
        "encoder_params": {
            name: _plain(value)
            for name, value in encoder.get_params(deep=False).items()
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
