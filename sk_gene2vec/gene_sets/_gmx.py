"""GMX: one gene set per column, with its name and its description on top."""

import re
from collections.abc import Iterable, Iterator

from sk_gene2vec._utils._genes import strip
from sk_gene2vec.gene_sets._gene_sets import GeneSets
from sk_gene2vec.gene_sets._parsing import Options, Record, build
from sk_gene2vec.gene_sets._reading import FileText

_URL = re.compile("(https?|ftp)://")


def looks_like_gmx(file: FileText) -> bool:
    """Tell whether the second line has descriptions; see `read_gene_sets`."""
    lines = file.lines[file.start :]
    names, notes = _fields(lines[0]), _fields(lines[1]) if len(lines) > 1 else []
    if not any(notes) or len(notes) > len(names) or any(map(_is_note, names)):
        return False
    if len(names) == 1:
        return _is_note(notes[0])
    if lines[0].count("\t") != lines[1].count("\t") or not all(map(_is_text, notes)):
        return False
    if any(len(_fields(line)) > len(names) for line in lines):
        return False
    # If the second field of every line is a description, the file is GMT.
    seconds = (strip(line.split("\t", 2)[1]) for line in lines if "\t" in line)
    return not all(map(_is_text, seconds))


def parse_gmx(file: FileText, options: Options) -> GeneSets:
    """Build the gene sets of GMX text."""
    return build(file, _records(file), options)


def _records(file: FileText) -> Iterator[Record[Iterable[str]]]:
    names, notes, *rows = map(_fields, [*file.lines[file.start :], ""])
    notes.extend([""] * (len(names) - len(notes)))
    columns: list[list[str]] = [[] for _ in names]
    for number, cells in enumerate([notes, *rows], start=file.start + 2):
        if len(cells) > len(names):
            raise file.error(
                f"Expected at most {len(names)} fields, one per gene set, got "
                f"{len(cells)}.",
                number,
            )
        for column, cell in zip(columns, cells, strict=False):
            column.append(cell)
    for place, (name, column) in enumerate(zip(names, columns, strict=True), start=1):
        note, *genes = column
        yield f"column {place}", name, note, filter(None, genes)


def _fields(line: str) -> list[str]:
    """Split a line into fields, without the empty fields at its end."""
    cells = [strip(cell) for cell in line.split("\t")]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _is_text(cell: str) -> bool:
    return " " in cell or _is_note(cell)


def _is_note(cell: str) -> bool:
    """Tell whether a field is empty, a placeholder or a URL, not a name or a gene."""
    return cell[:1] in ("", ">") or cell.lower() == "na" or bool(_URL.match(cell))
