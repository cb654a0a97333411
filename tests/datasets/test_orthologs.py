"""The bundled orthologs, their loader, and the script that builds them."""

import build_orthologs
import pytest

from sk_gene2vec import GmtVectorizer
from sk_gene2vec.datasets import load_go_bp, load_orthologs

# Well-known genes, many of them with another human symbol.
MOUSE = {
    "Trp53": "TP53",
    "Actb": "ACTB",
    "Cd3e": "CD3E",
    "Ptprc": "PTPRC",
    "Cd8b1": "CD8B",
    "Cd79a": "CD79A",
    "Ly6g6d": "LY6G6D",
    "Il1b": "IL1B",
    "Kitl": "KITLG",
    "Adgre1": "ADGRE1",
    "Itgam": "ITGAM",
    "Krt5": "KRT5",
    "Nkx2-5": "NKX2-5",
    "Tnfrsf1a": "TNFRSF1A",
    "Zfp36": "ZFP36",
    "Zfp335": "ZNF335",
    "H1f2": "H1-2",
    "mt-Co1": "MT-CO1",
    "H2-Ab1": "HLA-DQB1",
    "Serpine1": "SERPINE1",
    "Cdkn1a": "CDKN1A",
    "Gapdh": "GAPDH",
    "Vegfa": "VEGFA",
}
RAT = {
    "Tp53": "TP53",
    "Actb": "ACTB",
    "Cd8b": "CD8B",
    "Kitlg": "KITLG",
    "Slc6a3": "SLC6A3",
    "Th": "TH",
    "Bdnf": "BDNF",
    "Ins2": "INS",
    "Mt-co1": "MT-CO1",
    "Zfp335": "ZNF335",
}


@pytest.mark.parametrize(
    ("organism", "known", "count"), [("mouse", MOUSE, 19_110), ("rat", RAT, 17_833)]
)
def test_well_known_genes(organism, known, count):
    orthologs = load_orthologs(organism)
    assert {gene: orthologs.get(gene) for gene in known} == known
    assert len(orthologs) == count


def test_genes_without_a_clear_ortholog():
    orthologs = load_orthologs("mouse")
    assert orthologs["Cxcl2"] == ("CXCL2", "CXCL3")
    assert orthologs["Fcgr4"] == ("FCGR3A", "FCGR3B")
    assert "Xist" not in orthologs
    assert "TRP53" not in orthologs


def test_a_vectorizer_finds_mouse_genes():
    gene_sets = load_go_bp()
    vectorizer = GmtVectorizer(gene_sets, aliases=load_orthologs("mouse")).fit(
        ["Trp53"]
    )
    found = vectorizer.lookup(list(MOUSE))
    wanted = {gene: human for gene, human in MOUSE.items() if human in gene_sets.genes}
    assert len(wanted) > 20
    assert dict(zip(found["gene"], found["found_as"], strict=True)).items() >= (
        wanted.items()
    )


@pytest.mark.parametrize("name", ["HIST1H1C", "3006", "ENSG00000187837"])
def test_genes_are_called_as_the_collection_calls_them(name):
    assert load_orthologs("mouse", ["TP53", name])["H1f2"] == name
    assert load_orthologs("mouse", ["TP53", name])["Trp53"] == "TP53"


def test_unknown_organisms_are_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'mouse', 'rat'.* got 'zebrafish'"):
        load_orthologs("zebrafish")


def test_script_keeps_the_most_votes_and_ties():
    pairs = [
        *[("B", "X", 2), ("B", "Y", 3), ("B", "X", 3), ("B", "Z", 1)],
        *[("A", "X", 9), ("A", "Y", 8), ("C", "X", 2)],
    ]
    expected = [("A", "X"), ("B", "X"), ("B", "Y")]
    assert build_orthologs.best_supported(pairs) == expected


def test_script_refuses_another_version(tmp_path):
    path = tmp_path / "sysdata.rda"
    path.write_bytes(b"other")
    with pytest.raises(ValueError, match=r"babelgene 22\.9"):
        build_orthologs.main([str(path), "--output", str(tmp_path)])
