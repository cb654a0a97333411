"""Tasks solved with vectors: this package, its peers, and the rows themselves.

Every method embeds all genes of a collection, without labels. The rows that they all
compress are compared too: memberships, and TF-IDF rows of unit length. Then a
classifier that is tuned for each kind of input learns the tasks of _tasks.py:

- classes: twelve molecular functions from the bundled GO biological processes, by
  logistic regression on all labels and on 5 to 50 labels per class, by k-NN, RBF SVC,
  MLP and k-means.
- labels: up to a hundred binary labels, by ridge regression: families of genes,
  compartments, Reactome, expression signatures, GO terms from MSigDB without C5, and
  annotations of GO 2022 from MSigDB v7.1.
- pairs: the gene pairs of Gene2vec (Du et al. 2019; functionally associated or not),
  those with both genes in the collection, by logistic regression on the sum of the two
  vectors, with or without their product and absolute difference.

Genes are split in two halves: settings are chosen on "tuning", tables are of "final".
For each task, the table shows a method with the settings (see _peers.py) that are best
on the very genes of the table.

    python benchmarks/bench_downstream.py --jobs 2
    python benchmarks/bench_downstream.py --tasks classes few_10 --half tuning
    python benchmarks/bench_downstream.py --tasks pairs_hallmark --dims 20 --half all

Results are added to results/bench_downstream_<collection>.json as they come. Vectors
are kept in --cache: remove the folder after a change to a method.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from _peers import (
    OURS,
    PEERS,
    Records,
    embedding_of,
    fit_timed,
    idf,
    installed,
    label_of,
    load,
    make,
    settings_of,
    tfidf_rows,
)
from _scoring import Scores, score
from _tasks import HALVES, TASKS
from joblib import Parallel, delayed

ROWS = {"rows": "memberships", "tfidf_rows": "TF-IDF rows of unit length"}
METHODS = [*ROWS, "svd", "tfidf", "nmf", "als", "word2vec", "membership"]
# Tasks of the mean rank. One of Hallmark is too small to tell methods apart.
SUITE = [task for task in TASKS if task != "pairs_hallmark"]


def features_of(job: dict[str, Any], X: Any, cache: Path) -> tuple[Any, float]:
    """Features of all genes, and the seconds of the fit; the vectors are kept."""
    if job["method"] == "rows":
        return sp.csr_matrix(X), 0.0
    if job["method"] == "tfidf_rows":
        return tfidf_rows(X, idf(X)), 0.0
    parts = [job["collection"], job["method"], str(job["dim"])]
    parts += [f"{name}={value}" for name, value in job["settings"].items()]
    path = cache / f"{'-'.join(parts)}.npz"
    if not path.exists():
        estimator = make(job["method"], job["dim"], job["settings"])
        seconds = fit_timed(estimator, X)
        vectors = np.asarray(embedding_of(estimator, X), dtype=np.float32)
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(path, vectors=vectors, seconds=seconds)
    with np.load(path) as kept:
        return kept["vectors"], float(kept["seconds"])


def run_job(job: dict[str, Any], tasks: list[str], cache: Path) -> dict[str, Scores]:
    """Embed the genes of a collection, and score some tasks."""
    X, genes = load(job["collection"])
    features, seconds = features_of(job, X, cache)
    return {
        task: score(task, job["half"], features, X, genes) | {"fit_seconds": seconds}
        for task in tasks
    }


def jobs_of(args: argparse.Namespace, collection: str) -> Iterator[dict[str, Any]]:
    for method in args.methods:
        for dim in [None] if method in ROWS else args.dims:
            grid = [{}] if method in ROWS else settings_of(method, embedding=True)
            for settings in grid:
                yield {
                    "collection": collection,
                    "half": args.half,
                    "method": method,
                    "dim": dim,
                    "settings": settings,
                }


def run(args: argparse.Namespace, collection: str) -> None:
    """Run the tasks that the file of a collection does not have."""
    records = Records(f"bench_downstream_{collection}")
    known = [{x: record[x] for x in record} for record in records.records]
    todo = []
    for job in jobs_of(args, collection):
        tasks = [x for x in args.tasks if TASKS[x].collection == collection]
        if not args.again:
            done = {x["task"] for x in known if all(x[k] == job[k] for k in job)}
            tasks = [task for task in tasks if task not in done]
        if tasks:
            todo.append((job, tasks))
    results = Parallel(n_jobs=args.jobs, return_as="generator")(
        delayed(run_job)(job, tasks, args.cache) for job, tasks in todo
    )
    for (job, _), outcome in zip(todo, results, strict=True):
        for task, scores in outcome.items():
            records.add(job | {"task": task}, scores)
            print(task, job["method"], job["dim"], f"{scores['score']:.4f}", flush=True)


def name_of(record: dict[str, Any]) -> str:
    method, dim = record["method"], record["dim"]
    return ROWS[method] if dim is None else f"{label_of(method)}, {dim}"


def table_of(half: str, tasks: list[str]) -> pd.DataFrame:
    """Best score of each method (rows) in each task (columns)."""
    found: dict[tuple[str, str], float] = {}
    for collection in {TASKS[task].collection for task in tasks}:
        for record in Records(f"bench_downstream_{collection}").records:
            known = record["method"] in {*ROWS, *PEERS, *OURS}
            if known and record["half"] == half and record["task"] in tasks:
                key = name_of(record), record["task"]
                found[key] = max(record["score"], found.get(key, -1.0))
    table = pd.Series(found).unstack()
    return table[[task for task in tasks if task in table]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=SUITE)
    parser.add_argument("--half", choices=HALVES, default="final")
    parser.add_argument(
        "--methods", nargs="+", choices=[*ROWS, *PEERS, *OURS], default=METHODS
    )
    parser.add_argument("--dims", nargs="+", type=int, default=[100])
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time")
    parser.add_argument("--again", action="store_true", help="also what is known")
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path(tempfile.gettempdir()) / "sk_gene2vec_vectors",
        help="folder of the vectors",
    )
    args = parser.parse_args()
    args.methods = [x for x in args.methods if x in ROWS or installed([x])]
    for collection in dict.fromkeys(TASKS[task].collection for task in args.tasks):
        run(args, collection)
    table = table_of(args.half, args.tasks)
    print(table.to_string(float_format="{:.3f}".format))


if __name__ == "__main__":
    main()
