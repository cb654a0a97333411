"""Fits that fail: whatever happens, the encoder stays as it was before."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.exceptions import NotFittedError
from skorch.callbacks import Callback

from sk_gene2vec import GeneSetEncoder

# Trains until the signal comes, which must not change the encoder.
INTERRUPTED = """
import signal
from skorch.callbacks import Callback
from test_broken_fits import fitted_state, make, three_kinds

class Tell(Callback):
    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 2:
            print("training", flush=True)

# A job in the background inherits that it is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
X = three_kinds()
for encoder in make(), make().fit(X):
    before = fitted_state(encoder, X)
    encoder.set_params(callbacks=[Tell()], max_epochs=10**9)
    try:
        encoder.fit(X[:, :29])
    except KeyboardInterrupt:
        same = fitted_state(encoder, X) == before
        print("unchanged" if same else "changed", flush=True)
"""

OUT_OF_MEMORY = """
import resource
import numpy as np
import scipy.sparse as sp
from test_broken_fits import fitted_state, make, three_kinds

X = three_kinds()
encoder = make().fit(X)
before = fitted_state(encoder, X)
large = sp.random_array((3000, 20_000), density=0.001, random_state=0).tocsr()
in_use = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
limit = in_use + 300 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for parameters in (
    # PyTorch's tensors, and the arrays of NumPy.
    {"embedding_dim": 20_000},
    {"embedding_dim": 1000},
):
    encoder.set_params(**parameters)
    try:
        encoder.fit(large)
    except MemoryError as error:
        encoder.set_params(embedding_dim=4)
        print(fitted_state(encoder, X) == before, error)
