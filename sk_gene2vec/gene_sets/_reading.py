"""Bytes of gene-set files to text: gzip, encodings and a limit on the size."""

import codecs
import gzip
import io
import os
import re
import zlib
from dataclasses import dataclass
from errno import ENOENT
from functools import cached_property
from pathlib import Path
from typing import IO, Any, TypeAlias

from sk_gene2vec._utils._genes import BYTE_ORDER_MARK, strip
from sk_gene2vec._utils._messages import excerpt

TextSource: TypeAlias = str | os.PathLike[str] | IO[str] | IO[bytes]

#: Several times the largest collection, and less than the memory of a laptop.
MAX_BYTES = 2**30

_GZIP_MAGIC = b"\x1f\x8b"
# Marks of UTF-32 begin like those of UTF-16.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# First bytes of binary files, and how to read these files.
_PASS = ", and pass the DataFrame"
_BINARY = {
    b"PAR1": "a Parquet file. Read it with pandas.read_parquet or polars.read_parquet"
    + _PASS,
    b"ARROW1": "an Arrow file. Read it with pandas.read_feather or polars.read_ipc"
    + _PASS,
    b"PK\3\4": "a ZIP archive or an Excel file. Unpack it, or read it with "
    f"pandas.read_excel{_PASS}",
    b"\xd0\xcf\x11\xe0": f"an Excel file. Read it with pandas.read_excel{_PASS}",
    b"\x89HDF": "an HDF5 file. Read .h5ad files with anndata.read_h5ad, and pass their "
    "genes to GmtVectorizer or a table of gene sets as a DataFrame",
    b"BZh": "a bzip2 file. Unpack it first",
    b"\xfd7zXZ": "an xz file. Unpack it first",
    b"RDX": "R data. Write the gene sets as a table in R",
    b"X\n\0\0": "R data. Write the gene sets as a table in R",
}
_URL = re.compile(r"(https?|ftp|s3|gs)://", re.IGNORECASE)
# As Enrichr and MSigDB name their collections.
_LIBRARY = re.compile(r"[A-Z][A-Za-z0-9-]*(_[A-Za-z0-9-]+)+")
_MSIGDB = re.compile(r"((m)(h|\d)|h|c\d)(\.[a-z_]+)*", re.IGNORECASE)
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
# From Python 3.12 on, gzip takes twice as much memory as it is asked for.
_CHUNK = 2**20


class GeneSetFormatError(ValueError):
    """A file of gene sets is damaged, or has none of the known formats.

    The message names the file and, if a line is to blame, its number.

    Examples
    --------
    >>> import io, sk_gene2vec
    >>> sk_gene2vec.read_gmt(io.StringIO("APOPTOSIS"))
    Traceback (most recent call last):
    sk_gene2vec.gene_sets._reading.GeneSetFormatError: <stream>, line 1: Expected \
name<TAB>description<TAB>gene…, got no tab in 'APOPTOSIS'.
    """


@dataclass(frozen=True)
class FileText:
    """Text of a file.

    Parameters
    ----------
    text : str
        The text, with Unix line ends and without a byte order mark in front.
    where : str
        The path, or what else messages call the file.
    name : str or None
        Name of the file without its folder; None for an open file.
    """

    text: str
    where: str
    name: str | None

    @cached_property
    def lines(self) -> list[str]:
        """Lines of the text, without their ends."""
        return self.text.split("\n")

    @cached_property
    def start(self) -> int:
        """Index of the first line that is neither blank nor a comment, else 0."""
        texts = enumerate(map(strip, self.lines))
        return next((at for at, text in texts if text and text[0] != "#"), 0)

    @property
    def attrs(self) -> dict[str, str] | None:
        """Attributes of the gene sets in the file."""
        return {"name": self.name} if self.name else None

    def error(self, message: str, line: int | None = None) -> GeneSetFormatError:
        """Build an error that names the file and, if one is to blame, the line."""
        place = self.where if line is None else f"{self.where}, line {line}"
        return GeneSetFormatError(f"{place}: {message}")


def read_text(
    source: TextSource, encoding: str = "utf-8", max_bytes: int = MAX_BYTES
) -> FileText:
    """Read the text of a file, unpacked and decoded, up to a size."""
    name = None
    if isinstance(source, str | os.PathLike):
        where, name = os.fspath(source), Path(source).name
        _check_path(where)
    elif hasattr(source, "read"):
        where = str(getattr(source, "name", "<stream>"))
    else:
        raise TypeError(
            f"Expected a path or an open file, got {type(source).__name__}. "
            "GmtVectorizer takes mappings, DataFrames and lists of paths, too. For a "
            "list of genes, use GeneSets({name: genes})."
        )
    content: str | bytes = b""
    try:
        content = _read(source, where, max_bytes)
        text = content if isinstance(content, str) else content.decode(encoding)
    except LookupError:
        wanted = "Expected the name of a text encoding"
        raise ValueError(f"{wanted}, got {encoding!r}.") from None
    except UnicodeDecodeError as error:
        # Without content, it was an open text file that could not be decoded.
        raise _undecodable(where, error, is_open=not content) from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise GeneSetFormatError(f"{where}: Damaged gzip file ({error}).") from error
    text = text.removeprefix(BYTE_ORDER_MARK).replace("\r\n", "\n").replace("\r", "\n")
    file = FileText(text, where, name)
    _check_is_text(file, content)
    return file


