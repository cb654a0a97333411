"""Vectors of cells: time, memory, and how well they distinguish cell types.

100,000 synthetic cells x 20,000 genes with 2,000 counts per cell should take at most 60
seconds and 2 GB, reading the file included. Cell types are those of `pbmc68k_reduced`,
which scanpy ships; the k-NN accuracy should be that of PCA. A run in which genes have
the vectors of other genes shows how much comes from the expression alone.

    python benchmarks/bench_cells.py [--cells 100000] [--skip time types]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from _common import MSIGDB, report, shared, wait_until_idle
from sklearn.decomposition import PCA
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from sk_gene2vec import (
    GeneEmbedding,
    GeneSetEncoder,
    GmtVectorizer,
    embed_cells,
    read_gmt,
)
from sk_gene2vec.datasets import load_go_bp, load_human_gene_aliases

N_GENES, N_DIMENSIONS, N_COUNTS = 20_000, 100, 2000
NEIGHBORS = (5, 15)

# In a process of its own, so that its peak memory is that of these lines.
LINES = """\
import json, re, sys, time
from pathlib import Path
import anndata, numpy as np
from sk_gene2vec import GeneEmbedding, embed_cells

start = time.perf_counter()
adata = anndata.read_h5ad(sys.argv[1], backed=json.loads(sys.argv[2]))
vectors = np.random.default_rng(0).normal(size=(adata.n_vars, {n_dimensions}))
embedding = GeneEmbedding(adata.var_names, vectors.astype(np.float32))
read, before = time.perf_counter(), time.process_time()
embed_cells(adata, embedding)
end, after = time.perf_counter(), time.process_time()
# getrusage includes the peak of the process that started this one.
status = Path("/proc/self/status").read_text()
peak = int(re.search(r"VmHWM:\\s+(\\d+)", status)[1]) * 1024 / 1e9
print(json.dumps([read - start, end - read, after - before, peak]))
"""


def synthetic(n_cells: int) -> sp.csr_matrix:
    """Draw counts of cells from one skewed profile of genes."""
    rng = np.random.default_rng(0)
    profile = np.cumsum(rng.lognormal(sigma=2, size=N_GENES))
    blocks = []
    for start in range(0, n_cells, 1000):
        n = min(1000, n_cells - start)
        genes = np.searchsorted(profile, rng.random((n, N_COUNTS)) * profile[-1])
        ones = np.ones(genes.size, np.float32)
        indptr = np.arange(0, genes.size + 1, N_COUNTS)
        block = sp.csr_matrix((ones, genes.ravel(), indptr), shape=(n, N_GENES))
        block.sum_duplicates()
        blocks.append(block)
    return sp.vstack(blocks, format="csr")


def time_and_memory(n_cells: int) -> None:
    import anndata
    import pandas as pd

    load = wait_until_idle()
    counts = synthetic(n_cells)
    var = pd.DataFrame(index=[f"GENE{number}" for number in range(N_GENES)])
    forms: dict[str, tuple[Any, bool]] = {
        "CSR, in memory": (counts, False),
        "CSR, backed": (counts, True),
        "CSC, in memory": (counts.tocsc(), False),
    }
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cells.h5ad"
        for form, (matrix, backed) in forms.items():
            anndata.AnnData(matrix, var=var).write_h5ad(path)
            lines = LINES.format(n_dimensions=N_DIMENSIONS)
            arguments = [path, json.dumps("r" if backed else None)]
            done = subprocess.run(
                [sys.executable, "-c", lines, *arguments],
                check=True,
                capture_output=True,
                text=True,
            )
            rows.append([form, *json.loads(done.stdout)])
    report(
        __file__,
        ["matrix", "read (s)", "embed_cells (s)", "CPU time (s)", "peak memory (GB)"],
        rows,
        load=load,
        cells=n_cells,
        genes=N_GENES,
        dimensions=N_DIMENSIONS,
        counts=N_COUNTS,
        stored=int(counts.nnz),
    )


def vectors_of(gene_sets: Any) -> GeneEmbedding:
    model = make_pipeline(GmtVectorizer(gene_sets), GeneSetEncoder(random_state=0))
    genes = list(dict.fromkeys(sum(gene_sets.values(), ())))
    return GeneEmbedding.from_pipeline(model.fit(genes))


def collections() -> dict[str, Any]:
    # The other run has GO's sets; C7, expression in immune cells, is like the task.
    msigdb = read_gmt(shared(MSIGDB))
    curated = [name for name in msigdb if not name.startswith(("GO_", "GSE"))]
    found = {"GO BP, bundled": load_go_bp(), "MSigDB C2, C6 and Hallmark": msigdb}
    chosen = {"MSigDB C2, C6 and Hallmark": curated}
    return {
        name: {x: tuple(sets[x]) for x in chosen.get(name, sets)}
        for name, sets in found.items()
    }


def cell_types() -> None:
    import scanpy as sc

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # the file has an old format
        reduced = sc.datasets.pbmc68k_reduced()
    cells = reduced.raw.to_adata()
    cells.layers["counts"] = cells.X.expm1()
    labels = reduced.obs["bulk_labels"].astype(str).to_numpy()
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=10, random_state=0)

    def accuracies(vectors: Any) -> list[float]:
        return [
            float(
                cross_val_score(
                    KNeighborsClassifier(k), vectors, labels, cv=folds
                ).mean()
            )
            for k in NEIGHBORS
        ]

    log = cells.X.toarray()
    components = PCA(50, svd_solver="full").fit_transform(log)
    rows: list[list[Any]] = [
        ["PCA of scaled values, as shipped", "", 1.0, *accuracies(cells.obsm["X_pca"])],
        ["PCA of logs, 50", "", 1.0, *accuracies(components)],
        ["logs of all genes", "", 1.0, *accuracies(log)],
    ]
    aliases = load_human_gene_aliases()
    for name, gene_sets in collections().items():
        embedding = vectors_of(gene_sets)
        order = np.random.default_rng(0).permutation(len(embedding))
        mixed = GeneEmbedding(embedding.genes, embedding.vectors[order])
        for of, vectors in ((name, embedding), (f"{name}, genes mixed", mixed)):
            for layer in ("counts", None):
                for weights in ("idf", None):
                    embed_cells(
                        cells,
                        vectors,
                        layer=layer,
                        gene_weights=weights,
                        aliases=aliases,
                    )
                    how = f"{layer or 'logs'}, {weights or 'no weights'}"
                    coverage = cells.uns["X_gene2vec"]["coverage_counts"]
                    found = accuracies(cells.obsm["X_gene2vec"])
                    rows.append([of, how, coverage, *found])
    header = ["vectors", "weights", "share of expression"]
    report(
        "bench_cells_types",
        [*header, *(f"{k}-NN" for k in NEIGHBORS)],
        rows,
        cells=len(labels),
        folds="5, ten times",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=100_000)
    parser.add_argument("--skip", nargs="*", choices=["time", "types"], default=[])
    arguments = parser.parse_args()
    if "time" not in arguments.skip:
        time_and_memory(arguments.cells)
    if "types" not in arguments.skip:
        cell_types()


if __name__ == "__main__":
    main()
