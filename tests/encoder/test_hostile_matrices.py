"""Hostile matrices: equal ones give equal results in any form, bad ones are refused."""

import os
import tempfile
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.utils.fixes import parse_version, sp_version

from sk_gene2vec import GeneSetEncoder, GmtVectorizer
from sk_gene2vec.encoder import _inference as inference

# Random matrices have empty rows; test_encoder.py tests the warning.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.* (in no gene set|only in sets):UserWarning"),
    pytest.mark.filterwarnings("ignore:.* values in X are above 1:UserWarning"),
]

# Multiplies the number of examples, for runs by hand.
EFFORT = int(os.environ.get("SK_GENE2VEC_EFFORT", "1"))

INPUTS = ["membership", "one-hot"]
INTEGERS = [f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8)]
SPARSE_DTYPES = ["?", *INTEGERS, "f4", "f8", "g"]
DENSE_DTYPES = [*SPARSE_DTYPES, "f2", ">i2", ">u4", ">i8", ">f2", ">f4", ">f8", ">g"]
FORMATS = ["bsr", "coo", "csc", "csr", "dia", "dok", "lil"]
CONTAINERS = [
    getattr(sp, f"{name}_{kind}") for name in FORMATS for kind in ("array", "matrix")
]


def bounded(max_examples):
    """Always the same examples, so that a failure is not a matter of chance."""
    return settings(derandomize=True, deadline=None, max_examples=max_examples * EFFORT)


@pytest.fixture(autouse=True)
def every_warning():
    """Torch gives most warnings only once in a process; here, each time."""
    torch.set_warn_always(True)
    with warnings.catch_warnings():
        # The package takes the one that a process gets.
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
        yield
    torch.set_warn_always(False)


@pytest.fixture(autouse=True)
def short_fold_in(monkeypatch):
    """Rows that one-hot has not seen are embedded in a few steps, not in a hundred."""
    monkeypatch.setattr(inference, "FOLD_IN_STEPS", 5)


def make(**changes):
    parameters = {"max_epochs": 2, "batch_size": 8, "random_state": 0}
    return GeneSetEncoder(3, **(parameters | changes))


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def mapped(array):
    """The same array, but in a file that may only be read."""
    if not array.size:  # mmap refuses an empty file
        return read_only(array)
    with tempfile.TemporaryFile() as file:
        file.write(array.tobytes())
        file.flush()
        return np.memmap(file, array.dtype, "r", shape=array.shape)


def unaligned(array):
    buffer = bytearray(1 + array.nbytes)
    view = np.ndarray(array.shape, array.dtype, buffer, offset=1)
    view[...] = array
    return view


LAYOUTS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "backwards": lambda a: np.ascontiguousarray(a[::-1, ::-1])[::-1, ::-1],
    "every other": lambda a: np.repeat(np.repeat(a, 2, axis=0), 2, axis=1)[::2, ::2],
    "part of a larger one": lambda a: np.pad(a, 1)[1:-1, 1:-1],
    "read-only": read_only,
    "memory-mapped": mapped,
    "unaligned": unaligned,
    "list of lists": lambda a: a.tolist(),
    "object": lambda a: a.astype(object),
    "DataFrame": pd.DataFrame,
    "DataFrame of sparse columns": lambda a: pd.DataFrame(
        {
            i: pd.arrays.SparseArray(column, fill_value=a.dtype.type(0))
            for i, column in enumerate(a.T)
        }
    ),
}
# NumPy turns its own 80-bit floats into no Python float, and pandas has neither them
# nor the other byte order in sparse columns.
PLAIN_LAYOUTS = [*LAYOUTS][:8]


def with_arrays(X, change):
    """The same CSR, CSC or COO matrix with the arrays inside it changed."""
    X = X.copy()
    if X.format == "coo":
        X.coords = tuple(change(index) for index in X.coords)
    else:
        X.indices, X.indptr = change(X.indices), change(X.indptr)
    X.data = change(X.data)
    return X


def to_int64(array):
    return array.astype(np.int64) if array.dtype == np.int32 else array


@st.composite
def members(draw, n_sets=None):
    """Draw memberships, often with duplicate, full or empty rows and columns."""
    width = n_sets or draw(st.integers(1, 6))
    base = draw(hnp.arrays(bool, (draw(st.integers(1, 6)), width)))
    pool = [*base, np.zeros(width, bool), np.ones(width, bool)]
    index = draw(st.lists(st.integers(0, len(pool) - 1), min_size=1, max_size=10))
    found = np.array([pool[i] for i in index])
    if draw(st.booleans()):
        found[:, draw(st.integers(0, width - 1))] = draw(st.booleans())
    assume(found.any())
    return found


