"""GmtVectorizer: genes in, membership rows out."""

import pickle
import re
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags

from sk_gene2vec import (
    GeneSetEncoder,
    GeneSetFormatError,
    GeneSets,
    GmtVectorizer,
    read_gmt,
    write_gmt,
)
from sk_gene2vec.datasets import load_go_bp

# Neither names nor genes are sorted: columns keep the order, genes_ does not.
SETS = {"SMALL": ["TP53"], "BIG": ["TP53", "MDM2", "ATM"], "MID": ["ATM", "Trp53"]}
GENES = ["ATM", "TP53", "Trp53"]
ROWS = [[0, 1, 1], [1, 1, 0], [0, 0, 1]]


def frame(**columns):
    return pd.DataFrame(columns)


def rows(matrix):
    return matrix.toarray().tolist()


def test_membership_matrix():
    X = GmtVectorizer(SETS).fit_transform(GENES)
    assert isinstance(X, sp.csr_matrix)
    assert X.dtype == np.float32
    assert X.has_sorted_indices
    assert X.nnz == 5
    assert rows(X) == ROWS


def test_fitted_attributes():
    vectorizer = GmtVectorizer(SETS).fit(["ATM"])
    assert vectorizer.vocabulary_ == {"SMALL": 0, "BIG": 1, "MID": 2}
    assert vectorizer.genes_.tolist() == ["ATM", "MDM2", "TP53", "Trp53"]
    assert vectorizer.genes_.dtype == object
    assert vectorizer.gene_sets_ == GeneSets(SETS)
    assert rows(vectorizer.membership_) == [ROWS[0], [0, 1, 0], *ROWS[1:]]
    names = vectorizer.get_feature_names_out()
    assert names.tolist() == ["SMALL", "BIG", "MID"]
    assert names.dtype == object


def test_repeated_genes_and_order_of_samples():
    X = GmtVectorizer(SETS).fit(GENES).transform(["Trp53", "ATM", "Trp53"])
    assert rows(X) == [ROWS[2], ROWS[0], ROWS[2]]


@pytest.mark.parametrize(
    "make",
    [
        list,
        tuple,
        iter,
        lambda genes: (gene for gene in genes),
        np.array,
        lambda genes: np.array(genes, dtype=object),
        lambda genes: np.array(genes).reshape(-1, 1),
        lambda genes: pd.Series(genes, index=[7, 8, 9]),
        lambda genes: pd.Series(genes, dtype="category"),
        lambda genes: pd.Index(genes),
        lambda genes: pd.DataFrame({"gene": genes}),
        lambda genes: dict.fromkeys(genes).keys(),
    ],
)
def test_kinds_of_genes(make):
    vectorizer = GmtVectorizer(SETS)
    assert rows(vectorizer.fit_transform(make(GENES))) == ROWS
    assert rows(vectorizer.fit(make(GENES)).transform(make(GENES))) == ROWS


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ("TP53", TypeError, "the str 'TP53'"),
        (b"TP53", TypeError, "the bytes"),
        (None, TypeError, "the NoneType None"),
        ({"TP53"}, TypeError, "fixed order, got a set"),
        (frozenset({"TP53"}), TypeError, "fixed order, got a frozenset"),
        (GeneSets(SETS), TypeError, r"got a GeneSets.* in \.genes"),
        ([], ValueError, "got none"),
        (iter(()), ValueError, "got none"),
        (["TP53", None, None], ValueError, "None at position 1; 2 of 3"),
        (["TP53", float("nan")], ValueError, "missing value nan at position 1"),
        (pd.Series([pd.NA, "TP53"]), ValueError, "missing value .* at position 0"),
        (["TP53", 7157], TypeError, "int 7157 at position 1.* with str"),
        ([["TP53"]], TypeError, r"list \['TP53'\] at position 0"),
        (np.array("TP53"), ValueError, r"one column .* shape \(\)"),
        (np.array([["A", "B"]]), ValueError, r"one column .* shape \(1, 2\)"),
        (sp.csr_matrix((2, 1)), ValueError, r"one column .* shape \(2, 1\)"),
    ],
)
def test_bad_genes(X, error, message):
    with pytest.raises(error, match=message):
        GmtVectorizer(SETS).fit(X)
    fitted = GmtVectorizer(SETS).fit(GENES)
    if not isinstance(X, type(iter(()))):
        with pytest.raises(error, match=message):
            fitted.transform(X)


