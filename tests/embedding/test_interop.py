"""Gene embeddings to pandas, and AnnData, and back."""

import io

import numpy as np
import pandas as pd
import pytest

from sk_gene2vec import GeneEmbedding
from sk_gene2vec.__main__ import main

GENES = ["TP53", "MDM2", "HLA-A", "C1orf226", "INS"]
ATTRS = {
    "collection": {"name": "h.all", "version": "7.0", "licence": "CC BY 4.0"},
    "encoder_params": {"embedding_dim": 3, "lr": 0.1, "sizes": [1, 2], "none": None},
    "unicode": "β-catenin",
}


@pytest.fixture(params=[np.float32, np.float64])
def embedding(request):
    vectors = np.random.default_rng(0).normal(size=(5, 3)).astype(request.param)
    return GeneEmbedding(GENES, vectors, ATTRS)


def assert_same(found, wanted):
    assert list(found) == list(wanted)
    assert found.vectors.dtype == wanted.vectors.dtype
    np.testing.assert_array_equal(found.vectors, wanted.vectors)
    assert found.attrs == wanted.attrs


def test_frame_and_back(embedding):
    frame = embedding.to_frame()
    assert frame.index.name == "gene"
    assert list(frame.columns) == ["gene2vec_0", "gene2vec_1", "gene2vec_2"]
    np.testing.assert_array_equal(frame.loc["INS"], embedding["INS"])
    assert_same(GeneEmbedding.from_frame(frame), embedding)


def test_what_is_done_to_a_frame_does_not_reach_the_embedding(embedding):
    frame = embedding.to_frame()
    before = embedding["TP53"].copy()
    frame.iloc[0, 0] = 99
    frame.attrs["collection"]["name"] = "another"
    np.testing.assert_array_equal(embedding["TP53"], before)
    assert embedding.attrs == ATTRS


def test_frames_of_others():
    frame = pd.DataFrame({0: [1, 2], "x": np.float32([3, 4])}, index=["A", "B"])
    embedding = GeneEmbedding.from_frame(frame.convert_dtypes())
    assert embedding.vectors.dtype == np.float64
    assert embedding.vectors.tolist() == [[1, 3], [2, 4]]


@pytest.mark.parametrize(
    ("frame", "error", "message"),
    [
        (
            pd.DataFrame({"gene": ["A", "B"], "x": [1, 2]}),
            TypeError,
            r"got \w+ in column 'gene'\. .* frame.set_index\('gene'\)",
        ),
        (pd.DataFrame({"x": [1, 2]}), TypeError, "genes .str., got int 0"),
        (pd.DataFrame({"x": [1, 2]}, ["A", "A"]), ValueError, "got 'A' twice"),
        (pd.DataFrame({"x": [1, np.nan]}, ["A", "B"]), ValueError, "first of 'B'"),
        (
            pd.DataFrame({"x": pd.array([1, None], "Int64")}, ["A", "B"]),
            ValueError,
            "first of 'B'",
        ),
        (pd.DataFrame(index=["A"]), ValueError, "0 feature"),
        (pd.Series([1, 2], ["A", "B"]), TypeError, "DataFrame .*, got Series"),
        ([[1, 2]], TypeError, "a pandas DataFrame with genes .*, got list"),
    ],
)
def test_frames_without_genes_or_numbers_are_refused(frame, error, message):
    with pytest.raises(error, match=message):
        GeneEmbedding.from_frame(frame)


@pytest.mark.parametrize(
    "rows",
    [
        "A\t0.5\t2\nB\t1\t0\n",
        "A\t0.5\t0.5\nB\t1\t0\n",  # pandas makes equal names differ
        "A\t-1e-3\t4\nB\t1\t0\n",
        "A\t3\t1\nB\t1\t0\n",
        "A\t0.5\nB\t1\n",
    ],
)
def test_a_first_gene_is_not_taken_for_the_names_of_columns(rows):
    frame = pd.read_csv(io.StringIO(rows), sep="\t", index_col=0)
    with pytest.raises(ValueError, match="names of columns, got the numbers '"):
        GeneEmbedding.from_frame(frame)
    # The advice, followed.
    names = ["gene", *(f"gene2vec_{place}" for place in range(frame.shape[1]))]
    table = io.StringIO("\t".join(names) + "\n" + rows)
    found = GeneEmbedding.from_frame(pd.read_csv(table, sep="\t", index_col=0))
    assert list(found) == ["A", "B"]


