"""Gene embeddings in two dimensions: the coordinates that plots and maps share."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from importlib.util import find_spec
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import KDTree
from threadpoolctl import threadpool_limits

from sk_gene2vec._utils._messages import shown
from sk_gene2vec._utils._optional import optional
from sk_gene2vec._utils._vectors import check_vectors, places_of, unit_rows
from sk_gene2vec.embedding import GeneEmbedding

Embedding: TypeAlias = GeneEmbedding | pd.DataFrame | ArrayLike
RandomState: TypeAlias = int | np.random.RandomState | None

_NEIGHBORS = 15
_PERPLEXITY = 30.0
# Points are pushed apart until discs as wide as their distance would cover this share
# of the picture.
_COVERED = 0.2
_PUSHES = 60
_PUSHED_BY = 8
# Widest empty band that is kept, as a multiple of the usual distance between
# neighbours, which is the extent over the root of the number of points.
_EMPTY = 6.0


def project_2d(
    embedding: Embedding,
    *,
    genes: Iterable[str] | None = None,
    method: str = "auto",
    random_state: RandomState = 0,
) -> pd.DataFrame:
    """Lay out a gene embedding in the plane.

    :func:`plot_embedding` and :func:`write_gene_map` call this function. Call it
    yourself to compute the coordinates once and use them in both.

    Parameters
    ----------
    embedding : DataFrame, GeneEmbedding or array-like of shape (n_genes, n_features)
        The vectors of at least three genes. A DataFrame has the genes in its index.
    genes : iterable of str, default=None
        Names of the rows, if `embedding` is an array. Otherwise None.
    method : {"auto", "umap", "tsne", "pca"}, default="auto"
        Method of the layout. The columns of the result are named after it.

        - "umap": UMAP. It needs umap-learn, and takes half a minute for 20,000 genes.
        - "tsne": t-SNE of scikit-learn. It takes some minutes for 20,000 genes.
        - "pca": the two directions of largest variance. It is fast, but genes of
          different function overlap.
        - "auto": UMAP where umap-learn is installed, otherwise t-SNE.
    random_state : int, RandomState instance or None, default=0
        The same number gives the same coordinates. None gives different ones at each
        call.

    Returns
    -------
    DataFrame of shape (n_genes, 2)
        Coordinates, the genes in the index. The columns are named after the method,
        such as "UMAP 1" and "UMAP 2".

    Raises
    ------
    ImportError
        If umap-learn is not installed, with ``method="umap"``.
    ValueError
        If the vectors are not finite or all the same, if there are fewer than three
        genes or two features, if there is not one name per vector, if a name comes
        twice, or if the method is unknown.

    See Also
    --------
    plot_embedding : The same as a picture.
    write_gene_map : The same as an interactive page.

    Notes
    -----
    UMAP and t-SNE compare genes by the cosine of their vectors, as `most_similar`
    does, and start from the PCA of the vectors scaled to unit length. Distances between
    far groups of genes, and the size and density of groups, mean little in both.

    Many genes of a small collection are in the same gene sets and have the same vector.
    Both methods put these genes on one spot. Genes that nearly coincide are therefore
    pushed apart until each can be seen. A disc of touching points is a group of genes
    that the collection hardly distinguishes.

    UMAP gets the exact nearest neighbours instead of searching for approximate ones,
    which is faster up to some 50,000 genes.

    References
    ----------
    Leland McInnes et al., "UMAP: Uniform manifold approximation and
    projection for dimension reduction", arXiv:1802.03426, 2018.

    Laurens van der Maaten, Geoffrey Hinton, "Visualizing data using t-SNE", JMLR 9,
    2008.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_gene2vec.plotting import project_2d
    >>> vectors = np.random.default_rng(0).normal(size=(4, 3))
    >>> coordinates = project_2d(
    ...     vectors, genes=["HK1", "MDM2", "PKM", "TP53"], method="pca"
    ... )
    >>> list(coordinates.columns), coordinates.shape
    (['PCA 1', 'PCA 2'], (4, 2))
    """
    names, vectors = genes_and_vectors(embedding, genes)
    points, axes = _layout(vectors, method, random_state)
    index = pd.Index(check_named(names), name="gene")
    return pd.DataFrame(points, index=index, columns=axes)


def genes_and_vectors(
    embedding: Embedding, genes: Iterable[str] | None
) -> tuple[list[str] | None, NDArray[np.floating]]:
    """Return the names of the genes, or None if not given, and checked vectors."""
    known: Iterable[str] | None = None
    if isinstance(embedding, GeneEmbedding):
        known, embedding = embedding.genes, embedding.vectors
    elif isinstance(embedding, pd.DataFrame):
        known = embedding.index
    if genes is None:
        genes = known
    elif known is not None:
        raise ValueError(
            "Expected no `genes` beside an embedding that names its genes, got both."
        )
    names = None if genes is None else list(places_of(genes))
    limits = {"ensure_min_samples": 3, "ensure_min_features": 2}
    return names, check_vectors(embedding, names, **limits)


def check_named(names: list[str] | None) -> list[str]:
    """Return the names of the genes, or raise an error if they are not given."""
    if names is None:
        raise ValueError(
            "Expected the names of the genes: the embedding is an array, and `genes` "
            "is None. Give `genes`, or a DataFrame with the genes in its index."
        )
    return names


def in_the_plane(
    embedding: Embedding,
    vectors: NDArray[np.floating],
    method: str,
    random_state: RandomState,
) -> tuple[NDArray[np.float64], list[str]]:
    """Return coordinates of the vectors of an embedding, and the names of the axes.

    Vectors of two numbers are coordinates already, unless `method` names a layout.
    """
    if method == "auto" and vectors.shape[1] == 2:
        return vectors.astype(np.float64), _axes_of(embedding)
    return _layout(vectors, method, random_state)


def given_points(
    coordinates: pd.DataFrame | ArrayLike, names: list[str]
) -> tuple[NDArray[np.float64], list[str]]:
    """Return given coordinates in the order of the genes, and the names of the axes."""
    by_gene = isinstance(coordinates, pd.DataFrame)
    known, points = genes_and_vectors(coordinates, None if by_gene else names)
    known = check_named(known)
    rows = pd.Index(known).get_indexer(pd.Index(names))
    if points.shape[1] != 2 or (rows < 0).any():
        raise ValueError(
            "Expected two coordinates for every gene of the embedding, got "
            f"{points.shape[1]} for {shown(map(repr, known), 3)}; genes of the "
            f"embedding are {shown(map(repr, names), 3)}."
        )
    return points[rows].astype(np.float64), _axes_of(coordinates)


def _axes_of(coordinates: object) -> list[str]:
    axes = getattr(coordinates, "columns", ("dimension 1", "dimension 2"))
    return list(map(str, axes))


def closed_up(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Narrow the empty bands of the plane, vertical and horizontal.

    A group of points that is far from all others comes closer. The points keep their
    order from left to right and from bottom to top.
    """
    low, high = np.quantile(points, [0.05, 0.95], axis=0)
    widest = _EMPTY * (high - low).max() / np.sqrt(len(points))
    if not widest:
        return points
    order = np.argsort(points, axis=0)
    gaps = np.diff(np.take_along_axis(points, order, axis=0), axis=0, prepend=0)
    gaps[1:] = np.minimum(gaps[1:], widest)
    moved = np.empty_like(points)
    np.put_along_axis(moved, order, gaps.cumsum(axis=0), axis=0)
    return moved


