"""The bundled orthologs and their loader."""

from collections.abc import Iterable

from sk_gene2vec.datasets._aliases import GeneAliases, _rows, load_human_gene_aliases

_ORGANISMS = ("mouse", "rat")


def load_orthologs(organism: str, genes: Iterable[str] | None = None) -> GeneAliases:
    """Load the human orthologs of mouse or rat genes, as aliases.

    With them, a human collection and vectors learned from one serve for mouse and rat
    genes. There are orthologs of 19,110 mouse genes and 17,833 rat genes.

    Parameters
    ----------
    organism : {"mouse", "rat"}
        The organism of the genes to look up.
    genes : iterable of str, default=None
        The genes of a human collection. If given, a gene leads to the name of its
        ortholog in the collection, which may be an old symbol, an Entrez number or an
        Ensembl id. If None, genes lead to human symbols.

    Returns
    -------
    orthologs : GeneAliases, a mapping of str to str or tuple of str
        Mouse or rat symbol -> human symbol. For 472 mouse and 188 rat genes, which have
        several equally good orthologs, it is a tuple of their symbols.

    Raises
    ------
    TypeError, ValueError
        If `organism` is not one of its choices, or `genes` is not an iterable of `str`.

    See Also
    --------
    load_human_gene_aliases : Old symbols and identifiers of human genes.
    sk_gene2vec.read_go_annotations : Gene sets of any organism.

    Notes
    -----
    Source: HCOP, the HGNC Comparison of Orthology Predictions [1]_, of September 2022,
    through the R package babelgene 22.9. Licence: CC0.

    HCOP counts how many of 12 databases call two genes orthologs. A gene leads to the
    human gene with the most votes, if these are three or more. Symbols are those of
    2022; older mouse and rat symbols, such as ``Hist1h2ab``, are missing.

    References
    ----------
    .. [1] Yates B et al. (2021). Updates to HCOP: the HGNC comparison of orthology
       predictions tool. Briefings in Bioinformatics 22, bbab155.
       https://doi.org/10.1093/bib/bbab155

    Examples
    --------
    >>> from sk_gene2vec import GmtVectorizer
    >>> from sk_gene2vec.datasets import load_orthologs
    >>> orthologs = load_orthologs("mouse")
    >>> orthologs["Trp53"], orthologs["Cxcl2"]
    ('TP53', ('CXCL2', 'CXCL3'))
    >>> vectorizer = GmtVectorizer({"DNA_REPAIR": ["TP53"]}, aliases=orthologs)
    >>> vectorizer.fit_transform(["Trp53"]).toarray()
    array([[1.]], dtype=float32)
    >>> load_orthologs("mouse", genes=["HIST1H1C"])["H1f2"]
    'HIST1H1C'
    """
    if organism not in _ORGANISMS:
        raise ValueError(
            f"Expected organism to be one of {_ORGANISMS}, got {organism!r}. For other "
            "organisms, give a table as aliases, with their genes and the human genes."
        )
    names = {} if genes is None else load_human_gene_aliases(genes, ids=True)
    human: dict[str, list[str]] = {}
    for gene, ortholog in _rows(f"{organism}_orthologs.tsv.gz"):
        called = names.get(ortholog, ortholog)
        human.setdefault(gene, []).extend(
            [called] if isinstance(called, str) else called
        )
    return GeneAliases(
        {gene: one[0] if len(one) == 1 else tuple(one) for gene, one in human.items()}
    )