"""


class Break(Callback):
    """Raise an error at an event of the second epoch, or of the whole training."""

    def __init__(self, event, error):
        self.event, self.error = event, error

    def _break(self, net, event):
        if event == self.event and (len(net.history) > 1 or "train" in event):
            raise self.error

    def on_train_begin(self, net, **kwargs):
        self._break(net, "on_train_begin")

    def on_epoch_begin(self, net, **kwargs):
        self._break(net, "on_epoch_begin")

    def on_grad_computed(self, net, **kwargs):
        self._break(net, "on_grad_computed")

    def on_batch_end(self, net, **kwargs):
        self._break(net, "on_batch_end")

    def on_epoch_end(self, net, **kwargs):
        self._break(net, "on_epoch_end")

    def on_train_end(self, net, **kwargs):
        self._break(net, "on_train_end")


def three_kinds():
    """Sixty genes of three kinds, each kind in ten sets of its own."""
    rng = np.random.default_rng(0)
    own = np.repeat([0, 1, 2], 20)[:, None] == np.repeat([0, 1, 2], 10)
    return (rng.random((60, 30)) < np.where(own, 0.7, 0.05)).astype(np.float32)


def make(**changes):
    parameters = {"batch_size": 20, "max_epochs": 3, "random_state": 0}
    return GeneSetEncoder(**({"embedding_dim": 4} | parameters | changes))


def fitted_state(encoder, X):
    """Digest of every fitted attribute, bit by bit, and of what the encoder gives."""
    parameters = encoder.get_params()
    state = {name: v for name, v in vars(encoder).items() if name not in parameters}
    outputs = None
    if hasattr(encoder, "coefs_"):
        outputs = encoder.transform(X), encoder.predict_proba(X)
    return joblib.hash((state, outputs))


@pytest.fixture(scope="module")
def X():
    return three_kinds()


METHODS = {
    "fit": {},
    "fit one-hot": {"gene_input": "one-hot"},
    "warm start": {"warm_start": True},
    "warm start one-hot": {"warm_start": True, "gene_input": "one-hot"},
}
EVENTS = [name for name in vars(Break) if name.startswith("on_")]


@pytest.mark.parametrize("fitted", [False, True], ids=["unfitted", "fitted"])
@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("method", METHODS)
def test_an_error_in_a_callback_changes_nothing(X, method, event, fitted):
    encoder = make(**METHODS[method])
    if fitted:
        encoder.fit(X)
    before = fitted_state(encoder, X)
    callbacks = [Break(event, RuntimeError("no such server"))]
    with pytest.raises(RuntimeError, match="no such server"):
        encoder.set_params(callbacks=callbacks).fit(X)
    assert fitted_state(encoder, X) == before
    assert len(callbacks) == 1
    # It is as good as before, too: the same fit, or the next one.
    encoder.set_params(callbacks=None).fit(X)
    expected = make(**METHODS[method]).fit(X)
    if fitted and encoder.warm_start:
        expected.fit(X)
    assert fitted_state(encoder, X) == fitted_state(expected, X)


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), SystemExit(1), MemoryError(), GeneratorExit()]
)
def test_what_is_no_exception_comes_through_and_changes_nothing(X, error):
    encoder = make().fit(X)
    before = fitted_state(encoder, X)
    with pytest.raises(type(error)):
        encoder.set_params(callbacks=[Break("on_batch_end", error)]).fit(X)
    assert fitted_state(encoder, X) == before


def test_a_matrix_that_is_refused_changes_nothing(X):
    encoder = make().fit(X)
    before = fitted_state(encoder, X)
    for bad in (-X, X[:0], np.where(X == 1, np.nan, X), sp.csr_array(-X)):
        with pytest.raises(ValueError, match=r"Negative|0 sample|NaN"):
            encoder.fit(bad)
        assert fitted_state(encoder, X) == before


def test_random_state_instance_advances_even_so(X):
    state = np.random.RandomState(0)
    encoder = make(random_state=state, callbacks=[Break("on_batch_end", OSError())])
    with pytest.raises(OSError):  # noqa: PT011 - it has no message
        encoder.fit(X)
    assert state.randint(2**31) != np.random.RandomState(0).randint(2**31)


@pytest.mark.parametrize("max_epochs", [1, 3])
@pytest.mark.parametrize("hidden_layer_sizes", [(), (5,)])
@pytest.mark.parametrize("activation", ["rmsnorm", "identity"])
@pytest.mark.parametrize("lr", [1e2, 1e10, 1e20, 1e30, 1e38])
def test_absurd_learning_rates_raise_or_give_numbers(
    X, lr, activation, hidden_layer_sizes, max_epochs
):
    encoder = make(
        lr=lr,
        activation=activation,
        hidden_layer_sizes=hidden_layer_sizes,
        max_epochs=max_epochs,
    )
    try:
        encoder.fit(X)
    except ValueError as error:
        assert "Use a smaller lr" in str(error)  # noqa: PT017 - or it may not raise
        with pytest.raises(NotFittedError):
            encoder.transform(X)
    else:
        assert np.isfinite(encoder.transform(X)).all()
        assert np.isfinite(encoder.predict_proba(X)).all()


@pytest.mark.parametrize("gene_input", ["membership", "one-hot"])
def test_weights_that_overflow_in_the_last_step_are_no_fit(X, gene_input):
    # One step: the loss was read before it, and is finite.
    encoder = make(gene_input=gene_input, max_epochs=2).fit(X)
    before = fitted_state(encoder, X)
    encoder.set_params(lr=3e38, max_epochs=1, batch_size=60)
    with pytest.raises(ValueError, match=r"became infinite.*lr=3e\+38.*lr=3e\+37"):
        encoder.fit(X)
    assert fitted_state(encoder, X) == before


def environment():
    return os.environ | {
        "PYTHONPATH": str(Path(__file__).parent),
        "CUDA_VISIBLE_DEVICES": "",
    }


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal")
def test_ctrl_c_in_a_process_of_its_own():
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", INTERRUPTED],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            for _ in ("unfitted", "fitted"):
                assert process.stdout.readline() == "training\n"
                process.send_signal(signal.SIGINT)
                assert process.stdout.readline() == "unchanged\n"
            out, err = process.communicate(timeout=120)
        finally:
            process.kill()
    assert (out, err, process.returncode) == ("", "", 0)


@pytest.mark.slow
@pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="needs Linux to limit its memory"
)
def test_running_out_of_memory_in_a_process_of_its_own():
    run = subprocess.run(
        [sys.executable, "-c", OUT_OF_MEMORY],
        env=environment() | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    lines = run.stdout.splitlines()
    allocators = ["DefaultCPUAllocator", "allocate"]
    assert len(lines) == 2, run.stderr
    for line, allocator in zip(lines, allocators, strict=True):
        assert line.startswith("True Out of memory in training on 3000 genes x 20000 g")
        assert allocator in line
        assert "smaller batch_size (now 20)" in line
        assert "n_negatives, such as 2000" in line


def test_out_of_memory_in_a_callback_says_what_needs_less(X):
    broken = make(callbacks=[Break("on_batch_end", MemoryError("17 GiB"))])
    with pytest.raises(MemoryError, match=r"60 genes x 30 gene sets: 17 GiB\. Use a"):
        broken.fit(X)
    with pytest.raises(NotFittedError):
        broken.transform(X)
