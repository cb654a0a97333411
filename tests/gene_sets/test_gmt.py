"""GeneSets, and GMT files as they are found in the wild."""

import copy
import gzip
import io
import pickle
import tracemalloc
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from sk_gene2vec import (
    GeneSetFormatError,
    GeneSets,
    read_gene_sets,
    read_gmt,
    write_gmt,
)

PLAIN = b"A\tfirst\tTP53\tMDM2\nB\tsecond\tBRCA1\n"
EXPECTED = GeneSets(
    {"A": ["TP53", "MDM2"], "B": ["BRCA1"]}, {"A": "first", "B": "second"}
)


@pytest.fixture
def read(tmp_path):
    def read_bytes(data, name="h.gmt", **options):
        path = tmp_path / name
        path.write_bytes(data)
        return read_gmt(path, **options)

    return read_bytes


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(PLAIN, id="plain"),
        pytest.param(PLAIN.rstrip(), id="no final line end"),
        pytest.param(PLAIN.replace(b"\n", b"\r\n"), id="CRLF"),
        pytest.param(PLAIN.replace(b"\n", b"\r"), id="CR"),
        pytest.param(b"\xef\xbb\xbf" + PLAIN, id="byte order mark"),
        pytest.param(
            PLAIN.replace(b"B", b"\xef\xbb\xbfB", 1), id="byte order mark inside"
        ),
        pytest.param(b"\n\n" + PLAIN.replace(b"\n", b"\n \t\t\n"), id="blank lines"),
        pytest.param(b"# from\ta table\n #x\n" + PLAIN, id="comment lines"),
        pytest.param(PLAIN.replace(b"\n", b"\t\t \t\n"), id="trailing tabs"),
        pytest.param(PLAIN.replace(b"TP53", b"TP53\t\t"), id="empty fields"),
        pytest.param(PLAIN.replace(b"\t", b" \t "), id="blanks around fields"),
        pytest.param(PLAIN.replace(b"MDM2", b"MDM2\tTP53\t TP53"), id="genes twice"),
        pytest.param(
            PLAIN.replace(b"TP53", b"TP53,1.0").replace(b"MDM2", b"MDM2 , -.5e-3,7"),
            id="weights",
        ),
        pytest.param(gzip.compress(PLAIN, mtime=0), id="gzip by its first bytes"),
    ],
)
def test_oddities_read_like_the_plain_file(read, data):
    assert read(data) == EXPECTED
    assert read_gene_sets(io.BytesIO(data)) == EXPECTED


@pytest.mark.parametrize(
    ("line", "genes", "description"),
    [
        ("S\t\tTP53", ("TP53",), ""),
        ("S\td", (), "d"),
        ("S\t", (), ""),
        ("S\td\t\t", (), "d"),
        ("S\tin two words\tHLA A\tTP53", ("HLA A", "TP53"), "in two words"),
        (
            "S\td\ttp53\tTrp53\tC1orf226\tTP53",
            ("tp53", "Trp53", "C1orf226", "TP53"),
            "d",
        ),
        ("S\td\tTP53,x\tTP53", ("TP53,x", "TP53"), "d"),
        ("S\td\t#1\té\x85x", ("#1", "é\x85x"), "d"),
        ("S\td\t,1.0\tTP53", ("TP53",), "d"),
    ],
)
def test_fields(read, line, genes, description):
    gene_sets = read(f"{line}\nT\t\tTP53\n".encode())
    assert gene_sets["S"] == genes
    assert gene_sets.descriptions["S"] == description


def test_names_with_blanks(read):
    assert list(read(b"T cell (up) \td\tCD4\n")) == ["T cell (up)"]


@pytest.mark.parametrize("name", ["!A", '"A', "$A"])
def test_names_with_signs_are_no_comments(read, name):
    assert list(read(f"{name}\td\tCD4\n".encode())) == [name]


def test_options_go_by_name():
    assert read_gmt(source=io.BytesIO(PLAIN)) == EXPECTED
    with pytest.raises(TypeError, match="positional"):
        read_gmt(io.BytesIO(PLAIN), "merge")


def test_order_of_the_file_is_kept(read):
    assert list(read(b"Z\t\tTP53\nA\t\tTP53\n")) == ["Z", "A"]


def test_equal_genes_are_one_object(read):
    gene_sets = read(b"A\t\tTP53,0.5\nB\t\tTP53\nC\t\t TP53\n")
    assert gene_sets["A"][0] is gene_sets["B"][0] is gene_sets["C"][0]


@pytest.mark.parametrize("kind", [str, Path])
@pytest.mark.parametrize("name", ["h.gmt", "h.gmt.gz", "h.GZ"])
def test_paths_and_gzip_round_trip(tmp_path, kind, name):
    path = kind(tmp_path / name)
    assert write_gmt(EXPECTED, path) is path
    is_gzip = Path(path).read_bytes().startswith(b"\x1f\x8b")
    assert is_gzip == (name != "h.gmt")
    assert read_gmt(path) == EXPECTED


