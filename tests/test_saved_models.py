"""Saved models: pickle, joblib and skops."""

import io
import pickle
import pickletools
import runpy
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import skops.io
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from skops.io.exceptions import UntrustedTypesFoundException

from sk_gene2vec import (
    GeneEmbedding,
    GeneSetEncoder,
    GeneSets,
    GmtVectorizer,
    write_gmt,
)

MODELS = Path(__file__).parent / "_models.py"
MAKE = runpy.run_path(str(MODELS))

ENCODER = "sk_gene2vec.encoder._encoder.GeneSetEncoder"
VECTORIZER = "sk_gene2vec.vectorizer._vectorizer.GmtVectorizer"
GENE_SETS = "sk_gene2vec.gene_sets._gene_sets.GeneSets"
EMBEDDING = "sk_gene2vec.embedding._embedding.GeneEmbedding"
ALIASES = "sk_gene2vec.datasets._aliases.GeneAliases"
OWN = sorted([ALIASES, EMBEDDING, ENCODER, GENE_SETS, VECTORIZER])


def through_pickle(model, protocol=pickle.DEFAULT_PROTOCOL):
    return pickle.loads(pickle.dumps(model, protocol))


def through_joblib(model):
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    return joblib.load(file)


def through_skops(model):
    return skops.io.loads(skops.io.dumps(model), trusted=OWN)


ROUTES = [through_pickle, through_joblib, through_skops]


@pytest.fixture(scope="module")
def models():
    made = MAKE["make_models"]()
    genes = made["gene_sets"].genes
    kinds = np.arange(len(genes)) % 3
    made["pipeline"] = make_pipeline(
        GmtVectorizer(MAKE["GENE_SETS"]),
        GeneSetEncoder(3, random_state=np.random.RandomState(0), max_epochs=2),
        LogisticRegression(),
    ).fit(genes, kinds)
    return made


def assert_same(left, right, where="model"):
    """Compare what objects are made of: types, dtypes, order of dicts, every bit."""
    assert type(left) is type(right), where
    if sp.issparse(left):
        for part in ("data", "indices", "indptr"):
            assert_same(getattr(left, part), getattr(right, part), f"{where}.{part}")
        assert left.shape == right.shape, where
    elif isinstance(left, np.ndarray | np.generic):
        assert (left.dtype, left.shape) == (right.dtype, right.shape), where
        if left.dtype == object:
            assert left.tolist() == right.tolist(), where
        else:
            assert left.tobytes() == right.tobytes(), where
    elif isinstance(left, dict):
        assert list(left) == list(right), where
        for key in left:
            assert_same(left[key], right[key], f"{where}[{key!r}]")
    elif isinstance(left, list | tuple):
        assert len(left) == len(right), where
        for place, pair in enumerate(zip(left, right, strict=True)):
            assert_same(*pair, f"{where}[{place}]")
    elif isinstance(left, GeneSets):
        assert_same(dict(left), dict(right), where)
        assert_same(dict(left.descriptions), dict(right.descriptions), where)
        assert_same(dict(left.attrs), dict(right.attrs), where)
    elif isinstance(left, np.random.RandomState):
        assert_same(left.get_state(), right.get_state(), where)
    elif isinstance(left, str | int | float | type | None):
        assert left == right, where
    else:
        assert type(left).__module__.split(".")[0] in {"sk_gene2vec", "sklearn"}, where
        parts = [dict(sorted(vars(it).items())) for it in (left, right)]
        for part in parts:
            part.pop("_units", None)  # computed when first asked for
        assert_same(*parts, where)


