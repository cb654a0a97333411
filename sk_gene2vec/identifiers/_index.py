"""Look up genes in a collection, by their own names and by aliases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice, repeat
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sk_gene2vec._utils._genes import check_text, strip
from sk_gene2vec._utils._messages import counted, shown, warn
from sk_gene2vec.identifiers._kinds import (
    describe_kinds,
    kind_of_alias,
    plain,
    without_version,
)

if TYPE_CHECKING:
    import pandas as pd

Aliases: TypeAlias = "Mapping[str, str | Iterable[str]] | pd.DataFrame"
Rows: TypeAlias = NDArray[np.intp]

_UNKNOWN_SHOWN = 5
_HINTS_SHOWN = 3
_HINTS = {
    "near": "The collection has",
    "ambiguous": "Aliases of several genes are",
    "absent": "Aliases of genes that the collection lacks are",
}
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

    def __init__(self, genes: list[str], aliases: Aliases | None = None) -> None:
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
        """The aliases that are not genes; they build the same index again."""
        by_alias = islice(self.row_of.items(), len(self.genes), None)
        found = {alias: self.genes[row] for alias, row in by_alias}
        return found | self.ambiguous | self.absent

    def rows(self, genes: list[str]) -> Rows:
        """Row of every gene; the number of genes where one is not found."""
        nowhere = repeat(len(self.genes))
        return np.fromiter(map(self.row_of.get, genes, nowhere), np.intp, len(genes))

    def rows_of_list(self, genes: list[str]) -> Rows:
        """Row of every gene, as `rows`; warn of genes that are not found.

        Raises
        ------
        ValueError
            If none is found.
        """
        rows = self.rows(genes)
        missing = self.missing(genes, rows)
        if len(missing) == len(genes):
            complaint = self.complaint(missing, len(genes))
            raise ValueError(f"Expected genes of the collection. {complaint}")
        if missing:
            warn(self.complaint(missing, len(genes), ", and left out"))
        return rows

    def missing(self, genes: list[str], rows: Rows) -> list[str]:
        """List the genes that are not found, given their `rows`."""
        return [genes[place] for place in np.flatnonzero(rows == len(self.genes))]

    def complaint(self, missing: list[str], count: int, handling: str = "") -> str:
        """Say which of `count` genes are missing, why, and how they would be found."""
        reasons = self._reasons(missing)
        hints: dict[str, list[str]] = {hint: [] for hint in _HINTS}
        for gene, (status, meant) in reasons.items():
            if status in _HINTS:
                hints[status].append(_meaning(gene, meant))
            elif meant:
                hints["near"].append(f"{meant[0]!r} for {gene!r}")
        unexplained = [gene for gene in reasons if reasons[gene][0] not in _HINTS]
        kinds, others = describe_kinds(unexplained, self.genes)
        sentences = [
            f"{counted(len(missing), count)} in no gene set of the collection"
            f"{handling}: {shown(map(repr, reasons), _UNKNOWN_SHOWN)}.",
            *(
                f"{_HINTS[hint]} {shown(texts, _HINTS_SHOWN)}."
                for hint, texts in hints.items()
                if texts
            ),
            *kinds,
        ]
        if not self.aliases and any(reasons[gene][0] == "unknown" for gene in others):
            sentences.append(_OLD_SYMBOLS)
        return " ".join(sentences)

    def check_unambiguous(self, genes: list[str]) -> None:
        """Raise ValueError if some of the genes are aliases of several genes."""
        unclear = [gene for gene in genes if gene in self.ambiguous]
        if unclear:
            distinct = dict.fromkeys(unclear)
            meanings = (_meaning(gene, self.ambiguous[gene]) for gene in distinct)
            raise ValueError(
                f"{counted(len(unclear), len(genes))} ambiguous, by an alias of "
                f"several genes: {shown(meanings, _HINTS_SHOWN)}; use the name of the "
                "gene that is meant, or set handle_ambiguous='ignore'."
            )

    def report(self, genes: list[str]) -> pd.DataFrame:
        """Table of how genes are found; `GmtVectorizer.lookup` describes it."""
        import pandas as pd

        rows = self.rows(genes)
        reasons = self._reasons(self.missing(genes, rows))
        report: list[tuple[str, str | None, str, str]] = []
        for gene, row in zip(genes, rows, strict=True):
            found = self.genes[row] if row < len(self.genes) else None
            status, meant = reasons.get(gene, ("exact", ()))
            if found not in (None, gene):
                status = kind_of_alias(gene)
            report.append((gene, found, status, ", ".join(meant)))
        columns = ["gene", "found_as", "status", "candidates"]
        return pd.DataFrame(report, columns=columns, dtype=object)

    def _reasons(
        self, missing: Iterable[str]
    ) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Status and candidates of every missing gene, as in `report`."""
        known = {plain(gene): gene for gene in self.genes}
        reasons: dict[str, tuple[str, tuple[str, ...]]] = {}
        for gene in missing:
            near = known.get(plain(gene))
            # The version may differ from an alias too.
            row = self.row_of.get(without_version(gene) or "")
            if gene in self.ambiguous:
                reasons[gene] = "ambiguous", self.ambiguous[gene]
            elif near is not None:
                reasons[gene] = _difference(gene, near), (near,)
            elif row is not None:
                reasons[gene] = "version", (self.genes[row],)
            elif gene in self.absent:
                reasons[gene] = "absent", self.absent[gene]
            else:
                reasons[gene] = "unknown", ()
        return reasons


def _meaning(alias: str, meant: tuple[str, ...]) -> str:
    return f"{alias!r} ({' or '.join(meant)})"


def _difference(gene: str, match: str) -> str:
    """Name the difference between two genes that are `plain` the same."""
    if strip(gene) == match:
        return "blanks"
    return "case" if strip(gene).casefold() == match.casefold() else "version"


def _targets(aliases: Aliases | None) -> dict[str, dict[str, None]]:
    """Alias -> the distinct genes it may mean, in order."""
    if aliases is None:
        return {}
    pairs: list[tuple[str, str]]
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


def _several(meant: str | Iterable[str]) -> Iterable[str]:
    if isinstance(meant, str) or not isinstance(meant, Iterable):
        return [meant]
    return meant