def _layout(
    vectors: NDArray[np.floating], method: str, random_state: RandomState
) -> tuple[NDArray[np.float64], list[str]]:
    if method == "auto":
        method = "umap" if find_spec("umap") else "tsne"
    if method not in _METHODS:
        known = ", ".join(map(repr, ["auto", *_METHODS]))
        raise ValueError(f"Expected method to be one of {known}, got {method!r}.")
    axis, layout = _METHODS[method]
    # Euclidean distances between vectors of unit length rank pairs as cosines do.
    rows = vectors if method == "pca" else unit_rows(vectors)
    if np.allclose(rows, rows[0], atol=1e-6):
        raise ValueError(
            "Expected vectors of more than one direction, got the same for all "
            f"{len(rows):,} genes. Were they trained, and on more than one gene set?"
        )
    points = np.asarray(layout(rows, random_state), dtype=np.float64)
    return points, [f"{axis} 1", f"{axis} 2"]


# The functions below import scikit-learn's modules, which are slow to import.


def _pca(rows: NDArray[np.floating], random_state: RandomState) -> NDArray[np.floating]:
    from sklearn.decomposition import PCA

    return PCA(2, random_state=random_state).fit_transform(rows)


def _tsne(
    rows: NDArray[np.floating], random_state: RandomState
) -> NDArray[np.floating]:
    from sklearn.manifold import TSNE

    perplexity = min(_PERPLEXITY, (len(rows) - 1) / 3)
    tsne = TSNE(perplexity=perplexity, init="pca", random_state=random_state)
    return _push_apart(tsne.fit_transform(rows))


