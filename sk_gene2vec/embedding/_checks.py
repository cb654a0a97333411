"""What a GeneEmbedding is made of: genes, vectors and attrs, checked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_array

from sk_gene2vec._utils._genes import BYTE_ORDER_MARK, UNWRITABLE, check_genes
from sk_gene2vec._utils._messages import excerpt


def places_of(genes: Iterable[str]) -> dict[str, int]:
    """Check genes, and give the place of each, in their order."""
    places: dict[str, int] = {}
    for place, gene in enumerate(check_genes(genes)):
        if not gene or UNWRITABLE.search(gene) or gene.startswith(BYTE_ORDER_MARK):
            wanted = (
                "a gene, not empty and without tab, line break, NUL, lone surrogate or "
                "byte order mark in front"
            )
            got = f"{excerpt(gene)} at position {place}"
            raise ValueError(f"expected {wanted}, got {got}")
        if gene in places:
            both = f"at positions {places[gene]} and {place}"
            raise ValueError(
                f"expected every gene once, got {excerpt(gene)} twice, {both}"
            )
        places[str(gene)] = place
    return places


def checked_vectors(vectors: ArrayLike, genes: NDArray[np.object_]) -> NDArray[Any]:
    """Copy vectors, one finite row a gene."""
    if hasattr(vectors, "columns"):
        kind = type(vectors).__name__
        raise TypeError(
            f"expected vectors as an array, got a {kind}, whose index may disagree "
            "with the genes; use GeneEmbedding.from_frame"
        )
    checked: NDArray[Any] = check_array(
        vectors,
        dtype=[np.float64, np.float32],
        order="C",
        copy=True,
        ensure_all_finite=False,
        input_name="vectors",
    )
    if len(checked) != len(genes):
        raise ValueError(
            f"expected one vector a gene, got {len(checked)} vectors and "
            f"{len(genes)} genes"
        )
    bad = np.flatnonzero(~np.isfinite(checked).all(axis=1))
    if len(bad):
        raise ValueError(
            f"expected finite numbers, got {len(bad)} of {len(genes)} vectors with "
            f"NaN or infinity, the first that of {excerpt(genes[bad[0]])}"
        )
    return checked


def checked_attrs(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Copy attrs by way of JSON: what comes back from a file is then the same."""
    for key, value in attrs.items():
        if not isinstance(key, str):
            raise TypeError(f"expected names (str) in attrs, got {key!r}")
        try:
            json.dumps(value, allow_nan=False)
        except (RecursionError, TypeError, ValueError) as error:
            wanted = "text, numbers, lists and dicts of these, as in JSON"
            raise TypeError(f"attrs[{key!r}]: expected {wanted}: {error}") from error
    copied: dict[str, Any] = json.loads(json.dumps(dict(attrs)))
    return copied


def plain(value: Any) -> Any:
    """Give the value of a parameter as JSON holds it, or what it looks like."""
    value = value.item() if isinstance(value, np.generic) else value
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return repr(value)
    return value
