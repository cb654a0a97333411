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
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from sk_gene2vec.datasets._download import Failure, Patience, download, import_pooch
from sk_gene2vec.gene_sets._gmt import read_gmt
from sk_gene2vec.gene_sets._reading import GmtFormatError

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
    cannot keep https://data.broadinstitute.org/gsea-msigdb/msigdb/release/7.5.1/\
h.all.v7.5.1.symbols.gmt
    """

    # Saved models name the public path.
    __module__ = "sk_gene2vec.datasets"


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

    def advice(self) -> str:
        """How to go on without the download."""
        file = f'"{self.stem}.gmt"'
        return (
            f"To go on with a local file: download {self.url} by hand, in a browser or "
            f"on another machine (see {self.page}), save it as {self.stem}.gmt, and "
            f"read it with read_gmt({file}) or GmtVectorizer({file})."
        )


@dataclass(frozen=True)
class Record:
    """What was downloaded, and when (a UTC date)."""

    url: str
    sha256: str
    retrieved: str


def cached_gmt(
    remote: Remote,
    patience: Patience,
    data_home: str | os.PathLike[str] | None,
    force_download: bool,
) -> tuple[Path, Record]:
    """Return the file in the cache and its record; download it if it is not there."""
    folder = _data_folder(data_home)
    record_file = folder / f"{remote.stem}.{_digest(remote.url.encode())[:8]}.json"
    recorded = None if force_download else _read_record(record_file, remote)
    if recorded is not None:
        path = _content_file(folder, remote, recorded.sha256)
        if _is_intact(path, recorded, remote):
            return path, recorded
    _check_writable(folder, remote)
    data = _download_gmt(remote, patience)
    today = datetime.now(UTC).date().isoformat()
    record = Record(remote.url, _digest(data), today)
    if recorded is not None and record.sha256 != recorded.sha256:
        raise DownloadError(
            f"{remote.url} has changed: sha256 {record.sha256}, on "
            f"{recorded.retrieved} it was {recorded.sha256}.\nIf the new content is "
            "what you want, pass force_download=True; results may differ from earlier "
            "ones."
        )
    path = _content_file(folder, remote, record.sha256)
    _write(
        {path: data, record_file: json.dumps(vars(record), indent=1).encode()}, remote
    )
    return path, record


def _data_folder(data_home: str | os.PathLike[str] | None) -> Path:
    chosen = data_home or os.environ.get(ENVIRONMENT_VARIABLE)
    return Path(chosen or import_pooch().os_cache("sk_gene2vec")).expanduser()


def _content_file(folder: Path, remote: Remote, digest: str) -> Path:
    return folder / f"{remote.stem}.{digest[:12]}.gmt"


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def _read_record(path: Path, remote: Remote) -> Record | None:
    try:
        return Record(**json.loads(path.read_bytes()))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError) as error:
        raise DownloadError(
            f"{path}: expected the record of a download from {remote.url}, got "
            f"{error}.\nDelete it, or pass force_download=True, to download again.\n"
            f"{remote.advice()}"
        ) from error


def _is_intact(path: Path, record: Record, remote: Remote) -> bool:
    """Whether the file is there as it came; raises if it is there and has changed."""
    try:
        found = _digest(path.read_bytes())
    except FileNotFoundError:
        return False
    except OSError as error:
        raise DownloadError(
            f"cannot read {path}, the copy of {remote.url}: {error}.\n{remote.advice()}"
        ) from error
    if found != record.sha256:
        raise DownloadError(
            f"{path} is not what came from {record.url} on {record.retrieved}: sha256 "
            f"{found}, then {record.sha256}.\nDelete it, or pass force_download=True, "
            f"to download it again.\n{remote.advice()}"
        )
    return True


def _download_gmt(remote: Remote, patience: Patience) -> bytes:
    try:
        data = download(remote.url, patience)
        _check_gmt(data)
    except Failure as failure:
        known = f"{remote.known()}\n" if failure.answered else ""
        raise DownloadError(
            f"could not download {remote.url}: {failure}.\n{known}{remote.advice()}"
        ) from failure
    return data


def _check_gmt(data: bytes) -> None:
    if data.lstrip().startswith(b"<"):
        raise Failure("a web page came, not a GMT file", answered=True)
    try:
        read_gmt(io.BytesIO(data), on_duplicate="first")
    except GmtFormatError as error:
        why = str(error).removeprefix("<stream>, ")
        raise Failure(f"what came is no GMT file; {why}", answered=True) from error


def _check_writable(folder: Path, remote: Remote) -> None:
    """Raise before the download where nothing could be written after it."""
    parent = next(path for path in (folder, *folder.parents) if path.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise _unwritable(folder, remote, f"{parent} is not a writable folder")


def _write(contents: dict[Path, bytes], remote: Remote) -> None:
    """Write files in the order given; each appears whole or not at all."""
    parts = {
        path: path.with_name(f".{path.name}.{uuid4().hex}.part") for path in contents
    }
    try:
        for path, data in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            parts[path].write_bytes(data)
        for path, part in parts.items():
            part.replace(path)
    except OSError as error:
        raise _unwritable(path.parent, remote, str(error)) from error
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def _unwritable(folder: Path, remote: Remote, why: str) -> DownloadError:
    return DownloadError(
        f"cannot keep {remote.url} in the cache folder {folder}: {why}.\nName another "
        f"folder: the argument data_home or the environment variable "
        f"{ENVIRONMENT_VARIABLE}.\n{remote.advice()}"
    )
