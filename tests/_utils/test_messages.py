"""Quoted values, lists of names and near misses in messages."""

import pytest

from sk_gene2vec._utils._messages import excerpt, near_misses, shown


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("TP53", "'TP53'"),
        ("A" * 40, f"'{'A' * 40}'"),
        ("A" * 41, f"'{'A' * 39}…'"),
        (None, "None"),
        (list(range(99)), "[0, 1, 2, 3, 4, 5, ...]"),
    ],
)
def test_excerpt(value, expected):
    assert excerpt(value) == expected


@pytest.mark.parametrize(
    ("texts", "expected"),
    [([], ""), (["A"], "A"), (["A", "B"], "A, B"), (iter("ABC"), "A, B, …")],
)
def test_shown(texts, expected):
    assert shown(texts, 2) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hallmark_a", ", did you mean 'HALLMARK_A' or 'HALLMARK_B'?"),
        ("trp53", ", did you mean 'TRP53' or 'Trp53'?"),
        ("XYZ", ""),
        ("", ""),
    ],
)
def test_near_misses(name, expected):
    known = ["HALLMARK_B", "HALLMARK_A", "TRP53", "Trp53", "Straße"]
    assert near_misses(name, iter(known)) == expected


def test_near_misses_with_letters_swapped_come_first():
    known = ["P35", "TP55", "TP15", "TP53", "TSP5"]
    expected = ", did you mean 'TP53' or 'P35' or 'TSP5'?"
    assert near_misses("TP35", known) == expected


def test_three_near_misses_at_most():
    assert near_misses("GENE", ["GENE1", "GENE2", "GENE3", "GENE4"]).count("'") == 6
    assert near_misses("GENE", []) == ""


def test_what_is_not_printed_is_quoted_shortly():
    assert len(excerpt("\0" * 99)) < 50
    assert len(excerpt("\0" * 39)) < 50
    assert excerpt("x" * 40) == repr("x" * 40)
