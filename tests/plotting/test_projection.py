"""Coordinates in the plane: by UMAP, t-SNE and PCA, or as given."""

import sys
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier
from threadpoolctl import threadpool_info, threadpool_limits

from sk_gene2vec import GeneEmbedding
from sk_gene2vec.plotting import _projection as projection
from sk_gene2vec.plotting._projection import closed_up, in_the_plane, project_2d

N_GENES = 60
GENES = [f"G{i}" for i in range(N_GENES)]
GROUPS = np.repeat([0, 1, 2], N_GENES // 3)
needs_umap = pytest.mark.skipif(find_spec("umap") is None, reason="needs umap-learn")
# Slow: Numba compiles for a minute.
of_umap = {"marks": [needs_umap, pytest.mark.slow]}


@pytest.fixture(scope="module")
def vectors():
    """Three groups that differ by direction, in vectors of very different lengths."""
    rng = np.random.default_rng(0)
    vectors = np.eye(3, 8)[GROUPS] + rng.normal(scale=0.1, size=(N_GENES, 8))
    return vectors * rng.uniform(0.1, 30, size=(N_GENES, 1))


@pytest.fixture
def absent(monkeypatch):
    """Make a package look as if it were not installed."""
    return lambda package: monkeypatch.setitem(sys.modules, package, None)


@pytest.mark.parametrize(
    ("method", "axis"),
    [pytest.param("umap", "UMAP", **of_umap), ("tsne", "t-SNE")],
)
def test_neighbours_by_cosine_stay_neighbours(vectors, method, axis):
    found = project_2d(vectors, genes=GENES, method=method)
    assert list(found.index) == GENES
    assert list(found.columns) == [f"{axis} 1", f"{axis} 2"]
    nearest = KNeighborsClassifier(3).fit(found.to_numpy(), GROUPS)
    assert nearest.score(found.to_numpy(), GROUPS) == 1
    again = project_2d(vectors, genes=GENES, method=method)
    pd.testing.assert_frame_equal(again, found)


def test_pca_is_that_of_scikit_learn(vectors):
    found = project_2d(vectors, genes=GENES, method="pca")
    np.testing.assert_allclose(found, PCA(2, random_state=0).fit_transform(vectors))
    assert list(found.columns) == ["PCA 1", "PCA 2"]


@pytest.mark.parametrize("method", [pytest.param("umap", **of_umap), "tsne"])
def test_genes_with_one_vector_are_seen_apart(vectors, method):
    vectors = np.repeat(vectors[:: N_GENES // 3], N_GENES // 3, axis=0)
    found = project_2d(vectors, genes=GENES, method=method).to_numpy()
    far = np.linalg.norm(np.ptp(found, axis=0))
    for group in range(3):
        members = found[group == GROUPS]
        gaps = np.linalg.norm(members[:, None] - members, axis=2)
        assert gaps[~np.eye(len(members), dtype=bool)].min() > far / 200
    nearest = KNeighborsClassifier(3).fit(found, GROUPS)
    assert nearest.score(found, GROUPS) == 1


def test_pushing_apart_leaves_distant_points():
    corners = np.array([[0.0, 0], [1, 0], [0, 1], [1, 1]])
    moved = projection._push_apart(corners)
    assert np.abs(moved - corners).max() < 0.2


@pytest.mark.parametrize("n_genes", [3, 4])
@pytest.mark.parametrize("method", [pytest.param("umap", **of_umap), "tsne", "pca"])
def test_a_handful_of_genes(vectors, method, n_genes):
    chosen = vectors[:n_genes]
    found = project_2d(chosen, genes=GENES[:n_genes], method=method)
    assert found.shape == (n_genes, 2)
    assert np.isfinite(found.to_numpy()).all()


def test_auto_is_tsne_without_umap(vectors, absent):
    absent("umap")
    assert list(project_2d(vectors, genes=GENES).columns) == ["t-SNE 1", "t-SNE 2"]


def test_umap_leaves_the_threads_of_others_alone(vectors, monkeypatch):
    class Meddler:
        """Resets threads as Numba does when it starts, once per process."""

        def __init__(self, **parameters):
            threadpool_limits(3, user_api="openmp")

        def fit_transform(self, rows):
            return rows[:, :2]

    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=Meddler))
    before = threadpool_info()
    project_2d(vectors, genes=GENES, method="umap")
    assert threadpool_info() == before


@pytest.mark.slow
@needs_umap
def test_auto_is_umap(vectors):
    first = project_2d(vectors, genes=GENES)
    assert list(first.columns) == ["UMAP 1", "UMAP 2"]
    assert not np.allclose(project_2d(vectors, genes=GENES, random_state=1), first)


def test_umap_asked_for_and_absent(vectors, absent):
    absent("umap")
    with pytest.raises(ImportError, match=r'method="umap" .*`pip install umap-learn`'):
        project_2d(vectors, genes=GENES, method="umap")


def test_every_kind_of_embedding_alike(vectors):
    wanted = project_2d(vectors, genes=GENES, method="pca")
    for embedding in (
        pd.DataFrame(vectors, index=GENES),
        GeneEmbedding(GENES, vectors),
    ):
        pd.testing.assert_frame_equal(project_2d(embedding, method="pca"), wanted)


def test_two_columns_are_coordinates_already(vectors):
    frame = pd.DataFrame(vectors[:, :2], index=GENES, columns=["east", "north"])
    plane = vectors[:, :2]
    points, axes = in_the_plane(frame, plane, "auto", 0)
    assert axes == ["east", "north"]
    np.testing.assert_array_equal(points, plane)
    assert in_the_plane(plane, plane, "auto", 0)[1] == ["dimension 1", "dimension 2"]
    assert in_the_plane(frame, plane, "pca", 0)[1] == ["PCA 1", "PCA 2"]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"genes": None}, ValueError, "the embedding is an array, and `genes` is None"),
        ({"genes": "TP53"}, TypeError, "an iterable of genes, got the str 'TP53'"),
        ({"genes": set(GENES)}, TypeError, "in a fixed order, got a set"),
        ({"genes": GENES[1:]}, ValueError, "got 59 genes and 60 vectors"),
        ({"genes": [*GENES[1:], "G7"]}, ValueError, "every gene once, got 'G7' twice"),
        (
            {"genes": range(N_GENES)},
            TypeError,
            r"genes \(str\), got int 0 at position 0",
        ),
        ({"method": "mds"}, ValueError, "'umap', 'tsne', 'pca', got 'mds'"),
        ({"embedding": np.full((60, 4), np.nan)}, ValueError, "60 of 60 .* with NaN"),
        ({"embedding": np.ones((2, 4))}, ValueError, "2 sample"),
        ({"embedding": np.ones((4, 1))}, ValueError, "1 feature"),
        ({"embedding": np.zeros((60, 4))}, ValueError, "the same for all 60 genes"),
        # All vectors have one direction, so all cosines are 1.
        (
            {"embedding": np.arange(1.0, 61)[:, None] * [1, 2], "method": "tsne"},
            ValueError,
            "the same for all 60 genes",
        ),
        (
            {"embedding": pd.DataFrame(np.ones((60, 3)), index=GENES)},
            ValueError,
            "Expected no `genes` beside an embedding that names its genes",
        ),
    ],
)
def test_bad_input(vectors, change, error, message):
    given = {"embedding": vectors, "genes": GENES, "method": "pca", **change}
    with pytest.raises(error, match=message):
        project_2d(**given)


