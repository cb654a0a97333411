"""
Choosing parameters by grid search
==================================

Three searches with plain scikit-learn: for vectors that predict held-out memberships,
for vectors that serve a classifier, and for the classifier alone.
"""

# %%
# Without labels
# --------------
# ``GeneSetEncoder.score`` hides a tenth of each gene's memberships, and ranks them
# among all gene sets that the gene is not visibly in. The score is ``NDCG@100``; higher
# is better. A grid search over the encoder alone therefore needs no labels. Genes are
# the samples, so cross-validation scores genes that the encoder has not seen. A score
# of genes that ``fit`` has seen would be too high, because such a gene votes for its
# own hidden memberships.
#
# This score measures how well deleted entries are restored. The benchmarks also measure
# how well memberships are predicted that a later release added. It cannot choose the
# collection or its ``min_size``: among fewer gene sets, hidden ones are easier to find.
#
# To save time, this example uses only the large gene sets and some of the genes.

import numpy as np

from sk_gene2vec import GeneSetEncoder, GeneSets, GmtVectorizer
from sk_gene2vec.datasets import load_go_bp, load_go_mf_classes

gene_sets = GeneSets(
    {name: members for name, members in load_go_bp().items() if len(members) >= 100}
)
rng = np.random.default_rng(0)
X = GmtVectorizer(gene_sets).fit_transform(rng.permutation(gene_sets.genes)[:2000])
print(f"{X.shape[0]:,} genes x {X.shape[1]:,} gene sets")

from sklearn.model_selection import GridSearchCV

encoder = GeneSetEncoder(batch_size=128, max_epochs=10, random_state=0)
grid = {"embedding_dim": [10, 30, 100], "mask_rate": [0.2, 0.4, 0.6]}
search = GridSearchCV(encoder, grid, cv=2).fit(X)
print(f"best: {search.best_params_}, NDCG@100 {search.best_score_:.3f}")

# %%
# The plot has one line per share of memberships that training masks:

import matplotlib.pyplot as plt

scores = search.cv_results_["mean_test_score"].reshape(3, 3)
figure, axes = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
for mask_rate, line in zip(grid["mask_rate"], scores.T, strict=True):
    axes.plot(grid["embedding_dim"], line, marker="o", label=f"{mask_rate:.0%}")
axes.set(
    xlabel="embedding_dim",
    ylabel="NDCG@100 of hidden memberships",
    xticks=grid["embedding_dim"],
)
axes.spines[["top", "right"]].set_visible(False)
axes.legend(title="masked", frameon=False)

# %%
# For another metric, pass a scorer. It also works on a pipeline that begins with gene
# names:

from sk_gene2vec.metrics import HeldOutMembershipScorer

search = GridSearchCV(
    encoder,
    {"activation": ["rmsnorm", "tanh"]},
    scoring={
        "recall": HeldOutMembershipScorer("recall@20"),
        "auroc": HeldOutMembershipScorer("auroc"),
    },
    refit="recall",
    cv=2,
).fit(X)
for i, params in enumerate(search.cv_results_["params"]):
    recall = search.cv_results_["mean_test_recall"][i]
    auroc = search.cv_results_["mean_test_auroc"][i]
    print(f"{params}: recall@20 {recall:.3f}, AUROC {auroc:.3f}")

# %%
# With labels
# -----------
# One pipeline leads from gene symbols to classes. The search tunes any part of it by
# the accuracy of the classifier. The vectorizer holds the collection, so X is the genes
# alone. ``memory`` keeps fitted encoders: each serves all values of ``C``.

from tempfile import TemporaryDirectory

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

genes, classes = load_go_mf_classes(return_X_y=True)
known = np.flatnonzero(np.isin(genes, gene_sets.genes))
chosen = rng.permutation(known)[:1200]
genes, classes = genes[chosen], classes[chosen]

folder = TemporaryDirectory()
pipeline = Pipeline(
    [
        ("memberships", GmtVectorizer(gene_sets)),
        ("encode", GeneSetEncoder(batch_size=128, max_epochs=10, random_state=0)),
        ("classify", LogisticRegression(max_iter=1000)),
    ],
    memory=folder.name,
)
penalties = [0.001, 0.01, 0.1, 1, 10]
grid = {"encode__embedding_dim": [20, 100], "classify__C": penalties}
search = GridSearchCV(pipeline, grid, cv=2).fit(genes, classes)
folder.cleanup()
for score, params in zip(
    search.cv_results_["mean_test_score"], search.cv_results_["params"], strict=True
):
    print(f"accuracy {score:.3f}: {params}")

# %%
# The classifier alone
# --------------------
# ``FrozenEstimator`` keeps a fitted encoder as it is. This one has learned from all
# genes, with or without a label. It has also seen the gene sets of the genes that test
# the classifier.

from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline

vectorizer = GmtVectorizer(gene_sets).fit(gene_sets.genes)
encoder = GeneSetEncoder(max_epochs=5, random_state=0)
encoder.fit(vectorizer.transform(vectorizer.genes_))
search = GridSearchCV(
    make_pipeline(
        FrozenEstimator(vectorizer),
        FrozenEstimator(encoder),
        LogisticRegression(max_iter=1000),
    ),
    {"logisticregression__C": penalties},
    cv=5,
).fit(genes, classes)
print(f"best: {search.best_params_}, accuracy {search.best_score_:.3f}")

plt.show()
