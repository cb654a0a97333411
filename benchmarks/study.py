"""Study of the model: one change at a time to the default encoder.

Full MSigDB v7.1, a tenth of the memberships hidden, 2,000 genes scored. Judged is the
embedding alone: the wide part would hide what a change does to it.

    python benchmarks/study.py [variant ...]
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from _common import MSIGDB, report, shared

from sk_gene2vec import GeneSetEncoder, GmtVectorizer, read_gmt
from sk_gene2vec.metrics import held_out_membership_scores, split_memberships

VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "60 epochs": {"max_epochs": 60},
    "batches of 256, same steps": {"batch_size": 256, "max_epochs": 5},
    "batches of 512, same steps": {"batch_size": 512, "max_epochs": 10},
    "memberships weigh 1": {"pos_weight": 1.0},
    "memberships weigh 10": {"pos_weight": 10.0},
    "memberships weigh 100": {"pos_weight": 100.0},
    "random start": {"init": "random"},
    "no weight decay": {"weight_decay": 0.0},
    "weight decay 1": {"weight_decay": 1.0},
    "no dropout": {"dropout": 0.0},
    "dropout 0.3": {"dropout": 0.3},
    "mask 0.2": {"mask_rate": 0.2},
    "mask 0.6": {"mask_rate": 0.6},
    "identity": {"activation": "identity"},
    "tanh": {"activation": "tanh"},
    "relu": {"activation": "relu"},
    "hidden layer of 300": {"hidden_layer_sizes": (300,)},
    "lr 0.01": {"lr": 0.01},
    "lr 0.04": {"lr": 0.04},
    "float32": {"precision": "float32"},
    "2,048 negatives": {"n_negatives": 2048},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("variants", nargs="*", choices=[*VARIANTS, []])
    names = parser.parse_args().variants or list(VARIANTS)
    gene_sets = read_gmt(shared(MSIGDB))
    X = GmtVectorizer(gene_sets).fit_transform(gene_sets.genes)
    visible, hidden = split_memberships(X, min_memberships=5, random_state=0)
    metrics = ["ndcg@100", "recall@20", "auroc"]
    rows = []
    for name in names:
        encoder = GeneSetEncoder(n_wide_inputs=0, random_state=0, **VARIANTS[name])
        start = time.perf_counter()
        encoder.fit(visible)
        seconds = time.perf_counter() - start
        scores = held_out_membership_scores(
            encoder, visible, hidden, metrics=metrics, n_genes=2000, random_state=0
        )
        rows.append([name, *scores.values(), seconds])
        print(rows[-1], flush=True)
    report(__file__, ["variant", *metrics, "fit (s)"], rows)


if __name__ == "__main__":
    main()
