"""Complete gene lists that the collection does not have, next to other methods.

Whole gene sets of 10 to 500 genes are left out of MSigDB: 500 of Reactome, 500 of C7
(expression signatures of immune cells), and 500 of GO, with all gene sets that share
half of their union with one of them (Jaccard). Half of the genes of each are shown, and
every method ranks the others, among all genes that are not shown: AUROC, and the share
that is among the first hundred. All methods see the same collection, lists and genes.

Each method is fitted once, in a process of its own, and completes all lists.

    python benchmarks/bench_lists.py --lists 50
    python benchmarks/bench_lists.py --methods membership

Results are added to results/bench_lists.json as they come; the table shows all that the
file has. Set OMP_NUM_THREADS to set the number of threads.
"""

from __future__ import annotations

import argparse
import json
import re
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from _common import MSIGDB, peak_memory, report, shared, timed
from _peers import PEERS, Records, embedding_of, fit_timed, installed, make
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import normalize

from sk_gene2vec import GmtVectorizer, read_gmt, suggest_genes
from sk_gene2vec.encoder._lists import fold_in_list

KINDS = {
    "Reactome": re.compile("REACTOME_"),
    "C7": re.compile("GSE.*_(UP|DN)$"),
    "GO": re.compile("GO_"),
}
# Gene sets that share so much with one of GO that is left out are left out as well.
NEAR_COPY = 0.5
FIRST = 100
# Of logistic regression.
CS = [0.1, 1, 10, 100]
METHODS = ["rows", "tfidf", "word2vec", "membership"]
# Scores of all genes, given the places of the genes of a list.
Scorer = Callable[[Any], Any]


def split(n_lists: int) -> tuple[GmtVectorizer, Any, dict[str, list[Any]]]:
    """Leave gene sets out: the rest, its matrix, places of shown and hidden genes."""
    gene_sets = read_gmt(shared(MSIGDB))
    whole = GmtVectorizer(gene_sets)
    X = sp.csc_array(whole.fit_transform(gene_sets.genes))
    names, sizes = whole.get_feature_names_out(), np.diff(X.indptr)
    rng = np.random.default_rng(0)
    chosen = {}
    for kind, pattern in KINDS.items():
        fit = np.array([bool(pattern.match(name)) for name in names])
        some = np.flatnonzero(fit & (sizes >= 10) & (sizes <= 500))
        chosen[kind] = rng.choice(some, min(n_lists, len(some)), replace=False)
    common = (X[:, chosen["GO"]].T @ X).toarray()
    union = sizes[chosen["GO"]][:, np.newaxis] + sizes - common
    copies = np.flatnonzero((common >= NEAR_COPY * union).any(axis=0))
    left_out = set(names[np.concatenate([copies, *chosen.values()])])
    rest = {name: genes for name, genes in gene_sets.items() if name not in left_out}
    vectorizer = GmtVectorizer(rest)
    left = vectorizer.fit_transform(sorted(set().union(*rest.values())))
    place = {gene: number for number, gene in enumerate(vectorizer.genes_)}
    lists: dict[str, list[Any]] = {}
    for kind, columns in chosen.items():
        members = (
            [place[x] for x in gene_sets[names[i]] if x in place] for i in columns
        )
        orders = (rng.permutation(x) for x in members)
        lists[kind] = [np.array_split(order, 2) for order in orders]
    return vectorizer, sp.csr_array(left), lists


def of_rows(X: Any) -> dict[str, Scorer]:
    """Methods on the rows themselves."""
    sizes = np.diff(sp.csc_array(X).indptr)
    popularity = np.diff(X.indptr).astype(float)
    weighted = X @ sp.diags_array(np.log(X.shape[0] / np.maximum(sizes, 1)))
    rows = sp.csr_array(normalize(sp.csr_matrix(weighted)))

    def shared_sets(shown: Any) -> Any:
        return X @ X[shown].sum(axis=0)

    return {
        "popularity: number of gene sets": lambda _: popularity,
        "co-membership counts": shared_sets,
        "co-membership counts / sqrt(popularity)": lambda shown: (
            shared_sets(shown) / np.sqrt(popularity)
        ),
        "TF-IDF rows: centroid": lambda shown: rows @ rows[shown].sum(axis=0),
    } | of_logistic_regression("TF-IDF rows", rows, solver="liblinear")


def of_vectors(name: str, vectors: Any) -> dict[str, Scorer]:
    """Methods on vectors of unit length."""
    unit = normalize(vectors)
    return {
        f"{name}: centroid": lambda shown: unit @ unit[shown].sum(axis=0),
    } | of_logistic_regression(name, unit, max_iter=300)


