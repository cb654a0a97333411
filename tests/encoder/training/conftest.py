"""A small problem of training, as tensors and dense."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from sk_gene2vec.encoder.training._losses import Targets
from sk_gene2vec.encoder.training._sparse_rows import SparseRows

N_ROWS, N_SETS, WIDTH = 23, 31, 5


def sparse_rows_of(matrix):
    """Entries of a dense NumPy matrix."""
    return SparseRows(sp.csr_array(matrix), torch.device("cpu"))


@pytest.fixture
def rows_of():
    return sparse_rows_of


@pytest.fixture(params=[1.0, 0.6], ids=["all asked", "some shown"])
def problem(request):
    """Hidden layer, output layer, targets, and the targets dense."""
    asked_share = request.param
    rng = np.random.default_rng(0)
    y = (rng.random((N_ROWS, N_SETS)) < 0.2).astype(float)
    y[3] = 0
    members = sparse_rows_of(y)
    counts = rng.integers(1, 4, size=N_ROWS)
    counts[7] = 50  # many genes with equal rows
    weights = torch.from_numpy(counts / counts.sum())
    asked = torch.from_numpy(rng.random(len(members.rows)) < asked_share).double()
    targets = Targets(members, weights, asked)
    hidden = torch.from_numpy(rng.normal(size=(N_ROWS, WIDTH))).requires_grad_()
    output = torch.from_numpy(rng.normal(size=(N_SETS, WIDTH + 1))).requires_grad_()
    return hidden, output, targets, torch.from_numpy(y)
