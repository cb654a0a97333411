"""Gene embeddings to word2vec's text and TensorBoard's projector, and back."""

import numpy as np
import pandas as pd
import pytest

from sk_gene2vec import GeneEmbedding
from sk_gene2vec.embedding import _text_formats

GENES = ["TP53", "HLA-A", "C1orf226", "β-actin", "NA", "1", "gene"]


@pytest.fixture(params=[np.float32, np.float64])
def embedding(request):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(7, 5)) * 10.0 ** rng.integers(-30, 30, size=(7, 5))
    vectors[2] = 0
    return GeneEmbedding(GENES, vectors.astype(request.param), {"made": "here"})


def assert_exact(found, wanted):
    assert list(found) == list(wanted)
    assert found.vectors.dtype == wanted.vectors.dtype
    np.testing.assert_array_equal(found.vectors, wanted.vectors)


def test_gensim_opens_word2vec(embedding, tmp_path):
    models = pytest.importorskip("gensim.models", reason="needs gensim")
    path = tmp_path / "genes.txt"
    embedding.to_word2vec(path)
    dtype = embedding.vectors.dtype.type
    opened = models.KeyedVectors.load_word2vec_format(path, datatype=dtype)
    assert opened.index_to_key == GENES
    np.testing.assert_array_equal(opened.vectors, embedding.vectors)


def test_word2vec_of_gensim_is_read(embedding, tmp_path):
    models = pytest.importorskip("gensim.models", reason="needs gensim")
    written = models.KeyedVectors(5, dtype=np.float32)
    written.add_vectors(GENES, embedding.vectors.astype(np.float32))
    path = tmp_path / "genes.txt"
    written.save_word2vec_format(path)
    found = GeneEmbedding.from_word2vec(path)
    assert_exact(found, GeneEmbedding(GENES, written.vectors))


def test_word2vec_and_back(embedding, tmp_path):
    path = tmp_path / "genes.txt"
    embedding.to_word2vec(str(path))
    found = GeneEmbedding.from_word2vec(str(path), dtype=embedding.vectors.dtype)
    assert_exact(found, embedding)
    assert found.attrs == {}


@pytest.mark.parametrize("method", ["to_word2vec", "to_projector"])
def test_a_failed_write_leaves_the_files(embedding, tmp_path, monkeypatch, method):
    path = tmp_path / "genes" if method == "to_projector" else tmp_path / "genes.txt"
    write = getattr(embedding, method)
    write(path)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*.t*")}
    other = GeneEmbedding(GENES, embedding.vectors + 1)

    def breaks_off(vectors, separator):
        yield "1"
        raise OSError("no space left on device")

    monkeypatch.setattr(_text_formats, "_text", breaks_off)
    with pytest.raises(OSError, match="no space"):
        getattr(other, method)(path)
    assert {
        file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()
    } == before


def test_word2vec_of_the_original_tool_and_of_windows(tmp_path):
    path = tmp_path / "genes.txt"
    path.write_bytes(b"2 2 \r\nTP53 1 2.5 \r\nMDM2 -1e-3 4 \r\n")
    found = GeneEmbedding.from_word2vec(path)
    wanted = np.float32([[1, 2.5], [-1e-3, 4]])
    assert_exact(found, GeneEmbedding(["TP53", "MDM2"], wanted))


@pytest.mark.parametrize("gene", ["HLA A", " TP53", "A\u00a0B", "A\u2028B", "A\x0bB"])
def test_word2vec_refuses_blanks_and_writes_nothing(gene, tmp_path):
    path = tmp_path / "genes.txt"
    embedding = GeneEmbedding(["TP53", gene, "x y"], np.eye(3))
    with pytest.raises(ValueError, match=r"blanks, .*, got .* and 1 more\. Rename"):
        embedding.to_word2vec(path)
    assert not path.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "genes.txt: Expected one line a gene, got an empty file"),
        (" \n", "genes.txt, line 1: Expected the numbers of genes .*, got ''"),
        ("TP53 0.5 0.25\n", "line 1: Expected the numbers .*, got 'TP53 0.5 0.25'"),
        ("2 x\nTP53 1\n", "line 1: Expected the numbers .*, got '2 x'"),
        ("2 2\nTP53 1 2\nMDM2 1\n", "genes.txt, line 3: Expected 2 numbers, got 1"),
        ("1 2\nTP53 1 2 3\n", "genes.txt, line 2: Expected 2 numbers, got 3"),
        ("1 2\nTP53\t1\t2\n", "genes.txt, line 2: Expected 2 numbers, got 0"),
        ("1 2\nTP53 1 two\n", "genes.txt, line 2: Expected 2 numbers, got: .*'two'"),
        ("2 1\nTP53 1\n", "genes.txt: Expected 2 genes, got 1"),
        ("1 1\nTP53 1\nMDM2 1\n", "genes.txt: Expected 1 genes, got 2"),
        ("2 1\nTP53 1\nTP53 1\n", "every gene once, got 'TP53' twice"),
        ("1 1\nTP53 nan\n", "finite numbers, .* the first of 'TP53'"),
    ],
)
def test_what_is_not_word2vec_is_refused_with_the_line(text, message, tmp_path):
    path = tmp_path / "genes.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        GeneEmbedding.from_word2vec(path)