def test_the_command_line_does_not_take_a_gene_for_the_header(tmp_path, capsys):
    path = tmp_path / "vectors.tsv"
    path.write_text("A\t0.5\t2\nB\t1\t0\nC\t1\t1\n")
    assert main(["neighbors", str(path), "B"]) == 1
    assert "names of columns, got the numbers '0.5', '2'" in capsys.readouterr().err


@pytest.mark.parametrize("names", ["01", ["1", "2"], [0.5, 1.5], ["0.5", "x"], "7"])
def test_columns_may_be_counted(names):
    frame = pd.DataFrame(np.eye(2)[:, : len(names)], ["A", "B"], list(names))
    assert len(GeneEmbedding.from_frame(frame)) == 2


@pytest.fixture
def anndata():
    return pytest.importorskip("anndata", reason="needs anndata")


@pytest.fixture
def adata(anndata):
    """Cells x genes: the genes of the embedding in another order, and two more."""
    names = ["INS", "MALAT1", "C1orf226", "TP53", "MDM2", "XIST"]
    return anndata.AnnData(
        np.arange(12, dtype=np.float32).reshape(2, 6),
        pd.DataFrame(index=["c1", "c2"]),
        pd.DataFrame(index=names),
    )


UNMATCHED = "NaN: the embedding has 4 of 6 var_names, and not 'MALAT1', 'XIST'"


def test_anndata_has_the_vectors_in_its_order(embedding, adata):
    with pytest.warns(UserWarning, match=UNMATCHED) as caught:
        embedding.to_anndata(adata)
    assert [warning.filename for warning in caught] == [__file__]
    stored = adata.varm["X_gene2vec"]
    assert stored.dtype == embedding.vectors.dtype
    for gene, vector in zip(adata.var_names, stored, strict=True):
        if gene in embedding:
            np.testing.assert_array_equal(vector, embedding[gene])
        else:
            assert np.isnan(vector).all()


# zarr's default is about to be format 3; either will do.
@pytest.mark.filterwarnings("ignore:Writing zarr v2:UserWarning")
@pytest.mark.parametrize("suffix", [None, "h5ad", "zarr"])
def test_anndata_and_back(embedding, adata, anndata, suffix, tmp_path):
    with pytest.warns(UserWarning, match=UNMATCHED):
        embedding.to_anndata(adata, key="X_genes")
    if suffix is not None:
        path = tmp_path / f"cells.{suffix}"
        getattr(adata, f"write_{suffix}")(path)
        adata = getattr(anndata, f"read_{suffix}")(path)
    found = GeneEmbedding.from_anndata(adata, key="X_genes")
    kept = ["INS", "C1orf226", "TP53", "MDM2"]
    assert_same(found, GeneEmbedding(kept, embedding[kept], ATTRS))


def test_anndata_again_replaces_vectors_and_attrs(embedding, anndata):
    adata = anndata.AnnData(np.ones((1, 5)), var=pd.DataFrame(index=GENES[::-1]))
    embedding.to_anndata(adata)  # all names match: no warning
    second = GeneEmbedding(GENES, np.eye(5), {"second": True})
    second.to_anndata(adata)
    reordered = GeneEmbedding(GENES[::-1], np.eye(5)[::-1], {"second": True})
    assert_same(GeneEmbedding.from_anndata(adata), reordered)


def test_anndata_with_a_name_twice(embedding, anndata):
    names = pd.DataFrame(index=["INS", "TP53", "INS"])
    with pytest.warns(UserWarning, match="names are not unique"):
        adata = anndata.AnnData(np.ones((1, 3)), var=names)
    embedding.to_anndata(adata)
    wanted = embedding[["INS", "TP53", "INS"]]
    np.testing.assert_array_equal(adata.varm["X_gene2vec"], wanted)
    with pytest.raises(ValueError, match="every gene once, got 'INS' twice"):
        GeneEmbedding.from_anndata(adata)


