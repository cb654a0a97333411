"""Steps other than training: reading, matrix, transform, predictions, suggestions.

The collection is full MSigDB v7.1. Each step should take at most a tenth of a 20-epoch
fit, and reading no longer than GSEApy's read_gmt on the same decompressed file. If
GSEApy is not installed, its reader is written here: a dictionary of the tab-separated
fields of each line.

    python benchmarks/bench_path.py [--repeats 5]
"""

from __future__ import annotations

import argparse
import gzip
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from _common import MSIGDB, report, shared, timed, wait_until_idle
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from skorch.callbacks import Callback

from sk_gene2vec import (
    GeneSetEncoder,
    GmtVectorizer,
    nearest_gene_sets,
    read_gmt,
    suggest_gene_sets,
    suggest_genes,
)
from sk_gene2vec.datasets import load_go_bp, load_go_mf_classes

PROBABILITY_ROWS = 1000
N_FITS = 3
GENE, GENE_SET = "TP53", "HALLMARK_HYPOXIA"


class TrainingTime(Callback):
    """Seconds from the beginning of training to its end."""

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        self.start = time.perf_counter()

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        self.seconds = time.perf_counter() - self.start


def fit_timed(X: Any) -> tuple[GeneSetEncoder, float, float]:
    """Fit the default; return it with the seconds in all and those of training."""
    training, found = TrainingTime(), []
    encoder = GeneSetEncoder(callbacks=[training], random_state=0)
    for _ in range(N_FITS):
        found.append((timed(lambda: encoder.fit(X)), training.seconds))
    return encoder.set_params(callbacks=None), *sorted(found)[N_FITS // 2]


def import_time(module: str) -> float:
    """Seconds that a new process takes to import a module, less those of Python."""
    seconds = []
    for line in (f"import {module}", ""):
        command = [sys.executable, "-c", line]
        seconds.append(timed(lambda run=command: subprocess.run(run, check=True), 5))
    return seconds[0] - seconds[1]


def search_timed() -> tuple[float, float]:
    """Search over four penalties in three folds; return seconds and CPU seconds."""
    genes, classes = load_go_mf_classes(return_X_y=True)
    with tempfile.TemporaryDirectory() as folder:
        model = make_pipeline(
            GmtVectorizer(),
            GeneSetEncoder(random_state=0),
            LogisticRegression(max_iter=1000),
            memory=folder,
        )
        grid = {"logisticregression__C": [0.001, 0.01, 0.1, 1]}
        search = GridSearchCV(model, grid, cv=3)
        start = time.process_time()
        seconds = timed(lambda: search.fit(genes, classes))
        return seconds, time.process_time() - start


def gseapy_read_gmt(path: Path) -> dict[str, list[str]]:
    """GSEApy's reader, or the same by hand where it is not installed."""
    try:
        from gseapy.parser import read_gmt as read
    except ImportError:
        with path.open() as lines:
            return {
                line.strip().split("\t")[0]: line.strip().split("\t")[2:]
                for line in lines
            }
    return read(str(path))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    load, source = wait_until_idle(), shared(MSIGDB)
    gene_sets = read_gmt(source)
    genes = gene_sets.genes
    X = GmtVectorizer(gene_sets).fit_transform(genes)
    steps = {f"import {name}": import_time(name) for name in ("sklearn", "sk_gene2vec")}
    tiny = GeneSetEncoder(2, max_epochs=1)
    steps["the first fit of a process: importing PyTorch"] = timed(
        lambda: tiny.fit(X[:50, :50])
    )
    encoder, fit, training = fit_timed(X)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "msigdb.gmt"
        plain.write_bytes(gzip.decompress(source.read_bytes()))
        readers = {
            "GSEApy's read_gmt, plain file": lambda: gseapy_read_gmt(plain),
            "read_gmt, plain file": lambda: read_gmt(plain),
        }
        # In turns, so that a drift of the machine affects all alike.
        seconds: dict[str, list[float]] = {name: [] for name in readers}
        for _ in range(repeats):
            for name, read in readers.items():
                seconds[name].append(timed(read))
        from_file = timed(lambda: GmtVectorizer(plain).fit(genes), repeats)
    steps |= {name: median(values) for name, values in seconds.items()}
    steps["read_gmt, gzipped file"] = timed(lambda: read_gmt(source), repeats)
    steps["GmtVectorizer(path).fit: reading and building"] = from_file
    vectorizer = GmtVectorizer(gene_sets).fit(genes)
    steps["vectorizer.transform of all genes"] = timed(
        lambda: vectorizer.transform(genes), repeats
    )
    steps["encoder.transform of all genes"] = timed(
        lambda: encoder.transform(X), repeats
    )

    def predict() -> None:
        for start in range(0, X.shape[0], PROBABILITY_ROWS):
            encoder.predict_proba(X[start : start + PROBABILITY_ROWS])

    steps[f"predict_proba of all genes, {PROBABILITY_ROWS} rows at a time"] = timed(
        predict, repeats
    )
    # A custom list: half of a gene set, so that there is something to find.
    listed = list(gene_sets[GENE_SET])[::2]
    model = make_pipeline(vectorizer, encoder)
    answers = {
        "suggest_gene_sets for a gene": lambda: suggest_gene_sets(model, GENE),
        "suggest_genes for a gene set": lambda: suggest_genes(model, GENE_SET),
        f"suggest_genes for a list of {len(listed)}": lambda: suggest_genes(
            model, listed
        ),
        f"nearest_gene_sets for a list of {len(listed)}": lambda: nearest_gene_sets(
            model, listed
        ),
    }
    steps |= {name: timed(answer, repeats) for name, answer in answers.items()}
    rows = [[name, value, value / fit] for name, value in steps.items()]
    rows.append(["GeneSetEncoder().fit, 20 epochs", fit, 1.0])
    rows.append(["all of it but training", fit - training, 1 - training / fit])
    go_bp = load_go_bp()
    _, fit, training = fit_timed(GmtVectorizer(go_bp).fit_transform(go_bp.genes))
    rows.append(["GO BP: GeneSetEncoder().fit", fit, 1.0])
    rows.append(["GO BP: all of it but training", fit - training, 1 - training / fit])
    seconds_of_search, cpu = search_timed()
    label = "GO BP, GridSearchCV: 4 penalties, 3 folds, memory="
    rows.append([label, seconds_of_search, seconds_of_search / fit])
    rows.append([f"{label}, CPU time", cpu, cpu / fit])
    by_hand = "" if "gseapy" in sys.modules else " (by hand: GSEApy is not installed)"
    report(__file__, ["step" + by_hand, "seconds", "share of a fit"], rows, load=load)


if __name__ == "__main__":
    main()
