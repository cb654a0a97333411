"""Every reader of files, what it may raise, and files to start from."""

import gzip
import hashlib
import io
import json
import struct
import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sk_gene2vec import (
    GeneEmbedding,
    GeneSetFormatError,
    GeneSets,
    read_gene_sets,
    read_gmt,
    read_go_annotations,
    write_gmt,
)

#: Longest message of an error; more is no help. Paths come on top.
LONGEST_MESSAGE = 500

Reader = Callable[[bytes, Path], Any]

#: An embedding in files to start from.
EMBEDDING = GeneEmbedding(["PKM", "TP53"], [[3, 1], [0, 1]], {"name": "a"}, [1, 2])


def _stream(read: Callable[..., Any], **options: Any) -> Reader:
    return lambda data, _: read(io.BytesIO(data), **options)


def _open_text(data: bytes, _: Path) -> GeneSets:
    """Read a file that is open as text, with the bytes that are none kept."""
    stream = io.TextIOWrapper(io.BytesIO(data), "utf-8", errors="surrogateescape")
    return read_gene_sets(stream)


def _open_gzip(data: bytes, _: Path) -> GeneSets:
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
        return read_gmt(file)


def _path(read: Callable[[Path], Any], data: bytes, folder: Path) -> Any:
    path = folder / "sets.txt"
    path.write_bytes(data)
    return read(path)


def _folder(name: str, data: bytes, folder: Path) -> GeneEmbedding:
    """Read a folder with one file replaced, and its checksum made right."""
    place = folder / "vectors"
    if not place.exists():
        EMBEDDING.to_folder(place)
    config = place / "config.json"
    original, kept = (place / name).read_bytes(), config.read_bytes()
    (place / name).write_bytes(data)
    if name != "config.json":
        record = json.loads(kept)
        record["sha256"][name] = hashlib.sha256(data).hexdigest()
        config.write_text(json.dumps(record))
    try:
        return GeneEmbedding.from_folder(place, max_bytes=10**7)
    finally:
        (place / name).write_bytes(original)
        config.write_bytes(kept)


#: An ontology and annotations to start from.
OBO = b"""format-version: 1.2

[Term]
id: GO:0008219
name: cell death
namespace: biological_process

[Term]
id: GO:0006915
name: apoptotic process
namespace: biological_process
alt_id: GO:0006917
is_a: GO:0008219 {source="x"} ! cell death
"""
GAF = b"!gaf-version: 2.2\n" + b"\t".join(
    [b"MGI", b"1", b"Trp53", b"", b"GO:0006917", b"PMID:1", b"IDA", *[b""] * 8]
)


def _go(gaf: bytes, obo: bytes) -> GeneSets:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*terms are left out")
        return read_go_annotations(io.BytesIO(gaf), io.BytesIO(obo))


#: Readers by name, and the errors that their docstrings declare for the content.
READERS: dict[str, tuple[Reader, tuple[type[Exception], ...]]] = {
    "gmt": (_stream(read_gmt), (GeneSetFormatError,)),
    "gmt merge": (_stream(read_gmt, on_duplicate="merge"), (GeneSetFormatError,)),
    "gmt first": (_stream(read_gmt, on_duplicate="first"), (GeneSetFormatError,)),
    "gmt utf-16": (_stream(read_gmt, encoding="utf-16"), (GeneSetFormatError,)),
    "gmt latin-1": (_stream(read_gmt, encoding="latin-1"), (GeneSetFormatError,)),
    "gmt limit": (_stream(read_gmt, max_bytes=64), (GeneSetFormatError,)),
    "gmt open gzip": (_open_gzip, (GeneSetFormatError,)),
    "auto": (_stream(read_gene_sets), (GeneSetFormatError,)),
    "auto path": (partial(_path, read_gene_sets), (GeneSetFormatError,)),
    "auto open text": (_open_text, (GeneSetFormatError,)),
    "auto min_weight": (_stream(read_gene_sets, min_weight=1), (ValueError,)),
    "gmx": (_stream(read_gene_sets, format="gmx"), (GeneSetFormatError,)),
    "grp": (_stream(read_gene_sets, format="grp"), (GeneSetFormatError,)),
    "json": (_stream(read_gene_sets, format="json"), (GeneSetFormatError,)),
    "json merge": (
        _stream(read_gene_sets, format="json", on_duplicate="merge"),
        (GeneSetFormatError,),
    ),
    "table": (_stream(read_gene_sets, format="table"), (GeneSetFormatError,)),
    "table min_weight": (
        _stream(read_gene_sets, format="table", min_weight=0.5),
        (GeneSetFormatError,),
    ),
    "gaf": (lambda data, _: _go(data, OBO), (GeneSetFormatError,)),
    "obo": (lambda data, _: _go(GAF, data), (GeneSetFormatError,)),
    "word2vec": (partial(_path, GeneEmbedding.from_word2vec), (ValueError,)),
    "word2vec limit": (
        partial(_path, partial(GeneEmbedding.from_word2vec, max_bytes=10**7)),
        (ValueError,),
    ),
    **{
        f"folder {name}": (partial(_folder, name), (ValueError,))
        for name in ("config.json", "genes.tsv", "vectors.npy")
    },
}


