"""Look up genes in a collection, by their own names and by aliases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice, repeat
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from sk_gene2vec._utils._genes import check_text, strip
from sk_gene2vec._utils._messages import counted, shown
from sk_gene2vec.identifiers._kinds import (
    describe_kinds,
    kind_of_alias,
    plain,
    without_version,
)

if TYPE_CHECKING:
    import pandas as pd

Rows: TypeAlias = npt.NDArray[np.intp]

_UNKNOWN_SHOWN = 5
_HINTS_SHOWN = 3
_OLD_SYMBOLS = (
    "Old symbols and other names need aliases; for human genes, set "
    "aliases=sk_gene2vec.datasets.load_human_gene_aliases()."
)


class GeneIndex:
    """Rows of a collection's genes, by their own names and by aliases.

    Parameters
    ----------
    genes : list of str
        The genes of the collection; their places are their rows.
    aliases : mapping, DataFrame of two columns or None
        Other names -> genes, as :class:`GmtVectorizer` takes them.

    Attributes
    ----------
    genes : list of str
        As given.
    row_of : dict of str to int
        Row of every gene, and of every alias of one gene.
    ambiguous : dict of str to tuple of str
        Genes of every alias of several genes, at least one of them in the collection.
    absent : dict of str to tuple of str
        Genes of every other alias, none of them in the collection.
    """

    def __init__(self, genes: list[str], aliases: Any = None) -> None:
        self.genes = genes
        self.row_of = {gene: row for row, gene in enumerate(genes)}
        self.ambiguous: dict[str, tuple[str, ...]] = {}
        self.absent: dict[str, tuple[str, ...]] = {}
        by_alias: dict[str, int] = {}
        for alias, meant in _targets(aliases).items():
            if alias in self.row_of:
                continue
            if self.row_of.keys().isdisjoint(meant):
                self.absent[alias] = tuple(meant)
            elif len(meant) > 1:
                self.ambiguous[alias] = tuple(meant)
            else:
                by_alias[alias] = self.row_of[next(iter(meant))]
        self.row_of.update(by_alias)

    @property
    def aliases(self) -> dict[str, str | tuple[str, ...]]:
        """The aliases that are no gene; the same index can be built from them."""
        by_alias = islice(self.row_of.items(), len(self.genes), None)
        found = {alias: self.genes[row] for alias, row in by_alias}
        return found | self.ambiguous | self.absent

    def rows(self, genes: list[str]) -> Rows:
        """Row of every gene; the number of genes where one is not found."""
        nowhere = repeat(len(self.genes))
        return np.fromiter(map(self.row_of.get, genes, nowhere), np.intp, len(genes))

    def missing(self, genes: list[str], rows: Rows) -> list[str]:
        """List the genes that are not found, given their `rows`."""
        return [genes[place] for place in np.flatnonzero(rows == len(self.genes))]

    def near_misses(self, missing: Iterable[str]) -> dict[str, str]:
        """Find genes that differ in case, surrounding blanks or version only.

        Maps every such missing gene to the gene of the collection. Of aliases only the
        version may differ.
        """
        known = {plain(gene): gene for gene in self.genes}
        near = {}
        for gene in missing:
            if (match := known.get(plain(gene))) is not None:
                near[gene] = match
            elif (row := self.row_of.get(without_version(gene) or "")) is not None:
                near[gene] = self.genes[row]
        return near

    def refuse(
        self, missing: list[str], count: int, *, unknown: bool, ambiguous: bool
    ) -> None:
        """Raise an error for the first kind of missing genes that is not allowed."""
        if ambiguous and (unclear := _meanings(missing, self.ambiguous)):
            places = sum(gene in self.ambiguous for gene in missing)
            raise ValueError(
                f"{counted(places, count)} ambiguous, by an alias of several genes: "
                f"{unclear}; use the name of the gene that is meant, or set "
                "handle_ambiguous='ignore'."
            )
        if unknown and missing:
            raise ValueError(self.complaint(missing, count, ""))

    def complaint(self, missing: list[str], count: int, fate: str) -> str:
        """Say which genes are missing, why, and how they would be found."""
        distinct = list(dict.fromkeys(missing))
        near = self.near_misses(distinct)
        hints = (f"{it!r} for {gene!r}" for gene, it in near.items())
        unclear = _meanings(distinct, self.ambiguous)
        absent = _meanings(distinct, self.absent)
        # What an alias is known for needs no guess.
        strange = [gene for gene in distinct if gene not in self.absent]
        kinds, others = describe_kinds(strange, self.genes)
        old = set(others).difference(near, self.ambiguous) and not self.aliases
        sentences = [
            f"{counted(len(missing), count)} in no gene set of the collection"
            f"{fate}: {shown(map(repr, distinct), _UNKNOWN_SHOWN)}.",
            f"The collection has {shown(hints, _HINTS_SHOWN)}." if near else "",
            f"Aliases of several genes are {unclear}." if unclear else "",
            f"Aliases of genes that the collection lacks are {absent}."
            if absent
            else "",
            *kinds,
            _OLD_SYMBOLS if old else "",
        ]
        return " ".join(filter(None, sentences))

    def report(self, genes: list[str]) -> pd.DataFrame:
        """Table of how genes are found; `GmtVectorizer.lookup` describes it."""
        import pandas

        rows = self.rows(genes)
        near = self.near_misses(self.missing(genes, rows))
        report: list[tuple[str, str | None, str, str]] = []
        for gene, row in zip(genes, rows, strict=True):
            found = self.genes[row] if row < len(self.genes) else None
            if found is not None:
                status = "exact" if found == gene else kind_of_alias(gene)
                report.append((gene, found, status, ""))
            elif gene in self.ambiguous:
                report.append(
                    (gene, None, "ambiguous", ", ".join(self.ambiguous[gene]))
                )
            elif gene in near:
                status = _difference(gene, near[gene])
                report.append((gene, None, status, near[gene]))
            elif gene in self.absent:
                report.append((gene, None, "absent", ", ".join(self.absent[gene])))
            else:
                report.append((gene, None, "unknown", ""))
        columns = ["gene", "found_as", "status", "candidates"]
        frame: pd.DataFrame = pandas.DataFrame(report, columns=columns, dtype=object)
        return frame


def _meanings(missing: Iterable[str], genes_of: Mapping[str, tuple[str, ...]]) -> str:
    """List the missing genes that are aliases, with what they may mean."""
    aliases = (gene for gene in dict.fromkeys(missing) if gene in genes_of)
    meant = (f"{alias!r} ({' or '.join(genes_of[alias])})" for alias in aliases)
    return shown(meant, _HINTS_SHOWN)


def _difference(gene: str, match: str) -> str:
    """Name the difference between a gene and the gene that is `plain` the same."""
    if strip(gene) == match:
        return "blanks"
    return "case" if strip(gene).casefold() == match.casefold() else "version"


def _targets(aliases: Any) -> dict[str, dict[str, None]]:
    """Alias -> the distinct genes it may mean, in order."""
    if aliases is None:
        return {}
    if isinstance(aliases, Mapping):
        pairs = [
            (alias, gene) for alias in aliases for gene in _several(aliases[alias])
        ]
    else:
        columns = list(getattr(aliases, "columns", ()))
        if len(columns) != 2 or columns[0] == columns[1]:
            raise ValueError(
                "Expected aliases as a mapping, or a DataFrame of two columns (alias "
                f"and gene), got {type(aliases).__name__} with the columns {columns}."
            )
        pairs = list(zip(*(aliases[name].to_list() for name in columns), strict=True))
    check_text([alias for alias, _ in pairs], "aliases")
    check_text([gene for _, gene in pairs], "genes of aliases")
    targets: dict[str, dict[str, None]] = {}
    for alias, gene in pairs:
        targets.setdefault(alias, {})[gene] = None
    return targets


def _several(meant: Any) -> Iterable[Any]:
    is_one = isinstance(meant, str) or not isinstance(meant, Iterable)
    return [meant] if is_one else meant
