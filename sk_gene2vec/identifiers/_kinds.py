"""Kinds of identifiers that a collection does not use, and how to translate them."""

import re
from collections.abc import Container, Iterable, Iterator, Sequence
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
    pattern : str
        Matches the whole identifier.
    advice : str
        How to get to genes of the collection.
    among : container of str or None
        The identifiers of the kind, without what follows a dot. None if all that match
        the pattern are of the kind.
    """

    name: str
    pattern: str
    advice: str
    among: Container[str] | None = None

    def has(self, identifier: str) -> bool:
        """Return True if the identifier is of this kind."""
        if not re.fullmatch(self.pattern, identifier):
            return False
        return self.among is None or identifier.partition(".")[0] in self.among


_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sept?|Oct|Nov|Dec"
_MONTH = f"({_MONTHS}|{_MONTHS.upper()})"
# A spreadsheet stores a date as the days since 1899. These dates come from MARCH1 to
# MARCH11, SEPT1 to SEPT15, OCT1 to OCT4, DEC1 and DEC2.
_SERIALS = frozenset(
    str(date(year, month, day).toordinal() - date(1899, 12, 30).toordinal())
    for year in range(1990, 2041)
    for month, last in ((3, 11), (9, 15), (10, 4), (12, 2))
    for day in range(1, last + 1)
)
# Symbols that a spreadsheet changes, by month: SEPT2 became SEPTIN2, MARC1 MTARC1.
_PREFIXES = {
    "mar": ("MARCHF", "MARCH", "MTARC", "MARC"),
    "sep": ("SEPTIN", "SEPT"),
    "oct": ("OCT",),
    "dec": ("DELEC", "DEC"),
}
# TP53_ENSG00000141510.17, ENSG00000141510_TP53, hg19_TP53 and GRCh38___TP53.
_JOINED = r".+_ENS[A-Z]*G\d{11}(\.\d+)?|ENS[A-Z]*G[\d.]+_.+|(hg|mm|GRC[hm])\d+_+.+"
_TRANSLATE = "translate such identifiers with aliases={identifier: gene}"
_TRANSLATE_IDS = (
    f"{_TRANSLATE}, those of human genes with "
    "aliases=sk_gene2vec.datasets.load_human_gene_aliases(gene_sets.genes, ids=True)"
)
_OTHER_SPECIES = (
    "use gene sets of that species, or give orthologs as aliases={identifier: gene}"
)
_ORIGINAL = (
    "a spreadsheet changes symbols such as SEPT2 into dates; take the symbols from the "
    "original file"
)
_ENSEMBL = _Kind("an Ensembl id", r"ENSG\d{11}(\.\d+)?", _TRANSLATE_IDS)
_ENTREZ = _Kind("an Entrez number", r"\d+(\.0+)?", _TRANSLATE_IDS)
_KINDS = (
    _ENSEMBL,
    _Kind("an Ensembl product id", r"ENS[EPT]\d{11}(\.\d+)?", _TRANSLATE),
    _Kind("a non-human Ensembl id", r"ENS[A-Z]{4,}\d{11}(\.\d+)?", _OTHER_SPECIES),
    _Kind("a spreadsheet date", _ENTREZ.pattern, _ORIGINAL, _SERIALS),
    _ENTREZ,
    _Kind("a RefSeq id", r"[NX][MPR]_\d+(\.\d+)?", _TRANSLATE),
    _Kind("an HGNC id", r"HGNC:\d+", _TRANSLATE),
    # A0A024R161, and P04637 or Q9Y6K9, but no other forms: B3GNT2 is a symbol.
    _Kind(
        "a UniProt accession",
        r"(P\d{5}|[OQ]\d[A-Z0-9]{3}\d|A0A[A-Z0-9]{7})(-\d+)?",
        _TRANSLATE,
    ),
    _Kind("a probe set", r"\d+(_[a-z])?_at|AFFX-.*|ILMN_\d+|A_\d\d_P\d+", _TRANSLATE),
    _Kind("an Arabidopsis id", r"(?i:AT[1-5CM]G\d{5})(\.\d+)?", _OTHER_SPECIES),
    _Kind("a FlyBase id", r"FB[a-z]{2}\d{7}", _OTHER_SPECIES),
    _Kind("a WormBase id", r"WBGene\d{8}", _OTHER_SPECIES),
    _Kind(
        "a joined symbol",
        _JOINED,
        "take the first or the last part, gene.split('_')[0] or gene.split('_')[-1]",
    ),
    _Kind(
        "a spreadsheet date",
        # 2-Sep, SEP-02, 9/2/2021 and 2021-09-02 were SEPTIN2, 1-Mar was MARCHF1.
        rf"\d{{1,2}}-{_MONTH}(-\d+)?|{_MONTH}-\d{{1,2}}|\d{{4}}-\d\d-\d\d.*"
        r"|\d{1,2}([/.])\d{1,2}\4(\d{4}|\d\d)( .*)?",
        _ORIGINAL,
    ),
    _Kind(
        "a mouse or rat symbol",
        r"(?!(Gene|Sample|Probe|Feature|Cluster|Control|Symbol|Unknown)\d*$)"
        r"[A-Z][a-z][a-z0-9]*(-[a-z0-9]+)?|[A-Z0-9]+Rik",
        "use gene sets of that species, or orthologs, those of mouse with "
        "aliases=sk_gene2vec.datasets.load_orthologs('mouse', gene_sets.genes)",
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
    versioned = _VERSIONED.fullmatch(gene.casefold())
    return gene.partition(".")[0] if versioned else None


def respelled(gene: str) -> Iterator[tuple[str, list[str]]]:
    """Yield what spreadsheets and other programs may have changed, and the originals.

    Examples
    --------
    >>> from sk_gene2vec.identifiers._kinds import respelled
    >>> dict(respelled("HLA.A"))
    {'dots': ['HLA-A'], 'numbered': ['HLA.A']}
    >>> dict(respelled("2-Sep"))["date"]
    ['SEPTIN2', 'SEPT2']
    """
    if re.fullmatch(_JOINED, gene):
        yield "joined", re.split("_+", gene)
    yield "dots", [gene.replace(".", "-")]
    # IGHV3-30-3 is a gene, not a second IGHV3-30.
    yield "numbered", [re.sub(r"\.\d+$|(?<!-)(?<!-\d)(?<!-\d\d)-\d+$", "", gene)]
    if re.fullmatch(rf"\d+-{_MONTH}(-\d+)?|{_MONTH}-\d+", gene):
        number, month = sorted(gene.split("-")[:2])
        prefixes = _PREFIXES.get(month[:3].lower(), ())
        yield "date", [f"{prefix}{int(number)}" for prefix in prefixes]


def advice_for_ids(known: Sequence[str]) -> str:
    """Say how symbols find a collection of ids; empty for other collections.

    Examples
    --------
    >>> from sk_gene2vec.identifiers._kinds import advice_for_ids
    >>> print(advice_for_ids(["472", "7157"]))  # doctest: +ELLIPSIS
    The collection has Entrez numbers such as '472'. For human genes, set ...
    >>> advice_for_ids(["ATM", "TP53"])
    ''
    """
    kind = next(
        (kind for kind in (_ENSEMBL, _ENTREZ) if _share(kind, known) > 1 / 2), None
    )
    if kind is None:
        return ""
    return (
        f"The collection has {_plural(kind)} such as {known[0]!r}. For human genes, "
        "set aliases=sk_gene2vec.datasets.load_human_gene_aliases(gene_sets.genes, "
        "ids=True), with gene_sets from sk_gene2vec.read_gene_sets."
    )


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
    genes: Iterable[str], known: Sequence[str], aliases: Sequence[str] = ()
) -> tuple[list[str], list[str]]:
    """Say of which kinds unknown genes are, except kinds that the collection has.

    Parameters
    ----------
    genes : iterable of str
        Distinct genes that are not in the collection.
    known : sequence of str
        Genes of the collection, at least one.
    aliases : sequence of str, default=()
        Other names that the collection is given. Their kinds are left out too.

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
    members = {
        kind: list[str]()
        for kind in _KINDS
        if _share(kind, known) <= 1 / 2 and _share(kind, aliases) <= 1 / 10
    }
    others: list[str] = []
    for gene in genes:
        kind = next((kind for kind in members if kind.has(strip(gene))), None)
        (others if kind is None else members[kind]).append(gene)
    sentences = [
        f"{len(found)} {_like(kind, len(found))} ({shown(map(repr, found), _SHOWN)}), "
        f"not like {known[0]!r}: {kind.advice}."
        for kind, found in members.items()
        if found
    ]
    return sentences, others


def _like(kind: _Kind, number: int) -> str:
    return f"looks like {kind.name}" if number == 1 else f"look like {_plural(kind)}"


def _plural(kind: _Kind) -> str:
    return f"{kind.name.partition(' ')[2]}s"


def _share(kind: _Kind, names: Sequence[str]) -> float:
    sample = names[:: max(1, len(names) // _SAMPLE)]
    matching = sum(bool(re.fullmatch(kind.pattern, name)) for name in sample)
    return matching / max(1, len(sample))
