"""Labels: categories, numbers and missing values, in every container."""

from datetime import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from sk_gene2vec.plotting._labels import Numbers, read_labels

N_GENES = 300
GENES = [f"G{i}" for i in range(N_GENES)]


def legend_of(labels):
    """Names and sizes of categories."""
    entries = read_labels(labels, GENES, N_GENES).legend()
    return [(name, int(members.sum())) for name, _, members in entries]


MISSING = {
    "None": None,
    "an empty text": "",
    "NaN": np.nan,
    "a NaN of NumPy": np.float32("nan"),
    "NA": pd.NA,
    "NaT": pd.NaT,
    "a date of NumPy": np.datetime64("NaT", "D"),
    "a span of NumPy": np.timedelta64("NaT", "D"),
    "a decimal NaN": Decimal("NaN"),
}


@pytest.mark.parametrize("missing", MISSING.values(), ids=MISSING)
def test_values_that_are_not_labels(missing):
    labels = [missing, *["b", "a", "b"] * 99, "a", missing]
    wanted = [("b", 198), ("a", 100), ("no label", 2)]
    assert legend_of(labels) == wanted
    assert legend_of(dict(zip(GENES, labels, strict=True))) == wanted


VALUES = {
    "texts": ["b", "a", "b", None],
    "integers": [10, 9, 9, None],
    "booleans": [True, False, False, None],
    "dates": [datetime(2020, 1, 2), datetime(2021, 3, 4), datetime(2020, 1, 2), None],
}


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize(
    "container",
    [
        lambda values: np.ma.masked_array(
            [values[1] if v is None else v for v in values],
            mask=[v is None for v in values],
        ),
        lambda values: pd.Series(values, index=GENES).convert_dtypes(),
        lambda values: pd.Series(values, index=GENES, dtype=object),
        lambda values: pd.Series(values, index=GENES, dtype="category"),
        lambda values: pd.Categorical(values),
        lambda values: pd.array(values),
        lambda values: pytest.importorskip("polars").Series("", values),
        lambda values: pytest.importorskip("pyarrow").array(values),
        lambda values: pytest.importorskip("pyarrow").chunked_array([values]),
    ],
    ids=[
        "masked array",
        "nullable series",
        "series of objects",
        "categorical series",
        "categorical",
        "pandas array",
        "polars",
        "arrow",
        "chunked arrow",
    ],
)
def test_every_container_keeps_its_gaps(container, values):
    values = values * 75
    wanted = legend_of(values)
    assert len(wanted) == 3
    assert wanted[-1] == ("no label", 75)
    assert legend_of(container(values)) == wanted


@pytest.mark.parametrize("unit", ["D", "s", "ns"])
def test_dates_are_not_numbers(unit):
    """As an array of objects, dates in nanoseconds are integers."""
    days = np.datetime64("2020-01-01", unit) + np.arange(3) * np.timedelta64(1, "D")
    legend = legend_of(np.resize(days, N_GENES))
    assert [name[:10] for name, _ in legend] == [
        "2020-01-01",
        "2020-01-02",
        "2020-01-03",
    ]


@pytest.mark.parametrize("number", [Decimal, np.float32, np.longdouble])
def test_every_kind_of_number_is_a_number(number):
    found = read_labels([number(i) for i in range(N_GENES)], GENES, N_GENES)
    assert isinstance(found, Numbers)
    np.testing.assert_array_equal(found.values, np.arange(N_GENES))


def test_mixed_labels_are_categories():
    """Spans of time are integers to Python, and so are booleans."""
    spans = [np.timedelta64(i, "D") for i in range(N_GENES)]
    assert legend_of(spans)[0] == ("0 days", 1)
    assert legend_of([True, 2, 2] * 100) == [("2", 200), ("True", 100)]
    assert legend_of(["b", 1.5, 1.5] * 100) == [("1.5", 200), ("b", 100)]


def test_a_series_has_its_labels_by_gene():
    series = pd.Series(["a", "b", pd.NA], index=["G7", "G5", "G6"], dtype="string")
    found = read_labels(series.rename("function"), GENES, N_GENES)
    assert found.title == "function"
    assert (found.codes[7], found.codes[5], found.codes[6]) == (0, 1, -1)


def test_whole_numbers_with_gaps_stay_categories():
    """pandas holds them as floats."""
    clusters = pd.Series([3.0, np.nan, 0.0] * 100, index=GENES)
    assert legend_of(clusters) == [("0", 100), ("3", 100), ("no label", 100)]


@pytest.mark.parametrize("missing", [None, 1])
@pytest.mark.parametrize("number", [2**60, -(2**60), np.inf])
def test_numbers_that_floats_do_not_hold_are_refused(number, missing):
    with pytest.raises(ValueError, match=r"below 2\*\*53 .*identifiers as text"):
        read_labels([number, missing, 2] * 100, GENES, N_GENES)


def test_a_series_without_names_of_genes_has_their_order():
    series = pd.Series(["a", "b", None] * 100, index=[0] * N_GENES)
    found = read_labels(series, None, N_GENES)
    assert found.codes[:3].tolist() == [0, 1, -1]


@pytest.mark.parametrize(
    ("values", "ends"),
    [
        (np.linspace(-1, 3, 100), (-3, 3)),
        (np.linspace(0, 3, 100), (0, 3)),
        (np.linspace(-3, -1, 100), (-3, -1)),
        # One far number does not take the colours of all others.
        ([*np.linspace(-2, 2, 100), 1000.0, np.nan], (-2.4, 2.4)),
        # Many zeros, as in sparse effects, do not either.
        ([*np.zeros(5000), *np.linspace(-2, 2, 100)], (-2, 2)),
    ],
    ids=["signed", "from zero", "below zero", "far", "zeros"],
)
def test_zero_is_in_the_middle_of_numbers_of_both_signs(values, ends):
    labels = read_labels(np.asarray(values), None, len(values))
    assert labels.ends() == pytest.approx(ends, abs=0.1)


def test_the_smallest_numbers_have_ends_too():
    numbers = 1e-310 * np.random.default_rng(0).uniform(-1, 3, 100)
    labels = read_labels(numbers, None, 100)
    with np.errstate(all="raise"):
        low, high = labels.ends()
    assert low == -high
    assert 2e-310 < high <= 3e-310