@pytest.mark.parametrize("through", ROUTES)
def test_round_trips_are_exact(models, through):
    before = {name: dict(vars(models[name])) for name in ("encoder", "vectorizer")}
    again = through(models)
    assert list(again) == list(models)
    for name in models:
        assert_same(again[name], models[name], name)
    assert_same(MAKE["outputs"](again), MAKE["outputs"](models))
    genes = models["gene_sets"].genes
    np.testing.assert_array_equal(
        again["pipeline"].predict_proba(genes), models["pipeline"].predict_proba(genes)
    )
    # Saving took nothing from what was saved.
    for name, attributes in before.items():
        assert_same(dict(vars(models[name])), attributes, name)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_pickle_protocol(models, protocol):
    assert_same(through_pickle(models, protocol), models)


def test_a_loaded_model_is_a_whole_one(models):
    again = through_skops(models)
    for name in ("embedding", "gene_sets"):
        assert_same(through_pickle(again[name]), models[name], name)
    vectors = again["embedding"].vectors
    assert not vectors.flags.writeable
    genes = again["gene_sets"]["APOPTOSIS"] + again["gene_sets"]["CELL_CYCLE"]
    first, second = (gene for gene in genes if gene == "TP53")
    assert first is second
    X = again["vectorizer"].fit_transform(["TP53", "HK1", "BRCA1", "BRCA2"])
    fresh = clone(models["encoder"]).fit(X)
    np.testing.assert_array_equal(again["encoder"].fit(X).embedding_, fresh.embedding_)


def test_a_memory_mapped_model_gives_the_same(models, tmp_path):
    joblib.dump(models, tmp_path / "models.joblib")
    mapped = joblib.load(tmp_path / "models.joblib", mmap_mode="r")
    assert isinstance(mapped["encoder"].coefs_[0], np.memmap)
    found, expected = MAKE["outputs"](mapped), MAKE["outputs"](models)
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name])


@pytest.mark.parametrize(
    ("name", "types"),
    [
        ("gene_sets", [GENE_SETS]),
        ("vectorizer", [ALIASES, GENE_SETS, VECTORIZER]),
        ("encoder", [ENCODER]),
        ("deep", [ENCODER]),
        ("one_hot", [ENCODER]),
        ("embedding", [EMBEDDING]),
        ("pipeline", [ENCODER, GENE_SETS, VECTORIZER]),
    ],
)
def test_skops_asks_for_trust_in_this_package_alone(models, name, types):
    data = skops.io.dumps(models[name])
    assert skops.io.get_untrusted_types(data=data) == sorted(types)
    with pytest.raises(UntrustedTypesFoundException):
        skops.io.loads(data)


def globals_of(data):
    """Names that a pickle imports, as the reader of pickles meets them."""
    found = set()

    class Recording(pickle.Unpickler):
        def find_class(self, module, name):
            found.add(module.split(".")[0])
            return super().find_class(module, name)

    Recording(io.BytesIO(data)).load()
    return found


@pytest.mark.parametrize(
    ("name", "packages"),
    [
        ("gene_sets", {"sk_gene2vec"}),
        ("vectorizer", {"sk_gene2vec", "numpy"}),
        ("encoder", {"sk_gene2vec", "numpy"}),
        ("deep", {"sk_gene2vec", "numpy"}),
        ("one_hot", {"sk_gene2vec", "numpy"}),
        ("embedding", {"sk_gene2vec", "numpy"}),
        ("pipeline", {"sk_gene2vec", "numpy", "sklearn"}),
    ],
)
def test_pickles_hold_no_object_of_torch(models, name, packages):
    data = pickle.dumps(models[name])
    assert globals_of(data) - {"builtins", "copyreg"} == packages
    assert "torch" not in "".join(
        str(argument) for _, argument, _ in pickletools.genops(data)
    )


LOADER = """
import sys
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "skorch", "accelerate"):
            raise ImportError(name + " is not here")
sys.meta_path.insert(0, Nothing())
import pickle, runpy, joblib, numpy as np, skops.io
make, folder, *own = sys.argv[1:]
outputs = runpy.run_path(make)["outputs"]
loaded = {
    "pickle": pickle.load(open(folder + "/models.pickle", "rb")),
    "joblib": joblib.load(folder + "/models.joblib"),
    "skops": skops.io.load(folder + "/models.skops", trusted=own),
}
for kind, models in loaded.items():
    assert models["encoder"].device == "cuda:7"
    np.savez(folder + "/" + kind + ".npz", **outputs(models))
assert "torch" not in sys.modules
try:
    models["one_hot"].fit(np.eye(3))
except ImportError as error:
    print(error)
"""