@st.composite
def dense_forms(draw, found):
    dtype = np.dtype(draw(st.sampled_from(DENSE_DTYPES)))
    plain = dtype.isnative and dtype.char != "g"
    layout = draw(st.sampled_from([*LAYOUTS] if plain else PLAIN_LAYOUTS))
    values = np.where(found, draw(st.sampled_from([1, 2, 100])), 0).astype(dtype)
    if dtype.kind == "f" and draw(st.booleans()):
        values[found] = np.finfo(dtype).smallest_subnormal
        values[~found] = -0.0
    return LAYOUTS[layout](values)


@st.composite
def sparse_forms(draw, found):
    dtype = draw(st.sampled_from(SPARSE_DTYPES))
    values = np.where(found, draw(st.sampled_from([1, 2, 100])), 0).astype(dtype)
    return draw(st.sampled_from(CONTAINERS))(values)


@st.composite
def messy_forms(draw, found):
    """Entries in any order, several that add up, and zeros that are stored."""
    dtype = np.dtype(draw(st.sampled_from(SPARSE_DTYPES)))
    sums_to_one = [[1], [1, 1], [1, 0]]
    sums_to_zero = [[], [0], [0, 0]]
    if dtype.kind in "iu":
        # More than eight bits can hold.
        sums_to_one.append([100, 100, 100])
    entries = [
        (i, j, value)
        for (i, j), is_member in np.ndenumerate(found)
        for value in draw(st.sampled_from(sums_to_one if is_member else sums_to_zero))
    ]
    order = draw(st.permutations(range(len(entries))))
    shuffled = np.array([entries[k] for k in order], dtype=int).reshape(-1, 3)
    form = draw(st.sampled_from(["coo", "csr", "csc"]))
    if form != "coo":
        major = 0 if form == "csr" else 1
        shuffled = shuffled[np.argsort(shuffled[:, major], kind="stable")]
    rows, columns, values = shuffled.T
    values = values.astype(dtype)
    container = getattr(sp, f"{form}_{draw(st.sampled_from(['array', 'matrix']))}")
    if form == "coo":
        X = container((values, (rows, columns)), shape=found.shape)
    else:
        outer, inner = (rows, columns) if form == "csr" else (columns, rows)
        sizes = np.bincount(outer, minlength=found.shape[major])
        starts = np.append(0, np.cumsum(sizes))
        X = container((values, inner, starts), shape=found.shape)
    for change in (to_int64, draw(st.sampled_from([np.copy, read_only, mapped]))):
        X = with_arrays(X, change) if draw(st.booleans()) else X
    return X


@st.composite
def members_and_form(draw, n_sets=None):
    found = draw(members(n_sets))
    form = draw(st.one_of(f(found) for f in (dense_forms, sparse_forms, messy_forms)))
    return found, form


def dense(X):
    return X.toarray() if sp.issparse(X) else np.asarray(X)


def assert_same_fit(encoder, expected):
    for name in ("embedding_", "gene_set_weights_", "loss_curve_"):
        np.testing.assert_array_equal(getattr(encoder, name), getattr(expected, name))
    for name in ("coefs_", "intercepts_"):
        for a, b in zip(getattr(encoder, name), getattr(expected, name), strict=True):
            np.testing.assert_array_equal(a, b)


@bounded(40)
@given(
    members_and_form(),
    st.fixed_dictionaries(
        {
            "gene_input": st.sampled_from(INPUTS),
            "n_negatives": st.sampled_from([None, 3]),
        }
    ),
)
def test_equal_matrices_give_equal_fits(members_and_form, parameters):
    found, form = members_and_form
    np.testing.assert_array_equal(dense(form) > 0, found)
    expected = make(**parameters).fit(found.astype(np.float64))
    assert_same_fit(make(**parameters).fit(form), expected)
    assert expected.embedding_.shape == (len(found), 3)
    assert np.isfinite(expected.embedding_).all()
    probability = expected.predict_proba(found)
    assert probability.shape == found.shape
    assert (probability >= 0).all()
    assert (probability <= 1).all()


@pytest.fixture(scope="module", params=INPUTS)
def fitted(request):
    X = np.random.default_rng(0).random((20, 6)) < 0.4
    return make(gene_input=request.param).fit(X)


@bounded(100)
@given(members_and_form(n_sets=6))
def test_equal_matrices_give_equal_embeddings_and_probabilities(
    fitted, members_and_form
):
    found, form = members_and_form
    dtype = np.dtype(getattr(form, "dtype", np.float64))
    floats = dtype.newbyteorder("=") if dtype.char in "fd" else np.dtype(np.float64)
    expected = found.astype(floats)
    with warnings.catch_warnings():
        # The encoder was fitted on no names; frames have some.
        warnings.filterwarnings("ignore", "X has feature names")
        embedding, probability = fitted.transform(form), fitted.predict_proba(form)
    if isinstance(form, pd.DataFrame):
        # For sparse columns of float32, pandas chooses the dtype.
        expected = found.astype(embedding.dtype)
    assert embedding.dtype == probability.dtype == expected.dtype
    np.testing.assert_array_equal(embedding, fitted.transform(expected))
    np.testing.assert_array_equal(probability, fitted.predict_proba(expected))


