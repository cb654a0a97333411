"""Packages that are not installed with this one."""

from importlib import import_module
from types import ModuleType


def optional(module: str, purpose: str, package: str | None = None) -> ModuleType:
    """Import an optional package, or raise an error that says how to install it.

    Parameters
    ----------
    module : str
        The module to import, such as ``"matplotlib.pyplot"``.
    purpose : str
        What needs it: the name of a function, or ``method="umap"``.
    package : str, default=None
        What pip calls the package. None if that is the name of its module.

    Returns
    -------
    module : module
        The imported module.

    Raises
    ------
    ImportError
        If the module cannot be imported.

    Examples
    --------
    >>> from sk_gene2vec._utils._optional import optional
    >>> optional("no_such_module", "lookup")
    Traceback (most recent call last):
    ImportError: Cannot import no_such_module, which lookup needs. Install it with \
`pip install no_such_module`.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f"Cannot import {module}, which {purpose} needs. Install it with "
            f"`pip install {package or module.partition('.')[0]}`."
        ) from error