def test_models_open_without_torch_and_without_the_gpu(models, tmp_path):
    elsewhere = {name: models[name] for name in models if name != "pipeline"}
    elsewhere["encoder"] = through_pickle(models["encoder"]).set_params(device="cuda:7")
    folder = tmp_path / "saved"
    MAKE["save"](elsewhere, folder)
    arguments = [str(MODELS), str(folder), *OWN]
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOADER, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    # The import was refused, so the rest did without it.
    assert "torch is not here" in run.stdout
    expected = MAKE["outputs"](models)
    for kind in ("pickle", "joblib", "skops"):
        with np.load(folder / f"{kind}.npz") as found:
            assert set(found) == set(expected)
            for name in expected:
                np.testing.assert_array_equal(found[name], expected[name])


def test_a_fitted_vectorizer_needs_its_file_no_more(tmp_path):
    path = tmp_path / "sets.gmt"
    write_gmt(MAKE["GENE_SETS"], path)
    fitted = GmtVectorizer(str(path)).fit(["TP53"])
    path.unlink()
    for through in ROUTES:
        again = through(fitted)
        assert_same(again, fitted)
        assert_same(again.transform(["HK1"]), fitted.transform(["HK1"]))


@pytest.mark.parametrize("dtype", [bool, np.int8, ">f4"])
def test_a_loaded_vectorizer_keeps_what_it_was_fitted_with(dtype):
    aliases = {"P53": "TP53", "CASP": ["CASP3", "CASP8"], "none": "of them"}
    fitted = GmtVectorizer(dict(MAKE["GENE_SETS"]), aliases=aliases, dtype=dtype)
    fitted.fit(["P53"]).set_params(dtype=float, aliases=None, gene_sets=None)
    for through in ROUTES:
        again = through(fitted)
        assert_same(again, fitted)
        assert_same(again.transform(["P53"]), fitted.transform(["P53"]))
        report = again.lookup(["CASP", "none"])
        assert report["status"].to_list() == ["ambiguous", "absent"]


def test_tables_as_parameters_pickle_and_can_be_left_out_for_skops():
    table = pd.DataFrame({"term": ["A", "A", "B"], "gene": ["TP53", "ATM", "HK1"]})
    aliases = pd.DataFrame({"alias": ["P53"], "gene": ["TP53"]})
    fitted = GmtVectorizer(table, aliases=aliases).fit(["ATM"])
    again = through_pickle(fitted)
    pd.testing.assert_frame_equal(again.gene_sets, table)
    assert_same(again.transform(["P53"]), fitted.transform(["P53"]))
    with pytest.raises(TypeError, match="reduce"):
        skops.io.dumps(fitted)
    slim = fitted.set_params(gene_sets=fitted.gene_sets_, aliases=None)
    again = through_skops(slim)
    assert_same(again.transform(["P53"]), fitted.transform(["P53"]))


def test_a_callback_is_saved_as_it_is_and_can_be_left_out():
    from skorch.callbacks import LRScheduler

    X = np.eye(6)
    encoder = GeneSetEncoder(2, callbacks=[LRScheduler()], random_state=0).fit(X)
    assert "torch" in globals_of(pickle.dumps(encoder))
    slim = encoder.set_params(callbacks=None)
    assert globals_of(pickle.dumps(slim)) - {"builtins"} == {"sk_gene2vec", "numpy"}
    np.testing.assert_array_equal(through_skops(slim).transform(X), slim.transform(X))


