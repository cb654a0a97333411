"""Genes and names: the characters that they may have, and checks of many of them."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp

from sk_gene2vec._utils._messages import excerpt

BYTE_ORDER_MARK = "\ufeff"
# All that `str.strip` strips, and byte order marks.
_BLANKS = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005"
    "\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000" + BYTE_ORDER_MARK
)
#: Characters that no text file can give back. Lone surrogates have no UTF-8 form, text
#: files have no NUL; the others would end a field or a line.
UNWRITABLE = re.compile("[\0\t\n\r\ud800-\udfff]")


def strip(text: str) -> str:
    """Strip blanks, and the byte order marks that joining files leaves inside them."""
    return text.strip(_BLANKS if BYTE_ORDER_MARK in text else None)


def check_genes(X: Any, what: str = "genes") -> list[str]:
    """List the genes of what scikit-learn passes as X, or raise an error."""
    check_order(X, what)
    shape: Any = getattr(X, "shape", (None,))
    if len(shape) != 1:
        if sp.issparse(X) or len(shape) != 2 or shape[1] != 1:
            raise ValueError(f"Expected one column of {what}, got shape {shape}.")
        X = np.asarray(X)[:, 0]
    genes = X.tolist() if isinstance(X, np.ndarray) else list(X)
    if not genes:
        raise ValueError(f"Expected one or more {what}, got none.")
    check_text(genes, what)
    return genes


def check_order(X: Any, what: str = "genes") -> None:
    """Raise TypeError for what is no iterable of genes in a fixed order."""
    wanted, kind = f"Expected an iterable of {what}", type(X).__name__
    if isinstance(X, Mapping):
        hint = " GeneSets have theirs in .genes." if what == "genes" else ""
        raise TypeError(f"{wanted}, got a {kind}.{hint}")
    if isinstance(X, set | frozenset):
        raise TypeError(f"{wanted} in a fixed order, got a {kind}. Sort it.")
    if isinstance(X, str | bytes) or not isinstance(X, Iterable):
        raise TypeError(f"{wanted}, got the {kind} {excerpt(X)}.")


def check_text(values: list[Any], what: str) -> None:
    """Raise an error unless all `values` are `str`."""
    wrong = [at for at, value in enumerate(values) if not isinstance(value, str)]
    if not wrong:
        return
    value, kind = values[wrong[0]], type(values[wrong[0]]).__name__
    where = f"at position {wrong[0]}; {len(wrong)} of {len(values)} are no str"
    if str(value) in ("None", "nan", "NaT", "<NA>"):
        raise ValueError(f"Expected {what}, got the missing value {value} {where}.")
    hint = " Turn numbers into text with str." if isinstance(value, int) else ""
    raise TypeError(
        f"Expected {what} (str), got {kind} {excerpt(value)} {where}.{hint}"
    )
