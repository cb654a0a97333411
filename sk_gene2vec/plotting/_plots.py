"""A picture of the embedding with matplotlib."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sk_gene2vec._utils._messages import near_misses
from sk_gene2vec._utils._optional import optional
from sk_gene2vec.plotting._labels import PALETTE, Labels, read_labels, scatter
from sk_gene2vec.plotting._projection import (
    Embedding,
    RandomState,
    check_named,
    genes_and_vectors,
    in_the_plane,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# Number of steps that place names, at most.
_STEPS = 500


def plot_embedding(
    embedding: Embedding,
    *,
    genes: Iterable[str] | None = None,
    labels: Labels | None = None,
    annotate: Iterable[str] = (),
    ax: Axes | None = None,
    method: str = "auto",
    random_state: RandomState = 0,
) -> Axes:
    """Plot a gene embedding as a map, one point per gene.

    Parameters
    ----------
    embedding : DataFrame, GeneEmbedding or array-like of shape (n_genes, n_features)
        The vectors, or coordinates from :func:`project_2d`: vectors of two numbers are
        plotted as they are. A DataFrame has the genes in its index.
    genes : iterable of str, default=None
        Names of the rows, if `embedding` is an array. They are needed to align
        `labels` by gene, and for `annotate`.
    labels : array-like of shape (n_genes,), Series or mapping, default=None
        Labels that colour the points. An array is in the order of the genes. A Series
        or a mapping has labels by gene, and may lack genes. Numbers get a colour bar,
        except whole numbers with at most 20 distinct values, which are categories. With
        numbers of both signs, zero is in the middle of the bar, and sizes beyond 1.25
        times their 95th percentile have the colours of its ends. All other labels are
        categories. The 20 largest categories get a colour, the others are grey. None,
        empty texts and missing values of pandas are not labels.
    annotate : iterable of str, default=()
        Genes whose names to write.
    ax : matplotlib Axes, default=None
        Axes to plot on. None makes a figure.
    method : {"auto", "umap", "tsne", "pca"}, default="auto"
        Layout of the genes, see :func:`project_2d`. The axes are named after it.
    random_state : int, RandomState instance or None, default=0
        The same number gives the same picture. None gives a different picture at each
        call.

    Returns
    -------
    matplotlib Axes
        The plot. In PDF and SVG files the points are a bitmap, and everything else is
        vectors.

    Raises
    ------
    ImportError
        If matplotlib is not installed; with ``method="umap"``, if umap-learn is not;
        with `annotate`, if adjustText is not.
    ValueError
        If labels do not fit the genes, if the embedding lacks a gene to annotate, or
        if :func:`project_2d` raises it.

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
    plt = optional("matplotlib.pyplot", "plot_embedding")
    names, vectors = genes_and_vectors(embedding, genes)
    rows = _rows_of(annotate, names)
    colouring = None if labels is None else read_labels(labels, names, len(vectors))
    # Last, since it takes longest.
    points, axes = in_the_plane(embedding, vectors, method, random_state)
    own_figure = ax is None
    if ax is None:
        _, ax = plt.subplots(figsize=(6.2, 6), layout="constrained")
    ax.set(xlabel=axes[0], ylabel=axes[1], xticks=[], yticks=[])
    ax.set_box_aspect(1)
    ax.spines[["top", "right"]].set_visible(False)
    if colouring is None:
        scatter(ax, points, PALETTE[0])
    else:
        beside = colouring.draw(ax, points)
        if own_figure:
            # Make room for the legend or the colour bar beside the points.
            figure = cast("Figure", ax.figure)
            figure.set_figwidth(figure.get_figwidth() + beside / figure.dpi)
    if names is not None and rows:
        _write_names(ax, points[rows], [names[row] for row in rows])
    return ax


def _rows_of(annotate: Iterable[str], names: list[str] | None) -> list[int]:
    if isinstance(annotate, str):
        raise TypeError(f"Expected an iterable of genes to annotate, got {annotate!r}.")
    wanted = list(dict.fromkeys(annotate))
    if not wanted:
        return []
    names = check_named(names)
    rows: list[int] = pd.Index(names).get_indexer(pd.Index(wanted)).tolist()
    if -1 in rows:
        unknown = wanted[rows.index(-1)]
        raise ValueError(
            f"Expected genes of the embedding to annotate, got {unknown!r}"
            f"{near_misses(unknown, names) or '.'}"
        )
    return rows


def _write_names(ax: Axes, points: NDArray[np.float64], names: list[str]) -> None:
    """Mark points, and write their names where they cover no mark and no other name."""
    from matplotlib.patheffects import withStroke

    adjust_text = optional("adjustText", "annotate").adjust_text
    x, y = points.T
    rings = ax.scatter(x, y, s=26, facecolors="none", edgecolors="0.15", linewidths=1.1)
    halo = [withStroke(linewidth=3, foreground=ax.get_facecolor())]
    texts = [
        ax.text(left, low, name, fontsize="small", path_effects=halo, zorder=4)
        for left, low, name in zip(x, y, names, strict=True)
    ]
    # With the default forces, names in a crowd overlap. The default limit is a time, so
    # a slower machine would make another picture.
    adjust_text(
        texts,
        objects=rings,
        ax=ax,
        force_text=(0.5, 1),
        expand=(1.2, 1.5),
        iter_lim=_STEPS,
        arrowprops={"arrowstyle": "-", "color": "0.35", "linewidth": 0.7},
    )
