"""The same call gives the same numbers, and leaves the process as it found it."""

import contextlib
import os
import pickle
import random
import signal
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.special
import sklearn
import torch
from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky import get_reusable_executor
from skorch.callbacks import Callback
from threadpoolctl import threadpool_info

from sk_gene2vec import GeneSetEncoder

N_FITS = 4

CONFIGURATIONS = {
    "membership": {},
    "one-hot": {"gene_input": "one-hot"},
    "float32": {"precision": "float32"},
    "bfloat16": {"precision": "bfloat16"},
    "hidden": {"hidden_layer_sizes": (6,)},
    "sampled negatives": {"n_negatives": 20},
}


def make(name="membership", **changes):
    parameters = {"batch_size": 25, "max_epochs": 3, "random_state": 0}
    return GeneSetEncoder(4, **(parameters | CONFIGURATIONS[name] | changes))


def kinds(n_genes=60, n_sets=40):
    """Genes of five kinds, each often in sets of its own kind."""
    rng = np.random.default_rng(0)
    own = rng.integers(5, size=(n_genes, 1)) == rng.integers(5, size=n_sets)
    return (rng.random((n_genes, n_sets)) < np.where(own, 0.5, 0.03)).astype(np.float32)


@pytest.fixture(scope="module")
def X():
    X = kinds()
    # Import now what the first fit imports, because imports may change settings.
    make().fit(X)
    return X


def outcome(encoder, X):
    """All numbers of a fit."""
    return {
        "transform": encoder.transform(X),
        "predict_proba": encoder.predict_proba(X),
        "embedding_": encoder.embedding_,
        "loss_curve_": encoder.loss_curve_,
        **{f"coefs_[{i}]": coef for i, coef in enumerate(encoder.coefs_)},
        **{f"intercepts_[{i}]": bias for i, bias in enumerate(encoder.intercepts_)},
    }


def fit_outcome(X, name="membership", **changes):
    return outcome(make(name, **changes).fit(X), X)


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def same(found, expected):
    return all(np.array_equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_repeated_fits_are_bitwise_equal(X, name):
    expected = fit_outcome(X, name)
    for i in range(N_FITS - 1):
        # Other draws in between change nothing.
        random.seed(i)
        np.random.seed(i)  # noqa: NPY002
        torch.manual_seed(i)
        assert_same(fit_outcome(X, name), expected)
    # The numbers do depend on the seed.
    assert not same(fit_outcome(X, name, random_state=1), expected)


def test_a_fit_again_on_the_same_estimator_is_bitwise_equal(X):
    encoder = make()
    first = outcome(encoder.fit(X), X)
    encoder.fit(X[:30])
    assert_same(outcome(encoder.fit(X), X), first)


@pytest.mark.slow
def test_another_process_is_bitwise_equal(X):
    program = (
        "import pickle, sys\n"
        "from test_reproducible import CONFIGURATIONS, fit_outcome, kinds\n"
        "found = {name: fit_outcome(kinds(), name) for name in CONFIGURATIONS}\n"
        "sys.stdout.buffer.write(pickle.dumps(found))\n"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        # Sets and dicts of strings are in another order than here.
        env=os.environ | {"PYTHONHASHSEED": "7"},
        cwd=Path(__file__).parent,
        stdout=subprocess.PIPE,
        check=True,
    )
    for name, found in pickle.loads(run.stdout).items():
        assert_same(found, fit_outcome(X, name))


@pytest.mark.parametrize(
    "backend", [pytest.param("loky", marks=pytest.mark.slow), "threading"]
)
def test_parallel_fits_are_bitwise_equal(X, backend):
    """Also with fewer threads, as worker processes have them."""
    with parallel_config(backend):
        parallel = Parallel(n_jobs=2)(
            delayed(fit_outcome)(X, name) for name in CONFIGURATIONS
        )
    get_reusable_executor().shutdown()
    for name, found in zip(CONFIGURATIONS, parallel, strict=True):
        assert_same(found, fit_outcome(X, name))


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_formats_are_bitwise_equal(X, name):
    expected = fit_outcome(X, name)
    for form in (sp.csr_array, sp.csc_matrix, sp.coo_array, sp.lil_matrix):
        assert_same(fit_outcome(form(X), name), expected)


@pytest.mark.parametrize(
    "name",
    ["float32", "bfloat16", "one-hot", "hidden", "sampled negatives"],
)
def test_one_and_two_threads_agree(name, n_threads):
    # Torch uses several threads for more than 32,768 numbers; there are 120,000 logits.
    X = kinds(600, 400)
    found = []
    for n in (1, 2):
        with n_threads(n):
            assert torch.get_num_threads() == n
            found.append(fit_outcome(X, name, batch_size=300))
    for output in ("transform", "predict_proba", "loss_curve_"):
        np.testing.assert_allclose(
            found[1][output], found[0][output], rtol=0, atol=1e-5
        )


@pytest.mark.parametrize("kind", [int, np.int64, np.uint8])
def test_random_state_int(X, kind):
    assert_same(fit_outcome(X, random_state=kind(3)), fit_outcome(X, random_state=3))
    assert not same(fit_outcome(X, random_state=kind(3)), fit_outcome(X))


def test_random_state_instance_is_advanced(X):
    state = np.random.RandomState(0)
    encoder = make(random_state=state)
    first, second = (outcome(encoder.fit(X), X) for _ in range(2))
    assert not same(first, second)
    # The caller's instance is not replaced, and equal draws give equal numbers.
    assert encoder.random_state is state
    again = make(random_state=np.random.RandomState(0))
    assert_same(outcome(again.fit(X), X), first)
    assert_same(outcome(again.fit(X), X), second)


def test_random_state_none_draws_from_numpy(X):
    """As everywhere in scikit-learn: fits differ, unless NumPy was seeded."""
    np.random.seed(0)  # noqa: NPY002
    first, second = (fit_outcome(X, random_state=None) for _ in range(2))
    assert not same(first, second)
    np.random.seed(0)  # noqa: NPY002
    assert_same(fit_outcome(X, random_state=None), first)


@pytest.mark.parametrize("bad", ["0", -1, 1.5, 2**32, np.random.default_rng(0)])
def test_other_random_states_are_refused(X, bad):
    with pytest.raises(ValueError, match=r"random_state|[Ss]eed"):
        make(random_state=bad).fit(X)


def global_state():
    """Settings and random states of the process."""
    return {
        "random": random.getstate(),
        "numpy.random": pickle.dumps(np.random.get_state()),  # noqa: NPY002
        "numpy errors": np.geterr(),
        "torch random": torch.get_rng_state().tolist(),
        "torch threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "other threads": [(i["prefix"], i["num_threads"]) for i in threadpool_info()],
        "default dtype": torch.get_default_dtype(),
        "default device": torch.get_default_device(),
        "deterministic": (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            torch.utils.deterministic.fill_uninitialized_memory,
        ),
        "gradients": (torch.is_grad_enabled(), torch.is_anomaly_enabled()),
        "autocast": torch.is_autocast_enabled("cpu"),
        "products": [
            getattr(backend, "fp32_precision", None)
            for backend in (torch.backends.cuda.matmul, torch.backends.mkldnn)
        ],
        "scikit-learn": sklearn.get_config(),
        "warnings": list(warnings.filters),
        "environment": dict(os.environ),
        "signals": [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)],
    }


