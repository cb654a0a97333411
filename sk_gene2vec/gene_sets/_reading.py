"""Bytes of gene-set files to text: gzip, encodings and a limit on the size."""

import codecs
import gzip
import io
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, TypeAlias, TypeVar

from sk_gene2vec._utils._genes import BYTE_ORDER_MARK, strip
from sk_gene2vec._utils._messages import excerpt

TextSource: TypeAlias = str | os.PathLike[str] | IO[str] | IO[bytes]

#: Several times the largest collection, and little enough for the memory of a laptop.
MAX_BYTES = 2**30


_GZIP_MAGIC = b"\x1f\x8b"
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# First bytes of files that are no text, and what to do with these.
_BINARY = {
    b"PAR1": "a Parquet file. Read it with pandas.read_parquet or polars.read_parquet",
    b"ARROW1": "an Arrow file. Read it with pandas.read_feather or polars.read_ipc",
    b"PK\3\4": "a ZIP archive or an Excel file. Unpack it, or read it with read_excel",
    b"\x89HDF": "an HDF5 file. Read it with pandas.read_hdf",
}
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_CHUNK = 2**24
_Chunk = TypeVar("_Chunk", str, bytes)


class GeneSetFormatError(ValueError):
    """A file of gene sets is damaged, or follows none of the formats.

    The message names the file and, wherever there is one, the line.

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
    """Text of a file of gene sets.

    Parameters
    ----------
    text : str
        The text, with Unix line ends and without a byte order mark at its start.
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
        """Place of the first line that is neither blank nor a comment, else 0."""
        texts = enumerate(map(strip, self.lines))
        return next((at for at, text in texts if text and text[0] != "#"), 0)

    @property
    def attrs(self) -> dict[str, str] | None:
        """Attributes of the gene sets in the file."""
        return {"name": self.name} if self.name else None

    def error(self, message: str, line: int | None = None) -> GeneSetFormatError:
        """Build an error that names the file, and the line where one is to blame."""
        place = self.where if line is None else f"{self.where}, line {line}"
        return GeneSetFormatError(f"{place}: {message}")


def read_text(source: TextSource, encoding: str, max_bytes: int) -> FileText:
    """Read the text of a file, unpacked and decoded."""
    name = None
    if isinstance(source, str | os.PathLike):
        where, name = os.fspath(source), Path(source).name
    elif hasattr(source, "read"):
        where = str(getattr(source, "name", "<stream>"))
    else:
        got = f"{type(source).__name__} {excerpt(source)}"
        raise TypeError(f"Expected a path or an open file, got {got}.{_advice(source)}")
    # Not by their type: tempfile and codecs have text files of their own.
    is_text = hasattr(source, "read") and isinstance(source.read(0), str)
    try:
        if is_text:
            text = "".join(_chunks(source, str, where, max_bytes))
            head = text[:8].encode("latin-1", "replace")
        else:
            data = _read_bytes(source, where, max_bytes)
            text, head = data.decode(encoding), data[:8]
    except LookupError:
        wanted = "Expected the name of a text encoding"
        raise ValueError(f"{wanted}, got {encoding!r}.") from None
    except UnicodeDecodeError as error:
        raise _undecodable(where, error, is_text) from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise GeneSetFormatError(f"{where}: Damaged gzip file ({error}).") from error
    text = text.removeprefix(BYTE_ORDER_MARK).replace("\r\n", "\n").replace("\r", "\n")
    file = FileText(text, where, name)
    _check_is_text(file, head)
    return file


def _advice(source: object) -> str:
    if isinstance(source, Mapping):
        return " GeneSets and GmtVectorizer take mappings."
    if hasattr(source, "columns"):
        return " read_gene_sets and GmtVectorizer take DataFrames."
    if isinstance(source, Iterable):
        return " Read one file at a time; GmtVectorizer takes a list of them."
    return ""


def _read_bytes(source: TextSource, where: str, max_bytes: int) -> bytes:
    if isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as file:
            data = b"".join(_chunks(file, bytes, where, max_bytes))
    else:
        data = b"".join(_chunks(source, bytes, where, max_bytes))
    if not data.startswith(_GZIP_MAGIC):
        return data
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as unpacked:
        return b"".join(_chunks(unpacked, bytes, where, max_bytes))


def _chunks(
    file: Any, kind: type[_Chunk], where: str, max_bytes: int
) -> Iterator[_Chunk]:
    """Read a file in chunks; stop at `max_bytes`, so that no gzip bomb unpacks."""
    size = 0
    while chunk := file.read(_CHUNK):
        if not isinstance(chunk, kind):
            got = f"{kind.__name__}, got {type(chunk).__name__}"
            raise TypeError(f"{where}: Expected read() to return {got}.")
        size += len(chunk)
        if size > max_bytes:
            raise GeneSetFormatError(
                f"{where}: Expected at most {max_bytes:,} bytes of text, got more. If "
                "the file can be trusted, set max_bytes higher."
            )
        yield chunk


def _undecodable(
    where: str, error: UnicodeDecodeError, is_open: bool
) -> GeneSetFormatError:
    if kind := _binary(error.object):
        return GeneSetFormatError(f"{where}: Expected text, got {kind}.")
    got = f"Expected {error.encoding} text, got byte 0x{error.object[error.start]:02x}"
    if is_open:  # The offset counts from a piece of unknown place.
        return GeneSetFormatError(
            f"{where}: {got}. Open the file with its encoding, or give its path to "
            "learn where that is."
        )
    line = error.object.count(b"\n", 0, error.start) + 1
    other = "utf-16" if error.object.startswith(_UTF_16_MARKS) else "latin-1"
    return GeneSetFormatError(
        f"{where}, line {line}: {got} at offset {error.start}. If the file has another "
        f"encoding, set it: encoding={other!r}, for one."
    )


def _binary(content: bytes) -> str | None:
    """Tell which binary format a file has that is no text, and how to read it."""
    kinds = (kind for magic, kind in _BINARY.items() if content.startswith(magic))
    return next((f"{kind}, and pass the DataFrame" for kind in kinds), None)


def _check_is_text(file: FileText, head: bytes) -> None:
    """Refuse NUL and lone surrogates: UTF-16 read as UTF-8, zeros after a crash."""
    text = file.text
    if not text:
        raise file.error("Expected gene sets, got an empty file.")
    if "\0" not in text and text.isascii():
        return
    if found := _NO_TEXT.search(text):
        if kind := _binary(head):
            raise file.error(f"Expected text, got {kind}.")
        raise file.error(
            f"Expected text, got the character {found[0]!r}. The file is damaged, or "
            "has another encoding: encoding='utf-16-le', for one.",
            text.count("\n", 0, found.start()) + 1,
        )
