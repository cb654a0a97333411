"""The command line: what it writes, how it ends, and what it says of bad input."""

import base64
import gzip
import importlib
import io
import json
import os
import pickle
import re
import shlex
import socket
import subprocess
import sys
import tomllib
import zipfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.pipeline import Pipeline, make_pipeline

from sk_gene2vec import (
    GeneEmbedding,
    GeneSetEncoder,
    GmtVectorizer,
    __version__,
    group_gene_sets,
    nearest_gene_sets,
    suggest_gene_sets,
    suggest_genes,
    write_gmt,
)
from sk_gene2vec.cli import main
from sk_gene2vec.cli._files import read_lists

GENE_SETS = {
    "GLYCOLYSIS": ["HK1", "PFKM", "PKM"],
    "WARBURG": ["HK1", "PFKM", "PKM"],
    "HYPOXIA": ["HK1", "PFKM"],
    "P53": ["TP53", "MDM2", "CDKN1A", "N/A"],
    # So many that three genes of P53 are more than chance explains.
    "OTHER": [f"G{number}" for number in range(20)],
}
GENES = sorted({gene for genes in GENE_SETS.values() for gene in genes})
COMMANDS = [
    *("fit", "embed", "neighbors", "complete", "nearest", "group", "map", "score")
]
QUICK = ["--embedding-dim", "2", "--set", "max_epochs=2"]


def process(*args, **options):
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "sk_gene2vec", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, **options)


def one_line(text):
    (line,) = text.splitlines()
    return line


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    path = tmp_path_factory.mktemp("cli") / "sets.gmt"
    lines = ["\t".join([name, "na", *genes]) for name, genes in GENE_SETS.items()]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def fitted():
    """What the command line has to find, by the public names."""
    encoder = GeneSetEncoder(2, max_epochs=2, random_state=0)
    return make_pipeline(GmtVectorizer(GENE_SETS), encoder).fit(GENES)


@pytest.fixture(scope="module")
def embedding(fitted):
    return GeneEmbedding.from_pipeline(fitted)


@pytest.fixture
def table(embedding, tmp_path):
    path = tmp_path / "vectors.tsv"
    embedding.to_frame().to_csv(path, sep="\t")
    return path


def read(text):
    return pd.read_csv(io.StringIO(text), sep="\t", na_filter=False)


def test_embed_in_a_process_reads_stdin_writes_stdout_and_warns(
    collection, embedding, tmp_path
):
    genes = tmp_path / "genes.txt"
    genes.write_text("\ufeffTP53\n\n HK1 \r\nXYZ\n", encoding="utf-8")
    text = collection.read_text(encoding="utf-8")
    run = process("embed", "-", *QUICK, "--genes", genes, input=text)
    assert run.returncode == 0, run.stderr
    assert one_line(run.stderr).startswith("sk-gene2vec: warning: 1 of 3 genes")
    frame = read(run.stdout).set_index("gene")
    assert list(frame.index) == ["TP53", "HK1"]
    np.testing.assert_allclose(frame, embedding[["TP53", "HK1"]], rtol=1e-5)


def test_the_ending_tells_the_format(collection, embedding, tmp_path):
    table, text = tmp_path / "vectors.tsv", tmp_path / "vectors.txt"
    for path in (table, text):
        assert main(["embed", str(collection), *QUICK, "-o", str(path)]) == 0
    found = GeneEmbedding.from_word2vec(text)
    assert found == GeneEmbedding(embedding, embedding.vectors)
    frame = read(table.read_text(encoding="utf-8")).set_index("gene")
    assert list(frame.index) == list(embedding)
    np.testing.assert_array_equal(frame.to_numpy(np.float32), embedding.vectors)


@pytest.mark.parametrize("ending", ["tsv", "txt"])
def test_neighbors_of_vectors_in_every_format(
    ending, collection, embedding, tmp_path, capsys
):
    path = str(tmp_path / f"vectors.{ending}")
    assert main(["embed", str(collection), *QUICK, "-o", path]) == 0
    assert main(["neighbors", path, "TP53", "N/A", "-k", "2"]) == 0
    found = read(capsys.readouterr().out)
    # Files of vectors do not hold the numbers of gene sets.
    expected = embedding.neighbors(["TP53", "N/A"], topn=2).drop(columns="n_gene_sets")
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, rtol=1e-5)


def test_genes_that_are_numbers_stay_text(tmp_path, capsys):
    path = tmp_path / "vectors.tsv"
    path.write_text("gene\ta\tb\n7157\t1\t0\n4193\t1\t0\n", encoding="utf-8")
    assert main(["neighbors", str(path), "7157"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "7157\t4193\t1.0"


@pytest.mark.parametrize(
    ("option", "name", "suggest"),
    [("--gene-set", "HYPOXIA", suggest_genes), ("--gene", "PKM", suggest_gene_sets)],
)
def test_complete_prints_what_the_functions_suggest(
    option, name, suggest, collection, fitted, capsys
):
    assert main(["complete", str(collection), *QUICK, option, name, "-k", "2"]) == 0
    found = read(capsys.readouterr().out)
    expected = suggest(fitted, name, n=2)
    expected.insert(0, option[2:].replace("-", "_"), name)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, rtol=1e-5)


def test_complete_takes_a_list_of_genes(collection, fitted, tmp_path, capsys):
    path = tmp_path / "genes.txt"
    path.write_text("TP53\n\nMDM2\nCDKN1A\n", encoding="utf-8")
    assert main(["complete", str(collection), *QUICK, "--genes", str(path)]) == 0
    found = read(capsys.readouterr().out)
    expected = suggest_genes(fitted, ["TP53", "MDM2", "CDKN1A"])
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, rtol=1e-5)


