"""Genes, vectors and attrs: the data of a GeneEmbedding."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sk_gene2vec._utils._genes import check_order, strip
from sk_gene2vec._utils._messages import counted, near_misses, shown
from sk_gene2vec._utils._vectors import check_vectors, places_of

_UNKNOWN_SHOWN = 5


class GeneVectors:
    """Read-only genes, vectors and attrs, looked up by gene and saved.

    :class:`~sk_gene2vec.GeneEmbedding` documents the parameters and errors.
    """

    def __init__(
        self,
        genes: Iterable[str],
        vectors: ArrayLike,
        attrs: Mapping[str, Any] | None = None,
        n_gene_sets: ArrayLike | None = None,
    ) -> None:
        self._row_of = places_of(genes)
        self._genes = np.array(list(self._row_of), dtype=object)
        if hasattr(vectors, "columns"):
            raise TypeError(
                f"Expected vectors as an array, got a {type(vectors).__name__}, whose "
                "index may disagree with the genes. Use GeneEmbedding.from_frame."
            )
        self._vectors = check_vectors(vectors, self._genes)
        self._genes.flags.writeable = self._vectors.flags.writeable = False
        self._attrs = _checked_attrs(attrs or {})
        self._n_gene_sets = None
        if n_gene_sets is not None:
            self._n_gene_sets = _checked_counts(n_gene_sets, len(self._genes))

    @property
    def genes(self) -> NDArray[np.object_]:
        """Genes in the order of the rows, shape (n_genes,), read-only."""
        return self._genes

    @property
    def vectors(self) -> NDArray[Any]:
        """Vectors, shape (n_genes, n_dimensions), float32 or float64, read-only."""
        return self._vectors

    @property
    def attrs(self) -> Mapping[str, Any]:
        """Origin of the vectors, read-only."""
        return MappingProxyType(self._attrs)

    @property
    def n_gene_sets(self) -> NDArray[np.int64] | None:
        """Number of gene sets of each gene, read-only; None if it is not known."""
        return self._n_gene_sets

    def __len__(self) -> int:
        return len(self._genes)

    def __contains__(self, gene: object) -> bool:
        return gene in self._row_of

    def __iter__(self) -> Iterator[str]:
        return iter(self._row_of)

    def __getitem__(self, genes: str | Iterable[str]) -> NDArray[Any]:
        rows = self._rows(genes)
        vectors: NDArray[Any] = self._vectors[rows]
        return vectors[0] if isinstance(genes, str) else vectors

    def __repr__(self) -> str:
        dimensions = self._vectors.shape[1]
        return f"{type(self).__name__}({len(self)} genes, {dimensions} dimensions)"

    def __getstate__(self) -> dict[str, Any]:
        genes = "\n".join(self._row_of)
        return {
            "genes": genes,
            "vectors": self._vectors,
            "attrs": self._attrs,
            "n_gene_sets": self._n_gene_sets,
        }

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        arguments = {**state, "genes": state["genes"].split("\n")}
        GeneVectors.__init__(self, **arguments)

    def _rows(self, genes: str | Iterable[str]) -> NDArray[np.intp]:
        """Positions of genes, or an error that names those that have no vector."""
        asked = [genes] if isinstance(genes, str) else genes
        check_order(asked)
        asked = list(asked)
        unknown = [gene for gene in asked if gene not in self._row_of]
        if unknown:
            names = shown(map(self._with_near_misses, unknown), _UNKNOWN_SHOWN)
            count = counted(len(unknown), len(asked))
            raise KeyError(f"{count} not in the embedding: {names}")
        return np.array([self._row_of[gene] for gene in asked], dtype=np.intp)

    def _with_near_misses(self, unknown: object) -> str:
        """Quote what is no gene of the embedding, and ask for genes most like it."""
        wanted = strip(str(unknown)).casefold()
        # Of about the same length, with the same first letter: quickly found.
        like = (
            gene
            for gene in self._row_of
            if abs(len(gene) - len(wanted)) < 3 and gene[0].casefold() == wanted[0]
        )
        near = near_misses(wanted, like) if wanted else ""
        return f"{unknown!r} ({near[2:]})" if near else repr(unknown)


def _checked_counts(n_gene_sets: ArrayLike, n_genes: int) -> NDArray[np.int64]:
    counts = np.array(n_gene_sets)
    if counts.shape != (n_genes,) or counts.dtype.kind not in "iu" or counts.min() < 0:
        raise ValueError(
            f"Expected n_gene_sets as {n_genes:,} integers of at least 0, one per "
            f"gene, got an array of shape {counts.shape} and type {counts.dtype}."
        )
    counts = counts.astype(np.int64)
    counts.flags.writeable = False
    return counts


def _checked_attrs(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Copy attrs by way of JSON, so that reading a file gives the same."""
    for key, value in attrs.items():
        if not isinstance(key, str):
            raise TypeError(f"Expected names (str) in attrs, got {key!r}.")
        try:
            json.dumps(value, allow_nan=False)
        except (RecursionError, TypeError, ValueError) as error:
            raise TypeError(
                "Expected text, numbers, lists and dicts of these, as in JSON, in "
                f"attrs[{key!r}], got: {error}."
            ) from error
    copied: dict[str, Any] = json.loads(json.dumps(dict(attrs)))
    return copied
