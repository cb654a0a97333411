"""Files that the commands read and write."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, Literal
from zipfile import ZipFile

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from sk_gene2vec import GeneEmbedding, GeneSetEncoder, GeneSets, GmtVectorizer
from sk_gene2vec._utils._genes import strip
from sk_gene2vec._utils._messages import excerpt, shown, warn
from sk_gene2vec._utils._optional import optional
from sk_gene2vec.datasets import GeneAliases, load_human_gene_aliases, load_orthologs
from sk_gene2vec.encoder._model import steps_of
from sk_gene2vec.gene_sets._reading import MAX_BYTES, read_text
from sk_gene2vec.identifiers._index import GeneIndex

# All that a model may hold of what skops does not know: arrays, numbers and text.
_TRUSTED = [
    f"{kind.__module__}.{kind.__qualname__}"
    for kind in (GeneAliases, GeneSetEncoder, GeneSets, GmtVectorizer)
]
# What stands for a missing label.
_MISSING = ["", "NA", "N/A", "#N/A", "NaN", "nan", "NULL", "null", "None"]
# Size of a table of aliases, many times that of all names of human genes.
_MAX_ALIASES = 2**26
# Names of columns of genes or gene sets, and of row names in R. IDS is a gene.
_HEADER = re.compile(
    r"((hgnc|mgi|entrez|ensembl|ncbi|gene)[ _.]?)?(genes?|symbols?|id|names?)"
    r"|terms?|pathways?|gene[ _.]?sets?|",
    re.IGNORECASE,
)


def skops_io() -> ModuleType:
    """Import skops.io, which opens files without running code of theirs."""
    return optional("skops.io", "a model file")


def read_model(path: str) -> Pipeline:
    """Read a pipeline that has objects of this package and scikit-learn alone."""
    skops = skops_io()
    with Path(path).open("rb") as file:
        try:
            size = sum(part.file_size for part in ZipFile(file).infolist())
            if size > MAX_BYTES:
                raise ValueError(f"{size:,} bytes, more than {MAX_BYTES:,}")
            model: Pipeline = skops.load(file, trusted=_TRUSTED)
            steps_of(model)
        # A damaged file raises errors of many kinds.
        except Exception as error:
            wanted = "Expected a model, as `sk-gene2vec fit` writes it"
            got = f"{type(error).__name__}: {error}"
            raise ValueError(f"{path}: {wanted}, got {got}") from error
    return model


def read_aliases(
    given: str | None, genes: list[str]
) -> GeneAliases | pd.DataFrame | None:
    """Load aliases that are bundled, or read a table of two columns."""
    if given is None:
        return None
    if given == "human":
        return load_human_gene_aliases(genes, ids=True)
    if given in ("mouse", "rat"):
        return load_orthologs(given, genes)
    text = _text(given, _MAX_ALIASES)
    table = pd.read_csv(text, sep="\t", dtype=str, na_filter=False)
    if table.shape[1] != 2 or not set(genes).isdisjoint(table.columns):
        wanted = "Expected a first line with the names of the two columns"
        raise ValueError(f"{given}: {wanted}, got {' and '.join(table.columns)}.")
    return table


def read_lists(paths: list[str], column: str | None = None) -> list[str]:
    """Read distinct names, one per line or from the column of tables."""
    return list(dict.fromkeys(name for path in paths for name in _names(path, column)))


def _names(path: str, column: str | None) -> list[str]:
    text = _text(path)
    if column is None:
        cells: Iterable[str] = _lines(text, path)
    else:
        cells = _column(_table(text, path), column, path, "--column")
    names = list(filter(None, map(strip, cells)))
    if not names:
        raise ValueError(f"{path}: Expected genes, one per line, got none.")
    return names


def _lines(text: io.StringIO, path: str) -> list[str]:
    """List the lines without a header, and refuse a table."""
    lines = list(filter(None, map(strip, text)))
    first, *others = lines or [""]
    cells = [cell.strip('"') for cell in re.split("[\t,;]", first)]
    # Names of gene sets have commas, too.
    if "\t" in first or (len(cells) > 1 and any(map(_HEADER.fullmatch, cells))):
        wanted = (
            "Expected one name per line, or a table and the --column with the names"
        )
        raise ValueError(f"{path}: {wanted}, got {excerpt(first)} in the first line.")
    if not (others and _HEADER.fullmatch(cells[0])):
        return lines
    warn(f"{path}: The first line, {first!r}, is taken for a header and left out.")
    return others


def _table(text: io.StringIO, path: str) -> pd.DataFrame:
    # Only the first line: texts in other lines have commas, too.
    head = text.readline()
    if not re.search("[\t,;]", head):
        head = text.readline()  # R's header of a table with row names and one column
    separator = "\t" if "\t" in head else max(",;", key=head.count)
    text.seek(0)
    # With tabs, a quote is a part of a text, such as 5" or "odd.
    quoting: Literal[0, 3] = csv.QUOTE_NONE if separator == "\t" else csv.QUOTE_MINIMAL
    try:
        table = pd.read_csv(
            text, sep=separator, dtype=str, na_filter=False, quoting=quoting
        )
    except ValueError as error:
        got = f"got a table that is none: {str(error).strip()}"
        raise ValueError(f"{path}: Expected lines of equal length, {got}") from error
    if not isinstance(table.index, pd.RangeIndex):
        table = table.reset_index()  # R leaves out the name of the first column
    if separator == "\t":
        table = table.map(lambda cell: cell.strip('"'))
    return table.rename(columns=lambda name: name.strip('"'))


def _column(table: pd.DataFrame, column: str, path: str, option: str) -> pd.Series[str]:
    if column in table:
        return table[column]
    if column.isdecimal() and int(column) < table.shape[1]:
        return table.iloc[:, int(column)]
    names = shown(map(repr, table.columns), 9)
    raise ValueError(f"{path}: Expected the {option} {column!r}, got {names}.")


def read_labels(
    path: str | None, columns: tuple[str | int, ...] | None, index: GeneIndex
) -> pd.Series[Any] | None:
    """Read labels by gene from two columns of a table: numbers, or else texts."""
    if path is None:
        return None
    table = _table(_text(path), path)
    if columns is None and table.shape[1] != 2:
        wanted = "Expected two columns, gene and label, or --label-columns"
        raise ValueError(f"{path}: {wanted}, got {shown(map(repr, table.columns), 9)}.")
    given, labels = (
        _column(table, str(column), path, "--label-columns").map(strip)
        for column in columns or (0, 1)
    )
    if given.name in index.row_of:
        wanted = "Expected a first line with the names of the columns"
        raise ValueError(f"{path}: {wanted}, got the gene {given.name!r}.")
    given, labels = given[given != ""], labels[given != ""]
    try:
        rows = index.rows_of_list(list(given))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    values = labels.mask(labels.isin(_MISSING))
    if values.isna().all():
        raise ValueError(f"{path}: Expected labels in {labels.name!r}, got none.")
    numbers = pd.to_numeric(values, errors="coerce")
    if numbers.notna().equals(values.notna()):
        values = numbers
        if np.isinf(values).any():
            wanted = f"Expected finite numbers in {labels.name!r}, got infinity"
            raise ValueError(f"{path}: {wanted}. Leave these fields empty.")
    genes = pd.Series([*index.genes, None], dtype=object).iloc[rows]
    found = pd.DataFrame({"gene": genes.array, "given": given.array})
    found["label"] = values.array
    return _one_per_gene(found.dropna(), path).rename(str(labels.name))


def _one_per_gene(found: pd.DataFrame, path: str) -> pd.Series[Any]:
    """Take the label of the gene's own name before those of its aliases."""
    by_alias = found.gene.isin(found.gene[found.gene == found.given])
    found = found[(found.gene == found.given) | ~by_alias]
    found = found.drop_duplicates(["gene", "label"])
    repeated = found.gene[found.gene.duplicated()].unique()
    if len(repeated):
        got = f"several for {shown(map(repr, repeated), 3)}"
        wanted = "Expected one label per gene"
        raise ValueError(f"{path}: {wanted}, got {got}. Keep one line of each gene.")
    return found.set_index("gene").label


