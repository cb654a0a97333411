"""Unknown identifiers: of which kind they are, and what the messages advise."""

import pytest

from sk_gene2vec import GeneSets, GmtVectorizer, read_gmt
from sk_gene2vec.datasets import load_go_bp, load_human_gene_aliases
from sk_gene2vec.identifiers._kinds import describe_kinds

SYMBOLS = {"A": ["TP53", "ATM", "MDM2", "C1orf112", "HLA-A"]}


def warning(genes, gene_sets=SYMBOLS, **parameters):
    with pytest.warns(UserWarning, match=r"(is|are) in no gene set") as caught:
        GmtVectorizer(gene_sets, **parameters).fit_transform(genes)
    (only,) = caught
    return str(only.message)


@pytest.mark.parametrize(
    ("gene", "kind", "advice"),
    [
        ("ENSG00000141510", "an Ensembl id", "aliases={identifier: gene}"),
        ("ENSG00000141510.17", "an Ensembl id", "aliases={identifier: gene}"),
        ("ENSMUSG00000059552.8", "a non-human Ensembl id", "gene sets of that species"),
        ("ENST00000269305.9", "an Ensembl product id", "aliases={identifier: gene}"),
        ("P04637", "a UniProt accession", "aliases={identifier: gene}"),
        ("Q9Y6K9-2", "a UniProt accession", "aliases={identifier: gene}"),
        ("202763_at", "a probe set", "aliases={identifier: gene}"),
        ("1053_s_at", "a probe set", "aliases={identifier: gene}"),
        ("At1g01480", "an Arabidopsis id", "gene sets of that species"),
        ("FBgn0000014", "a FlyBase id", "gene sets of that species"),
        ("WBGene00000001", "a WormBase id", "gene sets of that species"),
        ("TP53_ENSG00000141510", "a joined symbol", "gene.split('_')[0]"),
        ("hg19_TP53", "a joined symbol", "gene.split('_')[-1]"),
        ("7157", "an Entrez number", "aliases={identifier: gene}"),
        ("7157.0", "an Entrez number", "aliases={identifier: gene}"),
        ("NM_000546.6", "a RefSeq id", "aliases={identifier: gene}"),
        ("HGNC:11998", "an HGNC id", "aliases={identifier: gene}"),
        ("2-Sep", "a spreadsheet date", "the original file"),
        ("1-Mar", "a spreadsheet date", "the original file"),
        ("Sep-02", "a spreadsheet date", "the original file"),
        ("SEP-02", "a spreadsheet date", "the original file"),
        ("2-Sept", "a spreadsheet date", "the original file"),
        ("9/2/2023", "a spreadsheet date", "the original file"),
        ("02.09.23", "a spreadsheet date", "the original file"),
        ("43710", "a spreadsheet date", "the original"),
        ("43710.0", "a spreadsheet date", "the original"),
        ("43730.0", "an Entrez number", "aliases={identifier: gene}"),
        ("2-Sep-21", "a spreadsheet date", "the original file"),
        ("2021-09-02 00:00:00", "a spreadsheet date", "the original file"),
        ("Trp53", "a mouse or rat symbol", "load_orthologs('mouse', gene_sets.genes)"),
        ("Nkx2-1", "a mouse or rat symbol", "orthologs"),
        ("1110008P14Rik", "a mouse or rat symbol", "gene sets of that species"),
    ],
)
@pytest.mark.parametrize("blank", ["", " "])
def test_kinds(gene, kind, advice, blank):
    (sentence,), others = describe_kinds([gene + blank], ["ATM", "TP53"])
    assert sentence.startswith(f"1 looks like {kind}")
    assert f"({gene + blank!r}), not like 'ATM': " in sentence
    assert advice in sentence
    assert others == []


@pytest.mark.parametrize(
    "gene",
    [
        "P53",
        "MLL2",
        "C1orf112",
        "HLA-A",
        "SEPT2",
        "p53",
        "MARCH1",
        "sep-1",
        "1/2.2023",
        "",
        "Gene1",
        "Sample",
        # They have the form of accessions of UniProt.
        *("B3GNT2", "H2AC11", "P2RY12", "E2F6P4"),
    ],
)
def test_no_kind(gene):
    assert describe_kinds([gene], ["ATM", "TP53"]) == ([], [gene])


@pytest.mark.parametrize("known", ["ENSG00000141510", "7157", "Trp53", "HGNC:11998"])
def test_the_kind_of_the_collection_is_no_news(known):
    assert describe_kinds([known], [known, known[:-1] + "1"]) == ([], [known])
    assert describe_kinds([known], [known, "TP53"])[1] == []


def test_symbols_in_a_collection_of_numbers():
    text = warning(["Trp53"], {"A": ["7157", "472"]})
    assert "1 looks like a mouse or rat symbol ('Trp53'), not like '472'" in text
    # There, a number that could be a date is a number.
    assert describe_kinds(["43710"], ["7157", "472"]) == ([], ["43710"])


def test_the_warning_counts_names_and_advises():
    genes = ["ENSG00000141510.17", "ENSG00000149311", "2-Sep", "P53", "TP53", "2-Sep"]
    text = warning(genes)
    for part in (
        "5 of 6 genes are in no gene set",
        "2 look like Ensembl ids ('ENSG00000141510.17', 'ENSG00000149311')",
        "load_human_gene_aliases(gene_sets.genes, ids=True)",
        "1 looks like a spreadsheet date ('2-Sep')",
        "Old symbols and other names need aliases",
    ):
        assert text.count(part) == 1
    assert "'TP53'" not in text


