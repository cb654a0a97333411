"""Write the tables of the documentation from the results in results/*.json.

A page marks the place of a table with its name:

    <!-- table: training -->
    ...
    <!-- end of table -->

The text between the two lines is replaced by the table, and by a line with the script
that measured it, the machine and the date. Run this after a benchmark, for all tables
or for some:

    python benchmarks/make_tables.py
    python benchmarks/make_tables.py time time-reliability
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Container, Iterable
from functools import partial
from math import floor, log10
from pathlib import Path
from statistics import mean
from typing import Any

from scipy.stats import wilcoxon

HERE = Path(__file__).parent
PAGES = sorted((HERE.parent / "docs").glob("*.md"))
MARKED = re.compile(r"(<!-- table: (\S+) -->\n).*?(<!-- end of table -->\n)", re.DOTALL)

Row = dict[str, Any]
# How a row gives a cell.
Cell = Callable[[Row], str]
# The results that a table is made from, and how their rows make it.
TABLES: dict[str, tuple[tuple[str, ...], Callable[..., str]]] = {}


def table(name: str, *stems: str) -> Callable[[Callable[..., str]], Callable[..., str]]:
    """Enter a function in TABLES; it takes the rows of each of the results."""

    def enter(make: Callable[..., str]) -> Callable[..., str]:
        TABLES[name] = stems, make
        return make

    return enter


def read(stem: str) -> dict[str, Any]:
    return json.loads((HERE / "results" / f"{stem}.json").read_text(encoding="utf-8"))


def rows_of(stem: str) -> list[Row]:
    """Rows of a result by the names of its columns, each with the other entries."""
    result = read(stem)
    if "rows" not in result:
        return result["records"]
    other = {name: value for name, value in result.items() if name != "rows"}
    return [
        other | dict(zip(result["header"], row, strict=True)) for row in result["rows"]
    ]


def show(value: Any, spec: str = "") -> str:
    """Format a number, to three significant digits unless told otherwise."""
    if value is None or isinstance(value, str):
        return value or ""
    if spec:
        return format(value, spec)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.{max(0, 2 - floor(log10(abs(value))))}f}" if value else "0"


def column(name: str, spec: str = "") -> Cell:
    return lambda row: show(row[name], spec)


def code(name: str) -> Cell:
    return lambda row: f"`{row[name]}`" if row[name] else ""


score, seconds = partial(column, spec=".3f"), partial(column, spec=",.1f")


def markdown(rows: Iterable[Row], columns: dict[str, Cell]) -> str:
    lines = [[*columns], ["---"] * len(columns)]
    lines += [[cell(row) for cell in columns.values()] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def sources(stems: Iterable[str]) -> str:
    """Name the scripts, machines and dates of the results."""
    found = []
    for stem in stems:
        result = read(stem)
        machine = result["machine"]
        # A run replaces some records of a file, and the others keep their dates.
        records = [
            x for x in result.get("records", []) if x.get("method") != "reliability"
        ]
        dates = {x["date"] for x in records} or {machine["date"]}
        n_threads = machine["threads"]
        parts = [
            f"`{re.match('bench_[a-z]+', stem)[0]}.py`",
            machine["processor"].replace("(R)", ""),
            *filter(None, [machine["gpu"]]),
            f"{n_threads} thread{'s' if n_threads > 1 else ''}",
            *([] if machine.get("load") is None else [f"load {machine['load']:.2f}"]),
            f"torch {machine['torch'].partition('+')[0]}",
            " and ".join(sorted(dates)),
        ]
        found.append(", ".join(parts))
    return "\n".join(f"Measured by {x}." for x in dict.fromkeys(found))


def as_measured(rows: list[Row]) -> str:
    """All columns, under the names that they have in the result."""
    return markdown(rows, {name: column(name) for name in rows[0]["header"]})


for name in ("cells", "embedding", "map", "parallel", "scaling", "training"):
    table(name, f"bench_{name}")(as_measured)


@table("cell-types", "bench_cells_types")
def cell_types(rows: list[Row]) -> str:
    return markdown(
        rows,
        {
            "vectors": column("vectors"),
            "weights": column("weights"),
            "share of expression": column("share of expression", ".1%"),
            "5-NN": score("5-NN"),
            "15-NN": score("15-NN"),
        },
    )


@table("path", "bench_path")
def path(rows: list[Row]) -> str:
    step, *_ = rows[0]["header"]
    return markdown(
        rows,
        {
            step: column(step),
            "seconds": column("seconds"),
            "share of a fit": column("share of a fit", ".2%"),
        },
    )


@table("dask", "bench_dask")
def dask(rows: list[Row]) -> str:
    how = "how the workers get the collection"
    return markdown(
        sorted(rows, key=lambda row: row["MB sent"]),
        {
            how: column(how),
            "times pickled": column("pickles"),
            "MB sent": seconds("MB sent"),
        },
    )


RELEASES = {"go22": "GO of 2022", "re22": "Reactome of 2022"}


def precisions(task: str) -> Cell:
    """Show the precision among the first pairs of all, for each number of pairs."""
    names = [f"{task} precision@{n}" for n in (1000, 3000, 10000)]
    return lambda row: " / ".join(show(row[x], ".3f") for x in names if row[x] != "")


@table("time", "bench_time")
def time(rows: list[Row]) -> str:
    columns = {"method": column("method"), "dimension": column("dimension")}
    for task, title in RELEASES.items():
        columns[f"{title}, precision@1,000 / 3,000 / 10,000"] = precisions(task)
        columns[f"{title}, recall@20"] = score(f"{task} recall@20")
    return markdown(rows, columns | {"settings": code("settings")})


def time_reliability(rows: list[Row]) -> str:
    _, classes, *_ = rows[0]["header"]
    return markdown(
        rows,
        {
            "release": lambda row: RELEASES[row["task"]],
            classes: column(classes),
            "pairs": column("pairs"),
            "came true": column("came true"),
            "mean predicted": column("mean predicted", ".2g"),
            "share that came true": column("share true", ".2g"),
            "predicted / came true": column("predicted / came true", ".2f"),
        },
    )


for name in ("reliability", "sizes"):
    table(f"time-{name}", f"bench_time_{name}")(time_reliability)


@table("time-study", "bench_time_study")
def time_study(rows: list[Row]) -> str:
    _, *names = rows[0]["header"]
    return markdown(
        rows, {"variant": column("variant")} | {name: score(name) for name in names}
    )


def quality(rows: list[Row]) -> str:
    return markdown(
        rows,
        {
            "method": column("method"),
            "dimension": column("dimension"),
            "NDCG@100": score("ndcg@100"),
            "recall@20": score("recall@20"),
            "AUROC": score("auroc"),
            "settings": code("settings"),
        },
    )


COLLECTIONS = {
    "msigdb": "MSigDB",
    "go_bp": "GO biological process",
    "hallmark": "Hallmark",
}
for collection in COLLECTIONS:
    table(f"quality-{collection}", f"bench_quality_{collection}")(quality)


def downstream_records(
    results: Iterable[list[Row]], half: str = "final", dim: int | None = 100
) -> list[Row]:
    """Best record of each method in each task, at one dimension, and of the rows."""
    best: dict[tuple[str, str, int | None], Row] = {}
    for row in (row for rows in results for row in rows):
        key = row["task"], row["method"], row["dim"]
        if row["half"] != half or (dim is not None and row["dim"] not in (dim, None)):
            continue
        # A file keeps the records of methods that were removed.
        if row["method"] not in FEATURES:
            continue
        if key not in best or best[key]["score"] < row["score"]:
            best[key] = row
    return [*best.values()]


# Short names of the features, in the order of the tables.
FEATURES = {
    "rows": "memberships",
    "tfidf_rows": "TF-IDF rows",
    "svd": "SVD",
    "tfidf": "TF-IDF SVD",
    "nmf": "NMF",
    "als": "ALS",
    "word2vec": "Word2Vec",
    "membership": "ours",
}
OURS = "membership"
TITLES = {
    "classes": "classes, all labels",
    "few_5": "classes, 5 labels each",
    "few_10": "classes, 10 labels each",
    "few_20": "classes, 20 labels each",
    "few_50": "classes, 50 labels each",
    "knn": "classes, k-NN",
    "svc": "classes, RBF SVC",
    "mlp": "classes, MLP",
    "clusters": "classes, k-means",
    "families": "families",
    "compartments": "localisation",
    "reactome_go": "Reactome from GO",
    "signatures": "C7 from GO",
    "pairs": "pairs",
    "new_annotations": "GO of 2022 from v7.1",
    "pairs_no_c5": "pairs without C5",
    "go_terms": "GO from the rest",
    "reactome": "Reactome from the rest",
}
SUITE = [
    f"bench_downstream_{name}"
    for name in ("go_bp", "msigdb", "msigdb_no_c5", "msigdb_no_reactome")
]


def by_task(records: Iterable[Row], key: str) -> dict[str, Row]:
    """Scores of each task, by method."""
    tasks: dict[str, Row] = {}
    for record in records:
        tasks.setdefault(record["task"], {})[record["method"]] = record.get(key)
    return {task: tasks[task] for task in TITLES if task in tasks}


@table("downstream", *SUITE)
def downstream(*results: list[Row]) -> str:
    rows = [
        {"task": TITLES[task], **scores}
        for task, scores in by_task(downstream_records(results), "score").items()
    ]
    columns = {"task": column("task")}
    columns |= {
        title: lambda row, name=name: show(row.get(name), ".3f")
        for name, title in FEATURES.items()
        if any(name in row for row in rows)
    }
    return markdown(rows, columns)


def ranks(scores: Row, methods: Iterable[str]) -> Row:
    """Rank of each method in a task, from 1; those with one score share a rank."""
    values = [scores[x] for x in methods]
    return {
        x: 1 + sum(y > scores[x] for y in values) + (values.count(scores[x]) - 1) / 2
        for x in methods
    }


@table("downstream-ranks", *SUITE)
def downstream_ranks(*results: list[Row]) -> str:
    tasks = by_task(downstream_records(results), "score")
    methods = [x for x in FEATURES if any(x in scores for scores in tasks.values())]
    # Slow methods were not run on all collections.
    tasks = {x: y for x, y in tasks.items() if len(y) == len(methods)}
    of_tasks = [ranks(scores, methods) for scores in tasks.values()]
    vectors = [x for x in methods if not x.endswith("rows")]
    among = [ranks(scores, vectors) for scores in tasks.values()]
    rows = [
        {
            "features": FEATURES[x],
            "mean score": mean(scores[x] for scores in tasks.values()),
            "mean rank": mean(rank[x] for rank in of_tasks),
            "among vectors": mean(r[x] for r in among) if x in vectors else None,
        }
        | against(tasks.values(), x)
        for x in methods
    ]
    return markdown(
        sorted(rows, key=lambda row: row["mean rank"]),
        {
            "features": column("features"),
            "mean score": score("mean score"),
            "mean rank": column("mean rank", ".2f"),
            "mean rank among vectors": column("among vectors", ".2f"),
            f"behind ours, of {len(tasks)} tasks": column("behind"),
            "p against ours": column("p", ".2g"),
        },
    )


def against(tasks: Iterable[Row], method: str) -> Row:
    """In how many tasks a method is behind ours, and Wilcoxon's p of the difference."""
    if method == OURS:
        return {"behind": None, "p": None}
    gaps = [scores[OURS] - scores[method] for scores in tasks]
    return {"behind": sum(gap > 0 for gap in gaps), "p": wilcoxon(gaps).pvalue}