def read_vectors(path: str) -> GeneEmbedding:
    """Read a table of vectors, or word2vec's text."""
    if path.endswith(".txt"):
        return GeneEmbedding.from_word2vec(path)
    try:
        # NA and 7157 are genes.
        frame = pd.read_csv(
            _text(path), sep="\t", index_col=0, converters={0: str}, na_filter=False
        )
        return GeneEmbedding.from_frame(frame)
    except (TypeError, ValueError) as error:
        wanted = "Expected a table of vectors, as `sk-gene2vec embed` writes it"
        raise ValueError(f"{path}: {wanted}, got: {error}") from error


def write_table(table: pd.DataFrame, path: str | Path = "-") -> None:
    """Write a table, separated by tabs."""
    target = sys.stdout if path == "-" else path
    table.to_csv(target, sep="\t", index=False, lineterminator="\n")


def open_(path: str) -> BinaryIO:
    """Open a file, or standard input."""
    if path != "-":
        return Path(path).open("rb")
    if sys.stdin is None:
        raise OSError("Expected an open standard input, got a closed one.")
    return sys.stdin.buffer


def _text(path: str, max_bytes: int = MAX_BYTES) -> io.StringIO:
    """Read a whole file, as pandas opens URLs and unpacks without a limit."""
    with open_(path) as file:
        return io.StringIO(read_text(file, "utf-8", max_bytes).text)
