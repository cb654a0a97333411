"""What pip is told: bounds, pins and extras agree with each other and with the code."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]
EXTRAS = PROJECT["optional-dependencies"]
REQUIREMENTS = [
    requirement
    for text in [
        *PROJECT["dependencies"],
        *(x for extra in EXTRAS.values() for x in extra),
    ]
    if (requirement := Requirement(text)).name != PROJECT["name"]
]
# PyTorch is the same in both: its own oldest version is not for today's Python.
BOUNDED = sorted(
    {
        (canonicalize_name(requirement.name), bound.version)
        for name in [None, "dask", "datasets", "distributed", "interop", "plot", "test"]
        for requirement in map(
            Requirement, EXTRAS[name] if name else PROJECT["dependencies"]
        )
        for bound in requirement.specifier
        if requirement.name != "torch"
    }
)


def pins(name):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(package): version for package, version in found}


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_newest_versions_are_pinned_and_in_bounds(requirement):
    pinned = pins("constraints.txt")[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(pinned)


@pytest.mark.parametrize(("package", "bound"), BOUNDED)
def test_oldest_versions_are_the_bounds(package, bound):
    assert Version(pins("constraints-oldest.txt")[package]) == Version(bound)


def test_both_test_the_same_torch():
    oldest, newest = pins("constraints-oldest.txt"), pins("constraints.txt")
    assert oldest["torch"] == newest["torch"]


def test_extras_that_are_named_exist():
    """In errors, docstrings and pages; a name that is none would install nothing."""
    paths = [
        ROOT / "README.md",
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("sk_gene2vec/**/*.py"),
    ]
    named = {
        extra
        for path in paths
        for group in re.findall(
            r'"(?:sk-gene2vec|\.)\[([a-z,]+)\]"', path.read_text("utf-8")
        )
        for extra in group.split(",")
    }
    assert {"dask", "datasets", "distributed", "interop", "plot", "test"} <= named
    assert named <= set(EXTRAS)
