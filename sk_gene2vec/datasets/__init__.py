"""Bundled gene sets, labels and aliases, and collections by name from the internet."""

from ._aliases import load_human_gene_aliases
from ._bundled import load_go_bp, load_go_mf_classes
from ._cache import DownloadError
from ._fetch import fetch_enrichr, fetch_msigdb

__all__ = [
    "DownloadError",
    "fetch_enrichr",
    "fetch_msigdb",
    "load_go_bp",
    "load_go_mf_classes",
    "load_human_gene_aliases",
]
