"""Types that several folders use."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    _Method = TypeVar("_Method", bound=Callable[..., object])

    def fit_context(
        *, prefer_skip_nested_validation: bool
    ) -> Callable[[_Method], _Method]:
        """Say what scikit-learn does not: the method keeps its type."""

else:
    from sklearn.base import _fit_context as fit_context  # noqa: F401

Array: TypeAlias = NDArray[Any]
MatrixLike: TypeAlias = ArrayLike | sp.spmatrix | sp.sparray
RandomStateLike: TypeAlias = int | np.random.RandomState | None
