"""Nothing is let in: what the package reads, runs and calls."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import sk_gene2vec

PACKAGE = Path(sk_gene2vec.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

# Modules that read objects back from bytes, or run other programs.
RISKY_MODULES = {
    *("_pickle", "cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"),
    *("code", "ctypes", "multiprocessing", "pty", "runpy", "subprocess"),
}
RISKY_CALLS = {
    *("__import__", "compile", "eval", "exec", "pandas.eval", "pandas.read_pickle"),
    *("os.execv", "os.fork", "os.popen", "os.posix_spawn", "os.startfile", "os.system"),
    *("torch.hub.load", "torch.jit.load", "torch.load", "yaml.unsafe_load"),
}


def risks(source):
    """Yield what a module imports or calls that can run code, with its line."""
    names = {}
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
            for alias in node.names:
                top = alias.name.split(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and not node.level:
            # What a module raises can be caught without using it.
            harmless = all(alias.name.endswith("Error") for alias in node.names)
            modules = [] if harmless else [node.module]
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        else:
            continue
        for module in modules:
            if module.split(".")[0] in RISKY_MODULES:
                yield module, node.lineno
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            first, *rest = ast.unparse(node).split(".")
            name = ".".join([names.get(first, first), *rest])
            if name in RISKY_CALLS:
                yield name, node.lineno
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            yield f"allow_pickle={ast.unparse(node.value)}", node.value.lineno


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import pickle", "pickle"),
        ("from pickle import PickleError, loads", "pickle"),
        ("def f():\n    from joblib import load", "joblib"),
        ("import os.path\nos.system('ls')", "os.system"),
        ("from torch import load as l\nl('x')", "torch.load"),
        ("import torch as t\nt.load('x')", "torch.load"),
        ("import pandas as pd\npd.read_pickle('x')", "pandas.read_pickle"),
        ("import numpy as np\nnp.load('x', allow_pickle=yes)", "allow_pickle=yes"),
        ("map(eval, lines)", "eval"),
        ("exec(text)", "exec"),
    ],
)
def test_what_could_run_code_is_found(source, found):
    assert found in {name for name, _ in risks(source)}


def test_harmless_code_is_not_found():
    source = (
        "import numpy as np\nimport re\nfrom . import pickle\n"
        "from pickle import PickleError\nnp.load(f)\nmodule.eval()\nre.compile('x')\n"
    )
    assert list(risks(source)) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_module_unpickles_evaluates_or_runs_programs(path):
    assert list(risks(path.read_text(encoding="utf-8"))) == []


def test_there_are_modules_to_look_at():
    assert {"_encoder.py", "_gmt.py", "_fitting.py"} <= {path.name for path in MODULES}


AT_WORK = """
import sys
seen = []
sys.addaudithook(lambda event, _: event.startswith("socket.") and seen.append(event))
from sk_gene2vec import GeneSetEncoder, GmtVectorizer, suggest_genes
from sk_gene2vec import datasets
from sk_gene2vec.embedding import _embedding as embedding
from sk_gene2vec.embedding import _interop as interop
from sk_gene2vec.metrics import _held_out_scores as metrics
from sk_gene2vec.plotting import _plots as plotting
from sklearn.pipeline import make_pipeline
encoder = GeneSetEncoder(2, max_epochs=2, random_state=0)
genes = ["TP53", "BRCA1", "INS", "HBB", "EGFR", "MDM2"]
model = make_pipeline(GmtVectorizer(), encoder).fit(genes)
X = model[0].transform(genes)
encoder.transform(X), encoder.predict_proba(X), encoder.score(X)
suggest_genes(model, ["TP53", "BRCA1", "MDM2"])
vectors = embedding.GeneEmbedding.from_pipeline(model, genes)
vectors.most_similar("TP53")
datasets.load_go_mf_classes()
print(seen)
import socket
socket.socket().close()
print(seen)
"""


def test_no_socket_is_opened_by_importing_fitting_and_transforming():
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", AT_WORK],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    # The last line shows that a socket would have been seen.
    assert run.stdout.splitlines() == ["[]", "['socket.__new__']"]
