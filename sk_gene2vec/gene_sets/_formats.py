"""Gene sets in any format: which one a file has, and its reader."""

import math
from collections.abc import Callable
from numbers import Real
from typing import NamedTuple, cast

from sklearn.utils.validation import check_scalar

from sk_gene2vec._utils._genes import strip
from sk_gene2vec._utils._messages import excerpt
from sk_gene2vec.gene_sets._gene_sets import GeneSets
from sk_gene2vec.gene_sets._gmt import check_on_duplicate, looks_like_gmt, parse_gmt
from sk_gene2vec.gene_sets._gmx import looks_like_gmx, parse_gmx
from sk_gene2vec.gene_sets._grp import looks_like_grp, no_genes, parse_grp
from sk_gene2vec.gene_sets._json import looks_like_json, parse_json
from sk_gene2vec.gene_sets._parsing import Columns, Frame, Options, as_frame
from sk_gene2vec.gene_sets._plausible import (
    check_gene_sets,
    refuse_foreign,
    suggest_columns,
)
from sk_gene2vec.gene_sets._reading import (
    MAX_BYTES,
    FileText,
    GeneSetFormatError,
    TextSource,
    read_text,
)
from sk_gene2vec.gene_sets._tables import (
    KNOWN_COLUMNS,
    from_frame,
    looks_like_table,
    pairs_of,
    parse_table,
)


class _Format(NamedTuple):
    fits: Callable[[FileText], bool]
    parse: Callable[[FileText, Options], GeneSets]


#: Formats by name; a file has the first format that fits.
_FORMATS = {
    "json": _Format(looks_like_json, parse_json),
    "table": _Format(looks_like_table, parse_table),
    "gmx": _Format(looks_like_gmx, parse_gmx),
    "grp": _Format(looks_like_grp, parse_grp),
    "gmt": _Format(looks_like_gmt, parse_gmt),
}


