"""Cost of an epoch as the collection grows to a million gene sets.

The collections are synthetic: 30,000 genes, about fifty memberships per set, and
power-law sizes. They are trained with sampled negatives at embedding 64. Each size runs
in a process of its own, to measure its peak memory.

    python benchmarks/bench_scaling.py [n_gene_sets ...]
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

import numpy as np
import scipy.sparse as sp
from _common import peak_memory, report, wait_until_idle
from skorch.callbacks import Callback

from sk_gene2vec import GeneSetEncoder

N_GENES = 30_000
SIZES = [20_000, 100_000, 300_000, 1_000_000]
N_EPOCHS = 3


def collection(n_gene_sets: int, seed: int = 0) -> sp.csr_array:
    """Genes x sets; sizes from 8 to 2,000 with a density of size ** -1.9."""
    rng = np.random.default_rng(seed)
    u = rng.random(n_gene_sets)
    low, high, power = 8.0, 2000.0, -0.9
    sizes = ((low**power + u * (high**power - low**power)) ** (1 / power)).astype(int)
    # Some genes are in many sets: popularity follows a power law as well.
    popularity = np.arange(1, N_GENES + 1) ** -0.5
    cumulative = popularity.cumsum() / popularity.sum()
    columns = np.repeat(np.arange(n_gene_sets), sizes)
    rows = cumulative.searchsorted(rng.random(len(columns)))
    X = sp.csr_array(
        (np.ones(len(rows), np.float32), (rows, columns)), shape=(N_GENES, n_gene_sets)
    )
    X.sum_duplicates()
    X.data[:] = 1
    return X


class EpochTimes(Callback):
    """Wall time of every epoch."""

    def on_train_begin(self, net, **kwargs):
        self.seconds = []

    def on_epoch_begin(self, net, **kwargs):
        self.start = time.perf_counter()

    def on_epoch_end(self, net, **kwargs):
        self.seconds.append(time.perf_counter() - self.start)


def measure(n_gene_sets: int) -> dict[str, float]:
    X = collection(n_gene_sets)
    times = EpochTimes()
    start = time.perf_counter()
    GeneSetEncoder(
        64,
        n_negatives=2048,
        batch_size=1000,
        max_epochs=N_EPOCHS,
        callbacks=[times],
        random_state=0,
    ).fit(X)
    fit = time.perf_counter() - start
    # The first epoch takes longer, because memory is touched for the first time.
    epoch = float(np.median(times.seconds[1:]))
    return {
        "memberships": int(X.nnz),
        "epoch": epoch,
        "microseconds": 1e6 * epoch / X.nnz,
        "fit": fit,
        "memory": peak_memory(),
    }


def main() -> None:
    if len(sys.argv) == 3 and sys.argv[1] == "--one":
        print(json.dumps(measure(int(sys.argv[2]))))
        return
    rows, idle = [], wait_until_idle()
    for size in [int(x) for x in sys.argv[1:]] or SIZES:
        run = subprocess.run(
            [sys.executable, __file__, "--one", str(size)],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        result = json.loads(run.stdout)
        rows.append([size, *result.values()])
    report(
        __file__,
        [
            "gene sets",
            "memberships",
            "epoch (s)",
            "µs a membership",
            f"fit of {N_EPOCHS} epochs (s)",
            "peak memory (GB)",
        ],
        rows,
        load=idle,
    )


if __name__ == "__main__":
    main()
