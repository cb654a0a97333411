"""Memberships that came later: this package next to what a user would pick instead.

Each method is fitted on all of MSigDB v7.1 (2020). It ranks the pairs of a gene and a
term that v7.1 does not list, for the terms that a later release has too. A pair counts
as found if the release added it. The releases are GO biological process ("go22") and
Reactome ("re22") of 2022; a GO term is used if four fifths of its old members are still
in it.

- precision@n: share of the first n pairs, among all genes and terms, that were added.
- recall@20: share of min(20, new) of a gene's new terms among its first 20 unlisted
  terms; mean of up to 1,500 genes that have a new term, evenly spaced.

Rows named "less half the log of 1 + memberships among the terms" subtract that from the
log-odds. An estimator cannot know which terms will be tested, so these rows show what
could be gained.

Every fit runs in a process of its own. The table shows a method with the settings (see
_peers.py) that have the best go22 precision@10,000, which favours methods with several
settings. The reliability tables compare the probabilities of the default with the share
of pairs that came true.

    python benchmarks/bench_time.py
    python benchmarks/bench_time.py --methods popularity svd tfidf_votes
    python benchmarks/bench_time.py --study

The study asks whether `GeneSetEncoder.score` ranks variants of the encoder as the later
releases do. It fits each variant on all genes for the figures over time, and on half of
the genes for the score of the other half.

Results are added to results/bench_time.json or bench_time_study.json as they come; the
tables show all that the file has. Set OMP_NUM_THREADS to set the number of threads.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from _common import peak_memory, report
from _peers import (
    PEERS,
    Records,
    describe,
    embedding_of,
    embeds,
    fit_timed,
    idf,
    installed,
    label_of,
    make,
    settings_of,
    tfidf_rows,
)
from _releases import FIGURES, RELEASES, judge, load_tasks, reliability
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import spearmanr
from sklearn.model_selection import KFold
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import gen_batches

from sk_gene2vec import GeneSetEncoder

Array = NDArray[Any]

VOTES = "tfidf_votes"
METHODS = [*PEERS, VOTES, "membership"]
USUAL = [x for x in METHODS if x not in ("nmf", "edlae", "elsa")]
N_NEIGHBOURS = 30
COLUMNS = [f"{kind} {figure}" for kind in RELEASES for figure in FIGURES]
CHOSEN_BY = "go22 precision@10000"
# Rows whose predictions are held at a time.
BLOCK = 2000
ENOUGH = 30  # pairs that came true, for a ratio
# Values of the study, next to the defaults, one change at a time.
GRID: dict[str, list[Any]] = {
    "embedding_dim": [50, 100, 300],
    "mask_rate": [0.2, 0.4, 0.7],
    "max_epochs": [10, 20],
    "lr": [0.01, 0.02, 0.05],
    "dropout": [0.1, 0.3],
    "weight_decay": [0.3, 1.0],
}


def in_blocks(predict: Callable[[Any], Any], rows: Any, columns: Array) -> Array:
    """Predictions of some columns, computed for a block of rows at a time."""
    scores = np.empty((rows.shape[0], len(columns)), dtype=np.float32)
    for block in gen_batches(len(scores), BLOCK):
        scores[block] = predict(rows[block])[:, columns]
    return scores


def votes(rows: Any, X: Any, columns: Array, power: int) -> Array:
    """Memberships of the nearest other genes, weighted by a power of the cosine."""
    nearest = NearestNeighbors(n_neighbors=N_NEIGHBOURS, metric="cosine").fit(rows)
    graph = nearest.kneighbors_graph(mode="distance").astype(np.float32)
    graph.data = np.maximum(1 - graph.data, 0) ** power
    return (graph @ X[:, columns]).toarray()


def log_odds(encoder: GeneSetEncoder, X: Any, columns: Array) -> Array:
    p = in_blocks(encoder.predict_proba, X, columns)
    return logit(np.clip(p, 1e-12, 1 - 1e-7, out=p))


def ways_of(method: str, estimator: Any, X: Any, at: Array) -> Iterator[Any]:
    """Scores of the terms at some columns, by each way to use a fitted method.

    Yields names, scores of shape (n_genes, n_terms), and whether they are log-odds.
    """
    if method == VOTES:
        name = f"votes of the {N_NEIGHBOURS} nearest genes, TF-IDF rows"
        yield name, votes(tfidf_rows(X, idf(X)), X, at, power=1), False
    elif method in PEERS:
        embedding = embedding_of(estimator, X)
        scores = in_blocks(estimator.inverse_transform, embedding, at)
        yield label_of(method), scores, False
    else:
        vectors = estimator.transform(X)
        name = f"ours: votes of the {N_NEIGHBOURS} nearest genes, cosine cubed"
        yield name, votes(vectors, X, at, power=3), False
        weights, bias = estimator.coefs_[-1], estimator.intercepts_[-1]
        yield "ours: network alone", vectors @ weights[:, at] + bias[at], True
        yield "ours: predict_proba (default)", log_odds(estimator, X, at), True


def run_job(job: dict[str, Any]) -> dict[str, Any]:
    """Fit one method and judge it; called in a process of its own."""
    X, columns, tasks = load_tasks()
    estimator, outcome = None, {"fit_seconds": 0.0}
    if job["method"] != VOTES:
        estimator = make(job["method"], job["dim"], job["settings"])
        outcome = {"fit_seconds": fit_timed(estimator, X)}
    ways: dict[str, dict[str, dict[str, float]]] = {}
    for name, scores, are_log_odds in ways_of(job["method"], estimator, X, columns):
        ways[name] = {x: judge(scores[:, y.at], y) for x, y in tasks.items()}
        if not are_log_odds:
            continue
        level = f"{name}, less half the log of 1 + memberships among the terms"
        ways[level] = {}
        for kind, task in tasks.items():
            n_listed = task.listed.sum(axis=1)[:, np.newaxis]
            lower = scores[:, task.at] - 0.5 * np.log1p(n_listed)
            ways[level][kind] = judge(lower, task)
    if job["method"] == "membership":
        # The last scores are those of predict_proba.
        p = expit(scores)
        tables = {x: reliability(p[:, y.at], y) for x, y in tasks.items()}
        outcome["reliability"] = tables
    chosen_by = next(iter(ways.values()))["go22"]["precision@10000"]
    return outcome | {CHOSEN_BY: chosen_by, "ways": ways, "peak_gb": peak_memory()}


def run_variant(job: dict[str, Any]) -> dict[str, Any]:
    """Judge one variant of the encoder over time, and by its own `score`."""
    X, columns, tasks = load_tasks()
    encoder = GeneSetEncoder(random_state=0, **job["variant"])
    outcome = {"fit_seconds": fit_timed(encoder, X)}
    scores = log_odds(encoder, X, columns)
    for kind, task in tasks.items():
        figures = judge(scores[:, task.at], task)
        outcome |= {f"{kind} {x}": y for x, y in figures.items()}
    train, test = next(KFold(2, shuffle=True, random_state=0).split(X))
    return outcome | {"score": float(encoder.fit(X[train]).score(X[test]))}


def jobs_of(methods: list[str], dims: list[int]) -> Iterator[dict[str, Any]]:
    """List the fits that the methods ask for."""
    for method in methods:
        has_dim = method != VOTES and embeds(method)
        for dim in dims if has_dim else [None]:
            for settings in [{}] if method == VOTES else settings_of(method):
                yield {"method": method, "dim": dim, "settings": settings}


def rows_of(records: Records) -> list[list[Any]]:
    """Make the table's rows: the best settings of each method and dimension."""
    rows = []
    for method in METHODS:
        dims = {x["dim"] for x in records.records if x["method"] == method}
        for dim in sorted(dims, key=lambda dim: dim or 0):
            record = records.best(CHOSEN_BY, method=method, dim=dim) or {}
            if "failed" in record:
                empty = [""] * (len(COLUMNS) + 1)
                rows.append([method, dim or "", *empty, record["failed"]])
                continue
            for way, tasks in record["ways"].items():
                figures = [tasks[kind][x] for kind in RELEASES for x in FIGURES]
                seconds, settings = record["fit_seconds"], describe(record["settings"])
                rows.append([way, dim or "", *figures, seconds, settings])
    return rows


