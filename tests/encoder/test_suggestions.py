"""Suggestions: the most probable memberships that the collection does not list."""

import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from sk_gene2vec import GeneSetEncoder, GmtVectorizer
from sk_gene2vec.encoder import (
    _encoder,
    nearest_gene_sets,
    suggest_gene_sets,
    suggest_genes,
)
from sk_gene2vec.encoder._inference import decode_logits
from sk_gene2vec.encoder._lists import fold_in_list

# No two genes are in the same gene sets, so that no two are equally probable.
GENE_SETS = {
    "GLYCOLYSIS": ["HK1", "PFKM", "PKM", "LDHA"],
    "WARBURG": ["HK1", "PFKM", "PKM", "TP53"],
    "HYPOXIA": ["HK1", "LDHA", "VEGFA", "CDKN1A"],
    "P53_PATHWAY": ["TP53", "MDM2", "CDKN1A", "PFKM"],
}


@pytest.fixture(scope="module")
def vectorizer():
    return GmtVectorizer(GENE_SETS).fit(["TP53"])


@pytest.fixture(scope="module")
def encoder(vectorizer):
    X = vectorizer.transform(vectorizer.genes_)
    return GeneSetEncoder(3, max_epochs=30, random_state=0).fit(X)


@pytest.fixture(scope="module")
def expected(encoder, vectorizer):
    """All memberships that are not listed, by brute force."""
    probabilities = encoder.predict_proba(vectorizer.transform(vectorizer.genes_))
    return pd.DataFrame(
        [
            (gene, gene_set, probabilities[row, column])
            for row, gene in enumerate(vectorizer.genes_)
            for gene_set, column in vectorizer.vocabulary_.items()
            if gene not in GENE_SETS[gene_set]
        ],
        columns=["gene", "gene_set", "probability"],
    ).sort_values("probability", ascending=False)


class Constant(BaseEstimator):
    """Finds everything equally probable."""

    n_features_in_ = 4

    def fit(self, X):
        """Make `check_is_fitted` take this for an estimator."""

    def __sklearn_is_fitted__(self):
        return True

    def predict_proba(self, X):
        return self._predict_proba(X)

    def _predict_proba(self, X, gene_sets=slice(None)):
        return np.full(X.shape, 0.25)[:, gene_sets]

    def _logit_parts(self, X, gene_sets):
        return np.zeros(len(gene_sets)), sp.csr_array((len(gene_sets), X.shape[1]))


@pytest.mark.parametrize("gene_set", GENE_SETS)
def test_genes_are_the_most_probable_outside_the_set(
    encoder, vectorizer, expected, gene_set
):
    found = suggest_genes(encoder, vectorizer, gene_set, k=3)
    wanted = expected[expected["gene_set"] == gene_set].head(3)
    pd.testing.assert_frame_equal(
        found[["gene", "probability"]],
        wanted[["gene", "probability"]].reset_index(drop=True),
        rtol=1e-5,
    )


@pytest.mark.parametrize("gene", ["HK1", "TP53", "VEGFA"])
def test_gene_sets_are_the_most_probable_without_the_gene(
    encoder, vectorizer, expected, gene
):
    found = suggest_gene_sets(encoder, vectorizer, gene, k=1)
    wanted = expected[expected["gene"] == gene].head(1)
    pd.testing.assert_frame_equal(
        found[["gene_set", "probability"]],
        wanted[["gene_set", "probability"]].reset_index(drop=True),
        rtol=1e-5,
    )


