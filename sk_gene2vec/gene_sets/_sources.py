"""One collection, and its matrix, from one or several sources of gene sets."""

import math
import os
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import TypeAlias, TypeGuard

import numpy as np
import scipy.sparse as sp

from sk_gene2vec._utils._messages import excerpt
from sk_gene2vec.gene_sets._formats import read_gene_sets
from sk_gene2vec.gene_sets._gene_sets import GeneSets
from sk_gene2vec.gene_sets._parsing import Frame, as_frame

_Source: TypeAlias = str | os.PathLike[str] | Mapping[str, Iterable[str]] | Frame
Sources: TypeAlias = _Source | Iterable[_Source]


def resolve_gene_sets(gene_sets: Sources, *, prefix_names: bool) -> GeneSets:
    """Build the collection of `GmtVectorizer(gene_sets, prefix_names=...)`."""
    if not _is_collection(gene_sets):
        return _joined(gene_sets, prefix_names)
    return _joined([gene_sets], True) if prefix_names else _read(gene_sets)


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
    gene_sets: GeneSets, dtype: np.dtype[np.generic]
) -> sp.csr_matrix:
    """Build the matrix of genes, sorted, x gene sets."""
    row_of = {gene: row for row, gene in enumerate(gene_sets.genes)}
    starts = np.cumsum([0, *map(len, gene_sets.values())])
    members = chain.from_iterable(gene_sets.values())
    rows = np.fromiter(map(row_of.__getitem__, members), np.int64, count=starts[-1])
    ones = np.ones(len(rows), dtype=dtype)
    shape = len(row_of), len(gene_sets)
    return sp.csc_matrix((ones, rows, starts), shape=shape).tocsr()


def _is_collection(given: object) -> TypeGuard[_Source]:
    is_named = isinstance(given, str | os.PathLike | Mapping)
    return is_named or as_frame(given) is not None


def _read(source: object) -> GeneSets:
    if isinstance(source, GeneSets):
        return source
    if not _is_collection(source):
        raise TypeError(
            "Expected a path, mapping, DataFrame or a list of these as gene_sets, got "
            f"{excerpt(source)}. read_gene_sets takes open files."
        )
    return GeneSets(source) if isinstance(source, Mapping) else read_gene_sets(source)


def _read_of_list(source: object) -> GeneSets:
    try:
        return _read(source)
    except FileNotFoundError as error:
        if Path(str(error.filename)).suffix:
            raise
        raise FileNotFoundError(
            f"{error}. Expected collections or paths to them as gene_sets. Give genes "
            "to fit: GmtVectorizer().fit(genes)."
        ) from error


def _joined(sources: object, prefix_names: bool) -> GeneSets:
    """Take the gene sets of several sources together."""
    if not isinstance(sources, Iterable) or hasattr(sources, "read"):
        sources = [sources]  # not a collection, as the error says
    collections = [_read_of_list(source) for source in sources]
    if not collections:
        raise ValueError("Expected at least one collection as gene_sets, got none.")
    names = [collection.attrs.get("name", "") for collection in collections]
    if prefix_names and not all(names):
        raise ValueError(
            "Expected collections with names for prefix_names=True, got one at "
            f"position {names.index('')} without a name. Give a path, or set the name: "
            "GeneSets(..., attrs={'name': '...'})."
        )
    sets: dict[str, tuple[str, ...]] = {}
    descriptions: dict[str, str] = {}
    place_of: dict[str, int] = {}
    for place, collection in enumerate(collections):
        for name, genes in collection.items():
            full_name = f"{names[place]}__{name}" if prefix_names else name
            if full_name in sets:
                advice = "Rename one" if prefix_names else "Set prefix_names=True"
                raise ValueError(
                    f"Gene set {full_name!r} occurs in two collections, at positions "
                    f"{place_of[full_name]} and {place}. {advice} to tell them apart."
                )
            sets[full_name], place_of[full_name] = genes, place
            descriptions[full_name] = collection.descriptions[name]
    attrs = {"name": ", ".join(names)} if all(names) else None
    # The names have been checked, but not the prefixes.
    build = GeneSets if prefix_names else GeneSets._trusted
    return build(sets, descriptions, attrs=attrs)
