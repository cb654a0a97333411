"""Gene-set files in the GMT format to :class:`GeneSets` and back."""

import os
from collections.abc import Iterator
from typing import TypeVar

from sk_gene2vec._utils._files import write_lines
from sk_gene2vec._utils._genes import strip
from sk_gene2vec._utils._messages import excerpt
from sk_gene2vec.gene_sets._gene_sets import (
    CleanGenes,
    GeneSets,
    GeneSetsLike,
    clean_gene,
)
from sk_gene2vec.gene_sets._parsing import Options, Record, gather
from sk_gene2vec.gene_sets._plausible import (
    IN_COLUMNS,
    check_gene_sets,
    refuse_foreign,
    suggest_columns,
)
from sk_gene2vec.gene_sets._reading import MAX_BYTES, FileText, TextSource, read_text

PathT = TypeVar("PathT", bound=str | os.PathLike[str])

_WANTED = "Expected name<TAB>description<TAB>gene…"


def read_gmt(
    source: TextSource,
    *,
    on_duplicate: str = "raise",
    encoding: str = "utf-8",
    max_bytes: int = MAX_BYTES,
) -> GeneSets:
    r"""Read a collection of gene sets from a GMT file.

    Every line has the name, the description and the genes of a set, separated by tabs.
    Files may have any line ending, a byte order mark, gzip compression (whatever their
    name), blank lines, ``#`` comments, trailing tabs, empty descriptions, repeated
    genes and sets without a gene. Blanks around fields and weights, as in ``TP53,1.0``,
    are removed. Case is never changed.

    Parameters
    ----------
    source : str, path-like or open file
        The file to read. An open file, text or binary, is read to its end and stays
        open.
    on_duplicate : {"raise", "merge", "first"}, default="raise"
        How to handle a repeated set name: raise an error, add its genes to the first
        set of this name, or skip it.
    encoding : str, default="utf-8"
        Encoding of the file. An open text file has its own.
    max_bytes : int, default=2**30
        Largest size of a file in bytes, after unpacking; larger files are refused. A
        small gzip file can hold terabytes, and is not unpacked beyond this size.

    Returns
    -------
    gene_sets : GeneSets
        The gene sets in the order of the file; its ``attrs`` name the file.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no file, or it cannot be opened or read.
    GeneSetFormatError
        If a line has no tab or no name, a name occurs twice, or the file has no gene
        set, is too large, is not text in `encoding`, or is a damaged gzip file. The
        message names file and line.
    TypeError, ValueError
        If `source` is not a path or an open file; if `on_duplicate` or `encoding` is
        misspelt.

    See Also
    --------
    read_gene_sets : Read gene sets in any format.

    References
    ----------
    .. [1] GSEA data formats, https://docs.gsea-msigdb.org/#GSEA/Data_Formats/

    Examples
    --------
    >>> import io
    >>> from sk_gene2vec import read_gmt
    >>> gene_sets = read_gmt(io.StringIO("APOPTOSIS\tfrom a table\tCASP3\tTP53\n"))
    >>> gene_sets["APOPTOSIS"]
    ('CASP3', 'TP53')
    >>> gene_sets.descriptions["APOPTOSIS"]
    'from a table'
    """
    check_on_duplicate(on_duplicate)
    file = read_text(source, encoding, max_bytes)
    refuse_foreign(file)
    found = parse_gmt(file, Options(on_duplicate))
    return check_gene_sets(found, file.where, lambda: suggest_columns(file))


def check_on_duplicate(on_duplicate: str) -> None:
    """Raise an error unless `on_duplicate` is one of its choices."""
    if on_duplicate not in ("raise", "merge", "first"):
        choices = "on_duplicate='raise', 'merge' or 'first'"
        raise ValueError(f"Expected {choices}, got {on_duplicate!r}.")


def looks_like_gmt(file: FileText) -> bool:
    """Tell whether any line has a name, a description and a gene."""
    return any(line.count("\t") > 1 for line in file.lines)


def parse_gmt(file: FileText, options: Options) -> GeneSets:
    """Build the gene sets of GMT text."""
    genes_of, descriptions = gather(file, _records(file), options.on_duplicate)
    genes = CleanGenes(clean_gene)
    sets = {
        name: genes.distinct(options.split("\t".join(parts).split("\t")))
        for name, parts in genes_of.items()
    }
    return GeneSets._trusted(sets, descriptions, file.attrs)


def write_gmt(gene_sets: GeneSetsLike, path: PathT) -> PathT:
    """Write a collection of gene sets to a GMT file.

    The file is UTF-8 with Unix line ends, and compressed if `path` ends in ``.gz``. The
    same collection always gives the same bytes.

    Parameters
    ----------
    gene_sets : GeneSets, mapping or iterable of (name, genes) pairs
        The collection. A mapping and pairs are validated as by `GeneSets`, and have no
        descriptions.
    path : str or path-like
        The file to write. An existing file is replaced.

    Returns
    -------
    path : str or path-like
        As given, so that ``read_gmt(write_gmt(gene_sets, path)) == gene_sets``.

    Raises
    ------
    TypeError, ValueError
        If the collection cannot be written; see :class:`GeneSets`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sk_gene2vec import GeneSets, read_gmt, write_gmt
    >>> gene_sets = GeneSets({"APOPTOSIS": ["CASP3", "TP53"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     read_gmt(write_gmt(gene_sets, Path(folder) / "a.gmt.gz")) == gene_sets
    True
    """
    checked = gene_sets if isinstance(gene_sets, GeneSets) else GeneSets(gene_sets)
    text = checked.descriptions
    lines = ("\t".join([name, text[name], *checked[name]]) for name in checked)
    write_lines(path, lines)
    return path


def _records(file: FileText) -> Iterator[Record[str]]:
    for number, line in enumerate(file.lines, start=1):
        name, tab, rest = line.partition("\t")
        name = strip(name)
        if name.startswith("#") or not strip(line):
            continue
        if not tab:
            hint = suggest_columns(file)
            if not hint and " " in name:
                hint = " Separators must be tabs, not blanks."
            raise file.error(f"{_WANTED}, got no tab in {excerpt(name)}.{hint}", number)
        if not name:
            got = f"{_WANTED}, got no name before the first tab."
            advice = f" {IN_COLUMNS}"
            if number == file.start + 1:
                advice = suggest_columns(file) or " Write a name there."
            raise file.error(f"{got}{advice}", number)
        description, _, genes = rest.partition("\t")
        yield f"line {number}", name, strip(description), genes
