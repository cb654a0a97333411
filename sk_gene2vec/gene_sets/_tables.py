"""Long tables of gene sets, one membership a row: TSV and CSV text, and data frames."""

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sk_gene2vec._utils._genes import check_text, strip
from sk_gene2vec._utils._messages import excerpt
from sk_gene2vec.gene_sets._gene_sets import GeneSets
from sk_gene2vec.gene_sets._reading import GmtFormatError

__all__ = [
    "columns_wanted",
    "find_delimiter",
    "first_content",
    "from_frame",
    "parse_table",
]

#: Columns of the gene set and of the gene.
_COLUMNS = (
    ("source", "target"),  # decoupler
    ("gs_name", "gene_symbol"),  # msigdbr
    ("term", "gene"),  # clusterProfiler
)
_WEIGHT = "weight"
_MISSING = ("", "NA")  # R writes missing values as NA


def find_delimiter(line: str) -> str | None:
    """Tell how the header of a long table separates its columns; None for no header.

    Examples
    --------
    >>> find_delimiter('"gs_name","gene_symbol"')
    ','
    """
    for delimiter in "\t,;":
        if _find_columns(_header(line, delimiter)):
            return delimiter
    return None


def parse_table(
    text: str, where: str, name: str | None, min_weight: float | None
) -> GeneSets:
    """Build the gene sets of a long table in TSV or CSV text."""
    lines = text.split("\n")
    start = first_content(lines)
    delimiter = find_delimiter(lines[start])
    if delimiter is None:
        raise GmtFormatError(
            f"{where}, line {start + 1}: expected the columns {columns_wanted()}, got "
            f"{excerpt(lines[start])}"
        )
    header = _header(lines[start], delimiter)
    rows = _rows(lines[start:], delimiter, header, where, start)
    attrs = {"name": name} if name else None
    try:
        return GeneSets(_collect(_pairs(rows, header, min_weight, where)), attrs=attrs)
    except GmtFormatError:
        raise
    except ValueError as error:
        raise GmtFormatError(f"{where}: {error}") from None


def first_content(lines: list[str]) -> int:
    """Place of the first line that is neither blank nor a comment; 0 if none is."""
    for place, line in enumerate(lines):
        if (text := strip(line)) and not text.startswith("#"):
            return place
    return 0


def from_frame(frame: Any, min_weight: float | None = None) -> GeneSets:
    """Build the gene sets of a long pandas or polars DataFrame."""
    columns = list(frame.columns)
    found = _find_columns(columns)
    if found is None:
        raise ValueError(
            f"expected a DataFrame with the columns {columns_wanted()}, got "
            f"{excerpt(columns)}"
        )
    names, genes = (frame[column].to_list() for column in found)
    check_text(names, f"gene-set names in column {found[0]!r}")
    check_text(genes, f"genes in column {found[1]!r}")
    pairs: Iterable[tuple[str, str]] = zip(names, genes, strict=True)
    if min_weight is not None:
        weights = frame[columns[_find_weight(columns)]].to_list()
        heavy = [_is_heavy(weight, min_weight) for weight in weights]
        pairs = (pair for pair, kept in zip(pairs, heavy, strict=True) if kept)
    return GeneSets(_collect(pairs))


def _find_columns(columns: Sequence[Any]) -> tuple[str, str] | None:
    return next((pair for pair in _COLUMNS if set(pair) <= set(columns)), None)


def columns_wanted() -> str:
    """Say which columns a long table may have, for gene set and gene."""
    return ", or ".join(f"{name!r} and {gene!r}" for name, gene in _COLUMNS)


def _header(line: str, delimiter: str) -> list[str]:
    try:
        return [strip(cell) for cell in next(csv.reader([line], delimiter=delimiter))]
    except csv.Error:
        return []


def _rows(
    lines: list[str], delimiter: str, header: list[str], where: str, start: int
) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the line and the cells of every row below the header."""
    # The reader takes lines with their ends, or line breaks in quotes would be lost.
    ended = (f"{line}\n" for line in lines)
    reader = csv.reader(ended, delimiter=delimiter, strict=True)
    read = 0
    try:
        for cells in reader:
            number, read = start + read + 1, reader.line_num
            if read > 1 and any(cells):
                if len(cells) != len(header):
                    raise GmtFormatError(
                        f"{where}, line {number}: expected {len(header)} columns as in "
                        f"the header, got {len(cells)}"
                    )
                yield number, cells
    except csv.Error as error:
        raise GmtFormatError(f"{where}, line {start + read + 1}: {error}") from None


def _pairs(
    rows: Iterable[tuple[int, list[str]]],
    header: list[str],
    min_weight: float | None,
    where: str,
) -> Iterator[tuple[str, str]]:
    """Yield gene set and gene of every row that is heavy enough."""
    name_at, gene_at = map(header.index, _find_columns(header) or ())
    weight_at = None if min_weight is None else _find_weight(header)
    for number, cells in rows:
        name, gene = cells[name_at].strip(), cells[gene_at].strip()
        if name in _MISSING or gene in _MISSING:
            what, value = ("gene", gene) if gene in _MISSING else ("gene set", name)
            raise GmtFormatError(
                f"{where}, line {number}: expected a {what}, got the missing value "
                f"{value!r}; leave such rows out"
            )
        try:
            heavy = weight_at is None or _is_heavy(cells[weight_at], min_weight)
        except ValueError as error:
            raise GmtFormatError(f"{where}, line {number}: {error}") from None
        if heavy:
            yield name, gene


def _collect(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    sets: dict[str, list[str]] = {}
    for name, gene in pairs:
        sets.setdefault(name, []).append(gene)
    if not sets:
        raise ValueError("expected at least one membership, got none")
    return sets


def _find_weight(columns: Sequence[Any]) -> int:
    if _WEIGHT not in columns:
        got = excerpt(list(columns))
        raise ValueError(f"min_weight needs a column 'weight', got {got}")
    return columns.index(_WEIGHT)


def _is_heavy(weight: Any, min_weight: float | None) -> bool:
    try:
        number = float(weight)
    except (TypeError, ValueError):
        number = math.nan
    if math.isnan(number):
        raise ValueError(f"expected a weight, got {excerpt(weight)}")
    return min_weight is None or abs(number) >= min_weight
