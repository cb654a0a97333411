"""Held-out membership scores against references that look at one gene at a time."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import NMF, TruncatedSVD
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.feature_selection import VarianceThreshold
from sklearn.metrics import log_loss, ndcg_score, roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler

from sk_gene2vec import GeneSetEncoder, GmtVectorizer
from sk_gene2vec._utils import _memberships as memberships
from sk_gene2vec.metrics import (
    HeldOutMembershipScorer,
    held_out_membership_score,
    held_out_membership_scores,
    reliability_table,
    split_memberships,
)

ALL = ["ndcg@5", "recall@3", "auroc", "log_likelihood"]


class Oracle(BaseEstimator):
    """Knows the probability of every membership of genes in their order."""

    def __init__(self, probabilities=None):
        self.probabilities = probabilities
        self.next_row = 0

    def predict_proba(self, X):
        rows = slice(self.next_row, self.next_row + X.shape[0])
        self.next_row = rows.stop
        return self.probabilities[rows]


class Constant(BaseEstimator):
    def predict_proba(self, X):
        return np.full(X.shape, 0.3)


@pytest.fixture(scope="module")
def X():
    """Sixty genes of three kinds, each kind in ten sets of its own."""
    rng = np.random.default_rng(0)
    kind = np.repeat([0, 1, 2], 20)
    own = kind[:, None] == np.repeat([0, 1, 2], 10)
    return (rng.random((60, 30)) < np.where(own, 0.7, 0.05)).astype(np.float32)


@pytest.fixture(scope="module")
def split(X):
    return split_memberships(X, hidden_fraction=0.3, min_memberships=5, random_state=0)


@pytest.fixture(scope="module")
def scored_rows(split):
    return np.flatnonzero(split[1].sum(axis=1))


def probabilities(shape, ties, seed=1):
    """Random predictions; with ties there are four different values."""
    p = np.random.default_rng(seed).random(shape)
    return np.ceil(4 * p) / 5 if ties else p


def brute_force(p, visible, hidden):
    """The scores of `ALL`, gene by gene."""
    ndcg, recall, auroc, truth, predicted = [], [], [], [], []
    for scores, seen, target in zip(p, visible > 0, hidden > 0, strict=True):
        if not target.any():
            continue
        s, t = scores[~seen], target[~seen]
        ndcg.append(ndcg_score([t], [s], k=5))
        auroc.append(roc_auc_score(t, s))
        above = np.array([(s > own).sum() for own in s[t]])
        level = np.array([(s == own).sum() for own in s[t]])
        # Expected number within the first three places, over the orders of ties.
        hits = (np.clip(3 - above, 0, level) / level).sum()
        recall.append(hits / min(3, t.sum()))
        truth.extend(t)
        predicted.extend(s)
    likelihood = -log_loss(truth, predicted)
    return dict(
        zip(ALL, [np.mean(ndcg), np.mean(recall), np.mean(auroc), likelihood], strict=1)
    )


def same(a, b):
    return np.array_equal(a.toarray(), b.toarray())


# --- split_memberships


def test_split_hides_the_share_of_each_gene_that_has_enough(X):
    visible, hidden = split_memberships(
        X, hidden_fraction=0.3, min_memberships=7, random_state=0
    )
    for part in (visible, hidden):
        assert isinstance(part, sp.csr_array)
        assert part.shape == X.shape
        assert part.dtype == X.dtype
        assert part.has_canonical_format
        assert part.data.all()
    np.testing.assert_array_equal((visible + hidden).toarray(), X)
    sizes = X.sum(axis=1)
    assert {5, 6, 7} < set(sizes.tolist())
    expected = np.where(sizes < 7, 0, np.rint(0.3 * sizes))
    np.testing.assert_array_equal(hidden.sum(axis=1), expected)


def test_split_hides_at_least_one_and_leaves_at_least_one():
    X = np.tril(np.ones((6, 6)))
    few = split_memberships(X, hidden_fraction=0.01, min_memberships=2, random_state=0)
    assert few[1].sum(axis=1).tolist() == [0, 1, 1, 1, 1, 1]
    most = split_memberships(X, hidden_fraction=0.99, min_memberships=2, random_state=0)
    assert most[0].sum(axis=1).tolist() == [1] * 6


def test_split_rounds_at_random_so_that_the_share_holds_for_every_size():
    sizes = np.repeat([1, 2, 3, 7, 40], 4000)
    X = (np.arange(41) < sizes[:, None]).astype(float)
    visible, hidden = split_memberships(X, rounding="random", random_state=0)
    np.testing.assert_array_equal((visible + hidden).toarray(), X)
    n_hidden = hidden.sum(axis=1)
    for size in (2, 3, 7, 40):
        share = n_hidden[sizes == size] / size
        # Five standard deviations of the share of 4,000 genes.
        assert share.mean() == pytest.approx(0.1, abs=5 * 0.2 / np.sqrt(4000))
        assert set(n_hidden[sizes == size]) == ({4} if size == 40 else {0, 1})
    assert not n_hidden[sizes == 1].any()
    most = split_memberships(
        X, hidden_fraction=0.99, rounding="random", random_state=0
    )[0]
    assert most.sum(axis=1).min() == 1


def test_split_is_seeded(X):
    first, again, other = (
        split_memberships(X, random_state=seed)[1] for seed in (0, 0, 1)
    )
    assert same(first, again)
    assert not same(first, other)
    generator = np.random.RandomState(0)
    drawn = [split_memberships(X, random_state=generator)[1] for _ in range(2)]
    assert same(drawn[0], first)
    assert not same(*drawn)


def test_split_hides_every_membership_equally_often():
    X = np.ones((20_000, 10))
    hidden = split_memberships(X, hidden_fraction=0.3, random_state=0)[1]
    # Five standard deviations of a share of 0.3 over 20,000 genes.
    np.testing.assert_allclose(hidden.mean(axis=0), 0.3, atol=5 * np.sqrt(0.21 / 2e4))


def test_split_takes_what_is_above_zero_and_leaves_its_input_alone(X):
    weighted = sp.csr_matrix(X * 2.5)
    weighted.data[::7] = 0
    before = copy.deepcopy(weighted)
    visible, hidden = split_memberships(weighted, random_state=0)
    np.testing.assert_array_equal((visible + hidden).toarray(), before.toarray() > 0)
    np.testing.assert_array_equal(weighted.data, before.data)


@pytest.mark.parametrize(
    ("X", "parameters", "message"),
    [
        (np.eye(4), {}, r"at least 2 memberships.* at most 1 per gene\.$"),
        (np.eye(4), {"min_memberships": 3}, "at least 3 .* lower min_memberships"),
        (np.ones((2, 9)), {"rounding": "up"}, "'nearest' or 'random', got 'up'"),
        (-np.ones((2, 9)), {}, "Negative values in data"),
        (np.ones((2, 9)), {"hidden_fraction": 0.0}, "hidden_fraction == 0.0"),
        (np.ones((2, 9)), {"hidden_fraction": 1.0}, "hidden_fraction == 1.0"),
        (np.ones((2, 9)), {"min_memberships": 1}, "min_memberships == 1"),
    ],
)
def test_split_refuses(X, parameters, message):
    with pytest.raises(ValueError, match=message):
        split_memberships(X, **parameters)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.float32])
def test_stored_duplicates_are_one_membership(dtype):
    values = np.full(2, 100 if dtype == np.int8 else 128, dtype=dtype)
    X = sp.csr_array((values, [0, 0], [0, 2]), shape=(1, 3))
    X = sp.csr_array(sp.vstack([X, sp.csr_array(np.ones((1, 3), dtype=dtype))]))
    visible, hidden = split_memberships(X, min_memberships=2, random_state=0)
    assert (visible + hidden).toarray().tolist() == [[1, 0, 0], [1, 1, 1]]


# --- held_out_membership_scores


@pytest.mark.parametrize("block_size", [1, 100, 2**23])
@pytest.mark.parametrize("ties", [False, True])
def test_scores_are_those_of_brute_force(
    X, split, scored_rows, ties, block_size, monkeypatch
):
    monkeypatch.setattr(memberships, "_BLOCK_SIZE", block_size)
    p = probabilities(X.shape, ties)
    oracle = Oracle(p[scored_rows])
    scores = held_out_membership_scores(oracle, *split, metrics=ALL)
    assert scores == pytest.approx(brute_force(p, *(s.toarray() for s in split)))
    assert list(scores) == ALL
    assert all(type(score) is float for score in scores.values())
    assert len(scored_rows) < len(X)
    assert oracle.next_row == len(scored_rows)


def test_float32_predictions_score_the_same(X, split, scored_rows):
    p = probabilities(X.shape, ties=True).astype(np.float32)
    scores = held_out_membership_scores(Oracle(p[scored_rows]), *split, metrics=ALL)
    expected = brute_force(p.astype(float), *(s.toarray() for s in split))
    assert scores == pytest.approx(expected, rel=1e-5)


def test_visible_memberships_take_no_part(X, split, scored_rows):
    p = probabilities(X.shape, ties=False)
    with_visible_first = np.where(split[0].toarray() > 0, 1, p)
    with_visible_last = np.where(split[0].toarray() > 0, 0, p)
    first, last = (
        held_out_membership_scores(Oracle(q[scored_rows]), *split, metrics=ALL)
        for q in (with_visible_first, with_visible_last)
    )
    assert first == last


def test_the_truth_scores_one_and_its_opposite_zero(split, scored_rows):
    truth = split[1].toarray()[scored_rows] > 0
    best = held_out_membership_scores(Oracle(truth), *split, metrics=ALL)
    assert best == pytest.approx(dict(zip(ALL, [1, 1, 1, 0], strict=True)), abs=1e-6)
    worst = held_out_membership_scores(Oracle(~truth), *split, metrics=ALL)
    assert (worst["ndcg@5"], worst["recall@3"], worst["auroc"]) == (0, 0, 0)
    # Wrong with certainty costs what the type's precision allows, not infinity.
    epsilon = np.finfo(np.float32).eps
    assert worst["log_likelihood"] == pytest.approx(np.log(epsilon), rel=1e-3)


def test_a_constant_is_at_chance(split):
    visible, hidden = split
    scores = held_out_membership_scores(Constant(), visible, hidden, metrics=ALL)
    assert scores["auroc"] == pytest.approx(0.5)
    rows = np.flatnonzero(hidden.sum(axis=1))
    n_candidates = 30 - visible.sum(axis=1)[rows]
    n_hidden = hidden.sum(axis=1)[rows]
    recall = 3 * n_hidden / n_candidates / np.minimum(3, n_hidden)
    assert scores["recall@3"] == pytest.approx(recall.mean())
    rate = n_hidden.sum() / n_candidates.sum()
    assert scores["log_likelihood"] == pytest.approx(
        rate * np.log(0.3) + (1 - rate) * np.log(0.7)
    )


def test_the_default_metrics(split):
    scores = held_out_membership_scores(Constant(), *split)
    assert list(scores) == ["ndcg", "recall", "auroc"]
    assert scores["recall"] == pytest.approx(1)  # 100 places, 30 sets


@pytest.mark.parametrize(("rank", "recall"), [(100, 1), (101, 0)])
def test_lists_are_a_hundred_long_unless_told(rank, recall):
    visible, hidden = np.eye(2, 201)
    p = -np.arange(201.0)
    hidden = np.roll(hidden, rank - 1)
    scores = held_out_membership_scores(Oracle(p[None]), visible[None], hidden[None])
    assert scores["recall"] == recall


def test_options_of_scores_go_by_name(X, split):
    with pytest.raises(TypeError, match="positional"):
        held_out_membership_scores(Constant(), *split, ["ndcg"])
    with pytest.raises(TypeError, match="positional"):
        held_out_membership_score(Constant(), X, "ndcg")
    with pytest.raises(TypeError, match="positional"):
        HeldOutMembershipScorer("ndcg", 0.2)


def test_a_sample_of_genes_is_seeded_and_bounded(X, split, scored_rows):
    p = probabilities(X.shape, ties=False)

    class ByRow:
        """Predicts for rows that it recognises by their visible memberships."""

        def predict_proba(self, rows):
            keys = [row.tobytes() for row in split[0].toarray()]
            self.rows = [keys.index(row.tobytes()) for row in rows.toarray()]
            return p[self.rows]

    model = ByRow()
    scores, rows = [], []
    for seed in (0, 0, 1):
        scores.append(
            held_out_membership_scores(
                model, *split, metrics=ALL, n_genes=7, random_state=seed
            )
        )
        rows.append(model.rows)
    assert scores[0] == scores[1] != scores[2]
    assert rows[0] == rows[1] != rows[2]
    assert len(set(rows[0])) == 7
    assert set(rows[0]) <= set(scored_rows)
    expected = brute_force(p[rows[0]], *(s.toarray()[rows[0]] for s in split))
    assert scores[0] == pytest.approx(expected)
    more_than_there_are = held_out_membership_scores(model, *split, n_genes=1000)
    assert more_than_there_are == held_out_membership_scores(model, *split)


def test_genes_that_are_in_every_set_are_left_out():
    visible = np.array([[1, 1, 0], [1, 0, 0]])
    hidden = np.array([[0, 0, 1], [0, 1, 0]])
    p = np.array([[0.5, 0.2, 0.9]])
    assert held_out_membership_scores(Oracle(p), visible, hidden)["auroc"] == 0


def test_predictions_are_not_written_to(X, split, scored_rows):
    p = probabilities(X.shape, ties=False)[scored_rows]
    before = p.copy()
    held_out_membership_scores(Oracle(p), *split, metrics=ALL)
    reliability_table(Oracle(p), *split)
    np.testing.assert_array_equal(p, before)


@pytest.mark.parametrize("model", [TruncatedSVD(3), NMF(3, init="nndsvd")])
def test_reconstructions_are_scores(split, scored_rows, model):
    visible, hidden = split
    model = model.set_params(random_state=0).fit(visible)
    reconstruction = model.inverse_transform(model.transform(visible))
    expected = held_out_membership_scores(Oracle(reconstruction[scored_rows]), *split)
    scores = held_out_membership_scores(model, visible, hidden)
    assert scores == pytest.approx(expected)
    assert scores["auroc"] > 0.8


def test_a_pipeline_undoes_all_steps_if_it_can(split, scored_rows):
    visible, hidden = split
    scaled = make_pipeline(FunctionTransformer(lambda X: -X, lambda X: -X))
    exact = scaled.fit(visible)
    plain = held_out_membership_scores(
        Oracle(visible.toarray()[scored_rows]), visible, hidden
    )
    assert held_out_membership_scores(exact, visible, hidden) == plain


def test_a_pipeline_undoes_its_last_step_if_it_cannot_undo_all(split, scored_rows):
    visible, hidden = split
    pipeline = make_pipeline(TfidfTransformer(), TruncatedSVD(3, random_state=0))
    pipeline.fit(visible)
    reconstruction = pipeline[-1].inverse_transform(pipeline.transform(visible))
    expected = held_out_membership_scores(Oracle(reconstruction[scored_rows]), *split)
    scores = held_out_membership_scores(pipeline, visible, hidden)
    assert scores == pytest.approx(expected)
    assert scores["auroc"] > 0.8


def test_sparse_predictions(split, scored_rows):
    scaler = MaxAbsScaler().fit(split[0])
    sparse = held_out_membership_scores(scaler, *split)
    dense = held_out_membership_scores(Oracle(split[0].toarray()[scored_rows]), *split)
    assert sparse == dense


class Returns:
    """Predicts what it is told to, whatever the genes."""

    def __init__(self, value):
        self.value = value

    def predict_proba(self, X):
        return self.value(X)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (lambda X: np.ones((X.shape[0], 12)), r"\(\d+, 30\).*\(\d+, 12\)"),
        (lambda X: np.full(X.shape, np.nan), "finite"),
        (lambda X: np.full(X.shape, -np.inf), "finite"),
        (lambda X: np.full(X.shape, 1.5), "probabilities.* 1.5 to 1.5"),
        (lambda X: np.full(X.shape, -0.5), "probabilities.* -0.5 to -0.5"),
    ],
)
def test_predictions_are_checked(split, value, message):
    with pytest.raises(ValueError, match=message):
        held_out_membership_scores(Returns(value), *split, metrics=["log_likelihood"])
    with pytest.raises(ValueError, match=message):
        reliability_table(Returns(value), *split)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"metrics": ["ndgc"]}, "'ndcg', 'recall', 'auroc', 'log_likel.* 'ndgc'"),
        ({"metrics": ["ndcg@0"]}, "got 'ndcg@0'"),
        ({"metrics": ["auroc@5"]}, "got 'auroc@5'"),
        ({"n_genes": 0}, "n_genes == 0"),
    ],
)
def test_parameters_are_checked(split, parameters, message):
    with pytest.raises(ValueError, match=message):
        held_out_membership_scores(Constant(), *split, **parameters)


def test_metrics_are_a_list(split):
    with pytest.raises(TypeError, match="list of metrics, got the str 'ndcg'"):
        held_out_membership_scores(Constant(), *split, metrics="ndcg")


def test_splits_are_checked(X, split):
    visible, hidden = split
    with pytest.raises(ValueError, match=r"same shape, got \(60, 30\) and \(60, 29\)"):
        held_out_membership_scores(Constant(), visible, hidden[:, :29])
    with pytest.raises(ValueError, match=r"visible or hidden, got \d+ that are both"):
        held_out_membership_scores(Constant(), X, hidden)
    with pytest.raises(ValueError, match="got none among 60 with 0 hidden"):
        held_out_membership_scores(Constant(), X, 0 * hidden)
    svd = TruncatedSVD(2).fit(X[:, :20])
    with pytest.raises(ValueError, match=r"30 features.*20 features"):
        held_out_membership_scores(svd, visible, hidden)


def test_estimators_without_the_methods(split):
    visible, hidden = split
    with pytest.raises(TypeError, match="inverse_transform, got TfidfTransformer"):
        held_out_membership_scores(TfidfTransformer().fit(visible), visible, hidden)
    svd = TruncatedSVD(2).fit(visible)
    message = "predict_proba.* got TruncatedSVD"
    with pytest.raises(TypeError, match=message):
        held_out_membership_scores(svd, *split, metrics=["ndcg", "log_likelihood"])
    with pytest.raises(TypeError, match=message):
        reliability_table(svd, visible, hidden)


# --- held_out_membership_score


@pytest.mark.parametrize("metric", ["ndcg", "recall@7", "auroc"])
def test_one_score_is_the_split_and_its_scores(X, metric):
    svd = TruncatedSVD(3, random_state=0).fit(X[:40])
    score = held_out_membership_score(
        svd,
        X[40:],
        metric=metric,
        hidden_fraction=0.4,
        min_memberships=6,
        n_genes=10,
        random_state=3,
    )
    split = split_memberships(
        X[40:], hidden_fraction=0.4, min_memberships=6, random_state=3
    )
    expected = held_out_membership_scores(
        svd, *split, metrics=[metric], n_genes=10, random_state=3
    )
    assert type(score) is float
    assert score == expected[metric]


def test_defaults_of_one_score():
    X = (np.random.default_rng(0).random((2000, 300)) < 0.015).astype(float)
    assert {1, 2, 3, 4} <= set(X.sum(axis=1))

    class ByColumn:
        def predict_proba(self, rows):
            return np.tile(np.linspace(1, 0, 300), (rows.shape[0], 1))

    def score(**options):
        return held_out_membership_score(ByColumn(), X, random_state=0, **options)

    documented = {"metric": "ndcg", "hidden_fraction": 0.1, "min_memberships": 2}
    assert score() == score(**documented) == score(metric="ndcg@100")
    for other in (
        {"metric": "ndcg@99"},
        {"metric": "ndcg@101"},
        {"min_memberships": 3},
    ):
        assert score() != score(**(documented | other))


def test_data_frames_are_scored_without_warning(X):
    frame = pd.DataFrame(X, columns=[f"SET_{number}" for number in range(30)])
    encoder = GeneSetEncoder(4, random_state=0, max_epochs=1).fit(frame)
    score = held_out_membership_score(encoder, frame, random_state=0)
    assert score == held_out_membership_score(encoder.fit(X), X, random_state=0)
    encoder.fit(frame)
    with pytest.raises(ValueError, match="30 columns of fit, in their order"):
        held_out_membership_score(encoder, frame.iloc[:, ::-1])
    parts = [
        pd.DataFrame(part.toarray(), columns=frame.columns)
        for part in split_memberships(frame, random_state=0)
    ]
    backward = [part.iloc[:, ::-1] for part in parts]
    assert (
        held_out_membership_scores(encoder, *parts, metrics=["ndcg"])["ndcg"] == score
    )
    for split in (backward, (parts[0], backward[1]), (backward[0], parts[1])):
        for function in (held_out_membership_scores, reliability_table):
            with pytest.raises(ValueError, match="30 columns of fit, in their order"):
                function(encoder, *split)


def test_columns_of_several_types_are_memberships(X):
    frame = pd.DataFrame(X.astype(int), columns=[f"SET_{i}" for i in range(30)])
    mixed = frame.astype({"SET_1": bool, "SET_2": "Int64", "SET_3": object})
    encoder = GeneSetEncoder(4, random_state=0, max_epochs=1).fit(frame)
    scorer = HeldOutMembershipScorer()
    assert scorer(encoder, mixed) == scorer(encoder, frame)


@pytest.mark.parametrize("dtype", ["f2", ">f8", ">i4", "f4", bool])
def test_every_type_of_numbers_is_split(X, dtype):
    expected = split_memberships(X, random_state=0)
    found = split_memberships(X.astype(dtype), random_state=0)
    for part, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(part.toarray(), wanted.toarray())


@pytest.fixture(scope="module")
def genes_and_sets(X):
    genes = np.array([f"GENE{row:02d}" for row in range(len(X))])
    sets = {f"SET{column:02d}": list(genes[X[:, column] > 0]) for column in range(30)}
    return genes, sets


def test_gene_names_are_looked_up_before_memberships_are_hidden(genes_and_sets):
    genes, sets = genes_and_sets
    vectorizer = GmtVectorizer(sets)
    encoder = GeneSetEncoder(4, random_state=0, max_epochs=2)
    pipeline = make_pipeline(vectorizer, encoder).fit(genes)
    score = held_out_membership_score(pipeline, genes, random_state=0)
    matrix = vectorizer.transform(genes)
    assert score == held_out_membership_score(encoder, matrix, random_state=0)
    assert score == held_out_membership_score(pipeline, list(genes), random_state=0)


def test_steps_after_the_names_do_not_see_what_is_hidden(genes_and_sets):
    genes, sets = genes_and_sets
    tail = make_pipeline(TfidfTransformer(), TruncatedSVD(3, random_state=0))
    pipeline = make_pipeline(GmtVectorizer(sets), *(step for _, step in tail.steps))
    pipeline.fit(genes)
    score = held_out_membership_score(pipeline, genes, random_state=0)
    visible, hidden = split_memberships(pipeline[0].transform(genes), random_state=0)
    expected = held_out_membership_scores(tail, visible, hidden, metrics=["ndcg"])
    assert score == expected["ndcg"]


def test_pipelines_that_drop_gene_sets_are_refused(genes_and_sets):
    genes, sets = genes_and_sets
    pipeline = make_pipeline(
        GmtVectorizer(sets | {"ALL": list(genes)}),
        VarianceThreshold(),
        GeneSetEncoder(2, max_epochs=1),
    ).fit(genes)
    with pytest.raises(ValueError, match="keep all gene sets"):
        held_out_membership_score(pipeline, genes, random_state=0)


def test_gene_names_need_a_vectorizer(X, genes_and_sets):
    genes, sets = genes_and_sets
    message = "gene names need a pipeline"
    with pytest.raises(ValueError, match=message):
        held_out_membership_score(Constant(), genes)
    with pytest.raises(ValueError, match=message):
        held_out_membership_score(make_pipeline(GmtVectorizer(sets)).fit(genes), genes)


# --- reliability_table


def reference_table(p, visible, hidden, n_bins):
    """Bins of equally many of the sorted candidate pairs."""
    rows = (hidden > 0).any(axis=1)
    candidate = ~(visible[rows] > 0)
    p, observed = p[rows][candidate], (hidden[rows] > 0)[candidate]
    order = np.argsort(p)
    edges = np.rint(len(p) * np.arange(1, n_bins) / n_bins).astype(int)
    parts = [np.split(values[order], edges) for values in (p, observed)]
    means = [[part.mean() for part in values] for values in parts]
    return *means, [len(part) for part in parts[0]]


@pytest.mark.parametrize("block_size", [1, 100, 2**23])
def test_reliability_is_that_of_brute_force(
    X, split, scored_rows, block_size, monkeypatch
):
    monkeypatch.setattr(memberships, "_BLOCK_SIZE", block_size)
    # Apart from each other by more than the grain of the bins.
    grid = np.geomspace(0.005, 0.999, X.size)
    p = np.random.default_rng(0).permutation(grid).reshape(X.shape)
    table = reliability_table(Oracle(p[scored_rows]), *split, n_bins=5)
    expected = reference_table(p, *(s.toarray() for s in split), 5)
    predicted, observed, n_pairs = map(np.array, expected)
    np.testing.assert_allclose(table.n_pairs, n_pairs, atol=1)
    np.testing.assert_allclose(table.mean_predicted, predicted, rtol=0.02)
    np.testing.assert_allclose(table.fraction_observed, observed, atol=0.02)
    for column, mean in (
        ("mean_predicted", predicted),
        ("fraction_observed", observed),
    ):
        found = np.average(table[column], weights=table.n_pairs)
        assert found == pytest.approx(np.average(mean, weights=n_pairs))


def test_certainties_fill_the_outer_bins(split, scored_rows):
    visible, hidden = split
    truth = hidden.toarray()[scored_rows] > 0
    # Minus zero is a probability too.
    p = np.where(truth, 1.0, -0.0)
    table = reliability_table(Oracle(p), visible, hidden)
    assert table.mean_predicted.tolist() == [0, 1]
    assert table.fraction_observed.tolist() == [0, 1]
    assert table.n_pairs[1] == hidden.nnz
    assert table.n_pairs.dtype == np.int64


def test_reliability_looks_at_genes_with_enough_memberships():
    rng = np.random.default_rng(0)
    sizes = np.repeat([0, 1, 2, 4, 5, 9, 10, 49, 50, 59], 3)
    X = (rng.random((30, 60)).argsort(axis=1) < sizes[:, None]).astype(float)
    visible, hidden = split_memberships(X, rounding="random", random_state=0)
    open_ = visible.toarray() == 0
    some_hidden = np.flatnonzero(hidden.sum(axis=1))
    for least, rows in (
        (1, np.flatnonzero(sizes >= 1)),
        (5, np.flatnonzero(sizes >= 5)),
        (None, some_hidden),
    ):
        p = rng.random((len(rows), 60))
        table = reliability_table(Oracle(p), visible, hidden, min_memberships=least)
        assert table.n_pairs.sum() == open_[rows].sum()
        found = (table.fraction_observed * table.n_pairs).sum()
        assert found == pytest.approx(hidden[rows].sum())
        expected = (table.mean_predicted * table.n_pairs).sum()
        assert expected == pytest.approx(p[open_[rows]].sum())


def test_a_constant_falls_into_one_bin(split):
    table = reliability_table(Constant(), *split)
    assert table.mean_predicted.tolist() == pytest.approx([0.3])


def test_reliability_parameters_are_checked(split):
    with pytest.raises(ValueError, match="n_bins == 0"):
        reliability_table(Constant(), *split, n_bins=0)
    with pytest.raises(ValueError, match="min_memberships == 0"):
        reliability_table(Constant(), *split, min_memberships=0)
    with pytest.raises(ValueError, match=r"min_memberships=31 .* at most \d+ memb"):
        reliability_table(Constant(), *split, min_memberships=31)
    everywhere, nothing = np.ones((3, 4)), np.zeros((3, 4))
    with pytest.raises(ValueError, match="sets that they are not in, got none"):
        reliability_table(Constant(), everywhere, nothing, min_memberships=1)


# --- HeldOutMembershipScorer


def test_the_scorer_is_a_value():
    scorer = HeldOutMembershipScorer("recall@20")
    assert scorer == HeldOutMembershipScorer("recall@20")
    assert scorer != HeldOutMembershipScorer("recall@21")
    assert len({scorer, HeldOutMembershipScorer("recall@20")}) == 1
    assert pickle.loads(pickle.dumps(scorer)) == scorer
    assert eval(repr(scorer)) == scorer
    search = GridSearchCV(GeneSetEncoder(), {}, scoring=scorer)
    assert clone(search).scoring == scorer


def test_the_scorer_knows_its_metrics_at_once():
    with pytest.raises(ValueError, match="got 'accuracy'"):
        HeldOutMembershipScorer("accuracy")
    with pytest.raises(ValueError, match="hidden_fraction == 2"):
        HeldOutMembershipScorer(hidden_fraction=2)
    with pytest.raises(ValueError, match="min_memberships == 1"):
        HeldOutMembershipScorer(min_memberships=1)


def test_the_scorer_passes_its_parameters_on(X):
    parameters = {
        "metric": "recall@2",
        "hidden_fraction": 0.4,
        "min_memberships": 6,
        "n_genes": 9,
        "random_state": 5,
    }
    svd = TruncatedSVD(3, random_state=0).fit(X)
    expected = held_out_membership_score(svd, X, **parameters)
    assert HeldOutMembershipScorer(**parameters)(svd, X) == expected
    for name, value in {
        "metric": "recall@3",
        "hidden_fraction": 0.2,
        "n_genes": 20,
    }.items():
        other = HeldOutMembershipScorer(**(parameters | {name: value}))
        assert other(svd, X) != expected


SHUFFLED = KFold(2, shuffle=True, random_state=0)


def test_grid_search_over_the_encoder(X):
    encoder = GeneSetEncoder(4, batch_size=10, random_state=0)
    search = GridSearchCV(
        encoder, {"max_epochs": [1, 40]}, scoring=HeldOutMembershipScorer(), cv=SHUFFLED
    ).fit(X)
    assert search.best_params_ == {"max_epochs": 40}
    scores = search.cv_results_["mean_test_score"]
    assert 0 < scores[0] < scores[1] <= 1
    train, test = next(SHUFFLED.split(X))
    first = held_out_membership_score(
        clone(encoder).set_params(max_epochs=40).fit(X[train]), X[test], random_state=0
    )
    assert search.cv_results_["split0_test_score"][1] == pytest.approx(first)
    # A fitted search is scored by its best estimator.
    assert held_out_membership_score(search, X, random_state=0) == (
        held_out_membership_score(search.best_estimator_, X, random_state=0)
    )


def test_halving_grid_search_over_the_encoder(X):
    search = HalvingGridSearchCV(
        GeneSetEncoder(4, batch_size=10, random_state=0),
        {"max_epochs": [1, 40]},
        scoring=HeldOutMembershipScorer("auroc"),
        resource="n_samples",
        min_resources=30,
        factor=2,
        cv=SHUFFLED,
        random_state=0,
    ).fit(X)
    assert search.best_params_ == {"max_epochs": 40}
    assert search.best_score_ > 0.7


def test_grid_search_over_a_pipeline_of_gene_names(genes_and_sets):
    genes, sets = genes_and_sets
    search = GridSearchCV(
        make_pipeline(GmtVectorizer(sets), TruncatedSVD(random_state=0)),
        {"truncatedsvd__n_components": [1, 3]},
        scoring={
            "ndcg": HeldOutMembershipScorer(),
            "auroc": HeldOutMembershipScorer("auroc"),
        },
        refit="auroc",
        cv=SHUFFLED,
    ).fit(genes)
    assert search.best_params_ == {"truncatedsvd__n_components": 3}
    assert (search.cv_results_["mean_test_ndcg"] > 0).all()
    assert 0 < held_out_membership_score(search, genes, random_state=0) <= 1


def test_the_scorer_works_with_metadata_routing(X):
    with config_context(enable_metadata_routing=True):
        # scikit-learn 1.6.0 does not take None for params here.
        scores = cross_val_score(
            TruncatedSVD(3),
            X,
            scoring=HeldOutMembershipScorer(),
            cv=SHUFFLED,
            params={},
        )
    assert (scores > 0.5).all()


def test_cross_validation_is_reproducible(genes_and_sets):
    genes, sets = genes_and_sets
    pipeline = make_pipeline(
        GmtVectorizer(sets), GeneSetEncoder(3, max_epochs=2, random_state=0)
    )
    first, again = (
        cross_val_score(
            pipeline, genes, scoring=HeldOutMembershipScorer("log_likelihood"), cv=3
        )
        for _ in range(2)
    )
    assert first.shape == (3,)
    assert (first < 0).all()
    np.testing.assert_array_equal(first, again)


def test_a_metric_does_not_depend_on_the_others():
    X = np.ones((6, 8))
    X[:3, :2] = 0
    split = split_memberships(X, random_state=0)
    svd = TruncatedSVD(2, random_state=0).fit(split[0])
    together = held_out_membership_scores(svd, *split, metrics=["ndcg", "auroc"])
    alone = held_out_membership_scores(svd, *split, metrics=["ndcg"])
    assert alone["ndcg"] == together["ndcg"] < 1
