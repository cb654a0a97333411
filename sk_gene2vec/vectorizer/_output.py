"""The container of the rows that the vectorizer returns."""

from typing import Any, TypeAlias

import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn import get_config

Membership: TypeAlias = sp.csr_matrix | sp.csr_array | NDArray[Any]


def contained(
    rows: sp.csr_matrix, X: Any, container: str, sparse_output: bool
) -> Membership:
    """Put the rows of the samples X into the container of `set_output`."""
    if container == "pandas":
        # scikit-learn 1.6 would drop the index of a Series.
        import pandas

        has_index = isinstance(X, pandas.Series | pandas.DataFrame)
        return pandas.DataFrame(rows.toarray(), index=X.index if has_index else None)
    if container != "default" or not sparse_output:
        return rows.toarray()
    # scikit-learn before 1.9 has no such setting, and uses matrices.
    if get_config().get("sparse_interface") == "sparray":
        return sp.csr_array(rows)
    return rows
