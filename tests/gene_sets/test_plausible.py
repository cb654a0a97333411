"""Files as people have them: read rightly, or refused with advice that works."""

import gzip
import io
import re
import warnings

import pandas as pd
import pytest

from sk_gene2vec import GeneSetFormatError, GeneSets, GmtVectorizer, read_gmt
from sk_gene2vec import read_gene_sets as read
from sk_gene2vec.datasets import load_go_bp


def lines(*rows):
    return "".join(f"{row}\n" for row in rows).replace(" | ", "\t")


ENRICHR = lines(
    "Term | Overlap | P-value | Adjusted P-value | Odds Ratio | Combined Score | Genes",
    "Apoptosis | 3/140 | 0.001 | 0.01 | 5.2 | 30.1 | CASP3;TP53;BAX",
    "Cell cycle | 2/124 | 0.01 | 0.04 | 4.1 | 18.0 | CDK1;TP53",
)
APOPTOSIS = {"Apoptosis": ("CASP3", "TP53", "BAX"), "Cell cycle": ("CDK1", "TP53")}
CELL_TYPES = {"T cell": ("CD3D", "CD3E"), "B cell": ("CD19",)}

# The text of a table, the advice on it, and the first gene set when it is followed.
TABLES = {
    "Enrichr": (ENRICHR, ("Term", "Genes"), ";", ("CASP3", "TP53", "BAX")),
    "clusterProfiler": (
        lines(
            "ID | Description | GeneRatio | pvalue | p.adjust | geneID | Count",
            "GO:1 | a process | 2/10 | 1e-05 | 0.001 | TP53/BAX | 2",
            "GO:2 | another | 1/10 | 0.01 | 0.02 | TP53/CDK1 | 1",
        ),
        ("ID", "geneID"),
        "/",
        ("TP53", "BAX"),
    ),
    "fgsea": (
        "pathway,pval,padj,ES,leadingEdge\nA,0.1,0.2,0.5,TP53|BAX\nB,0.2,0.4,1,BAX|A\n",
        ("pathway", "leadingEdge"),
        "|",
        ("TP53", "BAX"),
    ),
    "Seurat": (
        '"","p_val","avg_log2FC","cluster","gene"\n"1",0.01,2.1,"T cell","CD3D"\n',
        ("cluster", "gene"),
        None,
        ("CD3D",),
    ),
    "ConsensusPathDB": (
        lines(
            "pathway | external_id | source | hgnc_symbol_ids",
            "Apoptosis | R-HSA-1 | Reactome | TP53,BAX",
            "Cell cycle | R-HSA-2 | Reactome | CDK1,TP53",
        ),
        ("pathway", "hgnc_symbol_ids"),
        ",",
        ("TP53", "BAX"),
    ),
    "STRING": (
        lines(
            "#category | term ID | fdr | matching proteins in your network (labels)",
            "GO Process | GO:1 | 1.2 | TP53,BAX",
            "GO Process | GO:2 | 0.2 | TP53,CDK1",
        ),
        ("term ID", "matching proteins in your network (labels)"),
        ",",
        ("TP53", "BAX"),
    ),
    "BioMart": (
        lines(
            "Gene stable ID | Gene name | GO term accession",
            "ENSG1 | TP53 | GO:1",
            "ENSG1 | TP53 | GO:2",
        ),
        ("GO term accession", "Gene name"),
        None,
        ("TP53",),
    ),
    "gene2go": (
        lines(
            "#tax_id | GeneID | GO_ID | Evidence | Qualifier | GO_term",
            "9606 | 7157 | GO:0006915 | IDA | - | apoptotic process",
            "9606 | 836 | GO:0006915 | IDA | - | apoptotic process",
        ),
        ("GO_ID", "GeneID"),
        None,
        ("7157", "836"),
    ),
    "PanglaoDB": (
        lines(
            "species | official gene symbol | cell type",
            "Mm Hs | CTRB1 | Acinar cells",
            "Mm Hs | KLK1 | Acinar cells",
            "Hs | INS | Beta cells",
        ),
        ("cell type", "official gene symbol"),
        None,
        ("CTRB1", "KLK1"),
    ),
    "cell types": (
        lines("cell_type | gene", "T cell | CD3D", "T cell | CD3E"),
        ("cell_type", "gene"),
        None,
        ("CD3D", "CD3E"),
    ),
    "gget": (
        "gene_set,gene\nHYPOXIA,PGK1\nHYPOXIA,LDHA\n",
        ("gene_set", "gene"),
        None,
        ("PGK1", "LDHA"),
    ),
    "piano": (
        '"SYMBOL","TERM_GOID"\n"PF3D7_1038400","GO:3"\n"PF3D7_0816800","GO:3"\n',
        ("TERM_GOID", "SYMBOL"),
        None,
        ("PF3D7_1038400", "PF3D7_0816800"),
    ),
    "cellxgene": (
        "gene_set_name,gene_set_description,gene_symbol,gene_description\n"
        "club.cell,desc,SCGB1A1,x\nclub.cell,,CYP2F1,y\nmacrophage,d2,CD163,z\n",
        ("gene_set_name", "gene_symbol"),
        None,
        ("SCGB1A1", "CYP2F1"),
    ),
    "no header": (
        lines(
            "ko00010 | LG07G000819", "ko00010 | LG10G000478", "ko00020 | LG27G000486"
        ),
        (0, 1),
        None,
        ("LG07G000819", "LG10G000478"),
    ),
    "genes first": (
        "TP53,apoptosis\nTP53,cycle\nBAX,apoptosis\nCDK1,cycle\nAKT1,cycle\n",
        (1, 0),
        None,
        ("TP53", "BAX"),
    ),
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("read_one", [read, read_gmt])
def test_tables_are_refused_with_the_columns_that_read_them(name, read_one):
    text, columns, sep, genes = TABLES[name]
    with pytest.raises(GeneSetFormatError) as caught:
        read_one(io.StringIO(text))
    option = f", sep={sep!r}" if sep else ""
    assert f"read_gene_sets(..., columns={columns!r}{option})" in str(caught.value)
    found = read(io.StringIO(text), columns=columns, sep=sep)
    assert next(iter(found.values())) == genes


def test_header_of_positions_is_refused():
    with pytest.raises(GeneSetFormatError, match=r"columns=\('gs', 'symbol'\)"):
        read(io.StringIO("gs,symbol\nA,TP53\n"), columns=(0, 1))
    with pytest.raises(GeneSetFormatError, match=r"a/b\), got"):
        read(io.StringIO("A,TP53\n"), columns=("a", "b"))


DESEQ = lines(
    "gene | baseMean | log2FoldChange | stat",
    "TP53 | 1200.5 | -1.2 | 4",
    "BAX | 10.1 | 0.7 | NA",
)


@pytest.mark.parametrize(
    "text",
    [
        DESEQ,
        DESEQ.partition("\n")[2],
        lines("g | S1 | S2 | S3", "TP53 | 12 | 0 | 5", "BAX | 0 | 3 | 1"),
        lines("NAME | GS DETAILS | SIZE | ES", "A | Details | 12 | 0.5"),
        lines("TP53 | MDM2 | 9606.ENSP1 | 0.999", "TP53B | ATM | 9606.ENSP1 | 0.9"),
        lines("TP53 | MDM2 | 0.9"),
        lines("gene | fc | p", "TP53 | 1,25 | 0,05", "BAX | 1,25 | 0,01"),
        lines("Geneid | Chr | Start", "ENSG1 | 1;1 | 1;2", "ENSG2 | 1 | 3"),
        lines("Entry | Gene Names | Gene Ontology IDs", "P1 | TP53 P53 | GO:1; GO:2"),
    ],
)
@pytest.mark.parametrize("read_one", [read, read_gmt])
def test_numbers_are_no_genes(text, read_one):
    message = "header of a column|table of numbers"
    with pytest.raises(GeneSetFormatError, match=message):
        read_one(io.StringIO(text))


@pytest.mark.parametrize(
    "text", ["TP53, BAX, MDM2\n", "TP53 BAX\n", '"TP53"\n"BAX"\n', "A,na,TP53,BAX,,\n"]
)
def test_lines_without_tabs_are_told_how_to_be(text, tmp_path):
    with pytest.raises(GeneSetFormatError, match="one gene in each line"):
        read(io.StringIO(text))
    genes = re.findall("[A-Z0-9]{3,}", text)
    path = tmp_path / "mine.txt"
    path.write_text("\n".join(genes), encoding="utf-8")
    assert dict(read(path)) == {"mine": tuple(genes)}


# Other kinds of files

FOREIGN = {
    "a web page": "<!DOCTYPE html>\n<html><body>Please\tlog in\tfirst</body></html>\n",
    "XML": '<?xml version="1.0"?>\n<pathway>\n',
    "GAF": lines(
        "!gaf-version: 2.2",
        *("UniProtKB | P0 | TP53 |  | GO:1 | P:1 | IDA |  | P", ""),
    ),
    "OBO": "format-version: 1.2\n\n[Term]\nid: GO:1\n",
    "git lfs pull": "version https://git-lfs.github.com/spec/v1\noid sha256:1\n",
    "YAML": "Apoptosis: CASP3, TP53\nCell cycle: CDK1, TP53\n",
    "yaml.safe_load": "Apoptosis:\n  - CASP3\n  - TP53\n",
    "a server": '{"error": "Library KEGG_2099 not found"}',
    "BED": lines("chr1 | 100 | 200 | TP53 | 0 | +"),
    "GTF": lines('1 | havana | gene | 11 | 14 | . | + | . | gene_id "ENSG1"; x "y"'),
    "with scores": lines("TP53 | 2.31", "BAX | -1.02"),
    "measurements": lines(
        "#1.2", "2 | 2", "NAME | Description | S1", "TP53 | na | 1.2"
    ),
}


@pytest.mark.parametrize("what", FOREIGN)
@pytest.mark.parametrize("read_one", [read, read_gmt])
def test_other_files_are_named(what, read_one, tmp_path):
    path = tmp_path / "sets.gmt"
    path.write_text(FOREIGN[what], encoding="utf-8")
    with pytest.raises(GeneSetFormatError, match=what):
        read_one(path)


@pytest.mark.parametrize("kind", ["GAF", "OBO"])
def test_annotations_are_sent_to_the_reader_that_takes_them(kind):
    with pytest.raises(GeneSetFormatError, match=r"read_go_annotations\(gaf, obo\)"):
        read(io.StringIO(FOREIGN[kind]))


def test_yaml_through_its_parser():
    yaml = pytest.importorskip("yaml")
    texts = yaml.safe_load(FOREIGN["YAML"])
    found = GeneSets({name: genes.split(", ") for name, genes in texts.items()})
    assert found["Cell cycle"] == ("CDK1", "TP53")


def test_a_path_that_is_none(tmp_path):
    with pytest.raises(ValueError, match=r"got the URL .*urlretrieve"):
        read("https://example.org/h.all.gmt")
    with pytest.raises(ValueError, match=r"got text.*io\.StringIO\(text\)"):
        read("A\tna\tTP53\n")
    for given, call in {
        "KEGG_2021_Human": "fetch_enrichr('KEGG_2021_Human')",
        "h.all": "fetch_msigdb('h.all')",
        "H": "fetch_msigdb('h.all')",
        "mh.all": "fetch_msigdb('mh.all', version='2024.1.Mm')",
        "m5.go.bp": "fetch_msigdb('m5.go.bp', version='2024.1.Mm')",
    }.items():
        with pytest.raises(FileNotFoundError, match=re.escape(call)):
            GmtVectorizer(given).fit(["TP53"])
    with pytest.raises(FileNotFoundError) as caught:
        read(tmp_path / "h.all.v7.0.symbols.gmt")
    assert "fetch" not in str(caught.value)
    with pytest.raises(TypeError, match=r"GeneSets\(\{name: genes\}\)"):
        read(["TP53", "BAX"])


@pytest.mark.parametrize(
    "data", [b"\x89HDF\r\n\x1a\n\0" + bytes(99), bytes(range(256)) * 9]
)
def test_binary_files_end_in_one_message(data):
    for encoding in ("utf-8", "latin-1"):
        with pytest.raises(GeneSetFormatError) as caught:
            read(io.BytesIO(data), encoding=encoding)
        assert "encoding=" not in str(caught.value)
        assert re.search("binary|HDF5", str(caught.value))


def test_r_data_is_named():
    with pytest.raises(GeneSetFormatError, match="R data"):
        read(io.BytesIO(gzip.compress(b"X\n\0\0\0\3\0\4\2\1")))


@pytest.mark.parametrize("kind", ["arrow", "lazy"])
def test_tables_of_arrow_and_lazy_frames(kind):
    columns = {"gs_name": ["A", "A"], "gene_symbol": ["TP53", "BAX"]}
    if kind == "arrow":
        table = pytest.importorskip("pyarrow").table(columns)
    else:
        table = pytest.importorskip("polars").LazyFrame(columns)
    assert dict(read(table)) == {"A": ("TP53", "BAX")}
    vectorizer = GmtVectorizer(table).fit(["TP53"])
    assert list(vectorizer.vocabulary_) == ["A"]


# What is read, with a warning


def warned(text, match, **options):
    with pytest.warns(UserWarning, match=match) as caught:
        found = read(io.StringIO(text), **options)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    return found


@pytest.mark.parametrize("sep", [", ", ",", ";", "; ", "|", " ", "/", " /// "])
def test_several_genes_in_a_field(sep):
    text = lines(*(f"{name} | na | {sep.join(g)}" for name, g in APOPTOSIS.items()))
    option = sep.strip()[:1] or " "
    warned(text, re.escape(f"sep={option!r}"))
    assert dict(read(io.StringIO(text), sep=option)) == APOPTOSIS
    rows = [(name, sep.join(genes)) for name, genes in APOPTOSIS.items()]
    frame = pd.DataFrame(rows, columns=["term", "gene"])
    with pytest.warns(UserWarning, match=re.escape(f"sep={option!r}")):
        read(frame)
    assert dict(read(frame, sep=option)) == APOPTOSIS


def test_entrez_numbers_in_a_field_are_no_weights():
    text = lines("A | na | 7157,836,581", "B | na | 581,596")
    warned(text, "sep=','")
    assert read(io.StringIO(text), sep=",")["A"] == ("7157", "836", "581")


@pytest.mark.parametrize("sep", ["", 1])
def test_a_separator_is_text(sep):
    with pytest.raises(ValueError, match="text between genes as sep"):
        read(io.StringIO("A\t\tB"), sep=sep)


@pytest.mark.parametrize(
    "text",
    [
        lines("PHOSPHO_DN | AKT1 | MAPK1 | CDK1", "PHOSPHO_UP | EGFR | CDK2 | PLK1"),
        lines("A | TP53 | BAX | BAD", "B | BAX | TP53", "C | BAD | MYC"),
        lines("A | ENSG00000141510 | ENSG00000087088", "B | ENSG00000002330 | ENSG1"),
        lines("A | 7157 | 836 | 581", "B | 836 | 7157"),
    ],
)
def test_gmt_without_descriptions(text):
    gene_sets = warned(text, "descriptions look like genes")
    whole = GeneSets(
        {
            name: [gene_sets.descriptions[name], *genes]
            for name, genes in gene_sets.items()
        }
    )
    expected = [row.split("\t") for row in text.splitlines()]
    assert dict(whole) == {name: tuple(genes) for name, *genes in expected}


MARKERS = lines(
    "T cell | B cell | NK", "CD3D | CD19 | NKG7", "CD3E | MS4A1 | GNLY", " | CD79A | "
)


def test_gmx_without_descriptions():
    with pytest.raises(GeneSetFormatError, match="format='gmx'"):
        read(io.StringIO(MARKERS))
    warned(MARKERS.rpartition("\t")[0].rpartition("\n")[0], "format='gmx'")
    gene_sets = warned(MARKERS, "descriptions look like genes", format="gmx")
    assert {
        name: [gene_sets.descriptions[name], *genes]
        for name, genes in gene_sets.items()
    } == {
        "T cell": ["CD3D", "CD3E"],
        "B cell": ["CD19", "MS4A1", "CD79A"],
        "NK": ["NKG7", "GNLY"],
    }


def test_quotes():
    text = lines(
        'VESICLE | na | betaCOP | beta\'COP | "quoted"',
        '"QUOTED NAME" | "a, desc" | "TP53" | "BAX"',
    )
    gene_sets = warned(text, "in quotes .*quote=FALSE")
    clean = GeneSets(
        {
            name.strip('"'): [gene.strip('"') for gene in genes]
            for name, genes in gene_sets.items()
        }
    )
    assert clean["QUOTED NAME"] == ("TP53", "BAX")
    assert clean["VESICLE"] == ("betaCOP", "beta'COP", "quoted")


@pytest.mark.parametrize("header", ["Gene", "gene_symbol", "SYMBOL", "ensembl_id", "x"])
def test_the_header_of_a_list(header):
    text = f"#A\n{header}\nTP53\nBAX\n"
    with pytest.raises(GeneSetFormatError, match=f"got '{header}', .*first line"):
        read(io.StringIO(text))
    assert dict(read(io.StringIO("#A\nTP53\nBAX\n"))) == {"A": ("TP53", "BAX")}


@pytest.mark.parametrize(
    ("genes", "message"),
    [
        ("2-Sep 1-Mar 4-Dec", r"3 of 4 genes are dates .*'1-Mar', '2-Sep'"),
        ("SEP-02 2001-09-02 9/2/2001", "3 of 4 genes are dates"),
        ("2.31E+13 TP63", r"1 of 3 genes are numbers \('2\.31E\+13'"),
        ("NA #N/A TP63", "2 of 4 genes are missing values"),
    ],
)
def test_what_a_spreadsheet_or_r_left(genes, message):
    text = lines("A | http://x | TP53", "B | http://x | TP53", "C | http://x | TP53")
    warned(text + "\t".join(["D", "na", *genes.split()]), message)


def test_files_without_any_gene():
    for text in ("A%BIOCYC%1\ta pathway\nB%BIOCYC%2\tanother\n", "hsa1\tGlycolysis\n"):
        for read_one in (read, read_gmt):
            with pytest.raises(GeneSetFormatError, match=r"no genes|without any"):
                read_one(io.StringIO(text))
    with pytest.raises(GeneSetFormatError, match="without any"):
        read(io.StringIO('{"A": []}'))


# Other tables that could be taken for gene sets


def test_terms_of_genes_are_turned_around():
    for text in (
        lines("AT1 | GO:0000001 | GO:0000002 | GO:0000003", "AT2 | GO:0000001 | "),
        lines("AT1 | a gene | R-HSA-1 | R-HSA-2", "AT2 | a gene | R-HSA-1"),
        lines("AT1 |  | hsa00010 | hsa00020", "AT2 |  | hsa00010"),
    ):
        with pytest.warns(UserWarning, match="ids of terms") as caught:
            gene_sets = read(io.StringIO(text))
        assert len(caught) == 1
        advice = re.search(r"read_gene_sets\(.*\)", str(caught[0].message))[0]
        known = {"gene_sets": gene_sets, "pandas": pd, "read_gene_sets": read}
        turned = eval(advice, known)
        term = re.search(r"GO:\d+|R-HSA-\d|hsa\d+", text)[0]
        assert turned[term] == ("AT1", "AT2")


@pytest.mark.parametrize("weight", [":0.04", "(0.34)", " (0.3)", "|0.5", ":1e-05"])
def test_weights_at_the_end_of_genes(weight):
    weight = weight.replace("1e-05", "1.5e-05")
    text = lines(f"A | na | TP53{weight} | BAX{weight}", f"B | na | HLA-A{weight}")
    with pytest.warns(UserWarning, match="number at the end") as caught:
        gene_sets = read(io.StringIO(text))
    advice = re.search(r"GeneSets\(.*\)", str(caught[0].message))[0]
    clean = eval(advice, {"gene_sets": gene_sets, "GeneSets": GeneSets, "re": re})
    assert dict(clean) == {"A": ("TP53", "BAX"), "B": ("HLA-A",)}


def test_sizes_before_the_genes():
    text = lines("A | na | 2 | TP53 | BAX", "B | na | 1 | MYC")
    gene_sets = warned(text, r"size of the gene set, use GeneSets\(\{name: genes\[1:\]")
    assert {name: genes[1:] for name, genes in gene_sets.items()} == {
        "A": ("TP53", "BAX"),
        "B": ("MYC",),
    }


def follow(text, tmp_path):
    """Read a file as the message tells, and return the gene sets."""
    path = tmp_path / "table.tsv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(GeneSetFormatError, match="names of rows") as caught:
        read(path)
    advice = re.search(r"read_gene_sets\(pandas.*?\)\)(?=\.)", str(caught.value))[0]
    return eval(advice, {"read_gene_sets": read, "pandas": pd, "path": path})


@pytest.mark.parametrize(("yes", "no"), [("1", "0"), ("TRUE", "FALSE"), ("1.0", "0.0")])
def test_memberships_in_a_matrix(yes, no, tmp_path):
    text = lines(" | A | B", f"TP53 | {yes} | {no}", f"BAX | {yes} | {yes}")
    expected = {"A": ("TP53", "BAX"), "B": ("BAX",)}
    assert dict(follow(text, tmp_path)) == expected
    assert dict(follow(text.replace("\t", ","), tmp_path)) == expected


def test_names_in_columns_after_row_names(tmp_path):
    text = lines(" | T cell | B cell", "0 | CD3D | CD19", "1 | CD3E | ")
    assert dict(follow(text, tmp_path)) == CELL_TYPES


def test_counts_with_names_of_rows():
    text = lines(" | S1 | S2", "TP53 | 12 | 5", "BAX | 3 | 1.5e-2")
    with pytest.raises(GeneSetFormatError, match="Numbers are no gene sets"):
        read(io.StringIO(text))


def test_a_first_line_without_a_name():
    with pytest.raises(GeneSetFormatError, match="Write a name there") as caught:
        read(io.StringIO(lines(" | na | TP53", "B | na | BAX | MYC")))
    assert "gmx" not in str(caught.value)


def test_counts_without_zeros():
    genes = [f"ENSG0000000000{n} | {n} | 4 | 12" for n in range(1, 6)]
    for rows in (genes, ["N_unmapped | 5 | 5 | 5", *genes]):
        with pytest.raises(GeneSetFormatError, match="table of numbers"):
            read(io.StringIO(lines(*rows)))


def test_several_genes_in_the_last_column():
    text = lines(
        "ComplexID | ComplexName | Organism | subunits(Gene name)",
        "Apoptosis | x | Human | CASP3;TP53;BAX",
        "Cell cycle | y | Human | CDK1;TP53",
    )
    columns = ("ComplexID", "subunits(Gene name)")
    warned(text, re.escape(f"columns={columns!r}, sep=';'"))
    assert dict(read(io.StringIO(text), columns=columns, sep=";")) == APOPTOSIS


def test_several_genes_in_a_column_of_a_table_without_a_header():
    text = lines("A | x1 | TP53;BAX", "A | x2 | MDM2", "B | x3 | BAX;MYC")
    warned(text, r"use read_gene_sets\(\.\.\., sep=';'\)", columns=(0, 2))


def test_tables_of_pairs():
    text = lines(*(f"{n} | ENSG{n} | GENE{n}" for n in range(100, 130)))
    warned(text, "table of pairs")
    text = lines(*(f"TF{n} | controls-expression-of | MYC{n}" for n in range(30)))
    warned(text, "table of pairs")
    warned(text, "table of pairs", columns=(0, 2))
    warned(text, "table of pairs", columns=(2, 0))


def test_the_advice_on_positions_takes_the_column_of_genes():
    for rest in ("http://x/{} | TP{}", "TP{} | http://x/{}", "cites | TP{} | word{}"):
        rows = [
            f"{name} | {rest}".replace("{}", str(n)) for n, name in enumerate("AAB")
        ]
        with pytest.raises(GeneSetFormatError, match="occurs twice") as caught:
            read(io.StringIO(lines(*rows)))
        columns = eval(re.search(r"columns=(\(.*?\))", str(caught.value))[1])
        assert read(io.StringIO(lines(*rows)), columns=columns)["A"] == ("TP0", "TP1")


def test_no_advice_on_columns_without_gene_sets():
    text = lines("gene | id | name", *(f"TP{n} | {n} | protein {n}" for n in range(5)))
    with pytest.raises(GeneSetFormatError, match="header of a column") as caught:
        read(io.StringIO(text))
    assert "columns=" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("A\\tna\\tTP53\nB\\tna\\tBAX\n", "backslashes"),
        ("A|na|TP53|BAX\nB|na|MYC\n", "'|'"),
    ],
)
def test_other_separators_than_tabs_are_named(text, what):
    with pytest.raises(GeneSetFormatError, match=re.escape(what)) as caught:
        read(io.StringIO(text))
    advice = re.search(r"text\.replace\(.*?\)(?=\.)", str(caught.value))[0]
    gene_sets = read(io.StringIO(eval(advice, {"text": text})))
    assert gene_sets["A"][0] == "TP53"


