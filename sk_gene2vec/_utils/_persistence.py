"""Saved objects: the number of their format, and the refusal of newer formats."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any

from sk_gene2vec._version import __version__

STATE_FORMAT = 1
"""Number of the format that this release writes. A release whose state older code
cannot read raises it. Every release has to read the files in tests/data."""

_FORMAT, _VERSION = "_sk_gene2vec_format", "_sk_gene2vec_version"


class FormattedState:
    """Mixin for estimators that saves the number of the format with the state.

    pickle, joblib, skops and :func:`copy.copy` all go through these two methods. List
    it before :class:`sklearn.base.BaseEstimator`, whose methods it extends.
    """

    def __getstate__(self) -> dict[str, Any]:
        # A dict in scikit-learn, for mypy an object.
        state: Any = super().__getstate__()
        return formatted_state(state)

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        saved = checked_state(self, state)
        # Parameters that did not exist when the file was saved take their defaults.
        parameters = signature(type(self)).parameters.values()
        defaults = {new.name: new.default for new in parameters}
        super().__setstate__({**defaults, **saved})  # type: ignore[misc]


def formatted_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a state, and add the number of its format and this package's version.

    Parameters
    ----------
    state : mapping of str to object
        The state to save.

    Returns
    -------
    state : dict of str to object
        The same with two more entries.

    Examples
    --------
    >>> from sk_gene2vec._utils._persistence import formatted_state
    >>> formatted_state({"genes": ["TP53"]})["_sk_gene2vec_format"]
    1
    """
    return {**state, _FORMAT: STATE_FORMAT, _VERSION: __version__}


def checked_state(owner: object, state: Mapping[str, Any]) -> dict[str, Any]:
    """Check that this release can read a saved state, and drop the two entries.

    Parameters
    ----------
    owner : object
        The object that is loaded, for the message.
    state : mapping of str to object
        As `formatted_state` made it.

    Returns
    -------
    state : dict of str to object
        The state as it was before `formatted_state`.

    Raises
    ------
    ValueError
        If the number of the format is missing, or newer than this release.

    Examples
    --------
    >>> from sk_gene2vec._utils._persistence import checked_state, formatted_state
    >>> checked_state(object(), formatted_state({"genes": ["TP53"]}))
    {'genes': ['TP53']}
    """
    kind = type(owner).__name__
    state = dict(state)
    found, saved_by = state.pop(_FORMAT, None), state.pop(_VERSION, None)
    if type(found) is not int or found < 1:
        raise ValueError(
            f"Expected a {kind} saved by a release of sk-gene2vec, with the number "
            f"of its format, got {found!r}. The file may be damaged: save it again."
        )
    if found > STATE_FORMAT:
        raise ValueError(
            f"Expected a {kind} in format {STATE_FORMAT} or below, which sk-gene2vec "
            f"{__version__} reads, got format {found}, saved by sk-gene2vec "
            f"{saved_by}. Install sk-gene2vec {saved_by} or newer to open it."
        )
    return state
