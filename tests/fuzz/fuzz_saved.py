"""Damaged states of saved objects: python tests/fuzz/fuzz_saved.py [number of states].

A state that is accepted must compute; any other is refused with a ValueError. A crash
of the process is what this looks for.
"""

import copy
import sys
import warnings
from collections import Counter

import numpy as np

from sk_gene2vec import GeneSetEncoder, GeneSets, GmtVectorizer

GENES = ["A", "B", "C"]
TEXTS = ["", "#", "\t", "\n", "\0", "A,1.0", "O", "S1000000000", "(9999,9999)f4", "m8"]


def states():
    """Fitted states, each with a function that computes with what is loaded."""
    rng = np.random.default_rng(0)
    X = (rng.random((12, 7)) < 0.4).astype(np.float32)
    X[:, 0] = rng.random(12) < 0.8
    X[~X.any(axis=1), 1] = 1
    for changes in ({}, {"gene_input": "one-hot"}, {"hidden_layer_sizes": (3,)}):
        encoder = GeneSetEncoder(2, max_epochs=1, random_state=0, **changes).fit(X)
        yield encoder, X
    gene_sets = GeneSets({"S": GENES, "T": ["C"]}, {"S": "text"}, attrs={"name": "G"})
    yield gene_sets, None
    for dtype in (np.float32, bool):
        aliases = {"P": "A", "Q": ["A", "B"], "R": "none"}
        vectorizer = GmtVectorizer(gene_sets, aliases=aliases, dtype=dtype)
        yield vectorizer.fit(["A", "X"]), None


def compute(model, X):
    """What a model gives; X is the matrix that an encoder was fitted on."""
    if isinstance(model, GeneSets):
        assert GeneSets(model) == model
        return
    if isinstance(model, GmtVectorizer):
        n_sets = len(model.gene_sets_)
        result = model.transform([*GENES, "P"]).toarray()
        assert len(model.lookup(["A", "P", "Q", "R"])) == 4
    else:
        n_sets = X.shape[1]
        result = model.predict_proba(X)
    assert result.shape[1] == n_sets
    assert np.isfinite(result).all()


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


def damaged(rng, value):
    """Another value in place of a part of a state."""
    if isinstance(value, np.ndarray):
        return damaged_array(rng, value)
    if rng.random() < 0.2 or value is None:
        others = [None, -1, 0, 10**9, 2.5, np.nan, "7", [], {}, [3], {"a": 3}, b"x"]
        return others[rng.integers(len(others))]
    if isinstance(value, str):
        place, end = sorted(rng.integers(len(value) + 1, size=2))
        text = str(rng.choice(TEXTS))
        return text if rng.random() < 0.3 else value[:place] + text + value[end:]
    if isinstance(value, list | tuple) and len(value):
        place = int(rng.integers(len(value)))
        changed = [*value]
        changed[place] = damaged(rng, changed[place])
        return type(value)(changed[: place if rng.random() < 0.2 else None])
    if isinstance(value, dict) and value:
        key = str(rng.choice(list(value)))
        wild = [None, -1, 0, 1, 3, 10**9, "tanh", (), (5,), ("A", 3)]
        return value | {key: wild[rng.integers(len(wild))]}
    return [None, -1, 0, 10**9, 2.5, np.nan, "7"][rng.integers(7)]


def damage(rng, state):
    """Change one fitted attribute of a state."""
    state = copy.deepcopy(state)
    fitted = [name for name in state if "_" in (name[0], name[-1])]
    name = str(rng.choice(fitted or list(state)))
    if rng.random() < 0.1:
        del state[name]
    else:
        state[name] = damaged(rng, state[name])
    if rng.random() < 0.05:
        state[str(rng.choice(["membership_", "transform", "gene_index_"]))] = 3
    return state


def main(n_states=20_000, seed=0):
    rng = np.random.default_rng(seed)
    outcomes = Counter()
    known = list(states())
    for _ in range(n_states):
        model, X = known[rng.integers(len(known))]
        kind = type(model)
        loaded = kind.__new__(kind)
        try:
            loaded.__setstate__(damage(rng, model.__getstate__()))
        except ValueError:
            outcomes[kind.__name__, "refused"] += 1
            continue
        with warnings.catch_warnings(action="ignore"):
            compute(loaded, X)
        outcomes[kind.__name__, "computed"] += 1
    print(dict(outcomes))
    return outcomes


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
