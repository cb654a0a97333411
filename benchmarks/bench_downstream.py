"""What the vectors are good for: this package next to its peers, at equal dimension.

Every method embeds all genes of a collection, without labels, in a process of its own.
Then one of two tasks, each with the vectors as they are and scaled to unit length:

- pairs: the gene pairs of Gene2vec (Du et al. 2019; functionally associated or not),
  those with both genes in the collection. Sum of the two vectors, StandardScaler,
  LogisticRegression; C is chosen on the valid pairs, the table shows the AUROC of the
  test pairs. GO (C5) may leak the labels: "msigdb_no_c5" is MSigDB without it.
  Published on these pairs: Gene2vec 0.67, GenePT 0.83.
- classes: the bundled molecular-function classes, from the bundled biological-process
  gene sets. StandardScaler, LogisticRegression; macro one-versus-rest AUROC, mean of
  five stratified folds.

Of a method's settings (see _peers.py) the table shows the one that is best for it, of
pairs on the valid pairs, of classes on the very folds.

    python benchmarks/bench_downstream.py --tasks classes
    python benchmarks/bench_downstream.py --tasks pairs_hallmark --dim 20
    python benchmarks/bench_downstream.py --timeout 1800

Results are added to results/bench_downstream_<task>.json as they come; the table shows
all that the file has. Set OMP_NUM_THREADS to set the number of threads.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from _common import peak_memory, report, shared
from _peers import (
    COLLECTIONS,
    OURS,
    PEERS,
    Records,
    describe,
    embedding_of,
    embeds,
    fit_timed,
    installed,
    label_of,
    load,
    make,
    settings_of,
)
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, normalize

from sk_gene2vec.datasets import load_go_mf_classes

TASKS = [*(f"pairs_{name}" for name in COLLECTIONS), "classes"]
METHODS = [*filter(embeds, PEERS), *OURS]
CS = [1e-4, 1e-3, 1e-2, 1.0]


def load_pairs(genes: list[str]) -> tuple[dict[str, Any], float]:
    """Gene numbers and labels of each split, and the share of pairs that is known."""
    number = pd.Series(range(len(genes)), index=genes)
    splits, n_known, n_all = {}, 0, 0
    for split in ("train", "valid", "test"):
        table = pd.read_csv(
            shared(f"gene2vec_pairs.{split}.tsv.gz"),
            sep="\t",
            # A gene may be called NAN.
            keep_default_na=False,
        )
        known = table[table["gene_a"].isin(number.index)]
        known = known[known["gene_b"].isin(number.index)]
        splits[split] = (
            number[known["gene_a"]].to_numpy(),
            number[known["gene_b"]].to_numpy(),
            known["label"].to_numpy(),
        )
        n_known, n_all = n_known + len(known), n_all + len(table)
    return splits, n_known / n_all


def score_pairs(vectors: Any, splits: dict[str, Any]) -> dict[str, Any]:
    """AUROC of the valid and the test pairs, at the C that is best on the valid."""
    sums = {name: vectors[a] + vectors[b] for name, (a, b, _) in splits.items()}
    scaler = StandardScaler().fit(sums["train"])
    sums = {name: scaler.transform(values) for name, values in sums.items()}
    # Each C starts from the solution of the one before.
    classifier = LogisticRegression(warm_start=True, max_iter=1000)
    best: dict[str, Any] = {"valid": -1.0}
    for C in CS:
        classifier.set_params(C=C).fit(sums["train"], splits["train"][2])
        valid, test = (
            float(roc_auc_score(splits[x][2], classifier.decision_function(sums[x])))
            for x in ("valid", "test")
        )
        if valid > best["valid"]:
            best = {"valid": valid, "test": test, "C": C}
    return best


def score_classes(vectors: Any, genes: list[str]) -> dict[str, Any]:
    """Macro one-versus-rest AUROC of the classes, mean and spread of five folds."""
    data, target = load_go_mf_classes(return_X_y=True)
    number = {gene: i for i, gene in enumerate(genes)}
    scores = cross_val_score(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        vectors[[number[gene] for gene in data]],
        target,
        scoring="roc_auc_ovr",
        cv=StratifiedKFold(5, shuffle=True, random_state=0),
    )
    return {"valid": float(scores.mean()), "test": float(scores.mean())} | {
        "spread": float(scores.std())
    }


def run_job(job: dict[str, Any]) -> dict[str, Any]:
    """Embed the genes and score the vectors; called in a process of its own."""
    collection = job["task"].removeprefix("pairs_")
    X, genes = load("go_bp" if job["task"] == "classes" else collection)
    estimator = make(job["method"], job["dim"], job["settings"])
    outcome: dict[str, Any] = {"fit_seconds": fit_timed(estimator, X)}
    embedding = np.asarray(embedding_of(estimator, X), dtype=np.float32)
    if job["task"] != "classes":
        splits, outcome["share"] = load_pairs(genes)
    for name, vectors in (("raw", embedding), ("unit", normalize(embedding))):
        outcome[name] = (
            score_classes(vectors, genes)
            if job["task"] == "classes"
            else score_pairs(vectors, splits)
        )
    best = max(outcome["raw"]["valid"], outcome["unit"]["valid"])
    return outcome | {"best_valid": best, "peak_gb": peak_memory()}


def rows_of(records: Records, task: str, dim: int) -> Iterator[list[Any]]:
    """Make the table's rows: the best settings of each method."""
    for method in METHODS:
        record = records.best("best_valid", task=task, method=method, dim=dim)
        if record is None:
            continue
        if "failed" in record:
            yield [label_of(method), dim, "", "", "", record["failed"]]
            continue
        yield [
            label_of(method),
            dim,
            record["raw"]["test"],
            record["unit"]["test"],
            record["fit_seconds"],
            describe(record["settings"]),
        ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--tasks",
        nargs="+",
        choices=TASKS,
        default=["pairs_msigdb", "pairs_msigdb_no_c5", "classes"],
    )
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--dim", type=int, default=100, help="the same for all methods")
    parser.add_argument(
        "--timeout", type=float, default=900, help="seconds for a fit and its scoring"
    )
    parser.add_argument("--job", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.job:
        print(json.dumps(run_job(json.loads(args.job))))
        return
    methods = installed(args.methods)
    for task in args.tasks:
        records = Records(f"bench_downstream_{task}")
        for method in methods:
            for settings in settings_of(method, embedding=True):
                job = {"task": task, "method": method, "dim": args.dim}
                records.run(__file__, job | {"settings": settings}, args.timeout)
        print(f"\n### {task}\n")
        shares = {x["share"] for x in records.records if "share" in x}
        for share in shares:
            print(f"{share:.1%} of the pairs have both genes in the collection.\n")
        report(
            f"bench_downstream_{task}",
            ["method", "dimension", "AUROC", "AUROC, unit", "fit seconds", "settings"],
            [*rows_of(records, task, args.dim)],
            records=records.records,
        )


if __name__ == "__main__":
    main()
