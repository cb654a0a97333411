"""Bytes of gene-set files to text: gzip, encodings and a limit on the size."""

import codecs
import gzip
import io
import os
import re
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, TypeAlias

from sk_gene2vec._utils._genes import BYTE_ORDER_MARK, strip

TextSource: TypeAlias = str | os.PathLike[str] | IO[str] | IO[bytes]

#: Several times the largest collection, and less than the memory of a laptop.
MAX_BYTES = 2**30

_GZIP_MAGIC = b"\x1f\x8b"
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# First bytes of binary files, and how to read these files.
_BINARY = {
    b"PAR1": "a Parquet file. Read it with pandas.read_parquet or polars.read_parquet",
    b"ARROW1": "an Arrow file. Read it with pandas.read_feather or polars.read_ipc",
    b"PK\3\4": "a ZIP archive or an Excel file. Unpack it, or read it with read_excel",
    b"\x89HDF": "an HDF5 file. Read it with pandas.read_hdf",
}
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
    elif hasattr(source, "read"):
        where = str(getattr(source, "name", "<stream>"))
    else:
        raise TypeError(
            f"Expected a path or an open file, got {type(source).__name__}. "
            "GmtVectorizer takes mappings, DataFrames and lists of paths, too."
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
    other = "utf-16" if error.object.startswith(_UTF_16_MARKS) else "latin-1"
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
    return next((f"{kind}, and pass the DataFrame" for kind in kinds), None)


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
        raise file.error(
            f"Expected text, got the character {found[0]!r}. The file is damaged, or "
            "has another encoding, such as encoding='utf-16-le'.",
            text.count("\n", 0, found.start()) + 1,
        )
