"""Stability of the embedding: across seeds, and from one thread to two.

GO biological process, default parameters. `seeds` compares the ten nearest neighbours
of 2,000 genes between encoders that differ only in `random_state`, and between averages
over several of them: the mean of the cosine similarities, which is the similarity of
the concatenated unit vectors. `threads` compares fits with one thread and with two.

    python benchmarks/bench_stability.py {seeds,threads} [--n-seeds 10]
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import torch
from _common import report
from numpy.typing import NDArray
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

from sk_gene2vec import GeneSetEncoder, GmtVectorizer
from sk_gene2vec.datasets import load_go_bp

N_GENES = 2000
N_NEIGHBOURS = 10
# More than a few pairs of groups share most of their seeds with others.
MAX_PAIRS = 5
FEW, MANY = 5, 20


def neighbours(vectors: Sequence[NDArray], genes: NDArray) -> NDArray:
    """Ten nearest neighbours of some genes by the mean cosine similarity."""
    similarity = np.zeros((len(genes), len(vectors[0])), dtype=np.float32)
    for one in vectors:
        unit = one / np.linalg.norm(one, axis=1, keepdims=True)
        similarity += unit[genes] @ unit.T
    similarity[np.arange(len(genes)), genes] = -np.inf
    return np.argpartition(-similarity, N_NEIGHBOURS, axis=1)[:, :N_NEIGHBOURS]


def overlap(a: NDArray, b: NDArray) -> NDArray:
    """Share of a gene's neighbours that are in both lists."""
    return (a[:, :, None] == b[:, None, :]).any(axis=2).mean(axis=1)


def seeds(X: csr_array, genes: NDArray, n_seeds: int) -> None:
    sizes = np.diff(X.indptr)[genes]
    groups = {
        "all genes": sizes > 0,
        f"fewer than {FEW} memberships": sizes < FEW,
        f"{MANY} and more": sizes >= MANY,
    }
    vectors = []
    for seed in range(n_seeds):
        encoder = GeneSetEncoder(random_state=seed).fit(X)
        vectors.append(encoder.embedding_)
        print(f"seed {seed}: loss {encoder.loss_curve_[-1]:.6f}", flush=True)
    rows = []
    for k in (1, 2, 3, 5):
        found = [
            neighbours(vectors[start : start + k], genes)
            for start in range(0, n_seeds - k + 1, k)
        ]
        pairs = list(combinations(found, 2))[:MAX_PAIRS]
        if pairs:
            shares = np.mean([overlap(a, b) for a, b in pairs], axis=0)
            rows.append(
                [k, *(float(shares[group].mean()) for group in groups.values())]
            )
    report(__file__, ["seeds averaged", *groups], rows, n_seeds=n_seeds)


def threads(X: csr_array, genes: NDArray) -> None:
    rows = []
    for precision in ("float32", "bfloat16"):
        found = []
        for n in (1, 2):
            torch.set_num_threads(n)
            with threadpool_limits(n, user_api="blas"):
                encoder = GeneSetEncoder(precision=precision, random_state=0)
                encoder.fit(X)
                near = neighbours([encoder.embedding_], genes)
                found.append((encoder.predict_proba(X[genes]), near))
        (p, near), (other, other_near) = found
        gap = np.abs(p - other)
        quantile = float(np.quantile(gap, 0.999))
        same = float(overlap(near, other_near).mean())
        rows.append([precision, float(gap.max()), quantile, same])
        print(rows[-1], flush=True)
    mkl = os.environ.get("MKL_CBWR")
    report(
        "bench_stability_threads_cbwr.py" if mkl else "bench_stability_threads.py",
        ["precision", "largest gap", "0.999 quantile", "neighbours in both"],
        rows,
        environment={"MKL_CBWR": mkl},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("question", choices=["seeds", "threads"])
    parser.add_argument("--n-seeds", type=int, default=10)
    arguments = parser.parse_args()
    gene_sets = load_go_bp()
    X = csr_array(GmtVectorizer(gene_sets).fit_transform(gene_sets.genes))
    genes = np.random.default_rng(0).permutation(X.shape[0])[:N_GENES]
    if arguments.question == "seeds":
        seeds(X, genes, arguments.n_seeds)
    else:
        threads(X, genes)


if __name__ == "__main__":
    main()
