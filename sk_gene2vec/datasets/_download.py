"""One file over HTTP, complete or not at all; knows no cache and no collection."""

from __future__ import annotations

import io
from dataclasses import dataclass
from ipaddress import ip_address
from time import sleep
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    import requests

# All of MSigDB is 40 MB.
MAX_BYTES = 512 * 2**20

_CHUNK = 2**16
#: Answers that another try may change: timeouts, too many requests, server errors.
_TEMPORARY = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Patience:
    """How long and how often to try, and whether to show it."""

    n_retries: int
    delay: float
    timeout: float
    progressbar: bool


class Failure(Exception):
    """A download that failed, in words that end a sentence.

    `temporary` says that another try may help, `answered` that the server was reached
    and had something else to say.
    """

    def __init__(
        self, what: str, *, temporary: bool = False, answered: bool = False
    ) -> None:
        super().__init__(what)
        self.temporary = temporary
        self.answered = answered


def import_pooch() -> ModuleType:
    """Import pooch, or say how to install it."""
    try:
        import pooch
    except ImportError as error:
        raise ImportError(
            'downloading gene sets needs pooch: pip install "sk-gene2vec[datasets]"'
        ) from error
    return pooch


def is_safe(url: str) -> bool:
    """Whether nobody on the way can change what comes: https, or this machine."""
    parts = urlsplit(url)
    return bool(parts.hostname) and (
        parts.scheme == "https"
        or (parts.scheme == "http" and _is_loopback(parts.hostname or ""))
    )


def download(url: str, patience: Patience) -> bytes:
    """Return the body at `url`, or raise a `Failure` that says what was tried."""
    n_failed = 0
    while True:
        try:
            return _download_once(url, patience)
        except Failure as failure:
            n_failed += 1
            if not failure.temporary or n_failed > patience.n_retries:
                tried = "once" if n_failed == 1 else f"{n_failed} times"
                raise Failure(
                    f"{failure} (tried {tried})", answered=failure.answered
                ) from failure
        sleep(patience.delay * 2 ** (n_failed - 1))


def _download_once(url: str, patience: Patience) -> bytes:
    pooch = import_pooch()
    import requests

    body = _Body()
    get = pooch.HTTPDownloader(
        progressbar=patience.progressbar,
        chunk_size=_CHUNK,
        timeout=patience.timeout,
        hooks={"response": body.begin},
    )
    try:
        get(url, body, None)
        return body.complete()
    except requests.RequestException as error:
        raise _explained(error, patience.timeout) from error
    finally:
        body.close()


class _Body:
    """The open file that pooch writes to: keeps the body, refuses what is unsafe."""

    def __init__(self) -> None:
        self.data = io.BytesIO()
        self.response: requests.Response | None = None

    def begin(self, response: requests.Response, **_: Any) -> None:
        """See every answer before its body is read, redirects included."""
        self.close()
        self.response = response
        if not response.is_redirect:
            return
        target = urljoin(response.url, response.headers["Location"])
        schemes = urlsplit(response.url).scheme, urlsplit(target).scheme
        if not is_safe(target) or schemes == ("https", "http"):
            raise Failure(f"the server redirects to {target}, which is not https")

    def write(self, chunk: bytes) -> None:
        if self.data.tell() + len(chunk) > MAX_BYTES:
            raise Failure(f"the file is larger than {MAX_BYTES // 2**20} MB")
        self.data.write(chunk)

    def flush(self) -> None:
        """Nothing to do in memory; pooch asks for it."""

    def complete(self) -> bytes:
        """Return the body; urllib3 has checked its length where there is one."""
        data = self.data.getvalue()
        headers = self.response.headers if self.response is not None else {}
        has_end = "Content-Length" in headers or "Transfer-Encoding" in headers
        if not has_end and not data.endswith(b"\n"):
            raise Failure(
                "the connection closed in the middle of a line", temporary=True
            )
        return data

    def close(self) -> None:
        if self.response is not None:
            self.response.close()


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _explained(error: requests.RequestException, timeout: float) -> Failure:
    import requests
    import urllib3

    answer = error.response
    if isinstance(error, requests.HTTPError) and answer is not None:
        return Failure(
            f"the server answered {answer.status_code} {answer.reason}",
            temporary=answer.status_code in _TEMPORARY,
            answered=True,
        )
    cause = _innermost(error)
    # Silence in the middle of the body comes as a ConnectionError.
    if isinstance(error, requests.Timeout) or isinstance(
        cause, urllib3.exceptions.ReadTimeoutError
    ):
        return Failure(
            f"the server was silent for {timeout:g} s; a longer timeout may help",
            temporary=True,
        )
    exceptions = requests.exceptions
    if isinstance(
        error, exceptions.ChunkedEncodingError | exceptions.ContentDecodingError
    ):
        return Failure(f"the file broke off or is damaged: {cause}", temporary=True)
    if isinstance(error, exceptions.SSLError):
        return Failure(f"no secure connection: {cause}")
    if isinstance(error, requests.ConnectionError):
        return Failure(f"no connection: {cause}", temporary=True)
    return Failure(f"{type(error).__name__}: {cause}")


def _innermost(error: BaseException) -> BaseException:
    """Return what the socket or urllib3 said, below the wrappers of requests."""
    wrapped = getattr(error, "reason", None), *error.args
    inner = next((each for each in wrapped if isinstance(each, Exception)), None)
    return error if inner is None else _innermost(inner)