# No false alarm


@pytest.mark.parametrize(
    "name",
    [
        "h.all.v7.0.symbols.gmt",
        "msigdb.v7.1.h-c2-c5-c6-c7.symbols.gmt.gz",
        "reactome_2022.gmt.gz",
    ],
)
def test_real_collections_are_read_without_a_warning(msigdb_file, name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_gmt(msigdb_file(name)) == read(msigdb_file(name))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            lines("A |  | TP53,1.0 | BAX,0.5", "B |  | MYC,1.0"), id="Enrichr"
        ),
        pytest.param(lines("A_2021 |  | TP53 | BAX |  | "), id="GSEApy"),
        pytest.param(
            lines("GO:1 | autophagy | ATG5", "GO:2 | p53 | TP53", "GO:3 | TNF | BAX"),
            id="mulea",
        ),
        pytest.param(
            lines("GO:1 | FBgn0000150 | FBgn0", "GO:2 | cell cycle | FBgn0000151"),
            id="mulea FlyBase",
        ),
        pytest.param(lines("A%W%WP1 | http://x | 7157 | 836"), id="WikiPathways"),
        pytest.param(
            lines("A | R-HSA-1 | R3HDM1", "B | R-HSA-2 | TP53"), id="Reactome"
        ),
        pytest.param(lines("A | M5890 | M6PR", "B | M5891 | TP53"), id="MSigDB ids"),
        pytest.param(lines("TP53 | TP53 | BAX", "MYC | MYC | TP53"), id="regulons"),
        pytest.param(lines("A | Blood | CD4", "B | Brain | GFAP"), id="tissues"),
        pytest.param(
            lines("A | na | IDS | NAMPT | GENE1 | SEPTIN2 | MARCHF1"), id="odd"
        ),
        pytest.param(
            lines("R | na | RPL3 | RPL4 | RPS2 | 18S rRNA, 5.8S rRNA, 28S rRNA"),
            id="Reactome rRNA",
        ),
        pytest.param(lines("A | na | 1110008E19 | Trp53"), id="RIKEN"),
        pytest.param(
            lines("ko00010 | na | K00001 | K00002", "ko00020 | na | K00001"), id="KOs"
        ),
        pytest.param("sp|P04637|P53_HUMAN\tna\tTP53\n", id="FASTA"),
    ],
)
def test_styles_of_collections_are_read_without_a_warning(text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(io.StringIO(text)).genes == read_gmt(io.StringIO(text)).genes


def test_the_bundled_collection_is_read_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(load_go_bp()) > 5000