def test_paths(tmp_path):
    path = write_gmt(SETS, tmp_path / "a.gmt")
    more = write_gmt({"MORE": ["ATM"]}, tmp_path / "b.gmt.gz")
    for gene_sets in (path, str(path), [path], (str(path),), np.array([str(path)])):
        assert rows(GmtVectorizer(gene_sets).fit_transform(GENES)) == ROWS
    both = GmtVectorizer([more, str(path)]).fit(GENES)
    assert list(both.vocabulary_) == ["MORE", "SMALL", "BIG", "MID"]
    assert rows(both.transform(["ATM"])) == [[1, 0, 1, 1]]


def test_descriptions_of_several_files(tmp_path):
    first = write_gmt(GeneSets({"A": ["X"]}, {"A": "a"}), tmp_path / "a.gmt")
    second = write_gmt(GeneSets({"B": ["X"]}, {"B": "b"}), tmp_path / "b.gmt")
    vectorizer = GmtVectorizer([first, second], min_size=1).fit(["X"])
    assert vectorizer.gene_sets_.descriptions == {"A": "a", "B": "b"}


def test_same_name_in_two_files(tmp_path):
    first = write_gmt(SETS, tmp_path / "a.gmt")
    second = write_gmt({"NEW": ["X"], "MID": ["X"]}, tmp_path / "b.gmt")
    with pytest.raises(ValueError, match=r"'MID' .* 0 and 1\. Set prefix_names=True"):
        GmtVectorizer([first, second]).fit(GENES)


def test_names_prefixed_by_the_file(tmp_path):
    first = write_gmt(GeneSets({"MID": ["X"]}, {"MID": "d"}), tmp_path / "a.gmt")
    second = write_gmt({"MID": ["X", "Y"]}, tmp_path / "b.gmt.gz")
    vectorizer = GmtVectorizer([first, second], prefix_names=True).fit(["X"])
    assert vectorizer.gene_sets_.descriptions == {
        "a.gmt__MID": "d",
        "b.gmt.gz__MID": "",
    }
    assert rows(vectorizer.transform(["Y"])) == [[0, 1]]
    assert dict(vectorizer.gene_sets_.attrs) == {"name": "a.gmt, b.gmt.gz"}
    alone = GmtVectorizer(str(first), prefix_names=True).fit(["X"])
    assert list(alone.vocabulary_) == ["a.gmt__MID"]


def test_names_prefixed_by_the_name_of_a_collection():
    gene_sets = [
        GeneSets({"MID": ["X"]}, attrs={"name": "one"}),
        GeneSets({"MID": ["X"]}, attrs={"name": "two"}),
    ]
    vectorizer = GmtVectorizer(gene_sets, prefix_names=True).fit(["X"])
    assert list(vectorizer.vocabulary_) == ["one__MID", "two__MID"]
    with pytest.raises(ValueError, match=r"'one__MID' .* 0 and 1\. Rename one"):
        GmtVectorizer([gene_sets[0]] * 2, prefix_names=True).fit(["X"])
    with pytest.raises(ValueError, match="at position 1 without"):
        GmtVectorizer([gene_sets[0], SETS], prefix_names=True).fit(["X"])
    with pytest.raises(ValueError, match="without '#' first, got '#x__MID'"):
        GmtVectorizer(
            GeneSets(gene_sets[0], attrs={"name": "#x"}), prefix_names=True
        ).fit(["X"])


