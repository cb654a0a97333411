"""GeneEmbedding: genes and their vectors, together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from functools import cached_property
from numbers import Integral
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_scalar

from sk_gene2vec._utils._genes import check_order, strip
from sk_gene2vec._utils._messages import counted, near_misses, shown
from sk_gene2vec._utils._vectors import (
    Vectors,
    check_vectors,
    largest,
    nearest,
    places_of,
    unit_rows,
)
from sk_gene2vec.embedding import _folders, _gensim, _interop, _text_formats
from sk_gene2vec.embedding._attrs import checked_attrs
from sk_gene2vec.embedding._from_gene_sets import from_gene_sets
from sk_gene2vec.embedding._from_pipeline import from_pipeline, of_gene_sets

if TYPE_CHECKING:
    import pandas as pd


class GeneEmbedding:
    """Genes and their vectors: look up, compare, save and open in other tools.

    It works like gensim's KeyedVectors: ``embedding["TP53"]`` is the vector of a gene,
    ``embedding[["TP53", "MDM2"]]`` has one row per gene, ``"TP53" in embedding`` and
    ``len(embedding)`` do as for a dict, and iteration is over the genes.

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
        `vectors` is a DataFrame; if `attrs` is not a mapping, or JSON cannot hold an
        entry of it.
    ValueError
        If there are no genes; if a gene is missing, empty, occurs twice, has tabs, line
        breaks, NUL or lone surrogates, or begins with a byte order mark; if not every
        gene has one row of finite numbers; if `n_gene_sets` is not one count per gene.

    See Also
    --------
    GeneEmbedding.from_pipeline : From a fitted pipeline.

    Notes
    -----
    The similarity of two genes is the cosine of the angle between their vectors; a
    vector of zeros has similarity 0 with everything.

    Nothing in an embedding changes. Two embeddings are equal if their genes, in order,
    their vectors with the dtype, their `attrs` and their `n_gene_sets` are.

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

    def __init__(
        self,
        genes: Iterable[str],
        vectors: ArrayLike | None = None,
        attrs: Mapping[str, object] | None = None,
        n_gene_sets: ArrayLike | None = None,
    ) -> None:
        if vectors is None or hasattr(vectors, "columns"):
            raise TypeError(
                "Expected genes and an array of vectors, got "
                f"{type(genes).__name__} and {type(vectors).__name__}. For a DataFrame "
                "with the genes in its index, use GeneEmbedding.from_frame(frame); for "
                "a dict d of vectors, GeneEmbedding(list(d), list(d.values()))."
            )
        self._row_of = places_of(genes)
        self._genes = np.array(list(self._row_of), dtype=object)
        self._vectors = check_vectors(vectors, self._genes)
        self._genes.flags.writeable = self._vectors.flags.writeable = False
        self._attrs = checked_attrs(attrs or {})
        self._n_gene_sets = None
        if n_gene_sets is not None:
            self._n_gene_sets = _checked_counts(n_gene_sets, len(self._genes))

    # Every other way in or out is a function of the module that knows the format.
    from_pipeline = classmethod(from_pipeline)
    of_gene_sets = classmethod(of_gene_sets)
    from_gene_sets = classmethod(from_gene_sets)
    to_frame = _interop.to_frame
    from_frame = classmethod(_interop.from_frame)
    to_anndata = _interop.to_anndata
    from_anndata = classmethod(_interop.from_anndata)
    to_word2vec = _text_formats.to_word2vec
    from_word2vec = classmethod(_text_formats.from_word2vec)
    to_folder = _folders.to_folder
    from_folder = classmethod(_folders.from_folder)
    n_similarity = _gensim.n_similarity
    doesnt_match = _gensim.doesnt_match

    @property
    def genes(self) -> NDArray[np.object_]:
        """Genes in the order of the rows, shape (n_genes,), read-only."""
        return self._genes

    @property
    def vectors(self) -> Vectors:
        """Vectors, shape (n_genes, n_dimensions), float32 or float64, read-only.

        ``torch.tensor(embedding.vectors)`` copies them. ``torch.from_numpy`` would
        share their memory, and PyTorch does not respect that they are read-only.
        """
        return self._vectors

    @property
    def attrs(self) -> Mapping[str, Any]:
        """Origin of the vectors: a copy, so that changes do not reach the embedding."""
        return MappingProxyType(deepcopy(self._attrs))

    @property
    def n_gene_sets(self) -> NDArray[np.int64] | None:
        """Number of gene sets of each gene, read-only; None if it is not known."""
        return self._n_gene_sets

    @property
    def key_to_index(self) -> dict[str, int]:
        """Row of each gene, as in gensim; a copy."""
        return dict(self._row_of)

    def get_vector(self, gene: str) -> Vectors:
        """Vector of a gene, as in gensim; the same as ``embedding[gene]``.

        Parameters
        ----------
        gene : str
            The gene.

        Returns
        -------
        vector : ndarray of shape (n_dimensions,)
            A copy.

        Raises
        ------
        KeyError
            If the gene has no vector.
        """
        return self[gene]

    def similarity(self, gene: str, other: str) -> float:
        """Return the cosine similarity of two genes.

        Parameters
        ----------
        gene, other : str
            The genes.

        Returns
        -------
        similarity : float
            From -1 to 1, apart from rounding.

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
            genes. The genes of `positive` and `negative` are left out.

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
        """Find the genes most similar to each of many genes.

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
            known, a fourth column of this name has the number of each neighbor: the
            vector of a gene in one or two sets is close to the vectors of all other
            genes there, so a high similarity means little.

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
        columns: dict[str, ArrayLike] = {
            "gene": self._genes[np.repeat(queries, k)],
            "neighbor": self._genes[best.ravel()],
            "similarity": cosines.ravel(),
        }
        if self.n_gene_sets is not None:
            columns["n_gene_sets"] = self.n_gene_sets[best.ravel()]
        return pd.DataFrame(columns)

    def __len__(self) -> int:
        return len(self._genes)

    def __contains__(self, gene: object) -> bool:
        return gene in self._row_of

    def __iter__(self) -> Iterator[str]:
        return iter(self._row_of)

    def __getitem__(self, genes: str | Iterable[str]) -> Vectors:
        vectors = self._vectors[self._rows(genes)]
        return vectors[0] if isinstance(genes, str) else vectors

    # Python makes a class with equality and without a hash unhashable.
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, GeneEmbedding):
            return NotImplemented
        return (
            list(self) == list(other)
            and self._attrs == other._attrs
            and self._vectors.dtype == other._vectors.dtype
            and np.array_equal(self._vectors, other._vectors)
            and np.array_equal(
                np.array(self._n_gene_sets), np.array(other._n_gene_sets)
            )
        )

    def __repr__(self) -> str:
        dimensions = self._vectors.shape[1]
        return f"{type(self).__name__}({len(self)} genes, {dimensions} dimensions)"

    def __getstate__(self) -> dict[str, object]:
        return {
            "genes": "\n".join(self._row_of),
            "vectors": self._vectors,
            "attrs": self._attrs,
            "n_gene_sets": self._n_gene_sets,
        }

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        arguments = {**state, "genes": state["genes"].split("\n")}
        GeneEmbedding.__init__(self, **arguments)

    @cached_property
    def _units(self) -> Vectors:
        return unit_rows(self._vectors)

    def _rows(self, genes: str | Iterable[str]) -> NDArray[np.intp]:
        """Find the rows of genes, or raise an error that names unknown genes."""
        asked = [genes] if isinstance(genes, str) else genes
        check_order(asked)
        asked = list(asked)
        unknown = [gene for gene in asked if gene not in self._row_of]
        if unknown:
            names = (_with_near_misses(gene, self._row_of) for gene in unknown)
            count = counted(len(unknown), len(asked))
            raise KeyError(f"{count} not in the embedding: {shown(names, 5)}")
        return np.array([self._row_of[gene] for gene in asked], dtype=np.intp)


def _with_near_misses(unknown: object, genes: Iterable[str]) -> str:
    """Quote an unknown gene, and ask for the genes most like it."""
    wanted = strip(str(unknown)).casefold()
    # Only genes of about the same length with the same first letter: quickly found.
    like = (gene for gene in genes if abs(len(gene) - len(wanted)) < 3)
    near = near_misses(wanted, (x for x in like if x[0].casefold() == wanted[:1]))
    return f"{unknown!r} ({near[2:]})" if near else repr(unknown)


def _checked_counts(n_gene_sets: ArrayLike, n_genes: int) -> NDArray[np.int64]:
    given = np.array(n_gene_sets)
    is_whole = given.shape == (n_genes,) and given.dtype.kind in "iu"
    # Larger numbers than int64 holds become negative.
    counts = given.astype(np.int64) if is_whole else np.array([-1])
    if counts.min() < 0:
        raise ValueError(
            f"Expected n_gene_sets as {n_genes:,} integers of at least 0, one per "
            f"gene, got an array of shape {given.shape} and type {given.dtype}."
        )
    counts.flags.writeable = False
    return counts
