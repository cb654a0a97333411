"""From a collection to its matrix, and to rows of it in a container."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import DTypeLike, NDArray
from sklearn import get_config

from sk_gene2vec.datasets import load_go_bp
from sk_gene2vec.gene_sets import GeneSets
from sk_gene2vec.gene_sets._sources import membership_matrix, resolve_gene_sets
from sk_gene2vec.identifiers._index import Rows

if TYPE_CHECKING:
    import pandas as pd

Source: TypeAlias = (
    "str | os.PathLike[str] | Mapping[str, Iterable[str]] | pd.DataFrame"
)
Membership: TypeAlias = (
    "sp.csr_matrix | sp.csr_array | NDArray[np.generic] | pd.DataFrame"
)


def collection_of(
    gene_sets: Source | Sequence[Source] | None, prefix_names: bool
) -> GeneSets:
    """Read the collection of `GmtVectorizer(gene_sets)`."""
    if gene_sets is None:
        gene_sets = load_go_bp()
    try:
        return resolve_gene_sets(gene_sets, prefix_names=prefix_names)
    except FileNotFoundError as error:
        is_path = isinstance(gene_sets, str | os.PathLike)
        if is_path or Path(str(error.filename)).suffix:
            raise
        raise FileNotFoundError(
            f"{error}. Expected collections or paths to them as gene_sets. Give genes "
            "to fit: GmtVectorizer().fit(genes)."
        ) from error


def matrix_of(
    collection: GeneSets, row_of: Mapping[str, int], dtype: DTypeLike
) -> sp.csr_matrix:
    """Matrix of genes x gene sets."""
    matrix = membership_matrix(collection, dict(row_of), dtype)
    if matrix.dtype != np.dtype(dtype).newbyteorder("="):
        raise TypeError(
            "Expected the dtype of a sparse matrix, such as numpy.float32, "
            f"numpy.float64, numpy.int8 or bool, got {dtype!r}, which SciPy changes to "
            f"{matrix.dtype}."
        )
    # Without the row of unknown genes.
    matrix.resize(len(collection.genes), len(collection))
    return matrix


def select_rows(
    matrix: sp.csr_matrix, rows: Rows, X: Iterable[str], container: str
) -> Membership:
    """Rows of the samples X, in a container of `set_output`.

    The number of rows of the matrix stands for a row of zeros.
    """
    starts = np.append(matrix.indptr, matrix.nnz)
    shape = matrix.shape[0] + 1, matrix.shape[1]
    found = sp.csr_matrix((matrix.data, matrix.indices, starts), shape=shape)[rows]
    if container == "pandas":
        # scikit-learn 1.6 would drop the index of a Series.
        import pandas as pd

        index = X.index if isinstance(X, pd.Series | pd.DataFrame) else None
        return pd.DataFrame(found.toarray(), index=index)
    if container != "default":
        return found.toarray()
    # scikit-learn before 1.9 has no such setting, and uses matrices.
    if get_config().get("sparse_interface") == "sparray":
        return sp.csr_array(found)
    return found