def test_reasons_are_the_parts_of_the_logit(encoder, vectorizer):
    by_gene = suggest_gene_sets(encoder, vectorizer, "PKM", k=1).iloc[0]
    by_set = suggest_genes(encoder, vectorizer, by_gene["gene_set"])
    by_set = by_set[by_set["gene"] == "PKM"].iloc[0]
    assert by_gene["evidence"] == by_set["evidence"]
    x = vectorizer.transform(["PKM"])
    column = vectorizer.vocabulary_[by_gene["gene_set"]]
    deep = (
        encoder.transform(x) @ encoder.gene_set_embedding_.T + encoder.intercepts_[-1]
    )
    assert by_gene["from_embedding"] == pytest.approx(deep[0, column], rel=1e-5)
    terms = pd.Series(
        x.toarray()[0] * encoder.wide_coef_[:, [column]].toarray()[:, 0],
        vectorizer.get_feature_names_out(),
    )
    assert by_gene["from_gene_sets"] == pytest.approx(terms.sum(), rel=1e-5)
    for row in (by_gene, by_set):
        told = terms[terms > 0].sort_values(ascending=False).index.tolist()
        assert row["evidence"].split("; ") == told
    assert told


def test_evidence_names_three_sets_at_most_and_none_that_speak_against():
    listed = ["G", "H"]
    sets = {name: [*listed, name] for name in "ABCDE"}
    sets |= {"NEW": ["H", *"ABCDE"], "OTHER": ["X", "Y"]}
    vectorizer = GmtVectorizer(sets)
    X = vectorizer.fit_transform([*"ABCDEGHXY"])
    encoder = GeneSetEncoder(2, random_state=0).fit(X)
    (evidence,) = suggest_gene_sets(encoder, vectorizer, "G", k=1)["evidence"]
    assert len(evidence.split("; ")) == 3
    # X is in OTHER alone, which no set has for evidence: none of these shares a gene.
    alone = suggest_gene_sets(encoder, vectorizer, "X", k=9)
    against = alone["from_gene_sets"] <= 0
    assert against.any()
    assert (alone.loc[against, "evidence"] == "").all()
    without = GeneSetEncoder(2, n_wide_inputs=0, random_state=0).fit(X)
    found = suggest_gene_sets(without, vectorizer, "G", k=1)
    assert found[["from_gene_sets", "evidence"]].to_numpy().tolist() == [[0, ""]]


def test_ten_are_the_default_and_fewer_come_where_there_are_fewer():
    genes = [f"G{number:02d}" for number in range(30)]
    sets = {"ALL_BUT_3": genes[3:], "FIRST": genes[:3], "A": genes[5:9], "B": genes[8:]}
    vectorizer = GmtVectorizer(sets).fit(genes)
    assert list(suggest_genes(Constant(), vectorizer, "ALL_BUT_3").gene) == genes[:3]
    assert list(suggest_genes(Constant(), vectorizer, "FIRST").gene) == genes[3:13]
    assert list(suggest_gene_sets(Constant(), vectorizer, "G00").gene_set) == [
        "ALL_BUT_3",
        "A",
        "B",
    ]


def test_dense_vectorizer(encoder, vectorizer):
    dense = GmtVectorizer(GENE_SETS, sparse_output=False).fit(["TP53"])
    found = suggest_genes(encoder, dense, "HYPOXIA", k=100)
    expected = suggest_genes(encoder, vectorizer, "HYPOXIA", k=100)
    pd.testing.assert_frame_equal(found, expected, check_exact=False, rtol=1e-5)


@pytest.mark.parametrize(
    ("suggest", "name", "message"),
    [
        (suggest_genes, "hypoxy", "gene set of .*got 'hypoxy', did you mean 'HYPOXIA'"),
        (suggest_genes, "Warburg", "did you mean 'WARBURG'"),
        (suggest_genes, "???", "No name there is close to it"),
        (suggest_genes, "TP53", "'TP53', which is a gene: use suggest_gene_sets"),
        (
            suggest_gene_sets,
            "WARBURG",
            "'WARBURG', which is a gene set: use suggest_genes",
        ),
        (suggest_gene_sets, "TP35", "did you mean 'TP53'"),
        (suggest_gene_sets, "tp53", "gene of .*got 'tp53', did you mean 'TP53'"),
        (suggest_gene_sets, "PFK", "did you mean .*'PFKM'"),
    ],
)
def test_unknown_names_get_near_misses(encoder, vectorizer, suggest, name, message):
    with pytest.raises(ValueError, match=message):
        suggest(encoder, vectorizer, name)


