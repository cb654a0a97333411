"""The command line."""

from sk_gene2vec.cli._main import main

__all__ = ["main"]
