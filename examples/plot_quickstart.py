"""
Quickstart: a vector for every human gene
=========================================

Learn gene embeddings from the Gene Ontology collection that comes with the package,
look at the nearest neighbours of some well-known genes, and save the vectors.
"""

# %%
# The collection
# --------------
# A collection consists of gene sets: lists of genes that belong together. The bundled
# collection has the biological processes of the Gene Ontology; ``read_gmt`` reads
# others from GMT files.

from sk_gene2vec import GeneSetEncoder, GmtVectorizer
from sk_gene2vec.datasets import load_go_bp

gene_sets = load_go_bp()
genes = gene_sets.genes
print(f"{len(genes):,} genes in {len(gene_sets):,} gene sets")

# %%
# The embedding
# -------------
# Genes are the samples. The vectorizer turns each gene into a row of memberships, and
# the encoder turns each row into a vector.

X = GmtVectorizer(gene_sets).fit_transform(genes)
encoder = GeneSetEncoder(random_state=0)
embedding = encoder.fit_transform(X)
print(f"{X.nnz:,} memberships -> {embedding.shape[1]} numbers per gene")

# %%
# The loss is the binary cross-entropy, averaged over all pairs of a gene and a set.

import matplotlib.pyplot as plt

for epoch in range(0, encoder.n_iter_, max(1, encoder.n_iter_ // 5)):
    print(f"loss in epoch {epoch + 1:3d}: {encoder.loss_curve_[epoch]:.5f}")
print(f"loss in epoch {encoder.n_iter_:3d}: {encoder.loss_curve_[-1]:.5f}")

figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
axes.plot(range(1, encoder.n_iter_ + 1), encoder.loss_curve_)
axes.set(xlabel="epoch", ylabel="binary cross-entropy", title="Training loss")

# %%
# Neighbours
# ----------
# Genes in similar gene sets have similar vectors. Similarity is the cosine of the angle
# between them.

from sklearn.neighbors import NearestNeighbors

neighbours = NearestNeighbors(n_neighbors=7, metric="cosine").fit(embedding)
chosen = ["TP53", "BRCA1", "INS", "HBB"]
rows = [genes.index(gene) for gene in chosen]
for gene, found in zip(chosen, neighbours.kneighbors(embedding[rows])[1], strict=True):
    print(f"{gene:>6}: {', '.join(genes[i] for i in found[1:])}")

# %%
# Saving
# ------
# The file has one line per gene, with the name of the gene first.

import pandas as pd

table = pd.DataFrame(
    embedding,
    index=pd.Index(genes, name="gene"),
    columns=encoder.get_feature_names_out(),
)
table.to_csv("gene_embeddings.tsv", sep="\t", float_format="%.6g")
print(f"wrote gene_embeddings.tsv: {table.shape[0]:,} genes x {table.shape[1]} columns")

plt.show()