def test_complete_reads_a_list_from_stdin(collection, fitted, monkeypatch, capsys):
    stdin = io.TextIOWrapper(io.BytesIO(b"TP53\nMDM2\nCDKN1A\n"))
    monkeypatch.setattr("sys.stdin", stdin)
    assert main(["complete", str(collection), *QUICK, "--genes", "-", "-k", "1"]) == 0
    found = read(capsys.readouterr().out)
    assert found["gene"].tolist() == ["N/A"]


@pytest.mark.parametrize("command", ["complete", "embed"])
def test_a_list_of_no_known_gene_is_refused_before_training(
    command, collection, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(GeneSetEncoder, "fit", None)
    path = tmp_path / "genes.txt"
    path.write_text("7157\n4193\n", encoding="utf-8")
    assert main([command, str(collection), "--genes", str(path)]) == 1
    assert "look like Entrez numbers" in one_line(capsys.readouterr().err)


@pytest.mark.parametrize("option", ["--gene", "--gene-set"])
def test_an_unknown_name_is_refused_before_training(
    option, collection, monkeypatch, capsys
):
    monkeypatch.setattr(GeneSetEncoder, "fit", None)
    assert main(["complete", str(collection), option, "PKN"]) == 1
    assert "of the collection, got 'PKN'" in one_line(capsys.readouterr().err)


def test_lists_may_have_repeated_genes_and_a_byte_order_mark(
    collection, monkeypatch, capsys
):
    stdin = io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbfTP53\nPKM \nTP53\n"), "utf-8")
    monkeypatch.setattr("sys.stdin", stdin)
    assert main(["embed", str(collection), *QUICK, "--genes", "-"]) == 0
    assert read(capsys.readouterr().out)["gene"].tolist() == ["TP53", "PKM"]


def test_aliases_without_a_header_are_refused(collection, tmp_path, capsys):
    path = tmp_path / "aliases.tsv"
    path.write_text("7157\tTP53\n4193\tMDM2\n", encoding="utf-8")
    args = ["complete", str(collection), "--gene", "7157", "--aliases", str(path)]
    assert main(args) == 1
    error = one_line(capsys.readouterr().err)
    assert "a first line with the names" in error
    assert "got 7157 and TP53" in error


@pytest.fixture(scope="module")
def model(collection, tmp_path_factory):
    path = str(tmp_path_factory.mktemp("models") / "sets.model")
    assert main(["fit", str(collection), *QUICK, "-o", path]) == 0
    return path


@pytest.mark.parametrize(
    "args",
    [
        ["embed"],
        ["complete", "--gene", "PKM"],
        ["complete", "--gene-set", "HYPOXIA"],
        ["complete", "--genes", "LIST"],
        ["complete", "--gene", "7157", "--aliases", "human"],
        ["complete", "--gene", "Trp53", "--aliases", "mouse"],
        ["complete", "--gene", "Mdm2", "--aliases", "rat"],
        ["nearest", "--genes", "LIST"],
        ["map", "--method", "pca", "-o", "PAGE"],
    ],
)
def test_a_model_answers_as_its_collection_does_without_training(
    args, collection, model, tmp_path, monkeypatch, capsys
):
    genes, page = tmp_path / "genes.txt", tmp_path / "map.html"
    genes.write_text("TP53\nMDM2\nCDKN1A\n", encoding="utf-8")
    names = {"LIST": str(genes), "PAGE": str(page)}
    args = [names.get(arg, arg) for arg in args]

    def answer(*others):
        assert main([*args, *others]) == 0
        out, err = capsys.readouterr()
        assert not err
        return out + (page.read_text(encoding="utf-8") if page.exists() else "")

    expected = answer(str(collection), *QUICK)
    monkeypatch.setattr(GeneSetEncoder, "fit", None)
    assert answer("--model", model) == expected


def test_neighbors_in_a_model(model, embedding, capsys):
    assert main(["neighbors", "--model", model, "TP53", "-k", "2"]) == 0
    found, expected = read(capsys.readouterr().out), embedding.neighbors("TP53", topn=2)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, rtol=1e-5)


def test_models_of_python_and_of_the_command_line_are_the_same(
    fitted, model, tmp_path, capsys
):
    path = tmp_path / "python.model"
    skops.io.dump(fitted, path)
    tables = []
    for name in (str(path), model):
        assert main(["complete", "--model", name, "--gene", "PKM"]) == 0
        tables.append(read(capsys.readouterr().out))
    pd.testing.assert_frame_equal(*tables)
    kinds = ("GeneSetEncoder", "GeneSets", "GmtVectorizer")
    names = skops.io.get_untrusted_types(file=model)
    assert tuple(name.rpartition(".")[2] for name in names) == kinds
    assert isinstance(skops.io.load(model, trusted=names), Pipeline)


class Opened(Exception):
    """What a model must not run."""


def opened():
    raise Opened


class Hostile:
    def __reduce__(self):
        return opened, ()


