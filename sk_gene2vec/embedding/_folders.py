"""A folder with vectors, their origin and a model card, to hand on.

`genes.tsv` has one gene per line, `vectors.npy` one row per gene, and `config.json`
the `attrs` and the checksums of both.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeGuard

import numpy as np
from numpy.lib import format as npy

from sk_gene2vec._utils._files import read_at_most, replacing
from sk_gene2vec._utils._optional import optional
from sk_gene2vec._utils._vectors import Vectors
from sk_gene2vec.embedding._attrs import checked_attrs
from sk_gene2vec.embedding._model_card import model_card
from sk_gene2vec.gene_sets._reading import MAX_BYTES

if TYPE_CHECKING:
    from sk_gene2vec.embedding._embedding import GeneEmbedding

_Path: TypeAlias = str | PathLike[str]

_CONFIG, _CARD = "config.json", "README.md"
_GENES, _VECTORS = "genes.tsv", "vectors.npy"
_FORMAT = "sk_gene2vec.GeneEmbedding, version 2"
# Text takes up to 60 times its size once it is genes or JSON objects in memory.
_LEAST_TEXT, _TEXT_SHARE = 2**20, 64


def to_folder(self: GeneEmbedding, folder: _Path) -> None:
    """Write a folder to hand on: vectors with their genes, origin, model card.

    It can be put on a model hub as it is.

    Parameters
    ----------
    folder : path
        Folder to write to; made if it does not exist. It gets `vectors.npy`, a NumPy
        matrix; `genes.tsv`, a table with the column `gene` and, if it is known,
        `n_gene_sets`, in the order of the rows of the matrix; `config.json` with
        `attrs`; and `README.md`, a model card that says where the vectors come from,
        how good they are, and what to mind. Files of these names are replaced, none
        of them before all are written; checksums tell a mixture from a whole folder.

    Raises
    ------
    OSError
        If the folder cannot be written.
    ValueError
        If `folder` is a URL.

    See Also
    --------
    GeneEmbedding.from_gene_sets : Learns vectors, and has their score for the card.
    """
    if _is_url(folder):
        raise ValueError(
            f"Expected the path of a folder, got the URL {folder!r}. Write a folder on "
            "this machine, and upload it by other means."
        )
    columns: dict[str, Iterable[object]] = {"gene": self.genes}
    if self.n_gene_sets is not None:
        columns["n_gene_sets"] = self.n_gene_sets
    rows = map(str, columns), *zip(*columns.values(), strict=True)
    genes = "".join("\t".join(map(str, row)) + "\n" for row in rows).encode()
    buffer = BytesIO()
    np.save(buffer, self.vectors.astype(self.vectors.dtype.newbyteorder("<")))
    files = {_GENES: genes, _VECTORS: buffer.getvalue()}
    config = {
        "format": _FORMAT,
        "sha256": {name: sha256(data).hexdigest() for name, data in files.items()},
        "attrs": dict(self.attrs),
    }
    text = json.dumps(config, indent=1)
    # The first is replaced last: it must not name files that are not there.
    files = {_CONFIG: text.encode(), _CARD: model_card(self).encode(), **files}
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        for name, data in files.items():
            stack.enter_context(replacing(folder / name)).write_bytes(data)


def from_folder(
    cls: type[GeneEmbedding], folder: _Path, max_bytes: int = MAX_BYTES
) -> GeneEmbedding:
    """Read a folder written by `to_folder`, from this machine or from a URL.

    Parameters
    ----------
    folder : path or str
        Folder, or a URL that fsspec opens, such as ``"https://..."``,
        ``"s3://..."`` or ``"hf://..."``. Unencrypted and chained URLs are refused.
    max_bytes : int, default=2**30
        Size in bytes above which `vectors.npy` is refused. The other files may have
        one megabyte, or a 64th of `max_bytes` if this is more.

    Returns
    -------
    embedding : GeneEmbedding
        With its `attrs`.

    Raises
    ------
    ImportError
        If a URL needs a package that is not installed.
    OSError
        If a file is missing, or cannot be opened or read.
    ValueError
        If the folder is of another format, or a file is damaged or too large; if the
        URL is unencrypted or chained with ``::``.

    Examples
    --------
    >>> import tempfile
    >>> from sk_gene2vec import GeneEmbedding
    >>> embedding = GeneEmbedding(["PKM", "TP53"], [[3, 1], [0, 1]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     embedding.to_folder(folder)
    ...     GeneEmbedding.from_folder(folder) == embedding
    True
    """
    of_text = max(_LEAST_TEXT, max_bytes // _TEXT_SHARE)
    text = _read(folder, _CONFIG, of_text)
    with _refusing(folder):
        config = json.loads(text)
        if config.get("format") != _FORMAT:
            raise ValueError(f"{_CONFIG} of the format {config.get('format')!r}")
    genes = _read(folder, _GENES, of_text)
    vectors = _read(folder, _VECTORS, max_bytes)
    with _refusing(folder):
        for name, data in ((_GENES, genes), (_VECTORS, vectors)):
            if sha256(data).hexdigest() != config["sha256"][name]:
                raise ValueError(
                    f"another sha256 of {name} than in {_CONFIG}: one of the two is "
                    "damaged, or from elsewhere. Get the whole folder again"
                )
        names, n_gene_sets = _parse_genes(genes)
        attrs = checked_attrs(config["attrs"])
        return cls(names, _parse_vectors(vectors), attrs, n_gene_sets)


@contextmanager
def _refusing(folder: _Path) -> Iterator[None]:
    """Raise a ValueError where content is not as it should be."""
    try:
        yield
    # NumPy's parser of headers and json raise errors of many kinds.
    except Exception as error:
        got = f"{type(error).__name__}: {str(error)[:300]}"
        raise ValueError(
            f"{folder}: Expected files as GeneEmbedding.to_folder writes them, of the "
            f"format {_FORMAT!r}, got {got}."
        ) from error


def _is_url(folder: _Path) -> TypeGuard[str]:
    return isinstance(folder, str) and "://" in folder


def _read(folder: _Path, name: str, max_bytes: int) -> bytes:
    if _is_url(folder):
        return _read_url(folder, name, max_bytes)
    path = Path(folder, name)
    with path.open("rb") as file:
        return read_at_most(file, max_bytes, path)


def _read_url(url: str, name: str, max_bytes: int) -> bytes:
    if "::" in url or url.startswith(("http:", "ftp:")):
        raise ValueError(
            f"Expected a path, or an encrypted URL of one folder, got {url!r}. "
            "Download the folder by other means, and pass its path."
        )
    fsspec = optional("fsspec", "the folder at a URL")
    file_url = f"{url.rstrip('/')}/{name}"
    try:
        with fsspec.open(file_url, "rb") as file:
            return read_at_most(file, max_bytes, file_url)
    except (ImportError, OSError, ValueError):
        raise
    # Each protocol has errors of its own.
    except Exception as error:
        raise OSError(f"Could not read {file_url}: {error}") from error


def _parse_genes(data: bytes) -> tuple[list[str], list[int] | None]:
    """Return the genes, and their numbers of gene sets if there is such a column."""
    header, *lines = data.decode().removesuffix("\n").split("\n")
    if header not in ("gene", "gene\tn_gene_sets"):
        raise ValueError(f"the columns {header!r} in {_GENES}")
    if header == "gene":
        return lines, None
    counts = [int(line.partition("\t")[2]) for line in lines]
    return [line.partition("\t")[0] for line in lines], counts


def _parse_vectors(data: bytes) -> Vectors:
    """Take a matrix from a `.npy` file whose header agrees with its size."""
    file = BytesIO(data)
    if npy.read_magic(file) != (1, 0):
        raise ValueError(f"another version of NumPy's format in {_VECTORS}")
    shape, by_column, dtype = npy.read_array_header_1_0(file)
    start = file.tell()
    is_matrix = len(shape) == 2 and min(shape) > 0 and dtype.str in ("<f4", "<f8")
    if not is_matrix or math.prod(shape) * dtype.itemsize != len(data) - start:
        raise ValueError(
            f"{len(data) - start:,} bytes for the shape {shape} and type {dtype} in "
            f"{_VECTORS}, where a matrix of float32 or float64 should be"
        )
    vectors = np.frombuffer(data, dtype, offset=start)
    native = vectors.astype(dtype.newbyteorder("="), copy=False)
    return native.reshape(shape, order="F" if by_column else "C")
