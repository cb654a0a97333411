"""Pictures: the drawn objects, not the pixels."""

import subprocess
import sys

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.patches import FancyArrowPatch

from sk_gene2vec import GeneEmbedding
from sk_gene2vec.plotting import _projection, plot_embedding
from sk_gene2vec.plotting._labels import GREY, MAX_CATEGORIES, PALETTE

N_GENES = 300
GENES = [f"G{i}" for i in range(N_GENES)]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def coordinates():
    points = np.random.default_rng(0).normal(size=(N_GENES, 2))
    return pd.DataFrame(points, index=GENES, columns=["UMAP 1", "UMAP 2"])


def drawn(ax):
    """Colour of every point, by place."""
    return {
        tuple(place): to_hex(colour)
        for points in ax.collections
        for place, colour in zip(
            points.get_offsets(),
            np.broadcast_to(points.get_facecolors(), (len(points.get_offsets()), 4)),
            strict=True,
        )
    }


def colour_of(ax, coordinates, gene):
    return drawn(ax)[tuple(coordinates.loc[gene])]


def legend_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_one_point_per_gene_and_named_axes(coordinates):
    ax = plot_embedding(coordinates)
    assert set(drawn(ax)) == set(map(tuple, coordinates.to_numpy()))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("UMAP 1", "UMAP 2")
    assert ax.get_legend() is None
    assert all(points.get_rasterized() for points in ax.collections)


def test_vectors_are_projected_and_the_axes_name_the_method():
    vectors = np.random.default_rng(0).normal(size=(20, 5))
    ax = plot_embedding(GeneEmbedding(GENES[:20], vectors), method="pca")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("PCA 1", "PCA 2")
    assert len(drawn(ax)) == 20


def test_draws_where_told(coordinates):
    figure, axes = plt.subplots(1, 2)
    size = tuple(figure.get_size_inches())
    assert plot_embedding(coordinates, labels=GENES, ax=axes[1]) is axes[1]
    assert plt.get_fignums() == [figure.number]
    assert not axes[0].collections
    assert tuple(figure.get_size_inches()) == size


def test_categories_by_gene(coordinates):
    labels = {"G3": "kinase", "G1": "kinase", "G2": "GPCR", "ELSEWHERE": "GPCR"}
    ax = plot_embedding(coordinates, labels=labels)
    assert legend_of(ax) == ["kinase (2)", "GPCR (1)", "no label (297)"]
    assert colour_of(ax, coordinates, "G1") == PALETTE[0]
    assert colour_of(ax, coordinates, "G3") == PALETTE[0]
    assert colour_of(ax, coordinates, "G2") == PALETTE[1]
    assert colour_of(ax, coordinates, "G0") == GREY
    handles = ax.get_legend().legend_handles
    shown = [to_hex(handle.get_facecolor()[0]) for handle in handles]
    assert shown == [PALETTE[0], PALETTE[1], GREY]
    # A named Series in another order and with missing values gives the same.
    series = pd.Series(
        ["GPCR", "kinase", None, "kinase", ""],
        index=["G2", "G1", "G5", "G3", "G9"],
        name="function",
    )
    other = plot_embedding(coordinates, labels=series)
    assert drawn(other) == drawn(ax)
    assert legend_of(other) == legend_of(ax)
    assert other.get_legend().get_title().get_text() == "function"


def test_more_categories_than_colours(coordinates):
    # C0 has one gene more than all others, C20 to C24 come last by name.
    labels = [f"C{i % 25:02d}" for i in range(N_GENES - 1)] + ["C00"]
    ax = plot_embedding(coordinates, labels=labels)
    texts = legend_of(ax)
    assert len(texts) == MAX_CATEGORIES + 1
    assert texts[:2] == ["C00 (13)", "C01 (12)"]
    assert texts[-1] == "other, 5 labels (59)"
    assert colour_of(ax, coordinates, "G24") == GREY
    assert colour_of(ax, coordinates, "G19") == PALETTE[19]


def test_long_categories_are_cut_in_the_legend(coordinates):
    (text,) = legend_of(plot_embedding(coordinates, labels=["L" * 50] * N_GENES))
    assert text == "L" * 39 + "… (300)"


