"""Pictures of embeddings, and the interactive map."""

from sk_gene2vec.plotting._gene_map import write_gene_map
from sk_gene2vec.plotting._plots import plot_embedding
from sk_gene2vec.plotting._projection import project_2d

__all__ = ["plot_embedding", "project_2d", "write_gene_map"]
