"""Suggestions: the most probable memberships that the collection does not list."""

import sys

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from sk_gene2vec import GeneSetEncoder, GmtVectorizer
from sk_gene2vec.encoder import _encoder, suggest_gene_sets, suggest_genes
from sk_gene2vec.encoder._inference import decode_logits

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


@pytest.mark.parametrize("suggest", [suggest_genes, suggest_gene_sets])
def test_arguments_are_checked(encoder, vectorizer, suggest):
    with pytest.raises(TypeError, match=r"the name of a gene.*got \['TP53'\]"):
        suggest(encoder, vectorizer, ["TP53"])
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


@pytest.mark.parametrize("suggest", [suggest_genes, suggest_gene_sets])
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


def test_reasons_of_a_gene_without_a_vector():
    # ALL has all genes, so no weight, and tells nothing of ONLY.
    genes = [*"ABCDEF"]
    sets = {"ALL": [*genes, "ONLY"], "FIRST": genes[:3], "LAST": genes[2:]}
    vectorizer = GmtVectorizer(sets)
    X = vectorizer.fit_transform([*genes, "ONLY"])
    with pytest.warns(UserWarning, match="1 of 7 genes"):
        encoder = GeneSetEncoder(2, random_state=0).fit(X)
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
