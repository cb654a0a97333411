"""What looks like gene sets and what does not, and how to read the rest."""

import csv
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from sk_gene2vec._utils._genes import strip
from sk_gene2vec._utils._messages import excerpt, shown, warn
from sk_gene2vec.gene_sets._gene_sets import GeneSets
from sk_gene2vec.gene_sets._reading import FileText, GeneSetFormatError

_HEAD = 2000
_SAMPLE = 200
_LONGEST = 60
_FEW = 3
_MANY = 20
_LOOK_UP = "Look up its genes in a collection: GmtVectorizer().fit(genes)."
#: How a file or its first line starts -> what it is and what to do with it.
_FOREIGN = {
    "!gaf-version": "gene annotations (GAF). Read them with an ontology: "
    "sk_gene2vec.read_go_annotations(gaf, obo).",
    "!gpi-version": "descriptions of genes (GPI). Get annotations, in GAF or GPAD.",
    "!gpad?-version": "gene annotations (GPAD). Read them with an ontology: "
    "sk_gene2vec.read_go_annotations(gpad, obo).",
    "format-version:": "an ontology (OBO) without genes. Read it with annotations: "
    "sk_gene2vec.read_go_annotations(gaf, obo).",
    r"<([!?][\w-]|\w+[ >\n])": "a web page or XML. A login page or an error may have "
    "been saved in place of the file: open the address in a browser and save the file.",
    "version https://git-lfs": "a pointer of Git LFS. Run `git lfs pull` in the "
    "repository, or download the file itself.",
    r'\{\s*"(errors?|message|detail|msg|status|code)"\s*:\s*["\d{]': "an answer of a "
    "server without the file. Check the name, and download it again.",
    r"##gff|##fileformat=vcf|track |browser |chr\w*\t\d+\t\d+(\t|$)"
    r"|[^\t]+\t[^\t]*\t[^\t]+\t\d+\t\d+\t[\d.]+\t[-+.?]\t": "positions in a genome "
    "(BED, GTF or VCF). Get gene sets, such as a GMT file.",
    r"[!^](series|sample|platform|database)|#1\.[23]\n|%%matrixmarket": "a matrix of "
    f"measurements. {_LOOK_UP}",
    r"[^\t]+\t[-+]?\d*\.\d+(e[-+]?\d+)?$": "a list of genes with scores. " + _LOOK_UP,
    r"---\s*$|[^\t\n,;\":]+:( \[| [^\t\n]*\n[^\t\n:]+: |\n *- )": (
        "YAML. Read it with yaml.safe_load, and give GeneSets every name with a list "
        "of its genes: GeneSets({name: genes.split(', ') ...}) if they are one text."
    ),
    r"[^\t\n#{][^\t\n]*\\t[^\t\n]*(\n|$)": "backslashes and the letter t in place of "
    r"tabs. Write tabs: text.replace('\\t', '\t').",
    r"(?!(sp|tr|gi|lcl)\|)[^\t\n|#{,;]*(\|[^\t\n|]*){2,}(\n|$)": "fields between '|'. "
    r"Write tabs in place of them: text.replace('|', '\t'). Write a list with one gene "
    "in each line.",
}
_KINDS = {re.compile(start, re.IGNORECASE): what for start, what in _FOREIGN.items()}

