"""From rows to embeddings and probabilities."""

from sk_gene2vec.encoder._encoder import GeneSetEncoder
from sk_gene2vec.encoder._suggestions import suggest_gene_sets, suggest_genes

__all__ = ["GeneSetEncoder", "suggest_gene_sets", "suggest_genes"]