SIZE_GROUPS = ("1 to 4", "5 to 19", "20 and more")


@table("downstream-sizes", *SUITE)
def downstream_sizes(*results: list[Row]) -> str:
    records = downstream_records(results)
    rows = []
    for task in by_task(records, "score"):
        for group in SIZE_GROUPS:
            key = f"auroc, {group}"
            found = by_task(records, key).get(task, {})
            if any(x == x for x in found.values() if x is not None):
                rows.append({"task": TITLES[task], "gene sets": group, **found})
    columns = {"task": column("task"), "gene sets of a gene": column("gene sets")}
    columns |= {
        FEATURES[name]: lambda row, name=name: (
            ""
            if row.get(name) is None or row[name] != row[name]
            else f"{row[name]:.3f}"
        )
        for name in FEATURES
        if any(name in row for row in rows)
    }
    return markdown(rows, columns)


@table("downstream-hallmark", "bench_downstream_hallmark")
def downstream_hallmark(rows: list[Row]) -> str:
    found = {row["method"]: row for row in downstream_records([rows], "all", dim=20)}
    return markdown(
        [found[name] | {"features": FEATURES[name]} for name in FEATURES],
        {"features": column("features"), "pairs": score("score")},
    )


@table("lists", "bench_lists")
def lists(rows: list[Row]) -> str:
    scores = [name for name in rows[0]["header"] if name.endswith(("AUROC", "@100"))]
    best: dict[str, Row] = {}
    for row in rows:
        if row[scores[0]] == "":
            continue  # not run, or failed
        # Each column shows a method with the penalty that is best on its lists.
        method = row["method"].partition(", C=")[0]
        kept = best.setdefault(method, {"method": method} | dict.fromkeys(scores, 0.0))
        kept |= {name: max(kept[name], row[name]) for name in scores}
    return markdown(
        best.values(),
        {"method": column("method")} | {name: score(name) for name in scores},
    )


