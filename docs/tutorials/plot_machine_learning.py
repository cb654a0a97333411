"""
From machine learning
=====================

You know scikit-learn but not gene sets: this tutorial builds a pipeline from the names
of genes to classes, searches over its parameters, compares vectors with the plain
memberships, and shows what happens if labels and gene sets come from the same source.
"""

# %%
# Genes, gene sets, classes
# -------------------------
# A gene set is a list of genes that have something in common: they act in one process,
# or rise together in a disease. A collection has thousands of such lists. A gene that
# is in a gene set is a membership. In a matrix of genes x gene sets, genes are the
# samples and gene sets the features, as documents and words are in text. The matrix is
# sparse, its entries are 0 or 1, and many of its columns are nearly the same.
#
# The labels here are twelve molecular functions of 5,400 genes, the collection is the
# bundled Gene Ontology. Small gene sets are left out to save time.

import numpy as np
import pandas as pd
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfTransformer

from sk_gene2vec import GeneSetEncoder, GeneSets, GmtVectorizer
from sk_gene2vec.datasets import load_go_bp, load_go_mf_classes

gene_sets = GeneSets(
    {name: members for name, members in load_go_bp().items() if len(members) >= 50}
)
genes, classes = load_go_mf_classes(return_X_y=True)
known = np.isin(genes, gene_sets.genes)
genes, classes = genes[known], classes[known]

len(genes), pd.Series(classes).value_counts().head(3).to_dict()

# %%
# A pipeline and a search
# -----------------------
# X is the names of the genes: the vectorizer holds the collection and finds their rows,
# so cross-validation splits genes. The search may tune any step: here the length of the
# vectors and the penalty of the classifier. ``memory`` keeps fitted encoders, so that
# each of them serves all values of ``C``. To save time, the search gets some of the
# genes.

from tempfile import TemporaryDirectory

from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

folder = TemporaryDirectory()
pipeline = make_pipeline(
    GmtVectorizer(gene_sets),
    GeneSetEncoder(batch_size=128, max_epochs=10, random_state=0),
    LogisticRegression(max_iter=1000),
    memory=folder.name,
)
some = np.random.default_rng(1).permutation(len(genes))[:1500]
grid = {
    "genesetencoder__embedding_dim": [10, 100],
    "logisticregression__C": [0.001, 0.01, 0.1, 1, 10],
}
search = GridSearchCV(pipeline, grid, cv=2).fit(genes[some], classes[some])
folder.cleanup()
results = pd.DataFrame(search.cv_results_).pivot_table(
    "mean_test_score",
    "param_genesetencoder__embedding_dim",
    "param_logisticregression__C",
)
results.rename_axis(index="embedding_dim", columns="C").round(3)

# %%
# :doc:`/auto_examples/plot_grid_search` has two more searches: one without labels, and
# one over the classifier alone.
#
# Vectors and rows
# ----------------
# In the search, the encoder learned from the genes that have a label. It does not need
# labels, so it can learn from all genes of the collection, once. Three other inputs for
# the same classifier are compared with its vectors:


def features(gene_sets, genes):
    """Make four inputs for a classifier of genes."""
    vectorizer = GmtVectorizer(gene_sets).fit(gene_sets.genes)
    everything = vectorizer.transform(vectorizer.genes_)
    labelled = vectorizer.transform(genes)
    encoder = GeneSetEncoder(max_epochs=10, random_state=0).fit(everything)
    tfidf = TfidfTransformer().fit(everything)
    svd = TruncatedSVD(100, random_state=0).fit(tfidf.transform(everything))
    return {
        "memberships": labelled,
        "TF-IDF rows": tfidf.transform(labelled),
        "TruncatedSVD": svd.transform(tfidf.transform(labelled)),
        "GeneSetEncoder": encoder.transform(labelled),
    }


all_features = features(gene_sets, genes)
for name, values in all_features.items():
    print(f"{name}: {values.shape[1]:,} columns")

# %%
# The number of labels
# --------------------
# The same classifier, trained on more and more genes, is tested on 1,000 others. Rows
# and vectors need different penalties, so all inputs are given the same seven. The best
# of them on the tested genes is taken.

from sklearn.model_selection import StratifiedShuffleSplit, cross_val_score


def best(values, classes, n_train):
    """Find the accuracy with the best penalty, and this penalty."""
    cv = StratifiedShuffleSplit(3, train_size=n_train, test_size=1000, random_state=0)
    classifiers = [LogisticRegression(C=10.0**i, max_iter=1000) for i in range(-3, 4)]
    return max(
        (cross_val_score(x, values, classes, cv=cv).mean(), x.C) for x in classifiers
    )


sizes = [60, 240, 1000, 4000]
found = {
    name: [best(values, classes, size) for size in sizes]
    for name, values in all_features.items()
}
penalties = {name: [C for _, C in line] for name, line in found.items()}
pd.DataFrame(penalties, index=pd.Index(sizes, name="labels"))

# %%
# This table has the best values of ``C``. The vectors need much smaller ones than the
# other inputs, because their numbers are larger: a vector has the length 10, a TF-IDF
# row the length 1. With few labels, all large values do about equally well.

import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(6.4, 4), layout="constrained")
for name, line in found.items():
    axes.plot(sizes, [accuracy for accuracy, _ in line], marker="o", label=name)
axes.set(
    xscale="log",
    xlabel="genes with a label",
    ylabel="accuracy, 12 classes",
    xticks=sizes,
    xticklabels=sizes,
)
axes.minorticks_off()
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False)

# %%
# With five labels per class, the vectors are better than the rows: the encoder has
# learned from thousands of genes without a label which gene sets occur together. With
# more labels, a linear classifier can learn this from the rows, and the rows keep
# details that 100 numbers cannot. Try both: :ref:`when-to-embed` in the user guide has
# other tasks. Vectors are also useful where the input must be short and dense: for
# nearest neighbours, kernels, neural networks, or beside other features.

# %%
# Leakage
# -------
# Biological processes and molecular functions are annotated by the same people, from
# the same papers, and some processes nearly state a function. Compute the overlap of
# every gene set with every class:

X = GmtVectorizer(gene_sets).fit(genes).transform(genes)
class_names, codes = np.unique(classes, return_inverse=True)
of_class = np.eye(len(class_names))[codes]
overlap = X.T @ of_class
sizes_of_sets = X.T @ np.ones((len(genes), 1))
jaccard = overlap / (sizes_of_sets + of_class.sum(axis=0) - overlap)
names = np.array(list(gene_sets))
for column in np.argsort(-jaccard.max(axis=0))[:5]:
    closest = jaccard[:, column].argmax()
    share = jaccard[closest, column]
    print(f"{class_names[column]}: {share:.2f} with {names[closest]}")

# %%
# Leave out the sets with an overlap (Jaccard index) of a quarter or more. Train again
# on the genes that are also in other sets.

leaking = jaccard.max(axis=1) >= 0.25
rest = GeneSets({name: gene_sets[name] for name in names[~leaking]})
still = np.isin(genes, rest.genes)
print(f"without {leaking.sum()} gene sets and {len(genes) - still.sum()} genes:")

for name, values in features(rest, genes[still]).items():
    before, _ = best(all_features[name][still], classes[still], 1000)
    after, _ = best(values, classes[still], 1000)
    print(f"{name}: accuracy {before:.2f} -> {after:.2f}")

# %%
# The second score is the one to report. If a gene set states the label, a classifier
# only has to copy it.

plt.show()
