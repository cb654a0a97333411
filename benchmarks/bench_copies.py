"""Groups of near copies in full MSigDB: time, memory, and how many there are.

python benchmarks/bench_copies.py
"""

from __future__ import annotations

import argparse
import time

from _common import MSIGDB, peak_memory, report, shared, wait_until_idle

from sk_gene2vec import group_gene_sets, read_gmt

THRESHOLDS = [0.5, 0.8]
# Groups to show of the first setting: some of the largest, and some of the others.
SHOWN = [0, 25, 50, 100, 200, 400, 800, 1600]
MEMBERS = 4


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    load = wait_until_idle()
    gene_sets = read_gmt(shared(MSIGDB))
    rows, samples = [], []
    for threshold in THRESHOLDS:
        start = time.perf_counter()
        groups = group_gene_sets(gene_sets, threshold=threshold)
        seconds = time.perf_counter() - start
        sizes = groups.groupby("representative", sort=False).size()
        several = sizes[sizes > 1]
        count = len(several), int(several.sum() - len(several))
        rows.append([threshold, len(sizes), *count, seconds, peak_memory()])
        if samples:
            continue
        for name in several.index[SHOWN]:
            others = groups.loc[groups["representative"] == name, "gene_set"].tolist()
            samples.append([name, int(sizes[name]), ", ".join(others[1 : 1 + MEMBERS])])
    report(
        "bench_copies",
        [
            *("threshold", "groups", "of several gene sets"),
            *("redundant gene sets", "seconds", "peak memory (GB)"),
        ],
        rows,
        load=load,
    )
    header = ["representative", "gene sets", "most similar to it"]
    report("bench_copies_groups", header, samples)


if __name__ == "__main__":
    main()
