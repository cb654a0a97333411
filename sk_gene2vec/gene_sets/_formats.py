"""Gene sets in any format: which one a file has, and its reader."""

import json
import re
from collections.abc import Callable, Iterable
from itertools import zip_longest
from typing import Any

from sk_gene2vec._utils._genes import strip
from sk_gene2vec._utils._messages import excerpt
from sk_gene2vec.gene_sets._gene_sets import GeneSets
from sk_gene2vec.gene_sets._gmt import check_on_duplicate, parse_gmt
from sk_gene2vec.gene_sets._reading import (
    MAX_BYTES,
    GmtFormatError,
    TextSource,
    file_name,
    read_text,
)
from sk_gene2vec.gene_sets._tables import (
    columns_wanted,
    find_delimiter,
    first_content,
    from_frame,
    parse_table,
)

__all__ = ["read_gene_sets"]

_FORMATS = ("auto", "gmt", "gmx", "grp", "json", "table")
_URL = re.compile("(https?|ftp)://")
# What separates, quotes or brackets elsewhere is no part of a gene in a bare list.
_BARE_GENE = re.compile(r"""[^\s,;<>{}"\[\]]+""")
_GRP_SUFFIX = re.compile(r"(\.(grp|txt))?(\.gz)?$", re.IGNORECASE)
_GENES = "geneSymbols"


def read_gene_sets(
    source: TextSource | Any,
    *,
    format: str = "auto",
    on_duplicate: str = "raise",
    min_weight: float | None = None,
    encoding: str = "utf-8",
    max_bytes: int = MAX_BYTES,
) -> GeneSets:
    r"""Read a collection of gene sets in any of the usual formats.

    The format is told by the content, never by the name of the file. Any of them may
    be compressed with gzip.

    Parameters
    ----------
    source : str, path-like, open file or DataFrame
        The file to read, or a long pandas or polars DataFrame with the columns of a
        table (see Notes). An open file is read to its end, not closed.
    format : {"auto", "gmt", "gmx", "grp", "json", "table"}, default="auto"
        The format of the file, where its content does not tell.
    on_duplicate : {"raise", "merge", "first"}, default="raise"
        What to do with a repeated set name: raise, add its genes to the first, or skip.
        In a table names are repeated by nature.
    min_weight : float, default=None
        Leave out the memberships of a table whose `weight` is closer to zero: a weight
        of -2 is kept by `min_weight=1`. None ignores weights.
    encoding : str, default="utf-8"
        Encoding of the file. An open text file has its own.
    max_bytes : int, default=2**30
        Size in bytes above which a file is refused, unpacked where it is compressed.

    Returns
    -------
    gene_sets : GeneSets
        The gene sets in the order of the file; its ``attrs`` name the file.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no file, or it cannot be opened or read.
    GmtFormatError
        If the file fits no format, breaks the rules of its format, or is damaged, too
        large or in another encoding. The message names the file and the first line
        that does not fit.
    TypeError, ValueError
        If `source` is neither a path nor an open file nor a DataFrame; if a DataFrame
        lacks a column or has missing values; if `min_weight` meets a format or a table
        without weights; if a parameter is misspelt.

    See Also
    --------
    read_gmt : The same for GMT alone.

    Notes
    -----
    The first of these that fits is the format:

    - **JSON**, as from MSigDB: the file starts with ``{``. The genes of a set are in
      its `geneSymbols`; a plain list of genes will do as well.
    - **Table**, separated by tabs, commas or semicolons, one membership a row: the
      first line has the columns `source` and `target` (decoupler), `gs_name` and
      `gene_symbol` (msigdbr), or `term` and `gene` (clusterProfiler), among others.
    - **GMX**, one gene set a column, the name in the first line and the description in
      the second: the second line has as many tabs as the first, every field of it is
      empty, "na", a URL or has a blank in it, which genes have not, and no line has
      more fields than the first. Where the second fields of all lines look like that as
      well, a file could be either, and is GMT. So is a file whose second line is all
      empty: set `format="gmx"`. A single column is GMX if its second line is "na", a
      URL or starts with ``>``.
    - **GMT**, one gene set a line: the file has tabs. See :func:`read_gmt`.
    - **GRP**, one gene set a file, one gene a line. Its name is in a comment before the
      genes, ``# NAME``, or in a first line followed by a comment; otherwise it is the
      name of the file.

    Examples
    --------
    >>> import io
    >>> from sk_gene2vec import read_gene_sets
    >>> table = "gs_name,gene_symbol\nAPOPTOSIS,CASP3\nAPOPTOSIS,TP53\n"
    >>> read_gene_sets(io.StringIO(table))["APOPTOSIS"]
    ('CASP3', 'TP53')
    >>> read_gene_sets(io.StringIO("# APOPTOSIS\nCASP3\nTP53\n"))
    GeneSets(1 gene sets, 2 genes)
    """
    check_on_duplicate(on_duplicate)
    if format not in _FORMATS:
        raise ValueError(f"expected format to be one of {_FORMATS}, got {format!r}")
    if hasattr(source, "columns"):
        return from_frame(source, min_weight)
    text, where = read_text(source, encoding, max_bytes)
    text = text.removeprefix("\ufeff")
    name = file_name(source)
    if format == "auto":
        format = _detect(text, where)
    if format == "table":
        return parse_table(text, where, name, min_weight)
    if min_weight is not None:
        wanted = "min_weight is for tables with a column 'weight'"
        raise ValueError(f"{where}: {wanted}, this file is read as {format.upper()}")
    parse: dict[str, Callable[[str, str, str | None, str], GeneSets]] = {
        "gmt": parse_gmt,
        "gmx": _parse_gmx,
        "grp": _parse_grp,
        "json": _parse_json,
    }
    return parse[format](text, where, name, on_duplicate)


