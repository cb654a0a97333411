"""Gene embeddings to word2vec's text, and back."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from sk_gene2vec import GeneEmbedding

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


def test_packed_word2vec_and_back(embedding, tmp_path):
    path, again = tmp_path / "genes.txt.gz", tmp_path / "again.TXT.GZ"
    for target in (path, again):
        embedding.to_word2vec(target)
    assert path.read_bytes() == again.read_bytes()
    embedding.to_word2vec(tmp_path / "genes.txt")
    assert gzip.decompress(path.read_bytes()) == (tmp_path / "genes.txt").read_bytes()
    found = GeneEmbedding.from_word2vec(path, dtype=embedding.vectors.dtype)
    assert_exact(found, embedding)
    models = pytest.importorskip("gensim.models", reason="needs gensim")
    opened = models.KeyedVectors.load_word2vec_format(path)
    assert opened.index_to_key == GENES


def test_packed_word2vec_that_is_damaged_or_too_large(tmp_path):
    path = tmp_path / "genes.txt.gz"
    packed = gzip.compress(b"1 2\nTP53 1 2\n")
    path.write_bytes(packed[:-4])
    with pytest.raises(ValueError, match=r"genes\.txt\.gz: Damaged gzip"):
        GeneEmbedding.from_word2vec(path)
    path.write_bytes(gzip.compress(b"1 2\nTP53 1 2" + b" " * 10**7))
    with pytest.raises(ValueError, match=r"at most 1,000,000 bytes.* max_bytes"):
        GeneEmbedding.from_word2vec(path, max_bytes=10**6)
    path.write_bytes(packed)
    assert list(GeneEmbedding.from_word2vec(path, max_bytes=13)) == ["TP53"]


def test_a_failed_write_leaves_the_file(embedding, tmp_path, monkeypatch):
    path = tmp_path / "genes.txt"
    embedding.to_word2vec(path)
    before = path.read_bytes()
    other = GeneEmbedding(GENES, embedding.vectors + 1)

    replace = Path.replace

    def full(self, target):
        if self != target:
            raise OSError("no space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="no space"):
        other.to_word2vec(path)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == before


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
        ("", "genes.txt, line 1: Expected the numbers of genes .*, got ''"),
        (" \n", "genes.txt, line 1: Expected the numbers of genes .*, got ''"),
        ("TP53\n", "line 1: Expected the numbers .*, got 'TP53'"),
        ("2 x\nTP53 1\n", "line 1: Expected numbers, got: .*'x'"),
        ("TP53 1\nMDM2 1 2\n", "line 2: Expected 1 numbers, got 2"),
        ("2 2\nTP53 1 2\nMDM2 1\n", "genes.txt, line 3: Expected 2 numbers, got 1"),
        ("1 2\nTP53 1 2 3\n", "genes.txt, line 2: Expected 2 numbers, got 3"),
        ("1 2\nTP53\t1\t2\n", "genes.txt, line 2: Expected 2 numbers, got 0"),
        ("1 2\nTP53 1 two\n", "genes.txt, line 2: Expected numbers, got: .*'two'"),
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


def test_an_address_is_not_opened():
    with pytest.raises(FileNotFoundError):
        GeneEmbedding.from_word2vec("https://localhost/genes.txt")


def test_binary_word2vec_is_refused(tmp_path):
    path = tmp_path / "genes.bin"
    numbers = np.float32([-1.7, 2.9]).tobytes()
    path.write_bytes(b"1 2\nTP53 " + numbers + b"\n")
    with pytest.raises(ValueError, match=r"genes.bin: Expected UTF-8 text, .* binary"):
        GeneEmbedding.from_word2vec(path)


@pytest.mark.parametrize("dtype", [int, "float16"])
def test_other_types_than_floats_are_refused(dtype, tmp_path):
    with pytest.raises(ValueError, match="Expected float32 or float64 as dtype"):
        GeneEmbedding.from_word2vec(tmp_path / "genes", dtype=dtype)


def test_vectors_without_a_first_line_of_numbers(tmp_path):
    path = tmp_path / "glove.txt"
    path.write_text("TP53 0.5 0.25\nMDM2 1 -1\n")
    found = GeneEmbedding.from_word2vec(path)
    assert found.key_to_index == {"TP53": 0, "MDM2": 1}
    assert found.get_vector("TP53").tolist() == [0.5, 0.25]
