"""Restoring deleted entries: this package next to what a user would pick instead.

A tenth of the memberships of every gene with five or more is hidden (split seed 0);
each method is fitted on the rest and ranks what was hidden, of 2,000 genes, among all
sets that a gene is not visibly in. The split and the scoring code are the same for all.
Every fit runs in a process of its own. The table shows a method with the settings (see
_peers.py) that have the best NDCG@100 on these very genes, which favours methods with
several settings. Fit times are those of that one fit.

    python benchmarks/bench_quality.py --collections hallmark go_bp
    python benchmarks/bench_quality.py --collections msigdb --timeout 1800
    python benchmarks/bench_quality.py --methods membership --dims 100

Results are added to results/bench_quality_<collection>.json as they come; the table
shows all that the file has. Set OMP_NUM_THREADS to set the number of threads.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from _common import peak_memory, report
from _peers import (
    OURS,
    PEERS,
    Records,
    describe,
    embeds,
    fit_timed,
    installed,
    label_of,
    load,
    make,
    settings_of,
)

from sk_gene2vec import GeneSetEncoder
from sk_gene2vec.metrics import (
    held_out_membership_scores,
    split_memberships,
)

# Methods that are run at one dimension.
FOR_THE_RECORD = ("one_hot", "sampled")
METRICS = ["ndcg@100", "recall@20", "auroc"]
METHODS = [*PEERS, *OURS]
DIMS = {"msigdb": [50, 100, 300], "go_bp": [50, 100, 300], "hallmark": [10, 20, 40]}
HEADER = ["method", "dimension", *METRICS, "fit seconds", "settings"]


def run_job(job: dict[str, Any]) -> dict[str, Any]:
    """Fit one estimator and score it; called in a process of its own."""
    X, _ = load(job["collection"])
    visible, hidden = split_memberships(X, min_memberships=5, random_state=0)
    estimator = make(job["method"], job["dim"], job["settings"])
    outcome = {"fit_seconds": fit_timed(estimator, visible)}
    outcome |= held_out_membership_scores(
        estimator, visible, hidden, metrics=METRICS, n_genes=2000, random_state=0
    )
    return outcome | {"peak_gb": peak_memory()}


def jobs_of(collection: str, methods: list[str], dims: list[int]) -> list[dict]:
    """List the fits that a collection asks for, quick methods first."""
    jobs = []
    for method in methods:
        if not embeds(method):
            own: list[int | None] = [None]
        elif method in FOR_THE_RECORD:
            own = [min(dims, key=lambda dim: abs(dim - 100))]
            own = [20] if collection == "hallmark" and 20 in dims else own
        elif method == "membership":
            own = sorted({*dims, GeneSetEncoder().embedding_dim})
        else:
            own = [*dims]
        todo = [(dim, x) for dim in own for x in settings_of(method)]
        jobs += [
            {
                "collection": collection,
                "method": method,
                "dim": dim,
                "settings": settings,
            }
            for dim, settings in todo
        ]
    return jobs


def rows_of(records: Records) -> list[list[Any]]:
    """Make the table's rows: the best settings of each method and dimension."""
    rows = []
    for method in METHODS:
        dims = {x["dim"] for x in records.records if x["method"] == method}
        for dim in sorted(dims, key=lambda dim: dim or 0):
            record = records.best("ndcg@100", method=method, dim=dim)
            name = label_of(method)
            if record is None or "failed" in record:
                why = record["failed"] if record else "not run"
                rows.append([name, dim or "", "", "", "", "", why])
                continue
            scores = [record[metric] for metric in METRICS]
            seconds, settings = record["fit_seconds"], describe(record["settings"])
            rows.append([name, dim or "", *scores, seconds, settings])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--collections", nargs="+", choices=[*DIMS], default=[*DIMS])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument(
        "--dims", nargs="+", type=int, help="of the methods that have a dimension"
    )
    parser.add_argument(
        "--timeout", type=float, default=900, help="seconds for a fit and its scoring"
    )
    parser.add_argument("--job", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.job:
        print(json.dumps(run_job(json.loads(args.job))))
        return
    methods = installed(args.methods)
    for collection in args.collections:
        records = Records(f"bench_quality_{collection}")
        for job in jobs_of(collection, methods, args.dims or DIMS[collection]):
            records.run(__file__, job, args.timeout)
        print(f"\n### {collection}: held-out memberships\n")
        report(
            f"bench_quality_{collection}",
            HEADER,
            rows_of(records),
            records=records.records,
        )


if __name__ == "__main__":
    main()
