"""One collection, and its matrix, from one or several sources of gene sets."""

import math
import os
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from sk_gene2vec._utils._messages import excerpt
from sk_gene2vec.gene_sets._formats import read_gene_sets
from sk_gene2vec.gene_sets._gene_sets import GeneSets
from sk_gene2vec.gene_sets._parsing import Frame

_Source: TypeAlias = str | os.PathLike[str] | Mapping[str, Iterable[str]] | Frame
Sources: TypeAlias = _Source | Iterable[_Source]


def resolve_gene_sets(gene_sets: Sources, *, prefix_names: bool) -> GeneSets:
    """Build the collection of `GmtVectorizer(gene_sets, prefix_names=...)`."""
    if not _is_collection(gene_sets):
        return _joined(gene_sets, prefix_names=prefix_names)
    return _joined([gene_sets], prefix_names=True) if prefix_names else _read(gene_sets)


def select_by_size(
    gene_sets: GeneSets, min_size: int | None, max_size: int | None
) -> GeneSets:
    """Leave out gene sets that are too small or too large; some genes must remain."""
    low = 0 if min_size is None else min_size
    high = math.inf if max_size is None else max_size
    sizes = [len(genes) for genes in gene_sets.values()]
    kept = {name: g for name, g in gene_sets.items() if low <= len(g) <= high}
    if not kept:
        raise ValueError(
            f"Expected gene sets with min_size={min_size} to max_size={max_size} "
            f"genes, got {len(sizes)} with {min(sizes)} to {max(sizes)}."
        )
    if not any(kept.values()):
        raise ValueError(f"Expected genes, got {len(kept)} gene sets without any.")
    if len(kept) == len(gene_sets):
        return gene_sets
    return GeneSets._trusted(kept, gene_sets.descriptions, gene_sets.attrs)


def membership_matrix(
    gene_sets: GeneSets, row_of: dict[str, int], dtype: npt.DTypeLike
) -> sp.csr_matrix:
    """Build the matrix of genes x gene sets; its last row is for unknown genes.

    Raises
    ------
    TypeError
        If `dtype` is not a dtype, or SciPy does not have matrices of it.
    """
    starts = np.cumsum([0, *map(len, gene_sets.values())])
    members = chain.from_iterable(gene_sets.values())
    rows = np.fromiter(map(row_of.__getitem__, members), np.int64, count=starts[-1])
    shape = len(gene_sets.genes) + 1, len(gene_sets)
    try:
        ones = np.ones(len(rows), dtype=dtype)
        return sp.csc_matrix((ones, rows, starts), shape=shape).tocsr()
    except TypeError as error:
        raise TypeError(
            f"Expected dtype of numbers, such as numpy.float32, got {dtype!r}."
        ) from error


def _is_collection(given: object) -> TypeGuard[_Source]:
    return isinstance(given, str | os.PathLike | Mapping | Frame)


def _read(source: _Source) -> GeneSets:
    if isinstance(source, GeneSets):
        return source
    return GeneSets(source) if isinstance(source, Mapping) else read_gene_sets(source)


def _joined(collections: object, *, prefix_names: bool) -> GeneSets:
    if not isinstance(collections, Iterable) or hasattr(collections, "read"):
        raise TypeError(
            "Expected a path, mapping, DataFrame or a list of these as gene_sets, got "
            f"{excerpt(collections)}. read_gene_sets takes open files."
        )
    sets: dict[str, tuple[str, ...]] = {}
    descriptions: dict[str, str] = {}
    origin_of: dict[str, str] = {}
    names: list[str | None] = []
    for place, given in enumerate(collections):
        if not _is_collection(given):
            raise TypeError(
                "Expected paths, mappings or DataFrames as gene_sets, got "
                f"{excerpt(given)} among them."
            )
        gene_sets = _read(given)
        known_as = gene_sets.attrs.get("name")
        if prefix_names and known_as is None:
            raise ValueError(
                "Expected collections with names for prefix_names=True, got one at "
                f"position {place} without a name. Give a path, or set the name: "
                "GeneSets(..., attrs={'name': '...'})."
            )
        origin = known_as or f"number {place}"
        if isinstance(given, str | os.PathLike):
            origin = os.fspath(given)
        names.append(known_as)
        for name, genes in gene_sets.items():
            full_name = f"{known_as}__{name}" if prefix_names else name
            if full_name in sets:
                advice = "Rename one" if prefix_names else "Set prefix_names=True"
                raise ValueError(
                    f"Gene set {full_name!r} occurs in two collections, "
                    f"{origin_of[full_name]} and {origin}. {advice} to tell them apart."
                )
            sets[full_name], origin_of[full_name] = genes, origin
            descriptions[full_name] = gene_sets.descriptions[name]
    if not sets:
        raise ValueError("Expected at least one collection as gene_sets, got none.")
    attrs = None if None in names else {"name": ", ".join(filter(None, names))}
    # The names have been checked, but not the prefixes.
    build = GeneSets if prefix_names else GeneSets._trusted
    return build(sets, descriptions, attrs=attrs)
