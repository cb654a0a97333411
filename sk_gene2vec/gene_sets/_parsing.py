"""Helpers of the parsers of all formats."""

from collections.abc import Hashable, Iterable, Sequence
from itertools import chain
from typing import NamedTuple, Protocol, TypeAlias, TypeVar, runtime_checkable

from sk_gene2vec._utils._messages import excerpt
from sk_gene2vec.gene_sets._gene_sets import GeneSets
from sk_gene2vec.gene_sets._reading import FileText, GeneSetFormatError

_Genes = TypeVar("_Genes")
#: Columns of the gene set and of the gene.
Columns: TypeAlias = tuple[Hashable, Hashable]
#: Place in the file, name, description and genes of a gene set.
Record: TypeAlias = tuple[str, str, str, _Genes]


class Column(Protocol):
    """A column of a pandas or polars DataFrame."""

    def to_list(self) -> list[object]: ...


@runtime_checkable
class Frame(Protocol):
    """A pandas or polars DataFrame."""

    @property
    def columns(self) -> Iterable[Hashable]: ...

    def __getitem__(self, name: Hashable, /) -> Column: ...


class Options(NamedTuple):
    """Parameters of `read_gene_sets` for the parsers."""

    on_duplicate: str
    min_weight: float | None = None
    columns: Sequence[Columns] = ()


def gather(
    file: FileText, records: Iterable[Record[_Genes]], on_duplicate: str
) -> tuple[dict[str, list[_Genes]], dict[str, str]]:
    """Gather genes and descriptions by name; merged gene sets keep all their genes."""
    genes_of: dict[str, list[_Genes]] = {}
    descriptions: dict[str, str] = {}
    place_of: dict[str, str] = {}
    for place, name, description, genes in records:
        if name not in genes_of:
            genes_of[name], place_of[name] = [genes], place
            descriptions[name] = description
        elif on_duplicate == "raise":
            raise GeneSetFormatError(
                f"{file.where}, {place_of[name]} and {place}: Gene set {excerpt(name)} "
                "occurs twice. Set on_duplicate to 'merge' or 'first' to allow it."
            )
        elif on_duplicate == "merge":
            genes_of[name].append(genes)
            descriptions[name] = descriptions[name] or description
    if not genes_of:
        raise file.error("Expected at least one gene set, got none.")
    return genes_of, descriptions


def build(
    file: FileText, records: Iterable[Record[Iterable[str]]], on_duplicate: str
) -> GeneSets:
    """Build gene sets that `GeneSets` validates."""
    genes_of, descriptions = gather(file, records, on_duplicate)
    sets = {name: chain.from_iterable(parts) for name, parts in genes_of.items()}
    try:
        return GeneSets(sets, descriptions, attrs=file.attrs)
    except (TypeError, ValueError) as error:
        raise file.error(str(error)) from None