def _umap(
    rows: NDArray[np.floating], random_state: RandomState
) -> NDArray[np.floating]:
    from sklearn.neighbors import NearestNeighbors

    n_neighbors = min(_NEIGHBORS, len(rows) - 1)
    finder = NearestNeighbors(n_neighbors=n_neighbors - 1, algorithm="brute").fit(rows)
    distances, neighbors = finder.kneighbors()
    # UMAP expects each gene as its own first neighbour, equal vectors or not.
    neighbors = np.column_stack([np.arange(len(rows)), neighbors])
    distances = np.column_stack([np.zeros(len(rows)), distances])
    # Numba resets the threads of torch and scikit-learn; the limit restores them.
    with warnings.catch_warnings(), threadpool_limits(1, user_api="openmp"):
        # The import warns that TensorFlow is missing, and the fit that new genes cannot
        # be added.
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
        warnings.filterwarnings("ignore", r"precomputed_knn\[2\]", UserWarning)
        umap = optional("umap", 'method="umap"', "umap-learn").UMAP(
            n_neighbors=n_neighbors,
            n_epochs=200,  # UMAP's own choice above 10,000 genes, as good below
            min_dist=0.3,
            init="pca",
            precomputed_knn=(neighbors, distances),
            random_state=random_state,
            n_jobs=1,
        )
        return _push_apart(umap.fit_transform(rows))


def _push_apart(points: NDArray[np.floating]) -> NDArray[np.floating]:
    """Move points that nearly coincide away from their nearest, in small steps."""
    points = np.asarray(points, dtype=np.float64)
    gap = np.sqrt(_COVERED * np.prod(np.ptp(points, axis=0)) / len(points))
    # Points on one spot need a direction to move apart.
    points = points + np.random.default_rng(0).normal(scale=gap / 10, size=points.shape)
    ranks = range(2, min(_PUSHED_BY, len(points) - 1) + 2)
    for _ in range(_PUSHES):
        distance, other = KDTree(points).query(
            points, k=ranks, distance_upper_bound=gap
        )
        near = np.isfinite(distance)
        if not near.any():
            break
        away = points[:, None] - points[np.where(near, other, 0)]
        distance = np.where(near, np.maximum(distance, gap * 1e-6), gap)
        steps = away * ((gap - distance) / distance / 2)[..., None]
        n_near = np.maximum(near.sum(axis=1, keepdims=True), 1)
        points = points + steps.sum(axis=1) / np.sqrt(n_near)
    return points


# Values of `method`: the name on the axes, and the function.
_METHODS = {"umap": ("UMAP", _umap), "tsne": ("t-SNE", _tsne), "pca": ("PCA", _pca)}
