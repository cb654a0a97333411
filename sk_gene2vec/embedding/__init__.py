"""Vectors together with their genes, in and out of other tools."""

from sk_gene2vec.embedding._cells import embed_cells
from sk_gene2vec.embedding._embedding import GeneEmbedding

__all__ = ["GeneEmbedding", "embed_cells"]
