"""group_gene_sets: near copies of gene sets, and who represents them."""

import io

import numpy as np
import pandas as pd
import pytest

from sk_gene2vec import GeneSets, group_gene_sets

# BIG has most near copies; SMALL is nested in it; the CHAIN shares nothing end to end.
SETS = {
    "COPY": [*"ABCDEFG"],
    "BIG": [*"ABCDEFGH"],
    "SMALL": [*"AB"],
    "CHAIN_1": [*"STUV"],
    "CHAIN_2": [*"UVWX"],
    "CHAIN_3": [*"WXYZ"],
    "EMPTY": [],
}


def groups_of(frame):
    return frame.groupby("representative")["gene_set"].agg(set).to_dict()


def jaccard(first, second):
    first, second = set(first), set(second)
    return len(first & second) / len(first | second)


def random_sets(n_sets, seed=0):
    rng = np.random.default_rng(seed)
    genes = np.array([f"G{number:02d}" for number in range(25)])
    sizes = rng.integers(1, 20, n_sets)
    return {
        f"SET_{number}": rng.choice(genes, size, replace=False).tolist()
        for number, size in enumerate(sizes)
    }


def test_near_copies_are_one_group():
    frame = group_gene_sets(SETS)
    assert frame.iloc[:2].to_dict("records") == [
        {"gene_set": "BIG", "representative": "BIG", "similarity": 1.0, "size": 8},
        {"gene_set": "COPY", "representative": "BIG", "similarity": 7 / 8, "size": 7},
    ]
    alone = frame.iloc[2:]
    assert (alone["gene_set"] == alone["representative"]).all()
    assert alone["size"].tolist() == [4, 4, 4, 2, 0]


def test_a_specific_set_stays_beside_a_large_one_and_chains_are_cut():
    groups = groups_of(group_gene_sets(SETS, threshold=0.3))
    assert groups["SMALL"] == {"SMALL"}
    ranked = ["CHAIN_1", "CHAIN_2", "CHAIN_3"]
    assert groups_of(group_gene_sets(SETS, ranked, threshold=0.3)) == {
        "CHAIN_1": {"CHAIN_1", "CHAIN_2"},
        "CHAIN_3": {"CHAIN_3"},
    }


def test_the_best_of_the_given_names_represents_its_group():
    frame = group_gene_sets(SETS, ["EMPTY", "SMALL", "COPY", "CHAIN_1", "BIG"])
    assert frame["gene_set"].tolist() == ["EMPTY", "SMALL", "COPY", "BIG", "CHAIN_1"]
    assert frame["representative"].tolist() == [
        *("EMPTY", "SMALL", "COPY", "COPY", "CHAIN_1")
    ]


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8, 1.0])
def test_groups_are_what_brute_force_finds(threshold):
    sets = random_sets(300)  # more than are compared with all others at once
    names = list(sets)
    expected, leaders = {}, []
    for name in names:
        near = {x: jaccard(sets[name], sets[x]) for x in leaders}
        near = {x: value for x, value in near.items() if value >= threshold}
        expected[name] = max(near, key=near.get) if near else name
        leaders += [] if near else [name]
    frame = group_gene_sets(sets, names, threshold=threshold)
    assert (
        dict(zip(frame["gene_set"], frame["representative"], strict=True)) == expected
    )
    assert frame["representative"].unique().tolist() == leaders
    for row in frame.itertuples():
        both = sets[row.gene_set], sets[row.representative]
        assert row.similarity == pytest.approx(jaccard(*both))
        assert row.size == len(sets[row.gene_set])


def test_without_names_large_groups_come_first_and_no_two_leaders_are_alike():
    sets = random_sets(200)
    frame = group_gene_sets(sets, threshold=0.4)
    sizes = frame.groupby("representative", sort=False).size()
    assert sizes.is_monotonic_decreasing
    assert sizes.iloc[0] > 2
    leaders = sizes.index
    for number, first in enumerate(leaders):
        assert all(jaccard(sets[first], sets[x]) < 0.4 for x in leaders[:number])
    for _, group in frame.groupby("representative"):
        assert group["gene_set"].iloc[0] == group["representative"].iloc[0]
        assert group["similarity"].is_monotonic_decreasing


def test_collections_of_every_kind(tmp_path):
    expected = group_gene_sets({"A": ["X", "Y"], "B": ["X"]})
    path = tmp_path / "sets.gmt"
    path.write_text("A\tna\tX\tY\nB\tna\tX\n", encoding="utf-8")
    table = pd.DataFrame({"source": [*"AAB"], "target": [*"XYX"]})
    for same in (path, table, GeneSets({"A": ["X", "Y"], "B": ["X"]})):
        pd.testing.assert_frame_equal(group_gene_sets(same), expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"names": ["BUG"]}, "'BUG', did you mean 'BIG'"),
        ({"names": ["?"]}, "got '.'. No name there is close to it"),
        ({"names": ["BIG", "COPY", "BIG"]}, "every name once, got 'BIG' twice"),
        ({"names": []}, "names of gene sets, got none"),
        ({"threshold": 0}, "threshold == 0"),
        ({"threshold": 1.1}, "threshold == 1.1"),
        ({"threshold": float("nan")}, "threshold .* NaN"),
    ],
)
def test_values_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        group_gene_sets(SETS, **options)


def test_types_are_checked():
    with pytest.raises(
        TypeError, match="iterable of names of gene sets, got the str 'BIG'"
    ):
        group_gene_sets(SETS, "BIG")
    with pytest.raises(TypeError, match=r"names of gene sets .*int 7"):
        group_gene_sets(SETS, [7])
    with pytest.raises(TypeError, match="threshold"):
        group_gene_sets(SETS, threshold="high")


@pytest.mark.parametrize("gene_sets", [5, io.StringIO("A\tna\tG1\n"), [io.StringIO()]])
def test_what_is_no_collection_is_refused(gene_sets):
    with pytest.raises(TypeError, match="as gene_sets, got"):
        group_gene_sets(gene_sets)


@pytest.mark.parametrize("names", [{"BIG", "COPY"}, {"BIG": 1}])
def test_names_without_an_order_rank_nothing(names):
    with pytest.raises(TypeError, match=r"of names of gene sets.*, got a \w+\."):
        group_gene_sets({"BIG": ["A", "B"], "COPY": ["A", "B"]}, names)
