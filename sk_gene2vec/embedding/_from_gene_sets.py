"""From a collection to vectors in one call, kept in the cache."""

from __future__ import annotations

import json
from hashlib import sha256
from numbers import Integral
from os import PathLike
from typing import TYPE_CHECKING

import scipy.sparse as sp
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sk_gene2vec._utils._messages import warn
from sk_gene2vec._version import __version__
from sk_gene2vec.datasets import load_go_bp
from sk_gene2vec.datasets._cache import cache_folder, check_writable
from sk_gene2vec.encoder import GeneSetEncoder
from sk_gene2vec.gene_sets import GeneSets
from sk_gene2vec.gene_sets._sources import Sources, resolve_gene_sets
from sk_gene2vec.metrics import held_out_membership_scores, split_memberships
from sk_gene2vec.vectorizer import GmtVectorizer

if TYPE_CHECKING:
    from sk_gene2vec.embedding._embedding import GeneEmbedding

# Parameters on which vectors do not depend, or should not.
_FREE_PARAMETERS = {"completeness", "device", "verbose", "warm_start"}


def from_gene_sets(
    cls: type[GeneEmbedding],
    gene_sets: Sources | None = None,
    *,
    encoder: GeneSetEncoder | None = None,
    evaluate: bool = False,
    data_home: str | PathLike[str] | None = None,
) -> GeneEmbedding:
    """Learn the vectors of a collection, or take them from the cache.

    The second call with the same gene sets, parameters and version of this package
    needs no training.

    Parameters
    ----------
    gene_sets : path, mapping, DataFrame, list of these or None, default=None
        The collection, as for :class:`~sk_gene2vec.GmtVectorizer`.
    encoder : GeneSetEncoder, default=None
        With the parameters to train with, an int as `random_state`, and no
        callbacks; it is not fitted itself. None for
        ``GeneSetEncoder(random_state=0)``.
    evaluate : bool, default=False
        If True, a second fit on nine tenths of the memberships is scored by its
        ranking of the rest (`attrs["held_out_scores"]`).
    data_home : path, default=None
        Folder of the cache. None for the environment variable `SK_GENE2VEC_DATA`,
        or else the user's cache folder.

    Returns
    -------
    embedding : GeneEmbedding
        Of all genes of the collection, with the `attrs` of :meth:`from_pipeline`.

    Raises
    ------
    ValueError
        If `random_state` of the encoder is not an int, if it has callbacks, or as
        `fit` raises it.
    OSError
        If the collection cannot be read, or the cache not be written.

    Warns
    -----
    UserWarning
        If the cached vectors are damaged: training starts again.

    Examples
    --------
    >>> import tempfile
    >>> from sk_gene2vec import GeneEmbedding, GeneSetEncoder
    >>> sets = {"GLYCOLYSIS": ["HK1", "PKM"], "P53_PATHWAY": ["MDM2", "TP53"]}
    >>> encoder = GeneSetEncoder(2, random_state=0)
    >>> with tempfile.TemporaryDirectory() as cache:
    ...     GeneEmbedding.from_gene_sets(sets, encoder=encoder, data_home=cache)
    GeneEmbedding(4 genes, 2 dimensions)
    """
    encoder = clone(encoder or GeneSetEncoder(random_state=0))
    if encoder.callbacks or not isinstance(encoder.random_state, Integral):
        raise ValueError(
            "Expected an encoder with an int as random_state and without callbacks, "
            f"got random_state={encoder.random_state!r} and "
            f"callbacks={encoder.callbacks!r}: only vectors that the same call would "
            "learn again are kept."
        )
    encoder.set_params(random_state=int(encoder.random_state))
    given = load_go_bp() if gene_sets is None else gene_sets
    collection = resolve_gene_sets(given, prefix_names=False)
    digest = _digest(collection, encoder, evaluate)
    folder = cache_folder(data_home) / "embeddings" / digest
    if folder.exists():
        try:
            return cls.from_folder(folder)
        except (OSError, ValueError) as error:
            warn(f"Could not read the cached vectors; training again: {error}")
    check_writable(folder.parent)  # before the training
    model = make_pipeline(GmtVectorizer(collection), encoder)
    found = cls.from_pipeline(model.fit(collection.genes))
    if evaluate:
        scores = _held_out_scores(encoder, model[0].transform(collection.genes))
        attrs = {**found.attrs, "held_out_scores": scores}
        found = cls(found.genes, found.vectors, attrs, found.n_gene_sets)
    found.to_folder(folder)
    return found


def _digest(gene_sets: GeneSets, encoder: GeneSetEncoder, evaluate: bool) -> str:
    """Name what vectors depend on: gene sets, parameters and version."""
    params = encoder.get_params(deep=False)
    kept = {name: repr(params[name]) for name in params.keys() - _FREE_PARAMETERS}
    sets = [[name, sorted(genes)] for name, genes in gene_sets.items()]
    parts = [__version__, dict(gene_sets.attrs), sets, kept, evaluate]
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def _held_out_scores(encoder: GeneSetEncoder, X: sp.csr_array) -> dict[str, float]:
    """Score a fit on nine tenths of the memberships on the last tenth."""
    visible, hidden = split_memberships(X, random_state=0)
    return held_out_membership_scores(
        clone(encoder).fit(visible),
        visible,
        hidden,
        metrics=["ndcg@100", "recall@20", "auroc"],
        n_genes=2000,
        random_state=0,
    )
