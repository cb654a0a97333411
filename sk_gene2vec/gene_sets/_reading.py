"""Bytes of gene-set files to text: gzip, encodings and a limit on the size."""

import codecs
import gzip
import io
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Protocol, TypeAlias, TypeVar

__all__ = [
    "MAX_BYTES",
    "GmtFormatError",
    "TextSource",
    "file_name",
    "read_text",
]

TextSource: TypeAlias = str | os.PathLike[str] | IO[str] | IO[bytes]

#: Several times the largest collection there is, and little enough for a laptop.
MAX_BYTES = 2**30


class _Readable(Protocol):
    def read(self, size: int, /) -> Any: ...


_GZIP_MAGIC = b"\x1f\x8b"
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_CHUNK = 2**24
_Chunk = TypeVar("_Chunk", str, bytes)


class GmtFormatError(ValueError):
    """A file of gene sets is damaged, or follows none of the formats.

    The message names the file and, wherever there is one, the line.

    Examples
    --------
    >>> import io, sk_gene2vec
    >>> sk_gene2vec.read_gmt(io.StringIO("APOPTOSIS"))
    Traceback (most recent call last):
    sk_gene2vec.GmtFormatError: <stream>, line 1: expected \
name<TAB>description<TAB>gene…, got no tab in 'APOPTOSIS'
    """

    # Saved models name the public path.
    __module__ = "sk_gene2vec"


def read_text(source: TextSource, encoding: str, max_bytes: int) -> tuple[str, str]:
    """Read the text, line ends made equal, and how messages shall call its source."""
    if isinstance(source, str | os.PathLike):
        where = os.fspath(source)
    elif hasattr(source, "read"):
        where = str(getattr(source, "name", "<stream>"))
    else:
        raise TypeError(f"expected a path or an open file, got {source!r}")
    try:
        if isinstance(source, io.TextIOBase):
            text = "".join(_chunks(source, str, where, max_bytes))
        else:
            text = _read_bytes(source, where, max_bytes).decode(encoding)
    except LookupError:
        raise ValueError(
            f"expected the name of a text encoding, got {encoding!r}"
        ) from None
    except UnicodeDecodeError as error:
        raise _undecodable(where, error, isinstance(source, io.TextIOBase)) from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise GmtFormatError(f"{where}: damaged gzip file ({error})") from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    _check_is_text(text, where)
    return text, where


def file_name(source: TextSource) -> str | None:
    """Name of the file without its folder; None for an open file."""
    return Path(source).name if isinstance(source, str | os.PathLike) else None


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
    file: _Readable, kind: type[_Chunk], where: str, max_bytes: int
) -> Iterator[_Chunk]:
    """Read a file to its end, in chunks, so that no bomb unpacks in full."""
    size = 0
    while chunk := file.read(_CHUNK):
        if not isinstance(chunk, kind):
            got = f"{kind.__name__}, got {type(chunk).__name__}"
            raise TypeError(f"{where}: expected read() to return {got}")
        size += len(chunk)
        if size > max_bytes:
            raise _too_large(where, max_bytes)
        yield chunk


def _undecodable(
    where: str, error: UnicodeDecodeError, is_open: bool
) -> GmtFormatError:
    byte = f"byte 0x{error.object[error.start]:02x}"
    if is_open:  # it is read piece by piece, and does not tell where a piece starts
        return GmtFormatError(
            f"{where}: expected {error.encoding} text, got {byte}; open the file with "
            "its encoding, or give its path to learn where that is"
        )
    line = error.object.count(b"\n", 0, error.start) + 1
    other = "utf-16" if error.object.startswith(_UTF_16_MARKS) else "latin-1"
    return GmtFormatError(
        f"{where}, line {line}: expected {error.encoding} text, got {byte} at offset "
        f"{error.start}; if the file has another encoding, set it: "
        f"encoding={other!r}, for one"
    )


def _check_is_text(text: str, where: str) -> None:
    """Refuse what decodes but is no text: UTF-16 read as UTF-8, zeros after a crash."""
    if "\0" not in text and text.isascii():
        return
    if found := _NO_TEXT.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise GmtFormatError(
            f"{where}, line {line}: expected text, got the character {found[0]!r}; the "
            "file is damaged, or has another encoding: encoding='utf-16-le', for one"
        )


def _too_large(where: str, max_bytes: int) -> GmtFormatError:
    return GmtFormatError(
        f"{where}: expected at most {max_bytes:,} bytes of text, got more; if the file "
        "can be trusted, set max_bytes higher"
    )
