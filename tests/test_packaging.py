"""What pip is told: bounds, pins and extras agree with each other and with the code."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


PROJECT = tomllib.loads(read("pyproject.toml"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
# What users install, and what the tests need beside; not the tools.
TESTED = ["dask", "distributed", "examples", "interop", "models", "plot", "test"]


def requirements(extras):
    lines = {*PROJECT["dependencies"], *(line for x in extras for line in EXTRAS[x])}
    found = map(Requirement, sorted(lines))
    return [x for x in found if x.name != PROJECT["name"]]


def holds(requirement, python):
    return not requirement.marker or requirement.marker.evaluate(
        {"python_version": python, "extra": ""}
    )


def pins(name, python="3.11"):
    lines = [Requirement(x) for x in read(name).splitlines() if not x.startswith("#")]
    found = [
        (canonicalize_name(x.name), str(x.specifier).removeprefix("=="))
        for x in lines
        if holds(x, python)
    ]
    assert len(dict(found)) == len(found), "two versions for one Python"
    return dict(found)


@pytest.mark.parametrize("python", PYTHONS)
def test_newest_versions_are_pinned_and_in_bounds(python):
    pinned = pins("constraints.txt", python)
    for requirement in requirements(EXTRAS):
        if holds(requirement, python):
            version = pinned[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(version), requirement


@pytest.mark.parametrize("requirement", requirements(TESTED), ids=str)
def test_oldest_versions_are_the_bounds(requirement):
    name = canonicalize_name(requirement.name)
    pinned = pins("constraints-oldest.txt")[name]
    if name == "torch":
        # The gate has one PyTorch; older ones are too large to fetch as well. The
        # weekly workflow runs the tests with the bound.
        assert pinned == pins("constraints.txt")[name]
    else:
        (bound,) = requirement.specifier
        assert (bound.operator, Version(bound.version)) == (">=", Version(pinned))


def test_extras_that_are_named_exist():
    """In errors, docstrings and pages; a name that is none would install nothing."""
    paths = [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("sk_gene2vec/*.py"),
    ]
    text = "".join(path.read_text(encoding="utf-8") for path in paths)
    found = re.findall(r"(?:sk-gene2vec|[ \"]\.)\[([a-z,]+)\]", text)
    named = {name for group in found for name in group.split(",")}
    assert {"dask", "distributed", "interop", "lint", "plot", "test"} <= named
    assert named <= set(EXTRAS)


def test_the_install_page_names_the_pytorch_of_the_constraints():
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    (named,) = re.findall(r"torch==[\d.]+\d", page)
    assert f"\n{named}\n" in pinned
