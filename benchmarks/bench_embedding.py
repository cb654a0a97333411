"""GeneEmbedding: neighbours of 1,000 genes among 20,000 x 100, and the word2vec text.

The neighbours of 1,000 genes should take less than 0.5 seconds. gensim, where it is
installed, answers the same queries one at a time and opens the same file.

    python benchmarks/bench_embedding.py [--repeats 5]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from _common import report, timed, wait_until_idle

from sk_gene2vec import GeneEmbedding

N_GENES, N_DIMENSIONS, N_QUERIES = 20_000, 100, 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    load = wait_until_idle()
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(N_GENES, N_DIMENSIONS)).astype(np.float32)
    embedding = GeneEmbedding([f"GENE{i}" for i in range(N_GENES)], vectors)
    queries = rng.permutation(embedding.genes)[:N_QUERIES].tolist()

    def first_neighbors() -> None:
        # A fresh embedding, which has yet to scale its vectors to unit length.
        GeneEmbedding(embedding.genes, vectors).neighbors(queries)

    steps = {
        f"neighbors of {N_QUERIES} genes, at once": lambda: embedding.neighbors(
            queries
        ),
        "the same with making the GeneEmbedding": first_neighbors,
        f"most_similar, {N_QUERIES} calls": lambda: [
            embedding.most_similar(gene) for gene in queries
        ],
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "genes.txt"
        steps["to_word2vec"] = lambda: embedding.to_word2vec(path)
        steps["from_word2vec"] = lambda: GeneEmbedding.from_word2vec(path)
        try:
            from gensim.models import KeyedVectors
        except ImportError:
            print("gensim is not installed: no rows for it")
        else:
            peer = KeyedVectors(N_DIMENSIONS)
            peer.add_vectors(list(embedding), vectors)
            steps[f"gensim's most_similar, {N_QUERIES} calls"] = lambda: [
                peer.most_similar(gene) for gene in queries
            ]
            steps["gensim's load_word2vec_format"] = lambda: (
                KeyedVectors.load_word2vec_format(path)
            )
        rows = [[name, timed(step, repeats)] for name, step in steps.items()]
    report(
        __file__,
        ["step", "seconds"],
        rows,
        load=load,
        genes=N_GENES,
        dimensions=N_DIMENSIONS,
        queries=N_QUERIES,
    )


if __name__ == "__main__":
    main()
