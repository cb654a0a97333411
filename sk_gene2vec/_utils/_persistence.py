"""The format of saved objects: its number, and the refusal of newer ones."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any

from sk_gene2vec._version import __version__

__all__ = ["STATE_FORMAT", "FormattedState", "checked_state", "formatted_state"]

STATE_FORMAT = 1
"""Number of the format that this release writes, raised when older code cannot read
the new state. The files in tests/data say what every release has to read."""

_FORMAT, _VERSION = "_sk_gene2vec_format", "_sk_gene2vec_version"


class FormattedState:
    """Mixin for estimators: the state that is saved has the number of its format.

    pickle, joblib, skops and :func:`copy.copy` all go through these two methods.
    To be listed before :class:`sklearn.base.BaseEstimator`, whose methods it extends.
    """

    def __getstate__(self) -> dict[str, Any]:
        # Of type `object`, as mypy sees it; scikit-learn's is a dict.
        state: Any = super().__getstate__()
        return formatted_state(state)

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        saved = checked_state(self, state)
        # Parameters that are newer than the file take their defaults.
        parameters = signature(type(self)).parameters.values()
        defaults = {new.name: new.default for new in parameters}
        super().__setstate__({**defaults, **saved})  # type: ignore[misc]


def formatted_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a state, with the number of its format and the version of this package.

    Parameters
    ----------
    state : mapping of str to object
        What is to be saved.

    Returns
    -------
    state : dict of str to object
        The same and two entries more.

    Examples
    --------
    >>> from sk_gene2vec._utils._persistence import formatted_state
    >>> formatted_state({"genes": ["TP53"]})["_sk_gene2vec_format"]
    1
    """
    return {**state, _FORMAT: STATE_FORMAT, _VERSION: __version__}


def checked_state(owner: object, state: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a saved state without the two entries, if this release can read it.

    Parameters
    ----------
    owner : object
        What is being loaded, for the message.
    state : mapping of str to object
        As `formatted_state` made it.

    Returns
    -------
    state : dict of str to object
        What was saved.

    Raises
    ------
    ValueError
        If the format is newer than this release, or if there is no number of a format.

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
            f"expected a {kind} saved by a release of sk-gene2vec, with the number "
            f"of its format, got {found!r}; the file may be damaged: save it again"
        )
    if found > STATE_FORMAT:
        raise ValueError(
            f"this {kind} was saved by sk-gene2vec {saved_by} in format {found}, and "
            f"sk-gene2vec {__version__} reads no format above {STATE_FORMAT}; install "
            f"sk-gene2vec {saved_by} or newer to open it"
        )
    return state
