"""Gene embeddings from gene sets, the scikit-learn way."""

from sk_gene2vec._version import __version__
from sk_gene2vec.embedding import GeneEmbedding, embed_cells
from sk_gene2vec.encoder import (
    GeneSetEncoder,
    nearest_gene_sets,
    suggest_gene_sets,
    suggest_genes,
)
from sk_gene2vec.gene_sets import (
    GeneSetFormatError,
    GeneSets,
    group_gene_sets,
    read_gene_sets,
    read_gmt,
    read_go_annotations,
    write_gmt,
)
from sk_gene2vec.vectorizer import GmtVectorizer

__all__ = [
    "GeneEmbedding",
    "GeneSetEncoder",
    "GeneSetFormatError",
    "GeneSets",
    "GmtVectorizer",
    "__version__",
    "embed_cells",
    "group_gene_sets",
    "nearest_gene_sets",
    "read_gene_sets",
    "read_gmt",
    "read_go_annotations",
    "suggest_gene_sets",
    "suggest_genes",
    "write_gmt",
]