def test_several_collections_of_different_kinds(tmp_path):
    path = write_gmt({"FILE": ["ATM"]}, tmp_path / "a.gmt")
    long = frame(source=["LONG"], target=["TP53"])
    vectorizer = GmtVectorizer([path, long, {"DICT": ["ATM", "TP53"]}])
    assert rows(vectorizer.fit_transform(["ATM", "TP53"])) == [[1, 0, 1], [0, 1, 1]]
    assert dict(vectorizer.gene_sets_.attrs) == {}


def test_files_are_read_by_their_content(tmp_path):
    (tmp_path / "a.gmt").write_text("gs_name,gene_symbol\nA,ATM\nA,TP53\n")
    (tmp_path / "b.csv").write_text("# B\nATM\n")
    vectorizer = GmtVectorizer([tmp_path / "a.gmt", tmp_path / "b.csv"])
    assert rows(vectorizer.fit_transform(["ATM", "TP53"])) == [[1, 1], [1, 0]]
    assert list(vectorizer.vocabulary_) == ["A", "B"]


def test_polars_frame():
    pl = pytest.importorskip("polars")
    pairs = [(name, gene) for name, genes in SETS.items() for gene in genes]
    long = pl.DataFrame(pairs, schema=["term", "gene"], orient="row")
    vectorizer = GmtVectorizer(
        long, aliases=pl.DataFrame({"old": ["P53"], "n": "TP53"})
    )
    assert rows(vectorizer.fit_transform(GENES)) == ROWS
    assert rows(clone(vectorizer).fit_transform(pl.Series(["P53"]))) == [ROWS[1]]


@pytest.mark.parametrize("gene_sets", [SETS, GeneSets(SETS), GeneSets(SETS.items())])
def test_mappings(gene_sets):
    assert rows(GmtVectorizer(gene_sets).fit_transform(GENES)) == ROWS


def test_long_frame():
    pairs = [(name, gene) for name, genes in SETS.items() for gene in genes]
    # A membership given twice counts once; further columns do not matter.
    long = pd.DataFrame([*pairs, pairs[0]], columns=["source", "target"], index=[0] * 7)
    vectorizer = GmtVectorizer(long.assign(weight=2.0))
    assert rows(vectorizer.fit_transform(GENES)) == ROWS
    assert list(vectorizer.vocabulary_) == ["SMALL", "BIG", "MID"]
    assert rows(clone(vectorizer).fit_transform(GENES)) == ROWS


def test_bundled_collection():
    vectorizer = GmtVectorizer().fit(["TP53"])
    assert len(vectorizer.vocabulary_) == 5233
    assert len(vectorizer.genes_) == 16018


@pytest.mark.parametrize(
    ("gene_sets", "error", "message"),
    [
        ("none.gmt", FileNotFoundError, "none.gmt"),
        ({}, ValueError, "at least one gene set"),
        ([], ValueError, "at least one collection"),
        ([3], TypeError, "as gene_sets, got 3"),
        ({"A": "TP53"}, TypeError, "Gene set 'A': .* iterable of genes"),
        ({"A": [], "B": []}, ValueError, "2 gene sets without any"),
        (frame(set=["A"], target=["X"]), ValueError, r"\['set', 'target'\]"),
        (frame(source=["A", None], target=["X", "Y"]), ValueError, "row 1: .* missing"),
        (frame(source=["A"], target=[4.5]), TypeError, "row 0: .* float 4.5"),
        (42, ValueError, "'gene_sets' parameter"),
        ({"a.gmt"}, ValueError, "'gene_sets' parameter"),
    ],
)
def test_bad_collections(gene_sets, error, message):
    vectorizer = GmtVectorizer(gene_sets)
    with pytest.raises(error, match=message):
        vectorizer.fit(GENES)
    with pytest.raises(NotFittedError):
        vectorizer.transform(GENES)


def test_malformed_file(tmp_path):
    (tmp_path / "h.gmt").write_text("A d TP53")
    with pytest.raises(GeneSetFormatError, match=r"h\.gmt, line 1: Fits no format"):
        GmtVectorizer(tmp_path / "h.gmt").fit(GENES)


