"""Download one file over HTTP, complete or not at all."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from numbers import Integral, Real
from time import sleep
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from sklearn.utils.validation import check_scalar

from sk_gene2vec._utils._optional import optional

if TYPE_CHECKING:
    import requests

# All of MSigDB is 40 MB.
MAX_BYTES = 512 * 2**20

_CHUNK = 2**16
#: Answers that another try may change: timeouts, too many requests, server errors.
_TEMPORARY = frozenset({408, 425, 429, 500, 502, 503, 504})
# The host ends where every parser of URLs ends it: all of them see the same host.
_HTTPS = re.compile(r"https://[^/?#\\:@]", re.I)
_LOCAL = re.compile(
    r"https?://(localhost|127(?:\.\d+){3}|\[::1\])(:\d+)?([/?#]|\Z)", re.I
)
_TUNNEL = re.compile(r"Tunnel connection failed: (\d+)")


@dataclass(frozen=True)
class Patience:
    """How long and how often to try, and whether to show the progress."""

    n_retries: int
    delay: float
    timeout: float
    progressbar: bool

    def __post_init__(self) -> None:
        check_scalar(self.n_retries, "n_retries", Integral, min_val=0)
        check_scalar(self.delay, "delay", Real, min_val=0)
        check_scalar(
            self.timeout, "timeout", Real, min_val=0, include_boundaries="neither"
        )


class Failure(Exception):
    """A download that failed; the message is a clause without a full stop.

    `temporary` is True if another try may help, `answered` if the server was reached
    and sent something other than the file.
    """

    def __init__(
        self, what: str, *, temporary: bool = False, answered: bool = False
    ) -> None:
        super().__init__(what)
        self.temporary = temporary
        self.answered = answered


def import_pooch() -> Any:
    """Import pooch, or raise an error that says how to install it."""
    return optional("pooch", "the cache of gene sets and vectors", "datasets")


def is_safe(url: str) -> bool:
    """Return True if nobody on the way can change what comes.

    That is so for https, and for http on this machine.
    """
    return bool(_HTTPS.match(url) or _LOCAL.match(url))


def download(url: str, patience: Patience) -> bytes:
    """Return the body at `url`, or raise a `Failure` that says what was tried."""
    n_tries = 0
    while True:
        n_tries += 1
        try:
            return _download_once(url, patience)
        except Failure as failure:
            if not failure.temporary or n_tries > patience.n_retries:
                tried = "once" if n_tries == 1 else f"{n_tries} times"
                message = f"{failure} (tried {tried})"
                raise Failure(message, answered=failure.answered) from failure
        sleep(patience.delay * 2 ** (n_tries - 1))


def _download_once(url: str, patience: Patience) -> bytes:
    pooch = import_pooch()
    import requests
    import urllib3

    # No proxy leads to this machine. Nothing else is asked over http.
    proxies = {"http": ""}
    if local := _LOCAL.match(url):
        proxies[f"https://{local[1].strip('[]').lower()}"] = ""
    with _Body() as body:
        get = pooch.HTTPDownloader(
            progressbar=patience.progressbar,
            chunk_size=_CHUNK,
            timeout=patience.timeout,
            hooks={"response": body.begin},
            proxies=proxies,
        )
        try:
            get(url, body, None)
        # Addresses and headers that make no sense come as any of the three.
        except (
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            ValueError,
        ) as error:
            raise _explained(error, patience.timeout) from error
        return body.complete()


class _Body(io.BytesIO):
    """The open file that pooch writes to; it stops at MAX_BYTES."""

    response: Any = None

    def begin(self, response: requests.Response, **_: Any) -> None:
        """See every answer before its body is read, redirects included."""
        if response.status_code == 200:
            self.response = response
        else:
            # requests would read the body of a redirect, whatever its length.
            response.close()
            _check_answer(response)

    def write(self, chunk: Any) -> int:
        if self.tell() + len(chunk) > MAX_BYTES:
            raise Failure(f"the file is larger than {MAX_BYTES // 2**20} MB")
        return super().write(chunk)

    def complete(self) -> bytes:
        """Return the body; urllib3 has checked its end if the server marked one."""
        data, raw = self.getvalue(), self.response.raw
        has_end = raw.chunked or raw.length_remaining is not None
        if not has_end and not data.endswith(b"\n"):
            raise Failure(
                "the connection closed in the middle of a line", temporary=True
            )
        return data

    def close(self) -> None:
        super().close()
        if self.response is not None:
            self.response.close()


def _check_answer(response: requests.Response) -> None:
    """Raise a `Failure` unless the answer is a redirect that may be followed."""
    if not response.is_redirect:
        raise Failure(
            f"the server answered {response.status_code} {response.reason}",
            temporary=response.status_code in _TEMPORARY,
            answered=True,
        )
    location = response.headers["Location"]
    try:
        # As requests does it: headers are read as Latin-1, addresses are UTF-8.
        target = urljoin(response.url, location.encode("latin-1").decode())
    except ValueError as error:
        raise Failure(f"the server redirects to {location!r}, no URL") from error
    schemes = urlsplit(response.url).scheme, urlsplit(target).scheme
    if not is_safe(target) or schemes == ("https", "http"):
        raise Failure(f"the server redirects to {target}, which is not https")


def _explained(error: Exception, timeout: float) -> Failure:
    import requests
    import urllib3

    wrong, cause = urllib3.exceptions, _innermost(error)
    if answer := _TUNNEL.match(str(cause)):
        temporary = int(answer[1]) in _TEMPORARY
        return Failure(f"the proxy refused: {cause}", temporary=temporary)
    silent = f"the server was silent for {timeout:g} s; a longer timeout may help"
    broken = (
        requests.exceptions.ChunkedEncodingError,
        requests.exceptions.ContentDecodingError,
    )
    # The first that fits: urllib3 counts every failed connection as a timeout.
    for seen, kinds, what, temporary in (
        (cause, wrong.NameResolutionError, "the host name has no address", False),
        (error, requests.exceptions.SSLError, "no secure connection", False),
        (cause, wrong.NewConnectionError, "no connection", True),
        (cause, wrong.TimeoutError, silent, True),
        (error, broken, "the file broke off or is damaged", True),
        (error, requests.ConnectionError, "no connection", True),
    ):
        if isinstance(seen, kinds):
            return Failure(f"{what}: {cause}", temporary=temporary)
    return Failure(f"{type(error).__name__}: {cause}")


def _innermost(error: BaseException) -> BaseException:
    """Return what the socket or urllib3 said, below the wrappers of requests."""
    wrapped = getattr(error, "reason", None), *error.args
    inner = next((each for each in wrapped if isinstance(each, Exception)), None)
    return error if inner is None else _innermost(inner)