def _detect(text: str, where: str) -> str:
    """Tell the format of a text, by the rules in the notes of `read_gene_sets`."""
    lines = text.split("\n")
    start = first_content(lines)
    if strip(lines[start]).startswith("{"):
        return "json"
    if find_delimiter(lines[start]):
        return "table"
    if _looks_like_gmx(lines[start:]):
        return "gmx"
    if "\t" not in text:
        if not text:
            raise GmtFormatError(f"{where}: expected gene sets, got an empty file")
        return "grp"
    if not any(line.count("\t") > 1 for line in lines):
        raise _fits_nothing(where, start + 1, lines[start], "tabs, but no genes")
    return "gmt"


def _looks_like_gmx(lines: list[str]) -> bool:
    names, second = _fields(lines, 0), _fields(lines, 1)
    if not any(second) or len(second) > len(names) or any(map(_is_note, names)):
        return False
    if len(names) == 1:
        return _is_note(second[0])
    if lines[0].count("\t") != lines[1].count("\t") or not all(map(_is_text, second)):
        return False
    if any(len(_fields(lines, at)) > len(names) for at in range(len(lines))):
        return False
    return not all(_is_text(cell) for cell in _second_fields(lines))


def _fields(lines: list[str], at: int) -> list[str]:
    """Fields of a line without the empty ones at its end; none beyond the last line."""
    cells = [strip(cell) for cell in lines[at].split("\t")] if at < len(lines) else []
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _second_fields(lines: list[str]) -> list[str]:
    return [strip(line.split("\t", 2)[1]) for line in lines if "\t" in line]


def _is_text(cell: str) -> bool:
    return " " in cell or _is_note(cell)


def _is_note(cell: str) -> bool:
    """Tell whether a field is no name or gene, but empty, a placeholder or a URL."""
    return cell[:1] in ("", ">") or cell.lower() == "na" or bool(_URL.match(cell))


def _parse_gmx(text: str, where: str, name: str | None, on_duplicate: str) -> GeneSets:
    lines = text.split("\n")
    start = first_content(lines)
    names, notes = _fields(lines, start), _fields(lines, start + 1)
    genes: list[list[str]] = [[] for _ in names]
    for at in range(start + 1, len(lines)):
        cells = _fields(lines, at)
        if len(cells) > len(names):
            raise GmtFormatError(
                f"{where}, line {at + 1}: expected at most {len(names)} fields, one a "
                f"gene set, got {len(cells)}"
            )
        if at > start + 1:
            for column, cell in zip(genes, cells, strict=False):
                column.append(cell)
    sets = zip_longest(names, notes, (filter(None, g) for g in genes), fillvalue="")
    return _build(sets, where, name, on_duplicate)


