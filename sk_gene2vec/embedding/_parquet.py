"""A GeneEmbedding in and out of Parquet files."""

from __future__ import annotations

from importlib import import_module
from os import PathLike, fstat
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from sk_gene2vec._utils._files import replacing
from sk_gene2vec._utils._messages import excerpt
from sk_gene2vec._utils._optional import optional
from sk_gene2vec.gene_sets._reading import MAX_BYTES

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.parquet import FileMetaData, ParquetFile

    from sk_gene2vec.embedding._embedding import GeneEmbedding

_Path: TypeAlias = str | PathLike[str]

_TEXTS = {"string", "large_string"}
_NUMBERS = {f"{sign}int{n_bits}" for sign in ("", "u") for n_bits in (8, 16, 32, 64)}
_NUMBERS |= {"halffloat", "float", "double"}
_BYTES_PER_NUMBER, _BYTES_PER_GENE, _BYTES_PER_JSON = 8, 200, 32
# Few enough that none of them takes much, however long they are.
_TEXTS_AT_ONCE = 32


def to_parquet(self: GeneEmbedding, path: _Path) -> None:
    """Write a Parquet file: exact, compact, and with `attrs` in its metadata.

    Parameters
    ----------
    path : path
        File to write; an existing one is replaced. It has the column `gene` and
        the columns of `to_frame`, for other tools to read.

    Raises
    ------
    ImportError
        If pyarrow is not installed.
    """
    optional("pyarrow", "to_parquet", "interop")
    with replacing(path) as part:
        self.to_frame().to_parquet(part, engine="pyarrow")


def from_parquet(
    cls: type[GeneEmbedding], path: _Path, max_bytes: int = MAX_BYTES
) -> GeneEmbedding:
    """Read a Parquet file with genes as its index.

    Parameters
    ----------
    path : path
        File written by `to_parquet`, or by pandas.
    max_bytes : int, default=2**30
        Size in bytes above which a file is refused: of the file, of its contents
        uncompressed, or of eight bytes per number and 200 per gene. Small files can
        hold very many equal numbers.

    Returns
    -------
    embedding : GeneEmbedding
        With the `attrs` of the file.

    Raises
    ------
    ImportError
        If pyarrow is not installed.
    FileNotFoundError, OSError
        If there is no file, or it cannot be opened.
    TypeError, ValueError
        If the file is damaged, too large or not a Parquet file; if it has anything
        but numbers and an index of genes, see `from_frame`.
    """
    import pandas as pd

    optional("pyarrow", "from_parquet", "interop")
    # An open file is one file: no URL, no folder, no column told by the path.
    with Path(path).open("rb") as file:
        try:
            content = import_module("pyarrow.parquet").ParquetFile(file)
            refusal = _refusal(content, fstat(file.fileno()).st_size, max_bytes)
            if not refusal:
                # As a dictionary, a long text is held once however often it occurs.
                frame = pd.read_parquet(
                    file,
                    engine="pyarrow",
                    use_threads=False,
                    read_dictionary=_texts(content.schema_arrow),
                )
        except Exception as error:  # a damaged file gets errors of a dozen kinds
            got = f"{type(error).__name__}: {str(error)[:200]}"
            raise ValueError(f"{path}: Expected a Parquet file, got {got}.") from error
    if refusal:
        raise ValueError(f"{path}: {refusal}")
    return cls.from_frame(frame)


def _texts(schema: pyarrow.Schema) -> list[str]:
    return [field.name for field in schema if str(field.type) in _TEXTS]


def _refusal(content: ParquetFile, file_size: int, max_bytes: int) -> str:
    """Say why a file is not read; empty if it can be."""
    for field in content.schema_arrow:
        whole = str(field.type)
        kind = str(field.type.value_type) if whole.startswith("dictionary<") else whole
        if kind not in _NUMBERS | _TEXTS:
            return (
                f"Expected columns of numbers and of text, got {excerpt(whole)} in "
                f"column {excerpt(field.name)}."
            )
    size = max(file_size, _size_in_memory(content.metadata))
    if size <= max_bytes:
        size = _size_of_texts(content, max_bytes)
    if size <= max_bytes:
        return ""
    return (
        f"Expected at most {max_bytes:,} bytes in memory, got {size:,}. If the file "
        "can be trusted, set max_bytes higher."
    )


def _size_in_memory(metadata: FileMetaData) -> int:
    """Bytes that a Parquet file says it unpacks to, or what genes and numbers take."""
    groups = [metadata.row_group(at) for at in range(metadata.num_row_groups)]
    n_rows = sum(group.num_rows for group in groups)
    unpacked: int = sum(group.total_byte_size for group in groups)
    texts = sum(map(len, (metadata.metadata or {}).values()))
    per_row = _BYTES_PER_NUMBER * metadata.num_columns + _BYTES_PER_GENE
    return max(unpacked, n_rows * per_row) + _BYTES_PER_JSON * texts


def _size_of_texts(content: ParquetFile, max_bytes: int) -> int:
    """Add up the lengths of texts, until they are too many.

    Prefixes that texts share may be stored once: a file of some kilobytes can hold
    gigabytes.
    """
    schema, size = content.schema_arrow, 0
    texts = [field.name for field in schema if str(field.type) not in _NUMBERS]
    options = {"columns": texts, "use_threads": False}
    for batch in content.iter_batches(_TEXTS_AT_ONCE, **options) if texts else ():
        for column in batch.columns:
            is_dictionary = hasattr(column, "dictionary_decode")
            size += (column.dictionary_decode() if is_dictionary else column).nbytes
        if size > max_bytes:
            break
    return size
