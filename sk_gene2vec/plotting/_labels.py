"""Labels of genes in a picture: categories or numbers, and the drawing of both.

Each kind of label is one class. It draws with matplotlib, and it returns the data that
`templates/map_data.js` and `map_controls.js` read on the page of the map.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sk_gene2vec._utils._messages import shown
from sk_gene2vec.plotting._projection import check_named

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection

Labels: TypeAlias = Mapping[str, object] | ArrayLike
PageData: TypeAlias = dict[str, object]

# Distinct on white and on near-black. The first eight are also distinct to people who
# are colour-blind.
PALETTE = (
    *("#3b7dd8", "#e8853a", "#2ba58a", "#d65a86", "#8a63d2", "#c9a227", "#4fb3dc"),
    *("#b4552d", "#6fae3a", "#d878d8", "#5868c9", "#e0605a", "#1f8f9e", "#a3803f"),
    *("#a04a8f", "#8fb8a0", "#e6a08c", "#7f9bd6", "#b8bf4a", "#8c6f8f"),
)
GREY = "#a3a7ae"
MAX_CATEGORIES = len(PALETTE)
# From low to high, legible on white and on near-black.
_STOPS = ("#5a4fcf", "#3f7fd6", "#2ba3b4", "#45b97c", "#9cc545", "#e6c229")
# From below zero to above it. Blue and orange differ to people who are colour-blind.
_DIVERGING = ("#1259c9", "#5f93dd", "#b9bbbd", "#e59a55", "#cf5a05")
# Numbers beyond this multiple of the 95th percentile get the colours of the ends.
_FAR = 1.25
# Share of the axes that the points would cover if they did not overlap.
_COVERED = 0.3
_LONGEST_NAME = 40
_INEXACT = 2.0**53  # from here on, floats skip integers
# What pandas calls columns of numbers; booleans and spans of time have other names.
_NUMERIC = ("integer", "floating", "mixed-integer-float", "decimal")


@dataclass(frozen=True)
class Categories:
    """One category for each gene, or none.

    Attributes
    ----------
    title : str
        Name of the labels. It may be empty.
    names : list of str
        Distinct categories. The first ones get a colour.
    codes : ndarray of shape (n_genes,)
        Index into `names`, or -1 for a gene without label.
    """

    title: str
    names: list[str]
    codes: NDArray[np.intp]

    def legend(self) -> list[tuple[str, str, NDArray[np.bool_]]]:
        """List text, colour and genes of every entry of the legend, grey ones last."""
        coloured = list(zip(self.names, PALETTE, strict=False))
        entries = [(*entry, self.codes == code) for code, entry in enumerate(coloured)]
        n_others = len(self.names) - len(coloured)
        others = self.codes >= len(coloured)
        entries.append((f"other, {n_others:,} labels", GREY, others))
        entries.append(("no label", GREY, self.codes < 0))
        return [entry for entry in entries if entry[2].any()]

    def draw(self, ax: Axes, points: NDArray[np.float64]) -> float:
        """Draw points and legend; return the width of the legend in pixels."""
        entries = self.legend()
        colours = np.full(len(points), GREY)
        for _, colour, members in entries:
            colours[members] = colour
        scatter(ax, points, GREY, colours == GREY)
        scatter(ax, points, colours, colours != GREY)
        for name, colour, rows in entries:
            ax.scatter([], [], c=colour, label=f"{_short(name)} ({rows.sum():,})")
        legend = ax.legend(
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

    def for_page(self) -> PageData:
        """Labels, colours and legend as the page of the map reads them."""
        entries = self.legend()
        members = np.array([rows for _, _, rows in entries])
        return {
            "kind": "categories",
            "title": self.title,
            "grey": GREY,
            "names": self.names,
            "codes": self.codes.tolist(),
            "shown": members.argmax(axis=0).astype(np.uint8),
            "legend": [
                {"name": name, "colour": colour, "count": int(rows.sum())}
                for name, colour, rows in entries
            ],
        }


@dataclass(frozen=True)
class Numbers:
    """One number for each gene, NaN for a gene without label.

    Attributes
    ----------
    title : str
        Name of the labels. It may be empty.
    values : ndarray of shape (n_genes,)
        The numbers.
    """

    title: str
    values: NDArray[np.float64]

    def ends(self) -> tuple[float, float]:
        """Return the numbers at the two ends of the scale.

        Zero is in the middle of numbers of both signs. A few far numbers, as among fold
        changes, would leave no colour for all others, and may be beyond the ends.
        """
        low, high = float(np.nanmin(self.values)), float(np.nanmax(self.values))
        if not low < 0 < high:
            return low, high
        sizes = np.abs(self.values[np.isfinite(self.values) & (self.values != 0)])
        with np.errstate(under="ignore"):  # the smallest numbers have few digits
            end = float(min(sizes.max(), _FAR * np.quantile(sizes, 0.95)))
        return -end, end

    def draw(self, ax: Axes, points: NDArray[np.float64]) -> float:
        """Draw points and a colour bar; return the width that it takes in pixels."""
        known = np.isfinite(self.values)
        low, high = self.ends()
        scatter(ax, points, GREY, ~known)
        coloured = scatter(ax, points, self.values, known)
        coloured.set_clim(low, high)
        if low < 0 < high:
            from matplotlib.colors import LinearSegmentedColormap

            coloured.set_cmap(LinearSegmentedColormap.from_list("signed", _DIVERGING))
        beyond = np.nanmin(self.values) < low or np.nanmax(self.values) > high
        figure: Any = ax.figure
        bar = figure.colorbar(
            coloured,
            ax=ax,
            extend="both" if beyond else "neither",
            shrink=0.6,
            label=self.title,
        )
        bar.solids.set_alpha(1)
        bar.outline.set_visible(False)
        width: float = bar.ax.get_tightbbox().width
        return width + 0.2 * figure.dpi  # and the gap

    def for_page(self) -> PageData:
        """Labels and colours as the page of the map reads them."""
        low, high = self.ends()
        return {
            "kind": "numbers",
            "title": self.title,
            "grey": GREY,
            # Exact: the page rounds what it shows.
            "values": [v if np.isfinite(v) else None for v in self.values.tolist()],
            "low": low,
            "high": high,
            "stops": _DIVERGING if low < 0 < high else _STOPS,
        }


def scatter(
    ax: Axes,
    points: NDArray[np.float64],
    colours: str | NDArray[np.str_] | NDArray[np.float64],
    rows: slice | NDArray[np.bool_] = slice(None),
) -> PathCollection:
    """Scatter points in a random order, so that no label hides the others."""
    box = ax.get_window_extent()
    area = box.width * box.height * (72 / ax.figure.dpi) ** 2
    size = float(np.clip(_COVERED * area / len(points), 2.5, 45))
    chosen = np.random.default_rng(0).permutation(np.arange(len(points))[rows])
    # Few points are drawn large and nearly opaque.
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
    labels: Labels, genes: list[str] | None, n_genes: int
) -> Categories | Numbers:
    """Align labels with the genes, and distinguish categories from numbers.

    Whole numbers with at most `MAX_CATEGORIES` distinct values are categories. Other
    numbers stay numbers, and all other labels are categories.
    """
    values = _aligned(labels, genes, n_genes)
    values = values.mask(values.isna() | values.isin([""]))
    known = values.dropna()
    if known.empty:
        raise ValueError("Expected labels for some of the genes, got none for any.")
    name = getattr(labels, "name", None)
    title = name if isinstance(name, str) else ""
    if pd.api.types.infer_dtype(known) not in _NUMERIC:
        texts = values.map(str, na_action="ignore")
        sizes = texts.value_counts()
        names = sorted(sizes.index, key=lambda name: (-sizes[name], name))
        codes = pd.Index(names).get_indexer(pd.Index(texts))
        return Categories(title, names, codes)
    numbers = np.asarray(values, dtype=np.float64)
    if (np.abs(numbers) >= _INEXACT).any():
        raise ValueError(
            "Expected numbers below 2**53 as labels, which floats hold exactly, got "
            f"{np.nanmax(np.abs(numbers))}. Give identifiers as text."
        )
    levels = np.unique(numbers[np.isfinite(numbers)])
    if len(levels) > MAX_CATEGORIES or (levels % 1).any():
        return Numbers(title, numbers)
    codes = pd.Index(levels).get_indexer(pd.Index(numbers))
    return Categories(title, [str(int(level)) for level in levels], codes)


def _aligned(labels: Labels, genes: list[str] | None, n_genes: int) -> pd.Series[Any]:
    """Return one label for each gene, in the order of the genes, as objects."""
    if isinstance(labels, Mapping):
        return _by_gene(pd.Series(labels, dtype=object), check_named(genes))
    if isinstance(labels, pd.Series) and genes is not None:
        return _by_gene(labels.astype(object), genes)
    values = pd.Series(labels, dtype=object)
    if len(values) != n_genes:
        raise ValueError(
            f"Expected {n_genes:,} labels, one per gene, got {len(values):,}."
        )
    return values


def _by_gene(labels: pd.Series[Any], genes: list[str]) -> pd.Series[Any]:
    if not labels.index.is_unique:
        raise ValueError("Expected one label per gene, got two for one gene.")
    if not labels.index.isin(genes).any():
        raise ValueError(
            "Expected labels by gene, got none for any gene: labels of "
            f"{shown(map(repr, labels.index), 3)}, genes {shown(map(repr, genes), 3)}. "
            "For labels in the order of the genes give an array."
        )
    return labels.reindex(genes)
