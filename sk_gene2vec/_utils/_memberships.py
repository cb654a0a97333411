"""The membership matrix: CSR arrays of ones with sorted indices."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_non_negative

# Entries of the dense blocks that are read or computed at a time.
_BLOCK_SIZE = 2**23


def as_memberships(X: Any, whom: str = "GeneSetEncoder") -> sp.csr_array:
    """Binarise a validated array or CSR matrix at zero, without changing it.

    The result has the dtype of X, in this machine's byte order, where that is
    float32 or float64; else it is float64.
    """
    if X.dtype == object:
        # scikit-learn 1.6 leaves columns of several types objects.
        X = X.astype(np.float64)
    if X.dtype.kind not in "biuf":
        raise TypeError(
            f"Expected numbers in X, memberships of 0 or greater, got {X.dtype} values."
        )
    dtype = X.dtype.newbyteorder("=")
    if dtype not in (np.float32, np.float64):
        dtype = np.dtype(np.float64)
    check_non_negative(X, whom)
    X = sp.csr_array(X) if sp.issparse(X) else above_zero(X)
    if not X.has_canonical_format or not X.data.all():
        X = above_zero(X)
    return sp.csr_array((np.ones(X.nnz, dtype), X.indices, X.indptr), shape=X.shape)


def above_zero(X: Any) -> sp.csr_array:
    """Mark the entries of an array or CSR matrix above zero, with sorted indices."""
    if not sp.issparse(X):
        blocks = [sp.csr_array(X[rows] > 0) for rows in row_blocks(X.shape)]
        return sp.csr_array(sp.vstack(blocks, format="csr"))
    # Binarise first: the sum of two stored entries may overflow.
    X = sp.csr_array((X.data > 0, X.indices, X.indptr), shape=X.shape, copy=True)
    X.sum_duplicates()
    X.eliminate_zeros()
    return X


def row_blocks(shape: tuple[int, int]) -> Iterator[slice]:
    """Rows of a matrix of `shape`, as many at a time as a dense block may hold."""
    if shape[0]:
        yield from gen_batches(shape[0], max(1, _BLOCK_SIZE // shape[1]))


def row_keys(X: sp.csr_array) -> NDArray[np.uint64]:
    """Digest of every row's memberships, shape (n_rows, 2)."""
    indices = X.indices.astype("<i8")
    digests = [
        hashlib.blake2b(indices[start:stop].tobytes(), digest_size=16).digest()
        for start, stop in zip(X.indptr[:-1], X.indptr[1:], strict=True)
    ]
    return np.frombuffer(b"".join(digests), dtype="<u8").reshape(-1, 2)
