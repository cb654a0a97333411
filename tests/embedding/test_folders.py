"""Folders to hand on, and vectors that are kept in the cache."""

import hashlib
import io
import json
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from skorch.callbacks import Callback

from sk_gene2vec import GeneEmbedding, GeneSetEncoder, GeneSets, GmtVectorizer
from sk_gene2vec.metrics import held_out_membership_scores, split_memberships

ATTRS = {
    "collection": {"name": "A | B", "version": "7", "licence": "CC BY 4.0: see\npage"},
    "encoder": "GeneSetEncoder",
    "encoder_params": {"lr": 0.02},
    "n_genes": 3,
}


@pytest.fixture(params=[np.float32, np.float64])
def embedding(request):
    vectors = np.array([[2, 0.1], [3, 1], [0, 1e-30]], dtype=request.param)
    return GeneEmbedding(["HK1", "β-ACTIN", "TP53"], vectors, ATTRS)


def assert_same(one, other):
    assert one.genes.tolist() == other.genes.tolist()
    assert one.vectors.dtype == other.vectors.dtype
    np.testing.assert_array_equal(one.vectors, other.vectors)
    assert one.attrs == other.attrs
    np.testing.assert_array_equal(one.n_gene_sets, other.n_gene_sets)


@pytest.mark.parametrize("url", [False, True])
def test_a_folder_comes_back_as_it_was(embedding, tmp_path, url):
    folder = tmp_path / "new" / "folder"
    embedding.to_folder(folder)
    assert {path.name for path in folder.iterdir()} == {
        "README.md",
        "config.json",
        "embedding.npy",
    }
    place = f"{folder.as_uri()}/" if url else folder
    assert_same(GeneEmbedding.from_folder(place), embedding)
    # Writing again replaces it.
    other = GeneEmbedding(["A"], [[1.0]])
    other.to_folder(folder)
    assert_same(GeneEmbedding.from_folder(str(folder)), other)


def test_others_can_read_it_without_this_package(embedding, tmp_path):
    embedding.to_folder(tmp_path)
    table = np.load(tmp_path / "embedding.npy")
    assert table["gene"].tolist() == embedding.genes.tolist()
    np.testing.assert_array_equal(table["vector"], embedding.vectors)
    record = json.loads((tmp_path / "config.json").read_text())
    assert record["attrs"] == ATTRS


def test_the_card_says_where_they_come_from(embedding, tmp_path):
    embedding.to_folder(tmp_path)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    head, page = card.removeprefix("---\n").split("---\n", 1)
    assert "library_name: sk-gene2vec\n" in head
    # JSON in quotes is YAML, whatever the licence says.
    assert 'license: other\nlicense_name: "CC BY 4.0: see\\npage"\n' in head
    for line in (
        "# Vectors of 3 genes, learned from gene sets",
        "| collection: name | A \\| B |",
        "| collection: licence | CC BY 4.0: see page |",
        "| `lr` | 0.02 |",
        "| n_genes | 3 |",
        'embedding.most_similar("HK1")',
    ):
        assert line in page.splitlines()
    assert "Not measured" in page
    assert "Leakage" in page


def test_the_card_of_vectors_from_nowhere(tmp_path):
    GeneEmbedding(["A"], [[1.0]]).to_folder(tmp_path)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "license" not in card
    assert "Not recorded." in card
    assert "learned from gene sets" not in card
    assert "Leakage" not in card


def test_the_card_of_gene_sets(tmp_path):
    encoder = GeneSetEncoder(2, max_epochs=2, random_state=0)
    model = make_pipeline(GmtVectorizer(SETS), encoder).fit(SETS.genes)
    GeneEmbedding.of_gene_sets(model).to_folder(tmp_path)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert f"# Vectors of {len(SETS)} gene sets, learned from gene sets" in card
    assert "have similar vectors" not in card
    assert "Leakage" in card


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"no JSON", "Expecting value"),
        (b"[" * 10**6, "recursion"),
        (b"[]", "list indices"),
        (b"{}", "one without 'format'"),
        (b'{"format": "bert"}', "the format 'bert'"),
        (b'{"format": "sk_gene2vec.GeneEmbedding, version 2"}', "version 2'"),
    ],
)
def test_a_folder_of_another_format(tmp_path, content, found):
    (tmp_path / "config.json").write_bytes(content)
    expected = "config.json as GeneEmbedding.to_folder writes it, of the format .*1', "
    with pytest.raises(ValueError, match=f"{expected}got .*{found}"):
        GeneEmbedding.from_folder(tmp_path)


