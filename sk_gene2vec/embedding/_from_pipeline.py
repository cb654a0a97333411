"""Vectors of a fitted pipeline, and attributes that say where they come from."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from sklearn.pipeline import Pipeline

from sk_gene2vec._utils._vectors import places_of
from sk_gene2vec._version import __version__
from sk_gene2vec.encoder._model import embed, memberships_of, steps_of

if TYPE_CHECKING:
    from sk_gene2vec.embedding._embedding import GeneEmbedding
    from sk_gene2vec.encoder import GeneSetEncoder
    from sk_gene2vec.vectorizer import GmtVectorizer


def from_pipeline(
    cls: type[GeneEmbedding], model: Pipeline, genes: Iterable[str] | None = None
) -> GeneEmbedding:
    """Embed genes of a collection.

    Parameters
    ----------
    model : Pipeline
        Fitted pipeline that starts with :class:`~sk_gene2vec.GmtVectorizer` and
        :class:`~sk_gene2vec.GeneSetEncoder`. Further steps are not used.
    genes : iterable of str, default=None
        Genes of the collection. None for all of them, whichever `model` was fitted
        on.

    Returns
    -------
    embedding : GeneEmbedding
        Without the genes that are in no gene set. Its `attrs` have the version of
        this package (`sk_gene2vec`), the `attrs` of the collection (`collection`),
        the numbers of its genes and gene sets in use (`n_genes`, `n_gene_sets`),
        and the encoder's class and parameters (`encoder`, `encoder_params`).

    Raises
    ------
    NotFittedError
        If the pipeline is not fitted.
    TypeError
        If `model` is something else.
    ValueError
        If no gene is in a gene set, or one occurs twice.

    Warns
    -----
    UserWarning
        If genes are in no gene set.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sk_gene2vec import GeneEmbedding, GeneSetEncoder, GmtVectorizer
    >>> sets = {"GLYCOLYSIS": ["HK1", "PKM"], "P53_PATHWAY": ["MDM2", "TP53"]}
    >>> model = make_pipeline(
    ...     GmtVectorizer(sets), GeneSetEncoder(2, random_state=0)
    ... ).fit(["HK1", "MDM2", "PKM", "TP53"])
    >>> embedding = GeneEmbedding.from_pipeline(model)
    >>> embedding.most_similar("TP53", topn=1)[0][0]
    'MDM2'
    >>> embedding.attrs["encoder_params"]["embedding_dim"]
    2
    """
    vectorizer, encoder = steps_of(model)
    chosen = list(places_of(vectorizer.genes_ if genes is None else genes))
    rows = vectorizer.gene_index_.rows_of_list(chosen)
    found = rows < len(vectorizer.genes_)
    chosen = [gene for gene, is_found in zip(chosen, found, strict=True) if is_found]
    X = memberships_of(vectorizer)[rows[found]]
    vectors, attrs = embed(encoder, X), _attrs_of(vectorizer, encoder)
    return cls(chosen, vectors, attrs, np.diff(X.indptr))


def of_gene_sets(cls: type[GeneEmbedding], model: Pipeline) -> GeneEmbedding:
    """Take the vectors of the gene sets of a collection, under their names.

    They are the weights of the output layer, from which the network computes the
    logit of a membership. The result does all that an embedding of genes does:
    ``most_similar("HALLMARK_HYPOXIA")``, maps, files. Where methods say "gene",
    they mean the name of a gene set.

    Parameters
    ----------
    model : Pipeline
        Fitted pipeline that starts with :class:`~sk_gene2vec.GmtVectorizer` and
        :class:`~sk_gene2vec.GeneSetEncoder` without hidden layers. Further steps
        are not used.

    Returns
    -------
    embedding : GeneEmbedding
        Gene sets in the order of the collection, with the `attrs` of
        :meth:`from_pipeline` and ``"vectors_of": "gene sets"``.

    Raises
    ------
    NotFittedError
        If the pipeline is not fitted.
    TypeError
        If `model` is something else.
    ValueError
        If the encoder has hidden layers: gene sets then have no vectors in the space
        of the genes.

    See Also
    --------
    nearest_gene_sets : Gene sets that are near a list of genes.
    group_gene_sets : Near copies, by the genes that they share.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sk_gene2vec import GeneEmbedding, GeneSetEncoder, GmtVectorizer
    >>> sets = {
    ...     "GLYCOLYSIS": ["HK1", "PKM", "LDHA"],
    ...     "WARBURG": ["HK1", "PKM"],
    ...     "P53_PATHWAY": ["MDM2", "TP53"],
    ... }
    >>> model = make_pipeline(
    ...     GmtVectorizer(sets), GeneSetEncoder(2, random_state=0)
    ... ).fit(["HK1", "LDHA", "MDM2", "PKM", "TP53"])
    >>> embedding = GeneEmbedding.of_gene_sets(model)
    >>> embedding.most_similar("WARBURG", topn=1)[0][0]
    'GLYCOLYSIS'
    """
    vectorizer, encoder = steps_of(model)
    if not hasattr(encoder, "gene_set_embedding_"):
        raise ValueError(
            "Expected an encoder without hidden layers, whose output weights are "
            f"vectors of the gene sets, got {len(encoder.coefs_) - 2} hidden layers. "
            "Fit the pipeline with GeneSetEncoder(hidden_layer_sizes=())."
        )
    attrs = _attrs_of(vectorizer, encoder) | {"vectors_of": "gene sets"}
    return cls(vectorizer.get_feature_names_out(), encoder.gene_set_embedding_, attrs)


def _attrs_of(vectorizer: GmtVectorizer, encoder: GeneSetEncoder) -> dict[str, object]:
    """Describe an encoder and its collection."""
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


def _plain(value: object) -> object:
    """Give the value of a parameter as JSON holds it, or else its repr."""
    value = value.item() if isinstance(value, np.generic) else value
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return repr(value)
    return value
