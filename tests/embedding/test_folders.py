"""Folders to hand on, and vectors that are kept in the cache."""

import hashlib
import io
import json
import sys
import tracemalloc

import numpy as np
import pandas as pd
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


@pytest.mark.parametrize("url", [False, True])
def test_a_folder_comes_back_as_it_was(embedding, tmp_path, url):
    folder = tmp_path / "new" / "folder"
    embedding.to_folder(folder)
    assert {path.name for path in folder.iterdir()} == {
        "README.md",
        "config.json",
        "genes.tsv",
        "vectors.npy",
    }
    place = f"{folder.as_uri()}/" if url else folder
    assert GeneEmbedding.from_folder(place) == embedding
    # Writing again replaces it.
    other = GeneEmbedding(["A"], [[1.0]])
    other.to_folder(folder)
    assert GeneEmbedding.from_folder(str(folder)) == other


def test_others_can_read_it_without_this_package(embedding, tmp_path):
    counted = GeneEmbedding(embedding, embedding.vectors, ATTRS, [4, 2, 1])
    for given in (embedding, counted):
        given.to_folder(tmp_path)
        table = pd.read_csv(tmp_path / "genes.tsv", sep="\t", na_filter=False)
        assert table["gene"].tolist() == given.genes.tolist()
        vectors = np.load(tmp_path / "vectors.npy")
        np.testing.assert_array_equal(vectors, given.vectors)
        record = json.loads((tmp_path / "config.json").read_text())
        assert record["attrs"] == ATTRS
    assert table["n_gene_sets"].tolist() == [4, 2, 1]


def test_one_long_gene_takes_no_more_than_its_length(tmp_path):
    genes = ["G" * 10**5, *map(str, range(20_000))]
    embedding = GeneEmbedding(genes, np.zeros((len(genes), 1), dtype=np.float32))
    tracemalloc.start()
    embedding.to_folder(tmp_path)
    assert GeneEmbedding.from_folder(tmp_path) == embedding
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30 * 10**6
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 10**6


@pytest.mark.parametrize("name", ["README.md", "genes.tsv", "vectors.npy"])
def test_a_folder_is_replaced_as_a_whole_or_not_at_all(embedding, tmp_path, name):
    embedding.to_folder(tmp_path)
    other = GeneEmbedding(["A"], [[1.0]])
    # What cannot be written is found out when the other files are.
    kept = tmp_path / name
    content = kept.read_bytes()
    kept.unlink()
    kept.mkdir()
    before = {path.name for path in tmp_path.iterdir()}
    with pytest.raises(IsADirectoryError):
        other.to_folder(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == before
    kept.rmdir()
    kept.write_bytes(content)
    assert GeneEmbedding.from_folder(tmp_path) == embedding


def test_the_card_says_where_they_come_from(embedding, tmp_path):
    embedding.to_folder(tmp_path)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    head, page = card.removeprefix("---\n").split("---\n", 1)
    assert "library_name: sk-gene2vec\n" in head
    # JSON in quotes is YAML, whatever the licence says.
    assert 'license: other\nlicense_name: "CC BY 4.0: see\\npage"\n' in head
    for line in (
        "# Vectors of 3 genes",
        "| collection: name | A \\| B |",
        "| collection: licence | CC BY 4.0: see page |",
        "| encoder_params: lr | 0.02 |",
        "| n_genes | 3 |",
        'embedding.most_similar("HK1")',
    ):
        assert line in page.splitlines()
    assert "Not measured" in page
    assert "Leakage" in page


@pytest.mark.parametrize(
    ("attrs", "lines"),
    [
        ({"collection": "GO"}, ["| collection | GO |"]),
        ({"collection": ["GO", 1]}, ["| collection | ['GO', 1] |"]),
        ({"collection": {"licence": ["CC0"]}}, ['license_name: ["CC0"]']),
        ({"collection": None}, ["| collection | None |"]),
        ({"encoder_params": 3}, ["| encoder_params | 3 |"]),
        ({"held_out_scores": 0.9}, ["| held_out_scores | 0.9 |"]),
        (
            {"held_out_scores": {"auroc": 0.5, "n": 10**400, "by": "me", "x": None}},
            ["| held_out_scores: auroc | 0.5 |", f"| held_out_scores: n | {10**400} |"],
        ),
        ({"held_out_scores": None}, ["Not recorded."]),
        ({"held_out_scores": ["good"], "encoder": None}, ["| encoder | None |"]),
        ({"vectors_of": ["x"]}, ["| vectors_of | ['x'] |"]),
    ],
)
def test_the_card_shows_what_it_can_of_any_attrs(tmp_path, attrs, lines):
    embedding = GeneEmbedding(['"A"'], [[1.0]], attrs)
    embedding.to_folder(tmp_path)
    page = (tmp_path / "README.md").read_text(encoding="utf-8").splitlines()
    for line in [*lines, 'embedding.most_similar("\\"A\\"")']:
        assert line in page
    assert GeneEmbedding.from_folder(tmp_path) == embedding


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
    assert f"# Vectors of {len(SETS)} gene sets\n" in card
    assert "Leakage" in card


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"no JSON", "Expecting value"),
        (b"[" * 10**6, "recursion"),
        (b"[]", "'list' object"),
        (b"{}", "the format None"),
        (b'{"format": "bert"}', "the format 'bert'"),
        (b'{"format": "sk_gene2vec.GeneEmbedding, version 1"}', "version 1'"),
    ],
)
def test_a_folder_of_another_format(tmp_path, content, found):
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(ValueError, match=f"version 2', got .*{found}"):
        GeneEmbedding.from_folder(tmp_path)


