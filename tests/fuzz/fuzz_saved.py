"""Damaged states of saved objects: python tests/fuzz/fuzz_saved.py [number of states].

A state that is accepted must compute; any other is refused with a ValueError. A crash
of the process is what this looks for.
"""

import copy
import sys
import warnings
from collections import Counter

import numpy as np

from sk_gene2vec import GeneSetEncoder


def states():
    """Fitted states of every kind of encoder, each with the matrix of its fit."""
    rng = np.random.default_rng(0)
    X = (rng.random((12, 7)) < 0.4).astype(np.float32)
    X[:, 0] = rng.random(12) < 0.8
    X[~X.any(axis=1), 1] = 1
    for changes in ({}, {"gene_input": "one-hot"}, {"hidden_layer_sizes": (3,)}):
        encoder = GeneSetEncoder(2, max_epochs=1, random_state=0, **changes).fit(X)
        yield encoder.__getstate__(), X


def damaged_array(rng, values):
    """Another array, list or number in place of an array."""
    kind = rng.integers(8)
    values = values.copy()
    if kind == 0 and values.size:
        place = rng.integers(values.size)
        wild = rng.choice([-1, 2**31 - 1, -(2**31), 7, 0, 10**6])
        with warnings.catch_warnings(action="ignore"):
            values.flat[place] = np.array(wild).astype(values.dtype)
    elif kind == 1:
        values = values[: rng.integers(len(values) + 1)]
    elif kind == 2:
        with np.errstate(all="ignore"):
            values = values.astype(
                rng.choice(["f8", "f2", "i4", "i8", "u1", "O", "S3"])
            )
    elif kind == 3:
        values = values.reshape(-1, 1) if values.size else values
    elif kind == 4:
        values = np.resize(values, values.size + int(rng.integers(1, 50)))
    elif kind == 5:
        return [None, 3, "text", [], {}, values.tolist()][rng.integers(6)]
    elif kind == 6 and values.dtype.kind == "f" and values.size:
        values.flat[rng.integers(values.size)] = rng.choice([np.nan, np.inf])
    else:
        values = np.repeat(values, 2, axis=0)
    return values


def damage(rng, state):
    """Change one fitted attribute of a state."""
    state = copy.deepcopy(state)
    name = rng.choice([name for name in state if "_" in (name[0], name[-1])])
    value = state[name]
    if rng.random() < 0.1:
        del state[name]
    elif isinstance(value, np.ndarray):
        state[name] = damaged_array(rng, value)
    elif isinstance(value, list | tuple) and len(value):
        place = int(rng.integers(len(value)))
        changed = list(value)
        if isinstance(value[place], np.ndarray):
            changed[place] = damaged_array(rng, value[place])
        if rng.random() < 0.2:
            changed = changed[:place]
        state[name] = type(value)(changed)
    elif isinstance(value, dict):
        key = rng.choice(list(value))
        value[str(key)] = [None, -1, 0, 1, 3, 10**9, "tanh", (), (5,)][rng.integers(9)]
    else:
        state[name] = [None, -1, 0, 10**9, 2.5, np.nan, "7"][rng.integers(7)]
    return state


def main(n_states=20_000, seed=0):
    rng = np.random.default_rng(seed)
    outcomes = Counter()
    known = list(states())
    for _ in range(n_states):
        state, X = known[rng.integers(len(known))]
        encoder = GeneSetEncoder.__new__(GeneSetEncoder)
        try:
            encoder.__setstate__(damage(rng, state))
        except ValueError:
            outcomes["refused"] += 1
            continue
        with warnings.catch_warnings(action="ignore"):
            probability = encoder.predict_proba(X)
        assert probability.shape == X.shape
        assert np.isfinite(probability).all()
        outcomes["computed"] += 1
    print(dict(outcomes))
    return outcomes


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
