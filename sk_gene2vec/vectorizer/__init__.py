"""From genes to rows of the gene x gene-set matrix."""

from sk_gene2vec.vectorizer._vectorizer import GmtVectorizer

__all__ = ["GmtVectorizer"]
