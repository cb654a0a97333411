"""
From an expression study
========================

This tutorial begins with a table of differential expression. It finds the genes in a
collection of gene sets, tests which gene sets are over-represented, keeps one of each
group of near copies, and suggests genes that the list may lack.
"""

# %%
# The table
# ---------
# DESeq2, edgeR and limma write such a table: one row per gene, with its change and its
# adjusted p-value. To keep this tutorial in one file, the table is short. Its numbers
# are made up; most of its genes are known to be induced by hypoxia.

import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline

pd.set_option("display.max_colwidth", None)  # show long names in full
text = """
ENSG00000111640,4.49,1e-59  ENSG00000072682,3.78,2e-17
ENSG00000075624,-0.05,0.9  ENSG00000111669,2.34,1e-09
ENSG00000156515,2.89,2e-21  ENSG00000122884,1.39,3e-51
ENSG00000104765,4.02,1e-05  ENSG00000134057,-1.92,3e-16
ENSG00000149925,1.24,1e-04  ENSG00000176171,3.87,7e-04
ENSG00000168209,4.03,1e-34  ENSG00000170525,2.24,3e-12
ENSG00000107159,3.58,1e-13  ENSG00000115548,3.04,5e-22
ENSG00000105220,3.44,7e-26  ENSG00000196230,0.21,0.5
ENSG00000111674,3.19,1e-25  ENSG00000113739,1.78,2e-57
ENSG00000129521,1.2,8e-11  ENSG00000114480,3.43,8e-41
ENSG00000125629,4.28,4e-24  ENSG00000102144,1.41,8e-37
ENSG00000134333,3.12,5e-23  ENSG00000074800,3.38,1e-40
ENSG00000134107,2.95,5e-57  ENSG00000254647,0.1,0.9
ENSG00000171314,2.48,5e-15  ENSG00000117394,2.12,5e-42
ENSG00000148773,-1.5,1e-19  ENSG00000170312,-1.76,4e-17
ENSG00000148926,3.27,4e-19  ENSG00000135766,2.12,8e-28
ENSG00000136997,0.36,0.5  ENSG00000114268,2.63,4e-49
ENSG00000152256,4.08,5e-07  ENSG00000112715,3.24,1e-56
ENSG00000109107,3.87,9e-56  ENSG00000104419,1.87,3e-39
ENSG00000159399,2.75,2e-54  ENSG00000010610,-0.01,0.5
ENSG00000113083,2.43,2e-54  ENSG00000167772,3.16,3e-45
ENSG00000067057,1.88,1e-06  ENSG00000100644,1.56,8e-45
"""
study = pd.DataFrame(
    [line.split(",") for line in text.split()],
    columns=["gene_id", "log2FoldChange", "padj"],
).astype({"log2FoldChange": float, "padj": float})
study = study.set_index("gene_id")
study.head()

# %%
# The list contains the genes that went up: more than twofold, and significantly.

up = study.query("log2FoldChange > 1 and padj < 0.01").index
print(f"{len(up)} of {len(study)} genes")

# %%
# Find the genes
# --------------
# The table has Ensembl ids, the bundled Gene Ontology has symbols. ``aliases``
# translates Ensembl ids, Entrez ids and old symbols. Look at this report before
# anything else, because genes that are not found are not in any result. Ids with a
# version, such as ENSG00000111640.15, need ``up.str.split(".").str[0]`` first.

from sk_gene2vec import (
    GeneSetEncoder,
    GmtVectorizer,
    group_gene_sets,
    nearest_gene_sets,
    suggest_genes,
)
from sk_gene2vec.datasets import load_go_bp, load_human_gene_aliases

gene_sets = load_go_bp()
aliases = load_human_gene_aliases(gene_sets.genes, ids=True)
vectorizer = GmtVectorizer(gene_sets, min_size=10, max_size=500, aliases=aliases)
report = vectorizer.fit(up).lookup(up)
print(report["status"].value_counts().to_string())
report.head()