@pytest.mark.parametrize(
    ("labels", "texts"),
    [
        ([True, False, False] * 100, ["False (200)", "True (100)"]),
        ([10, 9, 9] * 100, ["9 (200)", "10 (100)"]),
        (pd.Categorical(["b", "a", "b"] * 100), ["b (200)", "a (100)"]),
    ],
    ids=["booleans", "few integers", "categorical"],
)
def test_what_is_a_category(coordinates, labels, texts):
    assert legend_of(plot_embedding(coordinates, labels=labels)) == texts


@pytest.mark.parametrize("kind", [int, float])
def test_numbers_have_a_colour_bar(coordinates, kind):
    values = pd.Series(range(N_GENES - 1), index=GENES[1:], name="sets").astype(kind)
    ax = plot_embedding(coordinates, labels=values)
    ax.figure.draw_without_rendering()
    assert ax.get_legend() is None
    (bar,) = [other for other in ax.figure.axes if other is not ax]
    assert bar.get_ylabel() == "sets"
    assert colour_of(ax, coordinates, "G0") == GREY
    viridis = plt.colormaps["viridis"]
    assert colour_of(ax, coordinates, "G1") == to_hex(viridis(0.0))
    assert colour_of(ax, coordinates, "G299") == to_hex(viridis(1.0))


def test_signed_numbers_diverge_from_zero(coordinates):
    values = pd.Series(np.linspace(-1, 3, N_GENES), index=GENES)
    values["G5"], values["G6"], values["G7"] = 0, -3, 500
    ax = plot_embedding(coordinates, labels=values)
    ax.figure.draw_without_rendering()
    (bar,) = [other for other in ax.figure.axes if other is not ax]
    low, high = bar.get_ylim()
    assert low == -high
    assert 3 < high < 4
    red, green, blue = to_rgb(colour_of(ax, coordinates, "G5"))
    assert max(red, green, blue) - min(red, green, blue) < 0.05  # a grey
    below, above = (colour_of(ax, coordinates, gene) for gene in ("G6", "G7"))
    # Blue and orange, which no kind of colour blindness confuses.
    assert to_rgb(below)[2] > to_rgb(below)[0] + 0.4
    assert to_rgb(above)[0] > to_rgb(above)[2] + 0.4


@pytest.mark.parametrize("low", [0, 672_101, -0.0012345])
@pytest.mark.parametrize("title", [None, "Entrez Gene"])
def test_the_colour_bar_fits_the_figure(coordinates, low, title):
    values = low + np.linspace(0, 1e-7 if low < 0 else 300, N_GENES)
    labels = pd.Series(values, index=GENES, name=title)
    figure = plot_embedding(coordinates, labels=labels).figure
    figure.draw_without_rendering()
    for part in figure.axes:
        box = part.get_tightbbox()
        assert 0 <= box.x0 < box.x1 <= figure.bbox.width


def test_more_points_are_smaller_and_more_transparent():
    def look(n):
        ax = plot_embedding(np.random.default_rng(0).normal(size=(n, 2)))
        (points,) = ax.collections
        return points.get_sizes()[0], points.get_alpha()

    few, some, many = map(look, (50, 2_000, 20_000))
    assert few > some > many
    assert few[1] > some[1] > many[1]
    assert many[0] >= 2  # square points, of a 72nd of an inch


def boxes_of(ax):
    """Boxes of the names, in pixels."""
    ax.figure.draw_without_rendering()
    return [text.get_window_extent() for text in ax.texts]


def test_names_stand_by_their_points_and_hide_nothing(coordinates):
    chosen = ["G1", "G2", "G3", "G50", "G77", "G150", "G299"]
    ax = plot_embedding(coordinates, annotate=[*chosen, "G1"])
    assert [text.get_text() for text in ax.texts] == chosen
    boxes = boxes_of(ax)
    spots = ax.transData.transform(coordinates.loc[chosen])
    for k, box in enumerate(boxes):
        assert ax.get_window_extent().padded(1).containsx(box.x0)
        assert not any(box.overlaps(other) for other in boxes[:k])
        assert not any(box.contains(*spot) for spot in spots)
        assert box.padded(60).contains(*spots[k])
    # A name can be read on points of any colour.
    for text in ax.texts:
        (halo,) = text.get_path_effects()
        assert halo._gc["foreground"] == ax.get_facecolor()