def test_a_folder_without_files_damaged_or_too_large(embedding, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"config\.json"):
        GeneEmbedding.from_folder(tmp_path)
    embedding.to_folder(tmp_path)
    size = (tmp_path / "config.json").stat().st_size
    with pytest.raises(ValueError, match=rf"json has more than max_bytes={size - 1} b"):
        GeneEmbedding.from_folder(tmp_path, max_bytes=size - 1)
    vectors = tmp_path / "embedding.npy"
    assert vectors.stat().st_size < size
    GeneEmbedding.from_folder(tmp_path, max_bytes=size)
    vectors.write_bytes(vectors.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"embedding\.npy is damaged, .*sha256"):
        GeneEmbedding.from_folder(tmp_path)


def npy(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


LYING = npy(np.zeros(3)).replace(b"(3,)" + b" " * 15, b"(9999999999999999,)")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text",
        npy(np.zeros(3)),
        npy(np.zeros(3, dtype=[("gene", "U3")])),
        npy(np.array([{}]), allow_pickle=True),
        npy(np.zeros(3))[:-9],
        LYING,
    ],
)
def test_vectors_of_another_kind(embedding, tmp_path, content):
    embedding.to_folder(tmp_path)
    (tmp_path / "embedding.npy").write_bytes(content)
    path = tmp_path / "config.json"
    record = json.loads(path.read_text())
    record["sha256"] = hashlib.sha256(content).hexdigest()
    path.write_text(json.dumps(record))
    with pytest.raises(ValueError, match="with the fields gene and vector, got anoth"):
        GeneEmbedding.from_folder(tmp_path)


