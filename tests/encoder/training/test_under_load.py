"""Many threads, calls and fits: the results are right, and memory stays flat."""

import gc
import os
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest
import scipy.sparse as sp

from sk_gene2vec import GeneSetEncoder

pytestmark = pytest.mark.slow

# Seconds of load on each encoder; use sixty or more by hand.
SECONDS = float(os.environ.get("SK_GENE2VEC_LOAD_SECONDS", "4"))
N_THREADS = 8
N_CALLS = 1000
N_FITS = 200

INPUTS = ["membership", "one-hot"]
MB = 2**20


@pytest.fixture(scope="module")
def X():
    return np.random.default_rng(0).random((500, 200)) < 0.1


def make(**changes):
    parameters = {"batch_size": 250, "max_epochs": 2, "random_state": 0}
    return GeneSetEncoder(10, **(parameters | changes))


@pytest.fixture(scope="module", params=INPUTS)
def encoder(request, X):
    return make(gene_input=request.param).fit(X[:400])


def resident():
    gc.collect()
    return psutil.Process().memory_info().rss


def test_eight_threads_get_the_results_of_one(encoder, X):
    # Each thread has rows of its own, most of them seen in fit and some not, and a
    # form of its own; sizes differ so that no buffer fits two of them.
    forms = [np.asarray, sp.csr_array, sp.csc_matrix, np.asfortranarray] * 2
    dtypes = [np.float32, np.float64] * 4
    requests = []
    for i, (form, dtype) in enumerate(zip(forms, dtypes, strict=True)):
        rows = form(X[50 * i : 60 * i + 100 - i].astype(dtype))
        requests.append((rows, encoder.transform(rows), encoder.predict_proba(rows)))
    together = threading.Barrier(N_THREADS)

    def ask(request, seconds):
        rows, embedding, probability = request
        together.wait()
        end = time.monotonic() + seconds
        n_calls = 0
        while not n_calls or time.monotonic() < end:
            np.testing.assert_array_equal(encoder.transform(rows), embedding)
            np.testing.assert_array_equal(encoder.predict_proba(rows), probability)
            n_calls += 2
        return n_calls

    with ThreadPoolExecutor(N_THREADS) as pool:
        # First, every thread's allocator takes the memory that it keeps.
        list(pool.map(ask, requests, [SECONDS / 4] * N_THREADS))
        before = resident()
        n_calls = list(pool.map(ask, requests, [SECONDS] * N_THREADS))
        growth = resident() - before
    # Outputs take 0.1 MB and more: kept from every call, they would be 40 MB even on
    # a slow machine. The allocators alone grew by 1 MB.
    assert growth < 16 * MB, f"{growth / MB:.1f} MB more after {sum(n_calls)} calls"


def test_memory_is_flat_over_a_thousand_calls(encoder, X):
    rows = sp.csr_array(X[:5])

    def call(n):
        for _ in range(n):
            encoder.transform(rows)
            encoder.predict_proba(rows)
        gc.collect()

    tracemalloc.start()
    try:
        call(50)
        before, _ = tracemalloc.get_traced_memory()
        call(N_CALLS // 2)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The smallest array takes 112 bytes; NumPy's caches grew by 16 bytes per call.
    assert after - before < 112 * N_CALLS


def test_small_fits_leave_nothing_behind(X):
    variants = [
        {},
        {"gene_input": "one-hot"},
        {"hidden_layer_sizes": (5,)},
        {"n_negatives": 20},
    ]

    def fit(n):
        for i in range(n):
            make(random_state=i, **variants[i % len(variants)]).fit(X[:200])

    process = psutil.Process()
    fit(N_FITS // 10)
    before = resident()
    n_files, n_threads = process.num_fds(), process.num_threads()
    threads = set(threading.enumerate())
    fit(N_FITS)
    growth = resident() - before
    assert process.num_fds() <= n_files
    assert process.num_threads() <= n_threads
    assert set(threading.enumerate()) <= threads
    # If each fit left its logits behind, that would be 32 MB; 1 MB was measured.
    assert growth < 10 * MB, f"{growth / MB:.1f} MB more after {N_FITS} fits"
