"""Long tables of gene sets, one membership a row: TSV and CSV text, and data frames."""

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from sk_gene2vec._utils._genes import strip
from sk_gene2vec._utils._messages import excerpt
from sk_gene2vec.gene_sets._gene_sets import GeneSets
from sk_gene2vec.gene_sets._parsing import Columns, Options, build
from sk_gene2vec.gene_sets._reading import FileText

#: Columns of the gene set and of the gene.
KNOWN_COLUMNS = (
    ("source", "target"),  # decoupler
    ("geneset", "genesymbol"),  # decoupler's resource of MSigDB
    ("gs_name", "gene_symbol"),  # msigdbr
    ("gs_name", "entrez_gene"),
    ("gs_name", "ncbi_gene"),
    ("gs_name", "ensembl_gene"),
    ("term", "gene"),  # clusterProfiler
    ("pathway", "gene"),
)
_WEIGHT = "weight"
# As R and pandas write them, and as they print in frames.
_MISSING = ("", "NA", "None", "nan", "NaT", "<NA>")


def pairs_of(columns: Sequence[Columns]) -> str:
    """List pairs of columns for a message."""
    return ", ".join(f"{name}/{gene}" for name, gene in columns)


def looks_like_table(file: FileText) -> bool:
    """Tell whether the first line has the columns of a long table."""
    return _delimiter(file, KNOWN_COLUMNS) is not None


def parse_table(file: FileText, options: Options) -> GeneSets:
    """Build the gene sets of a long table in TSV or CSV text."""
    delimiter = _delimiter(file, options.columns) or "\t"
    header = _header(file, delimiter)
    try:
        at = [header.index(column) for column in _columns(header, options)]
    except ValueError as error:
        raise file.error(str(error), file.start + 1) from None
    rows = _rows(file, delimiter, len(header))
    cells = ((number, [row[place] for place in at]) for number, row in rows)
    sets = _collect(cells, options, lambda error, line: file.error(str(error), line))
    return build(file, (("", name, "", genes) for name, genes in sets.items()), "raise")


def from_frame(frame: Any, options: Options) -> GeneSets:
    """Build the gene sets of a long pandas or polars DataFrame."""
    wanted = _columns(list(frame.columns), options)
    cells = zip(*(frame[column].to_list() for column in wanted), strict=True)

    def failure(error: Exception, row: int) -> Exception:
        return type(error)(f"DataFrame, row {row}: {error}")

    return GeneSets(_collect(enumerate(cells), options, failure))


def _find_columns(columns: Sequence[Any], choices: Sequence[Columns]) -> Columns | None:
    return next((pair for pair in choices if set(pair) <= set(columns)), None)


def _in_other_case(
    columns: Sequence[Any], choices: Sequence[Columns]
) -> Columns | None:
    """Find columns that differ in upper and lower case from those that are wanted."""
    written = {str(column).casefold(): column for column in columns}
    folded = [(str(name).casefold(), str(gene).casefold()) for name, gene in choices]
    pair = _find_columns(list(written), folded)
    return None if pair is None else (written[pair[0]], written[pair[1]])


def _columns(columns: list[Any], options: Options) -> list[Any]:
    """Columns of the gene set, the gene and, if it counts, the weight."""
    found = _find_columns(columns, options.columns)
    if found is None:
        advice = "For others, use {}(gene_set_column, gene_column))."
        if (cased := _in_other_case(columns, options.columns)) is not None:
            advice = f"Upper and lower case count: use {{}}{cased!r})."
        raise ValueError(
            f"Expected columns of gene sets and genes ({pairs_of(options.columns)}), "
            f"got {excerpt(columns)}. {advice.format('read_gene_sets(..., columns=')}"
        )
    wanted = [*found, *([_WEIGHT] if options.min_weight is not None else [])]
    for column in wanted:
        if (count := columns.count(column)) != 1:
            got = f"{count} of this name in {excerpt(columns)}"
            raise ValueError(f"Expected one column {column!r}, got {got}.")
    return wanted


def _delimiter(file: FileText, choices: Sequence[Columns]) -> str | None:
    """Tell what separates columns in the first line; None if it is no header.

    One in other upper and lower case is one, too, or it would be read as a gene set.
    """
    for delimiter in "\t,;":
        if _in_other_case(_header(file, delimiter), choices) is not None:
            return delimiter
    return None


def _header(file: FileText, delimiter: str) -> list[str]:
    line = file.lines[file.start]
    try:
        return [strip(cell) for cell in next(csv.reader([line], delimiter=delimiter))]
    except csv.Error:
        return []


def _rows(
    file: FileText, delimiter: str, n_columns: int
) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the line and the cells of every row below the header."""
    # The reader takes lines with their ends, or line breaks in quotes would be lost.
    ended = (f"{line}\n" for line in file.lines[file.start :])
    reader = csv.reader(ended, delimiter=delimiter, strict=True)
    number = file.start + 1
    try:
        next(reader)
        number = file.start + reader.line_num + 1
        for cells in reader:
            if any(cells):
                if len(cells) != n_columns:
                    wanted = f"Expected {n_columns} columns as in the header"
                    raise file.error(f"{wanted}, got {len(cells)}.", number)
                yield number, cells
            number = file.start + reader.line_num + 1
    except csv.Error as error:
        raise file.error(f"Damaged table ({error}).", number) from None


def _collect(
    rows: Iterable[tuple[int, Sequence[Any]]],
    options: Options,
    failure: Callable[[Exception, int], Exception],
) -> dict[str, list[str]]:
    """Gather genes by gene set, from the rows that are heavy enough."""
    sets: dict[str, list[str]] = {}
    known: dict[str, str] = {}  # texts that were checked, since most come often
    least = options.min_weight
    for number, row in rows:
        try:
            name = known.get(row[0]) if isinstance(row[0], str) else None
            gene = known.get(row[1]) if isinstance(row[1], str) else None
            if name is None:
                name = known[row[0]] = _text(row[0], "gene set")
            if gene is None:
                gene = known[row[1]] = _text(row[1], "gene")
            heavy = least is None or abs(_number(row[2])) >= least
        except (TypeError, ValueError) as error:
            raise failure(error, number) from None
        if heavy:
            sets.setdefault(name, []).append(gene)
    return sets


def _text(value: Any, what: str) -> str:
    text = str(value).strip()
    if text in _MISSING:
        raise ValueError(
            f"Expected a {what}, got the missing value {value!r}. Leave such rows out."
        )
    if not isinstance(value, str | int) or isinstance(value, bool):
        got = f"{type(value).__name__} {excerpt(value)}"
        raise TypeError(f"Expected a {what}, as str or int, got {got}.")
    return text


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if math.isnan(number):
        raise ValueError(f"Expected a weight, got {excerpt(value)}.")
    return number
