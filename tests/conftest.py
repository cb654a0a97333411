"""What several test files share. Tests that need no torch do not wait for it."""

import contextlib
import os
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

# Workers of pytest-xdist share the cores: each has one thread, as have the processes
# that it starts, or threads would wait for each other. PyTorch reads the variable when
# it is imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"
    threadpool_limits(1)

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def msigdb_file():
    """Path of a file of the MSigDB data beside the checkout; skips without it."""

    def find(name):
        path = SHARED_DATA / name
        if not path.exists():
            pytest.skip(f"needs {name} in the folder shared/data beside the checkout")
        return path

    return find


@pytest.fixture
def n_threads():
    import torch

    @contextlib.contextmanager
    def limited(n):
        before = torch.get_num_threads()
        with threadpool_limits(n):
            torch.set_num_threads(n)
            try:
                yield
            finally:
                torch.set_num_threads(before)

    return limited
