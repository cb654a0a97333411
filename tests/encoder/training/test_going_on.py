"""Going on: from the fit before, part by part, and after the process was killed."""

import functools
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.random import PCG64, RandomState
from sklearn.base import clone
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    LoadInitState,
    TrainEndCheckpoint,
)
from test_broken_fits import fitted_state, three_kinds

from sk_gene2vec import GeneSetEncoder
from sk_gene2vec.encoder.training import _data, _train
from sk_gene2vec.encoder.training._checkpoints import identity_of_fit

# Killed in the second batch of the fourth epoch, where it waits for the signal.
KILLED = """
import sys
from skorch.callbacks import Callback
from test_going_on import checkpoint_in, make, three_kinds

class Wait(Callback):
    def on_batch_end(self, net, **kwargs):
        if len(net.history) == 4 and len(net.history[-1]["batches"]) == 2:
            print("in the middle of epoch 4", flush=True)
            sys.stdin.readline()

make(callbacks=[*checkpoint_in(sys.argv[1]), Wait()]).fit(three_kinds())
"""


def make(**changes):
    parameters = {"batch_size": 20, "max_epochs": 6, "random_state": 0}
    return GeneSetEncoder(**({"embedding_dim": 4} | parameters | changes))


def checkpoint_in(folder, **changes):
    """The two callbacks that keep a fit and go on from it."""
    checkpoint = Checkpoint(**({"monitor": None, "dirname": str(folder)} | changes))
    return [LoadInitState(checkpoint), checkpoint]


def assert_same_fit(encoder, expected, X):
    assert encoder.loss_curve_ == expected.loss_curve_
    assert fitted_state(encoder, X) == fitted_state(expected, X)


