"""Build the bundled table of gene aliases from a Debian package.

The source is the SQLite file of Bioconductor 3.16 (NCBI Gene of 2022-09-12), which
Debian 12 carries as r-bioc-org.hs.eg.db. In the root of a checkout::

    apt-get download r-bioc-org.hs.eg.db
    for deb in r-bioc-*.deb; do dpkg-deb -x "$deb" go-source; done
    python -m sk_gene2vec.datasets._build_aliases --root go-source

With the package installed, ``--root`` is not needed. The same source gives the same
bytes.
"""

import argparse
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from sk_gene2vec.datasets._build_go import ORG_SQLITE, open_sqlite, to_gzip

FILE = "human_gene_aliases.tsv.gz"


def read_aliases(org: sqlite3.Connection) -> list[tuple[str, str]]:
    """Read (alias, symbol) pairs, sorted by symbol.

    An alias that is the symbol of a gene, the same or another, is left out: it stands
    for that gene.
    """
    symbols = {symbol for (symbol,) in org.execute("SELECT symbol FROM gene_info")}
    query = "SELECT DISTINCT alias_symbol, symbol FROM alias JOIN gene_info USING (_id)"
    pairs = [(alias, gene) for alias, gene in org.execute(query)]
    return sorted(
        (pair for pair in pairs if pair[0] not in symbols),
        key=lambda pair: pair[::-1],
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Write the bundled file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--root",
        type=Path,
        default=Path("/"),
        help="folder with the unpacked Debian package (default: %(default)s)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path(__file__).parent / "data",
        help="folder for the file (default: the package's own)",
    )
    args = parser.parse_args(argv)
    with closing(open_sqlite(args.root / ORG_SQLITE)) as org:
        content = to_gzip([("alias", "symbol"), *read_aliases(org)])
    (args.output / FILE).write_bytes(content)
    print(f"{FILE}: {len(content):,} bytes")


if __name__ == "__main__":
    main()
