"""
From single cells
=================

You work with scanpy: this tutorial gives each cell a vector, the mean of the vectors of
its genes weighted by expression, and uses it in place of principal components. The
vectors of the genes come from gene sets, not from the cells.
"""

# %%
# The cells
# ---------
# scanpy ships 700 blood cells, labelled by cell type. ``X`` has scaled values. Some of
# them are negative, so they cannot be weights of a mean. The log-normalised values are
# in ``raw``; ``expm1`` reverses the logarithm.

import warnings

import scanpy as sc

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)  # the file has an old format
    reduced = sc.datasets.pbmc68k_reduced()
cells = reduced.raw.to_adata()
cells.layers["counts"] = cells.X.expm1()
print(f"{cells.n_obs} cells x {cells.n_vars} genes")

# %%
# The vectors of the genes
# ------------------------
# They come from the bundled gene sets, not from these cells.

from sklearn.pipeline import make_pipeline

from sk_gene2vec import GeneEmbedding, GeneSetEncoder, GmtVectorizer, embed_cells
from sk_gene2vec.datasets import load_go_bp, load_human_gene_aliases

gene_sets = load_go_bp()
model = make_pipeline(
    GmtVectorizer(gene_sets), GeneSetEncoder(max_epochs=10, random_state=0)
).fit(gene_sets.genes)
embedding = GeneEmbedding.from_pipeline(model)
embedding

# %%
# The vectors of the cells
# ------------------------
# The data set is from 2017, so some of its symbols are old. Aliases find their genes.
# Genes without a vector are left out; ``uns`` has the shares of genes and of counts
# that are used.

embed_cells(cells, embedding, layer="counts", aliases=load_human_gene_aliases())

found = cells.uns["X_gene2vec"]
print(f"genes with a vector: {found['coverage_genes']:.1%}")
print(f"their share of the counts: {found['coverage_counts']:.1%}")

# %%
# Next to principal components
# ----------------------------
# How often do the nearest cells predict the cell type? PCA is fitted to these cells,
# the gene vectors are not. ``X_mixed`` gives every gene the vector of another gene. It
# shows how much of the accuracy comes from the vectors, because cells that express the
# same genes get the same vector, whatever the vectors of the genes are.

import numpy as np
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

order = np.random.default_rng(0).permutation(len(embedding))
mixed = GeneEmbedding(embedding.genes, embedding.vectors[order])
aliases = load_human_gene_aliases()
embed_cells(cells, mixed, "X_mixed", layer="counts", aliases=aliases)

labels = cells.obs["bulk_labels"].astype(str)
folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=5, random_state=0)
for key in ("X_pca", "X_gene2vec", "X_mixed"):
    neighbours = KNeighborsClassifier(n_neighbors=15)
    scores = cross_val_score(neighbours, cells.obsm[key], labels, cv=folds)
    print(f"{key:>10}: accuracy {scores.mean():.3f}")

# %%
# The map
# -------
# ``use_rep`` names the vectors for scanpy's own steps.

import matplotlib.pyplot as plt

sc.pp.neighbors(cells, use_rep="X_gene2vec")
sc.tl.umap(cells)
figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
sc.pl.umap(cells, color="bulk_labels", ax=axes, show=False)

plt.show()
