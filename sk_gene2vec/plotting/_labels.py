"""Labels of genes in a picture: categories or numbers, and their colours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_gene2vec._utils._messages import shown

# Told apart on white and on near-black, the first eight also by the colour-blind.
PALETTE = (
    *("#3b7dd8", "#e8853a", "#2ba58a", "#d65a86", "#8a63d2", "#c9a227", "#4fb3dc"),
    *("#b4552d", "#6fae3a", "#d878d8", "#5868c9", "#e0605a", "#1f8f9e", "#a3803f"),
    *("#a04a8f", "#8fb8a0", "#e6a08c", "#7f9bd6", "#b8bf4a", "#8c6f8f"),
)
GREY = "#a3a7ae"
MAX_CATEGORIES = len(PALETTE)


@dataclass(frozen=True)
class Categories:
    """A category a gene, or none.

    Attributes
    ----------
    title : str
        What the categories are; empty if the labels do not say.
    names : list of str
        The distinct categories, those that get a colour first.
    codes : ndarray of shape (n_genes,)
        Place in `names`, -1 for a gene without label.
    """

    title: str
    names: list[str]
    codes: NDArray[np.intp]

    def legend(self) -> list[tuple[str, str, NDArray[np.bool_]]]:
        """Text, colour and genes of every entry of the legend, greys last."""
        shown = self.names[:MAX_CATEGORIES]
        entries = [
            (name, PALETTE[code], self.codes == code) for code, name in enumerate(shown)
        ]
        n_others = len(self.names) - len(shown)
        entries.append((f"other, {n_others:,} labels", GREY, self.codes >= len(shown)))
        entries.append(("no label", GREY, self.codes < 0))
        return [entry for entry in entries if entry[2].any()]


@dataclass(frozen=True)
class Numbers:
    """A number a gene, NaN for a gene without one.

    Attributes
    ----------
    title : str
        What the numbers are; empty if the labels do not say.
    values : ndarray of shape (n_genes,)
        The numbers.
    """

    title: str
    values: NDArray[np.float64]


def read_labels(
    labels: Any, genes: list[str] | None, n_genes: int
) -> Categories | Numbers:
    """Align labels with the genes, and tell categories from numbers.

    Floats are numbers, and so are integers of more than `MAX_CATEGORIES` values. All
    else is a category. None, NaN and empty texts are no label.
    """
    values = _aligned(labels, genes, n_genes)
    values = [None if _is_missing(value) else value for value in values]
    present = [value for value in values if value is not None]
    if not present:
        raise ValueError("Expected labels for some of the genes, got none for any.")
    title = getattr(labels, "name", None)
    title = title if isinstance(title, str) else ""
    kind = np.asarray(present).dtype.kind
    if kind == "f" or (kind in "iu" and len(set(present)) > MAX_CATEGORIES):
        numbers = np.array([np.nan if v is None else float(v) for v in values])
        if np.isinf(numbers).any():
            raise ValueError("Expected finite numbers as labels, got an infinite one.")
        return Numbers(title, numbers)
    if kind in "iu":
        names = [str(value) for value in sorted(set(present))]
    else:
        sizes = Counter(map(str, present))
        names = sorted(sizes, key=lambda name: (-sizes[name], name))
    place = {name: code for code, name in enumerate(names)}
    codes = [-1 if value is None else place[str(value)] for value in values]
    return Categories(title, names, np.array(codes, dtype=np.intp))


def _aligned(labels: Any, genes: list[str] | None, n_genes: int) -> list[Any]:
    """One label a gene, in the order of the genes."""
    if hasattr(labels, "index") and hasattr(labels, "to_numpy"):
        values = labels.to_numpy(dtype=object, na_value=None)
        if genes is not None:
            if not labels.index.is_unique:
                raise ValueError("Expected one label a gene, got a gene twice.")
            labels = dict(zip(labels.index, values, strict=True))
        else:
            labels = values
    if isinstance(labels, Mapping):
        if genes is None:
            raise ValueError(
                "Expected the names of the genes beside labels by gene; give `genes`."
            )
        if not any(gene in labels for gene in genes):
            raise ValueError(
                "Expected labels by gene, got none for any gene: labels of "
                f"{shown(map(repr, labels), 3)}, genes {shown(map(repr, genes), 3)}. "
                "For labels in the order of the genes give an array."
            )
        return [labels.get(gene) for gene in genes]
    if isinstance(labels, str):
        raise TypeError(f"Expected one label a gene, got the text {labels!r}.")
    values = np.asarray(labels, dtype=object)
    if values.shape != (n_genes,):
        raise ValueError(
            f"Expected {n_genes:,} labels, one a gene, got an array of shape "
            f"{values.shape}."
        )
    return values.tolist()


def _is_missing(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and value != value)