def test_crowded_names_get_lines():
    spot = np.concatenate([np.zeros((6, 2)), [[1, 1], [-1, -1]]])
    ax = plot_embedding(spot, genes=GENES[:8], annotate=GENES[:6])
    boxes = boxes_of(ax)
    assert not any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k])
    assert any(isinstance(patch, FancyArrowPatch) for patch in ax.patches)


def test_names_stand_at_the_same_places_every_time(coordinates):
    places = [
        [text.get_position() for text in plot_embedding(coordinates, **given).texts]
        for given in [{"annotate": GENES[:20]}] * 2
    ]
    assert places[0] == places[1]


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"annotate": "TP53"}, TypeError, "iterable of genes to annotate, got 'TP53'"),
        ({"annotate": ["G299x"]}, ValueError, "got 'G299x', did you mean 'G299'"),
        ({"annotate": ["???"]}, ValueError, r"got '\?\?\?'\.$"),
        ({"labels": ["a", "b"]}, ValueError, "300 labels, one per gene, got 2"),
        ({"labels": "kinase"}, ValueError, "300 labels, one per gene, got 1"),
        ({"labels": set(GENES)}, TypeError, "unordered"),
        ({"labels": 7}, ValueError, "300 labels, one per gene, got 1"),
        # pandas before 3 speaks of dimensions.
        ({"labels": pd.DataFrame({"a": GENES})}, ValueError, "1-dim|single column"),
        ({"labels": [pd.NA, pd.NaT] * 150}, ValueError, "some of the genes"),
        ({"labels": [None] * 300}, ValueError, "labels for some of the genes"),
        ({"labels": [np.inf] * 300}, ValueError, "got inf"),
        ({"labels": {"TP53": "a"}}, ValueError, r"labels of 'TP53', genes 'G0', .* …"),
        ({"labels": pd.Series(["a"] * 300)}, ValueError, "give an array"),
        (
            {"labels": pd.Series(["a", "b"], index=["G1", "G1"])},
            ValueError,
            "got two for one gene",
        ),
        ({"method": "mds"}, ValueError, "'umap', 'tsne', 'pca', got 'mds'"),
    ],
)
def test_bad_input(coordinates, given, error, message):
    with pytest.raises(error, match=message):
        plot_embedding(coordinates, **given)
    assert not plt.get_fignums()


@pytest.mark.parametrize("given", [{"annotate": ["TP53"]}, {"labels": {"TP53": "a"}}])
def test_genes_without_names(given):
    with pytest.raises(ValueError, match="Expected the names of the genes"):
        plot_embedding(np.eye(4, 2), **given)


@pytest.mark.parametrize("given", [{"labels": ["A"]}, {"annotate": ["NO_SUCH_GENE"]}])
def test_all_is_checked_before_the_layout(coordinates, monkeypatch, given):
    monkeypatch.setattr(_projection, "_layout", lambda *_: pytest.fail("too early"))
    with pytest.raises((ValueError, KeyError), match=r"NO_SUCH_GENE|Expected"):
        plot_embedding(coordinates, method="pca", **given)


def test_an_array_of_labels_needs_no_names(coordinates):
    ax = plot_embedding(coordinates.to_numpy(), labels=pd.Series(["a"] * N_GENES))
    assert legend_of(ax) == ["a (300)"]


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"plot_embedding .*`pip install matplotlib`"):
        plot_embedding(np.eye(4))


def test_importing_is_cheap():
    """Writing a map does not import matplotlib, and nothing imports umap early."""
    slow = ["matplotlib", "numba", "sklearn.manifold", "sklearn.neighbors", "umap"]
    script = (
        "import sys, sk_gene2vec.plotting\n"
        f"loaded = [name for name in {[*slow, 'torch']} if name in sys.modules]\n"
        "assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
