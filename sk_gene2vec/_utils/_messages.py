"""Parts of messages: quoted values, lists of names, near misses."""

import difflib
import reprlib
from collections.abc import Iterable
from itertools import islice

__all__ = ["excerpt", "near_misses", "shown"]

_LONGEST = 40


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
    return repr(value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…")


def shown(texts: Iterable[str], most: int) -> str:
    """Join texts with commas, the first `most` of them.

    Examples
    --------
    >>> from sk_gene2vec._utils._messages import shown
    >>> shown(["TP53", "MDM2", "ATM"], 2)
    'TP53, MDM2, …'
    """
    first = list(islice(texts, most + 1))
    return ", ".join([*first[:most], *["…"] * (len(first) > most)])


def near_misses(name: str, known: Iterable[str]) -> str:
    """Ask for the known names that are most like `name`, whatever their case.

    Parameters
    ----------
    name : str
        The name that is not known.
    known : iterable of str
        The names that are.

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
    >>> near_misses("XYZ", ["TP53"])
    ''
    """
    by_folded: dict[str, list[str]] = {}
    for other in known:
        by_folded.setdefault(other.casefold(), []).append(other)
    close = difflib.get_close_matches(name.casefold(), by_folded)
    names = [repr(other) for folded in close for other in by_folded[folded]]
    return f", did you mean {' or '.join(names)}?" if names else ""