def read_gene_sets(
    source: TextSource | Frame,
    *,
    format: str = "auto",
    on_duplicate: str = "raise",
    min_weight: float | None = None,
    columns: Columns | None = None,
    sep: str | None = None,
    encoding: str = "utf-8",
    max_bytes: int = MAX_BYTES,
) -> GeneSets:
    r"""Read a collection of gene sets in any of the usual formats.

    The content tells the format; the name of the file does not matter. Files of any
    format may be compressed with gzip.

    Parameters
    ----------
    source : str, path-like, open file or DataFrame
        The file to read, or a long pandas or polars DataFrame with the columns of a
        table (see Notes). An open file is read to its end and stays open.
    format : {"auto", "gmt", "gmx", "grp", "json", "table"}, default="auto"
        The format of the file; ``"auto"`` finds it from the content.
    on_duplicate : {"raise", "merge", "first"}, default="raise"
        How to handle a repeated set name: raise an error, add its genes to the first
        set of this name, or skip it. In a table, names are always repeated.
    min_weight : float, default=None
        Leave out the memberships of a table whose `weight` is closer to zero than this:
        ``min_weight=1`` keeps a weight of -2. None ignores weights.
    columns : tuple of two column names or positions, default=None
        The columns of a table with the gene sets and with the genes. None looks for the
        pairs in the Notes. Positions, counted from 0, are for a file without a header.
    sep : str, default=None
        What separates several genes in one field, such as ``sep=";"`` for the column
        `Genes` of Enrichr's results. None takes every field for one gene.
    encoding : str, default="utf-8"
        Encoding of the file. An open text file has its own.
    max_bytes : int, default=2**30
        Largest size of a file in bytes, after unpacking; larger files are refused.

    Returns
    -------
    gene_sets : GeneSets
        The gene sets in the order of the file; its ``attrs`` name the file.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no file, or it cannot be opened or read.
    GeneSetFormatError
        If the file has none of the formats, breaks the rules of its format, or is
        damaged, too large or in another encoding. The message names the file and the
        first line that does not fit.
    TypeError, ValueError
        If `source` is not a path, an open file or a DataFrame; if a DataFrame lacks a
        column or has missing values; if `min_weight` is given for a format or a table
        without weights; if a parameter is misspelt.

    See Also
    --------
    read_gmt : Read GMT files only.

    Notes
    -----
    The format is the first of these that fits:

    - **JSON**, as from MSigDB: the file starts with ``{``. The genes of a set are its
      `geneSymbols`, or the set is a plain list of genes.
    - **Table**, separated by tabs, commas or semicolons, with one membership per row.
      Among the columns in the first line are `source` and `target` or `geneset` and
      `genesymbol` (decoupler), `gs_name` and `gene_symbol`, `entrez_gene`, `ncbi_gene`
      or `ensembl_gene` (msigdbr), `term` and `gene` (clusterProfiler), or `pathway` and
      `gene`. If there are several pairs, the first in this list is used; `columns`
      names another. Integers become text.
    - **GMX**, with one gene set per column, its name in the first line and its
      description in the second. The second line has as many tabs as the first, and each
      of its fields is empty, "na", a URL, or contains a blank, which genes do not. No
      line has more fields than the first. A file is read as GMT instead if the second
      field of every line looks like a description as well, or if the second line has
      only empty fields; set `format="gmx"` for such files. A single column is GMX if
      its second line is "na", a URL or starts with ``>``.
    - **GMT**, with one gene set per line: the file has tabs. See :func:`read_gmt`.
    - **GRP**, with one gene set per file and one gene per line. The name of the set is
      in a comment before the genes, ``# NAME``, or in a first line followed by a
      comment; otherwise it is the name of the file.

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
    if format not in ("auto", *_FORMATS):
        raise ValueError(
            f"Expected format to be one of {('auto', *_FORMATS)}, got {format!r}."
        )
    if columns is not None and (isinstance(columns, str) or len(columns) != 2):
        pair = "columns=(gene_set_column, gene_column)"
        raise ValueError(f"Expected {pair}, got {columns!r}.")
    if min_weight is not None:
        check_scalar(min_weight, "min_weight", Real)
        if math.isnan(min_weight):
            raise ValueError("Expected a number as min_weight, got nan.")
    if sep is not None and (not isinstance(sep, str) or not sep):
        raise ValueError(f"Expected text between genes as sep, got {sep!r}.")
    wanted = KNOWN_COLUMNS if columns is None else [columns]
    options = Options(on_duplicate, min_weight, wanted, sep)
    if (frame := as_frame(source)) is not None:
        if format not in ("auto", "table"):
            raise ValueError(f"Expected format 'table' of a DataFrame, got {format!r}.")
        return check_gene_sets(from_frame(frame, options), "DataFrame")
    file = read_text(cast(TextSource, source), encoding, max_bytes)
    refuse_foreign(file)
    if format == "auto" and columns is not None:
        format = "table"
    elif format == "auto":
        fitting = (name for name, known in _FORMATS.items() if known.fits(file))
        format = next(fitting, "")
        if not format:
            raise _fits_nothing(file)
    if format != "table" and (min_weight is not None or columns is not None):
        raise ValueError(
            f"{file.where}: Expected a table for min_weight and columns, got a file "
            f"that is read as {format.upper()}."
        )
    found = _FORMATS[format].parse(file, options)
    return check_gene_sets(found, file.where, lambda: suggest_columns(file))


def _fits_nothing(file: FileText) -> GeneSetFormatError:
    names = ", ".join(name.upper() for name in _FORMATS if name != "table")
    advice = suggest_columns(file)
    pairs = "known columns" if advice else f"the columns {pairs_of(KNOWN_COLUMNS)}"
    known = f"{names}, or a table with {pairs}"
    if not advice and "\t" not in file.text:
        advice = (
            " Write a list with one gene in each line, and gene sets as lines of "
            "name<TAB>description<TAB>gene<TAB>gene…"
        )
    why = "tabs, but no genes" if "\t" in file.text else "no tab, and not a single gene"
    first = file.start + 1, strip(file.lines[file.start])
    number, line = next(no_genes(file), first)
    return file.error(
        f"Fits no format ({known}): {why} in {excerpt(line)}.{advice}", number
    )
