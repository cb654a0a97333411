"""GeneSets: a collection of gene sets, immutable and valid."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from sk_gene2vec._utils._genes import UNWRITABLE, check_text, strip
from sk_gene2vec._utils._messages import excerpt

_Pair: TypeAlias = tuple[str, Iterable[str]]
GeneSetsLike: TypeAlias = Mapping[str, Iterable[str]] | Iterable[_Pair]

# No two ways to match the same digits: a long field must not take forever.
_WEIGHT = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


class GeneSets(Mapping[str, tuple[str, ...]]):
    """Immutable mapping from the name of a gene set to its genes.

    Blanks around names and genes, and repeated genes, are removed. Text that a GMT file
    cannot store is refused.

    Parameters
    ----------
    gene_sets : mapping or iterable of (name, genes) pairs
        The genes of every set; at least one set. Genes are an iterable of `str`. They
        keep their order, except in a `set` or `frozenset`, whose genes are sorted.
    descriptions : mapping of str to str, default=None
        Descriptions by name. A missing description is empty, and other names are
        ignored. If None and `gene_sets` is a `GeneSets`, its descriptions are kept.
    attrs : mapping of str to str, default=None
        Where the collection comes from, such as name, version, url and licence. If None
        and `gene_sets` is a `GeneSets`, its `attrs` are kept.

    Raises
    ------
    TypeError
        If a name, gene or description is not a `str`, or genes are a bare `str`.
    ValueError
        If there is no set; if two names are equal; if a name or gene is empty; if a
        name, gene or description has tabs, line breaks, NUL or lone surrogates; if a
        name starts with ``#``, which marks comments in a file; if a gene ends with a
        weight, as in ``TP53,1.0``.

    Notes
    -----
    Equal genes are the same `str` object in all sets.

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

    __slots__ = ("_all_genes", "_attrs", "_descriptions", "_sets")

    _attrs: dict[str, str]
    _all_genes: tuple[str, ...] | None
    _descriptions: dict[str, str]
    _sets: dict[str, tuple[str, ...]]

    def __init__(
        self,
        gene_sets: GeneSetsLike,
        descriptions: Mapping[str, str] | None = None,
        *,
        attrs: Mapping[str, str] | None = None,
    ) -> None:
        if isinstance(gene_sets, GeneSets):
            if descriptions is None:
                descriptions = gene_sets.descriptions
            attrs = gene_sets.attrs if attrs is None else attrs
        described = {
            _checked("gene-set name", name): _checked("description", text)
            for name, text in (descriptions or {}).items()
        }
        attrs = attrs or {}
        check_text([*attrs, *attrs.values()], "names and values of attrs")
        sets: dict[str, tuple[str, ...]] = {}
        clean = CleanGenes(_checked_gene)
        for given, genes in _pairs(gene_sets):
            name = _checked("gene-set name", given)
            if not name or name.startswith("#"):
                wanted = "Expected a gene-set name that is not empty, without '#' first"
                raise ValueError(f"{wanted}, got {excerpt(given)}.")
            if name in sets:
                raise ValueError(f"Gene set {excerpt(name)} occurs twice.")
            try:
                sets[name] = _checked_genes(genes, clean)
            except (TypeError, ValueError) as error:
                kind = TypeError if isinstance(error, TypeError) else ValueError
                raise kind(f"Gene set {excerpt(name)}: {error}") from None
        if not sets:
            raise ValueError("Expected at least one gene set, got none.")
        self._fill(sets, {name: described.get(name, "") for name in sets}, attrs)

    @classmethod
    def _trusted(
        cls,
        sets: dict[str, tuple[str, ...]],
        descriptions: Mapping[str, str],
        attrs: Mapping[str, str] | None = None,
    ) -> "GeneSets":
        """Build from valid names and genes."""
        self = object.__new__(cls)
        self._fill(sets, {name: descriptions[name] for name in sets}, attrs or {})
        return self

    def _fill(
        self,
        sets: dict[str, tuple[str, ...]],
        descriptions: dict[str, str],
        attrs: Mapping[str, str],
    ) -> None:
        self._sets, self._descriptions = sets, descriptions
        self._attrs, self._all_genes = dict(attrs), None

    def _with_attrs(self, **attrs: str) -> "GeneSets":
        """Build the same collection with other `attrs`."""
        return GeneSets._trusted(self._sets, self._descriptions, attrs)

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

    @property
    def attrs(self) -> Mapping[str, str]:
        """Where the collection comes from; ``==`` ignores it."""
        return MappingProxyType(self._attrs)

    def __getitem__(self, name: str) -> tuple[str, ...]:
        return self._sets[name]

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

    def __getstate__(self) -> dict[str, object]:
        # Clean genes as text: equal collections pickle (and hash) alike, in one piece.
        lines = ("\t".join((n, self._descriptions[n], *self[n])) for n in self)
        return {"gmt": "\n".join(lines), "attrs": self._attrs}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        try:
            rows = [line.split("\t") for line in state["gmt"].split("\n")]
            sets = [(name, genes) for name, _, *genes in rows]
            descriptions = {name: text for name, text, *_ in rows}
            GeneSets.__init__(self, sets, descriptions, attrs=state["attrs"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"Expected saved GeneSets, got a damaged file: {error} Save the "
                "collection again, or read it from its source."
            ) from error


class CleanGenes(dict[str, str]):
    """Gene as given -> clean gene; equal genes are cleaned once and are one object."""

    def __init__(self, clean: Callable[[str], str]) -> None:
        super().__init__()
        self.clean = clean

    def __missing__(self, given: str) -> str:
        gene = self.clean(given)
        return self.setdefault(given, self.setdefault(gene, gene))

    def distinct(self, given: Iterable[str]) -> tuple[str, ...]:
        """List the distinct clean genes that are not empty, in order."""
        genes = dict.fromkeys(map(self.__getitem__, given))
        genes.pop("", None)
        return tuple(genes)


def clean_gene(field: str) -> str:
    """Remove blanks around a gene, and the weights after it."""
    gene = strip(field)
    if "," not in gene:
        return gene
    parts = gene.split(",")
    if all(part.strip().isdecimal() for part in parts):  # several Entrez numbers
        return gene
    while len(parts) > 1 and _WEIGHT.fullmatch(strip(parts[-1])):
        parts.pop()
    return strip(",".join(parts))


def _checked_gene(given: str) -> str:
    gene = _checked("gene", given)
    if not gene or gene != clean_gene(gene):
        raise ValueError(
            f"Expected a gene, not empty and without a weight, got {excerpt(given)}."
        )
    return gene


def _checked_genes(given: Iterable[str], clean: CleanGenes) -> tuple[str, ...]:
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise TypeError(f"Expected an iterable of genes, got {excerpt(given)}.")
    listed = list(given)
    if {*map(type, listed)} - {str}:
        for gene in listed:  # `distinct` needs genes with a hash
            _checked("gene", gene)
    genes = clean.distinct(listed)
    return tuple(sorted(genes)) if isinstance(given, set | frozenset) else genes


def _checked(what: str, text: str) -> str:
    """Strip `text`, or raise an error if a GMT file cannot store it."""
    if not isinstance(text, str):
        got = f"{type(text).__name__} {excerpt(text)}"
        raise TypeError(f"Expected a {what} (str), got {got}.")
    stripped = strip(str(text))
    if UNWRITABLE.search(stripped):
        wanted = f"a {what} without tab, line break, NUL and lone surrogate"
        raise ValueError(f"Expected {wanted}, got {excerpt(text)}.")
    return stripped


def _pairs(gene_sets: GeneSetsLike) -> Iterator[_Pair]:
    wanted = "Expected a mapping or (name, genes) pairs"
    if isinstance(gene_sets, str | os.PathLike) or hasattr(gene_sets, "columns"):
        got = f"{excerpt(gene_sets)}. Use read_gene_sets for a file or a DataFrame."
        raise TypeError(f"{wanted}, got {got}")
    for item in gene_sets.items() if isinstance(gene_sets, Mapping) else gene_sets:
        if not isinstance(item, list | tuple) or len(item) != 2:
            raise TypeError(f"{wanted}, got the item {excerpt(item)}.")
        yield item[0], item[1]
