"""
Missing members of a gene set
=============================

No collection is complete. The network predicts the probability of every membership that
the collection does not list. First hide some known memberships to check the
predictions, then ask for new ones.
"""

# %%
# Hide, fit, look for
# -------------------
# A tenth of the memberships is hidden; the encoder never sees them. The tenth of each
# gene is rounded at random: with one hidden membership for every gene, genes with few
# memberships would lose more than a tenth.

import numpy as np

from sk_gene2vec import GeneSetEncoder, GmtVectorizer, suggest_gene_sets, suggest_genes
from sk_gene2vec.datasets import load_go_bp
from sk_gene2vec.metrics import (
    held_out_membership_scores,
    reliability_table,
    split_memberships,
)

gene_sets = load_go_bp()
vectorizer = GmtVectorizer(gene_sets, min_size=20).fit(gene_sets.genes)
X = vectorizer.transform(vectorizer.genes_)
visible, hidden = split_memberships(X, rounding="random", random_state=0)
print(f"{visible.nnz:,} memberships to learn from, {hidden.nnz:,} to find")

encoder = GeneSetEncoder(max_epochs=10, random_state=0).fit(visible)
scores = held_out_membership_scores(
    encoder, visible, hidden, metrics=["recall@20", "auroc"], n_genes=2000
)
print(f"hidden memberships among the first 20 of a gene: {scores['recall@20']:.0%}")
print(f"AUROC: {scores['auroc']:.3f}")

# %%
# The sets of the Gene Ontology are nested, which makes this easier than in a collection
# of independent experiments.
#
# Do the probabilities come true?
# -------------------------------
# Of the pairs with a probability of 0.3, three in ten should be memberships. Nearly all
# pairs have probabilities near zero, so each bin has equally many pairs, and the axes
# are logarithmic.

import matplotlib.pyplot as plt

table = reliability_table(encoder, visible, hidden, n_bins=400, min_memberships=2)
seen = table.fraction_observed > 0
low, high = 1e-6, 1.0

figure, axes = plt.subplots(figsize=(4.8, 4.8), layout="constrained")
axes.plot([low, high], [low, high], color="0.6", linewidth=1, label="as they should")
axes.plot(
    table.mean_predicted[seen], table.fraction_observed[seen], ".", label="as they are"
)
axes.set(
    xscale="log",
    yscale="log",
    xlim=(low, high),
    ylim=(low, high),
    aspect="equal",
    xlabel="predicted probability",
    ylabel="share that was a hidden membership",
)
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False, loc="upper left")
print(f"mean prediction {table.mean_prediction:.5f}, observed {table.base_rate:.5f}")

# %%
# Ask for members
# ---------------
# For suggestions, fit on everything. Mitophagy is how a cell disposes of damaged
# mitochondria.

encoder = GeneSetEncoder(max_epochs=10, random_state=0).fit(X)
print(f"listed: {', '.join(gene_sets['GOBP_MITOPHAGY'][:8])}, ...")
suggest_genes(encoder, vectorizer, "GOBP_MITOPHAGY", k=8)

# %%
# `evidence` has the gene sets of the gene that speak most for it, `from_embedding` and
# `from_gene_sets` the two parts of its logit. BNIP3 is a well-known receptor of
# mitophagy, MUL1 a ubiquitin ligase that takes part in it, and this release of the
# ontology lists both elsewhere. A suggestion is a hypothesis, not a result.
#
# The same for a gene:

suggest_gene_sets(encoder, vectorizer, "HBB", k=5)

# %%
# Unlikely members
# ----------------
# The probability of a listed membership says how well the other sets of the gene
# predict it. The least expected members of a set:

column = vectorizer.vocabulary_["GOBP_MITOPHAGY"]
members = np.flatnonzero(X[:, [column]].toarray())
probability = encoder.predict_proba(X[members])[:, column]
for row in np.argsort(probability)[:4]:
    print(f"{vectorizer.genes_[members[row]]:>8}: {probability[row]:.4f}")

plt.show()
