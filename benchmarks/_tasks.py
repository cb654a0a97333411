"""Tasks for gene vectors: labels of genes, and where they may leak.

A task is a collection, to embed, and labels of its genes that are not in the
collection. Genes are split in two by a checksum of their symbol: settings are chosen on
one half, and the tables are made from the other.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import scipy.sparse as sp
from _common import MSIGDB, shared
from numpy.typing import NDArray

from sk_gene2vec import GeneSets, read_gmt
from sk_gene2vec.datasets import load_go_bp, load_go_mf_classes

Array = NDArray[Any]

HALVES = ("tuning", "final", "all")

# Sets that share this much (Jaccard index) with a set of the collection are not used as
# labels.
_COPY = 0.25
_N_LABELS = 100

COMPARTMENTS = [
    "ACTIN_CYTOSKELETON",
    "APICAL_PART_OF_CELL",
    "AXON",
    "BASOLATERAL_PLASMA_MEMBRANE",
    "BRUSH_BORDER",
    "CELL_CELL_JUNCTION",
    "CENTROSOME",
    "CHROMATIN",
    "CILIUM",
    "COLLAGEN_CONTAINING_EXTRACELLULAR_MATRIX",
    "DENDRITIC_TREE",
    "EARLY_ENDOSOME",
    "ENDOPLASMIC_RETICULUM_LUMEN",
    "GOLGI_MEMBRANE",
    "INTERMEDIATE_FILAMENT_CYTOSKELETON",
    "LATE_ENDOSOME",
    "LYSOSOMAL_LUMEN",
    "MICROTUBULE",
    "MITOCHONDRIAL_MATRIX",
    "NUCLEAR_ENVELOPE",
    "NUCLEAR_SPECK",
    "NUCLEOLUS",
    "RECYCLING_ENDOSOME",
    "RIBOSOME",
    "SECRETORY_GRANULE",
    "SPINDLE",
    "SPLICEOSOMAL_COMPLEX",
    "SYNAPTIC_MEMBRANE",
]

# Names that were given in the order of discovery, to genes of many families.
_NO_FAMILY = {"ANKRD", "CCDC", "FAM", "KIAA", "LINC", "LOC", "MIR", "TMEM", "LRRC"}


class Labels(NamedTuple):
    """Binary labels of genes.

    Attributes
    ----------
    genes : ndarray of shape (n_genes,)
        Numbers of the genes in the collection.
    values : ndarray of shape (n_genes, n_labels), bool
        Whether a gene has a label.
    counts : ndarray of shape (n_genes, n_labels), bool, or None
        Where the label of a gene counts. None is everywhere.
    """

    genes: Array
    values: Array
    counts: Array | None = None

    def of_half(self, genes: list[str], half: str) -> Labels:
        """Keep the genes of one half."""
        rows = in_half([genes[i] for i in self.genes], half)
        counts = None if self.counts is None else self.counts[rows]
        return Labels(self.genes[rows], self.values[rows], counts)


def in_half(genes: list[str], half: str) -> Array:
    """Tell which genes belong to a half; all belong to "all"."""
    odd = np.array([zlib.crc32(gene.encode()) % 2 == 1 for gene in genes], dtype=bool)
    return {"tuning": ~odd, "final": odd, "all": np.ones_like(odd)}[half]


@cache
def msigdb() -> GeneSets:
    return read_gmt(shared(MSIGDB))


def _numbers(genes: list[str]) -> dict[str, int]:
    return {gene: i for i, gene in enumerate(genes)}


def classes(genes: list[str]) -> Labels:
    """Twelve molecular functions, one per gene."""
    data, target = load_go_mf_classes(return_X_y=True)
    number = _numbers(genes)
    rows = np.array([number[gene] for gene in data])
    return Labels(rows, np.unique(target)[np.newaxis] == target[:, np.newaxis])


def families(genes: list[str]) -> Labels:
    """Letters that a symbol begins with, shared by 25 genes or more."""
    stems = [re.match(r"[A-Z]{3,}(?=\d)", gene) for gene in genes]
    names = np.array([stem[0] if stem else "" for stem in stems])
    sizes = Counter(names.tolist())
    large = sorted({x for x, n in sizes.items() if x and n >= 25} - _NO_FAMILY)
    rows = np.flatnonzero(np.isin(names, large))
    return Labels(rows, names[rows, np.newaxis] == np.array(large))


def _matrix(gene_sets: dict[str, Any], genes: list[str]) -> sp.csr_array:
    """Memberships of genes, those in no set included."""
    number = _numbers(genes)
    members = [[number[x] for x in y if x in number] for y in gene_sets.values()]
    columns = np.repeat(np.arange(len(members)), [len(x) for x in members])
    rows = np.concatenate(members).astype(int)
    shape = len(genes), len(members)
    return sp.csr_array((np.ones(len(rows), np.float32), (rows, columns)), shape)


def _annotated(source: dict[str, Any], genes: list[str]) -> Array:
    """Find the genes in the source of the labels: others are not negatives."""
    return np.flatnonzero(_matrix(source, genes).sum(axis=1))


def _of_sets(chosen: list[str], source: dict[str, Any], genes: list[str]) -> Labels:
    rows = _annotated(source, genes)
    matrix = _matrix({x: source[x] for x in chosen}, genes)
    return Labels(rows, matrix[rows].toarray() > 0)


def _drawn(found: Array) -> Array:
    rng = np.random.default_rng(0)
    return np.sort(rng.choice(found, min(_N_LABELS, len(found)), replace=False))


def _without_copies(
    source: dict[str, Any], genes: list[str], X: Any, sizes: tuple[int, int]
) -> Labels:
    """Draw sets of moderate size that are not near copies of a set in X."""
    names = [*source]
    labels = _matrix(source, genes)
    n_genes = labels.sum(axis=0)
    overlap = (labels.T @ X).tocoo()
    of_columns = np.asarray(X.sum(axis=0)).ravel()
    union = n_genes[overlap.row] + of_columns[overlap.col] - overlap.data
    fits = (n_genes >= sizes[0]) & (n_genes <= sizes[1])
    fits[np.unique(overlap.row[overlap.data >= _COPY * union])] = False
    drawn = _drawn(np.flatnonzero(fits))
    return _of_sets([names[i] for i in drawn], source, genes)


def compartments(genes: list[str]) -> Labels:
    """28 cellular components of C5, not exclusive."""
    return _of_sets([f"GO_{x}" for x in COMPARTMENTS], _starting("GO_"), genes)


def _starting(prefix: str) -> dict[str, Any]:
    return {x: y for x, y in msigdb().items() if x.startswith(prefix)}


def go_terms(genes: list[str], X: Any) -> Labels:
    """100 terms of C5 of 60 to 500 genes."""
    return _without_copies(_starting("GO_"), genes, X, (60, 500))


def reactome(genes: list[str], X: Any) -> Labels:
    """100 Reactome pathways of 40 to 300 genes."""
    return _without_copies(_starting("REACTOME_"), genes, X, (40, 300))


def signatures(genes: list[str], X: Any) -> Labels:
    """100 expression signatures of immune cells (C7)."""
    return _without_copies(_starting("GSE"), genes, X, (100, 300))


def new_annotations(genes: list[str], X: Any) -> Labels:
    """Annotations of GO 2022 that v7.1 does not have, of terms with 40 or more.

    Genes that v7.1 has in the term do not count.
    """
    today = load_go_bp()
    before = _starting("GO_")
    known = sorted(set(genes) & set(today.genes))
    number = _numbers(genes)
    terms = [x for x in before if f"GOBP_{x[3:]}" in today]
    old = _matrix({x: before[x] for x in terms}, known).toarray() > 0
    new = _matrix({x: today[f"GOBP_{x[3:]}"] for x in terms}, known).toarray() > 0
    new &= ~old
    drawn = _drawn(np.flatnonzero(new.sum(axis=0) >= 40))
    rows = np.array([number[gene] for gene in known])
    return Labels(rows, new[:, drawn], ~old[:, drawn])


class Pairs(NamedTuple):
    """Gene pairs, functionally associated or not, by numbers of the genes."""

    a: Array
    b: Array
    labels: Array


@cache
def _pair_tables() -> dict[str, pd.DataFrame]:
    return {
        split: pd.read_csv(
            shared(f"gene2vec_pairs.{split}.tsv.gz"),
            sep="\t",
            # A gene may be called NAN.
            keep_default_na=False,
        )
        for split in ("train", "valid", "test")
    }


def load_pairs(genes: list[str], half: str) -> tuple[dict[str, Pairs], float]:
    """Pairs of each split with both genes in a half, and the share that is known."""
    number = pd.Series(range(len(genes)), index=genes)
    kept = number[in_half(genes, half)]
    splits, n_known, n_all = {}, 0, 0
    for split, table in _pair_tables().items():
        known = table["gene_a"].isin(number.index) & table["gene_b"].isin(number.index)
        here = table[
            table["gene_a"].isin(kept.index) & table["gene_b"].isin(kept.index)
        ]
        splits[split] = Pairs(
            kept[here["gene_a"]].to_numpy(),
            kept[here["gene_b"]].to_numpy(),
            here["label"].to_numpy(),
        )
        n_known, n_all = n_known + int(known.sum()), n_all + len(table)
    return splits, n_known / n_all


class Task(NamedTuple):
    """A task: the collection to embed, how it is scored, and what may leak.

    `score` is a name of SCORERS in _scoring.py. `labels` takes the genes of the
    collection, and their memberships where it has a second argument.
    """

    collection: str
    score: str
    title: str
    leakage: str
    labels: Callable[..., Labels] | None = None


_CURATORS = "Function and process are annotated by the same people from the same papers"
TASKS: dict[str, Task] = {
    "classes": Task("go_bp", "linear", "classes", _CURATORS, classes),
    **{
        f"few_{n}": Task("go_bp", f"few_{n}", f"{n} labels a class", _CURATORS, classes)
        for n in (5, 10, 20, 50)
    },
    "knn": Task("go_bp", "knn", "classes, k-NN", _CURATORS, classes),
    "svc": Task("go_bp", "svc", "classes, RBF SVC", _CURATORS, classes),
    "mlp": Task("go_bp", "mlp", "classes, MLP", _CURATORS, classes),
    "clusters": Task("go_bp", "clusters", "classes, k-means", _CURATORS, classes),
    "families": Task(
        "go_bp",
        "labels",
        "families",
        "Curators copy annotations between the genes of a family",
        families,
    ),
    "compartments": Task(
        "go_bp",
        "labels",
        "localisation",
        "Component and process are annotated by the same people",
        compartments,
    ),
    "reactome_go": Task(
        "go_bp",
        "labels",
        "Reactome from GO",
        "GO takes annotations from Reactome; near copies of a GO term are no labels",
        reactome,
    ),
    "signatures": Task(
        "go_bp",
        "labels",
        "C7 from GO",
        "Next to none: C7 is measured expression",
        signatures,
    ),
    "pairs": Task(
        "msigdb",
        "pairs",
        "pairs",
        "The labels may have been derived from GO, which is C5",
    ),
    "new_annotations": Task(
        "msigdb",
        "labels",
        "GO of 2022",
        "Terms nest: a new annotation may be of a parent whose child is known",
        new_annotations,
    ),
    "pairs_no_c5": Task(
        "msigdb_no_c5",
        "pairs",
        "pairs without C5",
        "C2 has pathways that GO curators read",
    ),
    "go_terms": Task(
        "msigdb_no_c5",
        "labels",
        "GO from the rest",
        "C2 has pathways that GO curators read; near copies are no labels",
        go_terms,
    ),
    "reactome": Task(
        "msigdb_no_reactome",
        "labels",
        "Reactome from the rest",
        "KEGG, BioCarta, PID and GO describe the same pathways; near copies are no "
        "labels",
        reactome,
    ),
    "pairs_hallmark": Task(
        "hallmark",
        "pairs",
        "pairs from Hallmark",
        "None known",
    ),
}
