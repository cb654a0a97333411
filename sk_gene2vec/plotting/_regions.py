"""Names of the regions of a map: the gene sets that match groups of neighbours best."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

# Numbers of groups that the map is divided into, from wide regions to small ones.
_SCALES = (16, 64, 256)
# Average number of genes of a group, at least.
_GENES_PER_GROUP = 10
# Share of common genes among all genes of a group and its gene set, at least.
_LEAST_OVERLAP = 0.2
# Genes that differ between two kinds of samples are named after the samples.
_COMPARISON = re.compile(r"(?!HALLMARK_)\S*_(UP|DN)(?!\S)")
# The collections of MSigDB and others. A description may follow.
_MSIGDB = re.compile(
    r"(?:HALLMARK|GO|GOBP|GOCC|GOMF|KEGG(?:_MEDICUS|_LEGACY)?|REACTOME|BIOCARTA|PID"
    r"|WP|HP)_([A-Z0-9_.]+)(?!\S)"
)
# GO:0006096 before a name, or (GO:0006096) or R-HSA-70171 behind it.
_ID = re.compile(r"^[A-Za-z]+[:_-]?\d{4,}\s+|\s+\(?[A-Za-z-]+[:_-]?\d{4,}\)?$")
# Shorter names are not more readable.
_SHORT = 8


def name_regions(
    points: NDArray[np.generic], sets: Mapping[str, Sequence[int]]
) -> list[tuple[str, int, int, int]]:
    """Name groups of neighbours on a map after the gene sets that match them best.

    A match is the share of common genes among all genes of group and gene set, the
    Jaccard index: a wide gene set has genes elsewhere, and a narrow one lacks genes of
    the group. Among similar matches, shorter names are preferred, because they are the
    most telling: the nuclear pore matches
    "REGULATION_OF_GLUCOKINASE_BY_GLUCOKINASE_REGULATORY_PROTEIN" best.

    Parameters
    ----------
    points : ndarray of shape (n_genes, 2)
        Places of the genes.
    sets : mapping of str to sequence of int
        The genes of every set, by its name.

    Returns
    -------
    list of (str, int, int, int)
        Name, middle and radius of every region, those of the most genes first.
    """
    places = points.astype(np.float64)
    groups = _groups(places) if sets else []
    if not groups:
        return []
    inside = _matrix(groups, len(points))
    members = _matrix(list(sets.values()), len(points))
    shared = (inside @ members.T).tocoo()
    group, column = shared.coords
    either = inside.sum(axis=1)[group] + members.sum(axis=1)[column] - shared.data
    overlap = shared.data / either
    names = list(map(readable, sets))
    lengths = np.array([max(len(name), _SHORT) for name in names])
    telling = np.array([not _COMPARISON.match(name) for name in sets])
    matching = np.flatnonzero((overlap >= _LEAST_OVERLAP) & telling[column])
    score = (overlap / np.cbrt(lengths[column]))[matching]
    regions: dict[str, NDArray[np.intp]] = {}
    decided, named = set(), np.zeros(len(points), dtype=bool)
    for k in matching[np.argsort(-score, kind="stable")]:
        here, name = groups[group[k]], names[column[k]]
        if group[k] in decided or name in regions:
            continue
        decided.add(group[k])
        # Most of a wide region may have better names already.
        if named[here].mean() <= 0.5:
            named[here] = True
            regions[name] = here
    largest = sorted(regions, key=lambda name: -len(regions[name]))
    return [(name, *_circle(places[regions[name]])) for name in largest]


def _circle(points: NDArray[np.float64]) -> tuple[int, int, int]:
    x, y = np.median(points, axis=0)
    return round(x), round(y), round(2 * points.std(axis=0).mean())


def _groups(points: NDArray[np.float64]) -> list[NDArray[np.intp]]:
    """Divide the map into groups of neighbours, at several scales."""
    # Slow to import.
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    n_places = len(np.unique(points, axis=0))
    groups = []
    for k in _SCALES:
        if k * _GENES_PER_GROUP <= n_places:
            with threadpool_limits(1):  # more may wait forever after a fork
                group = KMeans(k, n_init=1, random_state=0).fit_predict(points)
            groups += [np.flatnonzero(group == number) for number in range(k)]
    return groups


def _matrix(
    rows: Sequence[Sequence[int] | NDArray[np.intp]], n_genes: int
) -> sp.csr_array:
    starts = np.cumsum([0, *map(len, rows)])
    genes = np.fromiter(chain.from_iterable(rows), np.int32, starts[-1])
    ones = np.ones(len(genes), dtype=np.int32)
    return sp.csr_array((ones, genes, starts), shape=(len(rows), n_genes))


def readable(name: str) -> str:
    """Leave out the collection and ids of a name, and put spaces for underscores."""
    msigdb = _MSIGDB.match(name)
    bare = msigdb[1] if msigdb else _ID.sub("", name)
    return bare.replace("_", " ") or name
