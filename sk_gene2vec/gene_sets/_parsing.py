"""Helpers of the parsers of all formats."""

from collections.abc import Hashable, Iterable, Sequence
from itertools import chain
from typing import NamedTuple, Protocol, TypeAlias, TypeVar, runtime_checkable

from sk_gene2vec._utils._genes import strip
from sk_gene2vec._utils._messages import excerpt
from sk_gene2vec.gene_sets._gene_sets import GeneSets
from sk_gene2vec.gene_sets._plausible import suggest_columns
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
    sep: str | None = None

    def split(self, genes: Iterable[str]) -> Iterable[str]:
        """Split fields that hold several genes."""
        if self.sep is None:
            return genes
        parts = chain.from_iterable(field.split(self.sep) for field in genes)
        return filter(strip, parts)


def as_frame(given: object) -> Frame | None:
    """Return a DataFrame, a LazyFrame or a table of Arrow as a DataFrame, else None."""
    collected = given.collect() if hasattr(given, "collect") else given
    if hasattr(collected, "column_names") and hasattr(collected, "to_pandas"):
        collected = collected.to_pandas()
    return collected if isinstance(collected, Frame) else None


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
                f"occurs twice.{suggest_columns(file)} Set on_duplicate to 'merge' or "
                "'first' to allow it."
            )
        elif on_duplicate == "merge":
            genes_of[name].append(genes)
            descriptions[name] = descriptions[name] or description
    if not genes_of:
        raise file.error("Expected at least one gene set, got none.")
    return genes_of, descriptions


def build(
    file: FileText, records: Iterable[Record[Iterable[str]]], options: Options
) -> GeneSets:
    """Build gene sets that `GeneSets` validates."""
    genes_of, descriptions = gather(file, records, options.on_duplicate)
    sets = {
        name: options.split(chain.from_iterable(parts))
        for name, parts in genes_of.items()
    }
    try:
        return GeneSets(sets, descriptions, attrs=file.attrs)
    except (TypeError, ValueError) as error:
        raise file.error(str(error)) from None
