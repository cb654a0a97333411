"""Gene embeddings in and out of text files: word2vec's, TensorBoard's projector's.

The functions are methods of :class:`~sk_gene2vec.embedding.GeneEmbedding`: `embedding`
(or `cls`) is what stands before the dot.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sk_gene2vec._utils._genes import UNWRITABLE
from sk_gene2vec.embedding._interop import mismatch

if TYPE_CHECKING:
    import pandas as pd

    from sk_gene2vec.embedding._embedding import GeneEmbedding

__all__ = ["from_projector", "from_word2vec", "to_projector", "to_word2vec"]

_Path: TypeAlias = str | PathLike[str]
_COUNT = re.compile("[0-9]{1,18}")


def to_word2vec(embedding: GeneEmbedding, path: _Path) -> None:
    """Write the text format of word2vec, for gensim's load_word2vec_format and others.

    Numbers have all the digits that reading them back needs. The format has no place
    for `attrs`.

    Parameters
    ----------
    path : path
        File to write; an existing one is replaced.

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
    blank = [gene for gene in embedding if gene.split() != [gene]]
    if blank:
        raise ValueError(
            "expected genes without blanks, which separate in word2vec's text format, "
            f"got {blank[0]!r} and {len(blank) - 1} more; rename them, or use "
            "to_parquet"
        )
    n_genes, n_dimensions = embedding.vectors.shape
    rows = zip(embedding, _text(embedding.vectors, " "), strict=True)
    lines = chain([(str(n_genes), str(n_dimensions))], rows)
    _write_lines(Path(path), map(" ".join, lines))


def from_word2vec(
    cls: type[GeneEmbedding], path: _Path, dtype: DTypeLike = np.float32
) -> GeneEmbedding:
    """Read the text format of word2vec, which has no `attrs`.

    Parameters
    ----------
    path : path
        File with the numbers of genes and dimensions in the first line, then one gene
        a line and its numbers, separated by blanks.
    dtype : {numpy.float32, numpy.float64}, default=numpy.float32
        Type of the vectors; the file does not say.

    Returns
    -------
    embedding : GeneEmbedding
        As written by `to_word2vec`, without `attrs`.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no file, or it cannot be opened or read.
    ValueError
        If the file is in no such format; the message has the line. If a gene occurs
        twice, or a number is not finite or too large for `dtype`. If `dtype` is
        another.
    """
    _check_dtype(dtype)
    genes: list[str] = []
    rows: list[NDArray[Any]] = []
    with (
        Path(path).open(encoding="utf-8-sig", newline="\n") as file,
        np.errstate(over="raise"),
    ):
        try:
            header = file.readline().split()
            if len(header) != 2 or not all(map(_COUNT.fullmatch, header)):
                wanted = "the numbers of genes and dimensions, as in '16018 100'"
                got = " ".join(header)[:40]
                raise ValueError(f"{path}, line 1: expected {wanted}, got {got!r}")
            n_genes, n_dimensions = map(int, header)
            for number, line in enumerate(file, start=2):
                gene, *numbers = line.rstrip().split(" ")
                genes.append(gene)
                rows.append(_numbers(numbers, n_dimensions, dtype, path, number))
        except UnicodeDecodeError as error:
            wanted = "UTF-8 text; word2vec's binary format is not read"
            raise ValueError(f"{path}: expected {wanted}: {error}") from error
    if len(rows) != n_genes:
        raise ValueError(f"{path}: expected {n_genes} genes, got {len(rows)}")
    return _embedding(cls, genes, rows, path)


def to_projector(
    embedding: GeneEmbedding,
    folder: _Path,
    labels: pd.Series | pd.DataFrame | None = None,
) -> None:
    """Write `vectors.tsv` and `metadata.tsv` for TensorBoard's embedding projector.

    Load the two at projector.tensorflow.org. They have no place for `attrs`.

    Parameters
    ----------
    folder : path
        Where to write; made if it does not exist. Existing files are replaced.
    labels : Series or DataFrame, default=None
        To colour and search by: columns of the metadata, with genes as the index.
        Genes that it does not have get no label.

    Raises
    ------
    TypeError
        If `labels` are no Series or DataFrame.
    ValueError
        If none of the labels' genes is in the embedding; if one occurs twice; if a
        label has a tab or a line break.
    """
    columns = [list(embedding)]
    header = ["gene"]
    if labels is not None:
        for name, texts in _labels(embedding, labels):
            header.append(name)
            columns.append(texts)
    lines = ["\t".join(fields) for fields in zip(*columns, strict=True)]
    if len(header) > 1:  # the projector takes a header for a gene where it is alone
        lines.insert(0, "\t".join(header))
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _write_lines(folder / "metadata.tsv", lines)
    _write_lines(folder / "vectors.tsv", _text(embedding.vectors, "\t"))