@pytest.mark.parametrize(
    ("sizes", "names", "genes"),
    [
        ({}, ["SMALL", "BIG", "MID"], ["ATM", "MDM2", "TP53", "Trp53"]),
        ({"min_size": 0, "max_size": 3}, ["SMALL", "BIG", "MID"], None),
        ({"min_size": 2}, ["BIG", "MID"], None),
        ({"max_size": 2}, ["SMALL", "MID"], ["ATM", "TP53", "Trp53"]),
        ({"min_size": 2, "max_size": 2}, ["MID"], ["ATM", "Trp53"]),
    ],
)
def test_sizes(sizes, names, genes):
    # One sample only: sizes are those of the collection.
    vectorizer = GmtVectorizer(SETS, **sizes).fit(["ATM"])
    assert list(vectorizer.gene_sets_) == names
    assert vectorizer.get_feature_names_out().tolist() == names
    if genes is not None:
        assert vectorizer.genes_.tolist() == genes


@pytest.mark.parametrize("sizes", [{"min_size": 4}, {"max_size": 0}])
def test_sizes_that_leave_nothing(sizes):
    ((name, value),) = sizes.items()
    with pytest.raises(ValueError, match=f"{name}={value} .* got 3 with 1 to 3"):
        GmtVectorizer(SETS, **sizes).fit(GENES)


UNKNOWN = ["ATM", "tp53", "X", "mdm2", "TRP53", "X", "atm"]


def test_unknown_genes_are_ignored_with_one_warning():
    vectorizer = GmtVectorizer(SETS)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        vectorizer.fit(UNKNOWN)
        assert caught == []
        X = vectorizer.transform(UNKNOWN)
        vectorizer.fit_transform(UNKNOWN)
    first, second = (str(warning.message) for warning in caught)
    assert first == second
    assert caught[0].category is UserWarning
    for part in (
        "6 of 7 genes are in no gene set of the collection",
        ": 'tp53', 'X', 'mdm2', 'TRP53', 'atm'.",
        "has 'TP53' for 'tp53', 'MDM2' for 'mdm2', 'Trp53' for 'TRP53', …",
        "aliases=sk_gene2vec.datasets.load_human_gene_aliases(gene_sets.genes)",
    ):
        assert part in first
    assert rows(X) == [ROWS[0], *[[0, 0, 0]] * 6]


def test_unknown_genes_without_near_misses():
    with pytest.warns(UserWarning, match=r"1 of 2 .* a row of zeros: 'X'\. Old"):
        GmtVectorizer(SETS).fit_transform(["X", "ATM"])


def test_near_misses_are_capital_and_small_letters_of_one_gene():
    with pytest.warns(
        UserWarning, match=r"The collection has 'T(RP|rp)53' for 'trP53'\.$"
    ):
        GmtVectorizer({"A": ["TRP53", "Trp53"]}).fit_transform(["trP53"])


@pytest.mark.parametrize(
    ("genes", "message"),
    [
        (UNKNOWN, r"6 of 7 genes .*: 'tp53', 'X', 'mdm2', 'TRP53', 'atm'\. The"),
        (["X", "X", "ATM"], r"2 of 3 genes .* collection: 'X'\. Old"),
        (list("ABCDEF"), r"6 of 6 genes .*: 'A', 'B', 'C', 'D', 'E', …\. Old"),
    ],
)
def test_unknown_genes_are_errors(genes, message):
    vectorizer = GmtVectorizer(SETS, handle_unknown="error")
    for method in (vectorizer.fit, vectorizer.fit_transform):
        with pytest.raises(ValueError, match=message):
            method(genes)
    assert not hasattr(vectorizer, "vocabulary_")
    vectorizer.fit(GENES)
    assert rows(vectorizer.transform(GENES)) == ROWS
    with pytest.raises(ValueError, match=message):
        vectorizer.transform(genes)


