"""From rows to embeddings and probabilities."""

# Registers a hook, so that forks before the first fit are seen too.
from sk_gene2vec.encoder import _forks  # noqa: F401
from sk_gene2vec.encoder._encoder import GeneSetEncoder
from sk_gene2vec.encoder._gene_lists import nearest_gene_sets
from sk_gene2vec.encoder._suggestions import suggest_gene_sets, suggest_genes

__all__ = ["GeneSetEncoder", "nearest_gene_sets", "suggest_gene_sets", "suggest_genes"]
