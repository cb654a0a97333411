"""
After an enrichment analysis
============================

A list of genes, and a table of the gene sets that are over-represented in it: much of
such a table says the same thing twice. Group near copies, keep one of each, and ask
which genes the list may lack.
"""

# %%
# The table
# ---------
# The result of any tool will do, if its gene sets have the names of a collection that
# you have. To need no other package, this is the hypergeometric test of most of them,
# with SciPy. The list: genes that hypoxia induces in many cell types.

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control, hypergeom

from sk_gene2vec import (
    GeneSetEncoder,
    GmtVectorizer,
    group_gene_sets,
    nearest_gene_sets,
    suggest_genes,
)
from sk_gene2vec.datasets import load_go_bp

pasted = """
ADM ALDOA ALDOC ANGPTL4 BHLHE40 BNIP3 BNIP3L CA9 DDIT4 EGLN1 EGLN3 ENO1 ENO2
GAPDH GBE1 GPI HIF1A HK1 HK2 INSIG2 KDM3A LDHA LOX NDRG1 P4HA1 P4HA2 PDK1
PFKFB3 PFKFB4 PFKP PGAM1 PGK1 SLC2A1 STC2 TPI1 VEGFA
"""
genes = pasted.split()

gene_sets = load_go_bp()
vectorizer = GmtVectorizer(gene_sets, min_size=10, max_size=500).fit(genes)
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
# One of each
# -----------
# With names in the order of the table, the best gene set of a group represents it.
# "overlap" finds gene sets that are nested in another as well, of which the ontology
# has many.

groups = group_gene_sets(gene_sets, results["gene_set"], metric="overlap")
print(f"{groups['representative'].nunique()} groups")
kept = results[results["gene_set"].isin(groups["representative"])]
kept.head(10)

# %%
# Every gene set is in the table of the groups, with its representative:

groups.head(10)

# %%
import matplotlib.pyplot as plt

shown = kept.head(12)[::-1]
members = groups["representative"].value_counts()
figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
names = [
    f"{name.removeprefix('GOBP_').replace('_', ' ').lower()} ({members[name]})"
    for name in shown["gene_set"]
]
axes.barh(names, -np.log10(shown["adjusted_p"]))
axes.set(xlabel="-log10 of the adjusted p-value", title="Groups, with their numbers")
axes.tick_params(axis="y", labelsize=8)
axes.spines[["top", "right"]].set_visible(False)

# %%
# Genes that the list may lack
# ----------------------------
# The list is folded in as a new output of a fitted network, which takes no training.
# `evidence` has gene sets of the gene that speak for it.

encoder = GeneSetEncoder(max_epochs=10, random_state=0).fit(X)
suggest_genes(encoder, vectorizer, genes, k=8)

# %%
# Gene sets that are near
# -----------------------
# Genes that the list may lack count here by their probability, and large gene sets are
# not favoured, as they are by p-values:

nearest_gene_sets(encoder, vectorizer, genes, k=8)

# %%
plt.show()