def report_reliability(record: dict[str, Any]) -> None:
    """Print both reliability tables of the default."""
    for by, name, stem in (
        ("by probability", "probability", "bench_time_reliability"),
        ("by memberships", "memberships of the gene", "bench_time_sizes"),
    ):
        rows = []
        for kind, tables in record["reliability"].items():
            for label, n_pairs, n_true, mean in tables[by]:
                share = n_true / max(n_pairs, 1)
                ratio = mean / share if n_true >= ENOUGH else ""
                rows.append([kind, label, n_pairs, n_true, mean, share, ratio])
        header = ["task", name, "pairs", "came true", "mean predicted", "share true"]
        print(f"\n### Reliability of the default, {by}\n")
        report(stem, [*header, "predicted / came true"], rows)


def report_study(records: Records) -> None:
    """Print the variants, and the correlation of their figures with their scores."""
    done = [x for x in records.records if "failed" not in x]
    columns = {name: [x[name] for x in done] for name in ("score", *COLUMNS)}
    names = [describe(x["variant"]) or "default" for x in done]
    rows = [list(x) for x in zip(names, *columns.values(), strict=True)]
    if len(done) > 2:
        ranks = [float(spearmanr(columns["score"], columns[x])[0]) for x in COLUMNS]
        rows.append(["Spearman's rank correlation with score", "", *ranks])
    report("bench_time_study", ["variant", *columns], rows, records=records.records)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=USUAL)
    parser.add_argument("--dims", nargs="+", type=int, default=[100])
    parser.add_argument("--timeout", type=float, default=3600, help="seconds for a fit")
    parser.add_argument("--study", action="store_true", help="variants of the encoder")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.job:
        job = json.loads(args.job)
        print(json.dumps(run_variant(job) if "variant" in job else run_job(job)))
        return
    if args.study:
        records = Records("bench_time_study")
        default = GeneSetEncoder().get_params()
        grid = [(name, value) for name, values in GRID.items() for value in values]
        for variant in [{}, *({x: y} for x, y in grid if y != default[x])]:
            records.run(__file__, {"variant": variant}, args.timeout)
        report_study(records)
        return
    records = Records("bench_time")
    for job in jobs_of(installed(args.methods), args.dims):
        records.run(__file__, job, args.timeout)
    header = ["method", "dimension", *COLUMNS, "fit seconds", "settings"]
    report("bench_time", header, rows_of(records), records=records.records)
    for record in [x for x in records.records if "reliability" in x][-1:]:
        report_reliability(record)


if __name__ == "__main__":
    main()