def test_uncompressed_file_named_gz(read):
    assert read(PLAIN, name="h.gmt.gz") == EXPECTED


@pytest.mark.parametrize(
    "stream", [io.StringIO(PLAIN.decode()), io.BytesIO(gzip.compress(PLAIN, mtime=0))]
)
def test_open_streams(stream):
    assert read_gmt(stream) == EXPECTED
    assert not stream.closed


def test_open_text_file(tmp_path):
    path = tmp_path / "h.gmt"
    path.write_bytes(b"\xef\xbb\xbf" + PLAIN.replace(b"\n", b"\r\n"))
    with path.open(encoding="utf-8", newline="") as file:
        assert read_gmt(file) == EXPECTED


DUPLICATED = b"A\t\tTP53\tMDM2\nB\tb\tATM\nA\tlater\tTP53\tCHEK2\n"


def test_duplicate_names_raise(read):
    with pytest.raises(
        GeneSetFormatError, match=r"h\.gmt, line 1 and line 3: Gene set"
    ):
        read(DUPLICATED)


def test_duplicate_names_are_merged_or_skipped(read):
    assert read(DUPLICATED, on_duplicate="merge") == GeneSets(
        {"A": ["TP53", "MDM2", "CHEK2"], "B": ["ATM"]}, {"A": "later", "B": "b"}
    )
    assert read(DUPLICATED, on_duplicate="first") == GeneSets(
        {"A": ["TP53", "MDM2"], "B": ["ATM"]}, {"B": "b"}
    )


WANTED = "Expected name<TAB>description<TAB>gene…, got no"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", ": Expected text, got an empty file."),
        (b"\n# x\n", ": Expected at least one gene set, got none."),
        (b"A\t\tX\n\nB", f", line 3: {WANTED} tab in 'B'"),
        (
            b"A\t\tX\nB d TP53 MDM2",
            f", line 2: {WANTED} tab in 'B d TP53 MDM2'. Separators must be tabs,",
        ),
        (b"A" * 99, f", line 1: {WANTED} tab in '{'A' * 39}…'"),
        (b"\td\tTP53\n", f", line 1: {WANTED} name before the first tab"),
        (
            b"A\t\tX\nB\t\xe9\tX\n",
            ", line 2: Expected utf-8 text, got byte 0xe9 at offset 7",
        ),
        (gzip.compress(PLAIN, mtime=0)[:-9], ": Damaged gzip file"),
        (gzip.compress(PLAIN, mtime=0)[:12] + b"\xff" * 30, ": Damaged gzip file"),
        (b"\x1f\x8b not gzip", ": Damaged gzip file"),
    ],
)
def test_malformed_files(read, tmp_path, data, message):
    with pytest.raises(GeneSetFormatError) as caught:
        read(data)
    assert str(caught.value).startswith(f"{tmp_path / 'h.gmt'}{message}")


def test_other_encodings(read):
    data = "A\té\tTP53\n"
    expected = GeneSets({"A": ["TP53"]}, {"A": "é"})
    for encoding in ("latin-1", "utf-16", "cp1252"):
        assert read(data.encode(encoding), encoding=encoding) == expected
        packed = gzip.compress(data.encode(encoding), mtime=0)
        assert read(packed, encoding=encoding) == expected
    with pytest.raises(GeneSetFormatError, match=r"0xe9 at offset 2\. .*encoding='lat"):
        read(data.encode("latin-1"))
    with pytest.raises(ValueError, match="name of a text encoding, got 'utf-88'"):
        read(data.encode(), encoding="utf-88")
    with pytest.raises(ValueError, match="name of a text encoding, got 'base64'"):
        read(data.encode(), encoding="base64")


@pytest.mark.parametrize("packed", [False, True])
def test_largest_size(read, packed):
    data = gzip.compress(PLAIN, mtime=0) if packed else PLAIN
    size = max(len(data), len(PLAIN))
    assert read(data, max_bytes=size) == EXPECTED
    message = r"h\.gmt: Expected at most \d+ bytes of text, got more\. .* max_bytes"
    with pytest.raises(GeneSetFormatError, match=message):
        read(data, max_bytes=len(PLAIN) - 1)
    for stream in (io.BytesIO(data), io.StringIO(PLAIN.decode())):
        with pytest.raises(GeneSetFormatError, match=r"<stream>: .* at most"):
            read_gmt(stream, max_bytes=len(PLAIN) - 1)


