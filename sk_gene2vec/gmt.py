"""Gene-set files (GMT) to :class:`GeneSets` and back."""

import gzip
import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, TypeAlias, TypeVar

__all__ = ["GeneSets", "GmtFormatError", "read_gmt", "write_gmt"]

GmtSource: TypeAlias = str | os.PathLike[str] | IO[str] | IO[bytes]
_Pair: TypeAlias = tuple[str, Iterable[str]]
GeneSetsLike: TypeAlias = Mapping[str, Iterable[str]] | Iterable[_Pair]
PathT = TypeVar("PathT", bound=str | os.PathLike[str])

_BYTE_ORDER_MARK = "\ufeff"
_GZIP_MAGIC = b"\x1f\x8b"
# Lone surrogates have no UTF-8 form; the rest would end a field or a line.
_UNWRITABLE = re.compile("[\t\n\r\ud800-\udfff]")
_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_WEIGHT = re.compile(rf"(?:\s*,\s*{_NUMBER})+$")


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


class GeneSets(Mapping[str, tuple[str, ...]]):
    """Immutable mapping from the name of a gene set to its genes.

    Surrounding blanks and repeated genes are dropped; what a GMT file could not give
    back is refused.

    Parameters
    ----------
    gene_sets : mapping or iterable of (name, genes) pairs
        The genes of every set, at least one set. Genes are an iterable of `str`; those
        of a `set` or `frozenset` are sorted, all others keep their order.
    descriptions : mapping of str to str, default=None
        Descriptions by name, empty where missing; other names are ignored. None takes
        over the descriptions of `gene_sets` where that is a `GeneSets`.

    Raises
    ------
    TypeError
        If a name, gene or description is not a `str`, or genes are a bare `str`.
    ValueError
        If there is no set; if two names are equal; if a name or gene is empty; if any
        text has tabs, line breaks or lone surrogates; if a name starts with ``#``, the
        mark of a comment line; if a gene ends with a weight, as in ``TP53,1.0``.

    Notes
    -----
    A `GeneSets` that comes from :func:`read_gmt` splits the genes of a set when they
    are first asked for. Equal genes are one `str` object throughout.

    Examples
    --------
    >>> from sk_gene2vec import GeneSets
    >>> gene_sets = GeneSets({"APOPTOSIS": ["CASP3", "TP53"], "CELL_CYCLE": ["TP53"]})
    >>> gene_sets
    GeneSets(2 gene sets, 2 genes)
    >>> gene_sets["APOPTOSIS"]
    ('CASP3', 'TP53')
    >>> gene_sets.genes
    ['CASP3', 'TP53']
    """

    __slots__ = ("_all_genes", "_descriptions", "_sets", "_shared")

    _all_genes: tuple[str, ...] | None
    _descriptions: dict[str, str]
    _sets: dict[str, tuple[str, ...] | str]
    _shared: "_SharedGenes"

    def __init__(
        self, gene_sets: GeneSetsLike, descriptions: Mapping[str, str] | None = None
    ) -> None:
        if isinstance(gene_sets, GeneSets) and descriptions is None:
            descriptions = gene_sets.descriptions
        described = {
            _checked("gene-set name", name): _checked("description", text)
            for name, text in (descriptions or {}).items()
        }
        self._shared = _SharedGenes(_checked_gene)
        self._sets = {}
        for given, genes in _pairs(gene_sets):
            name = _checked("gene-set name", given)
            if not name or name.startswith("#"):
                raise ValueError(f"expected a gene-set name, no '#…', got {given!r}")
            if name in self._sets:
                raise ValueError(f"gene set {name!r} occurs twice")
            try:
                self._sets[name] = self._shared.checked(genes)
            except (TypeError, ValueError) as error:
                kind = TypeError if isinstance(error, TypeError) else ValueError
                raise kind(f"gene set {name!r}: {error}") from None
        if not self._sets:
            raise ValueError("expected at least one gene set, got none")
        self._descriptions = {name: described.get(name, "") for name in self._sets}
        self._all_genes = None

    @classmethod
    def _trusted(
        cls, sets: Mapping[str, tuple[str, ...] | str], descriptions: Mapping[str, str]
    ) -> "GeneSets":
        """Build from valid names; a set given as tab-separated `str` is split later."""
        self = object.__new__(cls)
        self._sets = dict(sets)
        self._descriptions = {name: descriptions[name] for name in sets}
        self._all_genes = None
        self._shared = _SharedGenes(_clean_gene)
        return self

    @property
    def genes(self) -> list[str]:
        """All distinct genes, sorted."""
        if self._all_genes is None:
            distinct: set[str] = set().union(*self.values())
            self._all_genes = tuple(sorted(distinct))
        return list(self._all_genes)

    @property
    def descriptions(self) -> Mapping[str, str]:
        """The description of every set, by name."""
        return MappingProxyType(self._descriptions)

    def __getitem__(self, name: str) -> tuple[str, ...]:
        genes = self._sets[name]
        if isinstance(genes, str):
            genes = self._sets[name] = self._shared.distinct(genes.split("\t"))
        return genes

    def __contains__(self, name: object) -> bool:
        return name in self._sets

    def __iter__(self) -> Iterator[str]:
        return iter(self._sets)

    def __len__(self) -> int:
        return len(self._sets)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, GeneSets) and self._descriptions != other._descriptions:
            return False
        return super().__eq__(other)

    def __repr__(self) -> str:
        return f"GeneSets({len(self)} gene sets, {len(self.genes)} genes)"

    def __deepcopy__(self, memo: object = None) -> "GeneSets":
        # scikit-learn's clone deep-copies parameters; nothing here can change.
        return self

    __copy__ = __deepcopy__

    def __reduce__(self) -> tuple[Any, ...]:
        # Split everything, so that equal collections pickle (and hash) alike.
        return GeneSets._trusted, (dict(self), self._descriptions)


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
        The gene sets in the order of the file.

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
        name = _strip(name)
        if not tab or not name or name[0] == "#":
            if not _strip(line) or name.startswith("#"):
                continue
            raise _malformed(f"{where}, line {number}", line)
        description, _, genes = rest.partition("\t")
        description = _strip(description)
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
    return GeneSets._trusted(sets, descriptions)


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


