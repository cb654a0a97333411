"""Fits in forked processes, which do not have PyTorch's threads."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

# PyTorch's threads start in a parent that has two, with products of that size.
SCRIPT = """
import multiprocessing, sys
from joblib import Parallel, delayed
import numpy as np
from sk_gene2vec import GeneSetEncoder

X = (np.random.default_rng(0).random((300, 150)) < 0.1).astype(np.float32)
PARAMETERS = [
    {}, {"n_negatives": 20}, {"hidden_layer_sizes": (5,)},
    {"gene_input": "one-hot", "precision": "bfloat16"},
]

def fit(changes):
    encoder = GeneSetEncoder(8, max_epochs=2, random_state=0, **changes).fit(X)
    return encoder.predict_proba(X)

def threads():
    import torch
    return torch.get_num_threads()

if __name__ == "__main__":
    first = sys.argv[1]
    if first == "fit":
        expected = [fit(changes) for changes in PARAMETERS]
    else:
        import torch
        torch.rand(1000, 1000) @ torch.rand(1000, 1000)
    assert threads() == 2
    print("in the parent", flush=True)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        in_pool = pool.map(fit, PARAMETERS)
        assert pool.apply(threads) == 1
    print("in a pool", flush=True)
    with_joblib = Parallel(2, backend="multiprocessing")(
        delayed(fit)(changes) for changes in PARAMETERS
    )
    for found, other in zip(in_pool, with_joblib, strict=True):
        np.testing.assert_array_equal(found, other)
    print("with joblib", flush=True)
    assert threads() == 2
    if first == "fit":
        # Two threads add in another order.
        for found, other in zip(in_pool, expected, strict=True):
            np.testing.assert_allclose(found, other, atol=1e-6)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")
@pytest.mark.parametrize("first", ["fit", "torch"])
def test_a_forked_process_fits_in_one_thread(first, tmp_path):
    script = tmp_path / "forks.py"
    script.write_text(SCRIPT)
    with subprocess.Popen(
        [sys.executable, script, first],
        env=os.environ
        | {
            "OMP_NUM_THREADS": "2",
            # Not NumPy's: on a busy machine they wait for each other.
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_WAIT_POLICY": "passive",
            "CUDA_VISIBLE_DEVICES": "",
            "PYTHONPATH": str(Path(__file__).parents[3]),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=90)
        except subprocess.TimeoutExpired:
            # Its children would wait forever.
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
    assert process.returncode == 0, (out, err)
    assert out.splitlines() == ["in the parent", "in a pool", "with joblib"]