def test_gzip_bombs_do_not_unpack(read):
    size = 2**28
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=1) as file:
        for _ in range(16):
            file.write(bytes(size // 16))
    tracemalloc.start()
    try:
        with pytest.raises(GeneSetFormatError, match="at most 1,000,000 bytes"):
            read(buffer.getvalue(), max_bytes=10**6)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < size / 4


def test_gzip_of_several_members(read):
    first, second = PLAIN.splitlines(keepends=True)
    assert read(gzip.compress(first, mtime=0) + gzip.compress(second)) == EXPECTED


def test_stream_that_reads_neither_bytes_nor_text():
    class Odd:
        def read(self, size):
            return [1]

    with pytest.raises(TypeError, match="bytes, got list"):
        read_gmt(Odd())


def test_undecodable_open_text_file(tmp_path):
    path = tmp_path / "h.gmt"
    path.write_bytes(b"A\t\tX\nB\t\xe9\tX\n")
    with (
        path.open(encoding="utf-8") as file,
        pytest.raises(GeneSetFormatError, match=r"h\.gmt: .* 0xe9\. .* give its path"),
    ):
        read_gmt(file)


def test_written_bytes(tmp_path):
    path = write_gmt({"B": ["TP53", "ATM"], "A": []}, tmp_path / "out.gmt")
    assert path.read_bytes() == b"B\t\tTP53\tATM\nA\t\n"


@pytest.mark.parametrize("name", ["h.txt", "h.zip", "h.a"])
def test_only_gz_is_compressed(tmp_path, name):
    assert write_gmt(EXPECTED, tmp_path / name).read_bytes() == PLAIN


def test_written_gzip_is_reproducible(tmp_path):
    first = write_gmt(EXPECTED, tmp_path / "a.gmt.gz").read_bytes()
    assert first == write_gmt(EXPECTED, tmp_path / "b.gmt.gz").read_bytes()
    assert first[4:8] == b"\0\0\0\0"
    assert gzip.decompress(first) == PLAIN


@pytest.mark.parametrize(
    ("gene_sets", "descriptions"),
    [
        ({"A": [], "B": ["X"]}, None),
        ({"é ü": ["Trp53", "HLA A", "#1", "a,b"]}, {"é ü": "# no comment"}),
        ({"\ufeffA ": ["\ufeff X"]}, {"A": "\xa0d\ufeff "}),
        ({"A\x0bB": ["x\u2028y", "x\x1dy"]}, {"A\x0bB": "p\x85q"}),
    ],
)
def test_round_trip(tmp_path, gene_sets, descriptions):
    given = GeneSets(gene_sets, descriptions)
    assert read_gmt(write_gmt(given, tmp_path / "x.gmt")) == given


def test_hallmark_round_trip(msigdb_file, tmp_path):
    hallmark = read_gmt(msigdb_file("h.all.v7.0.symbols.gmt"))
    assert repr(hallmark) == "GeneSets(50 gene sets, 4384 genes)"
    assert sum(map(len, hallmark.values())) == 7322
    assert read_gmt(write_gmt(hallmark, tmp_path / "h.gmt")) == hallmark


def test_normalisation():
    gene_sets = GeneSets([(" A ", [" TP53", "ATM", "TP53"])], {" A": " d "})
    assert dict(gene_sets) == {"A": ("TP53", "ATM")}
    assert gene_sets.descriptions == {"A": "d"}


@pytest.mark.parametrize("kind", [set, frozenset])
def test_unordered_genes_are_sorted(kind):
    assert GeneSets({"A": kind("ZYXB")})["A"] == ("B", "X", "Y", "Z")


@pytest.mark.parametrize("kind", [list, tuple, iter, np.array, dict.fromkeys])
def test_iterables_of_genes(kind):
    genes = GeneSets({"A": kind(["TP53", "ATM"])})["A"]
    assert genes == ("TP53", "ATM")
    assert {type(gene) for gene in genes} == {str}


def test_mapping():
    assert EXPECTED.genes == ["BRCA1", "MDM2", "TP53"]
    assert list(EXPECTED) == ["A", "B"]
    assert "A" in EXPECTED
    assert "C" not in EXPECTED
    assert len(EXPECTED) == 2
    assert EXPECTED.get("C") is None
    with pytest.raises(KeyError, match="C"):
        EXPECTED["C"]


def test_genes_is_a_fresh_list():
    EXPECTED.genes.clear()
    assert EXPECTED.genes == ["BRCA1", "MDM2", "TP53"]


def test_immutable():
    with pytest.raises(TypeError, match="assignment"):
        EXPECTED["A"] = ()
    with pytest.raises(AttributeError):
        EXPECTED.genes = []
    assert isinstance(EXPECTED.descriptions, MappingProxyType)
    assert copy.copy(EXPECTED) is EXPECTED
    assert copy.deepcopy(EXPECTED) is EXPECTED


def test_descriptions_are_inherited_ignored_or_empty():
    assert GeneSets(EXPECTED) == EXPECTED
    assert GeneSets(EXPECTED, {}).descriptions == {"A": "", "B": ""}
    assert GeneSets({"A": []}, {"A": "a", "X": "x"}).descriptions == {"A": "a"}


def test_equality():
    same = GeneSets(dict(EXPECTED), EXPECTED.descriptions)
    assert same == EXPECTED
    assert GeneSets(dict(EXPECTED)) != EXPECTED
    assert GeneSets({**EXPECTED, "B": ["ATM"]}, EXPECTED.descriptions) != EXPECTED
    assert EXPECTED == {"A": ("TP53", "MDM2"), "B": ("BRCA1",)}
    assert EXPECTED != [("A", ("TP53", "MDM2"))]
    with pytest.raises(TypeError, match="unhashable"):
        hash(EXPECTED)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(protocol):
    assert pickle.loads(pickle.dumps(EXPECTED, protocol)) == EXPECTED


def test_pickle_does_not_depend_on_what_was_looked_up(read):
    untouched, touched = read(PLAIN), read(PLAIN)
    assert touched.genes == ["BRCA1", "MDM2", "TP53"]
    assert pickle.dumps(untouched) == pickle.dumps(touched)


@pytest.mark.parametrize(
    ("gene_sets", "message"),
    [
        ("h.gmt", r"got 'h.gmt'\. Use read_gene_sets for a file or a"),
        (Path("h.gmt"), "Use read_gene_sets"),
        (["AB"], r"\(name, genes\) pairs, got the item 'AB'"),
        ([("A", [], "d")], r"pairs, got the item \('A', \[\], 'd'\)"),
        ({"A": "TP53"}, "Gene set 'A': .* iterable of genes, got 'TP53'"),
        ({"A": b"TP53"}, "Gene set 'A': .* iterable of genes"),
        ({"A": None}, "Gene set 'A': .* iterable of genes, got None"),
        ({"A": ["TP53", 7157]}, "Gene set 'A': .* int 7157"),
        ({"A": [float("nan")]}, "Gene set 'A': .* float nan"),
        ({"A": [["TP53"]]}, r"Gene set 'A': .* list \['TP"),
        ({1: ["TP53"]}, "gene-set name .* int 1"),
    ],
)
def test_wrong_types(gene_sets, message):
    with pytest.raises(TypeError, match=message):
        GeneSets(gene_sets)


@pytest.mark.parametrize(
    ("gene_sets", "message"),
    [
        ({}, "at least one gene set"),
        ({" ": []}, "name .* not empty.* got ' '"),
        ({"#A": []}, "name .* without '#' first, got '#A'"),
        ({"A\tB": []}, "gene-set name without tab"),
        ({"A": [], "A ": []}, "Gene set 'A' occurs twice"),
        ({"A": ["TP53", ""]}, "Gene set 'A': .* not empty"),
        ({"A": ["TP53,1.0"]}, "Gene set 'A': .* got 'TP53,1.0'"),
        ({"A": ["x\ny"]}, "Gene set 'A': .* without tab"),
        ({"A": ["x\ry"]}, "Gene set 'A': .* without tab"),
        ({"A": ["x\udc80"]}, "Gene set 'A': .* without tab"),
    ],
)
def test_what_no_file_could_give_back(gene_sets, message):
    with pytest.raises(ValueError, match=message):
        GeneSets(gene_sets)


def test_wrong_descriptions():
    with pytest.raises(ValueError, match="Expected a description without tab"):
        GeneSets({"A": []}, {"A": "x\ty"})
    with pytest.raises(
        TypeError, match=r"Expected a description \(str\), got NoneType"
    ):
        GeneSets({"A": []}, {"A": None})


def test_attrs_say_where_a_collection_comes_from(read):
    from_file = read(PLAIN, name="h.gmt")
    assert dict(from_file.attrs) == {"name": "h.gmt"}
    assert dict(EXPECTED.attrs) == {}
    assert from_file == EXPECTED
    named = GeneSets(from_file, attrs={"name": "Hallmark", "version": "7.0"})
    for same in (
        GeneSets(named),
        copy.deepcopy(named),
        pickle.loads(pickle.dumps(named)),
    ):
        assert dict(same.attrs) == {"name": "Hallmark", "version": "7.0"}
    with pytest.raises(TypeError):
        named.attrs["version"] = "8.0"
    assert dict(read_gmt(io.BytesIO(PLAIN)).attrs) == {}


def test_a_set_whose_name_begins_like_a_web_page(tmp_path):
    gene_sets = GeneSets({"<": ["TP53"], "<b": ["MDM2", "BAX"]})
    assert read_gmt(write_gmt(gene_sets, tmp_path / "a.gmt")) == gene_sets