def test_anndata_of_another_tool(anndata):
    adata = anndata.AnnData(np.ones((1, 2)), var=pd.DataFrame(index=["A", "B"]))
    adata.varm["PCs"] = pd.DataFrame(np.eye(2), index=["A", "B"])
    found = GeneEmbedding.from_anndata(adata, key="PCs")
    assert_same(found, GeneEmbedding(["A", "B"], np.eye(2)))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            [f"ENSG{number:011d}" for number in range(50)],
            "such as 'TP53', 'MDM2', 'HLA-A', …; the embedding has 0 of 50 var_names.* "
            r"50 look like Ensembl ids .* .*load_human_gene_aliases\(.*ids=True\)",
        ),
        (["Tp53", "Mdm2", "Cd4"], "2 differ only in upper and lower case"),
    ],
)
def test_anndata_of_other_identifiers_is_refused_and_left_alone(
    embedding, anndata, names, message
):
    adata = anndata.AnnData(np.ones((1, len(names))), var=pd.DataFrame(index=names))
    with pytest.raises(ValueError, match=message):
        embedding.to_anndata(adata)
    assert not adata.varm
    assert not adata.uns


def test_a_tenth_of_the_genes_is_enough(anndata):
    genes = [f"G{number}" for number in range(20)]
    embedding = GeneEmbedding(genes, np.eye(20))
    others = [f"N{number}" for number in range(100)]
    for shared, refused in ((1, True), (2, False)):
        names = genes[:shared] + others
        adata = anndata.AnnData(np.ones((1, len(names))), var=pd.DataFrame(index=names))
        message = f"{shared} of {len(names)} var_names"
        with (
            pytest.raises(ValueError, match=message)
            if refused
            else pytest.warns(UserWarning, match=message)
        ):
            embedding.to_anndata(adata)


@pytest.mark.parametrize(
    "stored",
    ["{", "[" * 10**5, "[1]", '{"x": NaN}', "", 3, None, np.array([1, 2])],
)
def test_damaged_attrs_in_anndata_are_told(embedding, anndata, stored):
    adata = anndata.AnnData(np.ones((1, 5)), var=pd.DataFrame(index=GENES))
    embedding.to_anndata(adata)
    adata.uns["X_gene2vec"]["varm_attrs"] = stored
    with pytest.raises(ValueError, match=r"uns\['X_gene2vec'\]\['varm_attrs'\]"):
        GeneEmbedding.from_anndata(adata)
    # The advice, followed.
    del adata.uns["X_gene2vec"]["varm_attrs"]
    assert GeneEmbedding.from_anndata(adata) == GeneEmbedding(GENES, embedding.vectors)


def test_what_is_no_anndata_or_has_no_vectors_is_refused(embedding, anndata):
    with pytest.raises(TypeError, match="Expected an AnnData, got DataFrame"):
        embedding.to_anndata(pd.DataFrame(index=GENES))
    with pytest.raises(TypeError, match="Expected an AnnData, got str"):
        GeneEmbedding.from_anndata("cells.h5ad")
    adata = anndata.AnnData(np.ones((1, 2)), var=pd.DataFrame(index=["A", "B"]))
    with pytest.raises(KeyError, match=r"'X_gene2vec' in adata.varm, got \[\]"):
        GeneEmbedding.from_anndata(adata)
    adata.varm["half"] = np.array([[1, np.nan], [1, 2]])
    with pytest.raises(ValueError, match=r"1 of 2 vectors with NaN .* first of 'A'"):
        GeneEmbedding.from_anndata(adata, "half")
    adata.varm["text"] = pd.DataFrame({"x": ["a", "b"]}, index=["A", "B"])
    with pytest.raises(
        TypeError, match=r"Expected a dense matrix of numbers in adata\.varm\['text'\]"
    ):
        GeneEmbedding.from_anndata(adata, "text")


def test_pandas_writes_and_reads_parquet(embedding, tmp_path):
    """As the page on other tools says; nothing of it is in this package."""
    pytest.importorskip("pyarrow", reason="needs pyarrow")
    path = tmp_path / "genes.parquet"
    embedding.to_frame().to_parquet(path)
    assert GeneEmbedding.from_frame(pd.read_parquet(path)) == embedding
