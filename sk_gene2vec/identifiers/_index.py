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
    advice_for_ids,
    describe_kinds,
    kind_of_alias,
    plain,
    respelled,
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
    "left out": "Only in gene sets that min_size or max_size leaves out are",
    "dots": "R puts dots for hyphens; use the names in brackets for",
    "numbered": "R and AnnData number repeats; use the names in brackets for",
}
_OLD_SYMBOLS = (
    "Old symbols and other names need aliases; for human genes, set "
    "aliases=sk_gene2vec.datasets.load_human_gene_aliases(gene_sets.genes)."
)


class GeneIndex:
    """Rows of a collection's genes, by their own names and by aliases.

    Parameters
    ----------
    genes : list of str
        The genes of the collection; their places are their rows.
    aliases : mapping, DataFrame of two columns or None
        Other names -> genes, as :class:`GmtVectorizer` takes them.
    others : mapping of str to tuple of str or None
        Further genes that an alias of one gene may mean. None takes those of `aliases`,
        if it is a :class:`GeneAliases`.
    left_out : iterable of str
        Genes of the gene sets that the sizes leave out.

    Attributes
    ----------
    genes : list of str
        As given.
    row_of : dict of str to int
        Row of every gene, and of every alias of one gene.
    ambiguous : dict of str to tuple of str
        Genes of every alias of several genes, at least one of them in the collection.
    absent : dict of str to tuple of str
        Genes of every other alias, none of them in the collection. A gene that was left
        out by its sets' sizes has itself.
    others : dict of str to tuple of str
        As given.
    """

    def __init__(
        self,
        genes: list[str],
        aliases: Aliases | None = None,
        others: Mapping[str, tuple[str, ...]] | None = None,
        left_out: Iterable[str] = (),
    ) -> None:
        self.genes = genes
        self.row_of = {gene: row for row, gene in enumerate(genes)}
        self.ambiguous: dict[str, tuple[str, ...]] = {}
        self.absent: dict[str, tuple[str, ...]] = {
            gene: (gene,) for gene in left_out if gene not in self.row_of
        }
        if others is None and isinstance(aliases, Mapping):
            others = getattr(aliases, "others", None)
        self.others = dict(others or {})
        targets = _targets(aliases)
        for gene in genes:
            if bare := without_version(gene):
                targets.setdefault(bare, {})[gene] = None
        by_alias: dict[str, int] = {}
        for alias, meant in targets.items():
            if alias in self.row_of or alias in self.absent:
                continue
            rows = [self.row_of[gene] for gene in meant if gene in self.row_of]
            if not rows:
                self.absent[alias] = tuple(meant)
            # An id stands for one place of the genome, an alias for unlike genes.
            elif len(meant) == 1 or (
                len(rows) == 1 and kind_of_alias(alias) != "alias"
            ):
                by_alias[alias] = rows[0]
            else:
                self.ambiguous[alias] = tuple(meant)
        self.row_of.update(by_alias)

    @property
    def aliases(self) -> dict[str, str | tuple[str, ...]]:
        """The aliases that are not genes; they build the same index again."""
        by_alias = islice(self.row_of.items(), len(self.genes), None)
        found = {alias: self.genes[row] for alias, row in by_alias}
        return found | self.ambiguous | self.absent

    def rows(self, genes: list[str]) -> Rows:
        """Row of every gene; the number of genes where one is not found.

        An id is found by another version, or by none.
        """
        nowhere = len(self.genes)
        found = map(self.row_of.get, genes, repeat(nowhere))
        rows = np.fromiter(found, np.intp, len(genes))
        for place in np.flatnonzero(rows == nowhere):
            rows[place] = self.row_of.get(_bare(str(genes[place])), nowhere)
        return rows

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
            complaint = self._of_list(missing, len(genes))
            raise ValueError(f"Expected genes of the collection. {complaint}")
        if missing:
            warn(self._of_list(missing, len(genes), ", and left out"))
        return rows

    def _of_list(self, missing: list[str], count: int, handling: str = "") -> str:
        """Complain, and say how a fitted pipeline gets aliases."""
        complaint = self.complaint(missing, count, handling)
        if "aliases=" in complaint:
            complaint += (
                " A fitted pipeline takes them without training: "
                "model[0].set_params(aliases=aliases).fit(gene_sets.genes)."
            )
        return complaint

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
                near = " or ".join(map(repr, meant))
                hints["near"].append(f"{near} for {gene!r}")
        unexplained = [gene for gene in reasons if reasons[gene][0] not in _HINTS]
        kinds, others = describe_kinds(unexplained, self.genes, [*self.aliases])
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
        advice = advice_for_ids(self.genes)
        unknown = any(reasons[gene][0] == "unknown" for gene in others)
        by_alias = islice(self.row_of.items(), len(self.genes), None)
        no_alias_helps = all(_bare(self.genes[row]) == alias for alias, row in by_alias)
        if no_alias_helps and (unknown or (advice and hints["absent"])):
            sentences.append(advice or _OLD_SYMBOLS)
        return " ".join(sentences)

    def check_unambiguous(self, genes: list[str]) -> None:
        """Raise ValueError if some of the genes are aliases of several genes."""
        unclear = [gene for gene in genes if _bare(gene) in self.ambiguous]
        if unclear:
            distinct = dict.fromkeys(unclear)
            meanings = (
                _meaning(gene, self.ambiguous[_bare(gene)]) for gene in distinct
            )
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
                status, meant = kind_of_alias(gene), self.others.get(gene, ())
                if meant:
                    status = "preferred"
                elif without_version(gene) or without_version(found):
                    status = "version"
            report.append((gene, found, status, ", ".join(meant)))
        columns = ["gene", "found_as", "status", "candidates"]
        return pd.DataFrame(report, columns=columns, dtype=object)

    def _reasons(
        self, missing: Iterable[str]
    ) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Status and candidates of every missing gene, as in `report`."""
        known = {plain(gene): gene for gene in self.genes}
        return {gene: self._reason(gene, known) for gene in missing}

    def _reason(
        self, gene: str, known: Mapping[str, str]
    ) -> tuple[str, tuple[str, ...]]:
        bare = _bare(gene)
        if bare in self.ambiguous:
            return "ambiguous", self.ambiguous[bare]
        if near := known.get(plain(gene)):
            return _difference(gene, near), (near,)
        if (row := self.rows([strip(gene)])[0]) < len(self.genes):
            return "blanks", (self.genes[row],)
        if meant := self.absent.get(bare):
            left_out = any(self.absent.get(name) == (name,) for name in meant)
            candidates = tuple(name for name in meant if name != gene)
            return "left out" if left_out else "absent", candidates
        for status, names in respelled(gene):
            found = [known[plain(name)] for name in names if plain(name) in known]
            if found:
                return status, tuple(found)
        return "unknown", ()


def _bare(gene: str) -> str:
    return without_version(gene) or gene


def _meaning(alias: str, meant: tuple[str, ...]) -> str:
    return f"{alias!r} ({' or '.join(meant)})" if meant else repr(alias)


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
