"""Files that are replaced as a whole."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path


@contextmanager
def replacing(path: str | PathLike[str]) -> Iterator[Path]:
    """Write beside a file, then replace it: a failure leaves the file as it was.

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
    if path.exists() and not path.is_file():
        yield path  # a device or pipe has no content to lose
        return
    if not path.parent.is_dir():
        raise FileNotFoundError(f"Expected a file in a folder that exists, got {path}.")
    path = path.resolve()  # what a link points to
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        yield part
        if path.exists():
            shutil.copymode(path, part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