def test_binary_word2vec_is_refused(tmp_path):
    path = tmp_path / "genes.bin"
    numbers = np.float32([-1.7, 2.9]).tobytes()
    path.write_bytes(b"1 2\nTP53 " + numbers + b"\n")
    with pytest.raises(ValueError, match=r"genes.bin: Expected UTF-8 text, .* binary"):
        GeneEmbedding.from_word2vec(path)


def test_projector_files_are_as_tensorboard_reads_them(embedding, tmp_path):
    embedding.to_projector(tmp_path / "new" / "folder")
    folder = tmp_path / "new" / "folder"
    vectors = np.loadtxt(folder / "vectors.tsv", delimiter="\t", ndmin=2)
    read = vectors.astype(embedding.vectors.dtype)
    np.testing.assert_array_equal(read, embedding.vectors)
    # A single column of metadata has no header.
    assert (folder / "metadata.tsv").read_text(encoding="utf-8").split() == GENES


def test_projector_labels_are_aligned_with_the_genes(embedding, tmp_path):
    labels = pd.DataFrame(
        {"class": ["a kinase", None, "other"], "size": pd.array([1, 2, None], "Int64")},
        index=["HLA-A", "TP53", "not there"],
    )
    embedding.to_projector(tmp_path, labels)
    lines = (tmp_path / "metadata.tsv").read_text(encoding="utf-8").splitlines()
    assert lines[:4] == [
        "gene\tclass\tsize",
        "TP53\t\t2",
        "HLA-A\ta kinase\t1",
        "C1orf226\t\t",
    ]
    assert len(lines) == 8


@pytest.mark.parametrize(("name", "header"), [(None, "label"), ("class", "class")])
def test_projector_takes_a_series_of_labels(embedding, tmp_path, name, header):
    embedding.to_projector(tmp_path, pd.Series(["x"], ["TP53"], name=name))
    lines = (tmp_path / "metadata.tsv").read_text(encoding="utf-8").splitlines()
    assert lines[:3] == [f"gene\t{header}", "TP53\tx", "HLA-A\t"]


@pytest.mark.parametrize("labels", [None, pd.Series(["x"], ["TP53"])])
def test_projector_and_back(embedding, tmp_path, labels):
    embedding.to_projector(tmp_path, labels)
    found = GeneEmbedding.from_projector(tmp_path, dtype=embedding.vectors.dtype)
    assert_exact(found, embedding)
    assert found.attrs == {}


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (pd.Series(["x", "y"], ["TP53", "TP53"]), ValueError, "once, got 'TP53' twice"),
        (
            pd.Series(["x"], ["tp53"]),
            ValueError,
            r"0 of 1 genes of the labels are .*, 'tp53' \(1 differ only in upper",
        ),
        (pd.Series(["x\ty"], ["TP53"]), ValueError, r"without tab.*'x\\ty' in column"),
        (["x"] * 7, TypeError, "as a Series or DataFrame with genes .*, got list"),
    ],
)
def test_projector_refuses_labels_and_writes_nothing(
    embedding, tmp_path, labels, error, message
):
    with pytest.raises(error, match=message):
        embedding.to_projector(tmp_path / "folder", labels)
    assert not (tmp_path / "folder").exists()


@pytest.mark.parametrize(
    ("vectors", "metadata", "message"),
    [
        ("1\t2\n3\n", "A\nB\n", "vectors.tsv, line 2: Expected 2 numbers, got 1"),
        (
            "1\t2\n3\tx\n",
            "A\nB\n",
            "vectors.tsv, line 2: Expected 2 numbers, got: .*'x'",
        ),
        ("1\t2\n", "A\nB\n", "metadata.tsv: Expected as many genes .*, 1, got 2"),
        ("1\t2\n", "gene\tlabel\n", "metadata.tsv: Expected as many .*, 1, got 0"),
        ("", "A\n", "vectors.tsv: Expected one line a gene, got an empty file"),
    ],
)
def test_what_is_no_projector_is_refused(vectors, metadata, message, tmp_path):
    (tmp_path / "vectors.tsv").write_text(vectors)
    (tmp_path / "metadata.tsv").write_text(metadata)
    with pytest.raises(ValueError, match=message):
        GeneEmbedding.from_projector(tmp_path)


@pytest.mark.parametrize("dtype", [int, "float16"])
def test_other_types_than_floats_are_refused(dtype, tmp_path):
    for read in (GeneEmbedding.from_word2vec, GeneEmbedding.from_projector):
        with pytest.raises(ValueError, match="Expected float32 or float64 as dtype"):
            read(tmp_path / "genes", dtype=dtype)
