"""The bundled gene aliases and their loader."""

import gzip
from collections.abc import Iterable, Iterator, Mapping

from sk_gene2vec._utils._genes import check_genes
from sk_gene2vec.datasets._bundled import _data_file


def load_human_gene_aliases(
    genes: Iterable[str] | None = None,
    *,
    ids: bool = False,
) -> "GeneAliases":
    """Load old symbols and other names of human genes.

    There are 66,047 aliases of 27,135 genes, for :class:`~sk_gene2vec.GmtVectorizer`,
    and on request 47,483 Entrez numbers and 39,708 Ensembl ids. An alias that is also
    the symbol of a gene is left out.

    Parameters
    ----------
    genes : iterable of str, default=None
        The genes of a collection. If given, an alias leads to the name of the gene in
        the collection. Where the collection has an old symbol instead of the present
        one, all aliases and the present symbol lead to the old one. If None, aliases
        lead to the present symbols.
    ids : bool, default=False
        Add Entrez numbers, such as ``"7157"``, and Ensembl gene ids without version,
        such as ``"ENSG00000141510"``.

    Returns
    -------
    aliases : GeneAliases, a mapping of str to str or tuple of str
        Alias -> gene symbol. For the 2,354 aliases and the Ensembl ids that several
        genes share, it is a tuple of their symbols. Another 851 aliases also have
        several genes and lead to one of them, see Notes; ``aliases.others`` has the
        others. The mapping cannot be changed; ``dict(aliases)`` can.

    Raises
    ------
    TypeError, ValueError
        If `genes` is not an iterable of `str`.

    See Also
    --------
    GmtVectorizer.lookup : Reports which genes an alias found.

    Notes
    -----
    Source: NCBI Gene of 2022-09-12, through Bioconductor 3.16 (org.Hs.eg.db) [1]_.
    Symbols that changed later are missing. NCBI places no restrictions on the use of
    its data.

    The HUGO Gene Nomenclature Committee (HGNC, CC0) decides between genes that share an
    alias. The gene wins that had the alias as its official symbol. Among several such
    genes, or if there are none, the gene wins that is the only one whose symbol the
    alias shortens, if HGNC lists the alias for it: QARS means QARS1, and PD-1 means
    PDCD1. Otherwise the alias stays ambiguous.

    References
    ----------
    .. [1] Carlson M (2022). org.Hs.eg.db: Genome wide annotation for Human, 3.16.0.
       https://doi.org/10.18129/B9.bioc.org.Hs.eg.db

    Examples
    --------
    >>> from sk_gene2vec import GmtVectorizer
    >>> from sk_gene2vec.datasets import load_human_gene_aliases
    >>> aliases = load_human_gene_aliases()
    >>> aliases["HIST1H1C"]
    'H1-2'
    >>> aliases["MLL4"]
    ('KMT2B', 'KMT2D')
    >>> aliases["MLL2"], aliases.others["MLL2"]  # KMT2D was called MLL2 officially
    ('KMT2D', ('KMT2B',))
    >>> load_human_gene_aliases(genes=["HIST1H1C", "TP53"])["H1-2"]
    'HIST1H1C'
    >>> vectorizer = GmtVectorizer({"A": ["H1-2"]}, aliases=aliases)
    >>> vectorizer.fit_transform(["HIST1H1C"]).toarray()
    array([[1.]], dtype=float32)
    >>> aliases = load_human_gene_aliases(ids=True)
    >>> aliases["7157"], aliases["ENSG00000141510"]
    ('TP53', 'TP53')
    """
    symbols_of: dict[str, list[str]] = {}
    preferred: dict[str, list[str]] = {}
    for alias, symbol, wins in _rows("human_gene_aliases.tsv.gz"):
        if alias == "NA":
            continue  # a missing value, as R writes it, rather than XK
        symbols_of.setdefault(alias, []).append(symbol)
        if wins:
            preferred[alias] = [symbol]
    others = {
        alias: tuple(other for other in symbols_of[alias] if other not in winner)
        for alias, winner in preferred.items()
    }
    symbols_of |= preferred
    for symbol, entrez, ensembl in _rows("human_gene_ids.tsv.gz") if ids else ():
        for identifier in (entrez, *ensembl.split()):
            meant = symbols_of.setdefault(identifier, [])
            # Several genes, with a number each, may have one symbol.
            if symbol not in meant:
                meant.append(symbol)
    if genes is not None:
        symbols_of = _as_called_by(set(check_genes(genes)), symbols_of)
    return GeneAliases(
        {
            alias: symbols[0] if len(symbols) == 1 else tuple(symbols)
            for alias, symbols in symbols_of.items()
        },
        others,
    )