def test_a_folder_without_files_damaged_or_too_large(embedding, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"config\.json"):
        GeneEmbedding.from_folder(tmp_path)
    embedding.to_folder(tmp_path)
    vectors = tmp_path / "vectors.npy"
    size = vectors.stat().st_size
    with pytest.raises(ValueError, match=rf"vectors\.npy: .*most {size - 1} bytes"):
        GeneEmbedding.from_folder(tmp_path, max_bytes=size - 1)
    assert GeneEmbedding.from_folder(tmp_path, max_bytes=size) == embedding
    for path in (vectors, tmp_path / "genes.tsv"):
        content = path.read_bytes()
        path.write_bytes(content[:-1])
        with pytest.raises(ValueError, match=rf"sha256 of {path.name}"):
            GeneEmbedding.from_folder(tmp_path)
        path.write_bytes(content)
    for name in ("genes.tsv", "config.json"):
        with (tmp_path / name).open("ab") as file:
            file.write(b" " * 2**20)
        with pytest.raises(ValueError, match=f"{name}: .*most 1,048,576 bytes"):
            GeneEmbedding.from_folder(tmp_path, max_bytes=10**7)


def forge(folder, **changes):
    """Change files, or parts of the record, and make the checksums right again."""
    path = folder / "config.json"
    record = json.loads(path.read_text())
    for name, file in (("genes", "genes.tsv"), ("vectors", "vectors.npy")):
        if name in changes:
            content = changes.pop(name)
            (folder / file).write_bytes(content)
            record["sha256"][file] = hashlib.sha256(content).hexdigest()
    path.write_text(json.dumps(record | changes))


def saved(save, *args, **options):
    file = io.BytesIO()
    save(file, *args, **options)
    return file.getvalue()


def header(text, rest=b""):
    """A file of NumPy with any header, and what follows it."""
    text = text.encode() + b"\n"
    return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text + rest


MATRIX = "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }"
VECTORS = {
    "empty": b"",
    "text": b"text",
    "vector": saved(np.save, np.zeros(3)),
    "fields": saved(np.save, np.zeros(3, dtype=[("gene", "U3")])),
    "pickle": saved(np.save, np.array([[{}]]), allow_pickle=True),
    "cut": saved(np.save, np.zeros((3, 2)))[:-9],
    "longer": saved(np.save, np.zeros((3, 2))) + b"x",
    "text matrix": saved(np.save, np.array([["A"] * 2] * 3)),
    "whole numbers": saved(np.save, np.zeros((3, 2), dtype=int)),
    "zero width": header(MATRIX.replace("<f4", "|S0") % "3, 10**9"),
    "zero width of fields": header("{'descr': [], 'shape': (3, 2)}"),
    "npz": saved(np.savez_compressed, np.zeros((3, 10**6))),
    "huge": header(MATRIX % "3, 9999999999999999"),
    "negative": header(MATRIX % "-1, -2", bytes(8)),
    "nested": header("[" * 9000),
    "no dict": header("3"),
    "unhashable": header("{[]: 1}"),
    "not finite": saved(np.save, np.full((3, 2), np.nan)),
}


