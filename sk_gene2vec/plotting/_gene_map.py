"""An interactive map of genes: one HTML file that opens anywhere."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterable, Mapping
from importlib.resources import files
from itertools import chain
from os import PathLike
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sk_gene2vec._utils._descriptions import telling
from sk_gene2vec._utils._files import replacing
from sk_gene2vec._utils._genes import UNWRITABLE
from sk_gene2vec._utils._messages import shown
from sk_gene2vec._utils._vectors import nearest, unit_rows
from sk_gene2vec.gene_sets import GeneSets
from sk_gene2vec.identifiers._index import GeneIndex
from sk_gene2vec.plotting._labels import Labels, PageData, read_labels
from sk_gene2vec.plotting._projection import (
    Embedding,
    RandomState,
    check_named,
    closed_up,
    genes_and_vectors,
    given_points,
    in_the_plane,
)
from sk_gene2vec.plotting._regions import name_regions

if TYPE_CHECKING:
    import pandas as pd

# The scripts are in the order in which they run.
_TEMPLATES = (
    *("map_page.html", "gene_map.css", "map_data.js", "map_view.js", "map_card.js"),
    *("map_search.js", "map_export.js", "map_controls.js"),
)
_NEAREST = 10
# Layouts in which large distances mean little.
_LOOSE = ("UMAP 1", "t-SNE 1")


def write_gene_map(
    embedding: Embedding,
    path: str | PathLike[str],
    *,
    genes: Iterable[str] | None = None,
    gene_sets: Mapping[str, Iterable[str]] | None = None,
    labels: Labels | None = None,
    aliases: Mapping[str, str | Iterable[str]] | pd.DataFrame | None = None,
    title: str = "Gene map",
    coordinates: pd.DataFrame | ArrayLike | None = None,
    method: str = "auto",
    random_state: RandomState = 0,
) -> Path:
    """Write a gene embedding as an interactive map, one HTML file.

    The page needs no network and no server: open it, mail it, put it on a web site.
    Pointing at a gene names it and its gene sets. A click lists the ten most similar
    genes and all its sets, and a click on a gene set shows its members. The search box
    finds genes, their aliases and gene sets, and marks a pasted list of genes. Wheel,
    drag, pinch and the keyboard move the view. Regions are named after gene sets, and
    names of genes appear as you zoom in. The visible part can be saved as PNG or SVG.
    ``gene_map.html#TP53`` opens the map at a gene.

    Parameters
    ----------
    embedding : DataFrame, GeneEmbedding or array-like of shape (n_genes, n_features)
        The vectors, or coordinates from :func:`project_2d`: vectors of two numbers are
        shown as they are, and the most similar genes are then the nearest on the map.
        A DataFrame has the genes in its index.
    path : str or path-like
        The file to write. An existing file is replaced.
    genes : iterable of str, default=None
        Names of the rows, if `embedding` is an array. Otherwise None.
    gene_sets : GeneSets or mapping of str to iterable of str, default=None
        The genes of every set. Genes that the embedding lacks are left out, and so are
        sets without any gene. Descriptions that are not links or ids follow the names.
    labels : array-like of shape (n_genes,), Series or mapping, default=None
        Labels that colour the points, as in :func:`plot_embedding`.
    aliases : mapping or DataFrame, default=None
        Other names of genes, to search by, as in :class:`~sk_gene2vec.GmtVectorizer`;
        for human genes, see :func:`~sk_gene2vec.datasets.load_human_gene_aliases`.
        Aliases of genes that the embedding lacks are left out.
    title : str, default="Gene map"
        The heading of the page.
    coordinates : DataFrame or array-like of shape (n_genes, 2), default=None
        Where the genes are on the map, such as the result of :func:`project_2d`. A
        DataFrame has the genes in its index, in any order; an array is in the order of
        the genes. None computes a layout by `method`.
    method : {"auto", "umap", "tsne", "pca"}, default="auto"
        Layout of the genes, see :func:`project_2d`; the page names it. Not used with
        `coordinates`.
    random_state : int, RandomState instance or None, default=0
        The same number gives the same map. None gives a different map at each call.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    FileNotFoundError
        If the folder of `path` does not exist.
    ImportError
        If ``method="umap"`` and umap-learn is not installed.
    TypeError
        If `gene_sets` is not a mapping of names to genes, or aliases are not text.
    ValueError
        If the genes have no names, if no gene set has any of them, if labels or
        coordinates do not fit the genes, if `title` has lone surrogates, or if
        :func:`project_2d` raises it. An existing file then stays as it is.

    See Also
    --------
    plot_embedding : The same as a picture.
    project_2d : The coordinates alone.

    Notes
    -----
    The content security policy of the page allows only its own script, and no
    downloads. A click on the links of a card opens NCBI Gene or MSigDB. A file with
    full MSigDB (22,665 genes, 20,832 gene sets, 2.3 million memberships) has about
    6 MB. Gene sets are listed from the smallest to the largest, because small sets are
    the most specific.

    The most similar genes are those with the highest cosine, as in `most_similar`.
    Distances between far groups mean little in UMAP and t-SNE. Wide empty bands between
    such groups are narrowed so that the map fills the screen. Other coordinates keep
    their proportions.

    The map is divided into 16, 64 and 256 groups of neighbours by k-means. The name of
    a group is that of the gene set with the highest Jaccard index, the shared genes
    among all genes of both, if it is at least 0.2. Shorter names are preferred among
    similar matches. Gene sets that a comparison of samples gave, which MSigDB calls
    ``..._UP`` and ``..._DN``, name no region, except Hallmark's.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from sk_gene2vec.plotting import write_gene_map
    >>> vectors = np.random.default_rng(0).normal(size=(4, 3))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = write_gene_map(
    ...         vectors,
    ...         Path(folder) / "map.html",
    ...         genes=["HK1", "MDM2", "PKM", "TP53"],
    ...         gene_sets={"GLYCOLYSIS": ["HK1", "PKM"], "P53": ["MDM2", "TP53"]},
    ...         method="pca",
    ...     )
    ...     "GLYCOLYSIS" in written.read_text(encoding="utf-8")
    True
    """
    path = Path(path)
    with replacing(path) as part:
        # All input is checked before the layout, which takes longest. UTF-8 cannot
        # hold lone surrogates.
        title.encode()
        known, vectors = genes_and_vectors(embedding, genes)
        names = check_named(known)
        colouring = None if labels is None else read_labels(labels, names, len(names))
        sets = _rows_of_sets(gene_sets, names)
        other_names = None if aliases is None else _by_gene(GeneIndex(names, aliases))
        if coordinates is None:
            points, axes = in_the_plane(embedding, vectors, method, random_state)
        else:
            points, axes = given_points(coordinates, names)
        places = _fitted(closed_up(points) if axes[0] in _LOOSE else points)
        page = _page(
            title,
            {
                "title": title,
                "axes": _axes_text(*axes),
                "genes": names,
                "points": places,
                "nearest": _nearest(vectors),
                "aliases": other_names,
                "sets": list(sets),
                "memberships": _memberships(sets.values(), len(names)),
                "regions": name_regions(places, sets),
                "labels": colouring and colouring.for_page(),
            },
        )
        # As bytes: the page has the hashes of script and style with these line ends.
        part.write_bytes(page.encode())
    return path


def _page(title: str, data: PageData) -> str:
    folder = files("sk_gene2vec.plotting") / "templates"
    template, style, *scripts = (
        (folder / name).read_text(encoding="utf-8") for name in _TEMPLATES
    )
    script = "\n".join(['"use strict";\n(() => {', *scripts, "})();\n"])
    # ASCII, and without the sign that opens and closes tags: no name can become a tag.
    text = json.dumps(data, separators=(",", ":"), allow_nan=False, default=_packed)
    return Template(template).substitute(
        title=html.escape(title),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        data=text.replace("<", "\\u003c"),
    )


def _axes_text(first: str, second: str) -> str:
    method = first.removesuffix(" 1")
    return method if second == f"{method} 2" else f"{first} × {second}"


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _packed(values: NDArray[np.generic]) -> str:
    """Encode the bytes of an array in base64, the low byte of each number first."""
    little = values.astype(values.dtype.newbyteorder("<"))
    return base64.b64encode(little.tobytes()).decode()


def _fitted(points: NDArray[np.float64]) -> NDArray[np.uint16]:
    """Scale coordinates to the middle of a square with 65,536 steps per side."""
    low, high = points.min(axis=0), points.max(axis=0)
    side = float((high - low).max()) or 1.0
    unit = (points - (low + high) / 2) / side + 0.5
    return np.round(unit * 65535).astype(np.uint16)


def _nearest(vectors: NDArray[np.floating]) -> PageData:
    """Find the ten nearest genes of every gene, and their cosines in percent.

    For vectors of two numbers, which are places on the map, there are no cosines.
    """
    k, percent = min(_NEAREST, len(vectors) - 1), np.zeros(0)
    if vectors.shape[1] == 2:
        from sklearn.neighbors import NearestNeighbors  # slow to import

        finder = NearestNeighbors(n_neighbors=k).fit(vectors)
        genes = finder.kneighbors(return_distance=False)
    else:
        genes, cosines = nearest(unit_rows(vectors), np.arange(len(vectors)), k)
        percent = np.round(100 * cosines)
    return {
        "genes": genes.astype(np.uint16 if len(vectors) <= 65536 else np.uint32),
        "percent": percent.astype(np.int8),
    }


def _by_gene(index: GeneIndex) -> list[str]:
    """List the other names of every gene, each list joined by tabs."""
    names: list[list[str]] = [[] for _ in index.genes]
    for alias, meant in index.aliases.items():
        # A search box cannot hold these names.
        if UNWRITABLE.search(alias):
            continue
        for gene in [meant] if isinstance(meant, str) else meant:
            if gene in index.row_of:
                names[index.row_of[gene]].append(alias)
    return ["\t".join(own) for own in names]


def _rows_of_sets(
    gene_sets: Mapping[str, Iterable[str]] | None, genes: list[str]
) -> dict[str, list[int]]:
    """List the genes of every set, by its name and description, smallest sets first."""
    if gene_sets is None:
        return {}
    if not isinstance(gene_sets, GeneSets):
        gene_sets = GeneSets(gene_sets)
    row_of = {gene: row for row, gene in enumerate(genes)}
    rows = {
        name: [row_of[gene] for gene in members if gene in row_of]
        for name, members in gene_sets.items()
    }
    names = sorted(filter(rows.get, rows), key=lambda name: (len(rows[name]), name))
    if not names:
        raise ValueError(
            "Expected gene sets of the genes of the embedding, got none with any of "
            f"them: genes of the sets are {shown(map(repr, gene_sets.genes), 3)}, "
            f"those of the embedding {shown(map(repr, genes), 3)}."
        )
    texts = telling(gene_sets.descriptions)
    return {
        f"{name} {texts[name]}" if name in texts else name: rows[name] for name in names
    }


def _memberships(sets: Iterable[list[int]], n_genes: int) -> NDArray[np.uint8]:
    """Pack the sets of every gene.

    Each gene has the number of its sets, then their places as steps from one to the
    next.
    """
    places: list[list[int]] = [[] for _ in range(n_genes)]
    for place, rows in enumerate(sets):
        for row in rows:
            places[row].append(place)
    if not any(places):
        return np.zeros(0, dtype=np.uint8)
    steps = chain.from_iterable([len(own), *np.diff(own, prepend=0)] for own in places)
    return _varints(np.fromiter(steps, np.int32))


def _varints(numbers: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Write seven bits per byte, lowest first; the top bit is set if more follow."""
    n_bits = max(1, int(numbers.max()).bit_length())
    left = numbers[:, np.newaxis] >> np.arange(0, n_bits, 7, dtype=np.int32)
    used = left > 0
    used[:, 0] = True
    return (left & 127 | (left > 127) * np.int32(128))[used].astype(np.uint8)
