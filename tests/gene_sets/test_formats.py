"""Gene sets in every format, told by the content."""

import codecs
import csv
import gzip
import io
import json
import tempfile

import pandas as pd
import pytest

from sk_gene2vec import (
    GeneSetFormatError,
    GeneSets,
    read_gene_sets,
    read_gmt,
    write_gmt,
)

SETS = {"A": ["TP53", "MDM2", "ATM"], "B": ["BRCA1"]}
NOTES = {"A": "na", "B": "http://b.org/B"}
PLAIN = GeneSets(SETS)
NOTED = GeneSets(SETS, NOTES)

GMT = "A\tna\tTP53\tMDM2\tATM\nB\thttp://b.org/B\tBRCA1\n"
GMX = "A\tB\nna\thttp://b.org/B\nTP53\tBRCA1\nMDM2\t\nATM\t\n"
JSON = json.dumps(
    {
        "A": {"collection": "H", "geneSymbols": SETS["A"], "msigdbURL": "na"},
        "B": {"geneSymbols": SETS["B"], "msigdbURL": "http://b.org/B"},
    }
)
PAIRS = [(name, gene) for name, genes in SETS.items() for gene in genes]


def table(columns, delimiter="\t", rows=PAIRS, quoting=csv.QUOTE_MINIMAL):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting)
    writer.writerows([columns, *rows])
    return text.getvalue()


@pytest.fixture
def read(tmp_path):
    def read_data(data, name="sets.txt", **options):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return read_gene_sets(path, **options)

    return read_data


FORMATS = {
    "gmt": GMT,
    "gmx": GMX,
    "json": JSON,
    "json, over several lines": json.dumps(json.loads(JSON), indent="\t"),
}


