"""Unknown identifiers: of which kind they are, and what the messages advise."""

import pytest

from sk_gene2vec import GmtVectorizer
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
        ("ENSMUSG00000059552.8", "an Ensembl id", "aliases={identifier: gene}"),
        ("ENST00000269305.9", "an Ensembl id", "aliases={identifier: gene}"),
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
        ("Trp53", "a mouse or rat symbol", r"orthologs as aliases={symbol: gene}"),
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
        "load_human_gene_aliases(ids=True)",
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
    ("known", "gene", "status"),
    [
        ("TP53", " TP53", "blanks"),
        ("TP53", "TP53\xa0", "blanks"),
        ("TP53", "TP53\ufeff", "blanks"),
        ("TP53", "tp53 ", "case"),
        ("ENSG00000141510", "ENSG00000141510.17", "version"),
        ("ENSG00000141510.16", "ENSG00000141510", "version"),
        ("ENSG00000141510.16", "ENSG00000141510.17", "version"),
        ("7157", "7157.0", "version"),
    ],
)
def test_genes_that_are_nearly_there(known, gene, status):
    text = warning([gene], {"A": [known]})
    assert text.endswith(f": {gene!r}. The collection has {known!r} for {gene!r}.")
    report = GmtVectorizer({"A": [known]}).fit([gene]).lookup([gene])
    assert report[["status", "candidates"]].to_numpy().tolist() == [[status, known]]


def test_mouse_genes_in_the_bundled_collection():
    text = warning(["Trp53", "Atm", "Gm1234"], load_go_bp())
    assert "The collection has 'ATM' for 'Atm'." in text
    assert "3 look like mouse or rat symbols ('Trp53', 'Atm', 'Gm1234')" in text
