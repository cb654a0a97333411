"""Gene embeddings from gene sets, the scikit-learn way."""

from sk_gene2vec.encoder import GeneSetEncoder
from sk_gene2vec.gmt import GeneSets, GmtFormatError, read_gmt, write_gmt
from sk_gene2vec.vectorizer import GmtVectorizer

__version__ = "0.1.0"

__all__ = [
    "GeneSetEncoder",
    "GeneSets",
    "GmtFormatError",
    "GmtVectorizer",
    "read_gmt",
    "write_gmt",
]
