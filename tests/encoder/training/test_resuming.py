"""Resumed fits: with `warm_start`, and after the process was killed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    LoadInitState,
    TrainEndCheckpoint,
)
from test_broken_fits import fitted_state, three_kinds

from sk_gene2vec import GeneSetEncoder

# Killed in the second batch of the fourth epoch, where it waits for the signal.
KILLED = """
import sys
from skorch.callbacks import Callback
from test_resuming import checkpoint_in, make, three_kinds

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
    """Make the two callbacks that save a fit and resume it."""
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
    """Records which memberships were hidden in each batch."""

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
def test_warm_start_continues_from_the_weights(X, gene_input, hidden_layer_sizes):
    encoder = make(
        gene_input=gene_input, hidden_layer_sizes=hidden_layer_sizes, warm_start=True
    ).fit(X)
    curve = list(encoder.loss_curve_)
    weights = [*encoder.coefs_, *encoder.intercepts_]
    copies = [array.copy() for array in weights]
    # Tiny steps leave the weights nearly as they are.
    encoder.set_params(lr=1e-12, max_epochs=2).fit(X)
    for array, before in zip(
        [*encoder.coefs_, *encoder.intercepts_], copies, strict=True
    ):
        np.testing.assert_allclose(array, before, rtol=1e-5, atol=1e-9)
    # As in scikit-learn's perceptron: n_iter_ is that of the last call.
    assert encoder.loss_curve_[:6] == curve
    assert len(encoder.loss_curve_) == 8
    assert encoder.n_iter_ == 2
    encoder.set_params(lr=0.02, max_epochs=30).fit(X)
    assert encoder.loss_curve_[-1] < 0.9 * curve[-1]
    # The arrays of the first fit are not overwritten.
    for array, before in zip(weights, copies, strict=True):
        np.testing.assert_array_equal(array, before)


def test_without_warm_start_fit_starts_again(X):
    again = make().fit(X).fit(X)
    assert_same_fit(again, make().fit(X), X)


def test_first_fit_with_warm_start_is_a_plain_one(X):
    assert_same_fit(make(warm_start=True).fit(X), make().fit(X), X)


def test_every_call_draws_other_masks(X):
    draws = Draws()
    encoder = make(warm_start=True, max_epochs=1, callbacks=[draws])
    encoder.fit(X).fit(X).fit(X)
    assert len(draws.hidden) == 9
    assert len({tuple(hidden) for hidden in draws.hidden}) == 9


def test_warm_start_keeps_the_weights_of_the_gene_sets(X):
    encoder = make(warm_start=True).fit(X)
    before = encoder.gene_set_weights_
    encoder.fit(X[:40])
    np.testing.assert_array_equal(encoder.gene_set_weights_, before)
    assert encoder.embedding_.shape == (40, 4)


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


def test_other_gene_sets_are_refused(X):
    frame = pd.DataFrame(X, columns=[f"SET{i}" for i in range(30)])
    encoder = make(warm_start=True).fit(frame)
    before = fitted_state(encoder, frame)
    with pytest.raises(ValueError, match=r"(?s)feature names should.*SET7"):
        encoder.fit(frame.rename(columns={"SET7": "OTHER"}))
    with pytest.raises(ValueError, match=r"(?s)feature names should.*missing.*SET7"):
        encoder.fit(frame.drop(columns=["SET7"]))
    assert fitted_state(encoder, frame) == before
    without_names = make(warm_start=True).fit(X)
    with pytest.raises(ValueError, match=r"29 features, but .* expecting 30"):
        without_names.fit(X[:, :29])


def test_one_hot_needs_the_same_genes(X):
    encoder = make(gene_input="one-hot", warm_start=True).fit(X)
    # The same genes may come in another order, and several times.
    encoder.fit(np.vstack([X[::-1], X[:3]]))
    changed = X.copy()
    changed[5] = 1
    with pytest.raises(ValueError, match="expected 60 distinct rows of X, got 60, 1"):
        encoder.fit(changed)
    with pytest.raises(ValueError, match="expected 60 distinct rows of X, got 59, 0"):
        encoder.fit(X[1:])


# ---------------------------------------------------------------- checkpoints


@pytest.mark.slow
def test_a_fit_resumed_after_a_kill_equals_an_uninterrupted_one(X, tmp_path):
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
    ],
)
@pytest.mark.parametrize("epoch", [1, 5])
def test_a_resumed_fit_equals_an_uninterrupted_one(
    X, changes, monitor, epoch, tmp_path
):
    expected = make(**changes).fit(X)
    files = checkpoint_in(tmp_path, monitor=monitor)
    with pytest.raises(InterruptedError):
        make(callbacks=[*files, Kill(epoch)], **changes).fit(X)
    resumed = make(callbacks=files, **changes).fit(X)
    assert_same_fit(resumed, expected, X)
    # The same holds if it resumes from the end, in any order of the callbacks.
    assert_same_fit(make(callbacks=files[::-1], **changes).fit(X), expected, X)


def test_a_checkpoint_of_the_whole_net(X, tmp_path):
    checkpoint = Checkpoint(dirname=str(tmp_path), f_pickle="net.pkl", monitor=None)
    make(callbacks=[checkpoint]).fit(X)
    assert (tmp_path / "net.pkl").stat().st_size


def test_more_epochs_continue_from_the_end(X, tmp_path):
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


def test_progress_continues_where_it_was(X, tmp_path, capsys):
    with pytest.raises(InterruptedError):
        make(callbacks=[*checkpoint_in(tmp_path), Kill(4)]).fit(X)
    make(callbacks=checkpoint_in(tmp_path), verbose=1).fit(X)
    assert "6/6" in capsys.readouterr().err


def test_a_checkpoint_beyond_the_last_epoch_is_the_result(X, tmp_path):
    with pytest.raises(InterruptedError):
        make(callbacks=[*checkpoint_in(tmp_path), Kill(4)]).fit(X)
    resumed = make(callbacks=checkpoint_in(tmp_path), max_epochs=2).fit(X)
    assert resumed.loss_curve_ == make().fit(X).loss_curve_[:3]
