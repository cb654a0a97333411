"""The type of the membership matrix, and rows of it in a container."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import DTypeLike, NDArray
from sklearn import get_config

from sk_gene2vec.identifiers._index import Rows

if TYPE_CHECKING:
    import pandas as pd

Membership: TypeAlias = (
    "sp.csr_matrix | sp.csr_array | NDArray[np.generic] | pd.DataFrame"
)
# The types of numbers of SciPy's sparse matrices, without complex ones.
_TYPES = np.typecodes["AllInteger"] + "?fdg"


def checked_dtype(dtype: DTypeLike) -> np.dtype[np.generic]:
    """Return a dtype of numbers that sparse matrices can have, or raise TypeError."""
    try:
        found = np.dtype(dtype)
    except (SyntaxError, TypeError, ValueError):
        found = np.dtype(object)
    if found.char not in _TYPES:
        raise TypeError(
            "Expected the dtype of a sparse matrix, such as numpy.float32, "
            f"numpy.float64, numpy.int8 or bool, got {dtype!r}."
        )
    return found


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
