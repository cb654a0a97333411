"""Scores of features on tasks: the classifier is tuned for each kind of features.

A configuration is how the features are scaled (rows to unit length or not, columns
standardised or not) with the parameters of a classifier. Each fold is scored with the
configuration that is best on the other folds, so that no fold chooses its own.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from _tasks import TASKS, Array, Labels, Pairs, load_pairs
from scipy.linalg import cho_factor, cho_solve
from scipy.stats import rankdata
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import normalized_mutual_info_score
from sklearn.model_selection import KFold, StratifiedKFold, StratifiedShuffleSplit
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler, normalize
from sklearn.svm import SVC

# Rows are scaled as a whole to a mean squared length of one, so that a C or a penalty
# means the same for all features.
CS = (1.0, 10.0, 100.0, 1000.0)
PENALTIES = (0.1, 1.0, 10.0, 100.0)
N_DRAWS = 10

# Genes by their number of memberships: the first number of each group.
GROUPS = {"1 to 4": (1, 5), "5 to 19": (5, 20), "20 and more": (20, np.inf)}

Scores = dict[str, float]
Config = tuple[Any, ...]
# One entry per fold: the scores of each configuration.
Folds = list[dict[Config, Scores]]


class Scaling(NamedTuple):
    """Rows to unit length, then columns standardised; all scaled as a whole."""

    unit: bool
    standardised: bool

    def fit_apply(self, train: Any, *others: Any) -> list[Any]:
        parts = [train, *others]
        if self.unit:
            parts = [normalize(part) for part in parts]
        if self.standardised:
            scaler = StandardScaler(with_mean=not sp.issparse(train)).fit(parts[0])
            parts = [scaler.transform(part) for part in parts]
        squares = parts[0].multiply(parts[0]) if sp.issparse(train) else parts[0] ** 2
        scale = np.float32(np.sqrt(len_(train) / squares.sum()))
        return [part * scale for part in parts]


def len_(values: Any) -> int:
    return int(values.shape[0])


def scalings(features: Any) -> list[Scaling]:
    """List the scalings that differ: rows of unit length need not be scaled to it.

    Sparse rows come as memberships and, in features of their own, as unit rows.
    """
    units = [False]
    if not sp.issparse(features):
        lengths = np.linalg.norm(features, axis=1)
        lengths = lengths[lengths > 0]
        if lengths.max() > 1.001 * lengths.min():
            units.append(True)
    return [Scaling(*both) for both in product(units, (False, True))]


def auroc(truth: Array, scores: Array) -> float:
    """Area under the ROC curve; NaN without a gene of either label."""
    n_true = int(truth.sum())
    n_false = len(truth) - n_true
    if not n_true or not n_false:
        return float("nan")
    ranks = rankdata(scores)[truth].sum()
    return float((ranks - n_true * (n_true + 1) / 2) / (n_true * n_false))


def mean_auroc(truth: Array, scores: Array, counts: Array | None = None) -> float:
    """Mean AUROC of the columns that have both labels."""
    areas = []
    for j in range(truth.shape[1]):
        kept = slice(None) if counts is None else counts[:, j]
        areas.append(auroc(truth[kept, j], scores[kept, j]))
    return float(np.nanmean(areas)) if np.isfinite(areas).any() else float("nan")


def by_group(score: Callable[[Array], float], sizes: Array) -> Scores:
    """Score the genes of each group of GROUPS."""
    return {
        f"auroc, {name}": score((sizes >= low) & (sizes < high))
        for name, (low, high) in GROUPS.items()
    }


def choose(folds: Folds, key: str) -> Scores:
    """Mean over folds, each with the configuration that is best on the others."""
    configs = [*folds[0]]
    table = np.array([[fold[config][key] for config in configs] for fold in folds])
    of_others = table.sum(axis=0) - table if len(folds) > 1 else table
    chosen = [configs[i] for i in of_others.argmax(axis=1)]
    found = [fold[config] for fold, config in zip(folds, chosen, strict=True)]
    means = {x: float(np.nanmean([scores[x] for scores in found])) for x in found[0]}
    spread = float(np.std([scores[key] for scores in found]))
    return {"score": means[key]} | means | {"spread": spread, "config": str(chosen[0])}


def of_classes(probabilities: Array, truth: Array, sizes: Array) -> Scores:
    """Accuracy and macro one-versus-rest AUROC of classes."""
    right = probabilities.argmax(axis=1) == truth.argmax(axis=1)

    def of_rows(rows: Array) -> float:
        return mean_auroc(truth[rows], probabilities[rows])

    everything = np.ones(len(truth), dtype=bool)
    return {
        "accuracy": float(right.mean()),
        "auroc": of_rows(everything),
    } | by_group(of_rows, sizes)


Classifiers = Iterator[tuple[Config, Any]]


def logistic() -> Classifiers:
    # From the largest penalty to the smallest, each from the solution before.
    classifier = LogisticRegression(max_iter=300, tol=1e-3, warm_start=True)
    for C in CS:
        yield (C,), classifier.set_params(C=C)


def neighbors() -> Classifiers:
    for k, metric in product((5, 10, 20), ("cosine", "euclidean")):
        yield (
            (k, metric),
            KNeighborsClassifier(k, metric=metric, weights="distance"),
        )


def support_vectors() -> Classifiers:
    for C, gamma in product((1.0, 10.0), (0.3, 1.0, 3.0)):
        yield (C, gamma), SVC(C=C, gamma=gamma)


def perceptrons() -> Classifiers:
    for alpha in (1e-3, 1e-1):
        yield (alpha,), MLPClassifier(64, alpha=alpha, max_iter=60, random_state=0)


def _probabilities(classifier: Any, values: Any) -> Array:
    if hasattr(classifier, "predict_proba"):
        return np.asarray(classifier.predict_proba(values))
    return np.asarray(classifier.decision_function(values))


def score_classifier(
    features: Any,
    labels: Labels,
    sizes: Array,
    classifiers: Callable[[], Classifiers],
    splits: list[tuple[Array, Array]],
) -> Scores:
    """Accuracy of a classifier on the classes."""
    codes = labels.values.argmax(axis=1)
    folds: Folds = []
    for train, test in splits:
        fold = {}
        for scaling in scalings(features):
            known, unknown = scaling.fit_apply(features[train], features[test])
            known, unknown = shortened(known, unknown)
            for config, classifier in classifiers():
                classifier.fit(known, codes[train])
                probabilities = _probabilities(classifier, unknown)
                fold[(*scaling, *config)] = of_classes(
                    probabilities, labels.values[test], sizes[test]
                )
        folds.append(fold)
    return choose(folds, "accuracy")


def shortened(known: Any, unknown: Any) -> tuple[Any, Any]:
    """Rotate rows to as many columns as there are rows to learn from, if many fewer.

    A penalised linear classifier learns the same from them: its weights lie in the
    span of the rows.
    """
    if not sp.issparse(known) or 4 * len_(known) > known.shape[1]:
        return known, unknown
    dense = known.toarray().astype(np.float64)
    values, vectors = np.linalg.eigh(dense @ dense.T)
    kept = values > 1e-8 * values[-1]
    axes = dense.T @ (vectors[:, kept] / np.sqrt(values[kept]))
    return dense @ axes, unknown @ axes


def score_linear(features: Any, labels: Labels, sizes: Array) -> Scores:
    codes = labels.values.argmax(axis=1)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    splits = [*folds.split(codes, codes)]
    return score_classifier(features, labels, sizes, logistic, splits)


def score_few(features: Any, labels: Labels, sizes: Array, n_labels: int) -> Scores:
    """Score a classifier trained on `n_labels` genes per class, mean of draws."""
    codes = labels.values.argmax(axis=1)
    splits = []
    for seed in range(N_DRAWS):
        rng = np.random.default_rng(seed)
        train = np.concatenate(
            [
                rng.choice(np.flatnonzero(codes == k), n_labels, replace=False)
                for k in range(labels.values.shape[1])
            ]
        )
        splits.append((train, np.setdiff1d(np.arange(len(codes)), train)))
    return score_classifier(features, labels, sizes, logistic, splits)


def score_other(
    features: Any,
    labels: Labels,
    sizes: Array,
    classifiers: Callable[[], Classifiers],
) -> Scores:
    codes = labels.values.argmax(axis=1)
    draws = StratifiedShuffleSplit(3, test_size=0.3, random_state=0)
    splits = [*draws.split(codes, codes)]
    return score_classifier(features, labels, sizes, classifiers, splits)


def score_clusters(features: Any, labels: Labels, sizes: Array) -> Scores:
    """Normalised mutual information of the classes with as many clusters."""
    codes = labels.values.argmax(axis=1)
    folds: Folds = []
    for seed in range(5):
        fold = {}
        for scaling in scalings(features):
            (values,) = scaling.fit_apply(features)
            kmeans = KMeans(labels.values.shape[1], n_init=1, random_state=seed)
            found = normalized_mutual_info_score(codes, kmeans.fit_predict(values))
            fold[tuple(scaling)] = {"nmi": float(found)}
        folds.append(fold)
    return choose(folds, "nmi")


def ridge_scores(
    known: Any, targets: Array, unknown: Any, penalties: tuple[float, ...]
) -> Iterator[Array]:
    """Scores of ridge regressions of all targets, for each penalty."""
    targets = (targets - targets.mean(axis=0)).astype(np.float32)
    if known.shape[1] <= len_(known) and not sp.issparse(known):
        centre = known.mean(axis=0)
        known, unknown = known - centre, unknown - centre
        gram, right = known.T @ known, known.T @ targets
    else:
        gram, cross = (x @ known.T for x in (known, unknown))
        if sp.issparse(gram):
            gram, cross = gram.toarray(), cross.toarray()
        means = gram.mean(axis=0)
        cross = cross - cross.mean(axis=1, keepdims=True) - means + means.mean()
        gram = gram - means - means[:, np.newaxis] + means.mean()
        right, unknown = targets, cross
    diagonal = np.arange(len(gram))
    for penalty in penalties:
        shifted = gram.copy()
        shifted[diagonal, diagonal] += np.float32(penalty)
        yield unknown @ cho_solve(cho_factor(shifted, overwrite_a=True), right)


def score_labels(features: Any, labels: Labels, sizes: Array) -> Scores:
    """Mean AUROC of ridge regressions of many binary labels.

    Where a label does not count, it is put to the mean, and is not scored.
    """
    targets = labels.values.astype(np.float32)
    if labels.counts is not None:
        means = targets.sum(axis=0) / labels.counts.sum(axis=0)
        targets = np.where(labels.counts, targets, means).astype(np.float32)
    folds: Folds = []
    for train, test in KFold(2, shuffle=True, random_state=0).split(targets):
        fold = {}
        truth, counts = labels.values[test], labels.counts
        counts = None if counts is None else counts[test]
        for scaling in scalings(features):
            known, unknown = scaling.fit_apply(features[train], features[test])
            found = ridge_scores(known, targets[train], unknown, PENALTIES)
            for penalty, scores in zip(PENALTIES, found, strict=True):

                def of_rows(rows: Array, scores: Array = scores) -> float:
                    kept = None if counts is None else counts[rows]  # noqa: B023
                    return mean_auroc(truth[rows], scores[rows], kept)  # noqa: B023

                everything = np.ones(len(truth), dtype=bool)
                fold[(*scaling, penalty)] = {"auroc": of_rows(everything)} | by_group(
                    of_rows, sizes[test]
                )
        folds.append(fold)
    return choose(folds, "auroc")


def of_pairs(features: Any, pairs: Pairs, full: bool) -> Any:
    """Sum of the vectors; if `full`, their product and absolute difference too.

    Of 0/1 rows, the difference is the sum less twice the product.
    """
    a, b = features[pairs.a], features[pairs.b]
    if not full:
        return a + b
    if sp.issparse(a):
        return sp.hstack([a + b, a.multiply(b)], format="csr")
    return np.hstack([a + b, a * b, abs(a - b)])


def score_pairs(features: Any, splits: dict[str, Pairs], sizes: Array) -> Scores:
    """AUROC of the test pairs, with the configuration that is best on the valid."""
    best: dict[str, Any] = {"valid": -1.0}
    units = {scaling.unit for scaling in scalings(features)}
    # Dense columns of three kinds are useful only if standardised.
    standard = (False, True) if sp.issparse(features) else (True,)
    for unit, full, standardised in product(units, (False, True), standard):
        values = normalize(features) if unit else features
        parts = [of_pairs(values, splits[x], full) for x in ("train", "valid", "test")]
        train, valid, test = Scaling(False, standardised).fit_apply(*parts)
        classifier = LogisticRegression(max_iter=150, tol=1e-3, warm_start=True)
        for C in (0.01, *CS[:3]):
            classifier.set_params(C=C).fit(train, splits["train"].labels)
            truth = splits["valid"].labels > 0
            of_valid = auroc(truth, classifier.decision_function(valid))
            if of_valid <= best["valid"]:
                # C only grows, so the best one was already tried.
                break
            best = {
                "valid": of_valid,
                "config": str((unit, standardised, full, C)),
                "scores": classifier.decision_function(test),
            }
    scores, pairs = best.pop("scores"), splits["test"]
    truth = pairs.labels > 0
    fewest = np.minimum(sizes[pairs.a], sizes[pairs.b])
    groups = by_group(lambda rows: auroc(truth[rows], scores[rows]), fewest)
    return {"score": auroc(truth, scores)} | best | groups


SCORERS: dict[str, Callable[[Any, Labels, Array], Scores]] = {
    "linear": score_linear,
    **{f"few_{n}": partial(score_few, n_labels=n) for n in (5, 10, 20, 50)},
    "knn": partial(score_other, classifiers=neighbors),
    "svc": partial(score_other, classifiers=support_vectors),
    "mlp": partial(score_other, classifiers=perceptrons),
    "clusters": score_clusters,
    "labels": score_labels,
}


def score(name: str, half: str, features: Any, X: Any, genes: list[str]) -> Scores:
    """Score features of all genes of a collection, whose memberships are X."""
    task = TASKS[name]
    sizes = np.diff(X.indptr)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        if task.labels is None:
            splits, share = load_pairs(genes, half)
            return score_pairs(features, splits, sizes) | {"share": share}
        with_rows = task.labels.__code__.co_argcount == 2
        labels = task.labels(genes, X) if with_rows else task.labels(genes)
        labels = labels.of_half(genes, half)
        rows = features[labels.genes]
        return SCORERS[task.score](rows, labels, sizes[labels.genes])
