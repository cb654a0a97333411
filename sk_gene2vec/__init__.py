"""Gene embeddings from gene sets, the scikit-learn way."""

from sk_gene2vec.embedding import GeneEmbedding
from sk_gene2vec.encoder import GeneSetEncoder
from sk_gene2vec.formats import read_gene_sets
from sk_gene2vec.gene_sets import GeneSets
from sk_gene2vec.gmt import GmtFormatError, read_gmt, write_gmt
from sk_gene2vec.suggestions import suggest_gene_sets, suggest_genes
from sk_gene2vec.vectorizer import GmtVectorizer

__version__ = "0.1.0"

__all__ = [
    "GeneEmbedding",
    "GeneSetEncoder",
    "GeneSets",
    "GmtFormatError",
    "GmtVectorizer",
    "read_gene_sets",
    "read_gmt",
    "suggest_gene_sets",
    "suggest_genes",
    "write_gmt",
]