def arrays_of(X):
    if not sp.issparse(X):
        return [X]
    return [X.data, *(X.coords if X.format == "coo" else (X.indices, X.indptr))]


@bounded(20)
@given(members(), st.data())
def test_the_matrix_of_the_caller_is_not_changed(found, data):
    dense_form = np.where(found, 2.0, -0.0)
    form = data.draw(st.one_of(messy_forms(found), st.just(dense_form)))
    before = [array.copy() for array in arrays_of(form)]
    make().fit(form).predict_proba(form)
    for array, expected in zip(arrays_of(form), before, strict=True):
        assert array.tobytes() == expected.tobytes()


@pytest.fixture(scope="module")
def X():
    """Twelve genes in nine sets; one gene in none, one in all, one set empty."""
    found = np.random.default_rng(0).random((12, 9)) < 0.5
    found[3], found[5] = False, True
    found[:, 2] = False
    found[7:9] = found[6]
    return found.astype(np.float64)


def csr64(X):
    return with_arrays(sp.csr_array(X), to_int64)


FORMS = {
    **LAYOUTS,
    **{container.__name__: container for container in CONTAINERS},
    "bsr of blocks": lambda X: sp.bsr_array(X, blocksize=(3, 3)),
    "csr, int64 indices": csr64,
    "csr, read-only": lambda X: with_arrays(sp.csr_array(X), read_only),
    "csr, read-only int64": lambda X: with_arrays(csr64(X), read_only),
    "csr, memory-mapped": lambda X: with_arrays(sp.csr_array(X), mapped),
    "nullable Int64": lambda X: pd.DataFrame(X.astype(int)).astype("Int64"),
    "nullable boolean": lambda X: pd.DataFrame(X.astype(bool)).astype("boolean"),
    **{
        f"dense {dtype}": lambda X, dtype=dtype: X.astype(dtype)
        for dtype in DENSE_DTYPES
    },
    **{
        f"csr {dtype}": lambda X, dtype=dtype: sp.csr_array(X.astype(dtype))
        for dtype in SPARSE_DTYPES
    },
}


@pytest.fixture(scope="module", params=INPUTS)
def expected(request, X):
    parameters = {"gene_input": request.param}
    return parameters, make(**parameters).fit(X)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_gives_the_same_fit(X, form, expected):
    parameters, fitted = expected
    encoder = make(**parameters).fit(form(X))
    assert_same_fit(encoder, fitted)
    np.testing.assert_array_equal(encoder.transform(X), fitted.transform(X))
    np.testing.assert_array_equal(encoder.predict_proba(X), fitted.predict_proba(X))


@pytest.mark.parametrize("gene_input", INPUTS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (4, 1), (4, 3)])
def test_matrices_with_nothing_to_learn(shape, gene_input):
    """All ones; one gene, one set: a fit, and finite numbers."""
    X = np.ones(shape)
    encoder = make(gene_input=gene_input).fit(X)
    assert encoder.embedding_.shape == (shape[0], 3)
    assert np.isfinite(encoder.embedding_).all()
    # Genes that the data cannot tell apart are at the same place.
    assert (encoder.embedding_ == encoder.embedding_[0]).all()
    assert (encoder.predict_proba(X) > 0.5).all()


@pytest.mark.filterwarnings("ignore:.* only in sets")
@pytest.mark.parametrize("gene_input", INPUTS)
@pytest.mark.parametrize("shape", [(1, 1), (4, 3)])
def test_all_zeros_is_refused(shape, gene_input):
    message = f"Expected genes with gene sets, got {shape[0]} rows of zeros alone"
    with pytest.raises(ValueError, match=message):
        make(gene_input=gene_input).fit(np.zeros(shape))


@bounded(12)
@given(
    st.dictionaries(
        st.text("ST", min_size=1, max_size=3),
        st.lists(st.sampled_from("ABCDE"), max_size=6),
        min_size=1,
        max_size=5,
    ).filter(lambda gene_sets: any(gene_sets.values())),
    st.sampled_from(["?", "i1", "u8", "f4", "f8"]),
)
def test_what_the_vectorizer_makes_is_fitted_as_it_is(gene_sets, dtype):
    genes = list("EABBDC")
    vectorizer = GmtVectorizer(gene_sets, dtype=dtype)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* only in sets")
        X = vectorizer.fit_transform(genes)
    rows = [[gene in members for members in gene_sets.values()] for gene in genes]
    assert_same_fit(make().fit(X), make().fit(np.array(rows)))


