"""Bytes of gene-set files to text: gzip, encodings and a limit on the size."""

import gzip
import io
import os
import zlib
from pathlib import Path
from typing import IO, Any, Protocol, TypeAlias

__all__ = [
    "MAX_BYTES",
    "GmtFormatError",
    "TextSource",
    "excerpt",
    "file_name",
    "read_text",
]

TextSource: TypeAlias = str | os.PathLike[str] | IO[str] | IO[bytes]

#: Several times the largest collection there is, and little enough for a laptop.
MAX_BYTES = 2**30


class _Readable(Protocol):
    def read(self, size: int, /) -> Any: ...


_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 2**24


class GmtFormatError(ValueError):
    """A file of gene sets is damaged, or follows none of the formats.

    The message names the file and, wherever there is one, the line.

    Examples
    --------
    >>> import io, sk_gene2vec
    >>> sk_gene2vec.read_gmt(io.StringIO("APOPTOSIS"))
    Traceback (most recent call last):
    sk_gene2vec.reading.GmtFormatError: <stream>, line 1: expected \
name<TAB>description<TAB>gene…, got no tab in 'APOPTOSIS'
    """


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
            text = source.read()
            if len(text) > max_bytes:
                raise _too_large(where, max_bytes)
        else:
            text = _read_bytes(source, where, max_bytes).decode(encoding)
    except LookupError:
        raise ValueError(
            f"expected the name of a text encoding, got {encoding!r}"
        ) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise GmtFormatError(
            f"{where}, line {line}: expected {error.encoding} text, got byte "
            f"0x{error.object[error.start]:02x} at offset {error.start}; if the file "
            "has another encoding, set it: encoding='latin-1', for one"
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n"), where


def file_name(source: TextSource) -> str | None:
    """Name of the file without its folder; None for an open file."""
    return Path(source).name if isinstance(source, str | os.PathLike) else None


def excerpt(text: str) -> str:
    """Quote a text, the beginning of a long one."""
    return repr(text if len(text) <= 40 else text[:39] + "…")


def _read_bytes(source: TextSource, where: str, max_bytes: int) -> bytes:
    if isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as file:
            data = _read_limited(file, where, max_bytes)
    else:
        data = _read_limited(source, where, max_bytes)
    if not data.startswith(_GZIP_MAGIC):
        return data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as unpacked:
            return _read_limited(unpacked, where, max_bytes)
    except (EOFError, OSError, zlib.error) as error:
        raise GmtFormatError(f"{where}: damaged gzip file ({error})") from error


def _read_limited(file: _Readable, where: str, max_bytes: int) -> bytes:
    """Read a binary file to its end, in chunks, so that no bomb unpacks in full."""
    chunks: list[bytes] = []
    size = 0
    while chunk := file.read(_CHUNK):
        if not isinstance(chunk, bytes):
            kind = type(chunk).__name__
            raise TypeError(f"{where}: expected read() to return bytes, got {kind}")
        size += len(chunk)
        if size > max_bytes:
            raise _too_large(where, max_bytes)
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large(where: str, max_bytes: int) -> GmtFormatError:
    return GmtFormatError(
        f"{where}: expected at most {max_bytes:,} bytes of text, got more; if the file "
        "can be trusted, set max_bytes higher"
    )