def _read(source: TextSource, where: str, max_bytes: int) -> str | bytes:
    """Read a path or an open file; unpack what is compressed with gzip."""
    if isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as file:
            content = _read_some(file, where, max_bytes)
    else:
        content = _read_some(source, where, max_bytes)
    if isinstance(content, bytes) and content.startswith(_GZIP_MAGIC):
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as unpacked:
            return _read_some(unpacked, where, max_bytes)
    return content


def _read_some(
    file: IO[Any] | gzip.GzipFile, where: str, max_bytes: int
) -> str | bytes:
    """Read an open file in chunks; stop at `max_bytes`, or a gzip bomb would unpack."""
    # Types do not tell text files: tempfile and codecs have their own.
    empty: str | bytes = file.read(0)
    if not isinstance(empty, str | bytes):
        got = f"str or bytes, got {type(empty).__name__}"
        raise TypeError(f"{where}: Expected read() to return {got}.")
    chunks: list[Any] = []
    size = 0
    while chunk := file.read(_CHUNK):
        chunks.append(chunk)
        size += len(chunk)
        if size > max_bytes:
            raise GeneSetFormatError(
                f"{where}: Expected at most {max_bytes:,} bytes of text, got more. If "
                "the file can be trusted, set max_bytes higher."
            )
    return empty.join(chunks)


def _undecodable(
    where: str, error: UnicodeDecodeError, is_open: bool
) -> GeneSetFormatError:
    if kind := _binary(error.object):
        return GeneSetFormatError(f"{where}: Expected text, got {kind}.")
    got = f"Expected {error.encoding} text, got byte 0x{error.object[error.start]:02x}"
    if is_open:  # The offset counts from an unknown place in the file.
        return GeneSetFormatError(
            f"{where}: {got}. Open the file with its encoding, or give its path: then "
            "the message says where this byte is."
        )
    line = error.object.count(b"\n", 0, error.start) + 1
    other = _encoding(error.object)
    if other is None:
        return GeneSetFormatError(f"{where}: Expected text, got a binary file.")
    return GeneSetFormatError(
        f"{where}, line {line}: {got} at offset {error.start}. If the file has another "
        f"encoding, set it, such as encoding={other!r}."
    )


def _binary(content: str | bytes) -> str | None:
    """Tell which binary format a file has, and how to read it."""
    head = content[:8]
    if isinstance(head, str):
        head = head.encode("latin-1", "replace")
    kinds = (kind for magic, kind in _BINARY.items() if head.startswith(magic))
    return next(kinds, None)


def _encoding(content: bytes) -> str | None:
    """Guess the encoding of text that is not UTF-8; None if it is not text."""
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            return encoding
    sample = content[:_CHUNK]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if even + odd == 0:
        return "latin-1"
    if 8 * max(even, odd) < 3 * len(sample) or 8 * min(even, odd) > len(sample):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _check_path(path: str) -> None:
    """Raise an error for a URL, for text, and for the name of a collection."""
    if _URL.match(path):
        raise ValueError(
            f"Expected a path, got the URL {excerpt(path)}. Download it first: "
            "path, _ = urllib.request.urlretrieve(url)."
        )
    if "\n" in path or "\t" in path:
        raise ValueError(
            f"Expected a path, got text: {excerpt(path)}. Use "
            "read_gene_sets(io.StringIO(text))."
        )
    if Path(path).exists():
        return
    call = ""
    if known := _MSIGDB.fullmatch(path):
        name = path.lower() + ("" if "." in path else ".all")
        version = ", version='2024.1.Mm'" if known[2] else ""
        call = f"fetch_msigdb({name!r}{version})"
    elif _LIBRARY.fullmatch(path):
        call = f"fetch_enrichr({path!r})"
    hint = (
        f". To download a collection, use sk_gene2vec.datasets.{call}" if call else ""
    )
    raise FileNotFoundError(ENOENT, f"No such file or directory{hint}", str(path))


def _check_is_text(file: FileText, content: str | bytes) -> None:
    """Refuse NUL and lone surrogates, as in UTF-16 read as UTF-8."""
    text = file.text
    if not text:
        raise file.error("Expected text, got an empty file.")
    if "\0" not in text and text.isascii():
        return
    if found := _NO_TEXT.search(text):
        if kind := _binary(content):
            raise file.error(f"Expected text, got {kind}.")
        encoding = _encoding(content) if isinstance(content, bytes) else None
        other = f", or has another encoding, such as encoding={encoding!r}"
        what = f"damaged or binary{other if encoding else ''}"
        raise file.error(
            f"Expected text, got the character {found[0]!r}. The file is {what}.",
            text.count("\n", 0, found.start()) + 1,
        )