@pytest.mark.parametrize("data", FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize(
    "encode",
    [
        str.encode,
        lambda text: gzip.compress(text.encode(), mtime=0),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
    ],
    ids=["plain", "gzip", "byte order mark", "CRLF"],
)
# No name but the right one would say which format it is.
@pytest.mark.parametrize("name", ["sets", "sets.gmt", "sets.csv.gz"])
def test_content_tells_the_format(read, data, encode, name):
    gene_sets = read(encode(data), name=name)
    assert gene_sets == NOTED
    assert dict(gene_sets.attrs) == {"name": name}


COLUMNS = [
    ("source", "target"),
    ("geneset", "genesymbol"),
    ("gs_name", "gene_symbol"),
    ("gs_name", "entrez_gene"),
    ("gs_name", "ncbi_gene"),
    ("gs_name", "ensembl_gene"),
    ("term", "gene"),
    ("pathway", "gene"),
]


@pytest.mark.parametrize("columns", COLUMNS)
@pytest.mark.parametrize("delimiter", ["\t", ",", ";"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_tables(read, columns, delimiter, quoting):
    data = table(columns, delimiter, quoting=quoting)
    assert read(data) == PLAIN
    assert read(gzip.compress(data.encode(), mtime=0)) == PLAIN
    assert read("\ufeff# from R\n\n" + data.replace("\r\n", "\n\n")) == PLAIN
    assert read(data, format="table") == PLAIN


def test_table_columns_anywhere_and_rows_in_any_order(read):
    # As R's write.csv has it, with row names; a membership twice counts once.
    data = '"","gene_symbol","x","gs_name"\n'
    data += '"1","TP53",1,"A, the first"\n"2","ATM",2,"B"\n"3","MDM2",,"A, the first"\n'
    data += '"4","TP53",1,"A, the first"\n'
    assert dict(read(data)) == {"A, the first": ("TP53", "MDM2"), "B": ("ATM",)}


WEIGHTED = "source\ttarget\tweight\nA\tX\t0.5\nA\tY\t-2\nB\tZ\t1e-3\nB\tX\t1\n"


@pytest.mark.parametrize(
    ("min_weight", "expected"),
    [
        (None, {"A": ("X", "Y"), "B": ("Z", "X")}),
        (0, {"A": ("X", "Y"), "B": ("Z", "X")}),
        (0.5, {"A": ("X", "Y"), "B": ("X",)}),
        (1, {"A": ("Y",), "B": ("X",)}),
        (1.5, {"A": ("Y",)}),
    ],
)
def test_weights(read, min_weight, expected):
    assert dict(read(WEIGHTED, min_weight=min_weight)) == expected
    frame = pd.read_csv(io.StringIO(WEIGHTED), sep="\t")
    assert dict(read_gene_sets(frame, min_weight=min_weight)) == expected


def test_weights_that_are_missing_or_do_not_apply(read):
    with pytest.raises(
        ValueError, match=r"sets\.txt: Expected at least one gene set, got none"
    ):
        read(WEIGHTED, min_weight=9)
    with pytest.raises(ValueError, match=r"line 3: Expected a weight, got 'x'"):
        read(WEIGHTED.replace("-2", "x"), min_weight=1)
    assert dict(read(WEIGHTED.replace("-2", "x"))) == dict(read(WEIGHTED))
    columns = r"one column 'weight', got 0 of this name in \['source', 'target'\]"
    with pytest.raises(ValueError, match=r"sets\.txt, line 1: .*" + columns):
        read("source\ttarget\nA\tX\n", min_weight=1)
    frame = pd.DataFrame({"source": ["A"], "target": ["X"]})
    with pytest.raises(ValueError, match=columns):
        read_gene_sets(frame, min_weight=1)
    with pytest.raises(ValueError, match="Expected a weight, got nan"):
        read_gene_sets(frame.assign(weight=float("nan")), min_weight=1)
    with pytest.raises(
        ValueError, match=r"Expected a table for min_weight .* is read as GMT"
    ):
        read(GMT, min_weight=1)


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("columns", COLUMNS)
def test_frames(library, columns):
    module = pytest.importorskip(library)
    names, genes = zip(*PAIRS, strict=True)
    frame = module.DataFrame(
        {"other": [1] * len(PAIRS), columns[1]: genes, columns[0]: names}
    )
    assert read_gene_sets(frame) == PLAIN


def test_first_known_columns_of_a_frame():
    frame = pd.DataFrame({"term": ["T"], "gene": ["G"], "source": "S", "target": "X"})
    assert dict(read_gene_sets(frame)) == {"S": ("X",)}


def test_frame_of_categories():
    frame = pd.DataFrame(PAIRS, columns=["source", "target"], dtype="category")
    assert read_gene_sets(frame) == PLAIN


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_integer_ids_become_text(library, read):
    module = pytest.importorskip(library)
    frame = module.DataFrame({"gs_name": [1, 1], "entrez_gene": [7157, 472]})
    assert dict(read_gene_sets(frame)) == {"1": ("7157", "472")}
    assert dict(read("gs_name,entrez_gene\n1,7157\n1,472\n")) == {"1": ("7157", "472")}


@pytest.mark.parametrize("value", [7157.0, True, b"TP53", ["TP53"]])
def test_other_ids_do_not(value):
    frame = pd.DataFrame({"term": ["A", "A"], "gene": ["TP53", value]})
    kind = type(value).__name__
    with pytest.raises(TypeError, match=f"row 1: .* as str or int, got {kind} "):
        read_gene_sets(frame)


@pytest.mark.parametrize("value", [None, float("nan"), pd.NA, pd.NaT, "", "NA", " "])
@pytest.mark.parametrize("column", ["term", "gene"])
def test_missing_values_of_a_frame(value, column):
    frame = pd.DataFrame({"term": ["A", "A"], "gene": ["TP53", "X"]}, dtype=object)
    frame.loc[1, column] = value
    with pytest.raises(ValueError, match=r"DataFrame, row 1: .* missing value .* out"):
        read_gene_sets(frame)


@pytest.mark.parametrize("columns", [("Set", "Symbol"), ["Set", "Symbol"]])
def test_columns_by_name(columns, read):
    data = "term,gene,Symbol,Set,weight\nT,G,TP53,A,1\nT,G,ATM,A,0\n"
    assert dict(read(data)) == {"T": ("G",)}
    frame = pd.read_csv(io.StringIO(data))
    for source, read_one in ((data, read), (frame, read_gene_sets)):
        found = read_one(source, columns=columns)
        assert dict(found) == {"A": ("TP53", "ATM")}
        found = read_one(source, columns=columns, min_weight=0.5)
        assert dict(found) == {"A": ("TP53",)}
    pairs = pd.DataFrame([("A", "TP53")])
    assert dict(read_gene_sets(pairs, columns=(0, 1))) == {"A": ("TP53",)}


def test_columns_that_are_not_there(read):
    message = r"Expected columns of gene sets and genes \(a/b\), got \['?term"
    with pytest.raises(GeneSetFormatError, match=r"sets\.txt, line 1: " + message):
        read("term,gene\nA,X\n", columns=("a", "b"))
    frame = pd.DataFrame({"term": ["A"], "gene": ["X"]})
    with pytest.raises(ValueError, match=message):
        read_gene_sets(frame, columns=("a", "b"))
    for columns in ("ab", ("a",), ("a", "b", "c")):
        with pytest.raises(ValueError, match=r"columns=\(gene_set_column, gene"):
            read_gene_sets(frame, columns=columns)
    with pytest.raises(ValueError, match=r"for min_weight and columns, .* read as GMT"):
        read(GMT, columns=("a", "b"), format="gmt")


@pytest.mark.parametrize("delimiter", ["\t", ",", ";"])
def test_columns_in_other_case_are_named(read, delimiter):
    message = r"got .*'Gene'.*case count: use .*columns=\('Pathway', 'Gene'\)\)"
    # With three columns, it would also be a line of GMT.
    data = table(["Pathway", "Gene", "Score"], delimiter, [("A", "X", "1")])
    with pytest.raises(GeneSetFormatError, match=r"sets\.txt, line 1: .*" + message):
        read(data)
    assert dict(read(data, columns=("Pathway", "Gene"))) == {"A": ("X",)}
    frame = pd.DataFrame([("A", "X")], columns=["Pathway", "Gene"])
    with pytest.raises(ValueError, match=message):
        read_gene_sets(frame)
    with pytest.raises(ValueError, match=r"columns=\('Pathway', 'Gene'\)"):
        read_gene_sets(frame, columns=("pathway", "gene"))


def test_columns_of_one_name(read):
    message = r"Expected one column 'gene', got 2 of this name in \['term', 'gene', 'g"
    with pytest.raises(GeneSetFormatError, match=r"sets\.txt, line 1: " + message):
        read("term,gene,gene\nA,X,Y\n")
    frame = pd.DataFrame([("A", "X", "Y")], columns=["term", "gene", "gene"])
    with pytest.raises(ValueError, match=message):
        read_gene_sets(frame)


def test_unknown_columns_are_told_what_to_do():
    with pytest.raises(
        ValueError, match=r"pathway/gene\), got .* use read_gene_sets\(\.\.\., c"
    ):
        read_gene_sets(pd.DataFrame({"set": ["A"], "symbol": ["X"]}))


# GRP


@pytest.mark.parametrize(
    ("data", "name", "description"),
    [
        ("TP53\nMDM2\n", "My.Set.v1", ""),
        ("# NAME\nTP53\nMDM2", "NAME", ""),
        ("#NAME\n# what it is\n\n#more\nTP53\n\nMDM2\n", "NAME", "what it is"),
        ("# from a table\nTP53\nMDM2\n", "My.Set.v1", "from a table"),
        ("NAME\n# http://a.org/NAME\nTP53\nMDM2\n", "NAME", "http://a.org/NAME"),
        ("TP53\nMDM2\n# the end\n", "My.Set.v1", ""),
        ("TP53\nMDM2\nTP53\n", "My.Set.v1", ""),
    ],
)
@pytest.mark.parametrize("suffix", ["", ".grp", ".txt", ".grp.gz", ".GRP"])
def test_grp(read, data, name, description, suffix):
    gene_sets = read(data, name=f"My.Set.v1{suffix}")
    assert gene_sets == GeneSets({name: ["TP53", "MDM2"]}, {name: description})


def test_grp_from_an_open_file():
    assert dict(read_gene_sets(io.BytesIO(b"# A\nTP53\n"))) == {"A": ("TP53",)}
    with pytest.raises(
        GeneSetFormatError, match=r"line 1: Expected '# NAME', .*open file"
    ):
        read_gene_sets(io.StringIO("TP53\n"))


# GMX and its borders


def test_gmx_with_columns_of_every_length(read):
    data = "A\tB\tC\n> first\tin words\t\nX\tY\tZ\n\tU\t\n\tV\tW"
    gene_sets = read(data)
    assert dict(gene_sets) == {"A": ("X",), "B": ("Y", "U", "V"), "C": ("Z", "W")}
    assert gene_sets.descriptions == {"A": "> first", "B": "in words", "C": ""}


@pytest.mark.parametrize("note", ["na", "NA", "> what it is", "https://a.org/A"])
def test_gmx_of_one_column(read, note):
    assert read(f"A\n{note}\nTP53\n\nMDM2\n") == GeneSets(
        {"A": ["TP53", "MDM2"]}, {"A": note}
    )


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("A\tna\tX\tY\nB\tna\tZ\tW\n", id="rectangular"),
        pytest.param("A\tGO:1\tX\nB\tGO:2\tZ\n", id="GO ids"),
        pytest.param("A B\tin words\tC D\tX\nE F\tin words\tG\n", id="blanks all over"),
        pytest.param("A\td\tX\n\nB\td\tY\n", id="blank line"),
        pytest.param("A\td\tX\n\t\t\nB\td\tY\n", id="line of tabs"),
        pytest.param("A\tna\tX\nna na\tna\n", id="second set without genes"),
        pytest.param("A\td\tX\nB C\tin words\tD E\tFG\n", id="wider than the first"),
        pytest.param("# x\n A\td\tX\n", id="one line"),
        pytest.param("A\td\tX\n# the end\n", id="comment in the second line"),
        pytest.param(f"A\t{'d' * 200_000}\tX\n", id="longer than fields of a table"),
    ],
)
def test_gmt_wins(read, tmp_path, data):
    gene_sets = read(data)
    assert gene_sets == read_gmt(tmp_path / "sets.txt")


def test_format_overrides(read):
    empty_notes = "A\tB\n\t\nX\tY\nZ\tW\n"
    columns = {"A": ("X", "Z"), "B": ("Y", "W")}
    assert dict(read(empty_notes, format="gmx")) == columns
    assert dict(read("source\ttarget\nX\td\tG\n", format="gmt")) == {
        "source": (),
        "X": ("G",),
    }
    assert dict(read("A\nhttp://a\nX", format="grp")) == {
        "sets": ("A", "http://a", "X")
    }


def test_msigdb_gmx_reads_like_its_gmt(msigdb_file, read):
    hallmark = read_gmt(msigdb_file("h.all.v7.0.symbols.gmt"))
    depth = max(map(len, hallmark.values()))
    columns = [
        [name, hallmark.descriptions[name], *genes, *[""] * (depth - len(genes))]
        for name, genes in hallmark.items()
    ]
    lines = ("\t".join(cells) for cells in zip(*columns, strict=True))
    assert read("\n".join(lines)) == hallmark


def test_hallmark_in_every_format(msigdb_file, read, tmp_path):
    path = msigdb_file("h.all.v7.0.symbols.gmt")
    hallmark = read_gmt(path)
    assert read_gene_sets(path) == hallmark
    pairs = [(name, gene) for name, genes in hallmark.items() for gene in genes]
    long = table(("term", "gene"), ",", rows=pairs)
    assert dict(read(long)) == dict(hallmark)
    assert dict(read(json.dumps(dict(hallmark)))) == dict(hallmark)
    assert read_gene_sets(write_gmt(hallmark, tmp_path / "h.gmt.gz")) == hallmark


# Repeated names

TWICE = {
    "gmt": "A\t\tX\tY\nB\t\tZ\nA\tna\tY\tW\n",
    "gmx": "A\tB\tA\n\tna\tna\nX\tZ\tY\nY\t\tW\n",
    "json": '{"A": ["X", "Y"], "B": ["Z"], "A": ["Y", "W"]}',
}


@pytest.mark.parametrize("format", TWICE)
def test_repeated_names(read, format):
    data = TWICE[format]
    with pytest.raises(GeneSetFormatError, match=r"set 'A' occurs twice\. Set on_dupl"):
        read(data)
    assert dict(read(data, on_duplicate="first")) == {"A": ("X", "Y"), "B": ("Z",)}
    merged = read(data, on_duplicate="merge")
    assert dict(merged) == {"A": ("X", "Y", "W"), "B": ("Z",)}
    if format != "json":
        assert merged.descriptions["A"] == "na"


# What fits nothing


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", "got an empty file"),
        ("\n \n", ": Expected at least one gene, got none"),
        ("# A\n", ": Expected at least one gene, got none"),
        ("A d TP53\n", ", line 1: Fits no format .*: no tab, .* in 'A d TP53'"),
        ("TP53\nMDM2\n\nA B\n", ", line 4: Fits no format"),
        ("set,gene\nA,TP53\n", r", line 1: Fits no format .*columns=\('set', 'gene'\)"),
        ("<!DOCTYPE html>\n<html>", ": .* a web page"),
        ("<html>\n", ": .* a web page"),
        ("\n A\t", ", line 2: Fits no format .*: tabs, but no genes in 'A'"),
        ('["A", "B"]', ", line 1: Fits no format"),
        ("# x\nset\tgene\nA\tTP53\n", ", line 2: Fits no format .*: tabs"),
        ("A\td\tTP53\nB d\n", ", line 2: Expected name<TAB>.*, got no tab in 'B d'"),
        ("A\tB\nna\tna\nX\tY\n\tX\tZ\n", ", line 4: .* no name before the first tab"),
        ('{"A": ["X"],\n"B": [', ", line 2: Damaged JSON file"),
        ('{"A": 3}', ": Gene set 'A': .* 'geneSymbols'"),
        ('{"A": {"genes": ["X"]}}', r": Gene set 'A': .* got \"\['genes'\]\""),
        ('{"A": {"geneSymbols": {"X": 1}}}', ": Gene set 'A': .* a list"),
        ('{"A": [7157]}', ": Gene set 'A': .* int 7157"),
        ('{"A": ["X\\ty"]}', ": Gene set 'A': .* without tab"),
        ('{"A": ["\\ud800"]}', ": Gene set 'A': .* without tab"),
        ('{"A": {"geneSymbols": [], "msigdbURL": 1}}', ": Expected a description"),
        ('{"": ["X"]}', ": Expected a gene-set name"),
        ("{}", ": Expected at least one gene set, got none"),
        ('{"A":' * 100_000, ": Damaged JSON file"),
        ('{"A": ' + "1" * 9999 + "}", ": Damaged JSON file"),
        ("term\tgene\n", ": Expected at least one gene set, got none"),
        ("term\tgene\nA\tX\nB\n", ", line 3: .* 2 columns .* got 1"),
        ("term,gene\n\nA,X,Y\n", ", line 3: .* 2 columns .* got 3"),
        ("term,gene\nA,\n", ", line 2: .* a gene, .* missing value ''"),
        ("term,gene\nA,NA\n", ", line 2: .* a gene, .* missing value 'NA'"),
        ("term,gene\n ,X\n", ", line 2: .* a gene set, .* missing value ' '"),
        ('term,gene\nA,"X\n', r", line 2: Damaged table \(unexpected end of data\)"),
        ('term,gene\n"A"x,X\n', r", line 2: Damaged table \(',' expected after"),
        ('term,gene\nA,"X\nY"\n', ": Gene set 'A': .* without tab"),
        ("term\tgene\nA\tX,1.0\n", ": Gene set 'A': .* without a weight"),
        ("term,gene\nA," + "X" * 200_000, r", line 2: Damaged table \(field large"),
        (b"A\td\t\xe9", ", line 1: Expected utf-8 text, got byte 0xe9 at offset 4"),
        (gzip.compress(GMX.encode(), mtime=0)[:-9], ": Damaged gzip file"),
    ],
)
def test_first_line_that_fits_no_format(read, tmp_path, data, message):
    with pytest.raises(GeneSetFormatError, match=message) as caught:
        read(data)
    assert str(caught.value).startswith(f"{tmp_path / 'sets.txt'}")