@pytest.mark.parametrize("dtype", [np.float64, np.int8, bool, "float32"])
@pytest.mark.parametrize("sparse_output", [True, False])
def test_containers(dtype, sparse_output):
    vectorizer = GmtVectorizer(SETS, dtype=dtype, sparse_output=sparse_output)
    X = vectorizer.fit_transform(GENES)
    assert sp.issparse(X) == sparse_output
    assert X.dtype == np.dtype(dtype)
    assert (X.toarray() if sparse_output else X).astype(int).tolist() == ROWS
    names = [list(names) for names in vectorizer.inverse_transform(X)]
    assert names == [["BIG", "MID"], ["SMALL", "BIG"], ["MID"]]


def test_sparse_interface():
    if "sparse_interface" not in sklearn.get_config():
        pytest.skip("scikit-learn before 1.9 has no sparse_interface")
    with sklearn.config_context(sparse_interface="sparray"):
        X = GmtVectorizer(SETS).fit_transform(GENES)
    assert isinstance(X, sp.csr_array)
    assert rows(X) == ROWS


@pytest.mark.parametrize(
    "container", [list, np.array, sp.csr_matrix, sp.csc_array, sp.coo_matrix]
)
def test_inverse_transform(container):
    vectorizer = GmtVectorizer(SETS).fit(GENES)
    names = vectorizer.inverse_transform(container([[0, 0, 0], [2.0, -1.0, 1.0]]))
    assert [list(row) for row in names] == [[], ["SMALL", "MID"]]


@pytest.mark.parametrize("container", [np.array, sp.csr_matrix])
def test_inverse_transform_of_probabilities_asks_for_a_threshold(container):
    vectorizer = GmtVectorizer(SETS).fit(GENES)
    P = np.array([[0.2, 0.05, 1.0]])
    message = r"0 or 1, got 0\.2.*predict_proba\(X\) >= 0\.1"
    with pytest.raises(ValueError, match=message):
        vectorizer.inverse_transform(container(P))
    # The advice works.
    (names,) = vectorizer.inverse_transform(P >= 0.1)
    assert names.tolist() == vectorizer.get_feature_names_out()[[0, 2]].tolist()


def test_inverse_transform_of_unsorted_indices():
    X = sp.csr_matrix(([1.0, 1.0, 0.0], [2, 0, 1], [0, 3]), shape=(1, 3))
    (names,) = GmtVectorizer(SETS).fit(GENES).inverse_transform(X)
    assert names.tolist() == ["SMALL", "MID"]


def test_inverse_transform_of_bad_matrices():
    vectorizer = GmtVectorizer(SETS).fit(GENES)
    for row in ([0, 1], [0, 1, 0, 0]):
        with pytest.raises(ValueError, match=f"3 columns.* got {len(row)}"):
            vectorizer.inverse_transform([row])
    with pytest.raises(ValueError, match="NaN"):
        vectorizer.inverse_transform([[0, 1, np.nan]])


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("transform", (GENES,)),
        ("inverse_transform", (ROWS,)),
        ("get_feature_names_out", ()),
    ],
)
def test_not_fitted(method, arguments):
    with pytest.raises(NotFittedError):
        getattr(GmtVectorizer(SETS), method)(*arguments)


@pytest.mark.parametrize(
    "bad",
    [
        {"handle_unknown": "ignored"},
        {"min_size": -1},
        {"min_size": 1.5},
        {"max_size": -1},
        {"max_size": "10"},
        {"sparse_output": "no"},
        {"prefix_names": "yes"},
        {"aliases": 3},
        {"handle_ambiguous": "guess"},
    ],
)
def test_bad_parameters(bad):
    (name,) = bad
    with pytest.raises(ValueError, match=f"The '{name}' parameter of GmtVectorizer"):
        GmtVectorizer(SETS, **bad).fit(GENES)
    with pytest.raises(ValueError, match=f"The '{name}' parameter of GmtVectorizer"):
        GmtVectorizer(SETS, **bad).fit_transform(GENES)


