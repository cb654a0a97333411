"""Bundled gene sets, labels and aliases, and collections by name from the internet."""

from sk_gene2vec.datasets._aliases import GeneAliases, load_human_gene_aliases
from sk_gene2vec.datasets._bundled import load_go_bp, load_go_mf_classes
from sk_gene2vec.datasets._cache import DownloadError
from sk_gene2vec.datasets._fetch import fetch_enrichr, fetch_msigdb
from sk_gene2vec.datasets._orthologs import load_orthologs

__all__ = [
    "DownloadError",
    "GeneAliases",
    "fetch_enrichr",
    "fetch_msigdb",
    "load_go_bp",
    "load_go_mf_classes",
    "load_human_gene_aliases",
    "load_orthologs",
]