@pytest.mark.parametrize(("value", "dtype"), [(128, "u1"), (127, "i1")])
def test_duplicates_do_not_overflow(value, dtype):
    """128 + 128 is 0 in eight bits, and 127 + 127 is negative."""
    entries = np.full(4, value, dtype)
    X = sp.csr_array((entries, [0, 0, 1, 1], [0, 2, 4]), shape=(2, 3))
    expected = make().fit(np.array([[1, 0, 0], [0, 1, 0]]))
    assert_same_fit(make().fit(X), expected)


def test_a_negative_duplicate_is_refused():
    X = sp.csr_array(([1.0, -1.0, 1.0], [0, 0, 1], [0, 2, 3]), shape=(2, 3))
    with pytest.raises(ValueError, match="Negative values in data"):
        make().fit(X)


def put(value):
    """Place a value, as a sum of itself and nothing, in a matrix of any form."""

    def change(X):
        X = X.copy()
        X[1, 4] = value
        return X

    return change


BAD = {
    "negative": (put(-1), "Negative values in data"),
    "nan": (put(np.nan), "contains NaN"),
    "inf": (put(np.inf), "contains infinity"),
    "minus inf": (put(-np.inf), "contains infinity"),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("form", [*CONTAINERS, *LAYOUTS.values()])
def test_bad_values_are_refused_in_every_form(X, fitted_on_X, form, bad):
    change, message = BAD[bad]
    assert_refused(fitted_on_X, form(change(X)), ValueError, message)


@pytest.fixture(scope="module")
def fitted_on_X(X):
    return make().fit(X)


def assert_refused(encoder, X, error, message):
    before = dict(vars(encoder))
    for method in (encoder.fit, encoder.transform, encoder.predict_proba):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "X has feature names")
            with pytest.raises(error, match=message):
                method(X)
    assert vars(encoder) == before


@pytest.mark.parametrize(
    "dtype", [np.float32, np.int8, np.int16, np.int32, np.int64, ">f8", ">i4"]
)
def test_negative_values_of_any_type_are_refused(X, fitted_on_X, dtype):
    bad = put(-1)(X).astype(dtype)
    assert_refused(fitted_on_X, bad, ValueError, "Negative values in data")


def test_duplicates_with_a_negative_sum_are_refused(X, fitted_on_X):
    entries = sp.coo_array(X)
    rows, columns = np.hstack([entries.coords, [[3, 3], [0, 0]]])
    values = np.append(entries.data, [1, -3])
    bad = sp.coo_array((values, (rows, columns)), shape=X.shape)
    assert_refused(fitted_on_X, bad, ValueError, "Negative values in data")


@pytest.mark.parametrize(
    ("make_bad", "error", "message"),
    [
        (lambda X: X.astype(complex), ValueError, "Complex data not supported"),
        (lambda X: sp.csr_array(X, dtype=complex), ValueError, "Complex data not"),
        (lambda X: X.astype(str), ValueError, r"got '[01]\.0'"),
        (lambda X: X.astype("S"), ValueError, "numeric"),
        (lambda X: X.astype("M8[s]"), TypeError, "got datetime64.s. values"),
        (lambda X: X.astype("m8[s]"), TypeError, "got timedelta64.s. values"),
        (lambda X: put("TP53")(X.astype(object)), ValueError, "got 'TP53'"),
        (lambda X: put({})(X.astype(object)), TypeError, "real number, not 'dict'"),
        (lambda X: put(None)(X.astype(object)), ValueError, "contains NaN"),
        (
            lambda X: pd.DataFrame(X).astype("Int64").mask(X > 0),
            ValueError,
            "contains NaN",
        ),
        (lambda X: sp.csr_matrix(X).todense(), TypeError, "np.matrix is not"),
        (lambda X: X[0], ValueError, "Expected 2D array"),
        (lambda X: X[None], ValueError, "dim 3"),
        (lambda X: sp.coo_array(X[0]), ValueError, "Expected 2D|a 1d sparse array"),
        pytest.param(
            lambda X: sp.coo_array(X[None]),
            ValueError,
            "Got 3D",
            marks=pytest.mark.skipif(
                sp_version < parse_version("1.15"), reason="SciPy before 1.15 has none"
            ),
        ),
        (lambda X: X[:0], ValueError, "0 sample"),
        (lambda X: sp.csr_array(X[:0]), ValueError, "0 sample"),
    ],
)
def test_input_other_than_a_matrix_of_numbers_is_refused(
    X, fitted_on_X, make_bad, error, message
):
    assert_refused(fitted_on_X, make_bad(X), error, message)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_a_collection_without_a_set_is_refused(X, form):
    with pytest.raises(ValueError, match="0 feature"):
        make().fit(form(X[:, :0]))
