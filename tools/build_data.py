"""Build the bundled data from two Debian packages.

The sources are the SQLite files of Bioconductor 3.16 (GO release 2022-07-01, NCBI Gene
of 2022-09-12), which Debian 12 carries as r-bioc-org.hs.eg.db and r-bioc-go.db.
Unpacking is enough, nothing of R is needed. In the root of a checkout::

    apt-get download r-bioc-org.hs.eg.db r-bioc-go.db
    for deb in r-bioc-*.deb; do dpkg-deb -x "$deb" go-source; done
    python tools/build_data.py --root go-source

With both packages installed, ``--root`` is not needed. The same sources give the same
bytes.
"""

import argparse
import gzip
import io
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
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


def build(org: sqlite3.Connection, go: sqlite3.Connection) -> dict[str, bytes]:
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
    return {
        "go_bp.gmt.gz": to_gzip(gmt_rows),
        "go_mf_classes.tsv.gz": to_gzip([("gene", "class"), *classes.items()]),
        "human_gene_aliases.tsv.gz": to_gzip([("alias", "symbol"), *read_aliases(org)]),
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
        help="folder with the unpacked Debian packages (default: %(default)s)",
    )
    parser.add_argument("--org", type=Path, help="org.Hs.eg.sqlite, wherever it is")
    parser.add_argument("--go", type=Path, help="GO.sqlite, wherever it is")
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
        files = build(org, go)
    for name, content in files.items():
        (args.output / name).write_bytes(content)
        print(f"{name}: {len(content):,} bytes")


if __name__ == "__main__":
    main()