def check(name: str, data: bytes, folder: Path) -> bool:
    """Read `data`: whether it was read. Any error but the declared ones is let out.

    What was read must come back equal from the files of our own writers.
    """
    read, declared = READERS[name]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of odd genes
            found = read(data, folder)
        size = len(found.genes)
    except (*declared, GeneSetFormatError) as error:
        # Subclasses say more than the docstring: UnicodeDecodeError is a ValueError.
        if type(error) not in (*declared, GeneSetFormatError):
            raise
        length = len(str(error).replace(str(folder), ""))
        assert length <= LONGEST_MESSAGE, f"a message of {length} characters"
        return False
    assert size or isinstance(found, GeneSets)
    check_round_trip(found, folder)
    return True


def check_round_trip(found: GeneSets | GeneEmbedding, folder: Path) -> None:
    """Write with our writers, read again, and compare."""
    if isinstance(found, GeneSets):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            assert read_gmt(write_gmt(found, folder / "again.gmt")) == found
        return
    if all(gene.split() == [gene] for gene in found):
        again = folder / "again.txt"
        found.to_word2vec(again)
        dtype = found.vectors.dtype
        _assert_equal(GeneEmbedding.from_word2vec(again, dtype), found)


def _assert_equal(found: GeneEmbedding, expected: GeneEmbedding) -> None:
    assert list(found) == list(expected)
    assert found.vectors.dtype == expected.vectors.dtype
    assert np.array_equal(found.vectors, expected.vectors)


def seeds() -> list[tuple[str, bytes]]:
    """Files to mutate, each with the reader it is for: valid ones, and odd ones."""
    gmt = b"A\tna\tTP53\tMDM2,1.0\tATM\nB\thttp://b.org\tBRCA1\n"
    odd = b"\xef\xbb\xbf# note\r\nA \t\tX\t\t X\r\n\r\nB\tb c\r\n"
    odd += b"A\t\xc3\xa9\tY , -.5e-3,7\t\r"
    gmx = b"A\tB\nna\thttp://b.org/B\nTP53\tBRCA1\nMDM2\t\nATM\t\n"
    grp = b"# A\n# about\nTP53\nMDM2\n"
    table = b'gs_name,gene_symbol,weight\nA,TP53,1\nA,"M\nDM2",-2e-1\nB,BRCA1,NA\n'
    members = gzip.compress(gmt[:24], mtime=0) + gzip.compress(gmt[24:], mtime=0)
    entries = {
        "A": {"geneSymbols": ["TP53", "MDM2"], "msigdbURL": "na", "pmid": 1.5e3},
        "B": ["BRCA1", "\ud83e\uddec", "\\u00e9"],
    }
    text = json.dumps(entries).encode()
    deep = b'{"A":{"geneSymbols":["X"],"msigdbURL":' + b"[" * 60 + b"]" * 60 + b"}}"
    word2vec = b"2 3\nPKM 3 1 -.5\nTP53 0 1e-3 nan\n"
    of_gmt = [x for x in READERS if x.startswith(("gmt", "auto"))]
    return [
        *((name, data) for name in of_gmt for data in (gmt, odd, members)),
        *((name, gmt + b"A\t\tZ\n") for name in of_gmt[:3]),
        ("gmt utf-16", gmt.decode().encode("utf-16")),
        ("gmt", gmt.decode().encode("utf-16-le")),
        ("gmt", b"A\t\tG" + b",11" * 20 + b"x"),
        ("gmt", b"A\t\tG" + b"\xef\xbb\xbf " * 20 + b"x"),
        *((name, gmx) for name in ("gmx", "auto", "auto open text")),
        *((name, grp) for name in ("grp", "auto", "auto path")),
        *((name, text) for name in ("json", "json merge", "auto")),
        ("json merge", b'{"A":["X"],"A":["Y"]}'),
        ("json", deep),
        ("json", b'{"A":[NaN,Infinity,' + b"9" * 100 + b',"\\ud800","\\u0000"]}'),
        *((name, table) for name in ("table", "table min_weight", "auto min_weight")),
        ("table", table.replace(b",", b"\t")),
        ("auto min_weight", b"source;target;weight\nA;X;1\nB;Y;-2e3\n"),
        ("table min_weight", b"term,gene,weight\nA,X,1\nB,Y,-2e3\n"),
        ("table min_weight", b"term,gene,weight\nA,X,1\nB,Y,nan\n"),
        ("table", b'# note\n"gene","term"\n"X","A"\n"Y"," B "\n'),
        *(("gaf", data) for data in (GAF, GAF.replace(b"\t", b" "))),
        *(("obo", data) for data in (OBO, GAF)),
        ("word2vec", word2vec.replace(b"nan", b"2")),
        ("word2vec", word2vec),
        ("word2vec", b"1 2\nPKM " + struct.pack("<2f", 1, 2) + b"\n"),
        ("word2vec", b"99999999999999999999 1\nPKM 1e300\n"),
        ("word2vec limit", gzip.compress(word2vec.replace(b"nan", b"2"), mtime=0)),
        *_files(),
    ]


def _files() -> list[tuple[str, bytes]]:
    """Name the reader of each file in a folder, with the file."""
    with tempfile.TemporaryDirectory() as folder:
        EMBEDDING.to_folder(folder)
        paths = [path for path in Path(folder).iterdir() if path.suffix != ".md"]
        return [(f"folder {path.name}", path.read_bytes()) for path in paths]
