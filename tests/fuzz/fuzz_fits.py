"""Many small fits at random: python tests/fuzz/fuzz_fits.py [number of fits]."""

import pickle
import re
import sys
import warnings
from collections import Counter

import numpy as np
import scipy.sparse as sp

from sk_gene2vec import GeneSetEncoder

# Refusals that the docstrings declare.
DECLARED = re.compile("rows of zeros alone|training diverged")


def draw_problem(rng):
    """Draw a matrix of any density from 0 to 1, and all parameters of an encoder."""
    shape = rng.integers(1, [50, 30])
    density = rng.choice([0, 0.02, 0.1, 0.3, 0.6, 0.9, 0.97, 1, rng.random()])
    X = (
        rng.random(shape) < density * rng.random((1, shape[1])) ** rng.choice([0, 1])
    ).astype(rng.choice(["f4", "f8", "u1", "?", "i8"]))
    parameters = {
        "embedding_dim": int(rng.integers(1, 12)),
        "gene_input": str(rng.choice(["membership", "one-hot"])),
        "mask_rate": float(rng.choice([0.01, 0.4, 0.99])),
        "activation": str(rng.choice(["rmsnorm", "tanh", "relu", "identity"])),
        "dropout": float(rng.choice([0, 0.1, 0.9])),
        "hidden_layer_sizes": [(), (3,), 4, (5, 2)][rng.integers(4)],
        "lr": float(rng.choice([1e-6, 0.02, 0.5, 5, 1e4])),
        "weight_decay": float(rng.choice([0, 0.3, 10])),
        "max_epochs": int(rng.integers(1, 5)),
        "batch_size": int(rng.choice([1, 7, 1024])),
        "completeness": float(rng.choice([0.01, 0.87, 0.999])),
        "n_negatives": [None, None, 1, 5, 100][rng.integers(5)],
        "precision": str(rng.choice(["auto", "float32", "bfloat16"])),
        "warm_start": bool(rng.random() < 0.2),
        "random_state": int(rng.integers(100)),
    }
    container = [np.asarray, sp.csr_array, sp.csc_matrix][rng.integers(3)]
    return container(X), parameters


def check(encoder, X, genes):
    """Look at what a fitted encoder gives."""
    embedding, probability = encoder.transform(X), encoder.predict_proba(X)
    assert embedding.shape == (X.shape[0], encoder.embedding_dim)
    assert np.isfinite(embedding).all()
    assert probability.shape == X.shape
    assert ((probability >= 0) & (probability <= 1)).all()
    assert not embedding[~genes].any()
    np.testing.assert_array_equal(encoder.inverse_transform(embedding), probability)
    again = pickle.loads(pickle.dumps(encoder))
    np.testing.assert_array_equal(again.predict_proba(X), probability)


def one_fit(seed):
    """Fit once, go on from the fit, and say how it ended."""
    rng = np.random.default_rng(seed)
    X, parameters = draw_problem(rng)
    genes = np.asarray(sp.csr_array(X).astype(float).sum(axis=1)).ravel() > 0
    encoder = GeneSetEncoder(device="cpu", **parameters)
    try:
        encoder.fit(X)
        check(encoder, X, genes)
        if encoder.warm_start:
            check(encoder.fit(X), X, genes)
    except ValueError as error:
        if not (declared := DECLARED.search(str(error))):
            raise
        return declared[0]
    return "fitted"


def main(n_fits):
    """Report how the fits ended; an exception that is not declared ends them all."""
    ends = Counter()
    for seed in range(n_fits):
        with warnings.catch_warnings(), np.errstate(all="raise"):
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", ".* only in sets")
            try:
                ends[one_fit(seed)] += 1
            except Exception:
                print(f"Seed {seed}: {draw_problem(np.random.default_rng(seed))[1]}")
                raise
    for end, count in ends.most_common():
        print(f"{count:6,} {end}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
