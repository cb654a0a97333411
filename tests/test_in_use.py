"""What users do with the package: pipelines, searches, frozen encoders, processes."""

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sk_gene2vec import GeneSetEncoder, GmtVectorizer, suggest_genes
from sk_gene2vec.datasets import load_go_bp, load_go_mf_classes


@pytest.fixture(scope="module")
def classes():
    """Genes of three easy classes, and the gene sets of a size that they share."""
    genes, labels = load_go_mf_classes(return_X_y=True)
    chosen = np.isin(labels, ["protein kinase", "GPCR", "ion channel"])
    rng = np.random.default_rng(0)
    index = rng.permutation(np.flatnonzero(chosen))[:600]
    return genes[index], labels[index]


@pytest.fixture(scope="module")
def collection():
    """The bundled sets of 100 genes and more: enough to learn from, quick to fit."""
    sets = load_go_bp()
    return {name: genes for name, genes in sets.items() if len(genes) >= 100}


@pytest.fixture
def pipeline(collection):
    return Pipeline(
        [
            ("genes", GmtVectorizer(collection)),
            ("encode", GeneSetEncoder(20, batch_size=100, random_state=0)),
            ("classify", LogisticRegression(max_iter=1000)),
        ]
    )


pytestmark = pytest.mark.filterwarnings(
    "ignore:.* (in no gene set|only in sets):UserWarning"
)


def test_pipeline_classifies_genes_it_has_not_seen(pipeline, classes):
    scores = cross_val_score(pipeline, *classes, cv=3)
    _, counts = np.unique(classes[1], return_counts=True)
    majority = counts.max() / counts.sum()
    assert scores.min() > majority + 0.2


@pytest.mark.slow
def test_grid_search_over_the_encoder_in_two_processes(pipeline, classes):
    grid = {
        "encode__embedding_dim": [2, 20],
        "encode__gene_input": ["membership", "one-hot"],
    }
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2, error_score="raise")
    search.fit(*classes)
    scores = search.cv_results_["mean_test_score"]
    assert len(scores) == 4
    assert search.best_params_["encode__embedding_dim"] == 20
    assert (search.predict(classes[0]) == classes[1]).mean() > 0.8


def test_plain_grid_search_over_the_encoder_tunes_for_hidden_memberships(collection):
    sets = dict(list(collection.items())[:200])
    vectorizer = GmtVectorizer(sets)
    X = vectorizer.fit_transform(sorted(set().union(*sets.values()))[:1500])
    encoder = GeneSetEncoder(batch_size=100, max_epochs=10, random_state=0)
    search = GridSearchCV(encoder, {"embedding_dim": [1, 30]}, cv=2).fit(X)
    assert search.best_params_ == {"embedding_dim": 30}
    assert 0.2 < search.best_score_ < 1


def test_frozen_encoder_is_not_trained_again(collection, classes):
    genes, labels = classes
    vectorizer = GmtVectorizer(collection).fit(genes)
    encoder = GeneSetEncoder(20, batch_size=100, random_state=0)
    encoder.fit(vectorizer.transform(genes))
    before = [coef.copy() for coef in encoder.coefs_]
    pipeline = make_pipeline(
        FrozenEstimator(vectorizer), FrozenEstimator(encoder), LogisticRegression()
    )
    grid = {"logisticregression__C": [0.1, 10.0]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(genes, labels)
    frozen = search.best_estimator_[1].estimator
    assert frozen is encoder
    for coef, expected in zip(frozen.coefs_, before, strict=True):
        np.testing.assert_array_equal(coef, expected)
    assert search.best_score_ > 0.7


@pytest.mark.parametrize("columns", ["gene", ["gene"]])
def test_column_transformer(collection, classes, columns):
    genes, labels = classes
    frame = pd.DataFrame({"gene": genes, "source": np.where(labels > "h", "a", "b")})
    genes_to_vectors = make_pipeline(
        GmtVectorizer(collection), GeneSetEncoder(5, random_state=0)
    )
    transformer = ColumnTransformer(
        [("embed", genes_to_vectors, columns), ("source", OneHotEncoder(), ["source"])],
    )
    assert transformer.fit_transform(frame).shape == (600, 7)
    names = transformer.get_feature_names_out()
    assert names[:2].tolist() == ["embed__genesetencoder0", "embed__genesetencoder1"]


def test_set_output_names_genes_and_dimensions(collection):
    genes = pd.Series(["TP53", "BRCA1", "INS"], index=["a", "b", "c"])
    X = GmtVectorizer(collection).fit_transform(genes)
    encoder = GeneSetEncoder(2, random_state=0).set_output(transform="pandas")
    frame = encoder.fit_transform(pd.DataFrame(X.toarray(), index=genes))
    assert frame.index.tolist() == ["TP53", "BRCA1", "INS"]
    assert frame.columns.tolist() == ["genesetencoder0", "genesetencoder1"]


def test_clone_of_a_pipeline_shares_the_collection(pipeline):
    assert clone(pipeline).get_params()["encode__embedding_dim"] == 20


def test_fitted_pipeline_opens_in_another_process_without_torch(
    pipeline, classes, tmp_path
):
    genes, labels = classes
    pipeline.fit(genes, labels)
    path = tmp_path / "pipeline.pickle"
    path.write_bytes(pickle.dumps(pipeline))
    program = (
        "import pickle, sys\n"
        f"pipeline = pickle.loads(open({str(path)!r}, 'rb').read())\n"
        "print(*pipeline.predict(['TP53', 'EGFR', 'ADRB2']), sep=',')\n"
        "print(any(name.split('.')[0] == 'torch' for name in sys.modules))\n"
    )
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        text=True,
        check=True,
    )
    predicted, imports_torch = run.stdout.splitlines()
    assert predicted == ",".join(pipeline.predict(["TP53", "EGFR", "ADRB2"]))
    assert imports_torch == "False"


def test_suggestions_read_what_was_fitted_and_no_parameter_set_since():
    texts = {"A": "abcdefgh", "B": "abcdefij", "C": "klmnopqr", "D": "klmnopst"}
    gene_sets = {name: list(text) for name, text in texts.items()}
    genes = sorted(set("".join(texts.values())))
    model = make_pipeline(GmtVectorizer(gene_sets), GeneSetEncoder(2, random_state=0))
    model.fit(genes)
    before = suggest_genes(model, [*"abcd"])
    model.set_params(genesetencoder__completeness=0.2)
    pd.testing.assert_frame_equal(suggest_genes(model, [*"abcd"]), before)