for name in ("copies", "copies_groups"):
    table(name, f"bench_{name}")(as_measured)


def by_dimension(
    results: Iterable[list[Row]],
) -> dict[str, dict[str, dict[Any, float]]]:
    """Scores of the tasks that were run on several dimensions: task, method, dim."""
    found: dict[str, dict[str, dict[Any, float]]] = {}
    for record in downstream_records(results, dim=None):
        methods = found.setdefault(record["task"], {})
        methods.setdefault(record["method"], {})[record["dim"]] = record["score"]
    several = {task for task, methods in found.items() if len(methods[OURS]) > 1}
    return {task: found[task] for task in TITLES if task in several}


@table("dimensions", *SUITE)
def dimensions(*results: list[Row]) -> str:
    tasks = by_dimension(results)
    rows = [
        {"features": FEATURES[method], "dimension": dim}
        | {TITLES[task]: tasks[task][method].get(dim) for task in tasks}
        for method in (OURS, "tfidf", "als", "tfidf_rows")
        for dim in sorted(
            {x for y in tasks.values() for x in y[method]}, key=lambda x: x or 0
        )
    ]
    columns = {"features": column("features"), "dimension": column("dimension")}
    return markdown(
        rows, columns | {TITLES[task]: score(TITLES[task]) for task in tasks}
    )


