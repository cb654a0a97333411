"""How much is known of each gene: its number of gene sets, beside its neighbours."""

import pickle

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from sk_gene2vec import GeneEmbedding, GeneSetEncoder, GmtVectorizer

SETS = {
    "GLYCOLYSIS": ["HK1", "PKM", "LDHA"],
    "WARBURG": ["HK1", "PKM"],
    "P53_PATHWAY": ["MDM2", "TP53", "HK1"],
}


@pytest.fixture(scope="module")
def embedding():
    genes = ["TP53", "HK1", "LDHA", "MDM2", "PKM"]
    encoder = GeneSetEncoder(2, max_epochs=2, random_state=0)
    model = make_pipeline(GmtVectorizer(SETS), encoder).fit(genes)
    return GeneEmbedding.from_pipeline(model, genes)


def test_every_neighbor_comes_with_its_number_of_gene_sets(embedding):
    assert embedding.n_gene_sets.tolist() == [1, 3, 1, 1, 2]
    table = embedding.neighbors("TP53", topn=4)
    known = dict(zip(embedding.genes, embedding.n_gene_sets, strict=True))
    assert table["n_gene_sets"].tolist() == [known[x] for x in table["neighbor"]]


def test_pickles_and_folders_keep_the_numbers(embedding, tmp_path):
    embedding.to_folder(tmp_path)
    for same in (
        pickle.loads(pickle.dumps(embedding)),
        GeneEmbedding.from_folder(tmp_path),
    ):
        np.testing.assert_array_equal(same.n_gene_sets, embedding.n_gene_sets)


def test_without_numbers_there_is_no_column(tmp_path):
    embedding = GeneEmbedding(["A", "B"], [[1, 0], [0, 1]])
    assert embedding.n_gene_sets is None
    assert "n_gene_sets" not in embedding.neighbors()
    embedding.to_folder(tmp_path)
    assert GeneEmbedding.from_folder(tmp_path).n_gene_sets is None


@pytest.mark.parametrize("wrong", [[1], [1, -1], [0.5, 1], [[1, 2]], [1, 2**63]])
def test_anything_but_one_count_per_gene_is_refused(wrong):
    with pytest.raises(ValueError, match="n_gene_sets as 2 integers of at least 0"):
        GeneEmbedding(["A", "B"], [[1, 0], [0, 1]], n_gene_sets=wrong)