def _rows(name: str) -> Iterator[list[str]]:
    """Yield the rows of a bundled table below its header."""
    content = _data_file(name).read_bytes()
    _, *lines = gzip.decompress(content).decode().splitlines()
    return (line.split("\t") for line in lines)


class GeneAliases(Mapping[str, str | tuple[str, ...]]):
    """Mapping of other names of genes to their symbols.

    It cannot be changed, it is short when printed, and the clones of an estimator share
    it instead of copying it. :func:`load_human_gene_aliases` returns one. For your own
    aliases, a dict works as well.

    Parameters
    ----------
    symbols_of : mapping of str to str or tuple of str
        Alias -> gene symbol, or a tuple of symbols if genes share the alias. The
        mapping is not copied.
    others : mapping of str to tuple of str, default=None
        Alias of one gene in `symbols_of` -> further genes that it may mean. The gene in
        `symbols_of` wins, and :meth:`GmtVectorizer.lookup` names the others.

    See Also
    --------
    load_human_gene_aliases : Aliases of human genes.
    sk_gene2vec.GmtVectorizer : Looks genes up by their `aliases`.

    Examples
    --------
    >>> from sk_gene2vec import GmtVectorizer
    >>> from sk_gene2vec.datasets import GeneAliases
    >>> aliases = GeneAliases({"P53": "TP53", "MLL2": ("KMT2B", "KMT2D")})
    >>> aliases
    <2 aliases>
    >>> aliases["MLL2"]
    ('KMT2B', 'KMT2D')
    >>> "P53" in aliases, aliases.get("p53")
    (True, None)
    >>> vectorizer = GmtVectorizer({"DNA_REPAIR": ["TP53"]}, aliases=aliases)
    >>> vectorizer.fit_transform(["P53"]).toarray()
    array([[1.]], dtype=float32)
    """

    def __init__(
        self,
        symbols_of: Mapping[str, str | tuple[str, ...]],
        others: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self._symbols_of = symbols_of
        self.others = others or {}

    def __getitem__(self, alias: str) -> str | tuple[str, ...]:
        return self._symbols_of[alias]

    def __iter__(self) -> Iterator[str]:
        return iter(self._symbols_of)

    def __len__(self) -> int:
        return len(self._symbols_of)

    def __repr__(self) -> str:
        return f"<{len(self)} aliases>"

    def __deepcopy__(self, memo: object) -> "GeneAliases":
        return self


def _as_called_by(
    genes: set[str], symbols_of: dict[str, list[str]]
) -> dict[str, list[str]]:
    """Replace symbols that are not in `genes` by the old symbols that are."""
    # A collection may have ids with versions: ENSG00000141510.17, 7157.0.
    name_of = {gene: gene for gene in genes}
    for gene in genes:
        if _is_id(bare := gene.partition(".")[0]):
            name_of.setdefault(bare, gene)
    old_names: dict[str, list[str]] = {}
    for alias, symbols in symbols_of.items():
        # A symbol of several genes does not tell which of them the collection means. An
        # id of several genes stands for all of them.
        if alias in name_of and (len(symbols) == 1 or _is_id(alias)):
            for symbol in symbols:
                if symbol not in genes:
                    old_names.setdefault(symbol, []).append(name_of[alias])
    called = {
        alias: [name for gene in symbols for name in old_names.get(gene, [gene])]
        for alias, symbols in symbols_of.items()
        if alias not in name_of
    }
    return {**called, **old_names}


def _is_id(alias: str) -> bool:
    return alias.isdigit() or alias.startswith("ENSG")
