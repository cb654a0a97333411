"""GeneEmbedding: genes and their vectors, together."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from numbers import Integral
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_scalar

from sk_gene2vec._utils._vectors import largest, nearest, unit_rows
from sk_gene2vec.embedding._exports import Exports
from sk_gene2vec.embedding._from_encoder import attrs_of, embed_genes
from sk_gene2vec.embedding._from_gene_sets import from_gene_sets
from sk_gene2vec.encoder import GeneSetEncoder
from sk_gene2vec.encoder._model import steps_of

if TYPE_CHECKING:
    import pandas as pd


class GeneEmbedding(Exports):
    """Genes and their vectors: look up, compare, save and open in other tools.

    Reads like gensim's KeyedVectors. ``embedding["TP53"]`` is the vector of a gene,
    ``embedding[["TP53", "MDM2"]]`` has one row a gene, ``"TP53" in embedding`` and
    ``len(embedding)`` are what they seem, and iteration is over the genes.

    Parameters
    ----------
    genes : iterable of str, length n_genes
        Gene identifiers, each once.
    vectors : array-like of shape (n_genes, n_dimensions)
        The vector of each gene. Copied; float32 stays, other numbers become float64.
    attrs : mapping of str to JSON values, default=None
        Origin of the vectors: text, numbers, lists and dicts of these.
    n_gene_sets : array-like of int of shape (n_genes,), default=None
        Number of gene sets that each vector was learned from. Pickles and folders keep
        it; other formats have no place for it.

    Raises
    ------
    KeyError
        From ``embedding[...]``, if a gene has no vector.
    TypeError
        If `genes` are a bare `str`, a set or a mapping; if a gene is not a `str`; if
        `vectors` is a DataFrame; if JSON cannot hold an entry of `attrs`.
    ValueError
        If there are no genes; if a gene is missing, empty, occurs twice, has tabs, line
        breaks, NUL or lone surrogates, or begins with a byte order mark; if not every
        gene has one row of finite numbers.

    See Also
    --------
    GeneEmbedding.from_pipeline : From a fitted pipeline.

    Notes
    -----
    The similarity of two genes is the cosine of the angle between their vectors; a
    vector of zeros has similarity 0 with everything.

    Examples
    --------
    >>> from sk_gene2vec import GeneEmbedding
    >>> embedding = GeneEmbedding(["HK1", "PKM", "TP53"], [[2, 0], [3, 1], [0, 1]])
    >>> embedding
    GeneEmbedding(3 genes, 2 dimensions)
    >>> embedding["PKM"]
    array([3., 1.])
    >>> embedding.most_similar("HK1", topn=1)[0][0]
    'PKM'
    """

    @classmethod
    def from_pipeline(
        cls, model: Pipeline, genes: Iterable[str] | None = None
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
        chosen, vectors, counts = embed_genes(model, genes)
        return cls(chosen, vectors, attrs_of(model), counts)

    @classmethod
    def of_gene_sets(cls, model: Pipeline) -> GeneEmbedding:
        """Take the vectors of the gene sets of a collection, under their names.

        They are the weights of the output layer, from which the network computes the
        logit of a membership. All that an embedding of genes can do, this one can:
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
        AttributeError
            If the encoder has hidden layers.
        NotFittedError
            If the pipeline is not fitted.
        TypeError
            If `model` is something else.

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
        vectors, names = encoder.gene_set_embedding_, vectorizer.get_feature_names_out()
        return cls(names, vectors, attrs_of(model) | {"vectors_of": "gene sets"})

    @classmethod
    def from_gene_sets(
        cls,
        gene_sets: Any = None,
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
        ImportError
            If pooch, which knows the user's cache folder, is needed and not installed.
        ValueError
            If `random_state` of the encoder is not an int, if it has callbacks, or as
            `fit` raises it.
        OSError
            If the collection cannot be read, or the cache not be written.

        Warns
        -----
        UserWarning
            If what the cache holds is damaged: it is learned again.

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
        found: GeneEmbedding = from_gene_sets(
            cls, gene_sets, encoder, evaluate, data_home
        )
        return found

    def similarity(self, gene: str, other: str) -> float:
        """Return the cosine similarity of two genes.

        Parameters
        ----------
        gene, other : str
            The genes.

        Returns
        -------
        similarity : float
            From -1 to 1, but for rounding.

        Raises
        ------
        KeyError
            If a gene has no vector.
        """
        first, second = self._units[self._rows([gene, other])]
        return float(first @ second)

    def most_similar(
        self,
        positive: str | Iterable[str],
        negative: str | Iterable[str] | None = None,
        topn: int = 10,
    ) -> list[tuple[str, float]]:
        """Find the genes most similar to one gene, or to the mean of several.

        Parameters
        ----------
        positive : str or iterable of str
            Genes to be similar to.
        negative : str or iterable of str, default=None
            Genes to be unlike: their vectors are subtracted.
        topn : int, default=10
            Number of genes; fewer if the embedding has fewer.

        Returns
        -------
        genes : list of (str, float)
            Genes and similarities, the most similar first, ties in the order of the
            genes. Those of `positive` and `negative` are not among them.

        Raises
        ------
        KeyError
            If a gene has no vector.
        ValueError
            If no gene is given, or if `topn` is below 1.

        See Also
        --------
        neighbors : The same for many genes, each on its own, with the number of gene
            sets of each neighbor.

        Notes
        -----
        As in gensim, vectors are scaled to unit length before their mean is taken.

        Examples
        --------
        >>> from sk_gene2vec import GeneEmbedding
        >>> genes = ["HK1", "PKM", "TP53", "MDM2"]
        >>> embedding = GeneEmbedding(genes, [[2, 0], [3, 1], [0, 1], [1, 3]])
        >>> [gene for gene, _ in embedding.most_similar(["HK1", "TP53"], topn=2)]
        ['PKM', 'MDM2']
        >>> embedding.most_similar("PKM", negative="TP53", topn=1)[0][0]
        'HK1'
        """
        check_scalar(topn, "topn", Integral, min_val=1)
        plus = self._rows(positive)
        minus = self._rows([] if negative is None else negative)
        inputs = np.concatenate([plus, minus])
        if not len(inputs):
            raise ValueError("Expected at least one gene to compare with, got none.")
        direction = self._units[plus].sum(axis=0) - self._units[minus].sum(axis=0)
        similarity = unit_rows(direction[np.newaxis]) @ self._units.T
        similarity[0, inputs] = -np.inf
        k = min(topn, len(self) - len(np.unique(inputs)))
        best = largest(similarity, k)[0]
        genes = self._genes[best].tolist()
        return list(zip(genes, similarity[0, best].tolist(), strict=True))

    def neighbors(
        self, genes: str | Iterable[str] | None = None, topn: int = 10
    ) -> pd.DataFrame:
        """Find the genes most similar to each of many genes, in one go.

        Parameters
        ----------
        genes : str or iterable of str, default=None
            Genes to find neighbors of, each on its own. None for all genes.
        topn : int, default=10
            Number of neighbors of each gene; fewer if the embedding has fewer genes.

        Returns
        -------
        DataFrame of shape (n_queries * topn, 3) or (n_queries * topn, 4)
            Columns `gene`, `neighbor` and `similarity`: the genes in the order given,
            the neighbors of each as `most_similar` ranks them. If `n_gene_sets` is
            known, a fourth column of this name has that of the neighbor: the vector of
            a gene in one or two sets is close to those of all other genes there, so a
            high similarity means little.

        Raises
        ------
        KeyError
            If a gene has no vector.
        ValueError
            If `topn` is below 1.

        Examples
        --------
        >>> from sk_gene2vec import GeneEmbedding
        >>> genes = ["HK1", "PKM", "TP53", "MDM2"]
        >>> embedding = GeneEmbedding(genes, [[2, 0], [3, 1], [0, 1], [1, 3]])
        >>> embedding.neighbors(["HK1", "TP53"], topn=1).round(2)
           gene neighbor  similarity
        0   HK1      PKM        0.95
        1  TP53     MDM2        0.95
        """
        import pandas as pd

        check_scalar(topn, "topn", Integral, min_val=1)
        queries = self._rows(self._genes if genes is None else genes)
        k = min(topn, len(self) - 1)
        best, cosines = nearest(self._units, queries, k)
        columns = {
            "gene": self._genes[np.repeat(queries, k)],
            "neighbor": self._genes[best.ravel()],
            "similarity": cosines.ravel(),
        }
        if self.n_gene_sets is not None:
            columns["n_gene_sets"] = self.n_gene_sets[best.ravel()]
        return pd.DataFrame(columns)

    @cached_property
    def _units(self) -> NDArray[Any]:
        return unit_rows(self._vectors)