@pytest.mark.parametrize("dtype", ["float23", object, "U1", np.float16])
def test_bad_dtype(dtype):
    message = re.escape(repr(dtype))
    with pytest.raises(TypeError, match=f"numpy.float32.*got {message}"):
        GmtVectorizer(SETS, dtype=dtype).fit(GENES)
    vectorizer = GmtVectorizer(SETS).fit(GENES)
    with pytest.raises(TypeError, match=message):
        vectorizer.set_params(gene_sets={"NEW": ["X"]}, dtype=dtype).fit(["X"])
    # The fit before is still there.
    assert rows(vectorizer.transform(GENES)) == ROWS
    assert vectorizer.lookup(GENES)["status"].eq("exact").all()


def test_a_list_of_genes_in_place_of_the_collection(tmp_path):
    for genes in (GENES, tuple(GENES), np.array(GENES), pd.Series(GENES)):
        with pytest.raises(FileNotFoundError, match=r"'ATM'\. .*\.fit\(genes\)"):
            GmtVectorizer(genes).fit(GENES)
    # The advice works.
    assert GmtVectorizer().fit(["ATM", "TP53"]).unknown_genes_.size == 0
    for paths in ([tmp_path / "none.gmt"], "ATM", ["none.gmt"]):
        with pytest.raises(FileNotFoundError) as caught:
            GmtVectorizer(paths).fit(GENES)
        assert "fit(genes)" not in str(caught.value)


def test_several_columns_of_genes():
    samples = pd.DataFrame({"gene": GENES, "length": [1.0, 2.0, 3.0]})
    pipeline = make_pipeline(GmtVectorizer(SETS))
    message = r"got shape \(3, 2\) .*'gene', 'length'.*X\['gene'\]"
    with pytest.raises(ValueError, match=message) as caught:
        pipeline.fit_transform(samples)
    # Both pieces of advice work.
    assert rows(pipeline.fit_transform(samples["gene"])) == ROWS
    assert "ColumnTransformer([('genes', GmtVectorizer(), 'gene')])" in str(
        caught.value
    )
    columns = ColumnTransformer([("genes", GmtVectorizer(SETS), "gene")])
    assert rows(sp.csr_array(columns.fit_transform(samples))) == ROWS


def test_transform_goes_by_the_present_values_as_scikit_learn_does():
    vectorizer = GmtVectorizer(SETS, aliases={"P53": ["TP53", "ATM"]}).fit(GENES)
    with pytest.raises(ValueError, match="1 of 1 gene is in no gene set"):
        vectorizer.set_params(handle_unknown="error").transform(["X"])
    with pytest.raises(ValueError, match="1 of 1 gene is ambiguous"):
        vectorizer.set_params(handle_ambiguous="error").transform(["P53"])
    vectorizer.set_params(handle_unknown="ignore", sparse_output=False)
    with pytest.warns(UserWarning, match="in no gene set"):
        assert not vectorizer.transform(["X"]).any()
    for name in "handle_unknown", "handle_ambiguous":
        wrong = clone_fitted(vectorizer).set_params(**{name: "eror"})
        with pytest.raises(
            ValueError, match=f"The '{name}' parameter of GmtVectorizer"
        ):
            wrong.transform(GENES)


def clone_fitted(vectorizer):
    return pickle.loads(pickle.dumps(vectorizer))


CALLS = {
    "fit_transform": lambda vectorizer, X: vectorizer.fit_transform(X),
    "transform": lambda vectorizer, X: vectorizer.transform(X),
    "to pandas": lambda vectorizer, X: vectorizer.set_output(
        transform="pandas"
    ).transform(X),
    "fit of a pipeline": lambda vectorizer, X: make_pipeline(
        clone(vectorizer), FunctionTransformer()
    ).fit(X),
    "transform of a pipeline": lambda vectorizer, X: make_pipeline(
        vectorizer
    ).transform(X),
}


