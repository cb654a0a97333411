"""Complete gene lists that are not in the collection, next to other methods.

The lists come from two places:

- "left out": whole gene sets of 10 to 500 genes are left out of MSigDB v7.1: 500 of
  Reactome, 500 of C7 (expression signatures of immune cells), and 500 of GO, with all
  gene sets that share half of their union with one of these GO terms (Jaccard).
- "outside": Reactome and GO terms of 2022 whose names v7.1 lacks, with 10 to 500 genes
  in v7.1, none of whose gene sets shares half of the union with the term: 81 of
  Reactome and 123 of GO. The collection is the whole of v7.1.

Half of the genes of each list are shown, and every method ranks the others, among all
genes that are not shown: AUROC, and the share that is among the first hundred. All
methods see the same collections, lists and genes.

Each method is fitted once per collection, in a process of its own, and completes all
lists of that collection.

    python benchmarks/bench_lists.py --lists 50
    python benchmarks/bench_lists.py --methods membership --collections outside

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
from _common import MSIGDB, peak_memory, report, shared
from _peers import PEERS, Records, embedding_of, fit_timed, installed, make
from _releases import RELEASES, finder, load_msigdb, memberships
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import normalize

from sk_gene2vec import GmtVectorizer, read_gmt

# The lists of each collection: names of gene sets to leave out, or a later release.
KINDS: dict[str, dict[str, Any]] = {
    "left out": {
        "Reactome": re.compile("REACTOME_"),
        "C7": re.compile("GSE.*_(UP|DN)$"),
        "GO": re.compile("GO_"),
    },
    "outside": {"Reactome 2022": "re22", "GO 2022": "go22"},
}
COLUMNS = [
    f"{kind}, {name}"
    for kinds in KINDS.values()
    for kind in kinds
    for name in ("AUROC", "recall@100")
]
# Number of genes of a list, before it is cut in halves.
SMALLEST, LARGEST = 10, 500
# Gene sets that share this much of their union are near copies.
NEAR_COPY = 0.5
FIRST = 100
# Penalties of logistic regression.
CS = [0.1, 1, 10, 100]
METHODS = ["rows", "tfidf", "word2vec", "membership"]
# Places of the genes of each list, in two halves: those shown and those hidden.
Lists = list[Any]
# Scores of all genes, given the places of the genes of a list.
Scorer = Callable[[Any], Any]


def left_out(n_lists: int) -> tuple[Any, dict[str, Lists]]:
    """Leave gene sets out of MSigDB: memberships of the rest, and the lists."""
    gene_sets = read_gmt(shared(MSIGDB))
    whole = GmtVectorizer(gene_sets)
    X = sp.csc_array(whole.fit_transform(gene_sets.genes))
    names, sizes = whole.get_feature_names_out(), np.diff(X.indptr)
    rng = np.random.default_rng(0)
    chosen = {}
    for kind, pattern in KINDS["left out"].items():
        fit = np.array([bool(pattern.match(name)) for name in names])
        some = np.flatnonzero(fit & (sizes >= SMALLEST) & (sizes <= LARGEST))
        chosen[kind] = rng.choice(some, min(n_lists, len(some)), replace=False)
    copies = np.flatnonzero(near_copies(X[:, chosen["GO"]], X).any(axis=0))
    without = set(names[np.concatenate([copies, *chosen.values()])])
    rest = {name: genes for name, genes in gene_sets.items() if name not in without}
    vectorizer = GmtVectorizer(rest)
    left = vectorizer.fit_transform(sorted(set().union(*rest.values())))
    place = {gene: number for number, gene in enumerate(vectorizer.genes_)}
    lists: dict[str, Lists] = {}
    for kind, columns in chosen.items():
        members = (
            [place[x] for x in gene_sets[names[i]] if x in place] for i in columns
        )
        lists[kind] = [np.array_split(rng.permutation(x), 2) for x in members]
    return sp.csr_array(left), lists


def outside(n_lists: int) -> tuple[Any, dict[str, Lists]]:
    """Memberships of all of MSigDB, and lists from later releases."""
    X, genes, gene_sets = load_msigdb()
    X, find, known = sp.csr_array(X), finder(genes), set(gene_sets)
    rng = np.random.default_rng(0)
    lists: dict[str, Lists] = {}
    for kind, release in KINDS["outside"].items():
        load_release, _ = RELEASES[release]
        terms = sorted(load_release().items())
        members = [find(x) for name, x in terms if name not in known]
        members = [x for x in members if SMALLEST <= len(x) <= LARGEST]
        copied = near_copies(memberships(members, len(genes)), X).any(axis=1)
        fit = np.flatnonzero(~copied)
        spaced = np.linspace(0, len(fit) - 1, min(n_lists, len(fit)))
        chosen = fit[spaced.round().astype(int)]
        halves = (np.array_split(rng.permutation(members[i]), 2) for i in chosen)
        lists[kind] = list(halves)
    return X, lists


def near_copies(lists: Any, X: Any) -> Any:
    """Mark the lists (rows) and gene sets (columns) that share half of their union."""
    sizes, of_lists = X.sum(axis=0), lists.sum(axis=0)
    common = (sp.csc_array(lists, dtype=np.float32).T @ X).toarray()
    return common >= NEAR_COPY * (of_lists[:, np.newaxis] + sizes - common)


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


def of_ours(encoder: Any, X: Any) -> dict[str, Scorer]:
    """Methods on our vectors, and `suggest_genes`."""
    from sk_gene2vec.encoder._gene_lists import score_list

    def suggest(shown: Any) -> Any:
        listed = np.zeros(X.shape[0], dtype=bool)
        listed[shown] = True
        embedding = encoder._embed(X)
        return score_list(X, encoder.gene_set_weights_, embedding, listed)[0]

    vectors = of_vectors("ours", embedding_of(encoder, X))
    return vectors | {"ours: suggest_genes": suggest}


def run_job(job: dict[str, Any]) -> dict[str, Any]:
    """Fit one method and complete all lists; called in a process of its own."""
    X, lists = (left_out if job["collection"] == "left out" else outside)(job["lists"])
    # Some genes may be left only in sets of all genes.
    warnings.filterwarnings("ignore", message=".* in no gene set")
    outcome: dict[str, Any] = {"n_genes": X.shape[0], "n_gene_sets": X.shape[1]}
    outcome["n_lists"] = {kind: len(pairs) for kind, pairs in lists.items()}
    if job["method"] == "rows":
        scorers = of_rows(X)
        outcome["fit_seconds"] = 0.0
    else:
        estimator = make(job["method"], job["dim"], {})
        outcome["fit_seconds"] = fit_timed(estimator, X)
        if job["method"] == "membership":
            scorers = of_ours(estimator, X)
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
        found = [records.best("lists", method=method, collection=x) for x in KINDS]
        done = [x for x in found if x and "failed" not in x]
        if len(done) < len(KINDS):
            why = next((x["failed"] for x in found if x and "failed" in x), "not run")
            rows.append([method, *[""] * len(COLUMNS), why, ""])
            continue
        for way in done[0]["ways"]:
            of_way = [y for x in done for y in x["ways"][way].values()]
            scores = [x[name] for x in of_way for name in ("auroc", "recall")]
            seconds = float(np.mean([x["seconds"] for x in of_way]))
            rows.append([way, *scores, done[0]["fit_seconds"], seconds])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--collections", nargs="+", choices=KINDS, default=[*KINDS])
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
        for collection in args.collections:
            job = {"method": method, "dim": args.dim, "lists": args.lists}
            records.run(__file__, job | {"collection": collection}, args.timeout)
    header = ["method", *COLUMNS, "fit seconds", "seconds a list"]
    report("bench_lists", header, rows_of(records), records=records.records)


if __name__ == "__main__":
    main()
