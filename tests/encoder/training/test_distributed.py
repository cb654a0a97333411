"""One model trained by several processes: equal to one process, and its errors."""

import os
import pickle
import re
import socket
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sk_gene2vec import GeneSetEncoder
from sk_gene2vec.encoder.training._losses import GeneSetBCE
from sk_gene2vec.encoder.training._resources import resolve_device

accelerated = pytest.importorskip(
    "sk_gene2vec.encoder.training._accelerated",
    reason='needs the package accelerate: pip install ".[distributed]"',
    exc_type=ImportError,
)

# Each float32 sum is taken in another order, which moves its last bit, 1.2e-7. Over
# the 40 steps here that comes to about 2e-7 of a loss and 6e-7 of a weight.
LOSS_RTOL = 2e-6
WEIGHT_ATOL = 1e-5

FITS = {
    # 7 batches of 14 or 15 genes: shares of unequal size.
    "membership": {"max_epochs": 6},
    # Identical rows: shares of unequal weight.
    "one-hot": {"gene_input": "one-hot", "max_epochs": 6, "lr": 0.05},
    "hidden": {"hidden_layer_sizes": (6,), "max_epochs": 6},
}

# What each of two processes runs. Its errors must come in both, or the one without
# would wait for the other forever.
SCRIPT = """
import pickle, sys
from pathlib import Path
from skorch.callbacks import LoadInitState, TrainEndCheckpoint
from test_distributed import FITS, Shares, make, three_kinds

rank, path = int(sys.argv[1]), sys.argv[2]
X = three_kinds()
found = {"shares": Shares()}
for name, changes in FITS.items():
    changes = dict(changes, callbacks=[found["shares"]], device="accelerate")
    found[name] = make(**changes).fit(X).set_params(callbacks=None)
for name, changes in {
    "seed": {"random_state": rank},
    "X": {},
    "batch_size": {"batch_size": 1},
}.items():
    try:
        make(device="accelerate", **changes).fit(X[:-1] if name == "X" and rank else X)
    except ValueError as error:
        found[f"{name} error"] = str(error)
make(device="accelerate", max_epochs=1, verbose=1).fit(X)
found["sampled"] = make(device="accelerate", n_negatives=5).fit(X)
end = TrainEndCheckpoint(dirname=str(Path(path).parent / "checkpoint"))
for name, max_epochs in {"first": 3, "resumed": 6}.items():
    callbacks = [LoadInitState(end), end]
    encoder = make(device="accelerate", max_epochs=max_epochs, callbacks=callbacks)
    found[name] = encoder.fit(X).set_params(callbacks=None)
with open(path, "wb") as file:
    pickle.dump(found, file)
"""


class Shares(Callback):
    """Counts the genes of every batch that this process computes the loss of."""

    def __init__(self):
        self.sizes = []

    def on_batch_end(self, net, y_pred, **kwargs):
        self.sizes.append(len(y_pred[0]))


def three_kinds():
    rng = np.random.default_rng(0)
    own = rng.integers(3, size=100)[:, None] == np.repeat([0, 1, 2], 8)
    X = (rng.random((100, 24)) < np.where(own, 0.6, 0.05)).astype(np.float32)
    X[:20] = X[0]
    return X


def make(**changes):
    parameters = {"batch_size": 15, "random_state": 0, "precision": "float32"}
    return GeneSetEncoder(4, **(parameters | changes))


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    """Train in two processes; return their results and their standard error."""
    folder = tmp_path_factory.mktemp("two")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "PYTHONPATH": str(Path(__file__).parent),
        "CUDA_VISIBLE_DEVICES": "",
        "OMP_NUM_THREADS": "1",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2",
    }
    paths = [str(folder / f"{rank}.pickle") for rank in range(2)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", SCRIPT, str(rank), path],
            env=environment | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank, path in enumerate(paths)
    ]
    try:
        errors = [process.communicate(timeout=300)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], errors
    found = []
    for path in paths:
        found.append(pickle.loads(Path(path).read_bytes()))
    return found, errors


@pytest.mark.parametrize("name", FITS)
def test_two_processes_give_the_numbers_of_one(two_processes, name):
    (first, second), _ = two_processes
    one, a, b = (
        make(device="cpu", **FITS[name]).fit(three_kinds()),
        *(found[name] for found in (first, second)),
    )
    assert a.n_iter_ == one.n_iter_
    np.testing.assert_allclose(a.loss_curve_, one.loss_curve_, rtol=LOSS_RTOL)
    for weights, expected in zip(
        [*a.coefs_, *a.intercepts_, a.embedding_],
        [*one.coefs_, *one.intercepts_, one.embedding_],
        strict=True,
    ):
        np.testing.assert_allclose(weights, expected, atol=WEIGHT_ATOL)
    # Between processes there is no rounding.
    assert a.loss_curve_ == b.loss_curve_
    for weights, others in zip(a.coefs_, b.coefs_, strict=True):
        np.testing.assert_array_equal(weights, others)
    # The curve tells something: it falls by far more than the tolerance.
    assert one.loss_curve_[-1] < 0.9 * one.loss_curve_[0]


