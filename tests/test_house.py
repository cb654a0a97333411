"""The layout of the package: rooms, private modules, and imports that run one way."""

import ast
import importlib
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

import pytest

import sk_gene2vec

PACKAGE = Path(sk_gene2vec.__file__).parent
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))

# What each room may import, beside itself. The bundled collection is GmtVectorizer's
# default.
MAY_IMPORT = {
    "_version": set(),
    "_utils": set(),
    "gene_sets": {"_utils"},
    "identifiers": {"_utils"},
    "datasets": {"_utils", "gene_sets"},
    "vectorizer": {"_utils", "gene_sets", "identifiers", "datasets"},
    "metrics": {"_utils"},
    "encoder": {"_utils", "metrics", "vectorizer"},
    "embedding": {
        *("_utils", "_version", "gene_sets", "identifiers", "datasets", "vectorizer"),
        *("metrics", "encoder"),
    },
    "plotting": {"_utils", "gene_sets", "identifiers", "embedding"},
    # "" is the front door, with the public names.
    "cli": {
        "",
        "_utils",
        "datasets",
        "embedding",
        "encoder",
        "gene_sets",
        "identifiers",
        "metrics",
        "plotting",
    },
    "__main__": {"cli"},
}


def module_name(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in PACKAGE.rglob("*.py")}


def is_for_types_alone(node):
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imports_of(path):
    """Names of the modules that a module imports, in functions too."""
    waiting = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in MODULES else node.module
        elif not is_for_types_alone(node):
            waiting.extend(ast.iter_child_nodes(node))


IMPORTS = {name: set(imports_of(path)) for name, path in MODULES.items()}


def test_no_module_imports_itself_by_way_of_others():
    graph = {name: found & MODULES.keys() for name, found in IMPORTS.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(error.args[1]))


def test_a_circle_would_be_found():
    with pytest.raises(CycleError):
        TopologicalSorter({"a": {"b"}, "b": {"a"}}).prepare()


def room_of(name):
    return name.split(".")[1] if "." in name else ""


def test_imports_between_rooms_run_one_way():
    found = {
        (room_of(name), room_of(other))
        for name, others in IMPORTS.items()
        for other in others & MODULES.keys()
        if room_of(name) not in ("", room_of(other))
    }
    allowed = {(room, other) for room in MAY_IMPORT for other in MAY_IMPORT[room]}
    assert found <= allowed, found - allowed
    # The table has no more than there is, and its order is one in which to read.
    assert allowed <= found, allowed - found
    for room, later in pairwise(MAY_IMPORT):
        assert later not in MAY_IMPORT[room]


def test_torch_is_imported_in_one_folder_only():
    importing = {
        name
        for name, found in IMPORTS.items()
        if any(other.split(".")[0] in ("torch", "skorch") for other in found)
    }
    assert importing
    inside = "sk_gene2vec.encoder.training."
    assert {name for name in importing if not name.startswith(inside)} == set()


def test_the_top_floor_has_few_entries():
    entries = {path.name for path in PACKAGE.iterdir()} - {"__pycache__"}
    # Three have their names and places from Python.
    assert len(entries - {"__init__.py", "__main__.py", "py.typed"}) <= 11
    assert set(MAY_IMPORT) == {*ROOMS, "_version", "__main__"}


def test_modules_in_rooms_are_private_and_public_names_stand_in_the_folder():
    folders = {name for name, path in MODULES.items() if path.name == "__init__.py"}
    for name in MODULES.keys() - folders:
        assert name.rpartition(".")[2].startswith("_"), name
    for room in ROOMS:
        public = importlib.import_module(f"sk_gene2vec.{room}")
        names = getattr(public, "__all__", [])
        # Rooms without a public name serve other rooms.
        assert bool(names) is (room not in ("_utils", "identifiers"))
        assert all(hasattr(public, name) for name in names)