class _SharedGenes(dict[str, str]):
    """Gene as it came -> cleaned gene, one object for equal genes, cleaned once."""

    def __init__(self, clean: Callable[[str], str]) -> None:
        super().__init__()
        self.clean = clean

    def __missing__(self, given: str) -> str:
        gene = self.clean(given)
        return self.setdefault(given, self.setdefault(gene, gene))

    def distinct(self, given: Iterable[str]) -> tuple[str, ...]:
        genes = dict.fromkeys(map(self.__getitem__, given))
        genes.pop("", None)
        return tuple(genes)

    def checked(self, given: Iterable[str]) -> tuple[str, ...]:
        if isinstance(given, str | bytes) or not isinstance(given, Iterable):
            raise TypeError(f"expected an iterable of genes, got {given!r}")
        genes = self.distinct(given)
        return tuple(sorted(genes)) if isinstance(given, set | frozenset) else genes


def _clean_gene(field: str) -> str:
    gene = _strip(field)
    return _strip(_WEIGHT.sub("", gene)) if "," in gene else gene


def _checked_gene(given: str) -> str:
    gene = _checked("gene", given)
    if not gene or gene != _clean_gene(gene):
        raise ValueError(f"expected a gene, not empty and no weight, got {given!r}")
    return gene


def _strip(text: str) -> str:
    # A byte order mark inside a file is left over from joining files.
    while (stripped := text.strip().strip(_BYTE_ORDER_MARK)) != text:
        text = stripped
    return text


def _checked(what: str, text: str) -> str:
    """Strip `text`, or raise an error if a GMT file could not give it back."""
    if not isinstance(text, str):
        raise TypeError(f"expected a {what} (str), got {type(text).__name__} {text!r}")
    stripped = _strip(str(text))
    if _UNWRITABLE.search(stripped):
        wanted = f"a {what} without tab, line break and lone surrogate"
        raise ValueError(f"expected {wanted}, got {text!r}")
    return stripped


def _pairs(gene_sets: GeneSetsLike) -> Iterator[_Pair]:
    wanted = "expected a mapping or (name, genes) pairs"
    if isinstance(gene_sets, str | os.PathLike):
        raise TypeError(f"{wanted}, got {gene_sets!r}; use read_gmt to read a file")
    for item in gene_sets.items() if isinstance(gene_sets, Mapping) else gene_sets:
        if not isinstance(item, list | tuple) or len(item) != 2:
            raise TypeError(f"{wanted}, got the item {item!r}")
        yield item[0], item[1]


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
    text = _strip(line)
    hint = "; separators must be tabs, not blanks" if " " in text else ""
    excerpt = text if len(text) <= 40 else text[:39] + "…"
    return GmtFormatError(f"{where}: {wanted}, got no tab in {excerpt!r}{hint}")