#: Columns of genes and of gene sets in tables of other tools, the best first.
_GENE_COLUMNS = (
    r"symbol|\(labels\)",
    "^genes?$",
    "gene.?names?$",
    "gene.*id$|entrez|ensembl",
    "leadingedge|lead_gene|intersection",
    "gene|protein|locus|^target$|^names$|^feature|node2",
)
_SET_COLUMNS = (
    "gene.?set|^gs|set.?name|^set$|signature",
    "pathway",
    "term|^go|ontology|^hpo",
    "cell.?(type|name)",
    "cluster|group|module|category|phenotype|disease",
    "^(native|description|id|name)$",
    "^source$|^tf$|regulator|node1",
)
_NO_GENES = re.compile("set|desc|ratio|count|size|num|type|ontology|term|cluster", re.I)
_HEADER = re.compile(
    r"(official|hgnc|mgi|entrez|ncbi|ensembl|gene|lead|core)[ _.-]?"
    r"(gene|stable)?[ _.-]?(symbol|name|id|accession|symbol.id)s?"
    r"|(lead[ _.]?)?genes?|symbols?|padj|log2?fc|log2foldchange|basemean"
    r"|(adj(usted)?|nom(inal)?|fdr)?[ _.]?p[ _.-]?val(ue)?s?([ _.]?adj)?",
    re.IGNORECASE,
)
# No symbol and no Entrez number: a fraction, a power of ten, a negative number, zero.
_FRACTION = re.compile(r"[-+]?\d*\.(?!0+$)\d+(e[-+]?\d+)?%?|\d+e[-+]\d+|-\d+|0", re.I)
_MONTH = "(jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)"
_ODD = {
    "numbers": (_FRACTION, "Take the genes from the original file"),
    "dates that a spreadsheet made of symbols such as SEPT2": (
        re.compile(
            rf"\d{{1,2}}-{_MONTH}(-\d+)?|{_MONTH}-\d\d|\d{{4}}-\d\d-\d\d.*"
            r"|\d{1,2}([/.])\d{1,2}\4\d{2,4}",
            re.IGNORECASE,
        ),
        "Take the genes from the original file",
    ),
    "missing values": (
        re.compile(r"na|nan|none|null|#n/a|#name\?|<na>|-+", re.IGNORECASE),
        "Leave them out",
    ),
}
# What most genes are where something else was read -> what it is, and what to do.
_MOSTLY = {
    re.compile(
        r"(GO|HP|MP|DOID):\d{7}|R-[A-Z]{3}-\d+|path:[a-z]+\d{5}|K\d{5}"
        r"|(hsa|mmu|rno|ko|map)\d{5}"
    ): (
        "ids of terms",
        "If every line has a gene and its terms, turn it around: read_gene_sets("
        "pandas.DataFrame([(term, gene) for gene, terms in gene_sets.items() for term "
        "in {terms}], columns=['term', 'gene']))",
    ),
    re.compile(r".+([:|]|\()-?\d*\.\d+(e-?\d+)?\)?", re.IGNORECASE): (
        "names with a number at the end",
        "If these are weights, remove them: GeneSets({{name: [re.split('[:|(]', gene)"
        "[0] for gene in genes] for name, genes in gene_sets.items()}}, "
        "gene_sets.descriptions)",
    ),
}
_NUMBER = re.compile(r"([-+]?\d*\.?\d*(e[-+]?\d+)?)|nan?")
_COUNTED = re.compile(r"ENS[A-Z]*\d{11}|N_[a-zA-Z]+$|__\w+$")
_QUOTED = re.compile(r"\".*\"|'.*'")
# The share of genes with a separator above which a cell probably has several.
_SEPARATORS = {";": 0.05, "|": 0.05, ",": 0.5, "/": 0.5, " ": 0.5}
_GENE = re.compile(r"[\w.:-]+")
_SYMBOL = re.compile(r"[A-Za-z0-9][\w.-]{1,19}")
IN_COLUMNS = "If every column is a gene set, use read_gene_sets(..., format='gmx')."


def refuse_foreign(file: FileText) -> None:
    """Raise an error if a file has a format for something else."""
    starts = strip(file.text[:_HEAD]), file.lines[file.start][:_HEAD]
    for pattern, what in _KINDS.items():
        if any(map(pattern.match, starts)):
            first = excerpt(starts[0].split("\n")[0])
            raise file.error(f"Expected gene sets, got {first}: {what}")


def split_line(line: str, delimiter: str) -> list[str]:
    """Split a line of a table into clean cells, none if it is damaged."""
    try:
        return [strip(cell) for cell in next(csv.reader([line], delimiter=delimiter))]
    except (csv.Error, StopIteration):
        return []