def test_aliases_are_not_advised_twice():
    assert "Old symbols" in warning(["P53"])
    assert "Old symbols" not in warning(["P53"], aliases={"MGC1": "ATM"})
    aliases = load_human_gene_aliases()
    assert GmtVectorizer(SYMBOLS, aliases=aliases).fit(["P53"]).unknown_genes_.size == 0


def test_errors_say_the_same():
    vectorizer = GmtVectorizer(SYMBOLS, handle_unknown="error")
    with pytest.raises(
        ValueError, match=r"of the collection: '7157'\. 1 looks like an E"
    ):
        vectorizer.fit(["7157"])


@pytest.mark.parametrize(
    ("known", "gene"),
    [
        ("ENSG00000141510", "ENSG00000141510.17"),
        ("ENSG00000141510.16", "ENSG00000141510"),
        ("ENSG00000141510.16", "ENSG00000141510.17"),
        ("7157", "7157.0"),
        ("7157.0", "7157"),
    ],
)
def test_ids_are_found_by_any_version(known, gene):
    vectorizer = GmtVectorizer({"A": [known], "B": ["X"]}, handle_unknown="error")
    assert vectorizer.fit_transform([gene]).toarray().tolist() == [[1, 0]]
    report = vectorizer.lookup([gene])
    assert report[["found_as", "status"]].to_numpy().tolist() == [[known, "version"]]


def test_genes_with_two_numbers_are_no_repeats():
    assert "IGHV3-30)" not in warning(["IGHV3-30-3"], {"A": ["IGHV3-30", "ATM"]})


def test_an_id_in_two_versions_is_ambiguous():
    vectorizer = GmtVectorizer({"A": ["ENSG00000141510.1", "ENSG00000141510.2"]})
    text = warning(["ENSG00000141510.3"], vectorizer.gene_sets)
    assert "several genes are 'ENSG00000141510.3'" in text


def test_a_date_of_two_symbols_offers_both():
    vectorizer = GmtVectorizer({"A": ["MARCH1", "MARC1"]}).fit(["MARC1"])
    assert vectorizer.lookup(["1-Mar"])["candidates"].item() == "MARCH1, MARC1"


@pytest.mark.parametrize("known", [["7157", "472"], ["ENSG00000141510.16"]])
@pytest.mark.parametrize("aliases", [None, load_human_gene_aliases()])
def test_symbols_find_a_collection_of_ids_by_the_advice(known, aliases):
    gene_sets = GeneSets({"A": known})
    call = "load_human_gene_aliases(gene_sets.genes, ids=True)"
    for gene in ("TP53", "P53"):
        assert warning([gene], gene_sets, aliases=aliases).count(call) == 1
    aliases = eval(call)
    vectorizer = GmtVectorizer(gene_sets, aliases=aliases, handle_unknown="error")
    vectorizer.fit(["TP53", "P53"])
    assert "ids=True" not in warning(["NOGENE1"], gene_sets, aliases=aliases)


def test_ids_of_another_kind_than_the_collection():
    gene_sets = GeneSets({"A": ["7157", "472"]})
    call = "load_human_gene_aliases(gene_sets.genes, ids=True)"
    assert call in warning(["ENSG00000141510"], gene_sets)
    vectorizer = GmtVectorizer(gene_sets, aliases=eval(call)).fit(["7157"])
    assert vectorizer.lookup(["ENSG00000141510"])["found_as"].item() == "7157"


def test_kinds_that_the_aliases_have_need_no_advice():
    aliases = load_human_gene_aliases(ids=True)
    text = warning(["ENSG99999999999", "99999999"], aliases=aliases)
    assert "look" not in text


def test_mouse_ids_are_not_sent_to_human_aliases():
    assert "load_human" not in warning(["ENSMUSG00000059552"])


@pytest.mark.parametrize(
    "file", ["h.all.v7.0.symbols.gmt", "msigdb.v7.1.h-c2-c5-c6-c7.symbols.gmt.gz"]
)
def test_symbols_of_real_collections_are_symbols(msigdb_file, file):
    """No gene of a collection is taken for an identifier of another kind."""
    genes = read_gmt(msigdb_file(file)).genes
    sentences, _ = describe_kinds(genes, ["ATM", "TP53"])
    assert sentences == []


@pytest.mark.parametrize(
    ("known", "gene", "status"),
    [
        ("TP53", " TP53", "blanks"),
        ("TP53", "TP53\xa0", "blanks"),
        ("TP53", "TP53\ufeff", "blanks"),
        ("TP53", "tp53 ", "case"),
        ("7157", " 7157.0", "version"),
        ("NKX2-5", "NKX2.5", "dots"),
        ("HLA-A", "HLA.A", "dots"),
        ("TP53", "TP53-1", "numbered"),
        ("TP53", "TP53.1", "numbered"),
        ("TP53", "TP53_ENSG00000141510", "joined"),
        ("TP53", "GRCh38_TP53", "joined"),
        ("SEPTIN2", "2-Sep", "date"),
        ("SEPT2", "Sep-02", "date"),
        ("MARCHF1", "1-Mar", "date"),
        ("DELEC1", "1-Dec", "date"),
    ],
)
def test_genes_that_are_nearly_there(known, gene, status):
    text = warning([gene], {"A": [known, "ATM"]})
    assert repr(known) in text or f"({known})" in text
    assert "Old symbols" not in text
    report = GmtVectorizer({"A": [known]}).fit([gene]).lookup([gene])
    assert report[["status", "candidates"]].to_numpy().tolist() == [[status, known]]


def test_mouse_genes_in_the_bundled_collection():
    text = warning(["Trp53", "Atm", "Gm1234"], load_go_bp())
    assert "The collection has 'ATM' for 'Atm'." in text
    assert "3 look like mouse or rat symbols ('Trp53', 'Atm', 'Gm1234')" in text
