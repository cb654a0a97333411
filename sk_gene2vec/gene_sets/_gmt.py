"""Gene-set files in the GMT format to :class:`GeneSets` and back."""

import gzip
import os
from pathlib import Path
from typing import TypeVar

from sk_gene2vec._utils._genes import strip
from sk_gene2vec._utils._messages import excerpt
from sk_gene2vec.gene_sets._gene_sets import GeneSets, GeneSetsLike
from sk_gene2vec.gene_sets._reading import (
    MAX_BYTES,
    GmtFormatError,
    TextSource,
    file_name,
    read_text,
)

__all__ = ["GmtFormatError", "parse_gmt", "read_gmt", "write_gmt"]

PathT = TypeVar("PathT", bound=str | os.PathLike[str])


def read_gmt(
    source: TextSource,
    *,
    on_duplicate: str = "raise",
    encoding: str = "utf-8",
    max_bytes: int = MAX_BYTES,
) -> GeneSets:
    r"""Read a collection of gene sets from a GMT file.

    One set a line: name, description and genes, separated by tabs. Read as they are
    meant: any line ending, a byte order mark, gzip (known by its first bytes), blank
    and ``#`` comment lines, trailing tabs, empty descriptions, blanks around and within
    fields, repeated genes, weights (``TP53,1.0``: dropped), sets without a gene. Case
    is never changed.

    Parameters
    ----------
    source : str, path-like or open file
        The file to read. An open file, text or binary, is read to its end, not closed.
    on_duplicate : {"raise", "merge", "first"}, default="raise"
        What to do with a repeated set name: raise, add its genes to the first, or skip.
    encoding : str, default="utf-8"
        Encoding of the file. An open text file has its own.
    max_bytes : int, default=2**30
        Size in bytes above which a file is refused, unpacked where it is compressed. A
        small gzip file can hold terabytes, and is never unpacked beyond this.

    Returns
    -------
    gene_sets : GeneSets
        The gene sets in the order of the file; its ``attrs`` name the file.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no file, or it cannot be opened or read.
    GmtFormatError
        If a line has no tab or no name, a name occurs twice, or the file has no gene
        set, is too large, is not text in `encoding`, or is a damaged gzip file. The
        message names file and line.
    TypeError, ValueError
        If `source` is neither a path nor an open file; if `on_duplicate` or `encoding`
        is misspelt.

    See Also
    --------
    read_gene_sets : The same for gene sets in any format.

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
    text, where = read_text(source, encoding, max_bytes)
    return parse_gmt(text, where, file_name(source), on_duplicate)


def check_on_duplicate(on_duplicate: str) -> None:
    """Raise an error if there is no such way to deal with repeated names."""
    if on_duplicate not in ("raise", "merge", "first"):
        choices = "on_duplicate='raise', 'merge' or 'first'"
        raise ValueError(f"expected {choices}, got {on_duplicate!r}")


def parse_gmt(text: str, where: str, name: str | None, on_duplicate: str) -> GeneSets:
    """Build the gene sets of GMT text; `where` and `name` say where it comes from."""
    sets: dict[str, str] = {}
    descriptions: dict[str, str] = {}
    line_of: dict[str, int] = {}
    merged: dict[str, list[str]] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        set_name, tab, rest = line.partition("\t")
        set_name = strip(set_name)
        if not tab or not set_name or set_name[0] == "#":
            if not strip(line) or set_name.startswith("#"):
                continue
            raise _malformed(f"{where}, line {number}", line)
        description, _, genes = rest.partition("\t")
        description = strip(description)
        if set_name not in sets:
            sets[set_name], line_of[set_name] = genes, number
            descriptions[set_name] = description
        elif on_duplicate == "raise":
            raise GmtFormatError(
                f"{where}, lines {line_of[set_name]} and {number}: gene set "
                f"{excerpt(set_name)} occurs twice; set on_duplicate to 'merge' or "
                "'first' to allow it"
            )
        elif on_duplicate == "merge":
            merged.setdefault(set_name, [sets[set_name]]).append(genes)
            descriptions[set_name] = descriptions[set_name] or description
    if not sets:
        found = "blank and comment lines only" if text else "an empty file"
        raise GmtFormatError(f"{where}: expected at least one gene set, got {found}")
    sets.update((name, "\t".join(parts)) for name, parts in merged.items())
    return GeneSets._trusted(sets, descriptions, {"name": name} if name else None)


def write_gmt(gene_sets: GeneSetsLike, path: PathT) -> PathT:
    """Write a collection of gene sets to a GMT file.

    The file is UTF-8 with Unix line ends, compressed where `path` ends in ``.gz``, and
    the same bytes for the same collection.

    Parameters
    ----------
    gene_sets : GeneSets, mapping or iterable of (name, genes) pairs
        The collection. What is not a `GeneSets` is validated as `GeneSets` does, and
        has no descriptions.
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
    lines = ("\t".join([name, text[name], *checked[name]]) + "\n" for name in checked)
    data = "".join(lines).encode()
    with Path(path).open("wb") as file:
        if Path(path).suffix.lower() == ".gz":
            # Without name and time in the header, the same data give the same bytes.
            with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as compressed:
                compressed.write(data)
        else:
            file.write(data)
    return path


def _malformed(where: str, line: str) -> GmtFormatError:
    wanted = "expected name<TAB>description<TAB>gene…"
    if "\t" in line:
        return GmtFormatError(f"{where}: {wanted}, got no name before the first tab")
    text = strip(line)
    hint = "; separators must be tabs, not blanks" if " " in text else ""
    return GmtFormatError(f"{where}: {wanted}, got no tab in {excerpt(text)}{hint}")
