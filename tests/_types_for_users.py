"""Types that the checker of a user sees; mypy reads this in the part "types"."""

from typing import assert_type

import numpy as np

from sk_gene2vec import GeneEmbedding, GeneSetEncoder, GmtVectorizer


def check() -> None:
    genes = ["TP53", "MDM2", "INS"]
    assert_type(GmtVectorizer().fit(genes), GmtVectorizer)
    assert_type(GeneSetEncoder().fit(np.eye(3)), GeneSetEncoder)
    assert_type(GeneEmbedding.from_gene_sets(), GeneEmbedding)
