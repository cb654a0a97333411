"""GMT files from the internet, kept in a folder and checked whenever they are used.

A download is two files: the content, and its SHA-256 in the format of sha256sum.
"""

from __future__ import annotations

import io
import os
import re
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from sk_gene2vec.gene_sets._gmt import read_gmt
from sk_gene2vec.gene_sets._reading import GeneSetFormatError

if TYPE_CHECKING:
    import requests
    from typing_extensions import Buffer

# All of MSigDB is 40 MB.
_MAX_BYTES = 512 * 2**20
# https, or http on this machine, which nobody on the way can change.
SAFE_URL = re.compile(r"(?i)https://|http://(localhost|127\.0\.0\.1)(:\d+)?(/|\Z)")
# The second line is a comment for sha256sum.
_RECORD = re.compile(r"([0-9a-f]{64})  .+\n# retrieved (\d{4}-\d\d-\d\d)\n")

_ADVICE = "Set data_home or SK_GENE2VEC_DATA to a folder that can be written."


class DownloadError(OSError):
    """Gene sets could not be downloaded, or could not be kept in the cache.

    The message names the URL, what failed, and how to continue without the download.
    Files in the cache are left as they were.

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
    """A GMT file on a server, and how to ask for it.

    `known` says which files there are, if the server does not have this one.
    """

    url: str
    known: str
    n_retries: int
    timeout: float
    progressbar: bool

    def __call__(self, url: str, path: str, _: object) -> None:
        """Download once, as pooch calls its downloaders."""
        import pooch

        with _Body(path, "wb") as file:
            safely = {"hooks": {"response": file.begin}, "proxies": {"http": ""}}
            get = pooch.HTTPDownloader(self.progressbar, timeout=self.timeout, **safely)
            get(url, file, None)


def cache_folder(data_home: str | os.PathLike[str] | None) -> Path:
    """Return the folder of the cache: as given, of the environment, or the user's."""
    import pooch

    chosen = data_home or os.environ.get("SK_GENE2VEC_DATA")
    return Path(chosen or pooch.os_cache("sk_gene2vec")).expanduser()


def check_writable(folder: Path) -> None:
    """Make a folder of the cache, or raise an error that says how to name another."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError as error:
        raise OSError(
            error.errno,
            f"Cannot keep vectors in the cache folder {folder}: {error.strerror}. "
            f"{_ADVICE}",
        ) from error


def cached_gmt(remote: Remote, path: Path, force_download: bool) -> str:
    """Download a file unless `path` has it; return the date (UTC) of the download."""
    import pooch
    import requests

    record, sha256, advice = path.with_name(f"{path.name}.sha256"), None, ""
    try:
        if record.exists() and not force_download:
            advice = " Its copy is missing or damaged: force_download=True replaces it."
            if not (found := _RECORD.fullmatch(record.read_text("utf-8", "replace"))):
                raise ValueError(f"expected a SHA-256 and a date in {record}")
            sha256, retrieved = found.groups()
            if path.exists() and pooch.file_hash(path) == sha256:
                return retrieved
        return _download(remote, path, record, sha256)
    except (requests.RequestException, DownloadError, ValueError) as error:
        if isinstance(error, DownloadError | requests.HTTPError):
            advice += f" {remote.known}"
        raise DownloadError(
            f"Cannot fetch {remote.url}: {error}.{advice}\nTo continue without this "
            "download, open the URL in a browser or on another machine, save the file, "
            "and give its path to read_gmt or GmtVectorizer."
        ) from error
    except OSError as error:
        raise DownloadError(
            f"Cannot keep {remote.url} in the cache folder {path.parent}: {error}. "
            f"{_ADVICE}"
        ) from error


def _download(remote: Remote, path: Path, record: Path, sha256: str | None) -> str:
    """Download to a folder of its own, and move what is a GMT file to its place."""
    import pooch

    pooch.get_logger().setLevel("WARNING")  # it prints every download otherwise
    name, retrieved = path.name, datetime.now(UTC).date().isoformat()
    known = {"registry": {name: sha256}, "urls": {name: remote.url}}
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent, prefix=".") as folder:
        files = pooch.create(folder, "", retry_if_failed=remote.n_retries, **known)
        new = Path(files.fetch(name, downloader=remote))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of genes: the next reading warns
                read_gmt(io.BytesIO(new.read_bytes()), on_duplicate="first")
        except GeneSetFormatError as error:
            raise DownloadError(f"the server did not send GMT: {error}") from error
        line = f"{pooch.file_hash(new)}  {name}\n# retrieved {retrieved}\n"
        Path(folder, record.name).write_text(line, "utf-8")
        new.replace(path)
        Path(folder, record.name).replace(record)
    return retrieved


class _Body(io.FileIO):
    """The open file that a download is written to, up to a size."""

    def begin(self, response: requests.Response, **_: object) -> None:
        """Refuse an answer before it is read, and a redirect before it is followed."""
        code, raw, self.response = response.status_code, response.raw, response
        if code == 200 and (raw.chunked or raw.length_remaining is not None):
            return
        response.close()  # the body of a redirect may be endless, too
        target = urljoin(response.url, response.headers.get("location", ""))
        if response.is_redirect and not SAFE_URL.match(target):
            raise DownloadError(f"the server redirects to {target}, which is not https")
        if 400 <= code < 500 and code != 429:
            raise DownloadError(f"the server answered {code} {response.reason}")
        if code == 200:
            raise DownloadError("the server does not say where the file ends")

    def close(self) -> None:
        """Close the connection too: an answer that breaks off keeps it open."""
        if hasattr(self, "response"):
            self.response.close()
        super().close()

    def write(self, chunk: Buffer) -> int:
        if self.tell() > _MAX_BYTES:
            raise DownloadError(f"the file is larger than {_MAX_BYTES // 2**20} MB")
        return super().write(chunk)
