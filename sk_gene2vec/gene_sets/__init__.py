"""Gene-set collections in and out: GMT, GMX, GRP, JSON, long tables; near copies."""

from sk_gene2vec.gene_sets._formats import read_gene_sets
from sk_gene2vec.gene_sets._gene_sets import GeneSets
from sk_gene2vec.gene_sets._gmt import read_gmt, write_gmt
from sk_gene2vec.gene_sets._go import read_go_annotations
from sk_gene2vec.gene_sets._near_copies import group_gene_sets
from sk_gene2vec.gene_sets._reading import GeneSetFormatError

__all__ = [
    "GeneSetFormatError",
    "GeneSets",
    "group_gene_sets",
    "read_gene_sets",
    "read_gmt",
    "read_go_annotations",
    "write_gmt",
]