@pytest.mark.parametrize(
    ("data", "format", "message"),
    [
        (GMX + "X\tY\tZ\n", "gmx", "line 6: Expected at most 2 fields, .*, got 3"),
        ("A\nna\tna\nX", "gmx", "line 2: Expected at most 1 fields, .*, got 2"),
        (
            "A\t\tB\n\nX\tY\tZ\n",
            "gmx",
            "not empty, without '#' first, got ''",
        ),
        ("", "gmx", "got an empty file"),
        (
            "A\td\tX\n",
            "table",
            r"line 1: .*source/target, .*\['A', 'd', 'X'",
        ),
        ("A\td\tX\n", "json", "line 1: Damaged JSON"),
        ('["A"]', "json", "Expected a JSON object"),
        ("A\tB", "grp", "line 1: Expected one gene per line"),
        ("A", "gmt", "line 1: Expected name<TAB>"),
    ],
)
def test_wrong_format_asked_for(read, data, format, message):
    with pytest.raises(GeneSetFormatError, match=message):
        read(data, format=format)


def test_bad_arguments(tmp_path):
    with pytest.raises(FileNotFoundError, match="none"):
        read_gene_sets(tmp_path / "none.gmt")
    with pytest.raises(ValueError, match=r"Expected format to be one of .* got 'xml'"):
        read_gene_sets("h.gmt", format="xml")
    with pytest.raises(ValueError, match="'raise', 'merge' or 'first', got 'last'"):
        read_gene_sets("h.gmt", on_duplicate="last")


