"""Genes and vectors in and out of word2vec's text files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sk_gene2vec._utils._files import replacing
from sk_gene2vec._utils._messages import excerpt
from sk_gene2vec._utils._vectors import check_vectors, places_of

_Path: TypeAlias = str | PathLike[str]
_COUNT = re.compile("[0-9]{1,18}")


def to_word2vec(genes: Iterable[str], vectors: NDArray[Any], path: _Path) -> None:
    """Write a line of counts, then a line a gene."""
    genes = list(genes)
    blank = [gene for gene in genes if gene.split() != [gene]]
    if blank:
        raise ValueError(
            "Expected genes without blanks, which separate in word2vec's text format, "
            f"got {blank[0]!r} and {len(blank) - 1} more. Rename them, or use "
            "to_parquet."
        )
    counts = tuple(map(str, vectors.shape))
    rows = zip(genes, _text(vectors), strict=True)
    with replacing(path) as part:
        _write_lines(part, map(" ".join, chain([counts], rows)))


def from_word2vec(path: _Path, dtype: DTypeLike) -> tuple[Iterable[str], NDArray[Any]]:
    """Read a line of counts, then a line a gene."""
    _check_dtype(dtype)
    path = Path(path)
    first, *lines = _read_lines(path)
    counts = first.split()
    if len(counts) != 2 or not all(map(_COUNT.fullmatch, counts)):
        raise ValueError(
            f"{path}, line 1: Expected the numbers of genes and dimensions, as in "
            f"'16018 100', got {excerpt(' '.join(counts))}."
        )
    n_genes, n_dimensions = map(int, counts)
    genes = [line.split(" ", 1)[0].rstrip() for line in lines]
    fields = (line.rstrip().split(" ")[1:] for line in lines)
    vectors = _numbers(fields, n_dimensions, dtype, path)
    if len(genes) != n_genes:
        raise ValueError(f"{path}: Expected {n_genes} genes, got {len(genes)}.")
    return _checked(genes, vectors, path)


def _check_dtype(dtype: DTypeLike) -> None:
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise ValueError(f"Expected float32 or float64 as dtype, got {dtype!r}.")


def _text(vectors: NDArray[Any]) -> Iterator[str]:
    """Rows as text with the digits that make reading exact."""
    digits = 9 if vectors.dtype == np.float32 else 17
    template = " ".join([f"%.{digits}g"] * vectors.shape[1])
    return (template % tuple(row.tolist()) for row in vectors)


def _numbers(
    rows: Iterable[list[str]], n_dimensions: int, dtype: DTypeLike, path: Path
) -> list[NDArray[Any]]:
    """Convert the fields of lines; line 1 has the counts."""
    numbers = []
    for line, fields in enumerate(rows, start=2):
        where, wanted = f"{path}, line {line}", f"{n_dimensions} numbers"
        if len(fields) != n_dimensions:
            raise ValueError(f"{where}: Expected {wanted}, got {len(fields)}.")
        try:
            with np.errstate(over="raise"):
                numbers.append(np.array(list(map(float, fields)), dtype=dtype))
        except FloatingPointError:
            raise ValueError(
                f"{where}: Expected numbers that float32 can hold, got a larger one. "
                "Set dtype=numpy.float64 to read it."
            ) from None
        except ValueError as error:
            got = str(error)[:100]
            raise ValueError(f"{where}: Expected {wanted}, got: {got}.") from None
    return numbers


def _checked(
    genes: list[str], rows: list[NDArray[Any]], path: Path
) -> tuple[Iterable[str], NDArray[Any]]:
    """Check the content of a file while its path is known."""
    try:
        return places_of(genes).keys(), check_vectors(np.array(rows), genes)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _read_lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").rstrip("\n").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: Expected UTF-8 text, not word2vec's binary format, got: {error}."
        ) from error
    if lines == [""]:
        raise ValueError(f"{path}: Expected one line a gene, got an empty file.")
    return lines


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines)