def header_lines(file: FileText) -> Iterable[tuple[int, str]]:
    """Yield the indices and texts of lines that may be the header of a table.

    These are the first line with content, and a comment right before it.
    """
    yield file.start, file.lines[file.start]
    if file.start and (line := file.lines[file.start - 1]).startswith("#"):
        yield file.start - 1, line.lstrip("# ")


def suggest_columns(file: FileText) -> str:
    """Say how to read a table whose columns have names of other tools, or none."""
    for at, line in header_lines(file):
        for delimiter in "\t,;":
            cells = split_line(line, delimiter)
            named = [cell for cell in cells[:_SAMPLE] if len(cell) < _LONGEST]
            gene = _best(_GENE_COLUMNS, [c for c in named if not _NO_GENES.search(c)])
            name = _best(_SET_COLUMNS, [cell for cell in named if cell != gene])
            if gene and name:
                rows = _rows(file, at + 1, delimiter, len(cells))
                sep = _separator([row[cells.index(gene)] for row in rows])
                names = {row[cells.index(name)] for row in rows}
                if sep or len(names) < max(len(rows), _FEW):
                    return _use((name, gene), sep)
    lines = file.lines[file.start : file.start + _SAMPLE]
    for delimiter in "\t,;":
        width = len(split_line(file.lines[file.start], delimiter))
        rows = _rows(file, file.start, delimiter, width)
        if width > 1 and 1 < len(rows) == sum(map(bool, map(strip, lines))):
            header, *rows = rows
            if not header[0]:
                return _named_rows(rows, delimiter)
            sep = _separator([row[-1] for row in rows])
            if sep and width > _FEW and sep not in header[-1]:
                return _use((header[0], header[-1]), sep)
            return _positions([header, *rows])
    return ""


def _named_rows(rows: Sequence[Sequence[str]], delimiter: str) -> str:
    """Say how to read a table whose first column has names, but no name itself."""
    cells = {cell.casefold() for row in rows for cell in row[1:]}
    frame = f"pandas.read_csv(path, sep={delimiter!r}, index_col=0)"
    what, gene, more = " It looks like a table with names of rows.", "value", ""
    if cells <= {"0", "1", "0.0", "1.0", "true", "false"}:
        frame += (
            ".astype(bool).melt(ignore_index=False).query('value').rename_axis('row')"
            ".reset_index()"
        )
        gene, more = "row", " If its rows are gene sets, swap the two columns."
    elif all(map(_NUMBER.fullmatch, cells)):
        return f"{what} Numbers are no gene sets. {_LOOK_UP}"
    else:
        frame += ".melt().dropna()"
    columns = f"columns=('variable', {gene!r})"
    use = f"read_gene_sets({frame}, {columns})"
    return f"{what} If its columns are gene sets, use {use}.{more}"


def _positions(rows: Sequence[Sequence[str]]) -> str:
    """Say how to read a table without a header, if its gene sets repeat."""
    first, second = ([row[place] for row in rows] for place in (0, 1))
    in_order = len(rows[0]) > 2 or len(set(first)) <= len(set(second))
    names, genes = (first, second) if in_order else (second, first)
    if len(set(names)) == len(names):
        return ""
    if len(rows[0]) > 2:
        columns = [*zip(*rows, strict=True)]
        fitting = [at for at, cells in enumerate(columns) if all(map(_is_gene, cells))]
        gene = max(fitting, key=lambda at: len({*columns[at]}), default=0)
        if not all(first) or len({*columns[gene]}) < len({*first}) or not gene:
            return ""
        return f"{_use((0, gene), None)} Positions count from 0."
    if not all(map(_GENE.fullmatch, genes)):
        return ""
    return _use((0, 1) if in_order else (1, 0), None)


def _is_gene(cell: str) -> bool:
    return bool(_GENE.fullmatch(cell)) and not _FRACTION.fullmatch(cell)


def _use(columns: tuple[object, object], sep: str | None) -> str:
    option = f", sep={sep!r}" if sep else ""
    return (
        " If it is a table with a gene set and a gene in every line, use "
        f"read_gene_sets(..., columns={columns!r}{option})."
    )


