"""Names of the regions of a map."""

import os
import subprocess
import sys

import numpy as np
import pytest

from sk_gene2vec.plotting._regions import name_regions, readable


@pytest.fixture(scope="module")
def islands():
    """Places of four islands of 100 genes around a cloud of 800."""
    rng = np.random.default_rng(0)
    middles = np.array([[0, 0], [60_000, 0], [0, 60_000], [60_000, 60_000]])
    points = [rng.normal(middle, 500, (100, 2)) for middle in middles]
    return np.concatenate([*points, rng.normal(30_000, 4000, (800, 2))])


def named(points, sets):
    return {name: place for name, *place in name_regions(points, sets)}


def test_an_island_is_named_after_the_set_of_its_genes(islands):
    sets = {
        "GO_FIRST": [*range(90)],
        "GO_WIDE": [*range(700)],  # the islands and more
        "GO_NARROW": [*range(5)],
        "KEGG_THIRD_ISLAND": [*range(205, 300), 700, 800],
        "GO_EVERYWHERE": [*range(0, 1200, 3)],
    }
    found = named(islands, sets)
    assert list(found) == ["FIRST", "THIRD ISLAND"]
    x, y, radius = found["THIRD ISLAND"]
    assert (x, y) == pytest.approx((0, 60_000), abs=300)
    assert radius == pytest.approx(1000, abs=300)


def test_among_similar_matches_the_shortest_name_is_taken(islands):
    long = "REACTOME_REGULATION_OF_GLUCOKINASE_BY_GLUCOKINASE_REGULATORY_PROTEIN"
    sets = {long: [*range(100)], "GO_NUCLEAR_PORE": [*range(95)], "GO_A": [*range(20)]}
    assert list(named(islands, sets)) == ["NUCLEAR PORE"]


def test_comparisons_of_samples_name_no_region(islands):
    own = [*range(100)]
    for name in ("GSE1_TREG_VS_TCONV_UP", "MYC.50_UP.V1_DN", "A_B_DN of a description"):
        assert list(named(islands, {name: own, "GO_PARTS": own[:30]})) == ["PARTS"]
    found = named(islands, {"HALLMARK_KRAS_SIGNALING_DN": own})
    assert list(found) == ["KRAS SIGNALING DN"]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")
def test_regions_in_a_forked_process():
    script = """
import multiprocessing
import numpy as np
from sk_gene2vec.plotting._regions import name_regions

points = np.random.default_rng(0).normal(size=(3000, 2))
arguments = points, {"GO_LEFT": np.flatnonzero(points[:, 0] < -1)}
expected = name_regions(*arguments)
with multiprocessing.get_context("fork").Pool(1) as pool:
    assert pool.apply(name_regions, arguments) == expected
"""
    environment = os.environ | {"OMP_NUM_THREADS": "2"}
    subprocess.run(
        [sys.executable, "-c", script], check=True, timeout=60, env=environment
    )


def test_few_genes_and_equal_places_have_no_regions(islands):
    sets = {"GO_ALL": [*range(100)]}
    assert name_regions(islands[:100], sets) == []
    assert name_regions(np.zeros((400, 2)), sets) == []
    assert name_regions(islands, {}) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("HALLMARK_HYPOXIA", "HYPOXIA"),
        ("HALLMARK_HYPOXIA Genes up in low oxygen", "HYPOXIA"),
        ("GO:0006096 glycolytic process", "glycolytic process"),
        ("Glycolysis (GO:0006096)", "Glycolysis"),
        ("Signaling by WNT R-HSA-195721", "Signaling by WNT"),
        ("IL2 STAT5 signaling", "IL2 STAT5 signaling"),
        ("my_set", "my set"),
        ("P53_PATHWAY", "P53 PATHWAY"),
        ("T_CELL_ACTIVATION", "T CELL ACTIVATION"),
        ("KEGG_MEDICUS_REFERENCE_CELL_CYCLE", "REFERENCE CELL CYCLE"),
        ("GO:0006096", "GO:0006096"),
    ],
)
def test_names_are_readable(name, text):
    assert readable(name) == text