@pytest.mark.parametrize(
    "suggest", [suggest_genes, suggest_gene_sets, nearest_gene_sets]
)
def test_arguments_are_checked(encoder, vectorizer, suggest):
    with pytest.raises(TypeError, match=r"got .*7"):
        suggest(encoder, vectorizer, 7)
    with pytest.raises(
        TypeError, match="in this order, got GmtVectorizer and GeneSetEncoder"
    ):
        suggest(vectorizer, encoder, "TP53")
    pipeline = make_pipeline(vectorizer, encoder)
    with pytest.raises(TypeError, match=r"got Pipeline and .* pipeline\[-1\]"):
        suggest(pipeline, vectorizer, "TP53")
    with pytest.raises(ValueError, match="k == 0, must be >= 1"):
        suggest(encoder, vectorizer, "TP53", k=0)
    with pytest.raises(NotFittedError, match="GeneSetEncoder"):
        suggest(GeneSetEncoder(), vectorizer, "TP53")
    with pytest.raises(NotFittedError, match="GmtVectorizer"):
        suggest(encoder, GmtVectorizer(GENE_SETS), "TP53")
    other = GmtVectorizer({"A": ["TP53"], "B": ["TP53"]}).fit(["TP53"])
    with pytest.raises(ValueError, match=r"the 2 gene sets .* fitted on 4"):
        suggest(encoder, other, "TP53")


@pytest.mark.parametrize(
    "suggest", [suggest_genes, suggest_gene_sets, nearest_gene_sets]
)
def test_without_pandas_the_error_says_what_to_install(
    encoder, vectorizer, suggest, monkeypatch
):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=f"{suggest.__name__} .*pip install pandas"):
        suggest(encoder, vectorizer, "TP53")


def test_suggest_genes_computes_the_probabilities_of_one_gene_set(
    encoder, vectorizer, monkeypatch
):
    decode, shapes = _encoder.decode, []

    def spy(*args):
        shapes.append(decode(*args).shape)
        return decode(*args)

    monkeypatch.setattr(_encoder, "decode", spy)
    suggest_genes(encoder, vectorizer, "HYPOXIA")
    assert shapes == [(len(vectorizer.genes_), 1)]


@pytest.fixture
def with_only():
    """Encoder and vectorizer of a collection with a gene, ONLY, that has no vector."""
    # ALL has all genes, so no weight, and tells nothing of ONLY.
    genes = [*"ABCDEF"]
    sets = {"ALL": [*genes, "ONLY"], "FIRST": genes[:3], "LAST": genes[2:]}
    vectorizer = GmtVectorizer(sets)
    X = vectorizer.fit_transform([*genes, "ONLY"])
    with pytest.warns(UserWarning, match="1 of 7 genes"):
        encoder = GeneSetEncoder(2, random_state=0).fit(X)
    return encoder, vectorizer


def test_reasons_of_a_gene_without_a_vector(with_only):
    encoder, vectorizer = with_only
    with pytest.warns(UserWarning, match="1 of 1 gene is"):
        found = suggest_gene_sets(encoder, vectorizer, "ONLY")
    assert found["gene_set"].tolist() == ["LAST", "FIRST"]
    np.testing.assert_allclose(found["probability"], [4 / 7, 3 / 7], rtol=1e-6)
    assert found["from_embedding"].isna().all()
    assert found["evidence"].tolist() == ["", ""]


def test_reasons_of_a_network_with_hidden_layers(vectorizer):
    X = vectorizer.transform(vectorizer.genes_)
    encoder = GeneSetEncoder(2, hidden_layer_sizes=(5, 4), random_state=0).fit(X)
    found = suggest_gene_sets(encoder, vectorizer, "PKM")
    logits = decode_logits(encoder.transform(X), encoder._layers())
    row = list(vectorizer.genes_).index("PKM")
    columns = [vectorizer.vocabulary_[name] for name in found["gene_set"]]
    np.testing.assert_allclose(found["from_embedding"], logits[row, columns], rtol=1e-5)