def _best(patterns: Iterable[str], cells: Iterable[str]) -> str | None:
    fitting = (c for p in patterns for c in cells if re.search(p, c, re.IGNORECASE))
    return next(fitting, None)


def _rows(file: FileText, start: int, delimiter: str, width: int) -> list[list[str]]:
    """Split the first lines of a table, those with as many cells as the header."""
    lines = islice(file.lines, start, start + _SAMPLE)
    rows = (split_line(line[:_HEAD], delimiter) for line in lines if strip(line))
    return [row for row in rows if len(row) == width]


def _separator(cells: Sequence[str]) -> str | None:
    """Find what separates several genes in one cell."""
    for sep, share in _SEPARATORS.items():
        if sum(sep in cell for cell in cells) > share * len(cells):
            return sep
    return None


def check_gene_sets(
    gene_sets: GeneSets, where: str, suggest: Callable[[], str] = str
) -> GeneSets:
    """Return gene sets; refuse what cannot be genes, and warn of what may not be."""
    genes = gene_sets.genes
    if not genes:
        got = f"Expected genes, got {len(gene_sets)} gene sets without any"
        raise GeneSetFormatError(f"{where}: {got}.{suggest()}")
    for wrong, advice in (_table_cell(gene_sets, genes), _header_word(gene_sets)):
        if wrong:
            got = f"{where}: Expected gene sets, got {wrong}."
            raise GeneSetFormatError(f"{got}{suggest() or advice}")
    for said in [*_kinds(gene_sets, genes)] or _doubts(gene_sets, genes, suggest):
        warn(f"{where}: {said}")
    return gene_sets


def _header_word(gene_sets: GeneSets) -> tuple[str, str]:
    """Find the header of a column in the first gene set."""
    name, first = next((name, genes) for name, genes in gene_sets.items() if genes)
    about = (name, gene_sets.descriptions[name]) if len(gene_sets) > 1 else ()
    is_header = first[0] == "x" and len(first) > 1 and min(map(len, first[1:])) > 1
    found = (
        first[0]
        if is_header
        else next(filter(_HEADER.fullmatch, (*about, *first)), None)
    )
    if found is None:
        return "", ""
    got = f"{excerpt(found)}, which looks like the header of a column"
    return got, " Remove the first line if the others have genes or gene sets."


def _table_cell(gene_sets: GeneSets, genes: Iterable[str]) -> tuple[str, str]:
    """Find numbers that most gene sets have, as in tables of results and of counts."""
    odd = set(filter(_FRACTION.fullmatch, genes))
    first, *rest = filter(None, gene_sets.values())
    rows = rest or [first]  # the first may be a header
    found = [row for row in rows if not odd.isdisjoint(row)] if odd else []
    if len(rest) > 1 and not any(map(str.isdecimal, first)):
        found = found if any(map(_has_words, rest)) else rest
    counted = 2 * sum(map(bool, map(_COUNTED.match, gene_sets))) > len(gene_sets)
    if counted and not any(map(_has_words, rows)):
        found = rows
    if 2 * len(found) <= len(rows):
        return "", ""
    number = next(filter(odd.__contains__, found[0]), found[0][0])
    return (
        f"what looks like a table of numbers: {len(found)} of {len(rows)} lines have "
        f"numbers such as {excerpt(number)} in place of genes",
        " If it has gene sets, use read_gene_sets(..., columns=(gene_set_column, "
        "gene_column)). Look up genes with GmtVectorizer().fit(genes).",
    )


def _has_words(row: Iterable[str]) -> bool:
    return not all(map(str.isdecimal, row))


