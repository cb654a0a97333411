"""GRP: one gene set per file, one gene per line."""

import re
from collections.abc import Iterator

from sk_gene2vec._utils._genes import strip
from sk_gene2vec._utils._messages import excerpt
from sk_gene2vec.gene_sets._gene_sets import GeneSets
from sk_gene2vec.gene_sets._parsing import Options, build
from sk_gene2vec.gene_sets._reading import FileText

# Separators, quotes and brackets belong to other formats.
_BARE_GENE = re.compile(r"""[^\s,;<>{}"\[\]]+""")
_SUFFIX = re.compile(r"(\.(grp|txt))?(\.gz)?$", re.IGNORECASE)


def looks_like_grp(file: FileText) -> bool:
    """Tell whether every line below the name is one word, and no line has a tab."""
    return "\t" not in file.text and next(no_genes(file), None) is None


def parse_grp(file: FileText, options: Options) -> GeneSets:
    """Build the gene set of a list of genes."""
    name, description, start = _header(file)
    if not name:
        raise file.error(
            "Expected '# NAME', the name of the gene set. An open file has no name.", 1
        )
    for number, line in no_genes(file):
        raise file.error(f"Expected one gene per line, got {excerpt(line)}.", number)
    genes = [line for _, line in _content(file, start)]
    if not genes:
        raise file.error("Expected at least one gene, got none.")
    return build(file, [("line 1", name, description, genes)], options)


def _header(file: FileText) -> tuple[str, str, int]:
    """Find the name and description of the gene set, and the index of its genes."""
    start = file.start
    first, second, *_ = *map(strip, file.lines[start : start + 2]), ""
    if second.startswith("#"):
        return first, second.lstrip("# "), start + 1
    notes = [note.lstrip("# ") for note in map(strip, file.lines[:start]) if note]
    if notes and _BARE_GENE.fullmatch(notes[0]):
        name, *notes = notes
    else:
        name = _SUFFIX.sub("", file.name or "")
    return name, notes[0] if notes else "", start


def _content(file: FileText, start: int) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(map(strip, file.lines[start:]), start=start + 1):
        if line and not line.startswith("#"):
            yield number, line


def no_genes(file: FileText) -> Iterator[tuple[int, str]]:
    """Yield number and text of the lines that are not one gene."""
    *_, start = _header(file)
    return (row for row in _content(file, start) if not _BARE_GENE.fullmatch(row[1]))
