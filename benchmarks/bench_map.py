"""Time from a file of gene sets to an interactive map: Hallmark, full MSigDB.

The lines that a user writes run in a process of their own, so that imports and the
compilation inside UMAP count. The second row is the page of full MSigDB alone, with the
genes at random places.

    python benchmarks/bench_map.py [--repeats 3]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from _common import HALLMARK, MSIGDB, report, shared, timed, wait_until_idle

from sk_gene2vec import read_gmt
from sk_gene2vec.plotting import write_gene_map

LINES = """\
from sklearn.pipeline import make_pipeline
from sk_gene2vec import GeneEmbedding, GeneSetEncoder, GmtVectorizer, read_gmt
from sk_gene2vec.plotting import write_gene_map

gene_sets = read_gmt("{gene_sets}")
model = make_pipeline(GmtVectorizer(gene_sets), GeneSetEncoder(random_state=0))
embedding = GeneEmbedding.from_pipeline(model.fit(gene_sets.genes))
write_gene_map(embedding, "{page}", gene_sets=gene_sets, title="MSigDB Hallmark")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    load = wait_until_idle()
    hallmark, msigdb = shared(HALLMARK), read_gmt(shared(MSIGDB))
    points = np.random.default_rng(0).normal(size=(len(msigdb.genes), 2))
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder) / "hallmark.html", Path(folder) / "msigdb.html"
        script = LINES.format(gene_sets=hallmark, page=small)
        all_lines = timed(
            lambda: subprocess.run([sys.executable, "-c", script], check=True), repeats
        )
        page = timed(
            lambda: write_gene_map(points, large, genes=msigdb.genes, gene_sets=msigdb),
            repeats,
        )
        n_lines = sum(map(bool, LINES.splitlines()))
        sizes = [path.stat().st_size / 1e6 for path in (small, large)]
    report(
        __file__,
        ["what", "lines of code", "seconds", "page, MB"],
        [
            ["Hallmark: import, read, train, UMAP, page", n_lines, all_lines, sizes[0]],
            ["full MSigDB: page from coordinates", 1, page, sizes[1]],
        ],
        load=load,
    )


if __name__ == "__main__":
    main()