def test_processes_estimate_from_their_own_genes_with_negatives(two_processes):
    (first, second), _ = two_processes
    a, b = first["sampled"], second["sampled"]
    assert a.loss_curve_ == b.loss_curve_
    for weights, others in zip(a.coefs_, b.coefs_, strict=True):
        np.testing.assert_array_equal(weights, others)
    one = make(n_negatives=5).fit(three_kinds())
    assert a.loss_curve_ != one.loss_curve_
    np.testing.assert_allclose(a.loss_curve_[-1], one.loss_curve_[-1], rtol=0.1)


def test_each_process_computes_its_share_alone(two_processes):
    (first, second), _ = two_processes
    a, b = first["shares"].sizes, second["shares"].sizes
    # Membership: 100 genes in batches of 14 or 15, of which 7 and 7, or 7 and 8.
    assert set(a[:42]) == {7}
    assert sorted(b[:7]) == [7] * 5 + [8] * 2
    assert sum(a[:7]) + sum(b[:7]) == 100


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("seed", r"an int as random_state, the same in all 2 processes.*in \[1\]"),
        (
            "X",
            r"the same X, .* in all 2 processes.*in \[1\]\. Give each process all",
        ),
        ("batch_size", "Expected batches of at least 2 genes.*got one of 1"),
    ],
)
def test_errors_come_in_all_processes(two_processes, name, message):
    for found in two_processes[0]:
        assert re.search(message, found[f"{name} error"])


def test_a_checkpoint_resumes_in_all_processes(two_processes):
    (first, second), _ = two_processes
    for found in (first, second):
        before, after = found["first"], found["resumed"]
        assert after.loss_curve_[:3] == before.loss_curve_
        assert after.n_iter_ == 6
        assert after.loss_curve_[-1] < before.loss_curve_[-1]
    for weights, others in zip(
        first["resumed"].coefs_, second["resumed"].coefs_, strict=True
    ):
        np.testing.assert_array_equal(weights, others)


def test_only_the_first_process_shows_progress(two_processes):
    _, (first, second) = two_processes
    for text in ("preparing", "epochs: 100%"):
        assert text in first
    for text in ("preparing", "epochs"):
        assert text not in second


def test_without_other_processes_it_is_the_same_fit():
    X = three_kinds()
    parameters = {"max_epochs": 3}
    alone = make(device="accelerate", **parameters).fit(X)
    here = make(device="auto", **parameters).fit(X)
    np.testing.assert_allclose(alone.loss_curve_, here.loss_curve_, rtol=LOSS_RTOL)
    np.testing.assert_allclose(alone.embedding_, here.embedding_, atol=WEIGHT_ATOL)
    # Nothing of accelerate stays in the encoder.
    assert b"accelerate." not in pickle.dumps(alone)
    sampled = [
        make(device=device, n_negatives=5, max_epochs=3).fit(X).loss_curve_
        for device in ("accelerate", "auto")
    ]
    np.testing.assert_allclose(*sampled, rtol=LOSS_RTOL)


def test_accelerate_started_before_and_without_the_others(monkeypatch):
    accelerated.start_accelerator()
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RuntimeError, match="Expected the 2 processes of WORLD_SIZE"):
        make(device="accelerate").fit(three_kinds())


def test_without_accelerate_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    monkeypatch.delitem(sys.modules, "sk_gene2vec.encoder.training._accelerated")
    with pytest.raises(ImportError, match="`pip install accelerate`"):
        resolve_device("accelerate")


@pytest.mark.parametrize("n_shares", [1, 2, 3])
def test_losses_of_shares_add_up(problem, n_shares):
    hidden, output, targets, _ = problem
    criterion = GeneSetBCE()
    whole = criterion((hidden, output), targets)
    expected = torch.autograd.grad(whole, [hidden, output])
    bounds = np.linspace(0, len(hidden), n_shares + 1).astype(int)
    parts = []
    for start, stop in pairwise(bounds.tolist()):
        rows = slice(start, stop)
        share = accelerated.share_of(targets, rows)
        loss = criterion((hidden[rows], output), share)
        parts.append(loss * targets.weights[rows].sum())
    torch.testing.assert_close(sum(parts), whole)
    torch.testing.assert_close(
        torch.autograd.grad(sum(parts), [hidden, output]), expected
    )
