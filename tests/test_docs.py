"""The pages of the documentation: complete, and their sessions run."""

import ast
import doctest
import importlib
import inspect
import re
import runpy
from pathlib import Path

import pytest

import sk_gene2vec
from sk_gene2vec import GeneEmbedding, GeneSetEncoder, GeneSets, GmtVectorizer
from sk_gene2vec.datasets import GeneAliases

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
FENCE = re.compile(r"^\s*(```|~~~|:::).*$", re.MULTILINE)


def in_the_reference():
    """Names in the tables of the API reference, with their modules."""
    names, module, in_table = set(), "", False
    for line in (DOCS / "api" / "index.rst").read_text(encoding="utf-8").splitlines():
        if line.startswith(".. currentmodule::"):
            module = line.split()[-1]
        if line and not line.startswith(" "):
            in_table = line.startswith(".. autosummary::")
        elif in_table and (name := line.strip()) and not name.startswith(":"):
            names.add(f"{module}.{name}")
    return names


@pytest.mark.parametrize(
    "module",
    [
        "sk_gene2vec",
        "sk_gene2vec.datasets",
        "sk_gene2vec.metrics",
        "sk_gene2vec.plotting",
    ],
)
def test_every_public_name_is_in_the_reference(module):
    names = set(importlib.import_module(module).__all__) - {"__version__"}
    public = {f"{module}.{name}" for name in names}
    listed = {n for n in in_the_reference() if n.rpartition(".")[0] == module}
    assert listed == public


# Sessions learn from some genes, to be quick; the sets of others have none of these.
@pytest.mark.filterwarnings("ignore:.* only in sets")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_sessions_on_a_page_print_what_it_says(page):
    # Ends of code blocks would be taken for output.
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    test = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(test, out=report.append)
    assert not report, "".join(report)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_on_a_page_imports_what_there_is(page):
    code = page.read_text(encoding="utf-8").replace(">>> ", "")
    found = re.findall(r"^\s*from (sk_gene2vec[\w.]*) import ([\w, ]+)$", code, re.M)
    missing = [
        f"{module}.{name}"
        for module, names in found
        for name in names.split(", ")
        if not hasattr(importlib.import_module(module), name)
    ]
    assert not missing


def test_changelog_begins_with_this_version_or_what_is_not_released():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    first, *released = re.findall(r"^## \[(.+?)\]", text, re.MULTILINE)
    version = sk_gene2vec.__version__
    if first == "Unreleased" and not released:
        assert f"The first release will be {version}." in text
    else:
        assert version == (released[0] if first == "Unreleased" else first)


def test_citation_is_of_this_version():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {sk_gene2vec.__version__}\n" in text


@pytest.fixture(scope="module")
def make_tables():
    return runpy.run_path(str(ROOT / "benchmarks" / "make_tables.py"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tables_of_results_are_what_the_script_makes_of_them(page, make_tables):
    text = page.read_text(encoding="utf-8")
    assert make_tables["with_tables"](text) == text


def test_benchmarks_page_has_no_table_of_another_kind(make_tables):
    text = (DOCS / "benchmarks.md").read_text(encoding="utf-8")
    assert not re.search(r"^\|", make_tables["MARKED"].sub("", text), re.MULTILINE)


def test_every_result_is_in_a_table_of_a_page(make_tables):
    pages = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    placed = {name for _, name, _ in make_tables["MARKED"].findall(pages)}
    assert placed == set(make_tables["TABLES"])
    used = {stem for stems, _ in make_tables["TABLES"].values() for stem in stems}
    assert used == {x.stem for x in (ROOT / "benchmarks" / "results").glob("*.json")}


@pytest.mark.parametrize(
    "cls", [GeneEmbedding, GeneSetEncoder, GeneSets, GmtVectorizer, GeneAliases]
)
def test_examples_of_methods_print_what_they_say(cls):
    # pytest looks for a method in the module that its class names, the public one.
    runner, report = doctest.DocTestRunner(), []
    for test in doctest.DocTestFinder().find(cls, module=False, globs={}):
        runner.run(test, out=report.append)
    assert not report, "".join(report)


def test_docstring_of_the_encoder_states_the_defaults():
    doc = inspect.getdoc(GeneSetEncoder)
    stated = re.findall(r"^(\w+) : .*default=(.+)$", doc, re.MULTILINE)
    defaults = {name: ast.literal_eval(text) for name, text in stated}
    signature = inspect.signature(GeneSetEncoder).parameters
    assert defaults == {name: x.default for name, x in signature.items()}