def with_lists():
    """A collection of blocks of genes, some sets of each."""
    rng = np.random.default_rng(0)
    blocks = {name: [f"{name}{i:02d}" for i in range(30)] for name in "ABC"}
    return blocks, {
        f"{name}_{number}": rng.choice(genes, 12, replace=False).tolist()
        for name, genes in blocks.items()
        for number in range(25)
    }


@pytest.fixture(scope="module")
def blocks():
    blocks, sets = with_lists()
    vectorizer = GmtVectorizer(sets)
    X = vectorizer.fit_transform(sorted({x for genes in sets.values() for x in genes}))
    return blocks, vectorizer, GeneSetEncoder(5, random_state=0).fit(X)


def test_a_list_is_completed_from_its_own_block(blocks):
    genes, vectorizer, encoder = blocks
    given = genes["B"][:10]
    found = suggest_genes(encoder, vectorizer, given)
    assert set(found["gene"]) <= set(genes["B"][10:])
    assert found["probability"].is_monotonic_decreasing
    assert all(x.startswith("B_") for row in found["evidence"] for x in row.split("; "))
    everything = suggest_genes(encoder, vectorizer, given, k=100)
    assert len(everything) == 80
    assert not set(everything["gene"]) & set(given)
    # A list of ten is taken to lack a ninth of ten.
    assert everything["probability"].sum() == pytest.approx(10 / 9, rel=1e-4)


def test_order_repeats_and_container_of_a_list_do_not_matter(blocks):
    genes, vectorizer, encoder = blocks
    given = genes["A"][:5]
    expected = suggest_genes(encoder, vectorizer, given)
    for same in (given[::-1], given * 2, set(given), pd.Series(given), iter(given)):
        pd.testing.assert_frame_equal(
            suggest_genes(encoder, vectorizer, same), expected
        )
    dense = GmtVectorizer(with_lists()[1], sparse_output=False).fit(given)
    pd.testing.assert_frame_equal(suggest_genes(encoder, dense, given), expected)


def test_reasons_of_a_list_add_up(blocks):
    genes, vectorizer, encoder = blocks
    listed = np.isin(vectorizer.genes_, genes["C"][:8])
    X = vectorizer.transform(vectorizer.genes_)
    folded = fold_in_list(encoder, sp.csr_array(X), listed)
    found = suggest_genes(encoder, vectorizer, genes["C"][:8], k=3)
    rows = [list(vectorizer.genes_).index(gene) for gene in found["gene"]]
    np.testing.assert_allclose(found["from_embedding"], folded.logits[rows])
    wide = (X @ folded.coef).toarray()[rows, 0]
    np.testing.assert_allclose(found["from_gene_sets"], wide, rtol=1e-5)
    np.testing.assert_array_equal(found["probability"], folded.probability[rows])


@pytest.mark.parametrize(
    "parameters", [{"n_wide_inputs": 0}, {"gene_input": "one-hot"}]
)
def test_a_list_has_no_wide_part_where_the_encoder_has_none(blocks, parameters):
    genes, vectorizer, _ = blocks
    X = vectorizer.transform(vectorizer.genes_)
    encoder = GeneSetEncoder(5, random_state=0, **parameters).fit(X)
    found = suggest_genes(encoder, vectorizer, genes["A"][:10])
    assert set(found["gene"]) <= set(genes["A"])
    assert set(found["evidence"]) == {""}
    assert (found["from_gene_sets"] == 0).all()


def test_a_list_on_hidden_layers(blocks):
    genes, vectorizer, _ = blocks
    X = vectorizer.transform(vectorizer.genes_)
    encoder = GeneSetEncoder(5, hidden_layer_sizes=(8,), random_state=0).fit(X)
    found = suggest_genes(encoder, vectorizer, genes["A"][:10])
    assert set(found["gene"]) <= set(genes["A"])