@pytest.mark.parametrize("source", [{"A": ["TP53"]}, PLAIN, ["a.gmt"], None, 3])
@pytest.mark.parametrize("read_one", [read_gene_sets, read_gmt])
def test_sources_that_are_no_file(source, read_one):
    message = rf"got {type(source).__name__}\. GmtVectorizer takes mappings"
    with pytest.raises(TypeError, match=message):
        read_one(source)


def test_frames_are_for_read_gene_sets():
    frame = pd.DataFrame({"term": ["A"], "gene": ["X"]})
    with pytest.raises(TypeError, match="takes mappings, DataFrames"):
        read_gmt(frame)
    with pytest.raises(TypeError, match="Use read_gene_sets"):
        GeneSets(frame)


def test_messages_do_not_quote_a_collection_in_full():
    many = {f"SET{i}": [f"G{j}" for j in range(100)] for i in range(100)}
    with pytest.raises(TypeError) as caught:
        read_gene_sets(many)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("engine", ["pandas", "polars"])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16"])
def test_parquet_goes_through_a_frame(tmp_path, engine, encoding):
    pytest.importorskip("pyarrow")
    module = pytest.importorskip(engine)
    frame = module.DataFrame({"source": ["A", "B"], "target": ["TP53", "ATM"]})
    path = tmp_path / "sets.parquet"
    (frame.to_parquet if engine == "pandas" else frame.write_parquet)(path)
    message = r"sets\.parquet: Expected text, got a Parquet file\. .*read_parquet"
    for read_one in (read_gene_sets, read_gmt):
        with pytest.raises(GeneSetFormatError, match=message):
            read_one(path, encoding=encoding)
    assert dict(read_gene_sets(module.read_parquet(path))) == {
        "A": ("TP53",),
        "B": ("ATM",),
    }


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"PK\3\4\x14\0\x06\0\xff", "a ZIP archive or an Excel file"),
        (b"ARROW1\0\0\xff", "an Arrow file"),
        (b"\x89HDF\r\n\x1a\n\0", "an HDF5 file"),
        # Without a time: workers of pytest-xdist must give the test the same name.
        (gzip.compress(b"PAR1\x15\0\xff", mtime=0), "a Parquet file"),
    ],
)
def test_other_binary_formats(read, data, message):
    with pytest.raises(GeneSetFormatError, match=f"text, got {message}. .* DataFrame"):
        read(data)