def _kinds(gene_sets: GeneSets, genes: Sequence[str]) -> Iterable[str]:
    """Say what most genes or gene sets are, if they are something else."""
    for pattern, (what, advice) in _MOSTLY.items():
        found = list(filter(pattern.fullmatch, genes))
        is_name = any(map(pattern.fullmatch, gene_sets))
        if 2 * len(found) > len(genes) and not is_name:
            noted = any(map(pattern.fullmatch, gene_sets.descriptions.values()))
            terms = "filter(None, [gene_sets.descriptions[gene], *terms])"
            advice = advice.format(terms=terms if noted else "terms")
            some = shown(map(excerpt, found), 3)
            yield f"{len(found)} of {len(genes)} genes are {what} ({some}). {advice}."
    sets = list(filter(None, gene_sets.values()))
    sized = [s for s in sets if s[0].isdecimal() and not any(map(str.isdecimal, s[1:]))]
    if 10 * len(sized) > 9 * len(sets) > 9 and any(s[1:] for s in sized):
        yield (
            f"The first gene of {len(sized)} of {len(sets)} gene sets is a number, "
            f"such as {excerpt(sized[0][0])}. If it is the size of the gene set, use "
            "GeneSets({name: genes[1:] for name, genes in gene_sets.items()}, "
            "gene_sets.descriptions)."
        )


def _doubts(
    gene_sets: GeneSets, genes: Sequence[str], suggest: Callable[[], str]
) -> Iterable[str]:
    """Say what in the genes and descriptions may have been read wrongly."""
    for what, (pattern, advice) in _ODD.items():
        if found := list(filter(pattern.fullmatch, genes)):
            some = shown(map(excerpt, found), 3)
            yield f"{len(found)} of {len(genes)} genes are {what} ({some}). {advice}."
    if found := list(filter(_QUOTED.fullmatch, (*genes, *gene_sets))):
        yield (
            f"{len(found)} genes and names are in quotes ({shown(found, 3)}). In R, "
            "write files with quote=FALSE. To remove quotes, use GeneSets({name.strip("
            "'\"'): [gene.strip('\"') for gene in genes] for name, genes in "
            "gene_sets.items()})."
        )
    if sep := _separator(genes):
        found = [gene for gene in genes if sep in gene]
        hint = suggest()
        several = f" If these are several genes, use read_gene_sets(..., sep={sep!r})."
        yield (
            f"{len(found)} of {len(genes)} genes have {sep!r} in them, such as "
            f"{excerpt(found[0])}.{hint if f'sep={sep!r}' in hint else several}"
        )
    sizes = list(filter(None, map(len, gene_sets.values())))
    pairs = max(sizes) < _FEW or 20 * sizes.count(1) > 19 * len(sizes)
    if pairs and len(sizes) > _MANY and not sep:
        yield (
            f"{len(sizes)} gene sets have one or two genes each, as if a table of "
            "pairs was read. If it has a column of gene sets whose names repeat, use "
            "read_gene_sets(..., columns=(gene_set_column, gene_column))."
        )
    if lost := _genes_as_descriptions(gene_sets, genes):
        yield (
            f"{len(lost)} of {len(gene_sets)} descriptions look like genes "
            f"({shown(map(excerpt, lost), 3)}). If the file has no descriptions, use "
            "GeneSets({name: [gene_sets.descriptions[name], *genes] for name, genes in "
            f"gene_sets.items()}}). {IN_COLUMNS}"
        )


def _genes_as_descriptions(gene_sets: GeneSets, genes: Iterable[str]) -> list[str]:
    """List descriptions that look like genes, if half of them do.

    Accessions of a database begin with the same letters, such as WP; symbols do not.
    """
    texts = [text for name, text in gene_sets.descriptions.items() if text != name]
    given = list(filter(_SYMBOL.fullmatch, texts))
    vary = 2 * len({re.split("[^A-Za-z]", text)[0] for text in given}) > len(given)
    known = set(genes)
    shapes = {_shape(gene) for gene in genes}
    found = [
        text
        for text in given
        if text in known
        or (re.search("[A-Za-z]", text) and _shape(text) in shapes)
        or (vary and re.match("[A-Za-z]+-?[0-9]", text))
    ]
    return found if len(given) > 1 and 2 * len(found) >= len(gene_sets) else []


def _shape(text: str) -> str:
    return re.sub("[0-9]", "0", text)
