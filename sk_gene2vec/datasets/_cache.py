"""GMT files kept in a folder: written whole, and checked whenever they are read.

A download is two files: the content, named by its SHA-256, and a record, named by its
URL, that says which content that was. The record comes last and points at a file that
never changes, so that processes that download the same file at the same time cannot
mix their results.
"""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from sk_gene2vec.datasets._download import Failure, Patience, download, import_pooch
from sk_gene2vec.gene_sets._gmt import read_gmt
from sk_gene2vec.gene_sets._reading import GeneSetFormatError

ENVIRONMENT_VARIABLE = "SK_GENE2VEC_DATA"


class DownloadError(OSError):
    """Gene sets could not be downloaded, or the cache does not hold what it should.

    The message names the URL, what was tried, and how to go on without it. The cache is
    left as it was.

    Examples
    --------
    A file where the cache folder should be:

    >>> import tempfile
    >>> from sk_gene2vec.datasets import DownloadError, fetch_msigdb
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     try:
    ...         fetch_msigdb(version="7.5.1", data_home=file.name)
    ...     except DownloadError as error:
    ...         print(str(error).partition(" in the cache")[0])
    Cannot keep https://data.broadinstitute.org/gsea-msigdb/msigdb/release/7.5.1/\
h.all.v7.5.1.symbols.gmt
    """


@dataclass(frozen=True)
class Remote:
    """A GMT file on a server.

    `stem` names its files in the cache; `page` is where a person finds it; `known` says
    what the server has, for a server that does not have this file.
    """

    url: str
    stem: str
    page: str
    known: Callable[[], str]

    def error(self, *sentences: str) -> DownloadError:
        """Make an error that ends with how to go on without the download."""
        file = f'"{self.stem}.gmt"'
        advice = (
            f"To go on with a local file: download {self.url} by hand, in a browser or "
            f"on another machine (see {self.page}), save it as {self.stem}.gmt, and "
            f"read it with read_gmt({file}) or GmtVectorizer({file})."
        )
        return DownloadError("\n".join([*sentences, advice]))


@dataclass(frozen=True)
class Record:
    """Which content was downloaded, and when (a UTC date)."""

    url: str
    sha256: str
    retrieved: str

    def __post_init__(self) -> None:
        date.fromisoformat(self.retrieved)
        if not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ValueError(f"the sha256 {self.sha256!r}")


def cache_folder(data_home: str | os.PathLike[str] | None) -> Path:
    """Return the folder of the cache: as told, of the environment, or the user's."""
    chosen = data_home or os.environ.get(ENVIRONMENT_VARIABLE)
    return Path(chosen or import_pooch().os_cache("sk_gene2vec")).expanduser()


def cached_gmt(
    remote: Remote,
    patience: Patience,
    data_home: str | os.PathLike[str] | None,
    force_download: bool,
) -> tuple[Path, Record]:
    """Return the file in the cache and its record; download it if it is not there."""
    folder = cache_folder(data_home)
    try:
        return _read_or_download(folder, remote, patience, force_download)
    except DownloadError:
        raise
    except OSError as error:
        raise remote.error(
            f"Cannot keep {remote.url} in the cache folder {folder}: {error}.",
            "Name another folder: the argument data_home or the environment variable "
            f"{ENVIRONMENT_VARIABLE}.",
        ) from error


def _read_or_download(
    folder: Path, remote: Remote, patience: Patience, force_download: bool
) -> tuple[Path, Record]:
    record_file = folder / f"{remote.stem}.{_digest(remote.url.encode())[:8]}.json"
    recorded = None if force_download else _read_record(record_file, remote)
    if recorded is not None:
        path = _content_file(folder, remote, recorded)
        if path.exists():
            _check_unchanged(path, path.read_bytes(), recorded, remote)
            return path, recorded
    _check_writable(folder)
    data = _download_gmt(remote, patience)
    if recorded is not None:
        _check_unchanged(remote.url, data, recorded, remote)
    record = Record(remote.url, _digest(data), datetime.now(UTC).date().isoformat())
    path = _content_file(folder, remote, record)
    content = json.dumps(vars(record), indent=1).encode()
    # The record comes last: it must not name a file that is not there.
    _write(folder, {path.name: data, record_file.name: content})
    return path, record


def _content_file(folder: Path, remote: Remote, record: Record) -> Path:
    return folder / f"{remote.stem}.{record.sha256[:12]}.gmt"


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def _read_record(path: Path, remote: Remote) -> Record | None:
    try:
        record = Record(**json.loads(path.read_bytes()))
        if record.url != remote.url:
            raise ValueError(f"the record of {record.url!r}")
        return record
    except (FileNotFoundError, NotADirectoryError):
        return None
    # json raises a RecursionError for deeply nested text.
    except (ValueError, TypeError, RecursionError) as error:
        raise remote.error(
            f"Expected the record of a download from {remote.url} in {path}, got "
            f"{error}.",
            "Delete it, or pass force_download=True, to download again.",
        ) from error


def _check_unchanged(
    source: str | Path, data: bytes, record: Record, remote: Remote
) -> None:
    found = _digest(data)
    if found != record.sha256:
        raise remote.error(
            f"{source} has changed: sha256 {found}, on {record.retrieved} it was "
            f"{record.sha256}.",
            "To download and keep the present content, pass force_download=True; "
            "results may differ from earlier ones.",
        )


def _download_gmt(remote: Remote, patience: Patience) -> bytes:
    try:
        data = download(remote.url, patience)
        _check_gmt(data)
    except Failure as failure:
        known = [remote.known()] if failure.answered else []
        raise remote.error(
            f"Could not download {remote.url}: {failure}.", *known
        ) from failure
    return data


def _check_gmt(data: bytes) -> None:
    if data.lstrip().startswith(b"<"):
        raise Failure("a web page came, not a GMT file", answered=True)
    try:
        read_gmt(io.BytesIO(data), on_duplicate="first")
    except GeneSetFormatError as error:
        why = str(error).removeprefix("<stream>").removesuffix(".")
        raise Failure(f"what came is no GMT file{why}", answered=True) from error


def _check_writable(folder: Path) -> None:
    """Raise before the download where nothing could be written after it."""
    parent = next(path for path in (folder, *folder.parents) if path.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise PermissionError(f"{parent} is not a writable folder")


def _write(folder: Path, contents: dict[str, bytes]) -> None:
    """Write files in the order given; each appears whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix=".") as parts:
        for name, data in contents.items():
            Path(parts, name).write_bytes(data)
        for name in contents:
            Path(parts, name).replace(folder / name)
