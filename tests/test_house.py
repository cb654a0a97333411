"""The layout of the package: rooms, private modules, and imports that run one way."""

import ast
import importlib
import pickle
import pickletools
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import sk_gene2vec
from sk_gene2vec import GeneEmbedding, GeneSetEncoder, GeneSets, GmtVectorizer
from sk_gene2vec.datasets import load_human_gene_aliases
from sk_gene2vec.metrics import HeldOutMembershipScorer

PACKAGE = Path(sk_gene2vec.__file__).parent
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))

# What each room may import, beside itself. The bundled collection is GmtVectorizer's
# default, imported when it is asked for.
MAY_IMPORT = {
    "_version": set(),
    "_utils": {"_version"},
    "gene_sets": {"_utils"},
    "datasets": {"_utils", "gene_sets"},
    "vectorizer": {"_utils", "gene_sets", "datasets"},
    "metrics": {"_utils"},
    "encoder": {"_utils", "metrics", "vectorizer"},
    "embedding": {
        *("_utils", "_version", "gene_sets", "datasets", "vectorizer"),
        *("metrics", "encoder"),
    },
    "plotting": {"_utils", "gene_sets", "vectorizer"},
    # "" is the front door, with the public names.
    "__main__": {
        "",
        "_utils",
        "datasets",
        "encoder",
        "metrics",
        "plotting",
        "vectorizer",
    },
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
    assert len(entries - {"__init__.py", "__main__.py", "py.typed"}) <= 9
    assert set(MAY_IMPORT) == {*ROOMS, "_version", "__main__"}


def test_modules_in_rooms_are_private_and_public_names_stand_in_the_folder():
    folders = {name for name, path in MODULES.items() if path.name == "__init__.py"}
    for name in MODULES.keys() - folders:
        assert name.rpartition(".")[2].startswith("_"), name
    for room in ROOMS:
        public = importlib.import_module(f"sk_gene2vec.{room}")
        names = getattr(public, "__all__", [])
        assert bool(names) is not room.startswith("_")
        assert all(hasattr(public, name) for name in names)


@pytest.fixture(scope="module")
def models():
    gene_sets = GeneSets({"A": ["X", "Y"], "B": ["Y", "Z"]})
    vectorizer = GmtVectorizer(gene_sets, aliases=load_human_gene_aliases())
    X = vectorizer.fit_transform(list("XYZ"))
    return [
        gene_sets,
        vectorizer,
        GeneSetEncoder(2, max_epochs=1, random_state=0).fit(X),
        GeneSetEncoder(2, max_epochs=1, gene_input="one-hot", random_state=0).fit(X),
        GeneEmbedding(["X"], np.ones((1, 2))),
        HeldOutMembershipScorer(),
    ]


def test_saved_models_name_nothing_private(models):
    texts = {
        argument
        for model in models
        for _, argument, _ in pickletools.genops(pickle.dumps(model))
        if isinstance(argument, str)
    }
    ours = {text for text in texts if text.split(".")[0] == "sk_gene2vec"}
    public = {"sk_gene2vec", "sk_gene2vec.datasets", "sk_gene2vec.metrics"}
    assert ours == public