@pytest.mark.parametrize("call", CALLS)
def test_every_way_warns_once_at_the_line_of_the_caller(call):
    vectorizer = GmtVectorizer(SETS).fit(GENES)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        CALLS[call](vectorizer, ["X", "TP53"])
    assert [warning.filename for warning in caught] == [__file__]
    assert "1 of 2 genes is in no gene set" in str(caught[0].message)


def test_a_search_warns_once_per_call():
    search = GridSearchCV(
        make_pipeline(GmtVectorizer(SETS), LogisticRegression()),
        {"logisticregression__C": [1, 2, 3]},
        cv=2,
    )
    genes = [*GENES, "X", "ATM", "Y", "Z", "TP53"]
    for _ in range(2):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            search.fit(genes, [0, 1] * 4)
        assert [warning.filename for warning in caught] == [__file__]


def test_tags():
    tags = get_tags(GmtVectorizer(SETS))
    assert tags.input_tags.string
    assert tags.input_tags.one_d_array
    assert not tags.input_tags.two_d_array
    assert tags.transformer_tags.preserves_dtype == []


def test_clone_and_pickle():
    gene_sets = GeneSets(SETS)
    vectorizer = GmtVectorizer(gene_sets, min_size=2)
    assert clone(vectorizer).gene_sets is gene_sets
    loaded = pickle.loads(pickle.dumps(vectorizer.fit(GENES)))
    assert loaded.gene_sets == gene_sets
    assert rows(loaded.transform(GENES)) == [row[1:] for row in ROWS]
    assert "GeneSets(3 gene sets, 4 genes)" in repr(vectorizer)


def test_pickles_hold_little_more_than_the_collection():
    unfitted = pickle.loads(pickle.dumps(GmtVectorizer(SETS)))
    assert rows(unfitted.fit_transform(GENES)) == ROWS
    gene_sets = load_go_bp()
    fitted = GmtVectorizer().fit(["TP53"])
    size = len(pickle.dumps(fitted))
    assert size < 1.01 * len(pickle.dumps(gene_sets)) + 1000
    loaded = pickle.loads(pickle.dumps(fitted))
    assert (loaded.membership_ != fitted.membership_).nnz == 0
    assert loaded.vocabulary_ == fitted.vocabulary_
    assert loaded.genes_.tolist() == fitted.genes_.tolist()


def test_refit_forgets():
    vectorizer = GmtVectorizer(SETS).fit(GENES)
    vectorizer.set_params(gene_sets={"NEW": ["X"]}).fit(["X"])
    assert vectorizer.vocabulary_ == {"NEW": 0}
    assert rows(vectorizer.transform(["X"])) == [[1]]


def test_pandas_output():
    vectorizer = GmtVectorizer(SETS, sparse_output=False).set_output(transform="pandas")
    samples = pd.DataFrame({"gene": GENES}, index=[7, 8, 9])
    X = vectorizer.fit_transform(samples)
    assert list(X.columns) == ["SMALL", "BIG", "MID"]
    assert list(X.index) == [7, 8, 9]
    assert X.to_numpy().tolist() == ROWS
    assert vectorizer.inverse_transform(X)[2].tolist() == ["MID"]


@pytest.mark.parametrize("column", ["gene", ["gene"]])
def test_column_transformer(column):
    samples = pd.DataFrame({"length": [1.0, 2.0, 3.0], "gene": GENES})
    columns = ColumnTransformer(
        [("sets", GmtVectorizer(SETS), column), ("rest", "passthrough", ["length"])],
        sparse_threshold=0,
    )
    X = columns.fit_transform(samples)
    assert X.tolist() == [[*row, at] for at, row in enumerate(ROWS, start=1)]
    assert columns.get_feature_names_out().tolist() == [
        "sets__SMALL",
        "sets__BIG",
        "sets__MID",
        "rest__length",
    ]
    assert columns.transform(samples[::-1]).tolist() == X[::-1].tolist()


