"""Files that are replaced as a whole, or read up to a limit."""

import gzip
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Protocol

_CHUNK = 2**20


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@contextmanager
def replacing(path: str | PathLike[str]) -> Iterator[Path]:
    """Write to a file beside `path`, then put it there: a failure changes nothing.

    A path that cannot be written to is an error before anything is computed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sk_gene2vec._utils._files import replacing
    >>> path = Path(tempfile.mkdtemp()) / "genes.txt"
    >>> with replacing(path) as part:
    ...     size = part.write_text("TP53")
    >>> path.read_text()
    'TP53'
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"Expected a path to a file, got the folder {path}.")
    if path.exists() and not path.is_file():
        yield path  # a device or pipe has no content to lose
        return
    if not path.parent.is_dir():
        raise FileNotFoundError(f"Expected a file in a folder that exists, got {path}.")
    path = path.resolve()  # what a link points to
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        part.touch()
        if path.exists():
            _check_replaceable(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from None
    try:
        yield part
        if path.exists():
            shutil.copymode(path, part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _check_replaceable(path: Path) -> None:
    """Raise an OSError if a file is read-only, or Windows keeps it for a program."""
    try:
        path.open("r+b").close()
        path.replace(path)  # changes nothing; Windows refuses if the file is open
    except OSError as error:
        advice = "if another program has it open, close it, or choose another file"
        raise OSError(error.errno, f"{error.strerror or error}; {advice}") from None


def write_lines(path: str | PathLike[str], lines: Iterable[str]) -> None:
    r"""Replace a file by lines of UTF-8, compressed if `path` ends in ``.gz``.

    Examples
    --------
    >>> import gzip, tempfile
    >>> from pathlib import Path
    >>> from sk_gene2vec._utils._files import write_lines
    >>> path = Path(tempfile.mkdtemp()) / "genes.txt.gz"
    >>> write_lines(path, ["MDM2", "TP53"])
    >>> gzip.decompress(path.read_bytes())
    b'MDM2\nTP53\n'
    """
    is_packed = Path(path).suffix.lower() == ".gz"
    with replacing(path) as part, part.open("wb") as file:
        # Without name and time in the header, equal lines give equal files.
        packed = gzip.GzipFile("", "wb", fileobj=file, mtime=0) if is_packed else file
        with packed as target:
            target.writelines(f"{line}\n".encode() for line in lines)


def read_at_most(file: _Readable, max_bytes: int, what: object) -> bytes:
    """Read a file in chunks, or raise ValueError if it has more than `max_bytes`.

    Examples
    --------
    >>> import io
    >>> from sk_gene2vec._utils._files import read_at_most
    >>> read_at_most(io.BytesIO(b"TP53"), 4, "genes.txt")
    b'TP53'
    >>> read_at_most(io.BytesIO(b"TP53"), 3, "genes.txt")
    Traceback (most recent call last):
    ValueError: genes.txt: Expected at most 3 bytes, got more. If the file can be \
trusted, set max_bytes higher.
    """
    chunks, size = [], 0
    while chunk := file.read(_CHUNK):
        chunks.append(chunk)
        size += len(chunk)
        if size > max_bytes:
            raise ValueError(
                f"{what}: Expected at most {max_bytes:,} bytes, got more. If the file "
                "can be trusted, set max_bytes higher."
            )
    return b"".join(chunks)
