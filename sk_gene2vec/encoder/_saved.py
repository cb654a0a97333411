"""Checks of the fitted state of an encoder, since a file may hold anything."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp

from sk_gene2vec.encoder._activations import ACTIVATIONS


def check_state(state: Mapping[str, Any]) -> None:
    """Check that the attributes of a fitted encoder fit together.

    Raises
    ------
    ValueError
        If an attribute is missing, or has another type, shape or range.
    """
    try:
        _check(state)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            "Expected a fitted GeneSetEncoder as `fit` makes it, got attributes that "
            f"do not fit together: {error}. The file is damaged, or of another "
            "version of sk-gene2vec: fit and save the encoder again."
        ) from error


def _check(state: Mapping[str, Any]) -> None:
    architecture = state["_architecture"]
    if architecture["gene_input"] not in ("membership", "one-hot"):
        raise ValueError(f"gene_input={architecture['gene_input']!r}")
    if architecture["activation"] not in ACTIVATIONS:
        raise ValueError(f"activation={architecture['activation']!r}")
    n_sets, embedding_dim = state["n_features_in_"], architecture["embedding_dim"]
    names = state.get("feature_names_in_")
    if names is not None and (
        len(names) != n_sets or not all(isinstance(name, str) for name in names)
    ):
        raise ValueError(f"feature_names_in_ are not {n_sets} names")
    n_genes, n_inputs = len(state["embedding_"]), n_sets
    if architecture["gene_input"] == "one-hot":
        n_inputs = len(state["_row_keys"])
        _check_array("_row_keys", state["_row_keys"], np.uint64, (n_inputs, 2))
    for name, shape in (
        ("embedding_", (n_genes, embedding_dim)),
        ("gene_set_weights_", (n_sets,)),
        ("gene_set_frequency_", (n_sets,)),
    ):
        _check_array(name, state[name], np.float32, shape)
    widths = [n_inputs, embedding_dim, *architecture["hidden_layer_sizes"], n_sets]
    for layer, (n_in, n_out) in enumerate(pairwise(widths)):
        _check_array("coefs_", state["coefs_"][layer], np.float32, (n_in, n_out))
        _check_array("intercepts_", state["intercepts_"][layer], np.float32, (n_out,))
    if not len(state["coefs_"]) == len(state["intercepts_"]) == len(widths) - 1:
        raise ValueError(f"{len(state['coefs_'])} layers, not {len(widths) - 1}")
    for name in ("_shift", "_completeness"):
        if not isinstance(state[name], float) or not np.isfinite(state[name]):
            raise ValueError(f"{name}={state[name]!r}")
    indices, indptr = state["_memberships"]
    for values in (indices, indptr):
        _check_array("_memberships", values, values.dtype, (len(values),))
        if values.dtype not in (np.int32, np.int64):
            raise ValueError(f"_memberships of {values.dtype}")
    ones = np.ones(len(indices), dtype=bool)
    X = sp.csr_array((ones, indices, indptr), shape=(n_genes, n_sets))
    # Indices out of range would make SciPy's products write anywhere.
    X.check_format(full_check=True)
    if not X.has_canonical_format:
        raise ValueError("_memberships are not sorted")


def _check_array(
    name: str, value: Any, dtype: np.dtype[Any] | type, shape: tuple[int, ...]
) -> None:
    if not isinstance(value, np.ndarray) or value.dtype != dtype:
        raise ValueError(f"{name} is not an array of {np.dtype(dtype)}")
    if value.shape != shape:
        raise ValueError(f"{name} has the shape {value.shape}, not {shape}")
    if not np.isfinite(value).all():
        raise ValueError(f"{name} has NaN or infinity")