def test_grid_search_keeps_the_columns():
    genes = [f"G{i}" for i in range(12)]
    gene_sets = {"EVEN": genes[::2], "ODD": genes[1::2], "ONE": genes[:1]}
    search = GridSearchCV(
        make_pipeline(GmtVectorizer(gene_sets), LogisticRegression()),
        {"gmtvectorizer__min_size": [None, 6]},
        cv=3,
    )
    search.fit(genes, [0, 1] * 6)
    assert search.best_score_ == 1.0
    assert search.cv_results_["mean_test_score"].tolist() == [1.0, 1.0]


def test_full_collection(msigdb_file):
    gene_sets = read_gmt(msigdb_file("msigdb.v7.1.h-c2-c5-c6-c7.symbols.gmt.gz"))
    X = GmtVectorizer(gene_sets).fit_transform(gene_sets.genes)
    assert X.shape == (22665, 20832)
    assert X.nnz == 2333170
    assert X.has_sorted_indices


@pytest.mark.parametrize("kind", [list, np.array, pd.Series, pd.DataFrame])
@pytest.mark.parametrize("method", ["fit_transform", "transform"])
def test_pandas_output_of_the_default(kind, method):
    samples = kind(GENES)
    if hasattr(samples, "iloc"):
        samples.index = [7, 8, 9]
    vectorizer = GmtVectorizer(SETS).set_output(transform="pandas")
    X = getattr(vectorizer.fit(samples), method)(samples)
    assert list(X.columns) == list(vectorizer.get_feature_names_out())
    assert list(X.index) == ([7, 8, 9] if hasattr(samples, "iloc") else [0, 1, 2])
    assert X.to_numpy().tolist() == ROWS
    assert set(X.dtypes) == {np.dtype(np.float32)}
    assert list(clone(vectorizer).fit_transform(samples).index) == list(X.index)
    back = vectorizer.set_output(transform="default").transform(samples)
    assert rows(back) == ROWS


def test_pandas_output_by_configuration():
    with sklearn.config_context(transform_output="pandas"):
        X = GmtVectorizer(SETS).fit_transform(pd.Series(GENES, index=list("abc")))
    assert list(X.index) == list("abc")
    assert X.to_numpy().tolist() == ROWS


def test_polars_output():
    pl = pytest.importorskip("polars")
    vectorizer = GmtVectorizer(SETS).set_output(transform="polars")
    X = vectorizer.fit_transform(pl.Series(GENES))
    assert X.columns == ["SMALL", "BIG", "MID"]
    assert X.to_numpy().tolist() == ROWS


# In a fold, a gene is in nothing but the set of all genes.
@pytest.mark.filterwarnings("ignore:.* only in sets")
def test_pandas_output_of_the_documented_pipeline_under_grid_search():
    genes = pd.Series([f"G{i}" for i in range(24)], index=range(100, 124))
    gene_sets = {f"S{i}": genes.iloc[i % 5 :: i % 7 + 2] for i in range(12)}
    gene_sets |= {"EVEN": genes.iloc[::2], "ALL": genes}
    encoder = GeneSetEncoder(3, max_epochs=2, random_state=0)
    pipeline = make_pipeline(GmtVectorizer(gene_sets), encoder, LogisticRegression())
    grid = {"genesetencoder__embedding_dim": [2, 3]}
    search = GridSearchCV(pipeline.set_output(transform="pandas"), grid, cv=3)
    search.fit(genes, [0, 1] * 12)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    embedding = search.best_estimator_[:-1].transform(genes)
    assert embedding.index.equals(genes.index)
    names = search.best_estimator_[:-1].get_feature_names_out()
    assert list(embedding.columns) == list(names)


def test_inverse_transform_of_duplicates_that_overflow_leaves_them_alone():
    vectorizer = GmtVectorizer({"A": ["X"], "B": ["X"]}).fit(["X"])
    X = sp.csr_array((np.array([100, 100], np.int8), [0, 0], [0, 2]), shape=(1, 2))
    (names,) = vectorizer.inverse_transform(X)
    assert names.tolist() == ["A"]
    assert X.data.tolist() == [100, 100]
