"""Types that several folders use."""

from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

Array: TypeAlias = NDArray[Any]
MatrixLike: TypeAlias = ArrayLike | sp.spmatrix | sp.sparray
RandomStateLike: TypeAlias = int | np.random.RandomState | None