def packed(data, size=None):
    """Make a file whose schema is said to have a size once it is unpacked."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", data)
        archive.filelist[0].file_size = size or len(data)
    return file.getvalue()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: pickle.dumps(Hostile()), "not a zip file"),
        (lambda: skops.io.dumps([Fraction(1, 2)]), "fractions.Fraction"),
        (lambda: skops.io.dumps({"a": 1}), "a fitted pipeline"),
        (lambda: skops.io.dumps(make_pipeline(GmtVectorizer(GENE_SETS))), "pipeline"),
        (lambda: b"", "not a zip file"),
        (lambda: packed("{"), "JSONDecodeError"),
        (lambda: packed("[" * 10**6), "RecursionError"),
        (lambda: packed("{}", 2**30 + 1), "1,073,741,825 bytes"),
    ],
)
def test_a_file_that_is_no_model_is_not_opened(make, told, tmp_path, capsys):
    path = tmp_path / "other.model"
    path.write_bytes(make())
    assert main(["complete", "--model", str(path), "--gene", "TP53"]) == 1
    error = one_line(capsys.readouterr().err)
    assert "Expected a model, as `sk-gene2vec fit` writes it" in error
    assert told in error


def test_a_model_needs_skops_before_the_training(collection, monkeypatch, capsys):
    monkeypatch.setattr(GeneSetEncoder, "fit", None)
    monkeypatch.setitem(sys.modules, "skops.io", None)
    assert main(["fit", str(collection), "-o", "a.model"]) == 1
    assert "`pip install skops`" in one_line(capsys.readouterr().err)


def test_complete_answers_for_every_name(model, fitted, capsys):
    names = ["--gene", "PKM", "--gene", "TP53"]
    assert main(["complete", "--model", model, *names, "-k", "2"]) == 0
    found = read(capsys.readouterr().out)
    assert found["gene"].tolist() == ["PKM", "PKM", "TP53", "TP53"]
    for gene in ("PKM", "TP53"):
        sets = found[found["gene"] == gene]["gene_set"].tolist()
        assert sets == suggest_gene_sets(fitted, gene, 2)["gene_set"].tolist()
    names = ["--gene-set", "HYPOXIA", "--gene-set", "WARBURG"]
    assert main(["complete", "--model", model, *names, "-k", "1"]) == 0
    found = read(capsys.readouterr().out)
    assert found["gene_set"].tolist() == ["HYPOXIA", "WARBURG"]
    assert main(["complete", "--model", model, "--gene", "PKM", "--gene", "PKN"]) == 1
    assert "'PKN'" in one_line(capsys.readouterr().err)


def test_nearest_and_group_are_those_of_the_functions(
    collection, model, fitted, tmp_path, capsys
):
    path = tmp_path / "genes.txt"
    path.write_text("HK1\nPKM\nPFKM\n", encoding="utf-8")
    assert main(["nearest", "--model", model, "--genes", str(path), "-k", "2"]) == 0
    found = read(capsys.readouterr().out)
    expected = nearest_gene_sets(fitted, ["HK1", "PKM", "PFKM"], 2)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, rtol=1e-5)
    assert main(["group", str(collection)]) == 0
    pd.testing.assert_frame_equal(
        read(capsys.readouterr().out), group_gene_sets(GENE_SETS), check_dtype=False
    )
    ranked = tmp_path / "ranked.tsv"
    ranked.write_text("term\tp\nWARBURG\t0\nGLYCOLYSIS\t1\n", encoding="utf-8")
    args = ["group", str(collection), "--gene-sets", str(ranked), "--column", "term"]
    assert main(args) == 0
    found = read(capsys.readouterr().out)
    assert found["representative"].tolist() == ["WARBURG", "WARBURG"]


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("gene\tpadj\nTP53\t0.1\nMDM2\t\n", "gene"),
        ("gene,padj\nTP53,0.1\nMDM2,0.2\n", "gene"),
        ("padj;gene name\n0.1;TP53\n0,2;MDM2\n", "gene name"),
        ('"baseMean","padj"\n"TP53",1,2\n"MDM2",3,4\n', "0"),  # as R writes it
        ('"","padj"\n"TP53",2\n"MDM2",4\n', "0"),
        ("padj\tgene\n1\tTP53\n2\t\n3\tMDM2\n4\tTP53\n", "1"),
    ],
)
def test_a_list_is_a_column_of_a_table(text, column, table, tmp_path, capsys):
    path = tmp_path / "results"
    path.write_text(text, encoding="utf-8")
    args = ["neighbors", str(table), "-k", "1", "--genes", str(path)]
    assert main([*args, "--column", column]) == 0
    out, err = capsys.readouterr()
    assert read(out)["gene"].tolist() == ["TP53", "MDM2"]
    assert not err
    assert main([*args, "--column", "symbol"]) == 1
    assert "Expected the --column 'symbol', got " in one_line(capsys.readouterr().err)
    if not text.startswith('"baseMean"'):
        assert main(args) == 1
        assert "--column with the names" in one_line(capsys.readouterr().err)


def test_lists_are_taken_together(table, tmp_path, capsys):
    for name, gene in (("a.txt", "TP53"), ("b.txt", "MDM2")):
        (tmp_path / name).write_text(f"{gene}\n", encoding="utf-8")
    args = ["--genes", str(tmp_path / "a.txt"), "--genes", str(tmp_path / "b.txt")]
    assert main(["neighbors", str(table), "HK1", *args, "-k", "1"]) == 0
    found = read(capsys.readouterr().out)
    assert found["gene"].tolist() == ["HK1", "TP53", "MDM2"]


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("header", ["Gene", "gene_symbol", "HGNC symbol", '"gene"'])
def test_a_header_in_a_list_is_left_out(header, table, tmp_path, capsys):
    path = tmp_path / "genes.txt"
    path.write_text(f"{header}\nTP53\n", encoding="utf-8")
    assert main(["neighbors", str(table), "--genes", str(path), "-k", "1"]) == 0
    out, err = capsys.readouterr()
    assert read(out)["gene"].tolist() == ["TP53"]
    assert f"first line, {header!r}, is taken for a header" in one_line(err)


@pytest.mark.filterwarnings("default")
def test_unknown_genes_do_not_end_neighbors(table, capsys):
    assert main(["neighbors", str(table), "TP35", "TP53", "-k", "1"]) == 0
    out, err = capsys.readouterr()
    assert read(out)["gene"].tolist() == ["TP53"]
    assert "1 of 2 genes is not in the embedding: 'TP35' (did you" in one_line(err)


@pytest.mark.parametrize("option", ["Term,Gene", "Term, Gene"])
def test_columns_of_a_table(option, tmp_path, capsys):
    path = tmp_path / "table.tsv"
    path.write_text(
        "score\tTerm\tGene\n0.5\tA\tTP53\n0.1\tA\tMDM2\n0.2\tB\tHK1\n",
        encoding="utf-8",
    )
    assert main(["group", str(path), "--columns", option]) == 0
    found = read(capsys.readouterr().out)
    assert found["gene_set"].tolist() == ["A", "B"]
    assert found["size"].tolist() == [2, 1]
    page = tmp_path / "map.html"
    args = ["map", str(path), *QUICK, "--method", "pca", "-o", str(page)]
    assert main([*args, "--columns", option]) == 0
    assert '["B","A"]' in page.read_text(encoding="utf-8")


def test_advice_names_options_and_works(tmp_path, capsys):
    """Follow each message to a right reading."""
    twice, upper = tmp_path / "twice.gmt", tmp_path / "upper.csv"
    twice.write_text("A\tna\tTP53\nA\tna\tMDM2\n", encoding="utf-8")
    upper.write_text("TERM,GENE\nA,TP53\nA,MDM2\n", encoding="utf-8")
    for path, advice in (
        (twice, "--on-duplicate to 'merge'"),
        (upper, "use --columns TERM,GENE."),
    ):
        assert main(["group", str(path)]) == 1
        told = one_line(capsys.readouterr().err)
        assert advice in told
        assert "=" not in told
        option = advice.replace("use ", "").replace(" to", "").strip(".").split()
        assert main(["group", str(path), *(part.strip("'") for part in option)]) == 0
        assert read(capsys.readouterr().out)["size"].tolist() == [2]
    args = ["complete", str(twice), "--on-duplicate", "first", "--gene", "A"]
    assert main(args) == 1
    assert "which is a gene set: use --gene-set." in capsys.readouterr().err


def test_errors_of_identifiers_and_encodings_name_options(tmp_path, capsys):
    sets, genes = tmp_path / "sets.gmt", tmp_path / "genes.txt"
    sets.write_text("A\tna\tTP53\nB\tna\tMDM2\n", encoding="utf-8")
    genes.write_text("7157\n", encoding="utf-8")
    args = ["embed", str(sets), *QUICK, "--genes", str(genes)]
    assert main(args) == 1
    assert "with --aliases human" in one_line(capsys.readouterr().err)
    assert main([*args, "--aliases", "human"]) == 0
    assert read(capsys.readouterr().out)["gene"].tolist() == [7157]
    sets.write_bytes("GÈNES\tna\tTP53\n".encode("latin-1"))
    assert main(["group", str(sets)]) == 1
    assert "iconv -f latin-1 -t utf-8" in one_line(capsys.readouterr().err)


PAGE = (Path(__file__).parents[1] / "docs" / "command_line.md").read_text("utf-8")
EXAMPLES = re.findall(
    r"^sk-gene2vec .*", "".join(re.findall(r"```bash(.*?)```", PAGE, re.DOTALL)), re.M
)


def test_examples_of_the_page_run(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "umap", None)  # slow to start
    names = {"HYPOXIA": "HALLMARK_HYPOXIA", "OTHER": "HALLMARK_OTHER"}
    sets = {names.get(name, name): genes for name, genes in GENE_SETS.items()}
    write_gmt(sets, "h.all.gmt")
    write_gmt(sets, "enrichr.gmt")
    text = Path("h.all.gmt").read_text(encoding="utf-8")
    for name, content in {
        "twice.gmt": text + text,
        "enrichr.csv": "Term,Gene\nA,TP53\nA,MDM2\nB,HK1\nB,PKM\n",
        "my_genes.txt": "TP53\nMDM2\nCDKN1A\n",
        "mouse_genes.txt": "Trp53\nMdm2\nCdkn1a\n",
        "entrez_ids.txt": "7157\n4193\n1026\n",
        "results.tsv": "padj\tgene\n0.1\tTP53\n0.2\tMDM2\n0.3\tCDKN1A\n",
        "clusters.tsv": "gene\tcluster\nTP53\tarrest\nPKM\tenergy\n",
        "deseq2.csv": '"","padj","log2FoldChange"\n"TP53",1,-1.5\n"MDM2",3,2\n',
        "enriched.tsv": "term\tp\nWARBURG\t0\nGLYCOLYSIS\t1\n",
    }.items():
        Path(name).write_text(content, encoding="utf-8")
    seen = set()
    for line in EXAMPLES:
        out = ""
        for part in line.split("#")[0].split("|"):
            command, _, given = part.partition("<")
            args = shlex.split(command.partition(">")[0])[1:]
            data = Path(given.strip()).read_bytes() if given else out.encode()
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
            assert main(args) == 0, line
            seen.add(args[0])
            out, err = capsys.readouterr()
            assert out or "-o" in args, line
            assert not err, line
    assert seen == set(COMMANDS)


@pytest.mark.parametrize("k", ["0", "-1", "2.5", "many"])
def test_a_number_below_one_is_refused_before_training(k, collection, capsys):
    with pytest.raises(SystemExit) as error:
        main(["complete", str(collection), "--gene", "PKM", "-k", k])
    assert error.value.code == 2
    assert f"argument -k: Expected 1 or more, got {k!r}" in capsys.readouterr().err


def test_map_of_vectors_is_that_of_their_collection(collection, table, tmp_path):
    pages = [tmp_path / f"{number}.html" for number in range(3)]
    options = ["--method", "pca", "-o"]
    sets = str(collection)
    assert main(["map", str(table), sets, *options, str(pages[0])]) == 0
    assert main(["map", sets, *QUICK, *options, str(pages[1])]) == 0
    assert main(["map", str(table), *options, str(pages[2])]) == 0
    texts = [page.read_text(encoding="utf-8") for page in pages]
    assert ["GLYCOLYSIS" in text for text in texts] == [True, True, False]
    first, second, _ = (
        json.loads(re.search('id="data">(.*)</script>', text)[1]) for text in texts
    )
    places = [
        np.frombuffer(base64.b64decode(data.pop("points")), "<u2").astype(int)
        for data in (first, second)
    ]
    assert first == second
    # The table has decimals, which may move a place by one of 65,536 steps.
    assert abs(places[0] - places[1]).max() <= 1


def labels_of(table, text, tmp_path, *options):
    """Labels on the page of a map, from a table with this text."""
    path, page = tmp_path / "labels.tsv", tmp_path / "map.html"
    path.write_text(text, encoding="utf-8")
    args = ["map", str(table), "--labels", str(path), *options]
    assert main([*args, "--method", "pca", "-o", str(page)]) == 0
    (data,) = re.findall('id="data">(.*)</script>', page.read_text(encoding="utf-8"))
    return json.loads(data)["genes"], json.loads(data)["labels"]


@pytest.mark.filterwarnings("default")
def test_labels_of_a_map(table, tmp_path, capsys):
    text = "gene,kind\nTP53,sensor\nPKM,enzyme\nHK1,enzyme\nABC9,x\nMDM2,NA\n"
    genes, labels = labels_of(table, text, tmp_path)
    assert (labels["kind"], labels["title"]) == ("categories", "kind")
    assert labels["names"] == ["enzyme", "sensor"]
    codes = dict(zip(genes, labels["codes"], strict=True))
    assert [codes[g] for g in ("TP53", "PKM", "HK1", "MDM2")] == [1, 0, 0, -1]
    assert "1 of 5 genes" in one_line(capsys.readouterr().err)


def test_labels_of_one_column_of_a_table_of_results(table, tmp_path):
    text = "\tbaseMean\tlfc\n" + "".join(f"G{k}\t9\t{k - 9.5}\n" for k in range(19))
    for columns in ("0,lfc", "0,2"):
        options = ["--label-columns", columns]
        genes, labels = labels_of(table, text + "TP53\t9\tN/A\n", tmp_path, *options)
        assert (labels["kind"], labels["title"]) == ("numbers", "lfc")
        assert labels["values"][genes.index("G0")] == -9.5
        assert labels["values"][genes.index("TP53")] is None
        assert labels["low"] == -labels["high"]


def test_labels_of_a_table_of_one_column_from_r(table, tmp_path):
    genes, labels = labels_of(table, '"kind"\n"TP53"\t"a"\n"PKM"\t"b"\n', tmp_path)
    assert labels["names"] == ["a", "b"]
    assert labels["codes"][genes.index("PKM")] == 1


def test_labels_by_aliases(table, tmp_path):
    aliases = tmp_path / "aliases.tsv"
    aliases.write_text("other\tgene\n7157\tTP53\n4193\tMDM2\n", encoding="utf-8")
    text = "gene\tkind\n7157\told\nTP53\tnew\n4193\told\n"
    genes, labels = labels_of(table, text, tmp_path, "--aliases", str(aliases))
    kinds = {g: labels["names"][c] for g, c in zip(genes, labels["codes"], strict=True)}
    assert (kinds["TP53"], kinds["MDM2"]) == ("new", "old")


@pytest.mark.parametrize(
    ("text", "options", "told"),
    [
        ("gene\ta\tb\nTP53\t1\t2\n", [], "or --label-columns, got 'gene', 'a', 'b'"),
        ("TP53\tx\nPKM\ty\n", [], "names of the columns, got the gene 'TP53'"),
        ("gene\tk\nTP53\tx\nTP53\ty\n", [], "got several for 'TP53'. Keep one"),
        ("gene\tk\nTP53\tNA\n", [], "Expected labels in 'k', got none"),
        ("gene\tk\nA\tx\nB\ty\n", [], "labels.tsv: Expected genes of the coll"),
        ("gene\tk\nTP53\t1\nPKM\tinf\n", [], "Expected finite numbers in 'k'"),
        ("gene\tk\nTP53\tx\n", ["gene,kind"], "the --label-columns 'kind', got"),
    ],
)
def test_labels_that_do_not_fit_fail_before_the_training(
    text, options, told, collection, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(GeneSetEncoder, "fit", None)
    path, page = tmp_path / "labels.tsv", tmp_path / "map.html"
    path.write_text(text, encoding="utf-8")
    args = ["map", str(collection), "--labels", str(path), "-o", str(page)]
    assert main([*args, *(["--label-columns", *options] if options else [])]) == 1
    assert told in one_line(capsys.readouterr().err)
    assert not page.exists()


@pytest.mark.parametrize("given", ["human", "table"])
def test_aliases_find_genes_to_embed_and_names_on_a_map(
    given, collection, table, tmp_path, capsys
):
    aliases, genes = tmp_path / "aliases.tsv", tmp_path / "genes.txt"
    aliases.write_text("other\tgene\n7157\tTP53\nNA\tMDM2\n", encoding="utf-8")
    genes.write_text("7157\nTP53\n", encoding="utf-8")
    options = ["--aliases", given if given == "human" else str(aliases)]
    args = ["embed", str(collection), *QUICK, "--genes", str(genes)]
    assert main([*args, *options]) == 0
    by_number, by_symbol = capsys.readouterr().out.splitlines()[1:]
    assert by_number.split("\t")[0] == "7157"
    assert by_number.split("\t")[1:] == by_symbol.split("\t")[1:]
    page = tmp_path / "map.html"
    args = ["map", str(table), "--method", "pca", "-o", str(page)]
    assert main([*args, *options]) == 0
    assert "7157" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("given", ["human", "table"])
def test_aliases_find_genes_to_complete(given, collection, fitted, tmp_path, capsys):
    aliases, genes = tmp_path / "aliases.tsv", tmp_path / "genes.txt"
    aliases.write_text("other\tgene\n7157\tTP53\n4193\tMDM2\n", encoding="utf-8")
    genes.write_text("7157\n4193\nCDKN1A\n", encoding="utf-8")
    args = ["complete", str(collection), *QUICK]
    args += ["--aliases", given if given == "human" else str(aliases)]
    assert main([*args, "--genes", str(genes)]) == 0
    expected = suggest_genes(fitted, ["TP53", "MDM2", "CDKN1A"])
    found = read(capsys.readouterr().out)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, rtol=1e-5)
    assert main([*args, "--gene", "7157"]) == 0
    expected = suggest_gene_sets(fitted, "TP53")
    expected.insert(0, "gene", 7157)
    found = read(capsys.readouterr().out)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, rtol=1e-5)


def test_score_is_a_line_of_json(collection, capsys):
    assert main(["score", str(collection), *QUICK, "--set", "activation=tanh"]) == 0
    found = json.loads(one_line(capsys.readouterr().out))
    assert 0 <= found["ndcg@100"] <= found["recall@100"] <= 1
    assert 0 <= found["auroc"] <= 1
    assert found["collection"] == {"name": "sets.gmt"}
    assert (found["n_genes"], found["n_gene_sets"], found["seed"]) == (27, 5, 0)
    assert found["set"] == {"max_epochs": 2, "activation": "tanh"}


def test_several_collections_are_taken_together(collection, tmp_path, capsys):
    other = tmp_path / "other.gmt"
    other.write_text("HYPOXIA\tna\tVEGFA\tHK1\tTP53\n", encoding="utf-8")
    both = ["score", str(collection), str(other), *QUICK]
    assert main(both) == 1
    assert "occurs in two collections" in one_line(capsys.readouterr().err)
    assert main([*both, "--prefix-names"]) == 0
    assert json.loads(capsys.readouterr().out)["n_gene_sets"] == 6


def test_without_a_collection_it_is_the_bundled_one(capsys):
    assert main(["complete", "--gene-set", "GOBP_OXYGEN_TRANSPOR"]) == 1
    assert "'GOBP_OXYGEN_TRANSPORT'" in one_line(capsys.readouterr().err)


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["embed", "none.gmt"], "No such file or directory: 'none.gmt'"),
        (["embed", "SETS", "--set", "activation=best"], "error: --set activation must"),
        (["embed", "SETS", "--set", "width=3"], "error: --set has no 'width'"),
        (["embed", "SETS", "-o", "none/a.tsv"], "Expected a file in a folder that"),
        (["map", "SETS", "-o", "none/a.html"], "Expected a file in a folder that"),
        (["neighbors", "TABLE", "TP35"], "not in the embedding: 'TP35' (did you"),
        (["neighbors", "none.txt", "TP53"], "No such file"),
        (
            ["complete", "SETS", "--gene", "PKN"],
            "a gene of the collection, got 'PKN', d",
        ),
        (["complete", "SETS", "--gene-set", "PKM"], "a gene set of the collection"),
    ],
)
def test_input_that_cannot_be_used_gets_one_line(
    args, told, collection, table, capsys, monkeypatch
):
    monkeypatch.chdir(collection.parent)
    paths = {"SETS": str(collection), "TABLE": str(table)}
    assert main([paths.get(arg, arg) for arg in args]) == 1
    out, err = capsys.readouterr()
    assert one_line(err).startswith("sk-gene2vec: error: ")
    assert told in err
    assert not out


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("KEGG_2021_Human.txt", "ALPHA\t\tHK1\tPKM\nBETA\t\tTP53\tMDM2\tHK1\n"),
        ("entrez.txt", "ALPHA\tna\t3098\t5315\nBETA\tna\t7157\t4193\t3098\n"),
        ("gmt.tsv", "ALPHA\tna\tHK1\tPKM\nBETA\tna\tTP53\tMDM2\tHK1\n"),
        (
            "weights.tsv",
            "source\ttarget\tweight\nALPHA\tHK1\t0.5\nALPHA\tPKM\t1.0\nBETA\tTP53\t1\n",
        ),
    ],
)
def test_map_learns_from_a_collection_whatever_its_ending(name, text, tmp_path):
    path, page = tmp_path / name, tmp_path / "map.html"
    path.write_text(text, encoding="utf-8")
    options = [*QUICK, "--method", "pca", "-o", str(page)]
    assert main(["map", str(path), *options]) == 0
    assert "ALPHA" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("ending", ["tsv", "txt"])
def test_vectors_are_not_read_as_a_collection(ending, collection, tmp_path, capsys):
    path = str(tmp_path / f"vectors.{ending}")
    assert main(["embed", str(collection), *QUICK, "-o", path]) == 0
    page = str(tmp_path / "map.html")
    for args in (["embed", path], ["map", str(collection), path, "-o", page]):
        assert main(args) == 1
        assert f"{path}: Expected a collection" in one_line(capsys.readouterr().err)
    assert not Path(page).exists()
    assert main(["map", path, "--method", "pca", "-o", page]) == 0


def test_vectors_without_a_header_lose_no_gene(table, capsys):
    _, *lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    table.write_text("".join(lines), encoding="utf-8")
    assert main(["neighbors", str(table), "TP53"]) == 1
    assert "first line has no names" in one_line(capsys.readouterr().err)


def test_addresses_are_not_opened(collection, tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/vectors."
        page = str(tmp_path / "map.html")
        for ending in ("tsv", "txt"):
            for args in (
                ["neighbors", url + ending, "TP53"],
                ["map", url + ending, "-o", page],
                ["embed", url + ending],
                ["embed", str(collection), "--aliases", url + ending],
                ["embed", str(collection), "--genes", url + ending],
            ):
                assert main(args) == 1
                assert "http:" in one_line(capsys.readouterr().err)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_aliases_unpack_to_a_limit(collection, tmp_path, capsys):
    path = tmp_path / "aliases.tsv.gz"
    path.write_bytes(gzip.compress(b"a\tb\n" * 2**25, 1))
    assert main(["embed", str(collection), "--aliases", str(path)]) == 1
    assert "at most 67,108,864 bytes" in one_line(capsys.readouterr().err)
    path.write_bytes(gzip.compress(b"other\tgene\n7157\tTP53\n"))
    assert main(["embed", str(collection), *QUICK, "--aliases", str(path)]) == 0


@pytest.mark.parametrize(
    "args",
    [
        ["embed", "SETS", "-o", "folder.tsv"],
        ["embed", "SETS", "-o", "none/vectors.tsv"],
        ["fit", "SETS", "-o", "none/a.model"],
        ["map", "SETS", "-o", "folder.tsv"],
        ["map", "SETS", "-o", "map.html", "--method", "umap"],
        ["embed", "SETS", "--genes", "blank.txt"],
    ],
)
def test_what_cannot_end_well_fails_before_the_training(
    args, collection, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(GeneSetEncoder, "fit", None)
    monkeypatch.setitem(sys.modules, "umap", None)
    monkeypatch.chdir(tmp_path)
    Path("folder.tsv").mkdir()
    Path("blank.txt").write_text("\n", encoding="utf-8")
    before = set(tmp_path.iterdir())
    assert main([str(collection) if arg == "SETS" else arg for arg in args]) == 1
    told = one_line(capsys.readouterr().err)
    assert "Expected" in told or "pip install" in told
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "value", ["-" * 100_000, "[" * 100_000, "1" + "0" * 400, "{[]: 1}"]
)
def test_values_that_are_no_parameter_get_one_line(value, collection, capsys):
    assert main(["embed", str(collection), "--set", f"lr={value}"]) == 1
    assert one_line(capsys.readouterr().err).startswith("sk-gene2vec: error: ")


def test_closed_standard_output(collection, tmp_path, monkeypatch, capsys):
    path = tmp_path / "vectors.tsv"
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", None)
        patch.setattr(GeneSetEncoder, "fit", None)
        for args in (["embed"], ["score"], ["complete", "--gene", "TP53"]):
            assert main([*args, str(collection)]) == 1
            assert "standard output" in one_line(capsys.readouterr().err)
    monkeypatch.setattr("sys.stdout", None)
    assert main(["embed", str(collection), *QUICK, "-o", str(path)]) == 0
    assert path.exists()


def test_closed_standard_input(collection, table, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", None)
    assert main(["embed", str(collection), *QUICK]) == 0
    assert read(capsys.readouterr().out)["gene"].tolist() == GENES
    for args in (
        ["embed", "-"],
        ["embed", str(collection), "--genes", "-"],
        ["neighbors", "-", "TP53"],
        ["neighbors", str(table), "--genes", "-"],
        ["map", "-", "-o", "map.html"],
    ):
        assert main(args) == 1
        assert "standard input" in one_line(capsys.readouterr().err)


def test_closed_standard_error(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr", None)
    assert main(["embed", "none.gmt"]) == 1
    assert not capsys.readouterr().out


# Standard streams and files as Python takes them in a console of Windows.
CONSOLE = {
    "PYTHONIOENCODING": "cp1252",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
    "LC_ALL": "C",
}


def in_a_console(*args, text=""):
    command = [sys.executable, "-m", "sk_gene2vec", *map(str, args)]
    options = {"capture_output": True, "env": os.environ | CONSOLE}
    run = subprocess.run(command, input=text.encode(), **options)
    assert run.returncode == 0, run.stderr
    return run.stdout.decode()


def test_standard_streams_are_utf_8_whatever_the_console(tmp_path):
    path = tmp_path / "vectors.tsv"
    path.write_text("gene\ta\tb\nβ\t1\t0\nTP53\t1\t0\n", encoding="utf-8")
    found = in_a_console("neighbors", path, "--genes", "-", text="β\n")
    assert found.splitlines()[1] == "β\tTP53\t1.0"


def test_what_is_learned_in_a_console_of_windows_keeps_its_names(tmp_path):
    sets = "Δ hypoxia\tna\tβ-actin\tVEGFA\nWARBURG\tna\tHK1\tPKM\n"
    table = in_a_console("embed", "-", *QUICK, text=sets)
    assert "\nβ-actin\t" in table
    page = tmp_path / "map.html"
    in_a_console("map", "-", "-o", page, text=table)
    assert json.dumps("β-actin") in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ([], "required: command"),
        (["embed", "-o", "a.npz"], "ends in .tsv or .txt, got 'a.npz'"),
        (["embed", "--set", "lr"], "Expected NAME=VALUE"),
        (["embed", "--set", "callbacks=[5]"], "in Python only"),
        (["map", "-o", "a.html", "--method", "som"], "'som' (choose from"),
        (["embed", "-", "--genes", "-"], "Expected - once"),
        (["neighbors", "-", "--genes", "-"], "Expected - once"),
        (["complete", "-", "--genes", "-"], "Expected - once"),
        (["neighbors", "a.tsv", "TP53", "-k", "0"], "Expected 1 or more, got '0'"),
        (["complete"], "one of --gene-set, --gene and --genes"),
        (["complete", "--gene", "A", "--gene-set", "B"], "one of --gene-set"),
        (["complete", "A", "--model", "B", "--gene", "C"], "--model alone"),
        (["complete", "--model", "B", "--seed", "1", "--gene", "C"], "--model alone"),
        (["nearest"], "Expected --genes"),
        (["neighbors"], "Expected vectors, or --model"),
        (["neighbors", "a.tsv"], "Expected genes, or --genes"),
        (["neighbors", "a.tsv", "TP53", "--column", "gene"], "take the --column from"),
        (["fit"], "required: -o"),
        (["fit", "-o", "-"], "a file to write"),
        (["map", "-o", "-"], "a file to write"),
        (["embed", "--columns", "gene"], "Expected GENE_SET,GENE, got 'gene'"),
        (["map"], "required: -o"),
        (["map", "-", "--labels", "-", "-o", "a.html"], "Expected - once"),
        (["map", "--label-columns", "a", "-o", "b"], "Expected GENE,LABEL, got 'a'"),
        (["map", "--label-columns", "a,b", "-o", "b"], "Expected --labels"),
    ],
)
def test_wrong_usage_exits_with_2(args, told, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(args)
    assert exit_.value.code == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_examples(command, capsys):
    with pytest.raises(SystemExit) as exit_:
        main([command, "--help"])
    assert exit_.value.code == 0
    assert f"\nFor example:\n  sk-gene2vec {command}" in capsys.readouterr().out


def test_ctrl_c_ends_silently(collection, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(GeneSetEncoder, "fit", interrupted)
    assert main(["score", str(collection)]) == 130
    assert capsys.readouterr() == ("", "")


def test_a_process_fails_without_a_traceback(tmp_path):
    run = process("embed", tmp_path / "none.gmt")
    assert (run.returncode, run.stdout) == (1, "")
    assert one_line(run.stderr).startswith("sk-gene2vec: error: ")


def test_python_without_docstrings_gets_one_line(collection):
    command = [sys.executable, "-OO", "-m", "sk_gene2vec", "embed", str(collection)]
    run = subprocess.run(command, capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (1, "")
    assert "leave out -OO" in one_line(run.stderr)


def test_a_reader_that_has_enough_is_no_error(tmp_path):
    genes = [f"G{number}" for number in range(2000)]
    path = tmp_path / "vectors.txt"
    vectors = np.random.default_rng(0).normal(size=(2000, 2))
    GeneEmbedding(genes, vectors).to_word2vec(path)
    command = [sys.executable, "-m", "sk_gene2vec", "neighbors", str(path)]
    command += ["--genes", "-"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as run:
        run.stdin.write("\n".join(genes).encode())
        run.stdin.close()
        assert run.stdout.readline() == b"gene\tneighbor\tsimilarity\n"
        run.stdout.close()
        assert run.stderr.read() == b""
    assert run.returncode == 0


def test_help_and_version_need_no_torch():
    code = (
        "import sys\nfrom sk_gene2vec.cli import main\n"
        "try:\n    main(['--version'])\n"
        "finally:\n    print('torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout.splitlines() == [f"sk-gene2vec {__version__}", "False"]
    assert run.returncode == 0


def test_the_script_that_is_installed_is_this_one():
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    (name, target) = tomllib.loads(text)["project"]["scripts"].popitem()
    module, _, function = target.partition(":")
    assert name == "sk-gene2vec"
    assert getattr(importlib.import_module(module), function) is main


def test_an_input_is_not_overwritten(tmp_path, capsys):
    path = tmp_path / "sets.gmt"
    write_gmt({"A": ["TP53", "MDM2"]}, path)
    before = path.read_bytes()
    with pytest.raises(SystemExit):
        main(["fit", str(path), "-o", str(path)])
    assert "another file to write than to read" in capsys.readouterr().err
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "table",
    [
        'gene\tdesc\nTP53\t"odd\nMDM2\tx\nG1\ty"\n',
        'gene\tdesc\nTP53\tone, two, three\nMDM2\ta, b, c\nG1\t5"\n',
        '"gene","desc"\n"TP53","a, b"\n"MDM2","x\ty"\n"G1",""\n',
        "gene;desc\nTP53;a,b,c\nMDM2;\nG1;\n",
    ],
)
def test_columns_of_tables_with_texts(table, tmp_path):
    path = tmp_path / "table.tsv"
    path.write_text(table)
    assert read_lists([str(path)], "gene") == ["TP53", "MDM2", "G1"]


def test_lines_of_unequal_length_in_a_table(tmp_path):
    path = tmp_path / "table.tsv"
    path.write_text("gene\tx\nTP53\t1\nMDM2\t2\t3\t4\n")
    with pytest.raises(ValueError, match=r"table\.tsv: Expected lines of equal length"):
        read_lists([str(path)], "gene")


def test_an_enrichr_table_is_read_by_following_the_advice(tmp_path, capsys):
    path = tmp_path / "enrichr.txt"
    path.write_text(
        "Term\tOverlap\tP-value\tAdjusted P-value\tOdds Ratio\tCombined Score\tGenes\n"
        "Apoptosis\t3/140\t0.001\t0.01\t5.2\t30.1\tCASP3;TP53;BAX\n"
        "Cell cycle\t2/124\t0.01\t0.04\t4.1\t18.0\tCDK1;TP53\n"
    )
    assert main(["group", str(path)]) == 1
    assert "--columns Term,Genes --sep ';'" in one_line(capsys.readouterr().err)
    assert main(["group", str(path), "--columns", "Term,Genes", "--sep", ";"]) == 0
    out = capsys.readouterr().out
    assert "Apoptosis\tApoptosis\t1.0\t3" in out
