"""Two fits in parallel against the same two in a row.

The fits are on GO biological process, with default parameters except the number of
epochs, in joblib's processes on two cores, as GridSearchCV(n_jobs=2) runs them.

    python benchmarks/bench_parallel.py [--repeats 3]
"""

from __future__ import annotations

import argparse
import time
from statistics import median

from _common import report, wait_until_idle
from joblib import Parallel, delayed

from sk_gene2vec import GeneSetEncoder, GmtVectorizer
from sk_gene2vec.datasets import load_go_bp


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    repeats, load = parser.parse_args().repeats, wait_until_idle()
    gene_sets = load_go_bp()
    X = GmtVectorizer(gene_sets).fit_transform(gene_sets.genes)
    fits = [
        delayed(GeneSetEncoder(max_epochs=10, random_state=seed).fit)(X)
        for seed in range(2)
    ]
    row, parallel, ratios = [], [], []
    with Parallel(n_jobs=2) as pool:
        pool(fits)  # starts the processes and loads torch in them
        for _ in range(repeats):
            start = time.perf_counter()
            for fit, arguments, keywords in fits:
                fit(*arguments, **keywords)
            middle = time.perf_counter()
            pool(fits)
            end = time.perf_counter()
            row.append(middle - start)
            parallel.append(end - middle)
            ratios.append(parallel[-1] / row[-1])
    report(
        __file__,
        ["two fits in a row (s)", "two fits in parallel (s)", "parallel / in a row"],
        [[median(row), median(parallel), median(ratios)]],
        load=load,
    )


if __name__ == "__main__":
    main()
