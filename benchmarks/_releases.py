"""Memberships that GO and Reactome of 2022 added to MSigDB v7.1, and their scores.

Gene sets are matched by name, after upper case and with anything but letters and digits
as an underscore; new symbols are matched through the bundled aliases.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from _common import MSIGDB, shared
from numpy.typing import NDArray

from sk_gene2vec import GmtVectorizer, read_gmt
from sk_gene2vec.datasets import load_go_bp, load_human_gene_aliases

REACTOME_2022 = "reactome_2022.gmt.gz"
# A GO term that kept a smaller share of its members has another meaning now.
_KEPT = 0.8

FIRST = [1000, 3000, 10000]
N_TERMS, N_GENES = 20, 1500
FIGURES = [*(f"precision@{n}" for n in FIRST), f"recall@{N_TERMS}"]
# Limits of the classes of the reliability tables.
PROBABILITIES = [0, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1]
SIZES = [0, 1, 2, 5, 10, 20, 50, 100, np.inf]

Array = NDArray[Any]
# Members of each gene set, under the names that MSigDB v7.1 would give them.
Release = Mapping[str, Iterable[str]]


def name_as_in_msigdb(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", name.upper())


def go_2022() -> Release:
    """Biological processes of 2022, which the package bundles."""
    return {
        re.sub("^GOBP_", "GO_", name_as_in_msigdb(name)): members
        for name, members in load_go_bp().items()
    }


def reactome_2022() -> Release:
    """Pathways of 2022, without the ids that end their names."""
    return {
        "REACTOME_" + name_as_in_msigdb(re.sub(r" R-HSA-\d+$", "", name)): members
        for name, members in read_gmt(shared(REACTOME_2022)).items()
    }


# Each release with the share of a gene set's old members that must still be in it.
RELEASES: dict[str, tuple[Callable[[], Release], float]] = {
    "go22": (go_2022, _KEPT),
    "re22": (reactome_2022, 0.0),
}


def finder(genes: Sequence[str]) -> Callable[[Iterable[str]], Array]:
    """Make a function that finds symbols, or aliases of one gene, among genes.

    It returns the places of the genes that it finds, each once and in order.
    """
    place = {gene: number for number, gene in enumerate(genes)}
    for alias, gene in load_human_gene_aliases(genes).items():
        symbols = (gene,) if isinstance(gene, str) else gene
        if len(symbols) == 1 and symbols[0] in place:
            place.setdefault(alias, place[symbols[0]])

    def find(members: Iterable[str]) -> Array:
        found = {place[gene] for gene in members if gene in place}
        return np.array(sorted(found), dtype=np.intp)

    return find


class Task(NamedTuple):
    """Terms of MSigDB v7.1 that a later release has too.

    Attributes
    ----------
    at : slice
        Places of the terms among the columns of all tasks.
    listed, new : csr_array of bool of shape (n_genes, n_terms)
        Memberships in v7.1, and those that the release added.
    """

    at: slice
    listed: sp.csr_array
    new: sp.csr_array


def load_msigdb() -> tuple[Any, list[str], list[str]]:
    """Memberships of MSigDB v7.1 as float32 CSR, its genes and its gene sets."""
    gene_sets = read_gmt(shared(MSIGDB))
    genes, vectorizer = gene_sets.genes, GmtVectorizer(gene_sets)
    X = vectorizer.fit_transform(genes).astype(np.float32)
    return X, genes, vectorizer.get_feature_names_out().tolist()


def load_tasks() -> tuple[Any, Array, dict[str, Task]]:
    """Memberships of MSigDB v7.1, the columns of all tasks' terms, and the tasks."""
    X, genes, gene_sets = load_msigdb()
    find, by_set = finder(genes), sp.csc_array(X)
    column = {name: number for number, name in enumerate(gene_sets)}
    columns: list[int] = []
    tasks = {}
    for kind, (load_release, share_kept) in RELEASES.items():
        start, added = len(columns), []
        for name, members in load_release().items():
            if name not in column:
                continue
            old = by_set.indices[slice(*by_set.indptr[column[name] :][:2])]
            now = find(members)
            if np.isin(old, now).sum() >= share_kept * len(old):
                columns.append(column[name])
                added.append(np.setdiff1d(now, old))
        listed = sp.csr_array(by_set[:, columns[start:]], dtype=bool)
        at = slice(start, len(columns))
        tasks[kind] = Task(at, listed, memberships(added, len(genes)))
    return X, np.array(columns), tasks


def memberships(lists: Sequence[Array], n_genes: int) -> sp.csr_array:
    """Matrix of lists of genes, a column per list."""
    ends = np.cumsum([0, *map(len, lists)])
    indices = np.concatenate([*lists, np.empty(0, dtype=np.intp)])
    ones = np.ones(len(indices), dtype=bool)
    by_list = sp.csc_array((ones, indices, ends), shape=(n_genes, len(lists)))
    return sp.csr_array(by_list)


def judge(scores: Array, task: Task) -> dict[str, float]:
    """Precision among the first pairs of all, and recall of a gene's new terms.

    Pairs of equal score are in the order of genes and terms.
    """
    scores = scores.astype(np.float32)
    scores[task.listed.nonzero()] = -np.inf
    pairs, most = scores.ravel(), max(FIRST)
    last = np.partition(pairs, -most)[-most]
    above = np.flatnonzero(pairs > last)
    above = above[np.argsort(-pairs[above], kind="stable")]
    first = np.concatenate([above, np.flatnonzero(pairs == last)])[:most]
    true = np.asarray(task.new[np.unravel_index(first, scores.shape)]).ravel()
    precision = [float(true[:n].mean()) for n in FIRST]
    have_new = np.flatnonzero(np.diff(task.new.indptr))
    spaced = np.linspace(0, len(have_new) - 1, min(N_GENES, len(have_new)))
    recall = []
    for gene in have_new[spaced.round().astype(int)]:
        new = task.new.indices[slice(*task.new.indptr[gene : gene + 2])]
        found = np.argsort(-scores[gene], kind="stable")[:N_TERMS]
        recall.append(np.isin(new, found).sum() / min(N_TERMS, len(new)))
    return dict(zip(FIGURES, [*precision, float(np.mean(recall))], strict=True))


def reliability(p: Array, task: Task) -> dict[str, list[list[Any]]]:
    """Compare probabilities with what came true, by probability and by memberships.

    A row has the name of a class, its number of pairs, the number of those that came
    true, and their mean probability.
    """
    new, unlisted = task.new.toarray(), ~task.listed.toarray()

    def row(name: str, chosen: Array) -> list[Any]:
        chosen = chosen & unlisted
        n_pairs, n_true = int(chosen.sum()), int((chosen & new).sum())
        total = p.sum(dtype=float, where=chosen)
        return [name, n_pairs, n_true, float(total) / max(n_pairs, 1)]

    by_size = []
    n_listed = np.diff(task.listed.indptr)[:, np.newaxis]
    for low, high in pairwise(SIZES):
        name = f"{low}" if high == low + 1 else f"{low} to {high - 1}"
        name = f"{low} or more" if high == np.inf else name
        by_size.append(row(name, (n_listed >= low) & (n_listed < high)))
    return {
        "by probability": [
            row(f"{low:g} to {high:g}", (p > low) & (p <= high))
            for low, high in pairwise(PROBABILITIES)
        ],
        "by memberships": by_size,
    }
