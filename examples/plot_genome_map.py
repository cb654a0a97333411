"""
A map of the human genome by function
=====================================

Draw every human gene of the Gene Ontology as a point, close to genes with similar
functions: as a plot to print, and as a page to search.
"""

# %%
# The vectors
# -----------

from sklearn.pipeline import make_pipeline

from sk_gene2vec import GeneEmbedding, GeneSetEncoder, GmtVectorizer
from sk_gene2vec.datasets import (
    load_go_bp,
    load_go_mf_classes,
    load_human_gene_aliases,
)

gene_sets = load_go_bp()
model = make_pipeline(
    GmtVectorizer(gene_sets), GeneSetEncoder(max_epochs=10, random_state=0)
).fit(gene_sets.genes)
embedding = GeneEmbedding.from_pipeline(model)
embedding

# %%
# From 100 dimensions to two
# --------------------------
# UMAP keeps neighbours together. Distances between distant groups, and the sizes of
# groups, mean little. The layout is the slow part, so it is computed once and used
# twice.

from sk_gene2vec.plotting import project_2d

coordinates = project_2d(embedding, method="umap")
coordinates.loc[["TP53", "INS", "HBB"]].round(1)

# %%
# The picture
# -----------
# Colours show molecular functions, which are known for a third of the genes. The
# vectors were learned from biological processes, not from these labels.

import matplotlib.pyplot as plt
import pandas as pd

from sk_gene2vec.plotting import plot_embedding

genes, classes = load_go_mf_classes(return_X_y=True)
functions = pd.Series(classes, index=genes, name="molecular function")
plot_embedding(
    coordinates,
    labels=functions,
    annotate=["TP53", "BRCA1", "INS", "HBB", "EGFR", "OR1A1", "COL1A1", "CD4"],
)

# %%
# The page
# --------
# The page is one HTML file that works offline. Point at a gene to see its gene sets,
# click on it for the most similar genes, search for another by any of its names, or
# zoom in. The vectors determine which genes are similar, and the coordinates determine
# where they are drawn.

from sk_gene2vec.plotting import write_gene_map

page = write_gene_map(
    embedding,
    "gene_map.html",
    gene_sets=gene_sets,
    labels=functions,
    aliases=load_human_gene_aliases(gene_sets.genes),
    coordinates=coordinates,
    title="Human genes by biological process",
)
print(f"{page}: {page.stat().st_size / 1e6:.1f} MB")

# %%
# .. raw:: html
#
#     <iframe class="gene-map" src="gene_map.html" title="Interactive map of genes">
#     </iframe>
#
# `Open it in a page of its own <gene_map.html>`_

plt.show()
