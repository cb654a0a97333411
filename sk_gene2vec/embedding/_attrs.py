"""The attrs of an embedding: values that JSON can hold."""

from __future__ import annotations

import json
from collections.abc import Mapping


def checked_attrs(attrs: Mapping[str, object]) -> dict[str, object]:
    """Copy attrs through JSON, so that files return the same values.

    Raises
    ------
    TypeError
        If `attrs` is not a mapping of str, or JSON cannot hold an entry of it.
    """
    if not isinstance(attrs, Mapping):
        raise TypeError(f"Expected attrs as a mapping, got {type(attrs).__name__}.")
    copied = {}
    for key, value in attrs.items():
        if not isinstance(key, str):
            raise TypeError(f"Expected names (str) in attrs, got {key!r}.")
        try:
            copied[key] = json.loads(json.dumps(value, allow_nan=False))
        except (RecursionError, TypeError, ValueError) as error:
            raise TypeError(
                "Expected text, numbers, lists and dicts of these, as in JSON, in "
                f"attrs[{key!r}], got: {error}."
            ) from error
    return copied
