"""Bytes that a grid search on a Dask cluster sends, by source of the collection.

GridSearchCV over vectorizer, encoder and classifier, 3 parameters x 3 folds, on a
cluster of two worker processes on this machine. Bytes are those that the client and the
scheduler write and those that workers send each other. The encoder trains one short
epoch, because only the transfer is measured.

    python benchmarks/bench_dask.py [--genes 600]
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from _common import report
from distributed import Client, LocalCluster
from distributed.comm.tcp import TCP
from joblib import parallel_config
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sk_gene2vec import GeneSetEncoder, GeneSets, GmtVectorizer, write_gmt
from sk_gene2vec.datasets import load_go_bp, load_go_mf_classes


@contextmanager
def traffic(client: Client) -> Iterator[dict[str, float]]:
    """Count pickles of collections and megabytes sent while the block runs."""
    sent = {"pickles": 0.0, "MB": 0.0}
    write, reduce = TCP.write, GeneSets.__reduce_ex__

    async def counting_write(self: TCP, *args: Any, **kwargs: Any) -> int:
        n_bytes: int = await write(self, *args, **kwargs)
        sent["MB"] += n_bytes / 1e6
        return n_bytes

    def counting_reduce(self: GeneSets, protocol: Any) -> Any:
        sent["pickles"] += 1
        return reduce(self, protocol)

    def between_workers() -> float:
        return sum(client.run(_sent_by_worker).values()) / 1e6

    before = between_workers()
    TCP.write = counting_write
    GeneSets.__reduce_ex__ = counting_reduce  # type: ignore[method-assign]
    try:
        yield sent
    finally:
        TCP.write, GeneSets.__reduce_ex__ = write, reduce  # type: ignore[method-assign]
    sent["MB"] += between_workers() - before


def _sent_by_worker(dask_worker: Any) -> int:
    return int(dask_worker.transfer_outgoing_bytes_total)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--genes", type=int, default=600)
    n_genes = parser.parse_args().genes
    collection = load_go_bp()
    genes, classes = load_go_mf_classes(return_X_y=True)
    chosen = np.random.default_rng(0).permutation(len(genes))[:n_genes]
    genes, classes = np.asarray(genes)[chosen], np.asarray(classes)[chosen]
    encoder = GeneSetEncoder(10, max_epochs=1, random_state=0)
    classifier = LogisticRegression(max_iter=200)
    grid = {"genesetencoder__mask_rate": [0.3, 0.4, 0.5]}

    def search(*before: Any) -> GridSearchCV:
        pipeline = make_pipeline(*before, encoder, classifier)
        return GridSearchCV(pipeline, grid, cv=3, refit=False)

    # A task by value is larger than Dask likes: that is what is measured.
    warnings.filterwarnings("ignore", message="Sending large graph")
    rows = []
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        path = Path(folder) / "collection.gmt"

        def run(what: str, X: Any, vectorizers: list[Any], **config: Any) -> None:
            with traffic(client) as sent:
                if vectorizers and isinstance(vectorizers[0].gene_sets, str):
                    one = next(iter(client.scheduler_info()["workers"]))
                    client.run(write_gmt, collection, path, workers=[one])
                with parallel_config(backend="dask", **config):
                    search(*vectorizers).fit(X, classes)
            rows.append([what, int(sent["pickles"]), sent["MB"]])

        X = GmtVectorizer(collection).fit_transform(genes)
        run("rows made before the search", X, [])
        run("GmtVectorizer(path), file sent once", genes, [GmtVectorizer(str(path))])
        run("GmtVectorizer(None), bundled", genes, [GmtVectorizer()])
        run("GmtVectorizer(gene_sets)", genes, [GmtVectorizer(collection)])
        run(
            "GmtVectorizer(gene_sets), scatter=[gene_sets]",
            genes,
            [GmtVectorizer(collection)],
            scatter=[collection],
        )
    report(
        __file__,
        ["how the workers get the collection", "pickles", "MB sent"],
        rows,
        fits=9,
    )


if __name__ == "__main__":
    main()
