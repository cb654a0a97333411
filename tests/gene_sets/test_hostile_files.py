"""Files that are damaged, enormous, or meant to do harm."""

import gzip
import io
import json
import sys
import time
import tracemalloc
import warnings
from contextlib import suppress
from functools import cache

import numpy as np
import pytest
from _strategies import files, texts
from fuzz import readers
from fuzz.readers import READERS, check, check_round_trip, seeds
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sk_gene2vec import (
    GeneEmbedding,
    GeneSetFormatError,
    GeneSets,
    read_gene_sets,
    read_gmt,
    write_gmt,
)
from sk_gene2vec._utils._genes import _BLANKS, strip

GMT = b"A\tfirst\tTP53\tMDM2\nB\tsecond\tBRCA1\n"
SETS = GeneSets({"A": ["TP53", "MDM2"], "B": ["BRCA1"]}, {"A": "first", "B": "second"})

# The same examples in every run, however slow the machine.
fixed = settings(derandomize=True, deadline=None, database=None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


@pytest.mark.parametrize("reader", READERS)
def test_nothing_but_the_declared_errors(reader, folder):
    @settings(fixed, max_examples=80)
    @given(files(reader))
    def check_one(data):
        check(reader, data, folder)

    check_one()


def test_every_reader_has_a_seed_that_it_reads_and_one_that_it_refuses(folder):
    outcomes = {(name, check(name, data, folder)) for name, data in seeds()}
    assert {name for name, was_read in outcomes if was_read} == set(READERS)
    assert len({name for name, was_read in outcomes if not was_read}) > len(READERS) / 2


@pytest.mark.parametrize("error", [KeyError("A"), ValueError("A"), RuntimeWarning("A")])
def test_the_check_lets_undeclared_errors_out(error, folder, monkeypatch):
    def read(data, folder):
        raise error

    monkeypatch.setitem(READERS, "bad", (read, (GeneSetFormatError,)))
    with pytest.raises(type(error)):
        check("bad", b"", folder)


def test_the_check_finds_endless_messages_and_lost_genes(folder, monkeypatch):
    def read(data, folder):
        raise GeneSetFormatError("x" * (readers.LONGEST_MESSAGE + 1))

    monkeypatch.setitem(READERS, "bad", (read, (GeneSetFormatError,)))
    with pytest.raises(AssertionError, match="a message of 501 characters"):
        check("bad", b"", folder)
    lossy = GeneSets._trusted({"A": ("X", "X")}, {"A": ""})
    with pytest.raises(AssertionError):
        check_round_trip(lossy, folder)


@pytest.mark.filterwarnings("ignore::UserWarning")  # of odd genes
@settings(fixed, max_examples=120)
@given(st.dictionaries(texts, st.lists(texts, max_size=4), max_size=4), texts)
def test_gene_sets_are_refused_or_written_and_read_as_equal(folder, sets, description):
    try:
        gene_sets = GeneSets(sets, dict.fromkeys(sets, description))
    except ValueError:
        return
    if not gene_sets.genes:
        return
    for name in ("a.gmt", "a.gmt.gz"):
        assert read_gmt(write_gmt(gene_sets, folder / name)) == gene_sets
    entries = {
        name: {"geneSymbols": genes, "msigdbURL": gene_sets.descriptions[name]}
        for name, genes in gene_sets.items()
    }
    assert read_gene_sets(io.StringIO(json.dumps(entries))) == gene_sets


@st.composite
def embeddings(draw):
    genes = draw(st.lists(texts, min_size=1, max_size=4))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    shape = len(genes), draw(st.integers(1, 3))
    finite = {"allow_nan": False, "allow_infinity": False}
    return genes, draw(hnp.arrays(dtype, shape, elements=finite))


@settings(fixed, max_examples=80)
@given(embeddings())
def test_embeddings_are_refused_or_written_and_read_as_equal(folder, given_):
    try:
        embedding = GeneEmbedding(*given_)
    except ValueError:
        return
    check_round_trip(embedding, folder)


# What a file may take at most, whatever is in it: docs/file_formats.md promises as much
# for a megabyte. Whatever takes more than proportional time takes minutes here.
SECONDS = 5.0
BYTES_A_BYTE = 200


@cache
def large_files(size):
    """Reader and content of files of so many bytes, by what there is too much of."""

    def fill(unit, start="", end=""):
        return (start + unit * ((size - len(start)) // len(unit)) + end).encode()

    def numbered(template):
        n = size // (len(template) + 4)
        return "".join(map(template.format, range(n))).encode()

    gene_sets = {
        "one gene": fill("G", "A\t\t"),
        "one name": fill("A", "A", "\t\tG\n"),
        "no tab": fill("A"),
        "tabs": fill("\t"),
        "tabs after a name": fill("\t", "A"),
        "tabs in two lines": fill("\t", "A\nna"),
        "line ends": fill("\n"),
        "carriage returns": fill("\r"),
        "names": numbered("{:x}\t\n"),
        "genes": b"A\t\t" + numbered("{:x}\t"),
        "a gene often": fill("\tG", "A\t"),
        "a name often": fill("A\t\tG\n"),
        "comments": fill("#\n"),
        "blanks": fill(" "),
        "blanks and marks": fill(" \ufeff", "A\t\tG", "x"),
        "blanks in a weight": fill(" ", "A\t\tG,", "x"),
        "weights": fill(",11", "A\t\tG"),
        "no weights": fill(",11", "A\t\tG", "x"),
        "digits": fill("1", "A\t\tG,", "x"),
        "URLs": fill("http://", "A\tB\n"),
        "a column": numbered("{}\n").replace(b"0\n", b"A\nna\n", 1),
        "columns": fill("A\t", end="\n") + fill("na\t", end="\n"),
        "JSON lists": fill("["),
        "JSON objects": fill('{"a":'),
        "JSON nested description": fill("[", '{"A":{"geneSymbols":[],"msigdbURL":'),
        "JSON integer": fill("9", '{"A":', "}"),
        "JSON integers": fill("1,", '{"A":[', "1]}"),
        "JSON numbers": fill("NaN,", '{"A":[', "1e999]}"),
        "JSON empty lists": fill("[],", '{"A":[', "[]]}"),
        "JSON genes": b'{"A":[' + numbered('"{:x}",') + b'"G"]}',
        "JSON sets": b"{" + numbered('"{:x}":[],') + b'"G":[]}',
        "JSON a name often": fill('"A":["G"],', "{", '"B":[]}'),
        "JSON a key often": fill('"a":1,', '{"A":{', '"geneSymbols":[]}}'),
        "JSON key": fill("a", '{"A":{"', '":1}}'),
        "JSON escapes": fill("\\ud800", '{"A":["', '"]}'),
        "a table": b"term,gene\n" + numbered("{0:x},{0:x}\n"),
        "a table's column": fill("x,", "term,gene,", "x\nA,B\n"),
        "a table's cell": fill("x", "term,gene\nA,"),
        "a table's quotes": fill('"', "term,gene\nA,"),
        "a table's open quote": fill("x\n", 'term,gene\nA,"'),
        "a table's empty rows": fill(",\n", "term,gene\n", "A,B\n"),
        "members of gzip": gzip.compress(b"", mtime=0) * (size // 20)
        + gzip.compress(GMT),
        "name in gzip": b"\x1f\x8b\x08\x08" + bytes(6) + b"x" * size,
        "UTF-16": ("A\t\t" + "G\t" * (size // 4)).encode("utf-16"),
        "no UTF-8": fill("A\n") + b"\xff",
        "NUL at the end": fill("A\t\tG\n", end="\0"),
    }
    embeddings = {
        "word2vec: numbers": ("word2vec", fill(" 1", f"1 {size // 2 - 6}\nPKM")),
        "word2vec: a number": ("word2vec", fill("1", "1 1\nPKM ")),
        "word2vec: genes": ("word2vec", b"99999 1\n" + numbered("{:x} 1\n")),
        "word2vec: header": ("word2vec", fill("1")),
        "word2vec: blanks": ("word2vec", fill(" ", "1 1\n")),
    }
    return embeddings | {
        f"{reader}: {name}": (reader, data)
        for name, data in gene_sets.items()
        for reader in ["auto", *(["gmt merge"] if "often" in name else [])]
    }


def read_large(reader, data, folder):
    read, declared = READERS[reader]
    with suppress(*declared), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        repr(read(data, folder))  # genes are split when they are asked for


@pytest.fixture
def untraced():
    """Without coverage, which watches every line: time and memory are the reader's."""
    trace = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(trace)


@pytest.mark.parametrize("name", large_files(100))
@pytest.mark.usefixtures("untraced")
def test_time_for_a_megabyte(name, folder):
    reader, data = large_files(10**6)[name]
    began = time.process_time()
    read_large(reader, data, folder)
    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize("name", large_files(100))
@pytest.mark.usefixtures("untraced")
def test_memory_for_a_byte(name, folder):
    reader, data = large_files(10**5)[name]
    read_large(reader, data[:100], folder)  # whatever is to be imported is
    tracemalloc.start()
    try:
        read_large(reader, data, folder)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < BYTES_A_BYTE * len(data)


def test_json_of_any_depth():
    """A parser and a printer that reach their limits at different depths."""
    for depth in range(10, sys.getrecursionlimit() + 50):
        nested = "[" * depth + "]" * depth
        for text in (nested, '{"msigdbURL":' + nested + ',"geneSymbols":[]}'):
            with pytest.raises(GeneSetFormatError):
                read_gene_sets(io.StringIO('{"A":' + text + "}"), format="json")


def bomb(n_members=256):
    """Gigabytes of zeros in a file of some megabytes."""
    return gzip.compress(bytes(2**24), mtime=0) * n_members


@pytest.mark.parametrize(
    "open_",
    [
        io.BytesIO,
        lambda data: gzip.GzipFile(fileobj=io.BytesIO(data)),
        lambda data: io.TextIOWrapper(gzip.GzipFile(fileobj=io.BytesIO(data)), "ascii"),
    ],
    ids=["packed", "open gzip", "open text"],
)
@pytest.mark.parametrize("n_members", [2, 256])
def test_gzip_bombs_of_any_size_take_the_same_memory(open_, n_members):
    source = open_(bomb(n_members))
    tracemalloc.start()
    try:
        with pytest.raises(GeneSetFormatError, match="at most 1,000,000 bytes of text"):
            read_gene_sets(source, max_bytes=10**6)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Some chunks of 2**20 characters, and the packed file.
    assert peak < 10 * 10**6 + 2 * len(bomb(n_members))


def test_gzip_cut_anywhere_is_refused():
    packed = gzip.compress(GMT, mtime=0)
    for size in range(len(packed)):
        with pytest.raises(GeneSetFormatError):
            read_gene_sets(io.BytesIO(packed[:size]))


def test_gzip_with_any_bit_wrong_is_refused_or_read_in_full():
    packed = gzip.compress(GMT, mtime=0)
    n_read = 0
    for place in range(8 * len(packed)):
        damaged = bytearray(packed)
        damaged[place // 8] ^= 1 << place % 8
        try:
            assert read_gene_sets(io.BytesIO(damaged)) == SETS
            n_read += 1
        except GeneSetFormatError:
            pass
    # The header has a time and the kind of machine: it is all the same what they are.
    assert 0 < n_read < 8 * 10


@pytest.mark.parametrize(
    "open_", [io.BytesIO, lambda data: gzip.GzipFile(fileobj=io.BytesIO(data))]
)
def test_what_may_follow_gzip(open_):
    packed = gzip.compress(GMT)
    assert read_gmt(open_(packed + bytes(512))) == SETS
    assert read_gmt(open_(packed + gzip.compress(b"C\t\n")))["C"] == ()
    for rest in (b"garbage", GMT, packed[:-1]):
        with pytest.raises(GeneSetFormatError, match="Damaged gzip file"):
            read_gmt(open_(packed + rest))


FOREIGN = "A\tna\u00efve\tTP53\nB\t\tBRCA1\n"


@pytest.mark.parametrize("read", [read_gmt, read_gene_sets])
@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        ("latin-1", r"line 1: .* 0xef at offset 4\. .* encoding='latin-1'"),
        ("utf-16", r"line 1: .* 0xff at offset 0\. .* encoding='utf-16'"),
        ("utf-32", r"line 1: .* 0xff at offset 0\. .* encoding='utf-32'"),
        ("utf-16-le", r"line 1: .* the character '\\x00'\. .* encoding='utf-16-le'"),
        ("utf-16-be", r"line 1: .* the character '\\x00'\. .* encoding='utf-16-be'"),
    ],
)
def test_other_encodings_are_refused_or_asked_for(tmp_path, read, encoding, message):
    path = tmp_path / "h.gmt"
    text = FOREIGN if encoding == "latin-1" else FOREIGN.replace("\u00ef", "i")
    path.write_bytes(text.encode(encoding))
    with pytest.raises(GeneSetFormatError, match=r"h\.gmt, " + message):
        read(path)
    found = read(path, encoding=encoding)
    assert found["A"] == ("TP53",)
    assert found.descriptions["A"] == text[2:7]


def test_undecodable_bytes_kept_by_an_open_file_are_refused():
    data = io.BytesIO(b"A\t\tX\nB\t\tX\xff\n")
    with pytest.raises(GeneSetFormatError, match=r"line 2: .* character '\\udcff'"):
        read_gmt(io.TextIOWrapper(data, "utf-8", errors="surrogateescape"))


def test_zeros_at_the_end_are_refused():
    """What a crash leaves where a file had its last part."""
    with pytest.raises(
        GeneSetFormatError, match=r"line 3: Expected text, got .*'\\x00'"
    ):
        read_gmt(io.BytesIO(GMT + bytes(100)))


def test_blanks_are_those_of_python_and_byte_order_marks():
    blanks = filter(str.isspace, map(chr, range(sys.maxunicode + 1)))
    assert sorted(_BLANKS) == sorted([*blanks, "\ufeff"])


@settings(fixed, max_examples=300)
@given(st.text(" \t\ufeffA,1.e-+\u3000", max_size=12))
def test_stripping_and_weights_in_one_pass(text):
    stripped = text
    while (next_ := stripped.strip().strip("\ufeff")) != stripped:
        stripped = next_
    assert strip(text) == stripped


def test_numbers_that_float32_cannot_hold(tmp_path):
    path = tmp_path / "genes.txt"
    path.write_text("1 2\nPKM 1e300 1\n")
    message = r"genes.txt, line 2: .* got a larger one\. Set dtype=numpy.float64 to"
    with pytest.raises(ValueError, match=message):
        GeneEmbedding.from_word2vec(path)
    embedding = GeneEmbedding.from_word2vec(path, dtype=np.float64)
    assert embedding["PKM"].tolist() == [1e300, 1]


def test_a_byte_order_mark_is_no_part_of_a_gene(tmp_path):
    path = tmp_path / "genes.txt"
    path.write_bytes(b"\xef\xbb\xbf1 2\nPKM 1 2\n")
    assert list(GeneEmbedding.from_word2vec(path)) == ["PKM"]
    with pytest.raises(ValueError, match="byte order mark in front, got"):
        GeneEmbedding(["\ufeffPKM"], [[1, 2]])