def test_a_gene_set_may_start_like_a_binary_file(read):
    assert dict(read("PAR1\nPAR2\n")) == {"sets": ("PAR1", "PAR2")}


@pytest.mark.parametrize("data", FORMATS.values(), ids=FORMATS)
def test_size_and_encoding_hold_for_every_format(read, data):
    assert read(data.encode("utf-16"), encoding="utf-16") == NOTED
    packed = gzip.compress((data + "\n" * 10_000).encode())
    assert read(packed) == NOTED
    with pytest.raises(GeneSetFormatError, match="Expected at most 9,999 bytes"):
        read(packed, max_bytes=9_999)


@pytest.mark.parametrize(
    ("weight", "error"),
    [("1", TypeError), (float("nan"), ValueError), ([1], TypeError)],
)
def test_a_least_weight_is_a_number(weight, error):
    table = io.StringIO("source,target,weight\nA,G1,2\n")
    with pytest.raises(error, match="min_weight"):
        read_gene_sets(table, min_weight=weight)


def test_a_data_frame_has_no_other_format():
    frame = pd.DataFrame({"gs_name": ["A"], "gene_symbol": ["G1"]})
    assert read_gene_sets(frame, format="table") == read_gene_sets(frame)
    with pytest.raises(ValueError, match="'table' of a DataFrame, got 'gmt'"):
        read_gene_sets(frame, format="gmt")


def test_text_files_of_any_type_are_read(tmp_path):
    path = tmp_path / "sets.gmt"
    path.write_text("A\tna\tG1\n", encoding="utf-8")
    expected = {"A": ("G1",)}
    with codecs.open(str(path), encoding="utf-8") as file:
        assert dict(read_gene_sets(file)) == expected
    with tempfile.NamedTemporaryFile("w+", encoding="utf-8") as file:
        file.write(path.read_text(encoding="utf-8"))
        file.seek(0)
        assert dict(read_gene_sets(file)) == expected


@pytest.mark.parametrize("attrs", [{"year": 2024}, {1: "one"}])
def test_attrs_are_text(attrs):
    with pytest.raises(TypeError, match="names and values of attrs"):
        GeneSets({"A": ["G1"]}, attrs=attrs)
