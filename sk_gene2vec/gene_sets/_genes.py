"""Checks of columns of genes and of names."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp

__all__ = ["check_genes", "check_text"]


def check_genes(X: Any) -> list[str]:
    """List the genes of what scikit-learn passes as X, or raise an error."""
    wanted, kind = "expected an iterable of genes", type(X).__name__
    if isinstance(X, Mapping):
        raise TypeError(f"{wanted}, got a {kind}; GeneSets have theirs in .genes")
    if isinstance(X, set | frozenset):
        raise TypeError(f"{wanted} in a fixed order, got a {kind}; sort it, maybe")
    if isinstance(X, str | bytes) or not isinstance(X, Iterable):
        raise TypeError(f"{wanted}, got the {kind} {X!r}")
    shape: Any = getattr(X, "shape", (None,))
    if len(shape) != 1:
        if sp.issparse(X) or len(shape) != 2 or shape[1] != 1:
            raise ValueError(f"expected one column of genes, got shape {shape}")
        X = np.asarray(X)[:, 0]
    genes = X.tolist() if isinstance(X, np.ndarray) else list(X)
    if not genes:
        raise ValueError("expected at least one gene, got none")
    check_text(genes, "genes")
    return genes


def check_text(values: list[Any], what: str) -> None:
    """Raise an error unless all `values` are `str`."""
    wrong = [at for at, value in enumerate(values) if not isinstance(value, str)]
    if not wrong:
        return
    value, kind = values[wrong[0]], type(values[wrong[0]]).__name__
    where = f"at position {wrong[0]}; {len(wrong)} of {len(values)} are no str"
    if str(value) in ("None", "nan", "NaT", "<NA>"):
        raise ValueError(f"expected {what}, got the missing value {value} {where}")
    raise TypeError(f"expected {what} (str), got {kind} {value!r} {where}")