@pytest.fixture
def two_threads(n_threads):
    """Settings unlike the tests' own and unlike those that a fit may have left."""
    torch.use_deterministic_algorithms(False)
    with n_threads(2):
        yield


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_global_states_are_untouched(X, name):
    before = global_state()
    outcome(make(name).fit(X), X)
    assert global_state() == before


class Interruption(Callback):
    def on_epoch_end(self, net, **kwargs):
        raise KeyboardInterrupt


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"lr": 1e38}, ValueError),
        ({"callbacks": [Interruption()]}, KeyboardInterrupt),
    ],
)
def test_global_states_are_untouched_by_a_fit_that_breaks(X, changes, error):
    before = global_state()
    with pytest.raises(error):
        make(**changes).fit(X)
    assert global_state() == before


def test_without_a_seed_only_the_state_of_numpy_moves(X):
    before = global_state()
    make(random_state=None).fit(X)
    after = global_state()
    assert after.pop("numpy.random") != before.pop("numpy.random")
    assert after == before


@contextlib.contextmanager
def default_dtype(dtype):
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextlib.contextmanager
def deterministic_algorithms():
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


@contextlib.contextmanager
def matmul_precision():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch 2.9 warns that this is the older way
        torch.set_float32_matmul_precision("medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision("highest")


@contextlib.contextmanager
def precision_of_products():
    """Not to be mixed with the older setting."""
    backends = torch.backends.cuda.matmul, torch.backends.mkldnn.matmul
    before = [backend.fp32_precision for backend in backends]
    backends[0].fp32_precision, backends[1].fp32_precision = "tf32", "bf16"
    try:
        yield
    finally:
        for backend, precision in zip(backends, before, strict=True):
            backend.fp32_precision = precision


SETTINGS = {
    "products of another precision": precision_of_products,
    "products of less precision": matmul_precision,
    "float64": lambda: default_dtype(torch.float64),
    "float16": lambda: default_dtype(torch.float16),
    "deterministic": deterministic_algorithms,
    "another device": lambda: torch.device("meta"),
    "autocast to bfloat16": lambda: torch.autocast("cpu", torch.bfloat16),
    "autocast to float16": lambda: torch.autocast("cpu", torch.float16),
    "no gradients": torch.no_grad,
    "inference": torch.inference_mode,
    "numpy raises": lambda: np.errstate(all="raise"),
    "scipy raises": lambda: scipy.special.errstate(all="raise"),
}


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("name", ["membership", "hidden", "sampled negatives"])
def test_settings_of_the_process_change_nothing(X, name, setting):
    expected = fit_outcome(X, name)
    with SETTINGS[setting]():
        before = global_state()
        found = fit_outcome(X, name)
        assert global_state() == before
    assert_same(found, expected)


def test_concurrent_fits_do_not_disturb_each_other(X):
    tasks = [(name, seed) for seed in range(2) for name in CONFIGURATIONS]
    expected = [fit_outcome(X, name, random_state=seed) for name, seed in tasks]
    before = global_state()
    together = threading.Barrier(4)

    def work(own):
        together.wait()
        return [fit_outcome(X, name, random_state=seed) for name, seed in own]

    with ThreadPoolExecutor(4) as pool:
        shares = list(pool.map(work, [tasks[i::4] for i in range(4)]))
    assert global_state() == before
    for i, share in enumerate(shares):
        for found, own in zip(share, expected[i::4], strict=True):
            assert_same(found, own)