def from_projector(
    cls: type[GeneEmbedding], folder: _Path, dtype: DTypeLike = np.float32
) -> GeneEmbedding:
    """Read `vectors.tsv` and `metadata.tsv`, which have no `attrs`.

    Parameters
    ----------
    folder : path
        Folder of the two files. The genes are the first column of the metadata.
    dtype : {numpy.float32, numpy.float64}, default=numpy.float32
        Type of the vectors; the files do not say.

    Returns
    -------
    embedding : GeneEmbedding
        As written by `to_projector`, without `attrs` and labels.

    Raises
    ------
    FileNotFoundError, OSError
        If a file is missing, or cannot be opened or read.
    ValueError
        If the files are in no such format, or differ in their numbers of genes. If a
        gene occurs twice, or a number is not finite or too large for `dtype`. If
        `dtype` is another.
    """
    _check_dtype(dtype)
    vectors, metadata = (Path(folder) / f"{x}.tsv" for x in ("vectors", "metadata"))
    rows = [line.split("\t") for line in _read_lines(vectors)]
    with np.errstate(over="raise"):
        numbers = [
            _numbers(fields, len(rows[0]), dtype, vectors, number)
            for number, fields in enumerate(rows, start=1)
        ]
    described = [line.split("\t") for line in _read_lines(metadata)]
    genes = [fields[0] for fields in described[len(described[0]) > 1 :]]
    if len(genes) != len(numbers):
        wanted = f"as many genes as vectors.tsv has vectors, {len(numbers)}"
        raise ValueError(f"{metadata}: expected {wanted}, got {len(genes)}")
    return _embedding(cls, genes, numbers, metadata)


def _labels(embedding: GeneEmbedding, labels: Any) -> Iterator[tuple[str, list[str]]]:
    """Names and texts of label columns, in the order of the genes."""
    if not hasattr(labels, "index") or not hasattr(labels, "reindex"):
        wanted = "labels as a Series or DataFrame with genes as its index"
        raise TypeError(f"expected {wanted}, got {type(labels).__name__}")
    if labels.ndim == 1:
        labels = labels.to_frame("label" if labels.name is None else labels.name)
    if not labels.index.is_unique:
        twice = labels.index[labels.index.duplicated()][0]
        raise ValueError(f"expected every gene of the labels once, got {twice!r} twice")
    if not any(gene in embedding for gene in labels.index):
        raise ValueError(mismatch(embedding, list(labels.index), "genes of the labels"))
    missing = labels.isna()
    for place, name in enumerate(labels.columns):
        text_of = {
            gene: "" if absent else str(value)
            for gene, value, absent in zip(
                labels.index, labels.iloc[:, place], missing.iloc[:, place], strict=True
            )
        }
        texts = [text_of.get(gene, "") for gene in embedding]
        bad = next(filter(UNWRITABLE.search, [str(name), *texts]), None)
        if bad is not None:
            wanted = "labels without tab, line break, NUL and lone surrogate"
            raise ValueError(f"expected {wanted}, got {bad!r} in column {name!r}")
        yield str(name), texts


def _check_dtype(dtype: DTypeLike) -> None:
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise ValueError(f"expected float32 or float64 as dtype, got {dtype!r}")


def _text(vectors: NDArray[Any], separator: str) -> Iterator[str]:
    """Rows as text with the digits that make reading exact."""
    digits = 9 if vectors.dtype == np.float32 else 17
    template = separator.join([f"%.{digits}g"] * vectors.shape[1])
    return (template % tuple(row.tolist()) for row in vectors)


def _embedding(
    cls: type[GeneEmbedding], genes: list[str], rows: list[NDArray[Any]], path: _Path
) -> GeneEmbedding:
    try:
        return cls(genes, np.array(rows))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _numbers(
    fields: list[str], n_dimensions: int, dtype: DTypeLike, path: _Path, line: int
) -> NDArray[Any]:
    """Convert the fields of a line; numpy is to raise an error where one overflows."""
    if len(fields) != n_dimensions:
        wanted = f"{n_dimensions} numbers"
        raise ValueError(f"{path}, line {line}: expected {wanted}, got {len(fields)}")
    try:
        return np.array(list(map(float, fields)), dtype=dtype)
    except FloatingPointError:
        advice = "set dtype=numpy.float64 to read it"
        raise ValueError(
            f"{path}, line {line}: a number is too large for float32; {advice}"
        ) from None
    except ValueError as error:
        wanted, got = f"{n_dimensions} numbers", str(error)[:100]
        raise ValueError(f"{path}, line {line}: expected {wanted}: {got}") from None


def _read_lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").rstrip("\n").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected UTF-8 text: {error}") from error
    if lines == [""]:
        raise ValueError(f"{path}: expected one line a gene, got an empty file")
    return lines


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines)