# %%
# Over-represented gene sets
# --------------------------
# Any tool for over-representation will do here, if its gene sets have the names of
# your collection. This tutorial computes the hypergeometric test with SciPy. A gene
# that the study did not measure cannot be in the list: if you know which genes were
# measured, use them as the background in place of all genes of the collection.

from scipy.stats import false_discovery_control, hypergeom

genes = report["found_as"].dropna()
X = vectorizer.transform(vectorizer.genes_)
sizes = np.asarray(X.sum(axis=0)).ravel()
shared = np.asarray(vectorizer.transform(genes).sum(axis=0)).ravel()
p_values = hypergeom.sf(shared - 1, len(vectorizer.genes_), sizes, len(genes))
results = pd.DataFrame(
    {
        "gene_set": vectorizer.get_feature_names_out(),
        "shared": shared.astype(int),
        "size": sizes.astype(int),
        "adjusted_p": false_discovery_control(p_values),
    }
).sort_values("adjusted_p", ignore_index=True)
results = results[results["adjusted_p"] < 1e-3]
print(f"{len(results)} gene sets")
results.head(10)

# %%
# One gene set per group
# ----------------------
# Many of these gene sets are near copies of each other. ``group_gene_sets`` puts gene
# sets that share half of their genes or more into one group. The names are in the order
# of the table, so the most significant gene set of a group represents it. A small set
# that is nested in a much larger one is not a near copy of it and keeps its own row: it
# is the more specific answer.

groups = group_gene_sets(gene_sets, results["gene_set"])
print(f"{groups['representative'].nunique()} groups")
kept = results[results["gene_set"].isin(groups["representative"])]
kept.head(10)

# %%
# This table has each gene set with the representative of its group:

groups.head(10)

# %%
import matplotlib.pyplot as plt

shown = kept.head(12)[::-1]
members = groups["representative"].value_counts()
figure, axes = plt.subplots(figsize=(6.4, 4), layout="constrained")
names = [
    f"{name.removeprefix('GOBP_').replace('_', ' ').lower()} ({members[name]})"
    for name in shown["gene_set"]
]
axes.barh(names, -np.log10(shown["adjusted_p"]))
axes.set_xlabel("-log10 of the adjusted p-value")
figure.suptitle("One gene set per group (gene sets in the group)")
axes.spines[["top", "right"]].set_visible(False)

# %%
# Genes that the list may lack
# ----------------------------
# A fitted pipeline of a vectorizer and an encoder suggests genes. The list is treated
# as one more gene set; nothing is retrained. `evidence` names gene sets of the
# suggested gene, each with the number of listed genes in it, and its size. Use the
# order of the genes. The level of the probabilities is a convention: the list is
# assumed to have 87 % of its true genes, and ``completeness=`` changes this share.

model = make_pipeline(vectorizer, GeneSetEncoder(max_epochs=10, random_state=0))
model.fit(vectorizer.genes_)
suggest_genes(model, genes, n=8)

# %%
# If you know which genes the study measured, pass them as ``among=``: the suggestions
# are then genes whose change you can look up.
#
# The nearest gene sets
# ---------------------
# These gene sets share more genes with the list than chance explains. For `similarity`,
# the genes that the list may lack count too, weighted by their probability:

nearest_gene_sets(model, genes, n=8)

# %%
# What to write down
# ------------------
# - **Collection and genes**: the name and the release of the collection, how many genes
#   of the list were found, and which genes were the background.
# - **Evidence**: the over-represented gene sets with their adjusted p-values, one per
#   group, with the number of its near copies.
# - **Suggestions**: genes whose gene sets are like those of the list. They come from
#   the collection, not from your data. Look them up in the study: a suggested gene that
#   just missed the threshold deserves a second look, and a gene that does not change is
#   a result too.
#
# From a shell, ``sk-gene2vec complete sets.gmt --genes list.txt --aliases human`` makes
# the suggestions, for any collection.

plt.show()
