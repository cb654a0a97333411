"""Held-out memberships: this package next to the methods a user would pick instead.

A tenth of the memberships of every gene with five or more is hidden (split seed 0);
each method is fitted on the rest and ranks what was hidden, of 2,000 genes, among all
sets that a gene is not visibly in. The split and the scoring code are the same for all.
Every fit runs in a process of its own. Of a method's settings (see _peers.py) the table
shows the one with the best NDCG@100 on these very genes, which favours the methods that
have several; fit times are those of that one fit.

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
    reliability_table,
    split_memberships,
)

# Run at one width.
FOR_THE_RECORD = ("one_hot", "linear", "sampled", "unweighted", "unweighted_wide")
METRICS = ["ndcg@100", "recall@20", "auroc"]
METHODS = [*PEERS, *OURS, "reliability"]
DIMS = {"msigdb": [50, 100, 300], "go_bp": [50, 100, 300], "hallmark": [10, 20, 40]}
HEADER = ["method", "dimension", *METRICS, "fit seconds", "settings"]


def run_job(job: dict[str, Any]) -> dict[str, Any]:
    """Fit one estimator and score it; called in a process of its own."""
    X, _ = load(job["collection"])
    if job["method"] == "reliability":
        return reliability(X, GeneSetEncoder(job["dim"], random_state=0))
    visible, hidden = split_memberships(X, min_memberships=5, random_state=0)
    estimator = make(job["method"], job["dim"], job["settings"])
    outcome = {"fit_seconds": fit_timed(estimator, visible)}
    outcome |= held_out_membership_scores(
        estimator, visible, hidden, metrics=METRICS, n_genes=2000, random_state=0
    )
    return outcome | {"peak_gb": peak_memory()}


def reliability(X: Any, encoder: GeneSetEncoder) -> dict[str, Any]:
    """Compare probabilities with what was hidden, and with what the convention says.

    What is observed needs hidden memberships, of genes with two or more; the
    convention also speaks of genes with one, in a fit on all memberships.
    """
    visible, hidden = split_memberships(X, rounding="random", random_state=0)
    outcome = {"fit_seconds": fit_timed(encoder, visible)}
    table = reliability_table(
        encoder, visible, hidden, strategy="uniform", min_memberships=2
    )
    observed = table.pop("by_size")
    outcome |= as_lists(table)
    outcome["by_size_hidden"] = as_lists(observed)
    encoder.fit(X)
    listed = reliability_table(encoder, X, 0 * X, min_memberships=1).by_size
    outcome["by_size_listed"] = as_lists(listed)
    return outcome | {"peak_gb": peak_memory()}


def as_lists(table: dict[str, Any]) -> dict[str, Any]:
    """Make arrays lists, for JSON."""
    return {
        name: value.tolist() if hasattr(value, "tolist") else value
        for name, value in table.items()
    }


def jobs_of(collection: str, methods: list[str], dims: list[int]) -> list[dict]:
    """List the fits that a collection asks for, quick methods first."""
    jobs = []
    for method in methods:
        if method == "reliability":
            todo = [(GeneSetEncoder().embedding_dim, {})]
        else:
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
    for method in METHODS[:-1]:
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


def report_reliability(collection: str, records: Records) -> None:
    """Print the reliability table of the default, if there is one."""
    found = [x for x in records.records if x["method"] == "reliability"]
    if not found or "failed" in found[-1]:
        return
    table = found[-1]
    mean, base = table["mean_prediction"], table["base_rate"]
    print(
        f"\n### {collection}: reliability of the default on pairs not visible\n\n"
        f"Expected calibration error {table['expected_calibration_error']:.2g}, mean "
        f"prediction {mean:.5f}, base rate {base:.5f}, ratio {mean / base:.3f}\n"
    )
    columns = ["mean_predicted", "fraction_observed", "n_pairs"]
    rows = [list(x) for x in zip(*(table[name] for name in columns), strict=True)]
    report(f"bench_quality_{collection}_reliability", columns, rows, record=table)
    print(
        "\nMean prediction, by the smallest number of listed sets of a class of genes:"
    )
    for name, rate in (("listed", "convention"), ("hidden", "base_rate")):
        sizes = table[f"by_size_{name}"]
        for smallest, mean, expected in zip(
            sizes["smallest"], sizes["mean_prediction"], sizes[rate], strict=True
        ):
            print(f"{smallest}: {mean / expected:.3f} of the {rate}")


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
        report_reliability(collection, records)


if __name__ == "__main__":
    main()