def test_a_url_needs_fsspec(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(ImportError, match="Cannot import fsspec, which the folder at"):
        GeneEmbedding.from_folder("s3://bucket/vectors")


# --- from_gene_sets

SETS = GeneSets(
    {
        "GLYCOLYSIS": ["HK1", "PKM", "PFKM", "LDHA"],
        "WARBURG": ["HK1", "PKM", "PFKM"],
        "P53_PATHWAY": ["MDM2", "TP53", "CDKN1A"],
        "CELL_CYCLE": ["CDKN1A", "TP53", "CDK1"],
    },
    attrs={"name": "four sets"},
)


@pytest.fixture
def fits(monkeypatch):
    """How many memberships encoders were fitted on."""
    found = []
    fit = GeneSetEncoder.fit

    def spy(self, X, y=None):
        found.append(X.sum())
        return fit(self, X, y)

    monkeypatch.setattr(GeneSetEncoder, "fit", spy)
    return found


def test_the_second_call_takes_no_training(tmp_path, fits, monkeypatch):
    encoder = GeneSetEncoder(2, random_state=3)
    first = GeneEmbedding.from_gene_sets(SETS, encoder=encoder, data_home=tmp_path)
    assert fits == [13]
    second = GeneEmbedding.from_gene_sets(SETS, encoder=encoder, data_home=tmp_path)
    monkeypatch.setenv("SK_GENE2VEC_DATA", str(tmp_path))
    # What changes no vector is no other entry.
    same = clone(encoder).set_params(verbose=1, completeness=0.5, device="cpu")
    third = GeneEmbedding.from_gene_sets(SETS, encoder=same)
    assert len(fits) == 1
    assert_same(first, second)
    assert_same(first, third)
    # As by hand.
    model = make_pipeline(GmtVectorizer(SETS), clone(encoder)).fit(SETS.genes)
    assert_same(first, GeneEmbedding.from_pipeline(model))
    assert first.attrs["collection"] == {"name": "four sets"}
    assert not hasattr(encoder, "coefs_")


@pytest.mark.parametrize(
    ("sets", "changes"),
    [
        (SETS, {"lr": 0.01}),
        (SETS, {"random_state": 4}),
        (GeneSets(SETS, attrs={"name": "renamed"}), {}),
        (dict(reversed([*SETS.items()])), {}),
        ({**SETS, "WARBURG": ["HK1", "PKM", "LDHA"]}, {}),
    ],
)
def test_other_data_or_parameters_are_learned(tmp_path, fits, sets, changes):
    encoder = GeneSetEncoder(2, random_state=3)
    GeneEmbedding.from_gene_sets(SETS, encoder=encoder, data_home=tmp_path)
    encoder.set_params(**changes)
    GeneEmbedding.from_gene_sets(sets, encoder=encoder, data_home=tmp_path)
    assert len(fits) == 2


@pytest.mark.parametrize("name", ["config.json", "embedding.npy"])
def test_a_damaged_cache_is_learned_anew_with_a_warning(tmp_path, fits, name):
    encoder = GeneSetEncoder(2, random_state=3)
    first = GeneEmbedding.from_gene_sets(SETS, encoder=encoder, data_home=tmp_path)
    (path,) = tmp_path.rglob(name)
    path.write_bytes(b"damaged")
    with pytest.warns(UserWarning, match="cached vectors; training again"):
        again = GeneEmbedding.from_gene_sets(SETS, encoder=encoder, data_home=tmp_path)
    assert_same(first, again)
    assert len(fits) == 2
    # Said once: it is whole again.
    GeneEmbedding.from_gene_sets(SETS, encoder=encoder, data_home=tmp_path)


def test_a_score_for_the_card(tmp_path, fits):
    encoder = GeneSetEncoder(2, random_state=3)
    found = GeneEmbedding.from_gene_sets(
        SETS, encoder=encoder, evaluate=True, data_home=tmp_path
    )
    X = GmtVectorizer(SETS).fit_transform(SETS.genes)
    visible, hidden = split_memberships(X, random_state=0)
    expected = held_out_membership_scores(
        clone(encoder).fit(visible),
        visible,
        hidden,
        metrics=["ndcg@100", "recall@20", "auroc"],
    )
    assert found.attrs["held_out_scores"] == expected
    np.testing.assert_array_equal(found.n_gene_sets, np.diff(X.indptr))
    assert fits[:2] == [visible.sum(), X.sum()]
    (card,) = tmp_path.rglob("README.md")
    assert f"| auroc | {expected['auroc']:.3f} |" in card.read_text(encoding="utf-8")


@pytest.mark.parametrize("random_state", [None, np.random.RandomState(0)])
def test_vectors_that_no_call_would_learn_again_are_not_kept(tmp_path, random_state):
    encoder = GeneSetEncoder(2, random_state=random_state)
    with pytest.raises(ValueError, match="with an int as random_state and"):
        GeneEmbedding.from_gene_sets(SETS, encoder=encoder, data_home=tmp_path)


def test_a_fit_with_callbacks_is_not_kept(tmp_path):
    encoder = GeneSetEncoder(2, random_state=0, callbacks=[Callback()])
    with pytest.raises(ValueError, match=r"without callbacks, got .* callbacks=\[<"):
        GeneEmbedding.from_gene_sets(SETS, encoder=encoder, data_home=tmp_path)


def test_a_seed_of_numpy_is_the_number(tmp_path, monkeypatch):
    of_python = GeneSetEncoder(2, max_epochs=2, random_state=3)
    kept = GeneEmbedding.from_gene_sets(SETS, encoder=of_python, data_home=tmp_path)
    monkeypatch.setattr(GeneSetEncoder, "fit", None)
    of_numpy = GeneSetEncoder(2, max_epochs=2, random_state=np.int64(3))
    found = GeneEmbedding.from_gene_sets(SETS, encoder=of_numpy, data_home=tmp_path)
    np.testing.assert_array_equal(found.vectors, kept.vectors)


def test_the_default_encoder(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        GeneSetEncoder, "fit", lambda self, X, y=None: seen.append(self) or 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        GeneEmbedding.from_gene_sets(SETS, data_home=tmp_path)
    (encoder,) = seen
    assert encoder.get_params() == {
        **GeneSetEncoder().get_params(),
        "random_state": 0,
    }
