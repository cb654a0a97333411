"""Genes found by aliases, reports of what is not found, and the bundled aliases."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sk_gene2vec import GmtVectorizer, read_gmt
from sk_gene2vec.datasets import GeneAliases, load_human_gene_aliases

SETS = {"A": ["TP53", "KMT2D"], "B": ["KMT2D", "KMT2B"], "C": ["ATM", "P53X"]}
ALIASES = {
    "P53": "TP53",
    "MLL2": ["KMT2B", "KMT2D"],
    "HALF": ["ATM", "ABSENT"],
    "GONE": "ABSENT",
    "NOWHERE": ["ABSENT", "ABSENT2"],
    "SAME": ["ATM", "ATM"],
    "P53X": "TP53",
    "FIRST": "SECOND",
    "SECOND": "ATM",
}
ROW = {"TP53": [1, 0, 0], "ATM": [0, 0, 1], "P53X": [0, 0, 1], None: [0, 0, 0]}


def as_frame(mapping=ALIASES):
    pairs = [
        (alias, gene)
        for alias, genes in mapping.items()
        for gene in ([genes] if isinstance(genes, str) else genes)
    ]
    return pd.DataFrame(pairs, columns=["old", "new"])


@pytest.fixture(params=["mapping", "pandas", "polars"])
def aliases(request):
    if request.param == "mapping":
        return ALIASES
    if request.param == "pandas":
        return as_frame().set_index(pd.Index(range(5, 5 + len(as_frame()))))
    return pytest.importorskip("polars").from_pandas(as_frame())


@pytest.mark.parametrize(
    ("gene", "found_as", "status", "candidates"),
    [
        ("TP53", "TP53", "exact", ""),
        ("P53", "TP53", "alias", ""),
        ("SAME", "ATM", "alias", ""),
        # Genes of the collection win over aliases.
        ("P53X", "P53X", "exact", ""),
        ("MLL2", None, "ambiguous", "KMT2B, KMT2D"),
        # One of its two genes is not in the collection, but may be the one meant.
        ("HALF", None, "ambiguous", "ATM, ABSENT"),
        ("GONE", None, "absent", "ABSENT"),
        ("NOWHERE", None, "absent", "ABSENT, ABSENT2"),
        # Not followed from FIRST over SECOND to ATM.
        ("FIRST", None, "absent", "SECOND"),
        ("SECOND", "ATM", "alias", ""),
        ("Tp53", None, "case", "TP53"),
        # Aliases match exactly, too.
        ("p53", None, "unknown", ""),
        ("XYZ", None, "unknown", ""),
    ],
)
@pytest.mark.filterwarnings("ignore:1 of 1 gene is in no gene set")
def test_how_genes_are_found(aliases, gene, found_as, status, candidates):
    vectorizer = GmtVectorizer(SETS, aliases=aliases).fit([gene])
    report = vectorizer.lookup([gene])
    expected = pd.DataFrame(
        [[gene, found_as, status, candidates]],
        columns=["gene", "found_as", "status", "candidates"],
        dtype=object,
    )
    pd.testing.assert_frame_equal(report, expected)
    assert vectorizer.transform([gene]).toarray().tolist() == [ROW[found_as]]
    assert vectorizer.unknown_genes_.tolist() == ([] if found_as else [gene])


def test_report_follows_the_samples():
    genes = pd.Series(["XYZ", "P53", "TP53", "P53"], index=list("abcd"))
    report = GmtVectorizer(SETS, aliases=ALIASES).fit(genes).lookup(genes)
    assert report["gene"].tolist() == genes.tolist()
    assert report["status"].tolist() == ["unknown", "alias", "exact", "alias"]
    assert report["found_as"].isna().tolist() == [True, False, False, False]


def test_a_new_symbol_that_an_old_collection_lacks(bundled):
    vectorizer = GmtVectorizer({"A": ["TP53"]}, aliases=bundled).fit(["TP53"])
    for fitted in vectorizer, pickle.loads(pickle.dumps(vectorizer)):
        (found,) = fitted.lookup(["SEPT2"]).to_numpy().tolist()
        assert found == ["SEPT2", None, "absent", "SEPTIN2"]


def test_aliases_change_no_column():
    plain = GmtVectorizer(SETS).fit(["TP53"])
    vectorizer = GmtVectorizer(SETS, aliases=ALIASES).fit(["TP53"])
    assert vectorizer.vocabulary_ == plain.vocabulary_
    assert vectorizer.genes_.tolist() == plain.genes_.tolist()
    X = vectorizer.transform(["P53", "TP53", "ATM", "SECOND"])
    assert X.toarray().tolist() == [ROW["TP53"], ROW["TP53"], ROW["ATM"], ROW["ATM"]]


def test_unknown_genes_are_those_of_fit():
    genes = ["XYZ", "TP53", "MLL2", "XYZ", "Tp53", "P53"]
    vectorizer = GmtVectorizer(SETS, aliases=ALIASES).fit(genes)
    unknown = vectorizer.unknown_genes_
    assert unknown.tolist() == ["XYZ", "MLL2", "Tp53"]
    assert unknown.dtype == object
    with pytest.warns(UserWarning, match="1 of 1 gene is") as caught:
        vectorizer.transform(["OTHER"])
    assert caught[0].filename == __file__
    assert vectorizer.unknown_genes_ is unknown
    with pytest.warns(UserWarning, match="1 of 1 gene is"):
        vectorizer.fit_transform(["OTHER"])
    assert vectorizer.unknown_genes_.tolist() == ["OTHER"]
    none = vectorizer.fit(["TP53"]).unknown_genes_
    assert none.shape == (0,)
    assert none.dtype == object


def test_an_alias_may_prefer_one_of_its_genes():
    aliases = GeneAliases({"MLL2": "KMT2D"}, {"MLL2": ("KMT2B",)})
    vectorizer = GmtVectorizer(SETS, aliases=aliases, handle_ambiguous="error")
    for fitted in vectorizer.fit(["MLL2"]), pickle.loads(pickle.dumps(vectorizer)):
        report = fitted.lookup(["MLL2"]).to_numpy().tolist()
        assert report == [["MLL2", "KMT2D", "preferred", "KMT2B"]]


def test_every_gene_is_found_by_its_only_ensembl_id():
    genes = ["FANCC", "ATRIP", "CYP2D6"]
    ids = ["ENSG00000158169", "ENSG00000164053", "ENSG00000100197"]
    aliases = load_human_gene_aliases(ids=True)
    vectorizer = GmtVectorizer({"A": genes}, aliases=aliases).fit(genes)
    assert vectorizer.lookup(ids)["found_as"].to_list() == genes
    aliases = load_human_gene_aliases(ids, ids=True)
    vectorizer = GmtVectorizer({"A": ids}, aliases=aliases).fit(ids)
    assert vectorizer.lookup(genes)["found_as"].to_list() == ids


@pytest.mark.parametrize("sizes", [{"min_size": 3}, {"max_size": 3}])
def test_genes_of_sets_that_the_sizes_leave_out(sizes):
    small, large = ["TP53", "ATM"], ["CASP3", "BAX", "ATM", "BID"]
    gene = "TP53" if "min_size" in sizes else "BAX"
    vectorizer = GmtVectorizer({"S": small, "L": large}, aliases={"old": gene}, **sizes)
    with pytest.warns(UserWarning, match="in no gene set") as caught:
        vectorizer.fit_transform([gene, "old", "ATM", "Bax"])
    text = str(caught[0].message)
    assert f"min_size or max_size leaves out are {gene!r}, 'old' ({gene})." in text
    assert "Old symbols" not in text
    for fitted in vectorizer, pickle.loads(pickle.dumps(vectorizer)):
        report = fitted.lookup([gene, "old", "ATM"])
        assert report["status"].to_list() == ["left out", "left out", "exact"]
        assert report["candidates"].to_list() == ["", gene, ""]


def test_one_warning_explains_every_gene():
    vectorizer = GmtVectorizer(SETS, aliases=ALIASES)
    genes = ["P53", "Tp53", "MLL2", "HALF", "MLL2", "XYZ", "GONE"]
    with pytest.warns(UserWarning, match=r"^6 of 7 genes") as caught:
        vectorizer.fit_transform(genes)
    (text,) = (str(warning.message) for warning in caught)
    for part in (
        "'Tp53', 'MLL2', 'HALF', 'XYZ', 'GONE'",
        "The collection has 'TP53' for 'Tp53'",
        "several genes are 'MLL2' (KMT2B or KMT2D), 'HALF' (ATM or ABSENT)",
        "the collection lacks are 'GONE' (ABSENT)",
        "1 looks like a mouse or rat symbol ('Tp53')",
    ):
        assert part in text
    assert "Old symbols" not in text  # there are aliases


def test_an_ambiguous_id_gets_the_advice_for_aliases_alone():
    aliases = {"ENSG00000143384": ["ATM", "TP53"]}
    with pytest.warns(UserWarning, match="in no gene set") as caught:
        GmtVectorizer(SETS, aliases=aliases).fit_transform([*aliases])
    text = str(caught[0].message)
    assert "'ENSG00000143384' (ATM or TP53)" in text
    assert "Ensembl" not in text


def test_ambiguous_aliases_are_errors():
    vectorizer = GmtVectorizer(SETS, aliases=ALIASES, handle_ambiguous="error")
    genes = ["P53", "MLL2", "MLL2", "XYZ"]
    message = r"2 of 4 genes are ambiguous.*'MLL2' \(KMT2B or KMT2D\);"
    for method in (vectorizer.fit, vectorizer.fit_transform):
        with pytest.raises(ValueError, match=message):
            method(genes)
    assert not hasattr(vectorizer, "vocabulary_")
    vectorizer.fit(["XYZ"])
    with pytest.raises(ValueError, match=message):
        vectorizer.transform(genes)


def test_ambiguous_aliases_are_unknown():
    vectorizer = GmtVectorizer(SETS, aliases=ALIASES, handle_unknown="error")
    with pytest.raises(ValueError, match=r"1 of 2 genes is in no .*: 'MLL2'\. Alias"):
        vectorizer.fit(["P53", "MLL2"])


@pytest.mark.parametrize(
    ("aliases", "error", "message"),
    [
        ({7157: "TP53"}, TypeError, "Expected aliases.* int 7157 at position 0"),
        ({"P53": 7157}, TypeError, "genes of aliases.* int 7157"),
        ({"P53": None}, ValueError, "genes of aliases.* None"),
        ({"P53": ["TP53", None]}, ValueError, "genes of aliases.* None at position 1"),
        (as_frame().assign(more=1), ValueError, r"two columns.* \['old'"),
        (np.array([["P53", "TP53"]]), ValueError, "two columns.* ndarray"),
        (as_frame({"P53": "X", None: "ATM"}), ValueError, "aliases.* at position 1"),
        (as_frame({"P53": "X", "Y": [None]}), ValueError, "genes of aliases.* missing"),
        ("P53", ValueError, "'aliases' parameter"),
        ([("P53", "TP53")], ValueError, "'aliases' parameter"),
    ],
)
def test_bad_aliases(aliases, error, message):
    with pytest.raises(error, match=message):
        GmtVectorizer(SETS, aliases=aliases).fit(["TP53"])


def test_clone_and_pickle(aliases):
    vectorizer = GmtVectorizer(SETS, aliases=aliases, handle_ambiguous="error")
    assert vectorizer.get_params()["aliases"] is aliases
    fitted = clone(vectorizer).fit(["TP53"])
    loaded = pickle.loads(pickle.dumps(fitted))
    for estimator in (fitted, loaded):
        assert estimator.transform(["P53"]).toarray().tolist() == [ROW["TP53"]]
        with pytest.raises(ValueError, match="KMT2B or KMT2D"):
            estimator.transform(["MLL2"])


# NumPy's masked arrays, where a search keeps its parameters, ask pandas 2 for it.
@pytest.mark.filterwarnings("ignore:DataFrame._data is deprecated")
def test_grid_search_over_aliases():
    genes = [f"old{i}" for i in range(12)]
    sets = {"EVEN": [f"G{i}" for i in range(0, 12, 2)]}
    sets["ODD"] = [f"G{i}" for i in range(1, 12, 2)]
    aliases = {gene: f"G{i}" for i, gene in enumerate(genes)}
    search = GridSearchCV(
        make_pipeline(GmtVectorizer(sets), LogisticRegression()),
        {"gmtvectorizer__aliases": [aliases, as_frame(aliases)]},
        cv=3,
    )
    search.fit(genes, [0, 1] * 6)
    assert search.cv_results_["mean_test_score"].tolist() == [1.0, 1.0]


# The bundled aliases


@pytest.fixture(scope="module")
def bundled():
    return load_human_gene_aliases()


def test_a_missing_value_is_not_an_alias():
    assert "NA" not in load_human_gene_aliases()


def test_bundled_aliases(bundled):
    assert len(bundled) == 66_047
    several = [genes for genes in bundled.values() if isinstance(genes, tuple)]
    assert len(several) == 2_354
    assert len(bundled.others) == 851
    assert all(len(set(genes)) == len(genes) > 1 for genes in several)
    single = {genes for genes in bundled.values() if isinstance(genes, str)}
    symbols = single.union(*several, *bundled.others.values())
    assert len(symbols) == 27_135
    assert symbols.isdisjoint(bundled)


@pytest.mark.parametrize(
    ("alias", "symbols"),
    [
        ("P53", "TP53"),
        ("HER2", "ERBB2"),
        ("MARCH1", "MARCHF1"),
        ("HIST1H1C", "H1-2"),
        ("MLL4", ("KMT2B", "KMT2D")),
        # Previous official symbols of these genes, aliases of others.
        ("MLL2", "KMT2D"),
        ("SEPT2", "SEPTIN2"),
        ("NOV", "CCN3"),
        # EPRS1 had this official symbol, too.
        ("QARS", "QARS1"),
        ("PD-1", "PDCD1"),
        # HGNC has it for SORT1, others have it for neurotrophin 3.
        ("NT3", ("NTF3", "SORT1")),
    ],
)
def test_well_known_aliases(bundled, alias, symbols):
    assert bundled[alias] == symbols


def test_old_collection_with_present_symbols(msigdb_file):
    hallmark = read_gmt(msigdb_file("h.all.v7.0.symbols.gmt"))
    vectorizer = GmtVectorizer(
        hallmark, aliases=load_human_gene_aliases(hallmark.genes)
    )
    genes = ["H1-2", "PALS1", "H1C", "TP53", "P53", "AARS", "AARS1"]
    found = vectorizer.fit(genes).lookup(genes)["found_as"].tolist()
    assert found == ["HIST1H1C", "MPP5", "HIST1H1C", "TP53", "TP53", "AARS", "AARS"]
    assert vectorizer.unknown_genes_.tolist() == []


def test_aliases_lead_to_what_the_collection_has():
    aliases = load_human_gene_aliases(["HIST1H1C", "ERBB2", "KMT2B", "MLL2"])
    assert aliases["H1-2"] == "HIST1H1C"
    assert aliases["H1F2"] == "HIST1H1C"
    assert "HIST1H1C" not in aliases
    assert aliases["HER2"] == "ERBB2"
    assert aliases["KMT2D"] == "MLL2"
    # Two genes are called MLL4, and the collection does not say which one it means.
    assert "KMT2D" not in load_human_gene_aliases(["MLL4"])
    # Two names of one gene in one collection: unclear which of them is meant.
    both = load_human_gene_aliases(["HIST1H1C", "H1F2"])
    assert set(both["H1-2"]) == {"HIST1H1C", "H1F2"}


@pytest.mark.parametrize("genes", ["TP53", {"A": ["TP53"]}, [7157]])
def test_bad_genes_for_aliases(genes):
    with pytest.raises(TypeError, match="Expected"):
        load_human_gene_aliases(genes)


def test_clones_share_the_bundled_aliases_and_print_them_short(bundled):
    vectorizer = GmtVectorizer(SETS, aliases=bundled)
    again = clone(vectorizer)
    assert again.aliases is bundled
    assert "aliases=<66047 aliases>" in repr(again)
    loaded = pickle.loads(pickle.dumps(again)).fit(["P53"])
    assert loaded.aliases == bundled
    assert loaded.lookup(["P53"])["found_as"].tolist() == ["TP53"]
    with pytest.raises(TypeError, match="item assignment"):
        bundled["P53"] = "MDM2"


@pytest.mark.parametrize(
    ("gene", "found_as", "status", "candidates"),
    [
        ("TP53", "TP53", "exact", ""),
        ("P53", "TP53", "alias", ""),
        ("7157", "TP53", "entrez", ""),
        ("ENSG00000141510", "TP53", "ensembl", ""),
        ("ENSG00000141510.17", "TP53", "version", ""),
        ("7157.0", "TP53", "version", ""),
        (" 7157", None, "blanks", "TP53"),
        # ADAMTSL4-AS1, which shares the id, is not in the collection.
        ("ENSG00000143384", "MCL1", "ensembl", ""),
        ("ENSG00000143384.5", "MCL1", "version", ""),
        ("472", None, "absent", "ATM"),
        ("ENSG99999999999.1", None, "unknown", ""),
    ],
)
def test_how_bundled_ids_are_found(ids, gene, found_as, status, candidates):
    vectorizer = GmtVectorizer({"A": ["TP53", "MCL1"]}, aliases=ids).fit(["TP53"])
    assert vectorizer.lookup([gene]).to_numpy().tolist() == [
        [gene, found_as, status, candidates]
    ]


@pytest.fixture(scope="module")
def ids():
    return load_human_gene_aliases(ids=True)


def test_ids_leave_the_other_aliases_as_they_are(ids):
    aliases = load_human_gene_aliases()
    assert len(aliases) == 66_047
    assert {alias: ids[alias] for alias in aliases} == dict(aliases)
    others = [alias for alias in ids if alias not in aliases]
    assert sum(alias.isdigit() for alias in others) == 47_483
    assert sum(alias.startswith("ENSG") for alias in others) == 39_708
    assert len(others) == 47_483 + 39_708
    # Some ids are of two genes of one symbol, which stands once.
    shared = [meant for meant in ids.values() if isinstance(meant, tuple)]
    assert all(len(set(meant)) == len(meant) > 1 for meant in shared)


def test_ids_lead_to_the_old_symbols_of_a_collection():
    ids = load_human_gene_aliases(["HIST1H1C", "TP53"], ids=True)
    assert (ids["3006"], ids["7157"]) == ("HIST1H1C", "TP53")


def test_symbols_lead_to_the_ids_of_a_collection():
    genes = ["7157", "472"]
    aliases = load_human_gene_aliases(genes, ids=True)
    vectorizer = GmtVectorizer({"A": genes}, aliases=aliases).fit(genes)
    report = vectorizer.lookup(["TP53", "P53", "ENSG00000149311"])
    assert report["found_as"].to_list() == ["7157", "7157", "472"]
    assert report["status"].to_list() == ["alias", "alias", "ensembl"]


def test_ids_of_other_genes_are_no_puzzle(ids):
    """An id that is known, of a gene that the collection lacks, needs no advice."""
    vectorizer = GmtVectorizer({"A": ["TP53"]}, aliases=ids)
    with pytest.warns(UserWarning, match="in no gene set") as caught:
        vectorizer.fit_transform(["7157", "472", "ENSG00000149311"])
    (message,) = (str(warning.message) for warning in caught)
    assert "'472' (ATM)" in message
    assert "look like" not in message
