"""A GeneEmbedding in and out of word2vec's text format."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import DTypeLike

from sk_gene2vec._utils._files import read_at_most, write_lines
from sk_gene2vec._utils._messages import excerpt
from sk_gene2vec._utils._vectors import Vectors
from sk_gene2vec.gene_sets._reading import MAX_BYTES

if TYPE_CHECKING:
    from sk_gene2vec.embedding._embedding import GeneEmbedding

_COUNTS = re.compile(r"\s*([0-9]{1,18})\s+([0-9]{1,18})\s*")


def to_word2vec(self: GeneEmbedding, path: str | PathLike[str]) -> None:
    """Write the text format of word2vec, which gensim and others read.

    Numbers have all the digits that reading them back needs. The format has no
    place for `attrs`.

    Parameters
    ----------
    path : path
        File to write, compressed where `path` ends in ``.gz``; an existing one is
        replaced.

    Raises
    ------
    ValueError
        If a gene has a blank in it, which separates in this format.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from sk_gene2vec import GeneEmbedding
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "genes.txt"
    >>> GeneEmbedding(["PKM", "TP53"], [[3, 1], [0, 1]]).to_word2vec(path)
    >>> print(path.read_text())
    2 2
    PKM 3 1
    TP53 0 1
    <BLANKLINE>
    """
    blank = [gene for gene in self if gene.split() != [gene]]
    if blank:
        raise ValueError(
            "Expected genes without blanks, which separate in word2vec's text format, "
            f"got {excerpt(blank[0])} and {len(blank) - 1} more. Rename them, or use "
            "to_folder."
        )
    write_lines(path, _lines(self))


def from_word2vec(
    cls: type[GeneEmbedding],
    path: str | PathLike[str],
    dtype: DTypeLike = np.float32,
    max_bytes: int = MAX_BYTES,
) -> GeneEmbedding:
    """Read the text format of word2vec, which has no `attrs`.

    Parameters
    ----------
    path : path
        File with one line per gene and its numbers, separated by blanks. A first line
        has the numbers of genes and dimensions; in GloVe's format, which is read too,
        there is none. The file may be packed by gzip.
    dtype : {numpy.float32, numpy.float64}, default=numpy.float32
        Type of the vectors; the file does not say.
    max_bytes : int, default=2**30
        Size of the text in bytes, unpacked, above which a file is refused.

    Returns
    -------
    embedding : GeneEmbedding
        As written by `to_word2vec`, without `attrs`.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no file, or it cannot be opened or read.
    ValueError
        If the file is not in this format; the message has the line. If a gene
        occurs twice, or a number is not finite or too large for `dtype`. If
        `dtype` is another. If the file is too large or its compression is damaged.
    """
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise ValueError(f"Expected float32 or float64 as dtype, got {dtype!r}.")
    path = Path(path)
    first, *lines = _read_lines(path, max_bytes)
    if counts := _COUNTS.fullmatch(first):
        n_genes, n_dimensions = map(int, counts.groups())
    elif (n_dimensions := len(first.split()) - 1) > 0:
        # GloVe's format: the first line is a gene.
        lines, n_genes = [first, *lines], len(lines) + 1
    else:
        raise ValueError(
            f"{path}, line 1: Expected the numbers of genes and dimensions, as in "
            f"'16018 100', or a gene and its vector, got {excerpt(first.strip())}."
        )
    if len(lines) != n_genes:
        raise ValueError(f"{path}: Expected {n_genes} genes, got {len(lines)}.")
    genes, vectors = [], []
    for number, line in enumerate(lines, start=2 if counts else 1):
        gene, *fields = line.rstrip().split(" ")
        genes.append(gene)
        vectors.append(_numbers(fields, n_dimensions, dtype, f"{path}, line {number}"))
    try:
        return cls(genes, np.array(vectors))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _lines(embedding: GeneEmbedding) -> Iterator[str]:
    """Yield the lines of a file, with the digits that make reading exact."""
    n_genes, n_dimensions = embedding.vectors.shape
    digits = 9 if embedding.vectors.dtype == np.float32 else 17
    template = f" %.{digits}g" * n_dimensions
    yield f"{n_genes} {n_dimensions}"
    for gene, vector in zip(embedding, embedding.vectors, strict=True):
        yield gene + template % tuple(vector.tolist())


def _numbers(fields: list[str], count: int, dtype: DTypeLike, where: str) -> Vectors:
    """Convert the numbers of one line."""
    if len(fields) != count:
        raise ValueError(f"{where}: Expected {count} numbers, got {len(fields)}.")
    try:
        # Python reads 1_0 as 10.
        if any("_" in field for field in fields):
            raise ValueError(f"an underscore in {excerpt(' '.join(fields))}")
        with np.errstate(over="raise"):
            return np.array(list(map(float, fields)), dtype=dtype)
    except FloatingPointError:
        raise ValueError(
            f"{where}: Expected numbers that float32 can hold, got a larger one. "
            "Set dtype=numpy.float64 to read it."
        ) from None
    except ValueError as error:
        got = str(error)[:100]
        raise ValueError(f"{where}: Expected numbers, got: {got}.") from None


def _read_lines(path: Path, max_bytes: int) -> list[str]:
    try:
        with path.open("rb") as file:
            is_packed = file.peek(2)[:2] == b"\x1f\x8b"
            with gzip.GzipFile(fileobj=file) if is_packed else file as unpacked:
                data = read_at_most(unpacked, max_bytes, path)
        text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path}: Damaged gzip file ({error}).") from error
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: Expected UTF-8 text, not word2vec's binary format, got: {error}."
        ) from error
    return text.rstrip("\n").split("\n")
