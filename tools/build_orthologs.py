"""Build the bundled tables of orthologs from the R package babelgene.

babelgene 22.9 packs HCOP, the HGNC Comparison of Orthology Predictions, of September
2022. In the root of a checkout::

    git clone --branch v22.9 https://github.com/igordot/babelgene
    python -m pip install pyreadr
    python tools/build_orthologs.py babelgene/R/sysdata.rda

The same source gives the same bytes.
"""

import argparse
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from build_data import to_gzip

SHA256 = "4c74fe1a52985bf1f9890f257f8f2e2e1c0abd3f993431d4d2c1968793969f16"
#: Organism -> NCBI taxonomy id.
TAXA = {"mouse": 10090, "rat": 10116}
#: Fewest databases that must call a pair of genes orthologs, babelgene's default.
MIN_VOTES = 3


def best_supported(
    pairs: Iterable[tuple[str, str, int]], min_votes: int = MIN_VOTES
) -> list[tuple[str, str]]:
    """Choose the human orthologs of each gene that most databases support.

    Parameters
    ----------
    pairs : iterable of (symbol, human symbol, votes)
        Pairs of orthologs. A repeated pair counts with its most votes.
    min_votes : int, default=MIN_VOTES
        Fewest votes of a pair.

    Returns
    -------
    orthologs : list of (symbol, human symbol)
        Sorted. A gene has several rows if its orthologs have equally many votes.

    Examples
    --------
    >>> best_supported([("Cxcl2", "CXCL3", 5), ("Cxcl2", "CXCL2", 5), ("A", "B", 2)])
    [('Cxcl2', 'CXCL2'), ('Cxcl2', 'CXCL3')]
    """
    votes: dict[str, dict[str, int]] = {}
    for symbol, human, number in pairs:
        if number >= min_votes:
            known = votes.setdefault(symbol, {})
            known[human] = max(number, known.get(human, 0))
    return sorted(
        (symbol, human)
        for symbol, known in votes.items()
        for human, number in known.items()
        if number == max(known.values())
    )


def read_pairs(path: Path, taxon: int) -> list[tuple[str, str, int]]:
    """Read symbol, human symbol and votes of each pair in ``sysdata.rda``."""
    import pyreadr

    table = pyreadr.read_r(path)["orthologs_df"]
    columns = ["symbol", "human_symbol", "support_n"]
    chosen = table.loc[table["taxon_id"] == taxon, columns].dropna()
    return [(gene, human, int(number)) for gene, human, number in chosen.to_numpy()]


def main(argv: Sequence[str] | None = None) -> None:
    """Write the bundled files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sysdata", type=Path, help="babelgene/R/sysdata.rda")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path(__file__).parents[1] / "sk_gene2vec" / "datasets" / "data",
        help="folder for the files (default: the package's own)",
    )
    args = parser.parse_args(argv)
    if (got := hashlib.sha256(args.sysdata.read_bytes()).hexdigest()) != SHA256:
        raise ValueError(
            f"Expected the sysdata.rda of babelgene 22.9 with SHA-256 {SHA256}, got "
            f"{got} in {args.sysdata}."
        )
    for organism, taxon in TAXA.items():
        rows = best_supported(read_pairs(args.sysdata, taxon))
        content = to_gzip([("symbol", "human"), *rows])
        (args.output / f"{organism}_orthologs.tsv.gz").write_bytes(content)
        print(f"{organism}: {len(rows):,} pairs, {len(content):,} bytes")


if __name__ == "__main__":
    main()