def test_lists_in_which_nothing_or_all_is_left(encoder, vectorizer):
    assert suggest_genes(encoder, vectorizer, vectorizer.genes_).empty
    most = vectorizer.genes_[1:]
    found = suggest_genes(encoder, vectorizer, most)
    assert found["gene"].tolist() == vectorizer.genes_[:1].tolist()
    # No more than half of the others.
    np.testing.assert_allclose(found["probability"], 0.5, rtol=1e-4)


def test_a_list_of_no_known_gene_is_refused_with_advice(encoder, vectorizer):
    with pytest.raises(
        ValueError, match=r"Expected genes of the collection.*Entrez number.*aliases="
    ):
        suggest_genes(encoder, vectorizer, ["7157", "4193"])
    with pytest.raises(ValueError, match="one or more genes, got none"):
        suggest_genes(encoder, vectorizer, [])
    with pytest.raises(TypeError, match="Expected genes"):
        suggest_genes(encoder, vectorizer, {"TP53", 7})
    with pytest.raises(TypeError, match="Expected an iterable of genes, got the int 7"):
        suggest_genes(encoder, vectorizer, 7)


def test_unknown_genes_of_a_list_are_left_out_with_a_warning(encoder, vectorizer):
    known = ["HK1", "PKM", "TP53"]
    with pytest.warns(UserWarning, match=r"1 of 4 genes is in no .*, and left out"):
        found = suggest_genes(encoder, vectorizer, [*known, "XYZ"])
    pd.testing.assert_frame_equal(found, suggest_genes(encoder, vectorizer, known))


@pytest.mark.parametrize("given", [["PKM"], ["PKM", "LDHA", "PKM"]])
def test_a_list_of_one_or_two_is_answered_with_a_warning(encoder, vectorizer, given):
    n = len(set(given))
    with pytest.warns(UserWarning, match=f"3 genes or more, got {n} of the .*'PKM'"):
        found = suggest_genes(encoder, vectorizer, given, k=3)
    assert len(found) == 3


def test_aliases_are_followed_in_a_list(encoder):
    aliases = {"P53": "TP53"}
    vectorizer = GmtVectorizer(GENE_SETS, aliases=aliases).fit(["TP53"])
    found = suggest_genes(encoder, vectorizer, ["P53", "MDM2", "PFKM"])
    expected = suggest_genes(encoder, vectorizer, ["TP53", "MDM2", "PFKM"])
    pd.testing.assert_frame_equal(found, expected)


def test_a_gene_without_a_vector_has_the_frequency_of_the_list(with_only):
    encoder, vectorizer = with_only
    found = suggest_genes(encoder, vectorizer, ["A", "B", "C"]).set_index("gene")
    assert found.loc["ONLY", "probability"] == pytest.approx(3 / 7)
    assert np.isnan(found.loc["ONLY", "from_embedding"])
    # A list of nothing but such genes says nothing, of other genes too.
    with pytest.warns(UserWarning, match="got 1 of the"):
        alone = suggest_genes(encoder, vectorizer, ["ONLY"])
    assert np.isfinite(alone["probability"]).all()


def test_nearest_gene_sets_count_probable_genes(blocks):
    genes, vectorizer, encoder = blocks
    given = genes["A"][:10]
    found = nearest_gene_sets(encoder, vectorizer, given, k=100)
    assert len(found) == 75
    assert found["similarity"].is_monotonic_decreasing
    assert all(name.startswith("A_") for name in found["gene_set"][:20])
    probability = suggest_genes(encoder, vectorizer, given, k=100).set_index("gene")
    weight = dict.fromkeys(given, 1.0) | dict(probability["probability"])
    for row in found.iloc[::10].itertuples():
        members = vectorizer.gene_sets_[row.gene_set]
        common = sum(weight[gene] for gene in members)
        either = sum(weight.values()) + len(members) - common
        assert row.similarity == pytest.approx(common / either, rel=1e-4)
        assert row.shared == len(set(members) & set(given))
        assert row.size == len(members)
    assert len(nearest_gene_sets(encoder, vectorizer, given)) == 10


