"""Gene-set files in the GMT format to :class:`GeneSets` and back."""

import gzip
import os
import zlib
from pathlib import Path
from typing import IO, TypeAlias, TypeVar

from sk_gene2vec.gene_sets import GeneSets, GeneSetsLike, strip

__all__ = ["GmtFormatError", "read_gmt", "write_gmt"]

GmtSource: TypeAlias = str | os.PathLike[str] | IO[str] | IO[bytes]
PathT = TypeVar("PathT", bound=str | os.PathLike[str])

_GZIP_MAGIC = b"\x1f\x8b"


class GmtFormatError(ValueError):
    """A gene-set file does not follow the GMT format.

    The message names the file and, wherever there is one, the line.

    Examples
    --------
    >>> import io, sk_gene2vec
    >>> sk_gene2vec.read_gmt(io.StringIO("APOPTOSIS"))
    Traceback (most recent call last):
    sk_gene2vec.gmt.GmtFormatError: <stream>, line 1: expected \
name<TAB>description<TAB>gene…, got no tab in 'APOPTOSIS'
    """


def read_gmt(source: GmtSource, *, on_duplicate: str = "raise") -> GeneSets:
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

    Returns
    -------
    gene_sets : GeneSets
        The gene sets in the order of the file; its ``attrs`` name the file.

    Raises
    ------
    FileNotFoundError
        If there is no file.
    GmtFormatError
        If a line has no tab or no name, a name occurs twice, or the file has no gene
        set, is not UTF-8, or is a damaged gzip file. The message names file and line.
    TypeError, ValueError
        If `source` is neither a path nor an open file; if `on_duplicate` is misspelt.

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
    if on_duplicate not in ("raise", "merge", "first"):
        choices = "on_duplicate='raise', 'merge' or 'first'"
        raise ValueError(f"expected {choices}, got {on_duplicate!r}")
    text, where = _read_text(source)
    sets: dict[str, tuple[str, ...] | str] = {}
    descriptions: dict[str, str] = {}
    line_of: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        name, tab, rest = line.partition("\t")
        name = strip(name)
        if not tab or not name or name[0] == "#":
            if not strip(line) or name.startswith("#"):
                continue
            raise _malformed(f"{where}, line {number}", line)
        description, _, genes = rest.partition("\t")
        description = strip(description)
        if name not in sets:
            sets[name], descriptions[name], line_of[name] = genes, description, number
        elif on_duplicate == "raise":
            raise GmtFormatError(
                f"{where}, lines {line_of[name]} and {number}: gene set {name!r} "
                "occurs twice; set on_duplicate to 'merge' or 'first' to allow it"
            )
        elif on_duplicate == "merge":
            sets[name] = f"{sets[name]}\t{genes}"
            descriptions[name] = descriptions[name] or description
    if not sets:
        found = "blank and comment lines only" if text else "an empty file"
        raise GmtFormatError(f"{where}: expected at least one gene set, got {found}")
    attrs = (
        {"name": Path(where).name} if isinstance(source, str | os.PathLike) else None
    )
    return GeneSets._trusted(sets, descriptions, attrs)


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


def _read_text(source: GmtSource) -> tuple[str, str]:
    """Read the text, line ends made equal, and how messages shall call its source."""
    if isinstance(source, str | os.PathLike):
        where = os.fspath(source)
    elif hasattr(source, "read"):
        where = str(getattr(source, "name", "<stream>"))
    else:
        raise TypeError(f"expected a path or an open file, got {source!r}")
    try:
        data = source.read() if hasattr(source, "read") else Path(where).read_bytes()
        if isinstance(data, bytes):
            data = _decompressed(data, where).decode()
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise GmtFormatError(
            f"{where}, line {line}: expected {error.encoding} text, got byte "
            f"0x{error.object[error.start]:02x} at offset {error.start}"
        ) from None
    return data.replace("\r\n", "\n").replace("\r", "\n"), where


def _decompressed(data: bytes, where: str) -> bytes:
    try:
        return gzip.decompress(data) if data.startswith(_GZIP_MAGIC) else data
    except (EOFError, OSError, zlib.error) as error:
        raise GmtFormatError(f"{where}: damaged gzip file ({error})") from error


def _malformed(where: str, line: str) -> GmtFormatError:
    wanted = "expected name<TAB>description<TAB>gene…"
    if "\t" in line:
        return GmtFormatError(f"{where}: {wanted}, got no name before the first tab")
    text = strip(line)
    hint = "; separators must be tabs, not blanks" if " " in text else ""
    excerpt = text if len(text) <= 40 else text[:39] + "…"
    return GmtFormatError(f"{where}: {wanted}, got no tab in {excerpt!r}{hint}")
