"""Cells as weighted means of vectors of genes."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from sk_gene2vec import GeneEmbedding, embed_cells

anndata = pytest.importorskip("anndata", reason="needs anndata")

PAGE = Path(__file__).parents[2] / "docs" / "ecosystem.md"
ATTRS = {"collection": {"name": "h.all"}}
GENES = ["PKM", "TP53", "MDM2"]
# Genes without a vector among them, and a cell that expresses nothing else.
NAMES = ["MALAT1", "TP53", "PKM", "XIST"]
COUNTS = [[40, 1, 3, 0], [0, 2, 0, 0], [60, 0, 5, 1], [20, 0, 0, 0]]
MEANS = [[0.75, 0.25], [0, 1], [1, 0], [0, 0]]
EMPTY = "1 of 4 cells .* are zero"
LOW = r"91\.7% .* 2 of 4 var_names.* 'MALAT1', 'XIST'"


@pytest.fixture(params=[np.float32, np.float64])
def embedding(request):
    vectors = np.array([[1, 0], [0, 1], [3, 3]], dtype=request.param)
    return GeneEmbedding(GENES, vectors, ATTRS)


def cells(X, names=NAMES, **parts):
    return anndata.AnnData(X, var=pd.DataFrame(index=names), **parts)


@pytest.fixture
def adata():
    return cells(np.array(COUNTS))


@pytest.fixture
def complete():
    """Cells whose genes all have vectors."""
    return cells(np.array([[3, 1, 0], [0, 2, 4]]), GENES)


def test_means_by_hand(embedding, adata):
    before = adata.X.copy()
    with pytest.warns(UserWarning, match=f"{LOW}|{EMPTY}") as caught:
        embed_cells(adata, embedding, gene_weights=None)
    assert [warning.filename for warning in caught] == [__file__] * 2
    assert re.search(LOW, str(caught[0].message))
    assert re.search(EMPTY, str(caught[1].message))
    found = adata.obsm["X_gene2vec"]
    assert found.dtype == embedding.vectors.dtype
    np.testing.assert_allclose(found, MEANS)
    np.testing.assert_array_equal(adata.X, before)


def test_weights_by_hand(embedding):
    adata = cells(np.array([[1, 1, 0], [0, 2, 4], [0, 3, 0], [2, 0, 2]]), GENES)
    embed_cells(adata, embedding)
    pkm, tp53, mdm2 = np.log(5 / np.array([3, 4, 3]))
    vectors = embedding.vectors
    wanted = [
        (pkm * vectors[0] + tp53 * vectors[1]) / (pkm + tp53),
        (2 * tp53 * vectors[1] + 4 * mdm2 * vectors[2]) / (2 * tp53 + 4 * mdm2),
        vectors[1],
        (vectors[0] + vectors[2]) / 2,
    ]
    np.testing.assert_allclose(adata.obsm["X_gene2vec"], wanted, rtol=1e-6)


def test_depth_of_sequencing_does_not_count(embedding, complete):
    embed_cells(complete, embedding)
    before = complete.obsm["X_gene2vec"]
    complete.X = complete.X * np.array([[2], [7]])
    embed_cells(complete, embedding)
    np.testing.assert_allclose(complete.obsm["X_gene2vec"], before)


def test_coverage_and_origin_are_kept_in_a_file(embedding, tmp_path):
    adata = cells(np.array([[1, 90, 9, 0], [0, 2, 0, 0]]))
    adata.layers["counts"] = adata.X
    embed_cells(adata, embedding, "X_genes", layer="counts", gene_weights=None)
    adata.write_h5ad(tmp_path / "cells.h5ad")
    adata = anndata.read_h5ad(tmp_path / "cells.h5ad")
    assert adata.obsm["X_genes"].shape == (2, 2)
    found = adata.uns["X_genes"]
    assert found["coverage_genes"] == 0.5
    assert found["coverage_counts"] == pytest.approx(101 / 102)
    assert found["params"] == {"layer": "counts", "use_raw": False}
    assert json.loads(found["attrs"]) == ATTRS


@pytest.fixture
def random_cells(monkeypatch):
    """Counts of 41 cells, read in several blocks, the last one smaller."""
    monkeypatch.setattr("sk_gene2vec._utils._memberships._BLOCK_SIZE", 60)
    rng = np.random.default_rng(0)
    names = [f"G{number}" for number in range(7)]
    counts = rng.poisson(1.5, (41, 7)).astype(np.float32)
    counts[:, 0] += 10
    embedding = GeneEmbedding(names[:6], rng.normal(size=(6, 3)))
    adata = cells(counts, names)
    embed_cells(adata, embedding)
    return counts, names, embedding, adata.obsm["X_gene2vec"]


FORMS = [
    *(np.asfortranarray, sp.csr_matrix, sp.csr_array, sp.csc_matrix, sp.csc_array),
    *(lambda X: X.astype(np.int16), lambda X: sp.csr_array(X.astype(np.uint8))),
]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same(random_cells, form):
    counts, names, embedding, wanted = random_cells
    adata = cells(form(counts), names)
    embed_cells(adata, embedding)
    np.testing.assert_allclose(adata.obsm["X_gene2vec"], wanted)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix, sp.csc_matrix])
def test_files_are_read_in_blocks(random_cells, form, tmp_path, monkeypatch):
    counts, names, embedding, wanted = random_cells
    path = tmp_path / "cells.h5ad"
    adata = cells(form(counts), names)
    adata.layers["counts"] = adata.X
    adata.write_h5ad(path)
    adata = anndata.read_h5ad(path, backed="r")
    monkeypatch.setattr(anndata.AnnData, "to_memory", None)
    embed_cells(adata, embedding)
    np.testing.assert_allclose(adata.obsm["X_gene2vec"], wanted)
    embed_cells(adata, embedding, layer="counts")
    np.testing.assert_allclose(adata.obsm["X_gene2vec"], wanted)
    adata.file.close()


@pytest.mark.parametrize("chunks", [(7, 7), (41, 2), (5, 3)])
@pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix, sp.csr_array])
def test_dask_with_dense_and_sparse_chunks(random_cells, form, chunks):
    dask = pytest.importorskip("dask.array", reason="needs dask")
    counts, names, embedding, wanted = random_cells
    lazy = dask.from_array(counts, chunks=chunks).map_blocks(form)
    adata = cells(lazy, names)
    embed_cells(adata, embedding)
    np.testing.assert_allclose(adata.obsm["X_gene2vec"], wanted)


def test_unknown_sizes_of_dask_can_be_computed(random_cells, monkeypatch):
    dask = pytest.importorskip("dask.array", reason="needs dask")
    counts, names, embedding, wanted = random_cells
    lazy = dask.from_array(counts, chunks=(7, 7))
    lazy, adata = lazy[lazy[:, 0] > 0], cells(counts, names)
    # AnnData itself refuses such arrays today, with a message of its own.
    monkeypatch.setattr(anndata.AnnData, "X", lazy)
    with pytest.raises(ValueError, match=r"\(nan, 7\).* compute_chunk_sizes\(\)"):
        embed_cells(adata, embedding)
    lazy.compute_chunk_sizes()
    embed_cells(adata, embedding)
    np.testing.assert_allclose(adata.obsm["X_gene2vec"], wanted)


def test_genes_and_cells_share_a_key(embedding, complete):
    wanted = GeneEmbedding(GENES[::-1], embedding[GENES[::-1]], {"of": "genes"})
    for first_genes in (True, False):
        adata = complete.copy()
        if first_genes:
            wanted.to_anndata(adata)
        embed_cells(adata, embedding)
        if not first_genes:
            wanted.to_anndata(adata)
        found = GeneEmbedding.from_anndata(adata)
        assert found == GeneEmbedding(GENES, embedding.vectors, {"of": "genes"})
        assert json.loads(adata.uns["X_gene2vec"]["attrs"]) == ATTRS
        assert adata.uns["X_gene2vec"]["coverage_genes"] == 1


def test_a_subset_of_cells(embedding, complete):
    embed_cells(complete, embedding, gene_weights=None)
    subset = complete[1:].copy()
    embed_cells(subset, embedding, "again", gene_weights=None)
    np.testing.assert_allclose(subset.obsm["again"], complete.obsm["X_gene2vec"][1:])


def test_raw_has_its_own_genes(embedding, complete):
    complete.raw = complete.copy()
    scaled = complete[:, 1:].copy()
    scaled.X = scaled.X - scaled.X.mean(0)
    embed_cells(complete, embedding)
    embed_cells(scaled, embedding, use_raw=True)
    np.testing.assert_array_equal(
        scaled.obsm["X_gene2vec"], complete.obsm["X_gene2vec"]
    )
    assert scaled.uns["X_gene2vec"]["coverage_genes"] == 1


ENSEMBL = {"ENSG00000067225": "PKM", "ENSG00000141510": "TP53"}


def test_symbols_in_a_column(embedding):
    var = pd.DataFrame({"symbol": pd.Categorical(["TP53", None, "PKM"])}, list("abc"))
    adata = anndata.AnnData(np.array([[1, 0, 3], [20, 1, 0]]), var=var)
    embed_cells(adata, embedding, gene_weights=None, gene_symbols="symbol")
    np.testing.assert_allclose(adata.obsm["X_gene2vec"], [[0.75, 0.25], [0, 1]])
    with pytest.warns(UserWarning, match=r"has 2 of 3 var\['symbol'\]"):
        embedding.to_anndata(adata, gene_symbols="symbol")
    wanted = embedding[["TP53", "PKM"]]
    np.testing.assert_array_equal(adata.varm["X_gene2vec"][[0, 2]], wanted)
    assert np.isnan(adata.varm["X_gene2vec"][1]).all()


def test_aliases(embedding):
    adata = cells(np.array([[3, 1], [0, 1]]), list(ENSEMBL))
    embed_cells(adata, embedding, gene_weights=None, aliases=ENSEMBL)
    np.testing.assert_allclose(adata.obsm["X_gene2vec"], [[0.75, 0.25], [0, 1]])
    embedding.to_anndata(adata, aliases=ENSEMBL)
    wanted = embedding[["PKM", "TP53"]]
    np.testing.assert_array_equal(adata.varm["X_gene2vec"], wanted)


def test_an_alias_of_two_genes_is_not_found(embedding):
    adata = cells(np.array([[9, 1]]), ["TP53", "P"])
    aliases = {"P": ["PKM", "MDM2"]}
    embed_cells(adata, embedding, gene_weights=None, aliases=aliases)
    assert adata.uns["X_gene2vec"]["coverage_genes"] == 0.5
    np.testing.assert_array_equal(adata.obsm["X_gene2vec"], [[0, 1]])


def test_variables_of_one_gene_add_up(embedding):
    with pytest.warns(UserWarning, match="names are not unique"):
        adata = cells(np.array([[1, 1, 2]]), ["PKM", "TP53", "PKM"])
    embed_cells(adata, embedding, gene_weights=None)
    np.testing.assert_allclose(adata.obsm["X_gene2vec"], [[0.75, 0.25]])


def test_genes_of_all_cells_alone_have_no_weight(embedding):
    adata = cells(np.ones((3, 3)), GENES)
    message = "none among 3 cells.* gene_weights=None"
    with pytest.raises(ValueError, match=message):
        embed_cells(adata, embedding)
    embed_cells(adata, embedding, gene_weights=None)
    some = cells(np.tile([1, 1, 0], (3, 1)), GENES)
    with pytest.raises(ValueError, match=message):
        embed_cells(some, embedding)
    wanted = np.full((3, 2), 4 / 3)
    np.testing.assert_allclose(adata.obsm["X_gene2vec"], wanted, rtol=1e-6)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array, sp.csc_array])
def test_scaled_values_are_refused(embedding, complete, form):
    complete.raw = complete.copy()
    complete.layers["counts"] = complete.X
    complete.X = form(np.array([[-1.25, 0, 1], [1, 2, 0]]))
    message = r"-1\.25 in adata\.X: .* Set use_raw=True or layer='counts' to"
    with pytest.raises(ValueError, match=message):
        embed_cells(complete, embedding)
    assert not complete.obsm
    assert "X_gene2vec" not in complete.uns


def with_X(X):
    return cells(X, GENES)


@pytest.mark.parametrize(
    ("adata", "options", "error", "message"),
    [
        (
            with_X(np.eye(3)),
            {"layer": "count"},
            KeyError,
            r"layers\['count'\], got None",
        ),
        (with_X(np.eye(3)), {"use_raw": True}, ValueError, "adata.raw.X, got None"),
        (
            with_X(np.eye(3)),
            {"use_raw": True, "layer": "x"},
            ValueError,
            "got both",
        ),
        (with_X(None), {}, ValueError, "expression in adata.X, got None"),
        (with_X(np.zeros((0, 3))), {}, ValueError, r"got the shape \(0, 3\)"),
        (with_X(np.zeros((2, 3))), {}, ValueError, "got nothing but zeros"),
        (with_X(np.array([[1, np.nan, 0]])), {}, ValueError, "got NaN or infinity"),
        (with_X(np.array([[1, np.inf, 0]])), {}, ValueError, "got NaN or infinity"),
        (with_X(np.eye(3) * 1j), {}, TypeError, "real numbers in adata.X, got complex"),
        (
            with_X(np.eye(3)),
            {"gene_weights": "tfidf"},
            ValueError,
            "gene_weights 'idf' or None, got 'tfidf'",
        ),
        (
            with_X(np.eye(3)),
            {"gene_symbols": "symbol"},
            KeyError,
            r"a column of var, one of \[\], got 'symbol'",
        ),
        ("cells.h5ad", {}, TypeError, "Expected an AnnData, got str"),
    ],
)
def test_bad_input(embedding, adata, options, error, message):
    with pytest.raises(error, match=message):
        embed_cells(adata, embedding, **options)


def test_a_layer_that_is_not_there_is_told_from_those_that_are(embedding, complete):
    complete.layers["counts"] = complete.layers["log1p"] = complete.X
    message = r"layers\['count'\], got None.* layer='counts' or layer='log1p'"
    with pytest.raises(KeyError, match=message):
        embed_cells(complete, embedding, layer="count")


def test_vectors_without_genes_are_refused(complete):
    with pytest.raises(TypeError, match="GeneEmbedding, got ndarray"):
        embed_cells(complete, np.eye(3))


def test_other_identifiers_are_told_and_a_column_is_offered(embedding):
    names = [f"ENSG{number:011d}" for number in range(50)]
    adata = cells(np.ones((2, 50)), names)
    adata.var["gene_name"] = "TP53"
    message = "0 of 50 var_names.* 50 look like Ensembl ids.* one of .'gene_name'"
    with pytest.raises(ValueError, match=message):
        embed_cells(adata, embedding)
    with pytest.raises(ValueError, match=message):
        embedding.to_anndata(adata)
    assert not adata.obsm
    assert not adata.varm


def test_the_call_on_the_page_runs(adata, embedding):
    """As the page on other tools says."""
    page = PAGE.read_text(encoding="utf-8")
    adata.layers["counts"] = adata.X
    calls = re.findall(r"^embed_cells\(.*\)$", page, re.MULTILINE)
    assert calls
    for call in calls:
        names = {"embed_cells": embed_cells, "adata": adata, "embedding": embedding}
        with pytest.warns(UserWarning, match=f"{LOW}|{EMPTY}"):
            eval(call, names | {"aliases": {}})
    assert adata.obsm["X_gene2vec"].shape == (4, 2)