@pytest.mark.parametrize("kind", VECTORS)
def test_vectors_of_another_kind(embedding, tmp_path, kind):
    embedding.to_folder(tmp_path)
    forge(tmp_path, vectors=VECTORS[kind])
    tracemalloc.start()
    with pytest.raises(ValueError, match="Expected files as GeneEmb"):
        GeneEmbedding.from_folder(tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10**7


def test_vectors_by_column_are_read(embedding, tmp_path):
    embedding.to_folder(tmp_path)
    forge(tmp_path, vectors=saved(np.save, np.asfortranarray(embedding.vectors)))
    assert GeneEmbedding.from_folder(tmp_path) == embedding


@pytest.mark.parametrize(
    "changes",
    [
        {"genes": b""},
        {"genes": b"gene\nA\nB\n"},
        {"genes": b"gene\nA\nA\nB\n"},
        {"genes": b"gene\nA\nB\n\xff\n"},
        {"genes": b"name\nA\nB\nC\n"},
        {"genes": b"gene\tn_gene_sets\nA\t1\nB\t2\nC\n"},
        {"genes": b"gene\tn_gene_sets\nA\t1\nB\t2\nC\t-1\n"},
        {"genes": b"gene\tn_gene_sets\nA\t1\nB\t2\nC\t" + b"9" * 5000 + b"\n"},
        {"genes": b"gene\tn_gene_sets\nA\t1\nB\t2\nC\t" + b"9" * 30 + b"\n"},
        {"attrs": {"x": float("nan")}},
        {"attrs": [1]},
        {"attrs": None},
        {"sha256": "0" * 64},
        {"sha256": {}},
        {"sha256": None},
    ],
)
def test_genes_and_records_of_another_kind(embedding, tmp_path, changes):
    embedding.to_folder(tmp_path)
    forge(tmp_path, **changes)
    with pytest.raises(ValueError, match="Expected") as caught:
        GeneEmbedding.from_folder(tmp_path)
    assert len(str(caught.value).replace(str(tmp_path), "")) < 500


def test_many_empty_genes_take_little_memory(embedding, tmp_path):
    embedding.to_folder(tmp_path)
    forge(tmp_path, genes=b"gene" + b"\n" * 2**19)
    tracemalloc.start()
    with pytest.raises(ValueError, match="genes that are not empty"):
        GeneEmbedding.from_folder(tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30 * 10**6


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("simplecache::https://localhost/x", "Download the folder"),
        ("zip://x::file:///tmp/x.zip", "Download the folder"),
        ("http://localhost/x", "encrypted URL"),
        ("ftp://localhost/x", "encrypted URL"),
    ],
)
def test_urls_that_are_not_opened(url, message):
    with pytest.raises(ValueError, match=message):
        GeneEmbedding.from_folder(url)


def test_a_protocol_that_fails_is_an_os_error():
    fsspec = pytest.importorskip("fsspec", reason="needs fsspec")

    class Failing(fsspec.AbstractFileSystem):
        protocol = "failing"

        def _open(self, *args, **options):
            raise RuntimeError("503 Service Unavailable")

    fsspec.register_implementation("failing", Failing, clobber=True)
    with pytest.raises(OSError, match=r"failing://x/config\.json: 503"):
        GeneEmbedding.from_folder("failing://x")


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
    assert first == second
    assert first == third
    # As by hand.
    model = make_pipeline(GmtVectorizer(SETS), clone(encoder)).fit(SETS.genes)
    assert first == GeneEmbedding.from_pipeline(model)
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


@pytest.mark.parametrize("name", ["config.json", "genes.tsv", "vectors.npy"])
@pytest.mark.parametrize("content", [b"damaged", b"[" * 10**5, None])
def test_a_damaged_cache_is_learned_again_with_a_warning(tmp_path, fits, name, content):
    encoder = GeneSetEncoder(2, random_state=3)
    first = GeneEmbedding.from_gene_sets(SETS, encoder=encoder, data_home=tmp_path)
    (path,) = tmp_path.rglob(name)
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.warns(UserWarning, match="cached vectors; training again"):
        again = GeneEmbedding.from_gene_sets(SETS, encoder=encoder, data_home=tmp_path)
    assert first == again
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
    assert fits[:2] == [X.sum(), visible.sum()]
    (card,) = tmp_path.rglob("README.md")
    assert f"auroc | {expected['auroc']:.4g} |" in card.read_text(encoding="utf-8")


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


def test_a_cache_that_cannot_be_written_fails_before_the_training(tmp_path, fits):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="Set data_home or SK_GENE2VEC_DATA") as caught:
        GeneEmbedding.from_gene_sets(SETS, data_home=tmp_path / "file")
    assert str(tmp_path / "file") in str(caught.value)
    assert not fits


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


@pytest.mark.parametrize("url", ["https://example.org/vectors", "hf://me/vectors"])
def test_a_url_is_not_written_to(url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="the path of a folder"):
        GeneEmbedding(["HK1", "PKM"], np.eye(2)).to_folder(url)
    assert not list(tmp_path.iterdir())
