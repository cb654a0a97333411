"""Labels of genes in a picture: categories or numbers, and how each is drawn.

Each kind of label is one class, with the drawing by matplotlib and the data for the
page of the map, where `templates/map_data.js` and `map_controls.js` read it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sk_gene2vec._utils._messages import shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Distinct on white and on near-black; the first eight also to the colour-blind.
PALETTE = (
    *("#3b7dd8", "#e8853a", "#2ba58a", "#d65a86", "#8a63d2", "#c9a227", "#4fb3dc"),
    *("#b4552d", "#6fae3a", "#d878d8", "#5868c9", "#e0605a", "#1f8f9e", "#a3803f"),
    *("#a04a8f", "#8fb8a0", "#e6a08c", "#7f9bd6", "#b8bf4a", "#8c6f8f"),
)
GREY = "#a3a7ae"
MAX_CATEGORIES = len(PALETTE)
# From low to high, legible on white and on near-black.
_STOPS = ("#5a4fcf", "#3f7fd6", "#2ba3b4", "#45b97c", "#9cc545", "#e6c229")
# Share of the axes that the points cover if none overlaps.
_COVERED = 0.3
_LONGEST_NAME = 40


@dataclass(frozen=True)
class Categories:
    """One category for each gene, or none.

    Attributes
    ----------
    title : str
        Name of the labels, may be empty.
    names : list of str
        Distinct categories. The first ones get a colour.
    codes : ndarray of shape (n_genes,)
        Index into `names`, -1 for a gene without label.
    """

    title: str
    names: list[str]
    codes: NDArray[np.intp]

    def legend(self) -> list[tuple[str, str, NDArray[np.bool_]]]:
        """List text, colour and genes of every entry of the legend, grey ones last."""
        shown = self.names[:MAX_CATEGORIES]
        entries = [
            (name, PALETTE[code], self.codes == code) for code, name in enumerate(shown)
        ]
        n_others = len(self.names) - len(shown)
        entries.append((f"other, {n_others:,} labels", GREY, self.codes >= len(shown)))
        entries.append(("no label", GREY, self.codes < 0))
        return [entry for entry in entries if entry[2].any()]

    def draw(self, ax: Axes, points: NDArray[Any]) -> float:
        """Draw points and legend; return the width of the legend in pixels."""
        from matplotlib.lines import Line2D

        entries = self.legend()
        colours = np.full(len(points), GREY)
        for _, colour, members in entries:
            colours[members] = colour
        scatter(ax, points, GREY, colours == GREY)
        scatter(ax, points, colours, colours != GREY)
        legend = ax.legend(
            handles=[
                Line2D([], [], color=colour, marker="o", markersize=6, linestyle="")
                for _, colour, _ in entries
            ],
            labels=[f"{_short(name)} ({rows.sum():,})" for name, _, rows in entries],
            title=self.title or None,
            alignment="left",
            loc="upper left",
            bbox_to_anchor=(1.01, 1),
            borderaxespad=0,
            handletextpad=0.2,
            frameon=False,
            fontsize="small",
        )
        return legend.get_window_extent().width

    def for_page(self) -> dict[str, Any]:
        """Labels, colours and legend as the page of the map reads them."""
        entries = self.legend()
        place_of = np.zeros(len(self.codes), dtype=np.uint8)
        for place, (_, _, members) in enumerate(entries):
            place_of[members] = place
        return {
            "kind": "categories",
            "title": self.title,
            "grey": GREY,
            "names": self.names,
            "codes": self.codes.tolist(),
            "shown": place_of,
            "legend": [
                {"name": name, "colour": colour, "count": int(members.sum())}
                for name, colour, members in entries
            ],
        }


@dataclass(frozen=True)
class Numbers:
    """One number for each gene, NaN for a gene without label.

    Attributes
    ----------
    title : str
        Name of the labels, may be empty.
    values : ndarray of shape (n_genes,)
        The numbers.
    """

    title: str
    values: NDArray[np.float64]

    def draw(self, ax: Axes, points: NDArray[Any]) -> float:
        """Draw points and a colour bar; return the width that it takes in pixels."""
        known = np.isfinite(self.values)
        scatter(ax, points, GREY, ~known)
        coloured = scatter(ax, points, self.values, known)
        figure: Any = ax.figure
        bar = figure.colorbar(coloured, ax=ax, shrink=0.6, label=self.title)
        bar.solids.set_alpha(1)
        bar.outline.set_visible(False)
        width: float = bar.ax.get_tightbbox().width
        return width + 0.2 * figure.dpi  # and the gap

    def for_page(self) -> dict[str, Any]:
        """Labels and colours as the page of the map reads them."""
        return {
            "kind": "numbers",
            "title": self.title,
            "grey": GREY,
            # Exact: the page rounds what it shows.
            "values": [v if np.isfinite(v) else None for v in self.values.tolist()],
            "low": np.nanmin(self.values),
            "high": np.nanmax(self.values),
            "stops": _STOPS,
        }


def scatter(
    ax: Axes, points: NDArray[Any], colours: Any, rows: Any = slice(None)
) -> Any:
    """Scatter points in a random order, so that no label hides all others."""
    box = ax.get_window_extent()
    area = box.width * box.height * (72 / ax.figure.dpi) ** 2
    size = float(np.clip(_COVERED * area / len(points), 2.5, 45))
    chosen = np.random.default_rng(0).permutation(np.arange(len(points))[rows])
    # Few points are large, and hardly need to be transparent.
    alpha = float(np.clip(0.95 - 0.09 * math.log10(len(points) / 50), 0.6, 0.95))
    if not isinstance(colours, str):
        colours = colours[chosen]
    elif colours == GREY:
        alpha /= 2
    x, y = points[chosen].T
    return ax.scatter(
        x, y, s=size, c=colours, alpha=alpha, linewidths=0, rasterized=True
    )


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def read_labels(
    labels: Any, genes: list[str] | None, n_genes: int
) -> Categories | Numbers:
    """Align labels with the genes, and tell categories from numbers.

    Integers of at most `MAX_CATEGORIES` values are categories, other numbers are
    numbers, and all else is a category.
    """
    values = _aligned(labels, genes, n_genes)
    values = [None if _is_missing(value) else value for value in values]
    present = [value for value in values if value is not None]
    if not present:
        raise ValueError("Expected labels for some of the genes, got none for any.")
    name = getattr(labels, "name", None)
    title = name if isinstance(name, str) else ""
    if all(map(_is_number, present)):
        integers = [value for value in present if isinstance(value, Integral)]
        if len(integers) < len(present) or len(set(present)) > MAX_CATEGORIES:
            return Numbers(title, _as_floats(values, integers))
        names = list(map(str, sorted(set(present))))
    else:
        sizes = Counter(map(str, present))
        names = sorted(sizes, key=lambda name: (-sizes[name], name))
    place = {name: code for code, name in enumerate(names)}
    codes = [-1 if value is None else place[str(value)] for value in values]
    return Categories(title, names, np.array(codes, dtype=np.intp))


def _aligned(labels: Any, genes: list[str] | None, n_genes: int) -> list[Any]:
    """List one label for each gene, in the order of the genes."""
    no_list = isinstance(labels, str | bytes | set | frozenset)
    if no_list or hasattr(labels, "columns") or not isinstance(labels, Iterable):
        raise TypeError(
            "Expected labels as an array, a Series or a mapping, one label a gene, "
            f"got {type(labels).__name__}."
        )
    index: Any = getattr(labels, "index", None)
    if genes is not None and hasattr(index, "is_unique"):
        if not index.is_unique:
            raise ValueError("Expected one label a gene, got a gene twice.")
        labels = dict(zip(index, labels, strict=True))
    if isinstance(labels, Mapping):
        if genes is None:
            raise ValueError(
                "Expected the names of the genes beside labels by gene. Give `genes`."
            )
        if not any(gene in labels for gene in genes):
            raise ValueError(
                "Expected labels by gene, got none for any gene: labels of "
                f"{shown(map(repr, labels), 3)}, genes {shown(map(repr, genes), 3)}. "
                "For labels in the order of the genes give an array."
            )
        return [labels.get(gene) for gene in genes]
    # Element by element: as one array, dates may become integers, and masks are lost.
    values = labels.to_pylist() if hasattr(labels, "to_pylist") else list(labels)
    shape = np.asarray(values, dtype=object).shape
    if shape != (n_genes,):
        raise ValueError(
            f"Expected {n_genes:,} labels, one a gene, got an array of shape {shape}."
        )
    return values


def _is_missing(value: Any) -> bool:
    """Tell if a value is no label: None, an empty text, or one of the many NaNs."""
    if isinstance(value, Decimal):
        return value.is_nan()
    # These answer no comparison with True or False.
    if value is np.ma.masked or type(value).__name__ == "NAType":
        return True
    return value is None or value == "" or bool(value != value)


def _is_number(value: Any) -> bool:
    # To Python, booleans and NumPy's spans of time are integers.
    return isinstance(value, Real | Decimal) and not isinstance(
        value, bool | np.timedelta64
    )


def _as_floats(values: list[Any], integers: list[Any]) -> NDArray[np.float64]:
    inexact = [value for value in integers if abs(int(value)) > 2**53]
    if inexact:
        raise ValueError(
            "Expected numbers as labels, and integers up to 2**53, which a float holds "
            f"exactly, got {inexact[0]}. Identifiers are better given as texts."
        )
    numbers = np.array([np.nan if value is None else float(value) for value in values])
    if np.isinf(numbers).any():
        raise ValueError("Expected finite numbers as labels, got an infinite one.")
    return numbers
