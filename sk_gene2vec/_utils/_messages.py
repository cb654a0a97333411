"""Warnings, and parts of messages: counts, quoted values, names, near misses."""

import difflib
import reprlib
import sys
import warnings
from collections.abc import Iterable
from itertools import islice

_LONGEST = 40
_MOST = 3
# scikit-learn calls the steps of a pipeline through joblib.
_NOT_THE_CALLER = ("sk_gene2vec", "sklearn", "joblib")


def warn(message: str, cause: str | None = None) -> None:
    """Warn at the line that called this package, directly or through scikit-learn.

    Of several warnings with one `cause`, a call gives the first one only, so that a
    grid search does not repeat what it says of every fold.
    """
    level = 1
    call = frame = sys._getframe()
    while frame.f_back and _package_of(frame.f_globals) in _NOT_THE_CALLER:
        call, frame = frame, frame.f_back
        level += 1
    # What is noted among the local variables of a call ends with the call.
    given = call.f_locals.setdefault("__warnings_of_sk_gene2vec__", set())
    if cause in given:
        return
    given |= {cause} - {None}
    warnings.warn(message, UserWarning, stacklevel=level)


def _package_of(module: dict[str, object]) -> str:
    return str(module.get("__name__")).partition(".")[0]


def counted(number: int, total: int) -> str:
    """Say how many of all genes, and the verb.

    Examples
    --------
    >>> from sk_gene2vec._utils._messages import counted
    >>> counted(1, 1), counted(1, 20), counted(3, 20)
    ('1 of 1 gene is', '1 of 20 genes is', '3 of 20 genes are')
    """
    genes, verb = "gene" if total == 1 else "genes", "is" if number == 1 else "are"
    return f"{number} of {total} {genes} {verb}"


def excerpt(value: object) -> str:
    """Quote a text, the beginning of a long one, or a few parts of another value.

    Examples
    --------
    >>> from sk_gene2vec._utils._messages import excerpt
    >>> excerpt("TP53")
    "'TP53'"
    >>> excerpt(list(range(100)))
    '[0, 1, 2, 3, 4, 5, ...]'
    """
    if not isinstance(value, str):
        return reprlib.repr(value)
    quoted = repr(value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…")
    # Characters that are not printed take up to ten.
    return quoted if len(quoted) < 2 * _LONGEST else repr(value[: _LONGEST // 4] + "…")


def shown(texts: Iterable[str], most: int) -> str:
    """Join the first `most` texts with commas; "…" stands for more.

    Examples
    --------
    >>> from sk_gene2vec._utils._messages import shown
    >>> shown(["TP53", "MDM2", "ATM"], 2)
    'TP53, MDM2, …'
    """
    first = list(islice(texts, most + 1))
    return ", ".join([*first[:most], *["…"] * (len(first) > most)])


def near_misses(name: str, known: Iterable[str]) -> str:
    """Ask whether one of the known names that are most like `name` was meant.

    Case does not matter. Names with the same letters in another order come first.

    Parameters
    ----------
    name : str
        The name that is not known.
    known : iterable of str
        The known names.

    Returns
    -------
    question : str
        A comma, the names and a question mark, to end a message. Empty if no name is
        close.

    Examples
    --------
    >>> from sk_gene2vec._utils._messages import near_misses
    >>> near_misses("apoptosi", ["APOPTOSIS", "HYPOXIA"])
    ", did you mean 'APOPTOSIS'?"
    >>> near_misses("TP35", ["P35", "TP15", "TP53"])
    ", did you mean 'TP53' or 'P35' or 'TP15'?"
    >>> near_misses("XYZ", ["TP53"])
    ''
    """
    by_folded: dict[str, list[str]] = {}
    for other in known:
        by_folded.setdefault(other.casefold(), []).append(other)
    wanted = name.casefold()
    close = difflib.get_close_matches(wanted, by_folded, n=len(by_folded) + 1)
    close.sort(key=lambda other: sorted(other) != sorted(wanted))
    names = [repr(other) for folded in close[:_MOST] for other in by_folded[folded]]
    return f", did you mean {' or '.join(names)}?" if names else ""


def nearest_names(name: str, known: Iterable[str]) -> str:
    """Ask as `near_misses` does, or say that no name is close.

    Examples
    --------
    >>> from sk_gene2vec._utils._messages import nearest_names
    >>> nearest_names("XYZ", ["TP53"])
    '. No name there is close to it.'
    """
    return near_misses(name, known) or ". No name there is close to it."