def _parse_grp(text: str, where: str, name: str | None, _: str) -> GeneSets:
    lines = [strip(line) for line in text.split("\n")]
    start = first_content(lines)
    notes = [note.lstrip("# ") for note in lines[:start] if note]
    set_name = None
    if lines[start + 1 : start + 2] and lines[start + 1].startswith("#"):
        set_name, notes = lines[start], [lines[start + 1].lstrip("# ")]
        start += 1
    elif notes and _BARE_GENE.fullmatch(notes[0]):
        set_name, *notes = notes
    elif name:
        set_name = _GRP_SUFFIX.sub("", name)
    if not set_name:
        raise GmtFormatError(
            f"{where}, line 1: expected '# NAME', the name of the gene set; an open "
            "file has no name"
        )
    genes = []
    for number, line in enumerate(lines[start:], start=start + 1):
        if not line or line.startswith("#"):
            continue
        if not _BARE_GENE.fullmatch(line):
            raise _fits_nothing(where, number, line, "no tab, and not a single gene")
        genes.append(line)
    if not genes:
        raise GmtFormatError(f"{where}: expected at least one gene, got none")
    return _build([(set_name, notes[0] if notes else "", genes)], where, name, "raise")


def _parse_json(text: str, where: str, name: str | None, on_duplicate: str) -> GeneSets:
    try:
        found = json.loads(text, object_pairs_hook=_Pairs)
    except json.JSONDecodeError as error:
        message = f"{where}, line {error.lineno}: damaged JSON file ({error.msg})"
        raise GmtFormatError(message) from None
    except (RecursionError, ValueError) as error:
        raise GmtFormatError(f"{where}: damaged JSON file ({error})") from None
    if not isinstance(found, _Pairs):
        raise GmtFormatError(f"{where}: expected a JSON object, gene sets by name")
    sets = []
    for set_name, entry in found:
        about = dict(entry) if isinstance(entry, _Pairs) else {_GENES: entry}
        genes = about.get(_GENES)
        if type(genes) is not list:
            raise GmtFormatError(
                f"{where}: gene set {excerpt(set_name)}: expected its genes as a list, "
                f"{_GENES!r}, got {excerpt(str(list(about)))}"
            )
        for gene in genes:
            if not isinstance(gene, str):
                got = f"{type(gene).__name__} {excerpt(gene)}"
                raise GmtFormatError(
                    f"{where}: gene set {excerpt(set_name)}: expected a gene (str), "
                    f"got {got}"
                )
        sets.append((set_name, about.get("msigdbURL") or "", genes))
    return _build(sets, where, name, on_duplicate)


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as its pairs, so that repeated names are seen."""


def _build(
    sets: Iterable[tuple[str, str, Iterable[str]]],
    where: str,
    name: str | None,
    on_duplicate: str,
) -> GeneSets:
    """Build gene sets from names, descriptions and genes."""
    genes_of: dict[str, list[str]] = {}
    descriptions: dict[str, str] = {}
    for set_name, description, genes in sets:
        if set_name not in genes_of:
            genes_of[set_name], descriptions[set_name] = list(genes), description
        elif on_duplicate == "raise":
            raise GmtFormatError(
                f"{where}: gene set {excerpt(set_name)} occurs twice; set on_duplicate "
                "to 'merge' or 'first' to allow it"
            )
        elif on_duplicate == "merge":
            genes_of[set_name].extend(genes)
            descriptions[set_name] = descriptions[set_name] or description
    try:
        return GeneSets(genes_of, descriptions, attrs={"name": name} if name else None)
    except (TypeError, ValueError) as error:
        raise GmtFormatError(f"{where}: {error}") from None


def _fits_nothing(where: str, number: int, line: str, why: str) -> GmtFormatError:
    return GmtFormatError(
        f"{where}, line {number}: fits no format (GMT, GMX, GRP, JSON, or a table with "
        f"the columns {columns_wanted()}): {why} in {excerpt(strip(line))}"
    )
