"""Kinds of identifiers that a collection does not use, and how to translate them."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sk_gene2vec._utils._genes import strip
from sk_gene2vec._utils._messages import shown

__all__ = ["describe_kinds", "plain"]

_SHOWN = 3
# Genes of the collection that tell of which kind its identifiers are.
_SAMPLE = 100


class _Kind(NamedTuple):
    name: str
    pattern: re.Pattern[str]
    advice: str


_MONTH = "(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_TRANSLATE = "translate them with aliases={identifier: gene}"
_KINDS = (
    _Kind("Ensembl ids", re.compile(r"ENS[A-Z]*[EGPT]\d{11}(\.\d+)?"), _TRANSLATE),
    _Kind("Entrez numbers", re.compile(r"\d+(\.0+)?"), _TRANSLATE),
    _Kind("RefSeq ids", re.compile(r"[NX][MPR]_\d+(\.\d+)?"), _TRANSLATE),
    _Kind("HGNC ids", re.compile(r"HGNC:\d+"), _TRANSLATE),
    _Kind(
        "dates that a spreadsheet made of symbols",
        # 2-Sep, Sep-02 and 2021-09-02 were SEPTIN2, 1-Mar was MARCHF1.
        re.compile(
            rf"\d{{1,2}}-{_MONTH}(-\d+)?|{_MONTH}-\d{{1,2}}|\d{{4}}-\d\d-\d\d.*"
        ),
        "take the symbols from the original file",
    ),
    _Kind(
        "mouse or rat symbols",
        re.compile(r"[A-Z][a-z][a-z0-9]*(-[a-z0-9]+)?|[A-Z0-9]+Rik"),
        "use gene sets of that species, or give orthologs as aliases={symbol: gene}",
    ),
)
_VERSIONED = re.compile(r"(ens[a-z]*\d{11})\.\d+|(\d+)\.0+")


def plain(gene: str) -> str:
    """Take case, surrounding blanks and the version away from an identifier.

    Examples
    --------
    >>> from sk_gene2vec.vectorizer._identifiers import plain
    >>> plain(" TP53"), plain("ENSG00000141510.17"), plain("7157.0")
    ('tp53', 'ensg00000141510', '7157')
    """
    folded = strip(gene).casefold()
    versioned = _VERSIONED.fullmatch(folded)
    return versioned[1] or versioned[2] if versioned else folded


def describe_kinds(
    genes: Iterable[str], known: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Say of which kinds unknown genes are, unless those of the collection are, too.

    Parameters
    ----------
    genes : iterable of str
        Distinct genes that are not in the collection.
    known : sequence of str
        Genes of the collection, at least one.

    Returns
    -------
    sentences : list of str
        One for each kind, with the number of genes, some of them, and advice.
    others : list of str
        The genes that are of no kind.

    Examples
    --------
    >>> from sk_gene2vec.vectorizer._identifiers import describe_kinds
    >>> sentences, others = describe_kinds(["7157", "472", "P53"], ["ATM", "TP53"])
    >>> sentences[0]
    "2 look like Entrez numbers ('7157', '472'), not like 'ATM': translate them with \
aliases={identifier: gene}."
    >>> others
    ['P53']
    """
    members = {kind: list[str]() for kind in _KINDS if not _is_usual(kind, known)}
    others: list[str] = []
    for gene in genes:
        kinds = (kind for kind in members if kind.pattern.fullmatch(strip(gene)))
        kind = next(kinds, None)
        (others if kind is None else members[kind]).append(gene)
    sentences = [
        f"{len(found)} {'look' if len(found) > 1 else 'looks'} like {kind.name} "
        f"({shown(map(repr, found), _SHOWN)}), not like {known[0]!r}: {kind.advice}."
        for kind, found in members.items()
        if found
    ]
    return sentences, others


def _is_usual(kind: _Kind, known: Sequence[str]) -> bool:
    sample = known[:: max(1, len(known) // _SAMPLE)]
    return 2 * sum(bool(kind.pattern.fullmatch(gene)) for gene in sample) > len(sample)