@pytest.mark.parametrize("container", ["pandas", "polars", "default"])
def test_the_container_of_the_vectorizer_changes_nothing(
    encoder, vectorizer, container
):
    if container == "polars":
        pytest.importorskip("polars", reason="needs polars")
    other = GmtVectorizer(GENE_SETS).fit(["TP53"]).set_output(transform=container)
    for function, asked in (
        (suggest_genes, "HYPOXIA"),
        (suggest_genes, ["HK1", "LDHA", "VEGFA"]),
        (suggest_gene_sets, "PKM"),
        (nearest_gene_sets, ["HK1", "LDHA", "VEGFA"]),
    ):
        expected = function(encoder, vectorizer, asked)
        pd.testing.assert_frame_equal(function(encoder, other, asked), expected)


def test_gene_sets_in_another_order_are_refused():
    vectorizer = GmtVectorizer(GENE_SETS).set_output(transform="pandas")
    X = vectorizer.fit_transform(vectorizer.fit(["HK1"]).genes_)
    encoder = GeneSetEncoder(2, random_state=0).fit(X)
    assert len(suggest_gene_sets(encoder, vectorizer, "HK1")) == 1
    prefixed = clone(encoder).fit(X.add_prefix("genes__"))
    assert len(suggest_gene_sets(prefixed, vectorizer, "HK1")) == 1
    other = GmtVectorizer(dict(reversed(GENE_SETS.items()))).fit(["HK1"])
    message = "fitted on 'GLYCOLYSIS' in place of 'P53_PATHWAY'"
    with pytest.raises(ValueError, match=message):
        suggest_gene_sets(encoder, other, "HK1")


def test_a_gene_set_of_all_genes_lacks_none():
    vectorizer = GmtVectorizer({"ALL": list("abcd"), "B": list("ab"), "C": list("cd")})
    encoder = GeneSetEncoder(2, random_state=0).fit(vectorizer.fit_transform([*"abcd"]))
    found = suggest_genes(encoder, vectorizer, "ALL")
    assert found.shape == (0, 5)


def test_a_vector_of_zeros_is_no_unknown_gene():
    """ReLU may leave a gene nothing, of which the wide part knows something."""
    rng = np.random.default_rng(0)
    X = np.kron(np.eye(3), np.ones((20, 4))) * (rng.random((60, 12)) < 0.8)
    X[:, 0] = 1
    X[0, 0] = 0
    encoder = GeneSetEncoder(
        1, activation="relu", init="random", max_epochs=20, random_state=0
    ).fit(X)
    dead = ~encoder.embedding_.any(axis=1)
    assert dead.any()
    assert not dead.all()
    probability = encoder.predict_proba(X[dead])
    assert not np.isclose(probability, encoder.gene_set_frequency_).all(axis=1).any()


@pytest.mark.parametrize(
    "gene_sets",
    [{"A": "abcd"}, {"A": "abc", "B": "abc", "C": "d"}, {"A": "abcd", "B": "abcd"}],
)
def test_lists_of_collections_that_say_little(gene_sets):
    vectorizer = GmtVectorizer({name: list(x) for name, x in gene_sets.items()})
    X = vectorizer.fit_transform([*"abcd"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sets that have no weight
        encoder = GeneSetEncoder(2, max_epochs=2, random_state=0).fit(X)
    found = suggest_genes(encoder, vectorizer, ["a", "b", "c"])
    assert found["gene"].tolist() == ["d"]
    assert 0 < found["probability"].item() < 1
    assert set(nearest_gene_sets(encoder, vectorizer, [*"abc"]).gene_set) == set(
        gene_sets
    )
