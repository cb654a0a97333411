"""Grid search on a real Dask cluster of two worker processes."""

import os
import sys
from unittest import mock

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sk_gene2vec import GeneSetEncoder, GeneSets, GmtVectorizer, write_gmt

distributed = pytest.importorskip(
    "distributed", reason='needs the package distributed: pip install ".[dask]"'
)

pytestmark = pytest.mark.slow

N_FITS = 4


@pytest.fixture(scope="module")
def client():
    with (
        mock.patch.dict(os.environ),  # Dask leaves its workers' variables in it
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def kinds():
    """Genes of three kinds, and a collection whose sets mostly have one kind."""
    rng = np.random.default_rng(0)
    genes = np.array([f"G{i}" for i in range(60)])
    kind = np.repeat([0, 1, 2], 20)
    sets = {}
    for i in range(30):
        members = rng.random(60) < np.where(kind == i % 3, 0.6, 0.1)
        sets[f"SET_{i}"] = genes[members].tolist()
    return genes, kind, GeneSets(sets)


def search(gene_sets):
    pipeline = make_pipeline(
        GmtVectorizer(gene_sets),
        GeneSetEncoder(4, batch_size=20, max_epochs=5, random_state=0),
        LogisticRegression(),
    )
    grid = {"genesetencoder__embedding_dim": [1, 4]}
    return GridSearchCV(pipeline, grid, cv=2, refit=False, error_score="raise")


@pytest.fixture
def pickled(monkeypatch):
    """Collections that this process, client and scheduler, has pickled."""
    counted = []
    reduce = GeneSets.__reduce_ex__

    def counting(self, protocol):
        counted.append(len(self))
        return reduce(self, protocol)

    monkeypatch.setattr(GeneSets, "__reduce_ex__", counting)
    return counted


def test_search_on_a_cluster_sends_a_file_once(client, kinds, pickled, tmp_path):
    genes, kind, gene_sets = kinds
    path = str(tmp_path / "kinds.gmt")
    # Both workers are on one machine: one of them writes the file for both.
    first, second = client.scheduler_info()["workers"]
    client.run(write_gmt, gene_sets, path, workers=[first])
    spread = search(path)
    with parallel_config(backend="dask"):
        spread.fit(genes, kind)
    assert pickled == [30]
    # The fits were done over there, and by both.
    loaded = client.run(lambda: "torch" in sys.modules)
    assert loaded == {first: True, second: True}
    here = search(gene_sets).fit(genes, kind)
    for fold in range(2):
        scores = f"split{fold}_test_score"
        np.testing.assert_allclose(
            spread.cv_results_[scores], here.cv_results_[scores], atol=1e-12
        )
    best = here.cv_results_["mean_test_score"].max()
    assert best > 0.8


def test_search_sends_a_collection_by_value_with_every_fit(client, kinds, pickled):
    genes, kind, gene_sets = kinds
    with parallel_config(backend="dask"):
        search(gene_sets).fit(genes, kind)
    assert len(pickled) >= N_FITS
