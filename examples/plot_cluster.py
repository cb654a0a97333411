"""
A grid search on a cluster
==========================

Spread a grid search over the worker processes of a Dask cluster. Here they are two
processes on this machine; on a real cluster only the first lines of the last part
change.
"""

# %%
# Genes, classes, and a file
# --------------------------
# Every fit of the search needs the collection. Give the vectorizer the path of a file
# that all workers can read. A collection that is passed as an object would be sent with
# every fit.
#
# The genes are an array, not a list, for the same reason: Dask sends large arrays once.

import tempfile
from pathlib import Path

import numpy as np

from sk_gene2vec import write_gmt
from sk_gene2vec.datasets import load_go_bp, load_go_mf_classes

folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "go_bp.gmt"
write_gmt(load_go_bp(), path)

genes, classes = load_go_mf_classes(return_X_y=True)
chosen = np.random.default_rng(0).permutation(len(genes))[:800]
genes, classes = np.asarray(genes)[chosen], np.asarray(classes)[chosen]
print(f"{len(genes)} genes in {len(set(classes))} classes")

# %%
# The search
# ----------
# The search is the same as on one machine. With an int as ``random_state``, the scores
# do not depend on where a fit runs.

from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sk_gene2vec import GeneSetEncoder, GmtVectorizer

pipeline = make_pipeline(
    GmtVectorizer(str(path)),
    GeneSetEncoder(max_epochs=10, random_state=0),
    LogisticRegression(C=0.1, max_iter=1000),
)
dimensions = [5, 20, 50]
search = GridSearchCV(pipeline, {"genesetencoder__embedding_dim": dimensions}, cv=3)

# %%
# The cluster
# -----------
# scikit-learn runs its fits through joblib, which sends them to the client's cluster.
# Workers with one thread each keep PyTorch's threads from competing. To use a running
# cluster, call ``Client("tcp://address-of-its-scheduler:8786")``. joblib counts the
# workers once, when it starts, so wait for them.

from distributed import Client, SubprocessCluster
from joblib import parallel_config

with (
    SubprocessCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as cluster,
    Client(cluster) as client,
):
    client.wait_for_workers(2)
    with parallel_config(backend="dask"):
        search.fit(genes, classes)

scores = search.cv_results_["mean_test_score"]
for dimension, score in zip(dimensions, scores, strict=True):
    print(f"dimension {dimension:2d}: accuracy {score:.3f}")

# %%
# Longer vectors separate the classes better.

import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
axes.errorbar(
    dimensions, scores, search.cv_results_["std_test_score"], marker="o", capsize=4
)
axes.set(xlabel="embedding_dim", ylabel="accuracy, 3 folds", xticks=dimensions)

folder.cleanup()
plt.show()
