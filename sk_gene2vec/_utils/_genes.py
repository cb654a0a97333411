"""Lists of genes and other names: which values and characters they may have."""

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import scipy.sparse as sp

from sk_gene2vec._utils._messages import excerpt, shown

BYTE_ORDER_MARK = "\ufeff"
# What `str.strip` strips, and byte order marks.
_BLANKS = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005"
    "\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000" + BYTE_ORDER_MARK
)
#: Characters that cannot be written to a text file and read back. Lone surrogates have
#: no UTF-8 form, text files have no NUL, and the others end a field or a line.
UNWRITABLE = re.compile("[\0\t\n\r\ud800-\udfff]")


def strip(text: str) -> str:
    """Strip blanks, and byte order marks, which joined files have in the middle."""
    return text.strip(_BLANKS if BYTE_ORDER_MARK in text else None)


def check_genes(X: Iterable[str], what: str = "genes") -> list[str]:
    """List the genes of what scikit-learn passes as X, or raise an error."""
    check_order(X, what)
    shape: tuple[int, ...] = getattr(X, "shape", (0,))
    if len(shape) != 1:
        if sp.issparse(X) or len(shape) != 2 or shape[1] != 1:
            got = f"shape {shape}{_which_column(X)}"
            raise ValueError(f"Expected one column of {what}, got {got}.")
        X = np.asarray(X)[:, 0]
    genes: list[str] = X.tolist() if isinstance(X, np.ndarray) else list(X)
    if not genes:
        raise ValueError(f"Expected one or more {what}, got none.")
    check_text(genes, what)
    return genes


def _which_column(X: object) -> str:
    """Say how to choose a column of a DataFrame with several."""
    columns = list(getattr(X, "columns", ()))
    if len(columns) < 2:
        return ""
    return (
        f" with the columns {shown(map(repr, columns), 5)}. Give one of them, such as "
        f"X[{columns[0]!r}], or use a ColumnTransformer: "
        f"ColumnTransformer([('genes', GmtVectorizer(), {columns[0]!r})])"
    )


def check_order(X: Iterable[str], what: str = "genes") -> None:
    """Raise TypeError unless X is an iterable of genes in a fixed order."""
    wanted, kind = f"Expected an iterable of {what}", type(X).__name__
    if isinstance(X, Mapping):
        hint = " The genes of GeneSets are in .genes." if what == "genes" else ""
        raise TypeError(f"{wanted}, got a {kind}.{hint}")
    if isinstance(X, set | frozenset):
        raise TypeError(f"{wanted} in a fixed order, got a {kind}. Sort it.")
    if isinstance(X, str | bytes) or not isinstance(X, Iterable):
        raise TypeError(f"{wanted}, got the {kind} {excerpt(X)}.")


def check_text(values: Sequence[object], what: str) -> None:
    """Raise an error unless all `values` are `str`."""
    wrong = [at for at, value in enumerate(values) if not isinstance(value, str)]
    if not wrong:
        return
    value, kind = values[wrong[0]], type(values[wrong[0]]).__name__
    where = f"at position {wrong[0]}; {len(wrong)} of {len(values)} are not str"
    if str(value) in ("None", "nan", "NaT", "<NA>"):
        raise ValueError(f"Expected {what}, got the missing value {value} {where}.")
    hint = " Turn numbers into text with str." if isinstance(value, int) else ""
    raise TypeError(
        f"Expected {what} (str), got {kind} {excerpt(value)} {where}.{hint}"
    )
