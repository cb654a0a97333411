"""Gene embeddings in and out of pandas, AnnData and Parquet.

The functions are methods of :class:`~sk_gene2vec.embedding.GeneEmbedding`: `embedding`
(or `cls`) is what stands before the dot.
"""

from __future__ import annotations

import importlib
import json
import warnings
from copy import deepcopy
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from sk_gene2vec.gene_sets._reading import MAX_BYTES

if TYPE_CHECKING:
    import pandas as pd

    from sk_gene2vec.embedding._embedding import GeneEmbedding

__all__ = [
    "from_anndata",
    "from_frame",
    "from_parquet",
    "to_anndata",
    "to_frame",
    "to_parquet",
]

# Share of the genes, or of the names if these are fewer, below which two lists of
# identifiers are taken to be of different kinds.
_LEAST_SHARE = 0.1
_SHOWN = 3
_TEXT_TYPES = ("string", "large_string", "binary", "large_binary")


def to_frame(embedding: GeneEmbedding) -> pd.DataFrame:
    """Return a DataFrame with one row a gene.

    Returns
    -------
    DataFrame of shape (n_genes, n_dimensions)
        The genes are the index, `gene`; the columns are `dim_0`, `dim_1`, ...; its
        `attrs` are those of the embedding.

    Raises
    ------
    ImportError
        If pandas is not installed.

    Examples
    --------
    >>> from sk_gene2vec import GeneEmbedding
    >>> frame = GeneEmbedding(["PKM", "TP53"], [[3, 1], [0, 1]]).to_frame()
    >>> frame.loc["PKM", "dim_0"].item()
    3.0
    """
    pd = optional("pandas", "to_frame")
    index = pd.Index(embedding.genes, name="gene")
    columns = [f"dim_{place}" for place in range(embedding.vectors.shape[1])]
    frame = pd.DataFrame(embedding.vectors.copy(), index=index, columns=columns)
    frame.attrs = deepcopy(dict(embedding.attrs))
    return frame


def from_frame(cls: type[GeneEmbedding], frame: pd.DataFrame) -> GeneEmbedding:
    """Take genes from the index of a DataFrame, vectors from its columns.

    Parameters
    ----------
    frame : DataFrame of shape (n_genes, n_dimensions)
        Numbers only; float32 where all columns are. Its `attrs` are taken over.

    Returns
    -------
    embedding : GeneEmbedding
        Knows the genes and the vectors; the names of the columns are dropped.

    Raises
    ------
    TypeError
        If `frame` is no pandas DataFrame; if its index has anything but `str`; if a
        column has no numbers.
    ValueError
        If a gene occurs twice, or a number is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> from sk_gene2vec import GeneEmbedding
    >>> frame = pd.DataFrame({"a": [3, 0], "b": [1, 1]}, index=["PKM", "TP53"])
    >>> GeneEmbedding.from_frame(frame)["PKM"]
    array([3., 1.])
    """
    if not (hasattr(frame, "index") and hasattr(frame, "select_dtypes")):
        wanted = "a pandas DataFrame with genes as its index"
        raise TypeError(f"expected {wanted}, got {type(frame).__name__}")
    others = frame.select_dtypes(exclude="number")
    if others.shape[1]:
        name = others.columns[0]
        raise TypeError(
            f"expected numbers in every column, got {others.dtypes.iloc[0]} in column "
            f"{name!r}; if it has the genes, use frame.set_index({name!r})"
        )
    attrs = cast("dict[str, Any]", frame.attrs)
    single = all(dtype == np.float32 for dtype in frame.dtypes)
    dtype = np.float32 if single else np.float64
    return cls(frame.index, frame.to_numpy(dtype, na_value=np.nan), attrs)


def to_anndata(embedding: GeneEmbedding, adata: Any, key: str = "gene2vec") -> None:
    """Put the vectors into ``adata.varm[key]``, in the order of its `var_names`.

    Names that are no gene of the embedding get NaN, with a warning that counts them.
    The `attrs` go as JSON into ``adata.uns[key + "_attrs"]``.

    Parameters
    ----------
    adata : AnnData
        Changed in place; an entry of the same key is replaced.
    key : str, default="gene2vec"
        Where in `varm`.

    Raises
    ------
    TypeError
        If `adata` is no AnnData.
    ValueError
        If less than a tenth of the names, or of the genes if these are fewer, match.

    Warns
    -----
    UserWarning
        If a name is no gene of the embedding.

    Examples
    --------
    >>> import anndata, numpy as np, pandas as pd
    >>> from sk_gene2vec import GeneEmbedding
    >>> var = pd.DataFrame(index=["TP53", "PKM"])
    >>> adata = anndata.AnnData(np.ones((1, 2)), var=var)
    >>> GeneEmbedding(["PKM", "TP53"], [[3, 1], [0, 1]]).to_anndata(adata)
    >>> adata.varm["gene2vec"]
    array([[0., 1.],
           [3., 1.]])
    """
    names = list(_check_anndata(adata).var_names)
    known = np.array([name in embedding for name in names], dtype=bool)
    if not known.all():
        message = mismatch(embedding, names, "var_names")
        if known.sum() < _LEAST_SHARE * min(len(embedding), len(names)):
            examples = ", ".join(map(repr, embedding.genes[:_SHOWN]))
            raise ValueError(f"{message}. The embedding has genes such as {examples}")
        warnings.warn(f"{message}; they get NaN", stacklevel=2)
    shape = len(names), embedding.vectors.shape[1]
    vectors = np.full(shape, np.nan, dtype=embedding.vectors.dtype)
    vectors[known] = embedding[np.array(names, dtype=object)[known]]
    adata.varm[key] = vectors
    adata.uns[f"{key}_attrs"] = json.dumps(dict(embedding.attrs))