def of_logistic_regression(name: str, rows: Any, **options: Any) -> dict[str, Scorer]:
    """Logistic regression with each penalty."""
    return {
        f"{name}: logistic regression, C={C}": logistic(rows, C=C, **options)
        for C in CS
    }


def logistic(rows: Any, **options: Any) -> Scorer:
    """Make a logistic regression, other genes as negatives, classes balanced."""

    def score(shown: Any) -> Any:
        y = np.zeros(rows.shape[0])
        y[shown] = 1
        model = LogisticRegression(class_weight="balanced", **options)
        return model.fit(rows, y).decision_function(rows)

    return score


def of_ours(encoder: Any, vectorizer: Any, X: Any) -> dict[str, Scorer]:
    """Fold the list in, without the wide part and with it."""

    def folded(shown: Any) -> Any:
        listed = np.zeros(X.shape[0], dtype=bool)
        listed[shown] = True
        return fold_in_list(encoder, X, listed)

    return of_vectors("ours", embedding_of(encoder, X)) | {
        "ours: folded in, embedding alone": lambda x: np.nan_to_num(
            folded(x).logits, nan=-np.inf
        ),
        "ours: folded in (suggest_genes)": lambda x: folded(x).probability,
    }


def run_job(job: dict[str, Any]) -> dict[str, Any]:
    """Fit one method and complete all lists; called in a process of its own."""
    vectorizer, X, lists = split(job["lists"])
    # Genes may be left with nothing but sets of all genes.
    warnings.filterwarnings("ignore", message=".* in no gene set")
    outcome: dict[str, Any] = {"n_genes": X.shape[0], "n_gene_sets": X.shape[1]}
    if job["method"] == "rows":
        scorers = of_rows(X)
        outcome["fit_seconds"] = 0.0
    else:
        estimator = make(job["method"], job["dim"], {})
        outcome["fit_seconds"] = fit_timed(estimator, X)
        if job["method"] == "membership":
            scorers = of_ours(estimator, vectorizer, X)
            genes = [vectorizer.genes_[x[0]] for x in lists["Reactome"][:5]]
            outcome["suggest_seconds"] = float(
                np.median(
                    [
                        timed(lambda x=x: suggest_genes(estimator, vectorizer, x))
                        for x in genes
                    ]
                )
            )
        else:
            name = PEERS[job["method"]][0]
            scorers = of_vectors(name, embedding_of(estimator, X))
    outcome["ways"] = {
        way: {kind: complete(scorer, pairs) for kind, pairs in lists.items()}
        for way, scorer in scorers.items()
    }
    return outcome | {"peak_gb": peak_memory()}


def complete(scorer: Scorer, lists: list[Any]) -> dict[str, float]:
    """Medians over lists: AUROC, recall among the first, seconds."""
    results = []
    for shown, hidden in lists:
        start = time.perf_counter()
        scores = np.array(scorer(shown), dtype=float)
        seconds = time.perf_counter() - start
        true = np.zeros(len(scores), dtype=bool)
        true[hidden] = True
        open_ = np.ones(len(scores), dtype=bool)
        open_[shown] = False
        first = np.argsort(-scores[open_], kind="stable")[:FIRST]
        results.append(
            [
                roc_auc_score(true[open_], np.maximum(scores[open_], -1e300)),
                true[open_][first].sum() / len(hidden),
                seconds,
            ]
        )
    names = ["auroc", "recall", "seconds"]
    return dict(zip(names, np.median(results, axis=0).tolist(), strict=True))


def rows_of(records: Records) -> list[list[Any]]:
    """Make the table's rows, in the order of the methods."""
    rows = []
    for method in METHODS:
        record = records.best("lists", method=method)
        if record is None or "failed" in record:
            why = record["failed"] if record else "not run"
            rows.append([method, *[""] * 2 * len(KINDS), why, ""])
            continue
        for way, by_kind in record["ways"].items():
            scores = [by_kind[x][name] for x in KINDS for name in ("auroc", "recall")]
            seconds = float(np.mean([by_kind[x]["seconds"] for x in KINDS]))
            rows.append([way, *scores, record["fit_seconds"], seconds])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--lists", type=int, default=500, help="of each kind")
    parser.add_argument("--dim", type=int, default=100)
    parser.add_argument("--timeout", type=float, default=7200)
    parser.add_argument("--job", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.job:
        print(json.dumps(run_job(json.loads(args.job))))
        return
    records = Records("bench_lists")
    for method in installed(args.methods):
        job = {"method": method, "dim": args.dim, "lists": args.lists}
        records.run(__file__, job, args.timeout)
    scores = [f"{kind}, {name}" for kind in KINDS for name in ("AUROC", "recall@100")]
    header = ["method", *scores, "fit seconds", "seconds a list"]
    report("bench_lists", header, rows_of(records), records=records.records)


if __name__ == "__main__":
    main()