def draw_dimensions(path: Path) -> None:
    """Draw the scores of the tasks by the length of the vectors."""
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "sk-gene2vec"  # the same file from the same numbers
    tasks = by_dimension(map(rows_of, SUITE))
    figure, panels = plt.subplots(3, 3, figsize=(9, 7.5), layout="constrained")
    for axes, (task, methods) in zip(panels.flat, tasks.items(), strict=True):
        for method in (OURS, "tfidf", "als"):
            dims = sorted(methods[method])
            scores = [methods[method][dim] for dim in dims]
            axes.plot(dims, scores, "o-", markersize=4, label=FEATURES[method])
        rows = methods["tfidf_rows"][None]
        axes.axhline(rows, color="0.4", linestyle="--", label=FEATURES["tfidf_rows"])
        axes.set(xscale="log", title=TITLES[task])
        axes.set_xticks([25, 50, 100, 200, 400, 1000], [25, 50, 100, 200, 400, 1000])
        axes.minorticks_off()
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(
        *panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4
    )
    figure.supxlabel("numbers of a vector")
    figure.savefig(path, metadata={"Date": None})


@table("seeds", "bench_stability")
def seeds(rows: list[Row]) -> str:
    names = rows[0]["header"]
    return markdown(
        rows, {name: score(name) for name in names} | {names[0]: column(names[0])}
    )


@table("threads", "bench_stability_threads", "bench_stability_threads_cbwr")
def threads(*results: list[Row]) -> str:
    def environment(row: Row) -> str:
        return ", ".join(f"`{k}={v}`" for k, v in row["environment"].items() if v)

    return markdown(
        [row for rows in results for row in rows],
        {
            "precision": column("precision"),
            "environment": environment,
            "largest gap": column("largest gap", ".1e"),
            "0.999 quantile": column("0.999 quantile", ".1e"),
            "neighbours in both": score("neighbours in both"),
        },
    )


def with_tables(page: str, names: Container[str] = TABLES) -> str:
    """Return the text of a page with some of its tables made again."""

    def fill(marked: re.Match[str]) -> str:
        if marked[2] not in names:
            return marked[0]
        stems, make = TABLES[marked[2]]
        rows = make(*map(rows_of, stems))
        return f"{marked[1]}{rows}\n{sources(stems)}\n{marked[3]}"

    return MARKED.sub(fill, page)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", choices=[*TABLES, []], metavar="table")
    names = parser.parse_args().names or [*TABLES]
    for page in PAGES:
        text = with_tables(page.read_text(encoding="utf-8"), names)
        page.write_text(text, encoding="utf-8")
    if "dimensions" in names:
        draw_dimensions(HERE.parent / "docs" / "_static" / "dimensions.svg")


if __name__ == "__main__":
    main()