def from_anndata(
    cls: type[GeneEmbedding], adata: Any, key: str = "gene2vec"
) -> GeneEmbedding:
    """Take genes from `var_names`, vectors from ``adata.varm[key]``.

    Parameters
    ----------
    adata : AnnData
        With vectors of its variables, by `to_anndata` or another tool.
    key : str, default="gene2vec"
        Where in `varm`.

    Returns
    -------
    embedding : GeneEmbedding
        Without the variables whose vector is nothing but NaN; with the `attrs` that
        `to_anndata` has left.

    Raises
    ------
    KeyError
        If there is no such key.
    TypeError
        If `adata` is no AnnData, or has no dense matrix of numbers there.
    ValueError
        If a name occurs twice, or a vector has NaN and numbers.
    """
    stored = _check_anndata(adata).varm
    if key not in stored:
        raise KeyError(f"expected {key!r} in adata.varm, got {list(stored)}")
    vectors = np.asarray(stored[key])
    if vectors.ndim != 2 or vectors.dtype.kind not in "iuf":
        wanted = "a dense matrix of numbers"
        raise TypeError(f"adata.varm[{key!r}]: expected {wanted}, got {stored[key]!r}")
    kept = ~np.isnan(vectors).all(axis=1)
    attrs = json.loads(adata.uns.get(f"{key}_attrs", "{}"))
    return cls(adata.var_names[kept], vectors[kept], attrs)


def to_parquet(embedding: GeneEmbedding, path: str | PathLike[str]) -> None:
    """Write a Parquet file: exact, compact, and with `attrs` in its metadata.

    Parameters
    ----------
    path : path
        File to write; an existing one is replaced. It has the columns `gene`, `dim_0`,
        `dim_1`, ... for whoever reads it with another tool.

    Raises
    ------
    ImportError
        If pandas or pyarrow is not installed.
    """
    optional("pyarrow", "to_parquet")
    to_frame(embedding).to_parquet(path, engine="pyarrow")


def from_parquet(
    cls: type[GeneEmbedding], path: str | PathLike[str], max_bytes: int = MAX_BYTES
) -> GeneEmbedding:
    """Read a Parquet file with genes as its index.

    Parameters
    ----------
    path : path
        File written by `to_parquet`, or by pandas.
    max_bytes : int, default=2**30
        Size in bytes above which a file is refused: of its contents uncompressed, or of
        eight bytes a number. Small files can hold very many equal numbers.

    Returns
    -------
    embedding : GeneEmbedding
        With the `attrs` of the file.

    Raises
    ------
    ImportError
        If pandas or pyarrow is not installed.
    FileNotFoundError, OSError
        If there is no file, or it cannot be opened.
    TypeError, ValueError
        If the file is damaged, too large or no Parquet file; if it has anything but
        numbers and an index of genes, see `from_frame`.
    """
    pd = optional("pandas", "from_parquet")
    optional("pyarrow", "from_parquet")
    parquet = importlib.import_module("pyarrow.parquet")
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
            raise ValueError(f"{path}: expected a Parquet file, got {got}") from error
    if frame is None:
        raise ValueError(
            f"{path}: expected at most {max_bytes:,} bytes in memory, got {size:,}; if "
            "the file can be trusted, set max_bytes higher"
        )
    return from_frame(cls, frame)


def optional(module: str, function: str) -> Any:
    """Import what is not installed with the package, or say how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        wanted = f'{function} needs {module}: pip install "sk-gene2vec[interop]"'
        raise ImportError(wanted) from error


def _size_in_memory(metadata: Any) -> int:
    """Bytes that a Parquet file says it unpacks to; eight at least a number."""
    groups = map(metadata.row_group, range(metadata.num_row_groups))
    unpacked: int = sum(group.total_byte_size for group in groups)
    return max(unpacked, metadata.num_rows * metadata.num_columns * 8)


def _check_anndata(adata: Any) -> Any:
    if not (hasattr(adata, "varm") and hasattr(adata, "var_names")):
        raise TypeError(f"expected an AnnData, got {type(adata).__name__}")
    return adata


def mismatch(embedding: GeneEmbedding, names: list[str], what: str) -> str:
    """Say how many names are genes of the embedding, and which are not."""
    unknown = [name for name in names if name not in embedding]
    folded = {gene.casefold() for gene in embedding}
    cased = sum(str(name).casefold() in folded for name in unknown)
    matching = len(names) - len(unknown)
    return (
        f"{matching} of {len(names)} {what} are genes of the embedding; not, for "
        f"example, {', '.join(map(repr, unknown[:_SHOWN]))}"
        + (f" ({cased} differ only in upper and lower case)" if cased else "")
    )
