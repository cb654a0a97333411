"""Genes and vectors in and out of pandas, AnnData and Parquet.

The functions `from_...` return genes, vectors and attrs, for GeneEmbedding to check.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sk_gene2vec._utils._files import replacing
from sk_gene2vec._utils._messages import shown, warn
from sk_gene2vec._utils._optional import optional

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "from_anndata",
    "from_frame",
    "from_parquet",
    "mismatch",
    "to_anndata",
    "to_frame",
    "to_parquet",
]

_Parts: TypeAlias = tuple[Iterable[str], NDArray[Any], Mapping[str, Any]]

# Share of the genes, or of the names if these are fewer, below which two lists of
# identifiers are taken to be of different kinds.
_LEAST_SHARE = 0.1
_SHOWN = 3
_TEXT_TYPES = ("string", "large_string", "binary", "large_binary")


def to_frame(
    genes: NDArray[np.object_], vectors: NDArray[Any], attrs: Mapping[str, Any]
) -> pd.DataFrame:
    """Make a DataFrame whose columns are named as the encoder's features."""
    pd = optional("pandas", "to_frame", "interop")
    encoder = attrs.get("encoder")
    prefix = encoder.lower() if isinstance(encoder, str) else "dim_"
    columns = [f"{prefix}{place}" for place in range(vectors.shape[1])]
    index = pd.Index(genes, name="gene")
    frame = pd.DataFrame(vectors.copy(), index=index, columns=columns)
    frame.attrs = deepcopy(dict(attrs))
    return frame


def from_frame(frame: Any) -> _Parts:
    """Take a DataFrame of numbers apart."""
    if not (hasattr(frame, "index") and hasattr(frame, "select_dtypes")):
        raise TypeError(
            "Expected a pandas DataFrame with genes as its index, got "
            f"{type(frame).__name__}."
        )
    others = frame.select_dtypes(exclude="number")
    if others.shape[1]:
        name = others.columns[0]
        raise TypeError(
            f"Expected numbers in every column, got {others.dtypes.iloc[0]} in column "
            f"{name!r}. If it has the genes, use frame.set_index({name!r})."
        )
    single = all(dtype == np.float32 for dtype in frame.dtypes)
    dtype = np.float32 if single else np.float64
    return frame.index, frame.to_numpy(dtype, na_value=np.nan), frame.attrs


def to_anndata(
    row_of: Mapping[str, int],
    vectors: NDArray[Any],
    attrs: Mapping[str, Any],
    adata: Any,
    key: str,
) -> None:
    """Put vectors into `varm`, and attrs into `uns`."""
    names = list(_check_anndata(adata).var_names)
    known = np.array([name in row_of for name in names], dtype=bool)
    if not known.all():
        message = mismatch(row_of, names, "var_names")
        if known.sum() < _LEAST_SHARE * min(len(row_of), len(names)):
            examples = shown(map(repr, row_of), _SHOWN)
            raise ValueError(f"{message}. The embedding has genes such as {examples}.")
        warn(f"{message}. They get NaN.")
    aligned = np.full((len(names), vectors.shape[1]), np.nan, dtype=vectors.dtype)
    aligned[known] = vectors[[row_of[name] for name in names if name in row_of]]
    adata.varm[key] = aligned
    adata.uns[f"{key}_attrs"] = json.dumps(dict(attrs))


def from_anndata(adata: Any, key: str) -> _Parts:
    """Take vectors out of `varm`, without those of nothing but NaN."""
    stored = _check_anndata(adata).varm
    if key not in stored:
        raise KeyError(f"Expected {key!r} in adata.varm, got {list(stored)}.")
    vectors = np.asarray(stored[key])
    if vectors.ndim != 2 or vectors.dtype.kind not in "iuf":
        raise TypeError(
            f"Expected a dense matrix of numbers in adata.varm[{key!r}], got "
            f"{stored[key]!r}."
        )
    kept = ~np.isnan(vectors).all(axis=1)
    attrs = json.loads(adata.uns.get(f"{key}_attrs", "{}"))
    return adata.var_names[kept], vectors[kept], attrs


def to_parquet(frame: pd.DataFrame, path: str | PathLike[str]) -> None:
    """Write a DataFrame with its index and attrs."""
    optional("pyarrow", "to_parquet", "interop")
    with replacing(path) as part:
        frame.to_parquet(part, engine="pyarrow")


def from_parquet(path: str | PathLike[str], max_bytes: int) -> pd.DataFrame:
    """Read a DataFrame from one file of bounded size."""
    pd = optional("pandas", "from_parquet", "interop")
    optional("pyarrow", "from_parquet", "interop")
    parquet = import_module("pyarrow.parquet")
    # An open file is one file: no URL, no folder, no column told by the path.
    with Path(path).open("rb") as file:
        try:
            content = parquet.ParquetFile(file)
            size = _size_in_memory(content.metadata)
            # As a dictionary, a long text is held once however often it occurs.
            texts = [x.name for x in content.schema_arrow if str(x.type) in _TEXT_TYPES]
            options = {"engine": "pyarrow", "read_dictionary": texts}
            frame = pd.read_parquet(file, **options) if size <= max_bytes else None
        except Exception as error:  # a damaged file gets errors of a dozen kinds
            got = f"{type(error).__name__}: {str(error)[:200]}"
            raise ValueError(f"{path}: Expected a Parquet file, got {got}.") from error
    if frame is None:
        raise ValueError(
            f"{path}: Expected at most {max_bytes:,} bytes in memory, got {size:,}. If "
            "the file can be trusted, set max_bytes higher."
        )
    return frame


def mismatch(genes: Iterable[str], names: list[str], what: str) -> str:
    """Count the names that are genes of the embedding, and show some that are not."""
    genes = set(genes)
    unknown = [name for name in names if name not in genes]
    folded = {gene.casefold() for gene in genes}
    cased = sum(str(name).casefold() in folded for name in unknown)
    matching = len(names) - len(unknown)
    return (
        f"{matching} of {len(names)} {what} are genes of the embedding; not, for "
        f"example, {shown(map(repr, unknown), _SHOWN)}"
        + (f" ({cased} differ only in upper and lower case)" if cased else "")
    )


def _size_in_memory(metadata: Any) -> int:
    """Bytes that a Parquet file says it unpacks to; eight at least a number."""
    groups = map(metadata.row_group, range(metadata.num_row_groups))
    unpacked: int = sum(group.total_byte_size for group in groups)
    return max(unpacked, metadata.num_rows * metadata.num_columns * 8)


def _check_anndata(adata: Any) -> Any:
    if not (hasattr(adata, "varm") and hasattr(adata, "var_names")):
        raise TypeError(f"Expected an AnnData, got {type(adata).__name__}.")
    return adata
