"""Vectors in tables with a header, as `GeneEmbedding.to_frame().to_csv` writes them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import IO, TYPE_CHECKING

from sk_gene2vec.gene_sets._reading import FileText
from sk_gene2vec.gene_sets._tables import looks_like_table

if TYPE_CHECKING:
    import pandas as pd

# A number that is not an identifier.
_FRACTION = re.compile(r"-?\d+(\.\d+|(\.\d+)?e[-+]?\d+)")
_LONGEST_LINE = 2**24


def has_vectors(path: str) -> bool:
    """Tell a file of vectors from a collection, by its ending and first two lines."""
    ending = Path(path).suffix
    if ending not in (".tsv", ".txt"):
        return ending == ".parquet"
    with Path(path).open(encoding="utf-8", errors="replace") as file:
        lines = [file.readline(_LONGEST_LINE) for _ in range(2)]
    if looks_like_table(FileText("".join(lines), path, None)):
        return False
    counts, numbers = (line.split() for line in lines)
    is_word2vec = len(counts) == 2 and all(map(str.isdecimal, counts))
    return is_word2vec or any(map(_FRACTION.fullmatch, numbers[-1:]))


def read_table(file: IO[bytes]) -> pd.DataFrame:
    """Read a table with the genes in its first column."""
    import pandas as pd

    # As text: NA and 7157 are genes.
    frame = pd.read_csv(
        file, sep="\t", index_col=0, converters={0: str}, na_filter=False
    )
    if any(map(_FRACTION.fullmatch, frame.columns)):
        raise ValueError(f"numbers in the first line, such as {frame.columns[0]}")
    return frame