def test_an_embedding_of_a_damaged_file_is_not_opened():
    state = GeneEmbedding(["A", "B"], np.eye(2)).__getstate__()
    state["genes"] = "A\nB\nC"
    with pytest.raises(ValueError, match="got 3 genes and 2 vectors"):
        GeneEmbedding.__new__(GeneEmbedding).__setstate__(state)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        # A column out of range would make SciPy write outside of its arrays.
        ("_memberships", (np.array([0, 10**6]), np.array([0, 2]))),
        ("_memberships", (np.array([0, 1]), np.array([0, -5, 2]))),
        ("embedding_", np.zeros((2, 3), np.float32)),
        ("coefs_", [np.zeros((2, 4), np.float32)]),
        ("coefs_", "weights"),
        ("intercepts_", [np.array([np.nan] * 4, np.float32)]),
        ("n_features_in_", 10**9),
        ("_shift", np.inf),
        ("feature_names_in_", np.array(["A"], dtype=object)),
    ],
)
@pytest.mark.parametrize("kind", ["encoder", "one_hot"])
def test_a_damaged_encoder_is_not_opened(models, kind, name, value):
    encoder = through_pickle(models[kind])
    setattr(encoder, name, value)
    data = skops.io.dumps(encoder)
    with pytest.raises(ValueError, match="do not fit together"):
        skops.io.loads(data, trusted=OWN)


@pytest.mark.parametrize("name", ["coefs_", "embedding_", "_memberships", "_shift"])
def test_an_encoder_without_an_attribute_is_not_opened(models, name):
    encoder = through_pickle(models["encoder"])
    delattr(encoder, name)
    with pytest.raises(ValueError, match="do not fit together"):
        through_pickle(encoder)


@pytest.mark.parametrize(
    "changes",
    [
        {"_fitted": ({}, "S1000000000")},  # a gigabyte per membership
        {"_fitted": ({}, "O")},
        {"_fitted": ({}, "(99999,99999)f4")},
        {"_fitted": ({}, 7)},
        {"_fitted": ({"P53": 7}, "<f4")},
        {"_fitted": ([("P53", "TP53")], "<f4")},
        {"_fitted": None},
        {"gene_sets_": {"A": ["TP53"]}},
        {"unknown_genes_": np.array([7], dtype=object)},
        # Columns out of range would make SciPy write outside of its arrays.
        {"membership_": sp.csr_matrix((2, 2))},
        {"transform": None},
    ],
)
def test_a_damaged_vectorizer_is_not_opened(models, changes):
    state = models["vectorizer"].__getstate__() | changes
    with pytest.raises(ValueError, match="Expected a saved GmtVectorizer"):
        GmtVectorizer.__new__(GmtVectorizer).__setstate__(state)


@pytest.mark.parametrize("name", ["_fitted", "gene_sets_", "unknown_genes_"])
def test_a_vectorizer_without_an_attribute_is_not_opened(models, name):
    state = models["vectorizer"].__getstate__()
    del state[name]
    with pytest.raises(ValueError, match="Expected a saved GmtVectorizer"):
        GmtVectorizer.__new__(GmtVectorizer).__setstate__(state)


@pytest.mark.parametrize(
    "changes",
    [
        {"gmt": None},
        {"gmt": b"A\t\tTP53"},
        {"gmt": ""},
        {"gmt": "A"},
        {"gmt": "#A\t\tTP53"},
        {"gmt": "A\t\tTP53\nA\t\tATM"},
        {"gmt": "A\t\tTP53\t"},
        {"gmt": "A\t\tTP53,1.0"},
        {"gmt": "A\t\tTP\0"},
        {"attrs": ["name"]},
        {"attrs": {"name": 7}},
    ],
)
def test_damaged_gene_sets_are_not_opened(models, changes):
    state = models["gene_sets"].__getstate__() | changes
    with pytest.raises(ValueError, match="Expected saved GeneSets"):
        GeneSets.__new__(GeneSets).__setstate__(state)