class Kill(Callback):
    """End the fit in the first batch of an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_batch_end(self, net, **kwargs):
        if len(net.history) == self.epoch:
            raise InterruptedError


class Draws(Callback):
    """Which memberships were hidden in each batch."""

    def __init__(self):
        self.hidden = []

    def on_batch_begin(self, net, batch, **kwargs):
        self.hidden.append(batch.targets.asked.tolist())


@pytest.fixture(scope="module")
def X():
    return three_kinds()


# ---------------------------------------------------------------- warm_start


@pytest.mark.parametrize("gene_input", ["membership", "one-hot"])
@pytest.mark.parametrize("hidden_layer_sizes", [(), (5, 6)])
def test_warm_start_goes_on_from_the_weights(X, gene_input, hidden_layer_sizes):
    encoder = make(
        gene_input=gene_input, hidden_layer_sizes=hidden_layer_sizes, warm_start=True
    ).fit(X)
    curve = list(encoder.loss_curve_)
    weights = [*encoder.coefs_, *encoder.intercepts_]
    copies = [array.copy() for array in weights]
    # Steps of next to nothing leave the weights where they are.
    encoder.set_params(lr=1e-12, max_epochs=2).fit(X)
    for array, before in zip(
        [*encoder.coefs_, *encoder.intercepts_], copies, strict=True
    ):
        np.testing.assert_allclose(array, before, rtol=1e-5, atol=1e-9)
    # As in scikit-learn's perceptron: the curve goes on, the count is the last call's.
    assert encoder.loss_curve_[:6] == curve
    assert len(encoder.loss_curve_) == 8
    assert encoder.n_iter_ == 2
    encoder.set_params(lr=0.02, max_epochs=30).fit(X)
    assert encoder.loss_curve_[-1] < 0.9 * curve[-1]
    # What the first fit gave is not written over.
    for array, before in zip(weights, copies, strict=True):
        np.testing.assert_array_equal(array, before)


def test_without_warm_start_fit_starts_anew(X):
    again = make().fit(X).fit(X)
    assert_same_fit(again, make().fit(X), X)


def test_first_fit_with_warm_start_is_a_plain_one(X):
    assert_same_fit(make(warm_start=True).fit(X), make().fit(X), X)


def test_every_call_draws_other_masks(X):
    draws = Draws()
    encoder = make(warm_start=True, max_epochs=1, callbacks=[draws])
    encoder.fit(X).fit(X).partial_fit(X)
    assert len(draws.hidden) == 9
    assert len({tuple(hidden) for hidden in draws.hidden}) == 9


def test_warm_start_keeps_the_weights_of_the_gene_sets(X):
    encoder = make(warm_start=True).fit(X)
    before = encoder.gene_set_weights_
    encoder.fit(X[:40])
    np.testing.assert_array_equal(encoder.gene_set_weights_, before)
    assert encoder.embedding_.shape == (40, 4)


@pytest.fixture
def held_out(monkeypatch):
    """Memberships held out in each call."""
    found = []

    def spy(*args):
        rest, held_out = hold_out(*args)
        found.append((held_out.genes.tolist(), held_out.hidden.toarray().tolist()))
        return rest, held_out

    hold_out = _data.hold_out
    monkeypatch.setattr(_data, "hold_out", spy)
    return found


@pytest.mark.parametrize(
    "random_state", [None, 0, RandomState(0), RandomState(PCG64(0))]
)
@pytest.mark.parametrize("gene_input", ["membership", "one-hot"])
def test_what_was_held_out_stays_held_out(X, random_state, gene_input, held_out):
    encoder = make(
        warm_start=True, max_epochs=1, gene_input=gene_input, random_state=random_state
    ).fit(X)
    encoder = pickle.loads(pickle.dumps(encoder)).fit(X)
    encoder.set_params(random_state=3).fit(X)
    assert held_out[0] == held_out[1] == held_out[2]
    # A fit that starts anew draws anew.
    encoder.set_params(warm_start=False).fit(X)
    assert held_out[3] != held_out[0]


@pytest.mark.parametrize("random_state", [None, RandomState(0)])
def test_a_part_seen_again_has_the_same_held_out(X, random_state, held_out):
    encoder = make(random_state=random_state)
    for part in X[:30], X[30:], X[:30], X[30:]:
        encoder.partial_fit(part)
    assert held_out[:2] == held_out[2:]


def test_models_without_a_record_of_the_held_out_go_on(X):
    encoder = make(warm_start=True, max_epochs=1).fit(X)
    del encoder._hold_out_state
    assert_same_fit(
        encoder.fit(X), make(warm_start=True, max_epochs=1).fit(X).fit(X), X
    )


def test_validation_scores_goes_on_and_does_not_stay_behind(X):
    encoder = make(warm_start=True, early_stopping=True).fit(X).fit(X)
    assert len(encoder.validation_scores_) == len(encoder.loss_curve_)
    encoder.set_params(early_stopping=False).fit(X)
    assert not hasattr(encoder, "validation_scores_")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"embedding_dim": 5}, "embedding_dim=4, got 5"),
        ({"hidden_layer_sizes": [7]}, r"hidden_layer_sizes=\(\), got \(7,\)"),
        ({"activation": "tanh"}, "activation='rmsnorm', got 'tanh'"),
        ({"gene_input": "one-hot"}, "gene_input='membership', got 'one-hot'"),
    ],
)
def test_another_architecture_is_refused(X, changes, message):
    encoder = make(warm_start=True).fit(X)
    before = fitted_state(encoder, X)
    with pytest.raises(ValueError, match=f"expected {message}.*warm_start=False"):
        encoder.set_params(**changes).fit(X)
    encoder.set_params(**make().get_params())
    assert fitted_state(encoder, X) == before


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_other_gene_sets_are_refused(X, method):
    frame = pd.DataFrame(X, columns=[f"SET{i}" for i in range(30)])
    encoder = make(warm_start=True).fit(frame)
    before = fitted_state(encoder, frame)
    with pytest.raises(ValueError, match=r"(?s)feature names should.*SET7"):
        getattr(encoder, method)(frame.rename(columns={"SET7": "OTHER"}))
    with pytest.raises(ValueError, match=r"(?s)feature names should.*missing.*SET7"):
        getattr(encoder, method)(frame.drop(columns=["SET7"]))
    assert fitted_state(encoder, frame) == before
    without_names = make(warm_start=True).fit(X)
    with pytest.raises(ValueError, match=r"29 features, but .* expecting 30"):
        getattr(without_names, method)(X[:, :29])


def test_one_hot_needs_the_same_genes(X):
    encoder = make(gene_input="one-hot", warm_start=True).fit(X)
    # In another order, and some of them twice, they are the same.
    encoder.fit(np.vstack([X[::-1], X[:3]]))
    changed = X.copy()
    changed[5] = 1
    with pytest.raises(ValueError, match="expected 60 distinct rows of X, got 60, 1"):
        encoder.fit(changed)
    with pytest.raises(ValueError, match="expected 60 distinct rows of X, got 59, 0"):
        encoder.fit(X[1:])


# ---------------------------------------------------------------- partial_fit


@pytest.mark.parametrize(
    "changes", [{}, {"n_negatives": 5}, {"hidden_layer_sizes": (5,), "init": "random"}]
)
def test_parts_are_epochs_at_a_constant_learning_rate(X, changes, monkeypatch):
    parts = make(**changes)
    for _ in range(3):
        parts = pickle.loads(pickle.dumps(parts.partial_fit(X)))
    # The same in one go: nothing is lost between the calls.
    monkeypatch.setattr(_train.Run, "max_epochs", 3)
    rates = []

    class Rate(Callback):
        def on_batch_end(self, net, **kwargs):
            rates.append(net.optimizer_.param_groups[-1]["lr"])

    whole = make(callbacks=[Rate()], **changes).partial_fit(X)
    assert set(rates) == {0.02}
    assert parts.loss_curve_ == whole.loss_curve_
    for a, b in zip(parts.coefs_, whole.coefs_, strict=True):
        np.testing.assert_array_equal(a, b)
    assert parts.n_iter_ == 1


def eight_kinds():
    """Genes of eight kinds, each with frequencies of its own in eighty sets."""
    rng = np.random.default_rng(1)
    kinds = rng.integers(0, 8, size=1200)
    profile = rng.beta(0.3, 2, size=(8, 80))
    return sp.csr_array((rng.random((1200, 80)) < profile[kinds]).astype(np.float32))


def test_parts_learn_what_the_whole_teaches():
    X = eight_kinds()
    train, test = X[:1000], X[1000:]
    parameters = {"embedding_dim": 8, "batch_size": 50, "random_state": 0}
    whole = GeneSetEncoder(max_epochs=10, **parameters).fit(train)
    parts = GeneSetEncoder(**parameters)
    for _ in range(10):
        for start in range(0, 1000, 250):
            parts.partial_fit(train[start : start + 250])
    start = GeneSetEncoder(max_epochs=1, lr=1e-9, init="random", **parameters)
    gained = whole.score(test) - start.fit(train).score(test)
    assert gained > 0.1
    assert parts.score(test) > whole.score(test) - 0.1 * gained
    # Probabilities of the whole and of the parts tell the same story. The wide part is
    # a mean of regressions on a quarter of the genes each.
    a, b = whole.predict_proba(test), parts.predict_proba(test)
    assert np.corrcoef(np.log(a).ravel(), np.log(b).ravel())[0, 1] > 0.85


def test_a_set_is_weighed_by_the_first_part_with_one_of_its_genes(X):
    first, second = X[:20].copy(), X[20:40]
    first[:, 3] = 0
    encoder = make().partial_fit(first)
    before = encoder.gene_set_weights_
    assert before[3] == 0
    encoder.set_params(validation_fraction=0.0).partial_fit(second)
    sizes = second.sum(axis=0)
    of_second = np.where(sizes > 0, np.log(20 / np.maximum(sizes, 1)), 0)
    expected = np.where(before > 0, before, of_second)
    np.testing.assert_allclose(encoder.gene_set_weights_, expected, rtol=1e-6)
    assert expected[3] > 0
    assert encoder.embedding_.shape == (20, 4)
    np.testing.assert_allclose(encoder.transform(second), encoder.embedding_, atol=1e-6)


def test_a_set_of_all_genes_is_weighed_by_the_first_part_with_others(X):
    first, second = X[:20].copy(), X[20:40].copy()
    first[:, 3] = 1
    second[:, 3] = np.arange(20) < 5
    # Some of its genes are held out, which must not give it a weight.
    encoder = make(validation_fraction=0.9).partial_fit(first)
    assert encoder.gene_set_weights_[3] == 0
    encoder.set_params(validation_fraction=0.0).partial_fit(second)
    assert encoder.gene_set_weights_[3] == pytest.approx(np.log(4))


@functools.cache
def in_parts(init, first=None):
    """Train on ten parts, after a first one if it is given."""
    X = eight_kinds()
    parts = [X[i : i + 100] for i in range(0, 1000, 100)]
    if first is not None:
        parts.insert(0, FIRST_PARTS[first])
    encoder = GeneSetEncoder(8, init=init, batch_size=50, random_state=0)
    for part in parts:
        encoder.partial_fit(part)
    return encoder


FIRST_PARTS = {
    "one gene": np.eye(1, 80),
    "empty rows": np.zeros((5, 80)),
    "sets of all genes": np.ones((20, 80)),
}


@pytest.mark.filterwarnings("ignore:.*in no gene set:UserWarning")
@pytest.mark.parametrize("init", ["svd", "random"])
@pytest.mark.parametrize("first", FIRST_PARTS)
def test_a_first_part_without_weights_does_no_harm(first, init):
    encoder, without = in_parts(init, first), in_parts(init)
    for fitted in encoder, without:
        assert abs(fitted.coefs_[0]).max() < 10
        assert (fitted.gene_set_weights_ > 0).all()
    test = eight_kinds()[1000:]
    assert encoder.score(test) == pytest.approx(without.score(test), abs=0.05)


def test_calibration_stays_where_a_part_has_nothing_to_hold_out(X):
    encoder = make().partial_fit(X)
    before = encoder.calibration_
    assert before.tolist() != [[1, 1, 1, 0]]
    encoder.partial_fit(np.eye(30))
    np.testing.assert_array_equal(encoder.calibration_, before)
    encoder.partial_fit(X)
    assert encoder.calibration_.tolist() != before.tolist()


def test_fit_drops_what_only_further_parts_need(X):
    encoder = make().partial_fit(X)
    of_parts = len(pickle.dumps(encoder))
    assert_same_fit(encoder.fit(X), make().fit(X), X)
    assert len(pickle.dumps(encoder)) < of_parts
    # And may follow it: new genes for a fitted encoder.
    encoder.partial_fit(X[:20])
    assert len(encoder.loss_curve_) == 7


def test_partial_fit_is_for_memberships_without_early_stopping(X):
    with pytest.raises(AttributeError, match="no attribute 'partial_fit'") as error:
        make(gene_input="one-hot").partial_fit(X)
    assert 'needs gene_input="membership"' in str(error.value.__cause__)
    assert not hasattr(make(gene_input="one-hot"), "partial_fit")
    with pytest.raises(ValueError, match="does not support early_stopping=True"):
        make(early_stopping=True).partial_fit(X)
    with pytest.raises(ValueError, match="expected embedding_dim=4, got 3"):
        make().partial_fit(X).set_params(embedding_dim=3).partial_fit(X)
    assert not hasattr(clone(make().partial_fit(X)), "coefs_")


# ---------------------------------------------------------------- checkpoints


@pytest.mark.slow
def test_a_killed_process_goes_on_as_if_nothing_had_been(X, tmp_path):
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", KILLED, str(tmp_path)],
        env=os.environ
        | {"PYTHONPATH": str(Path(__file__).parent), "CUDA_VISIBLE_DEVICES": ""},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout.readline() == "in the middle of epoch 4\n"
        finally:
            process.kill()
    assert process.returncode != 0
    assert len(json.loads((tmp_path / "history.json").read_text())) == 3
    draws = Draws()
    resumed = make(callbacks=[*checkpoint_in(tmp_path), draws], device="cpu").fit(X)
    assert len(draws.hidden) == 3 * 3
    assert_same_fit(resumed, make(device="cpu").fit(X), X)
    assert resumed.n_iter_ == 6


@pytest.mark.parametrize(
    ("changes", "monitor"),
    [
        ({}, None),
        ({"gene_input": "one-hot", "hidden_layer_sizes": (5,)}, None),
        ({"n_negatives": 5}, None),
        ({"precision": "bfloat16"}, "train_loss_best"),
        (
            {"early_stopping": True, "n_iter_no_change": 2, "max_epochs": 40},
            "valid_score_best",
        ),
    ],
)
@pytest.mark.parametrize("epoch", [1, 2, 5])
def test_going_on_gives_the_fit_that_was_not_stopped(
    X, changes, monitor, epoch, tmp_path
):
    expected = make(**changes).fit(X)
    extra = {"monitor": monitor}
    if "n_negatives" in changes:
        extra["f_sparse_optimizer"] = "sparse_optimizer.pt"
    files = checkpoint_in(tmp_path, **extra)
    with pytest.raises(InterruptedError):
        make(callbacks=[*files, Kill(epoch)], **changes).fit(X)
    resumed = make(callbacks=files, **changes).fit(X)
    assert_same_fit(resumed, expected, X)
    # All the same when it goes on from the end, whatever callback comes first.
    assert_same_fit(make(callbacks=files[::-1], **changes).fit(X), expected, X)


def test_more_epochs_go_on_from_the_end(X, tmp_path):
    end = TrainEndCheckpoint(dirname=str(tmp_path))
    first = make(callbacks=[LoadInitState(end), end]).fit(X)
    more = make(callbacks=[LoadInitState(end), end], max_epochs=9).fit(X)
    assert more.loss_curve_[:6] == first.loss_curve_
    assert len(more.loss_curve_) == more.n_iter_ == 9
    assert more.loss_curve_[-1] < first.loss_curve_[-1]


def test_skorchs_early_stopping_works_beside_it(X, tmp_path):
    stopping = EarlyStopping(monitor="train_loss", patience=2, threshold=0.9, sink=str)
    encoder = make(callbacks=[*checkpoint_in(tmp_path), stopping]).fit(X)
    assert encoder.n_iter_ == 3


def test_best_checkpoint_is_loaded_at_the_end(X, tmp_path):
    checkpoint = Checkpoint(
        monitor="train_loss_best", load_best=True, dirname=str(tmp_path)
    )
    encoder = make(callbacks=[checkpoint]).fit(X)
    assert encoder.n_iter_ == np.argmin(make().fit(X).loss_curve_) + 1


@pytest.fixture(scope="module")
def kept(X, tmp_path_factory):
    """A folder with the checkpoint of three epochs."""
    folder = tmp_path_factory.mktemp("kept")
    frame = pd.DataFrame(X, columns=[f"SET{i}" for i in range(30)])
    with pytest.raises(InterruptedError):
        make(callbacks=[*checkpoint_in(folder), Kill(4)]).fit(frame)
    return folder


@pytest.fixture
def folder(kept, tmp_path):
    return shutil.copytree(kept, tmp_path / "checkpoint")


def go_on(folder, X, **changes):
    X = pd.DataFrame(X, columns=[f"SET{i}" for i in range(X.shape[1])])
    encoder = make(**changes, callbacks=checkpoint_in(folder))
    try:
        return encoder.fit(X)
    finally:
        assert hasattr(encoder, "coefs_") is (sys.exc_info()[0] is None)


def test_the_checkpoint_that_the_refused_ones_derive_from_is_good(folder, X):
    assert go_on(folder, X).loss_curve_ == make().fit(X).loss_curve_


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"embedding_dim": 5}, "embedding_dim is 4 there and 5 here"),
        ({"hidden_layer_sizes": (7,)}, r"hidden_layer_sizes is \[\] there and \[7\]"),
        ({"activation": "tanh"}, "activation is rmsnorm there and tanh here"),
        ({"gene_input": "one-hot"}, "gene_input is membership there and one-hot"),
        ({"n_negatives": 5}, "n_negatives is None there and 5 here"),
        ({"lr": 0.01}, "lr is 0.02 there and 0.01 here"),
        ({"batch_size": 10}, "batch_size is 20 there and 10 here"),
        ({"early_stopping": True}, "early_stopping is False there and True here"),
        ({"random_state": 1}, r"the seed drawn from random_state is \d+ there and \d+"),
    ],
)
def test_a_checkpoint_of_another_fit_is_refused(folder, X, changes, message):
    expected = f"of another fit.*: {message}.*LoadInitState from callbacks"
    with pytest.raises(ValueError, match=expected):
        go_on(folder, X, **changes)


def test_parameters_are_of_the_fit_unless_they_are_free(X):
    """A new parameter is compared unless the list of the free ones names it."""
    parameters = GeneSetEncoder().get_params() | {"brand_new": 3}
    identity = identity_of_fit(
        sp.csr_array(X), parameters, gene_set_names=None, seed=7, epochs_before=0
    )
    free = {"max_epochs", "n_iter_no_change", "precision", "device", "callbacks"}
    free |= {"warm_start", "random_state", "verbose", "n_wide_inputs"}
    assert set(parameters) - set(identity) == free
    assert identity["brand_new"] == "3"


def test_the_wide_part_may_change(folder, X):
    went_on = go_on(folder, X, n_wide_inputs=3)
    expected = make(n_wide_inputs=3).fit(X)
    assert expected.wide_coef_.nnz < make().fit(X).wide_coef_.nnz
    assert went_on.loss_curve_ == expected.loss_curve_
    assert (went_on.wide_coef_ != expected.wide_coef_).nnz == 0


def test_a_checkpoint_of_other_gene_sets_is_refused(folder, X):
    with pytest.raises(ValueError, match="number of gene sets is 30 there and 29 here"):
        go_on(folder, X[:, :29])
    with pytest.raises(ValueError, match="number of genes is 60 there and 59 here"):
        go_on(folder, X[:59])
    changed = X.copy()
    changed[5, 6] = 1 - changed[5, 6]
    with pytest.raises(ValueError, match="digest of the memberships is"):
        go_on(folder, changed)
    frame = pd.DataFrame(X, columns=[f"OTHER{i}" for i in range(30)])
    with pytest.raises(ValueError, match="digest of their names is"):
        make(callbacks=checkpoint_in(folder)).fit(frame)


@pytest.mark.parametrize("name", ["params.pt", "optimizer.pt", "history.json"])
@pytest.mark.parametrize("damage", ["half", "empty", "other bytes", "missing"])
def test_a_damaged_checkpoint_is_refused(folder, X, name, damage):
    path = folder / name
    data = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        bad = {"half": data[: len(data) // 2], "empty": b""}
        path.write_bytes(bad.get(damage, b"no checkpoint"))
    if (name, damage) == ("history.json", "missing"):
        # As before the first epoch was over: there is nothing to go on from.
        assert go_on(folder, X).n_iter_ == 6
        return
    with pytest.raises(ValueError, match=r"Cannot read the checkpoint.*Remove its"):
        go_on(folder, X)


@pytest.mark.parametrize("newer", ["optimizer.pt", "history.json"])
def test_files_of_two_epochs_are_refused(folder, X, newer, tmp_path):
    with pytest.raises(InterruptedError):
        make(callbacks=[*checkpoint_in(tmp_path / "later"), Kill(5)]).fit(
            pd.DataFrame(X, columns=[f"SET{i}" for i in range(30)])
        )
    shutil.copy(tmp_path / "later" / newer, folder / newer)
    steps = {"optimizer.pt": (9, 3, 12), "history.json": (12, 4, 9)}[newer]
    expected = "after the {} steps of the {} epochs in .* history, got {} steps"
    with pytest.raises(ValueError, match=expected.format(*steps)):
        go_on(folder, X)


@pytest.mark.parametrize(
    ("changes", "left_out", "message"),
    [
        ({}, {"f_optimizer": None}, "Expected optimizer after .* f_optimizer"),
        ({}, {"f_history": None}, "Cannot read the checkpoint.* f_history"),
        (
            {"n_negatives": 5},
            {},
            "Expected sparse_optimizer after .* f_sparse_optimizer",
        ),
    ],
)
def test_a_checkpoint_without_all_of_it_is_refused(
    X, tmp_path, changes, left_out, message
):
    files = checkpoint_in(tmp_path, **left_out)
    with pytest.raises(InterruptedError):
        make(callbacks=[files[1], Kill(3)], **changes).fit(X)
    with pytest.raises(ValueError, match=message):
        make(callbacks=files, **changes).fit(X)


def test_a_checkpoint_of_half_an_epoch_is_refused(X, tmp_path):
    end = TrainEndCheckpoint(dirname=str(tmp_path))
    with pytest.raises(InterruptedError):
        make(callbacks=[end, Kill(3)]).fit(X)
    with pytest.raises(
        ValueError, match=r"Checkpoint\(monitor=None.*the middle of epoch 3"
    ):
        make(callbacks=[LoadInitState(end)]).fit(X)


def test_early_stopping_needs_the_best_epoch(X, tmp_path):
    parameters = {"early_stopping": True, "max_epochs": 40}
    curve = make(**parameters).fit(X).validation_scores_
    best = int(np.argmax(curve)) + 1
    assert best < len(curve)
    files = checkpoint_in(tmp_path)
    with pytest.raises(InterruptedError):
        make(callbacks=[*files, Kill(best + 2)], **parameters).fit(X)
    message = (
        f"best epoch, which is {best}, got one of epoch {best + 1}: "
        '.*Checkpoint(monitor="valid_score_best")'
    )
    with pytest.raises(ValueError, match=re.escape(message).replace(r"\.\*", ".*")):
        make(callbacks=files, **parameters).fit(X)


def test_progress_goes_on_where_it_was(folder, X, capsys):
    go_on(folder, X, verbose=1)
    assert "6/6" in capsys.readouterr().err


def test_a_checkpoint_beyond_the_last_epoch_is_the_result(folder, X):
    assert go_on(folder, X, max_epochs=2).loss_curve_ == make().fit(X).loss_curve_[:3]
