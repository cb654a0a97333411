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
from sk_gene2vec.embedding._base import GeneVectors
from sk_gene2vec.identifiers._index import GeneIndex, Rows
from sk_gene2vec.identifiers._kinds import describe_kinds

if TYPE_CHECKING:
    import pandas as pd

_Parts: TypeAlias = tuple[Iterable[str], NDArray[Any], Mapping[str, Any]]

# Share of the genes, or of the names if these are fewer, below which two lists of
# identifiers are taken to be of different kinds.
_LEAST_SHARE = 0.1
_SHOWN = 3
_TEXT_TYPES = ("string", "large_string", "binary", "large_binary")


def to_frame(embedding: GeneVectors) -> pd.DataFrame:
    """Make a DataFrame whose columns are named as the encoder's features."""
    import pandas as pd

    encoder, vectors = embedding.attrs.get("encoder"), embedding.vectors
    prefix = encoder.lower() if isinstance(encoder, str) else "dim_"
    columns = [f"{prefix}{place}" for place in range(vectors.shape[1])]
    index = pd.Index(embedding.genes, name="gene")
    frame = pd.DataFrame(vectors.copy(), index=index, columns=columns)
    frame.attrs.update(deepcopy(dict(embedding.attrs)))
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
    embedding: GeneVectors,
    adata: Any,
    key: str,
    aliases: Any,
    gene_symbols: str | None,
) -> None:
    """Put vectors into `varm`, and attrs into `uns`."""
    variables, vectors = check_anndata(adata), embedding.vectors
    rows, unknown = rows_of_variables(embedding, variables, aliases, gene_symbols)
    if unknown:
        warn(f"{unknown}. They get NaN.")
    known = rows < len(vectors)
    aligned = np.full((len(rows), vectors.shape[1]), np.nan, dtype=vectors.dtype)
    aligned[known] = vectors[rows[known]]
    adata.varm[key] = aligned
    adata.uns[f"{key}_attrs"] = json.dumps(dict(embedding.attrs))


def rows_of_variables(
    genes: Iterable[str], annotated: Any, aliases: Any, gene_symbols: str | None
) -> tuple[Rows, str]:
    """Find the genes that the variables of an AnnData, or of its `raw`, are.

    Parameters
    ----------
    genes : iterable of str, length n_genes
        Genes of the embedding.
    annotated : AnnData or Raw
        With `var` and `var_names`.
    aliases : mapping, DataFrame of two columns or None
        Other names -> genes.
    gene_symbols : str or None
        Column of `var` with the genes. None for `var_names`.

    Returns
    -------
    rows : ndarray of shape (n_variables,)
        Places among the genes; `n_genes` where a variable is none of them.
    unknown : str
        Counts and names those that are none, without a full stop. Empty if all are.
    """
    columns = list(annotated.var.columns)
    if gene_symbols is None:
        names, what = annotated.var_names.tolist(), "var_names"
    elif gene_symbols in columns:
        names, what = annotated.var[gene_symbols].tolist(), f"var[{gene_symbols!r}]"
    else:
        raise KeyError(
            f"Expected gene_symbols to be a column of var, one of {columns}, got "
            f"{gene_symbols!r}."
        )
    index = GeneIndex(list(genes), aliases)
    rows = index.rows(names)
    missing = index.missing(names, rows)
    if not missing:
        return rows, ""
    unknown = mismatch(index.row_of, names, what)
    n_known = len(names) - len(missing)
    if n_known < _LEAST_SHARE * min(len(index.genes), len(names)):
        kinds, _ = describe_kinds(map(str, dict.fromkeys(missing)), index.genes)
        others = gene_symbols is None and columns
        sentences = [
            f"{unknown}.",
            f"The embedding has genes such as {shown(map(repr, index.genes), _SHOWN)}.",
            *kinds,
            f"If a column of var has the genes, set gene_symbols to one of {columns}."
            if others
            else "",
        ]
        raise ValueError(" ".join(filter(None, sentences)))
    return rows, unknown


def from_anndata(adata: Any, key: str) -> _Parts:
    """Take vectors out of `varm`, without those of nothing but NaN."""
    stored = check_anndata(adata).varm
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
    import pandas as pd

    optional("pyarrow", "from_parquet", "interop")
    parquet = import_module("pyarrow.parquet")
    # An open file is one file: no URL, no folder, no column told by the path.
    with Path(path).open("rb") as file:
        try:
            content = parquet.ParquetFile(file)
            size = _size_in_memory(content.metadata)
            # As a dictionary, a long text is held once however often it occurs.
            texts = [x.name for x in content.schema_arrow if str(x.type) in _TEXT_TYPES]
            options: dict[str, Any] = {"read_dictionary": texts}
            frame = None
            if size <= max_bytes:
                frame = pd.read_parquet(file, engine="pyarrow", **options)
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
    are = "is a gene" if matching == 1 else "are genes"
    return (
        f"{matching} of {len(names)} {what} {are} of the embedding; not, for "
        f"example, {shown(map(repr, unknown), _SHOWN)}"
        + (f" ({cased} differ only in upper and lower case)" if cased else "")
    )


def _size_in_memory(metadata: Any) -> int:
    """Bytes that a Parquet file says it unpacks to; eight at least a number."""
    groups = map(metadata.row_group, range(metadata.num_row_groups))
    unpacked: int = sum(group.total_byte_size for group in groups)
    return max(unpacked, metadata.num_rows * metadata.num_columns * 8)


def check_anndata(adata: Any) -> Any:
    """Return an AnnData, or raise an error."""
    if not (hasattr(adata, "varm") and hasattr(adata, "var_names")):
        raise TypeError(f"Expected an AnnData, got {type(adata).__name__}.")
    return adata
