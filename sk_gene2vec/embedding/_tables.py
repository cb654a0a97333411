"""Files of vectors, told from files of gene sets."""

from __future__ import annotations

import re
from pathlib import Path

from sk_gene2vec.gene_sets._reading import FileText
from sk_gene2vec.gene_sets._tables import looks_like_table

# A number that is not an identifier.
_FRACTION = re.compile(r"-?\d+(\.\d+|(\.\d+)?e[-+]?\d+)")
_LONGEST_LINE = 2**24


def has_vectors(path: str) -> bool:
    """Tell a file of vectors from a collection, by its ending and first two lines."""
    if Path(path).suffix not in (".tsv", ".txt"):
        return False
    with Path(path).open(encoding="utf-8", errors="replace") as file:
        lines = [file.readline(_LONGEST_LINE) for _ in range(2)]
    if looks_like_table(FileText("".join(lines), path, None)):
        return False
    counts, numbers = (line.split() for line in lines)
    is_word2vec = len(counts) == 2 and all(map(str.isdecimal, counts))
    return is_word2vec or any(map(_FRACTION.fullmatch, numbers[-1:]))
