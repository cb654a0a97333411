"""Kinds of identifiers that a collection does not use, and how to translate them."""

import re
from collections.abc import Container, Iterable, Sequence
from datetime import date
from typing import NamedTuple

from sk_gene2vec._utils._genes import strip
from sk_gene2vec._utils._messages import shown

_SHOWN = 3
# Number of genes of the collection that show of which kind its identifiers are.
_SAMPLE = 100


class _Kind(NamedTuple):
    """Identifiers that look alike.

    Attributes
    ----------
    name : str
        What one of them is called, with the article.
    pattern : re.Pattern
        Matches the whole identifier.
    advice : str
        How to get to genes of the collection.
    among : container of str or None
        The identifiers of the kind, without what follows a dot. None if all that match
        the pattern are of the kind.
    """

    name: str
    pattern: re.Pattern[str]
    advice: str
    among: Container[str] | None = None

    def has(self, identifier: str) -> bool:
        """Return True if the identifier is of this kind."""
        if not self.pattern.fullmatch(identifier):
            return False
        return self.among is None or identifier.partition(".")[0] in self.among


_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sept?|Oct|Nov|Dec"
_MONTH = f"({_MONTHS}|{_MONTHS.upper()})"
_NUMBER = re.compile(r"\d+(\.0+)?")
# A spreadsheet stores a date as the days since 1899. These dates come from MARCH1 to
# MARCH11, SEPT1 to SEPT15, OCT1 to OCT4, DEC1 and DEC2.
_SERIALS = frozenset(
    str(date(year, month, day).toordinal() - date(1899, 12, 30).toordinal())
    for year in range(1990, 2041)
    for month, last in ((3, 11), (9, 15), (10, 4), (12, 2))
    for day in range(1, last + 1)
)
_TRANSLATE = "translate such identifiers with aliases={identifier: gene}"
_TRANSLATE_IDS = (
    f"{_TRANSLATE}, those of human genes with "
    "aliases=sk_gene2vec.datasets.load_human_gene_aliases(ids=True)"
)
_ORIGINAL = (
    "a spreadsheet changes symbols such as SEPT2 into dates; take the symbols from the "
    "original file"
)
_KINDS = (
    _Kind(
        "an Ensembl id", re.compile(r"ENS[A-Z]*[EGPT]\d{11}(\.\d+)?"), _TRANSLATE_IDS
    ),
    _Kind("a spreadsheet date", _NUMBER, _ORIGINAL, _SERIALS),
    _Kind("an Entrez number", _NUMBER, _TRANSLATE_IDS),
    _Kind("a RefSeq id", re.compile(r"[NX][MPR]_\d+(\.\d+)?"), _TRANSLATE),
    _Kind("an HGNC id", re.compile(r"HGNC:\d+"), _TRANSLATE),
    _Kind(
        "a spreadsheet date",
        # 2-Sep, SEP-02, 9/2/2021 and 2021-09-02 were SEPTIN2, 1-Mar was MARCHF1.
        re.compile(
            rf"\d{{1,2}}-{_MONTH}(-\d+)?|{_MONTH}-\d{{1,2}}|\d{{4}}-\d\d-\d\d.*"
            r"|\d{1,2}([/.])\d{1,2}\4(\d{4}|\d\d)( .*)?"
        ),
        _ORIGINAL,
    ),
    _Kind(
        "a mouse or rat symbol",
        re.compile(r"[A-Z][a-z][a-z0-9]*(-[a-z0-9]+)?|[A-Z0-9]+Rik"),
        "use gene sets of that species, or give orthologs as aliases={symbol: gene}",
    ),
)
_VERSIONED = re.compile(r"ens[a-z]*\d{11}\.\d+|\d+\.0+")


def plain(gene: str) -> str:
    """Return an identifier in small letters, without blanks around it and version.

    Examples
    --------
    >>> from sk_gene2vec.identifiers._kinds import plain
    >>> plain(" TP53"), plain("ENSG00000141510.17"), plain("7157.0")
    ('tp53', 'ensg00000141510', '7157')
    """
    folded = strip(gene).casefold()
    return without_version(folded) or folded


def without_version(gene: str) -> str | None:
    """Return an Ensembl id or a number without its version, None if it has none.

    Examples
    --------
    >>> from sk_gene2vec.identifiers._kinds import without_version
    >>> without_version("ENSG00000141510.17"), without_version("7157.0")
    ('ENSG00000141510', '7157')
    """
    gene = strip(gene)
    versioned = _VERSIONED.fullmatch(gene.casefold())
    return gene.partition(".")[0] if versioned else None


def kind_of_alias(alias: str) -> str:
    """Tell Entrez numbers and Ensembl gene ids from other aliases.

    Examples
    --------
    >>> from sk_gene2vec.identifiers._kinds import kind_of_alias
    >>> list(map(kind_of_alias, ["7157", "ENSG00000141510", "P53"]))
    ['entrez', 'ensembl', 'alias']
    """
    if re.fullmatch(r"[0-9]+", alias):
        return "entrez"
    return "ensembl" if re.fullmatch(r"ENS[A-Z]*G[0-9]{11}", alias) else "alias"


def describe_kinds(
    genes: Iterable[str], known: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Say of which kinds unknown genes are, except kinds that the collection has.

    Parameters
    ----------
    genes : iterable of str
        Distinct genes that are not in the collection.
    known : sequence of str
        Genes of the collection, at least one.

    Returns
    -------
    sentences : list of str
        One per kind, with the number of genes, some of them, and advice.
    others : list of str
        The genes of other kinds.

    Examples
    --------
    >>> from sk_gene2vec.identifiers._kinds import describe_kinds
    >>> sentences, others = describe_kinds(["7157", "472", "P53"], ["ATM", "TP53"])
    >>> print(sentences[0])  # doctest: +ELLIPSIS
    2 look like Entrez numbers ('7157', '472'), not like 'ATM': translate such ...
    >>> others
    ['P53']
    """
    members = {kind: list[str]() for kind in _KINDS if not _is_usual(kind, known)}
    others: list[str] = []
    for gene in genes:
        kind = next((kind for kind in members if kind.has(strip(gene))), None)
        (others if kind is None else members[kind]).append(gene)
    sentences = []
    for kind, found in members.items():
        plural = kind.name.partition(" ")[2] + "s"
        if found:
            like = (
                f"looks like {kind.name}" if len(found) == 1 else f"look like {plural}"
            )
            sentences.append(
                f"{len(found)} {like} ({shown(map(repr, found), _SHOWN)}), not like "
                f"{known[0]!r}: {kind.advice}."
            )
    return sentences, others


def _is_usual(kind: _Kind, known: Sequence[str]) -> bool:
    sample = known[:: max(1, len(known) // _SAMPLE)]
    return 2 * sum(bool(kind.pattern.fullmatch(gene)) for gene in sample) > len(sample)
