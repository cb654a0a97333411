"""Pictures with matplotlib: the embedding as a map, and the loss of training."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from sk_gene2vec.plotting._labels import GREY, PALETTE, Categories, read_labels
from sk_gene2vec.plotting._projection import in_the_plane

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["plot_embedding", "plot_loss_curve"]

# Share of the axes that the points cover if none overlaps.
_COVERED = 0.3
_LONGEST_NAME = 40
# Where a name may stand: distances from its point and directions, nearest first.
_DISTANCES = (10, 18, 28, 42, 60)
_DIRECTIONS = (45, 135, -45, -135, 90, -90, 0, 180)


def plot_embedding(
    embedding: Any,
    *,
    genes: Iterable[str] | None = None,
    labels: Any = None,
    annotate: Iterable[str] = (),
    ax: Axes | None = None,
    method: str = "auto",
    random_state: Any = 0,
) -> Axes:
    """Plot a gene embedding as a map, one point a gene.

    Parameters
    ----------
    embedding : DataFrame, GeneEmbedding or array-like of shape (n_genes, n_features)
        The vectors, or coordinates from :func:`project_2d`: vectors of two numbers are
        plotted as they are. A DataFrame has the genes in its index.
    genes : iterable of str, default=None
        Names of the rows, where `embedding` is an array. Needed to align `labels` by
        gene, and for `annotate`.
    labels : array-like of shape (n_genes,), Series or mapping, default=None
        What colours the points. An array has the order of the genes; a Series or a
        mapping goes by gene, and may lack some. Texts, booleans, and integers of at
        most 20 values are categories; all other numbers get a colour bar. Of more than
        20 categories, the 20 largest get a colour.
    annotate : iterable of str, default=()
        Genes whose names to write.
    ax : matplotlib Axes, default=None
        Where to plot. None makes a figure.
    method : {"auto", "umap", "tsne", "pca"}, default="auto"
        What lays out the genes, see :func:`project_2d`. The axes say which it was.
    random_state : int, RandomState instance or None, default=0
        The same number gives the same picture; None gives another at every call.

    Returns
    -------
    matplotlib Axes
        The plot. Its points are a bitmap in PDF and SVG files, all else is not.

    Raises
    ------
    ImportError
        If matplotlib is not installed, or umap-learn with ``method="umap"``.
    ValueError
        If labels do not fit the genes, if a gene to annotate is not there, or for
        what :func:`project_2d` refuses.

    See Also
    --------
    project_2d : The coordinates alone.
    write_gene_map : The same as an interactive page.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import numpy as np
    >>> from sk_gene2vec.plotting import plot_embedding
    >>> vectors = np.random.default_rng(0).normal(size=(4, 3))
    >>> ax = plot_embedding(
    ...     vectors,
    ...     genes=["HK1", "MDM2", "PKM", "TP53"],
    ...     labels={"HK1": "glycolysis", "PKM": "glycolysis", "TP53": "p53 pathway"},
    ...     annotate=["TP53"],
    ...     method="pca",
    ... )
    >>> ax.get_xlabel()
    'PCA 1'
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['glycolysis (2)', 'p53 pathway (1)', 'no label (1)']
    """
    plt = _import_pyplot("plot_embedding")
    names, points, axis_names = in_the_plane(embedding, genes, method, random_state)
    rows = _rows_of(annotate, names)
    colouring = None if labels is None else read_labels(labels, names, len(points))
    own_figure = ax is None
    if ax is None:
        _, ax = plt.subplots(figsize=(6.2, 6), layout="constrained")
    ax.set(xlabel=axis_names[0], ylabel=axis_names[1], xticks=[], yticks=[])
    ax.set_box_aspect(1)
    ax.spines[["top", "right"]].set_visible(False)
    if colouring is None:
        _scatter(ax, points, PALETTE[0])
    elif isinstance(colouring, Categories):
        _plot_categories(ax, points, colouring)
        if own_figure:
            legend: Any = ax.get_legend()
            _widen(ax.figure, legend.get_window_extent().width)
    else:
        known = np.isfinite(colouring.values)
        _scatter(ax, points, GREY, ~known)
        coloured = _scatter(ax, points, colouring.values, known)
        bar: Any = ax.figure.colorbar(
            coloured, ax=ax, shrink=0.6, label=colouring.title
        )
        bar.solids.set_alpha(1)
        bar.outline.set_visible(False)
        if own_figure:
            _widen(ax.figure, ax.figure.dpi)
    if names is not None and rows:
        _write_names(ax, points[rows], [names[row] for row in rows])
    return ax


def plot_loss_curve(encoder: Any, *, ax: Axes | None = None) -> Axes:
    """Plot the training loss of every epoch, and the held-out score if there is one.

    Parameters
    ----------
    encoder : GeneSetEncoder
        Fitted. One with ``early_stopping=True`` has a held-out score too: it goes by
        the axis on the right, and its best epoch is marked.
    ax : matplotlib Axes, default=None
        Where to plot. None makes a figure.

    Returns
    -------
    matplotlib Axes
        The axes of the loss.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    NotFittedError
        If the encoder is not fitted.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sk_gene2vec import GeneSetEncoder
    >>> from sk_gene2vec.plotting import plot_loss_curve
    >>> encoder = GeneSetEncoder(2, max_epochs=5, random_state=0)
    >>> ax = plot_loss_curve(encoder.fit([[1, 0], [1, 1], [0, 1]]))
    >>> len(ax.lines[0].get_xdata())
    5
    """
    plt = _import_pyplot("plot_loss_curve")
    from matplotlib.ticker import MaxNLocator

    check_is_fitted(encoder, "loss_curve_")
    if ax is None:
        _, ax = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
    lines = [_curve(ax, encoder.loss_curve_, PALETTE[0], "training loss")]
    ax.set(xlabel="epoch", ylabel="binary cross-entropy")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.spines["top"].set_visible(False)
    scores = getattr(encoder, "validation_scores_", None)
    if scores is None:
        ax.spines["right"].set_visible(False)
        return ax
    right = ax.twinx()
    right.spines["top"].set_visible(False)
    lines.append(_curve(right, scores, PALETTE[1], "held-out NDCG@100"))
    best = int(np.argmax(scores))
    right.plot(best + 1, scores[best], "o", color=PALETTE[1])
    right.set_ylabel("NDCG@100 of held-out memberships")
    right.legend(handles=lines, loc="center right", frameon=False)
    return ax


def _import_pyplot(function: str) -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{function} draws with matplotlib; install it: "
            'pip install "sk-gene2vec[plot]"'
        ) from error
    return plt


def _widen(figure: Any, pixels: float) -> None:
    """Make room for what stands beside the square of the points."""
    figure.set_figwidth(figure.get_figwidth() + pixels / figure.dpi)


def _curve(ax: Axes, values: list[float], colour: str, label: str) -> Line2D:
    (line,) = ax.plot(range(1, len(values) + 1), values, color=colour, label=label)
    return line


def _scatter(
    ax: Axes, points: NDArray[Any], colours: Any, rows: NDArray[np.bool_] | None = None
) -> Any:
    """Scatter some of the points, in a random order lest the last label hide others."""
    box = ax.get_window_extent()
    area = box.width * box.height * (72 / ax.figure.dpi) ** 2
    size = float(np.clip(_COVERED * area / len(points), 2.5, 45))
    chosen = np.arange(len(points)) if rows is None else np.flatnonzero(rows)
    chosen = np.random.default_rng(0).permutation(chosen)
    if not isinstance(colours, str):
        colours = colours[chosen]
    # Few points are large and need not show through.
    alpha = float(np.clip(0.95 - 0.09 * math.log10(len(points) / 50), 0.6, 0.95))
    if isinstance(colours, str) and colours == GREY:
        alpha /= 2
    x, y = points[chosen].T
    return ax.scatter(
        x, y, s=size, c=colours, alpha=alpha, linewidths=0, rasterized=True
    )


def _plot_categories(ax: Axes, points: NDArray[Any], categories: Categories) -> None:
    from matplotlib.lines import Line2D

    entries = categories.legend()
    colours = np.full(len(points), GREY)
    for _, colour, members in entries:
        colours[members] = colour
    _scatter(ax, points, GREY, colours == GREY)
    _scatter(ax, points, colours, colours != GREY)
    ax.legend(
        handles=[
            Line2D([], [], color=colour, marker="o", markersize=6, linestyle="")
            for _, colour, _ in entries
        ],
        labels=[f"{_short(name)} ({rows.sum():,})" for name, _, rows in entries],
        title=categories.title or None,
        alignment="left",
        loc="upper left",
        bbox_to_anchor=(1.01, 1),
        borderaxespad=0,
        handletextpad=0.2,
        frameon=False,
        fontsize="small",
    )


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def _rows_of(annotate: Iterable[str], names: list[str] | None) -> list[int]:
    if isinstance(annotate, str):
        raise TypeError(f"Expected an iterable of genes to annotate, got {annotate!r}.")
    wanted = list(dict.fromkeys(annotate))
    if not wanted:
        return []
    if names is None:
        raise ValueError(
            "Expected the names of the genes beside `annotate`; give `genes`, or a "
            "DataFrame with the genes in its index."
        )
    row_of = {name: row for row, name in enumerate(names)}
    for gene in wanted:
        if gene not in row_of:
            near = difflib.get_close_matches(gene, names)
            raise ValueError(
                f"Expected genes of the embedding to annotate, got {gene!r}"
                + (f"; near misses: {', '.join(near)}." if near else ".")
            )
    return [row_of[gene] for gene in wanted]


def _write_names(ax: Axes, points: NDArray[Any], names: list[str]) -> None:
    """Mark points and write their names where they hide neither each other nor them."""
    from matplotlib.patheffects import withStroke

    x, y = points.T
    ax.scatter(x, y, s=26, facecolors="none", edgecolors="0.15", linewidths=1.1)
    # Settles the layout, which the extent of a text in pixels depends on.
    ax.figure.canvas.figure.draw_without_rendering()
    spots = ax.transData.transform(points)
    reach = 4 * ax.figure.dpi / 72
    taken: list[tuple[float, ...]] = [
        (x - reach, y - reach, x + reach, y + reach) for x, y in spots
    ]
    halo = withStroke(linewidth=3, foreground=ax.get_facecolor())
    for name, point in zip(names, points, strict=True):
        text = ax.annotate(
            name,
            point,
            xytext=(0, 0),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize="small",
            path_effects=[halo],
            arrowprops={"arrowstyle": "-", "color": "0.35", "linewidth": 0.7},
            zorder=4,
        )
        taken.append(_place(ax, text, taken))


def _place(ax: Axes, text: Any, taken: list[tuple[float, ...]]) -> tuple[float, ...]:
    """Move a name to the first free place, or to the least taken; return its box."""
    from matplotlib.text import Text

    pixels = ax.figure.dpi / 72
    axes = ax.get_window_extent()
    text.arrow_patch.set_visible(False)
    box = Text.get_window_extent(text)  # that of the annotation includes its line
    half_width, half_height = box.width / 2 + pixels, box.height / 2 + pixels
    x, y = ax.transData.transform(text.xy)
    choices = []
    for order, (distance, angle) in enumerate(product(_DISTANCES, _DIRECTIONS)):
        right, up = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        # From the edge of the text, not from its middle.
        dx = right * (distance * pixels + half_width)
        dy = up * (distance * pixels + half_height) * 0.7
        place = (
            x + dx - half_width,
            y + dy - half_height,
            x + dx + half_width,
            y + dy + half_height,
        )
        hidden = sum(_overlap(place, other) for other in taken)
        hidden += 4 * half_width * half_height - _overlap(place, tuple(axes.extents))
        choices.append((round(hidden), order, (dx / pixels, dy / pixels), place))
    _, order, offset, place = min(choices)
    text.set_position(offset)
    # Right beside its point, a name needs no line.
    text.arrow_patch.set_visible(order >= len(_DIRECTIONS))
    return place


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0) * max(height, 0)