def test_far_groups_come_closer():
    rng = np.random.default_rng(0)
    middle = rng.uniform(-1, 1, size=(2000, 2))
    group = rng.uniform(-0.1, 0.1, size=(40, 2))
    places = np.array([[0, 40], [30, 0], [0, -3], [0, 80]])
    moved = closed_up(np.concatenate([middle, *(group + place for place in places)]))
    # Each group keeps its form.
    shift = moved[:2000] - middle
    np.testing.assert_allclose(shift, np.tile(shift[0], (2000, 1)), atol=1e-9)
    shifts = moved[2000:].reshape(4, 40, 2) - group
    np.testing.assert_allclose(shifts, shifts[:, :1].repeat(40, axis=1), atol=1e-9)
    # Each group stays on its side, and far groups come closer.
    above, right, below, top = shifts[:, 0] - shift[0]
    np.testing.assert_allclose([above[0], right[1], below[0], top[0]], 0, atol=1e-9)
    assert 1.1 < above[1] < 1.8
    assert 1.1 < right[0] < 1.8
    assert -1.8 < below[1] < -1.1
    assert above[1] + 0.2 < top[1] < above[1] + 0.9


def test_near_groups_stay():
    rng = np.random.default_rng(0)
    middle = rng.uniform(-1, 1, size=(2000, 2))
    points = np.concatenate([middle, middle[:40] / 50 + [0, 1.3]])
    np.testing.assert_allclose(closed_up(points), points, atol=0.1)


def test_a_point_in_the_middle_of_a_ring_stays():
    angles = np.linspace(0, 2 * np.pi, 2000, endpoint=False)
    ring = np.column_stack([np.cos(angles), np.sin(angles)])
    points = np.concatenate([ring - ring.mean(axis=0), [[0, 0]]])
    np.testing.assert_allclose(closed_up(points), points, atol=0.1)


@pytest.mark.parametrize(
    "points", [np.ones((5, 2)), np.column_stack([np.arange(30.0), np.zeros(30)])]
)
def test_points_on_a_spot_or_a_line_stay(points):
    np.testing.assert_allclose(closed_up(points), points)
