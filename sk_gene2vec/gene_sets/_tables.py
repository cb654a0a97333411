"""Long tables, one membership per row: TSV and CSV text, and DataFrames."""

import csv
import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import suppress

from sk_gene2vec._utils._messages import excerpt
from sk_gene2vec.gene_sets._gene_sets import GeneSets
from sk_gene2vec.gene_sets._parsing import Columns, Frame, Options, build
from sk_gene2vec.gene_sets._plausible import header_lines, split_line
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
_ROWS = (
    "If there are names of rows, as R writes them, read the file with pandas.read_csv "
    "and pass the DataFrame."
)
# Missing values as R and pandas write and print them.
_MISSING = ("", "NA", "None", "nan", "NaT", "<NA>")


def pairs_of(columns: Sequence[Columns]) -> str:
    """List pairs of columns for a message."""
    return ", ".join(f"{name}/{gene}" for name, gene in columns)


def looks_like_table(file: FileText) -> bool:
    """Tell whether the first line has the columns of a long table."""
    header = _header(file, KNOWN_COLUMNS)[2]
    return _in_other_case(header, KNOWN_COLUMNS) is not None


def parse_table(file: FileText, options: Options) -> GeneSets:
    """Build the gene sets of a long table in TSV or CSV text."""
    start, delimiter, header = _header(file, options.columns)
    try:
        at = [header.index(column) for column in _columns(header, options)]
    except ValueError as error:
        raise file.error(str(error), start + 1) from None
    if not _are_positions(options.columns):
        start += 1
    rows = _rows(file, start, delimiter, len(header))
    cells = ((number, [row[place] for place in at]) for number, row in rows)
    sets = _collect(cells, options, lambda error, line: file.error(str(error), line))
    return build(file, (("", name, "", genes) for name, genes in sets.items()), options)


def from_frame(frame: Frame, options: Options) -> GeneSets:
    """Build the gene sets of a long pandas or polars DataFrame."""
    wanted = _columns(list(frame.columns), options)
    cells = zip(*(frame[column].to_list() for column in wanted), strict=True)

    def failure(error: Exception, row: int) -> Exception:
        return type(error)(f"DataFrame, row {row}: {error}")

    sets = _collect(enumerate(cells), options, failure)
    return GeneSets({name: [*options.split(genes)] for name, genes in sets.items()})


def _in_other_case(
    columns: Sequence[Hashable], choices: Sequence[Columns]
) -> Columns | None:
    """Find a pair of columns that differs from a choice in upper and lower case."""
    written = {str(column).casefold(): column for column in columns}
    for pair in choices:
        name, gene = (str(column).casefold() for column in pair)
        if name in written and gene in written:
            return written[name], written[gene]
    return None


def _columns(columns: Sequence[Hashable], options: Options) -> list[Hashable]:
    """Find the columns of the gene set, the gene and, if it is used, the weight."""
    fitting = (pair for pair in options.columns if set(pair) <= set(columns))
    if (found := next(fitting, None)) is None:
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


def _are_positions(choices: Sequence[Columns]) -> bool:
    return all(isinstance(column, int) for column in choices[0])


def _header(
    file: FileText, choices: Sequence[Columns]
) -> tuple[int, str, list[Hashable]]:
    """Find the header: its index, what separates its columns, and their names.

    Positions stand for the names of a table without a header. A header in other upper
    and lower case counts: it must not be read as a gene set.
    """
    for at, line in header_lines(file):
        for delimiter in "\t,;":
            header: list[Hashable] = [*split_line(line, delimiter)]
            if _are_positions(choices):
                header = [*range(len(header))]
                if set(choices[0]) <= set(header):
                    return at, delimiter, header
            elif _in_other_case(header, choices) is not None:
                return at, delimiter, header
    cells = split_line(file.lines[file.start], "\t")
    return file.start, "\t", [*cells]


def _rows(
    file: FileText, start: int, delimiter: str, n_columns: int
) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the first line and the cells of every row of data."""
    # The reader takes lines with their ends, or line breaks in quotes would be lost.
    ended = (f"{line}\n" for line in file.lines[start:])
    reader = csv.reader(ended, delimiter=delimiter, strict=True)
    number = start + 1
    try:
        for cells in reader:
            if any(cells):
                if len(cells) != n_columns:
                    wanted = f"Expected {n_columns} columns as in the first line"
                    raise file.error(f"{wanted}, got {len(cells)}. {_ROWS}", number)
                yield number, cells
            number = start + reader.line_num + 1
    except csv.Error as error:
        raise file.error(f"Damaged table ({error}).", number) from None


def _collect(
    rows: Iterable[tuple[int, Sequence[object]]],
    options: Options,
    failure: Callable[[Exception, int], Exception],
) -> dict[str, list[str]]:
    """Gather genes by gene set, from the rows whose weight is large enough."""
    sets: dict[str, list[str]] = {}
    known: dict[str, str] = {}
    least = options.min_weight
    for number, row in rows:
        try:
            name = _text(row[0], "gene set", known)
            gene = _text(row[1], "gene", known)
            kept = least is None or abs(_number(row[2])) >= least
        except (TypeError, ValueError) as error:
            raise failure(error, number) from None
        if kept:
            sets.setdefault(name, []).append(gene)
    return sets


def _text(value: object, what: str, known: dict[str, str]) -> str:
    """Return a name as clean text; `known` has those that were checked before."""
    if type(value) is str and value in known:
        return known[value]
    text = str(value).strip()
    if text in _MISSING:
        raise ValueError(
            f"Expected a {what}, got the missing value {value!r}. Leave such rows "
            "out: pandas.read_csv(...).dropna(subset=columns)."
        )
    if not isinstance(value, str | int) or isinstance(value, bool):
        got = f"{type(value).__name__} {excerpt(value)}"
        raise TypeError(f"Expected a {what}, as str or int, got {got}.")
    return known.setdefault(str(value), text)


def _number(value: object) -> float:
    number = math.nan
    with suppress(ValueError):
        number = float(str(value))
    if math.isnan(number):
        raise ValueError(f"Expected a weight, got {excerpt(value)}.")
    return number
