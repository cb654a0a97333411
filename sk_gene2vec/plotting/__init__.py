"""Pictures of embeddings and of training, and the interactive map."""

from sk_gene2vec.plotting._gene_map import write_gene_map
from sk_gene2vec.plotting._plots import plot_embedding, plot_loss_curve
from sk_gene2vec.plotting._projection import project_2d

__all__ = ["plot_embedding", "plot_loss_curve", "project_2d", "write_gene_map"]
