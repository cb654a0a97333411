"""GeneEmbedding: genes with their vectors, looked up and compared."""

import inspect
import pickle
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.pipeline import make_pipeline

import sk_gene2vec
from sk_gene2vec import GeneEmbedding, GeneSetEncoder, GeneSets, GmtVectorizer
from sk_gene2vec._utils import _memberships as memberships

GENES = [f"G{number:02d}" for number in range(40)]


@pytest.fixture(scope="module", params=[np.float32, np.float64])
def embedding(request):
    rng = np.random.default_rng(0)
    # Lengths differ, so that it matters that means are taken of unit vectors.
    vectors = rng.normal(size=(40, 6)) * rng.uniform(0.1, 10, size=(40, 1))
    return GeneEmbedding(GENES, vectors.astype(request.param))


@pytest.fixture(scope="module")
def keyed_vectors(embedding):
    models = pytest.importorskip("gensim.models", reason="compares with gensim")
    reference = models.KeyedVectors(vector_size=6, dtype=embedding.vectors.dtype)
    reference.add_vectors(GENES, embedding.vectors)
    return reference


@pytest.mark.parametrize(
    ("positive", "negative"),
    [
        ("G03", None),
        (["G03"], None),
        (["G03", "G07", "G11"], None),
        (["G03", "G07"], "G20"),
        (["G03"], ["G20", "G21", "G22"]),
        ([], ["G20"]),
        (["G03", "G03", "G07"], None),
    ],
)
@pytest.mark.parametrize("topn", [1, 10, 35])
def test_most_similar_is_gensims(embedding, keyed_vectors, positive, negative, topn):
    found = embedding.most_similar(positive, negative, topn)
    wanted = keyed_vectors.most_similar(positive, negative, topn)
    assert [gene for gene, _ in found] == [gene for gene, _ in wanted]
    similarities = [similarity for _, similarity in found]
    np.testing.assert_allclose(similarities, [x for _, x in wanted], atol=1e-6)
    assert type(similarities[0]) is float


def test_lookups_are_gensims(embedding, keyed_vectors):
    np.testing.assert_array_equal(embedding["G05"], keyed_vectors["G05"])
    several = ["G05", "G01", "G05"]
    np.testing.assert_array_equal(embedding[several], keyed_vectors[several])
    for gene in GENES[1:5]:
        wanted = keyed_vectors.similarity("G00", gene)
        assert embedding.similarity("G00", gene) == pytest.approx(wanted, abs=1e-6)


def test_look_up(embedding):
    assert embedding["G05"].shape == (6,)
    for several in (["G05"], ("G05",), np.array(["G05"]), pd.Index(["G05"])):
        np.testing.assert_array_equal(embedding[several], embedding.vectors[[5]])
    assert embedding[[]].shape == (0, 6)
    assert "G05" in embedding
    assert "g05" not in embedding
    assert 5 not in embedding
    assert len(embedding) == 40
    assert list(embedding) == list(embedding.genes) == GENES
    assert repr(embedding) == "GeneEmbedding(40 genes, 6 dimensions)"


@pytest.mark.parametrize(
    ("genes", "message"),
    [
        ("X99", "1 of 1 gene is not in the embedding: 'X99'"),
        ("g05", "1 of 1 gene is not in the embedding: 'g05' (did you mean 'G05'"),
        ("G50 ", "1 of 1 gene is not in the embedding: 'G50 ' (did you mean 'G05'"),
        (
            ["G01", "x", "g02"],
            "2 of 3 genes are not in the embedding: 'x', 'g02' (did you mean 'G02'",
        ),
        (
            list("abcdef"),
            "6 of 6 genes are not in the embedding: 'a', 'b', 'c', 'd', 'e', …",
        ),
        ("", "1 of 1 gene is not in the embedding: ''"),
        (3, "Expected an iterable of genes, got the int 3."),
        ([3], "1 of 1 gene is not in the embedding: 3"),
    ],
)
def test_unknown_genes_are_named_with_near_misses(embedding, genes, message):
    error = TypeError if genes == 3 else KeyError
    with pytest.raises(error, match=re.escape(message)):
        embedding[genes]
    if error is KeyError:
        for ask in (embedding.most_similar, embedding.neighbors):
            with pytest.raises(error, match=re.escape(message)):
                ask(genes)


@pytest.mark.parametrize("block_size", [1, 3 * 40, 2**23])
@pytest.mark.parametrize("topn", [1, 7, 39, 1000])
def test_neighbors_are_most_similar_many_times(
    embedding, block_size, topn, monkeypatch
):
    monkeypatch.setattr(memberships, "_BLOCK_SIZE", block_size)
    queries = [*GENES[10:30], "G01", "G01"]
    found = embedding.neighbors(queries, topn)
    wanted = [
        (gene, *neighbor)
        for gene in queries
        for neighbor in embedding.most_similar(gene, topn=topn)
    ]
    wanted = pd.DataFrame(wanted, columns=["gene", "neighbor", "similarity"])
    assert len(found) == 22 * min(topn, 39)
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False, atol=1e-6)
    assert found.similarity.dtype == embedding.vectors.dtype


def test_neighbors_of_all_genes_are_the_nearest_by_cosine(embedding):
    found = embedding.neighbors(topn=5)
    similarity = cosine_similarity(embedding.vectors.astype(np.float64))
    np.fill_diagonal(similarity, -2)
    nearest = np.argsort(-similarity, axis=1)[:, :5]
    assert found.gene.tolist() == np.repeat(GENES, 5).tolist()
    assert found.neighbor.tolist() == embedding.genes[nearest.ravel()].tolist()
    one = found[20:25].reset_index(drop=True)
    pd.testing.assert_frame_equal(embedding.neighbors("G04", 5), one)


def test_ties_come_in_the_order_of_the_genes():
    vectors = np.tile([[1.0, 0.0], [0.0, 1.0]], (20, 1))
    embedding = GeneEmbedding(GENES, vectors)
    found = [gene for gene, _ in embedding.most_similar("G10", topn=21)]
    assert found == [*GENES[0:10:2], *GENES[12::2], "G01", "G03"]
    assert embedding.neighbors(["G10"], 21).neighbor.tolist() == found


def test_a_vector_of_zeros_is_similar_to_nothing():
    embedding = GeneEmbedding(["A", "B", "C"], [[0, 0], [1, 0], [-1, 0]])
    assert embedding.similarity("A", "B") == 0
    assert embedding.most_similar("A") == [("B", 0), ("C", 0)]
    assert embedding.most_similar("B") == [("A", 0), ("C", -1)]
    # The same gene on both sides leaves no direction.
    assert embedding.most_similar("B", "B") == [("A", 0), ("C", 0)]


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_lengths_that_float32_cannot_square_do_not_matter(scale):
    vectors = np.array([[3, 4], [4, 3]]) * scale
    embedding = GeneEmbedding(["A", "B"], vectors.astype(np.float32))
    assert embedding.similarity("A", "B") == pytest.approx(0.96)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_length_is_too_small_or_too_large(dtype):
    limits = np.finfo(dtype)
    lengths = [1, limits.max / 2, limits.tiny, limits.smallest_subnormal]
    vectors = np.outer(lengths, [0, 1]).astype(dtype)
    embedding = GeneEmbedding(list("ABCD"), vectors)
    with np.errstate(all="raise"):
        assert [s for _, s in embedding.most_similar("A")] == [1, 1, 1]
        assert embedding.similarity("B", "D") == 1


def test_a_single_gene_has_no_neighbors():
    embedding = GeneEmbedding(["A"], [[1.0]])
    assert embedding.most_similar("A") == []
    assert embedding.neighbors().shape == (0, 3)
    assert embedding.neighbors([]).shape == (0, 3)


def test_queries_that_ask_nothing_are_refused(embedding):
    with pytest.raises(ValueError, match="at least one gene"):
        embedding.most_similar([])
    for ask in (embedding.most_similar, embedding.neighbors):
        with pytest.raises(ValueError, match="topn == 0, must be >= 1"):
            ask("G01", topn=0)


def test_nothing_in_it_can_change():
    vectors, genes, attrs = np.eye(2), np.array(["A", "B"], object), {"of": {"x": [1]}}
    embedding = GeneEmbedding(genes, vectors, attrs)
    vectors[0], genes[0], attrs["of"]["x"] = 7, "Z", 7
    assert embedding["A"].tolist() == [1, 0]
    assert embedding.attrs == {"of": {"x": [1]}}
    embedding["A"][0] = embedding[["A"]][0] = 7
    assert embedding["A"].tolist() == [1, 0]
    for array in (embedding.vectors, embedding.genes):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    with pytest.raises(TypeError, match="does not support item assignment"):
        embedding.attrs["of"] = 1
    embedding.attrs["of"]["x"].append(2)
    assert embedding.attrs == {"of": {"x": [1]}}
    copy = pickle.loads(pickle.dumps(embedding))
    np.testing.assert_array_equal(copy.vectors, embedding.vectors)
    assert (list(copy), copy.attrs) == (["A", "B"], embedding.attrs)
    assert not copy.vectors.flags.writeable


def test_equality_is_of_everything_in_it():
    parts = (["A", "B"], np.eye(2), {"of": [1]}, [3, 4])
    embedding = GeneEmbedding(*parts)
    assert embedding == GeneEmbedding(*parts)
    others = [
        GeneEmbedding(["B", "A"], *parts[1:]),
        GeneEmbedding(["A", "B"], np.eye(2)[::-1], *parts[2:]),
        GeneEmbedding(["A", "B"], np.eye(2, dtype=np.float32), *parts[2:]),
        GeneEmbedding(["A", "B"], np.eye(2, 3), *parts[2:]),
        GeneEmbedding(*parts[:2], {"of": [2]}, parts[3]),
        GeneEmbedding(*parts[:3], [3, 5]),
        GeneEmbedding(*parts[:3]),
        None,
    ]
    for other in others:
        assert embedding != other
    with pytest.raises(TypeError, match="unhashable"):
        hash(embedding)


@pytest.mark.parametrize(
    ("given", "kept"), [("f4", "f4"), ("f8", "f8"), ("i8", "f8"), ("f2", "f8")]
)
def test_types_of_vectors(given, kept):
    vectors = np.asfortranarray(np.arange(6).reshape(3, 2).astype(given))
    embedding = GeneEmbedding(iter("ABC"), vectors)
    assert embedding.vectors.dtype == kept
    assert embedding.vectors.tolist() == [[0, 1], [2, 3], [4, 5]]


NAN, INF = [[0, 1], [2, np.nan]], [[0, np.inf], [np.nan, 1]]


@pytest.mark.parametrize(
    ("genes", "vectors", "error", "message"),
    [
        (
            ["A", "B", "A", "B"],
            np.eye(4),
            ValueError,
            "'A' twice, at positions 0 and 2",
        ),
        (["A", ""], np.eye(2), ValueError, "not empty.* got '' at position 1"),
        (["A", "B\tC"], np.eye(2), ValueError, r"without tab.*'B\\tC' at position 1"),
        (["A", "\ud800"], np.eye(2), ValueError, "lone surrogate.*at position 1"),
        (["A", 7], np.eye(2), TypeError, "genes .str., got int 7 at position 1"),
        (["A", None], np.eye(2), ValueError, "missing value None at position 1"),
        (["A", np.nan], np.eye(2), ValueError, "missing value nan at position 1"),
        ("AB", np.eye(2), TypeError, "an iterable of genes, got the str 'AB'"),
        (3, np.eye(2), TypeError, "an iterable of genes, got the int 3"),
        ({"A", "B"}, np.eye(2), TypeError, "in a fixed order, got a set"),
        ({"A": 0, "B": 1}, np.eye(2), TypeError, "iterable of genes, got a dict"),
        ([], np.empty((0, 2)), ValueError, "one or more genes, got none"),
        (["A", "B"], np.eye(3), ValueError, "got 2 genes and 3 vectors"),
        (["A", "B"], NAN, ValueError, "1 of 2 vectors .* the first of 'B'"),
        (["A", "B"], INF, ValueError, "2 of 2 vectors .* the first of 'A'"),
        (["A", "B"], [1, 2], ValueError, "Expected 2D array, got 1D array"),
        (["A", "B"], [["x"], ["y"]], ValueError, "could not convert string to float"),
        (["A", "B"], np.empty((2, 0)), ValueError, "0 feature"),
        (["A", "B"], pd.DataFrame(np.eye(2)), TypeError, "use GeneEmbedding.from_fram"),
    ],
)
def test_what_is_no_embedding_is_refused(genes, vectors, error, message):
    with pytest.raises(error, match=message):
        GeneEmbedding(genes, vectors)


@pytest.mark.parametrize(
    ("attrs", "message"),
    [
        (
            {"fine": 1, "bad": {1, 2}},
            r"Expected text, .* in attrs\['bad'\], got: .*set",
        ),
        (
            {"bad": float("nan")},
            r"Expected text, .* in attrs\['bad'\], got: Out of range",
        ),
        (["x"], "Expected attrs as a mapping, got list"),
        ({3: 1}, r"Expected names \(str\) in attrs, got 3"),
    ],
)
def test_attrs_that_no_file_could_hold_are_refused(attrs, message):
    with pytest.raises(TypeError, match=message):
        GeneEmbedding(["A"], [[1]], attrs)


TOY = GeneSets(
    {
        "GLYCOLYSIS": ["HK1", "PFKM", "PKM", "LDHA"],
        "HYPOXIA": ["HK1", "LDHA", "VEGFA", "CDKN1A"],
        "P53_PATHWAY": ["TP53", "MDM2", "CDKN1A", "PFKM"],
        "PAIR": ["TP53", "MDM2"],
    },
    attrs={"name": "toy", "version": "1"},
)


def pipeline(**parameters):
    parameters = {"max_epochs": 2, "random_state": 0} | parameters
    return make_pipeline(
        GmtVectorizer(TOY, min_size=3), GeneSetEncoder(3, **parameters)
    )


@pytest.fixture(scope="module")
def model():
    return pipeline(random_state=np.int64(0)).fit(TOY.genes)


def test_from_pipeline_has_all_genes_of_the_collection(model):
    vectorizer, encoder = model
    embedding = GeneEmbedding.from_pipeline(model)
    assert list(embedding) == list(vectorizer.genes_)
    np.testing.assert_array_equal(embedding.vectors, encoder.embedding_)
    parameters = dict(embedding.attrs["encoder_params"])
    assert parameters.pop("hidden_layer_sizes") == []
    wanted = encoder.get_params()
    assert wanted.pop("hidden_layer_sizes") == ()
    assert parameters == wanted
    assert {k: v for k, v in embedding.attrs.items() if k != "encoder_params"} == {
        "sk_gene2vec": sk_gene2vec.__version__,
        "collection": {"name": "toy", "version": "1"},
        "n_genes": 8,
        "n_gene_sets": 3,
        "encoder": "GeneSetEncoder",
    }


def test_from_pipeline_has_genes_that_it_was_not_fitted_on():
    fitted_on = ["PKM", "VEGFA", "MDM2"]
    model = pipeline().fit(fitted_on)
    embedding = GeneEmbedding.from_pipeline(model)
    assert sorted(embedding) == sorted(TOY.genes)
    np.testing.assert_allclose(
        embedding[fitted_on], model[1].embedding_, rtol=1e-5, atol=1e-6
    )


def test_from_pipeline_of_chosen_genes_in_their_order(model):
    everything = GeneEmbedding.from_pipeline(model)
    chosen = GeneEmbedding.from_pipeline(model, iter(["TP53", "HK1"]))
    assert list(chosen) == ["TP53", "HK1"]
    np.testing.assert_allclose(chosen.vectors, everything[chosen.genes], rtol=1e-5)


def test_from_pipeline_keeps_the_names_that_it_finds_by_aliases():
    vectorizer = GmtVectorizer(TOY, aliases={"7157": ["TP53"], "FRP": ["HK1"]})
    encoder = GeneSetEncoder(2, max_epochs=2, random_state=0)
    model = make_pipeline(vectorizer, encoder).fit(TOY.genes)
    found = GeneEmbedding.from_pipeline(model, ["FRP", "TP53", "7157"])
    assert list(found) == ["FRP", "TP53", "7157"]
    np.testing.assert_array_equal(found["7157"], found["TP53"])
    assert found.n_gene_sets.tolist() == [2, 2, 2]


def test_from_pipeline_describes_parameters_that_json_does_not_hold():
    seed = np.random.RandomState(0)
    model = pipeline(random_state=seed, lr=np.float32(0.5)).fit(TOY.genes)
    parameters = GeneEmbedding.from_pipeline(model).attrs["encoder_params"]
    assert type(parameters["lr"]) is float
    assert parameters["lr"] == 0.5
    assert parameters["random_state"].startswith("RandomState(")


def test_further_steps_are_not_used(model):
    longer = make_pipeline(*model, PCA(2)).fit(TOY.genes)
    for make in (GeneEmbedding.from_pipeline, GeneEmbedding.of_gene_sets):
        found, wanted = make(longer), make(model)
        np.testing.assert_array_equal(found.vectors, wanted.vectors)
        assert found.attrs == wanted.attrs


@pytest.mark.parametrize("container", ["default", "pandas", "polars"])
def test_from_pipeline_takes_any_output_and_leaves_out_genes_of_no_gene_set(
    model, container
):
    wanted = GeneEmbedding.from_pipeline(model)
    if container != "default":
        pytest.importorskip(container, reason=f"needs {container}")
        model = clone(model).set_params(gmtvectorizer__sparse_output=False)
        model.set_output(transform=container).fit(wanted.genes)
    found = GeneEmbedding.from_pipeline(model)
    assert list(found) == list(wanted)
    np.testing.assert_array_equal(found.vectors, wanted.vectors)
    with pytest.warns(UserWarning, match="in no gene set") as caught:
        found = GeneEmbedding.from_pipeline(model, ["X", "TP53", "Y"])
    (warning,) = caught
    assert "2 of 3 genes" in str(warning.message)
    assert "left out: 'X', 'Y'" in str(warning.message)
    assert warning.filename == __file__
    assert list(found) == ["TP53"]
    np.testing.assert_allclose(found["TP53"], wanted["TP53"], rtol=1e-5)


def test_from_pipeline_refuses_nothing_but_genes_of_no_gene_set(model):
    message = "2 of 2 genes .*: 'X', 'Y'"
    with pytest.raises(ValueError, match=message):
        GeneEmbedding.from_pipeline(model, ["X", "Y"])
    with pytest.raises(ValueError, match="'HK1' twice"):
        GeneEmbedding.from_pipeline(model, ["HK1", "HK1"])


@pytest.mark.parametrize(
    "name", [name for name in dir(GeneEmbedding) if name[0] != "_"]
)
def test_methods_are_methods(name):
    method = inspect.getattr_static(GeneEmbedding, name)
    if not isinstance(method, property):
        method = getattr(method, "__func__", method)
        assert next(iter(inspect.signature(method).parameters)) in {"self", "cls"}
    assert method.__doc__


@pytest.mark.parametrize(
    "make", [GeneEmbedding.from_pipeline, GeneEmbedding.of_gene_sets]
)
def test_vectors_are_those_of_one_fitted_pipeline(make, model):
    vectorizer, encoder = model
    for unfitted in (
        pipeline(),
        make_pipeline(vectorizer, GeneSetEncoder()),
        make_pipeline(GmtVectorizer(TOY), encoder),
    ):
        with pytest.raises(NotFittedError):
            make(unfitted)
    for other, got in (
        (encoder, "GeneSetEncoder"),
        (make_pipeline(encoder), "GeneSetEncoder"),
        (make_pipeline(vectorizer, PCA()), "GmtVectorizer -> PCA"),
        (make_pipeline("passthrough", *model), "str -> GmtVectorizer -> GeneSetE"),
        (TOY, "GeneSets"),
    ):
        message = f"fitted pipeline .*, got {got}"
        with pytest.raises(TypeError, match=message):
            make(other)


def test_vectors_of_gene_sets():
    sets = {
        "GLYCOLYSIS": ["HK1", "PKM", "LDHA"],
        "WARBURG": ["HK1", "PKM"],
        "P53": ["MDM2", "TP53"],
    }
    model = make_pipeline(GmtVectorizer(sets), GeneSetEncoder(2, random_state=0))
    model.fit(["HK1", "LDHA", "MDM2", "PKM", "TP53"])
    found = GeneEmbedding.of_gene_sets(model)
    assert list(found.genes) == list(sets)
    np.testing.assert_array_equal(found.vectors, model[1].gene_set_embedding_)
    of_genes = GeneEmbedding.from_pipeline(model).attrs
    assert found.attrs == {**of_genes, "vectors_of": "gene sets"}
    assert found.most_similar("WARBURG", topn=1)[0][0] == "GLYCOLYSIS"


def test_gene_sets_have_no_vectors_behind_hidden_layers():
    model = pipeline(hidden_layer_sizes=(4,)).fit(TOY.genes)
    with pytest.raises(ValueError, match=r"1 hidden .*hidden_layer_sizes=\(\)"):
        GeneEmbedding.of_gene_sets(model)
    model.set_params(genesetencoder__hidden_layer_sizes=()).fit(TOY.genes)
    assert len(GeneEmbedding.of_gene_sets(model)) == 3


@pytest.mark.parametrize("fitted_on", ["pandas", "default"])
def test_another_output_than_that_of_fit_causes_no_warning(fitted_on):
    model = pipeline()
    model[0].set_output(transform=fitted_on)
    model.fit(TOY.genes)
    for container in ("pandas", "default"):
        model[0].set_output(transform=container)
        found = GeneEmbedding.from_pipeline(model)
        np.testing.assert_array_equal(found.vectors, model[1].embedding_)


@pytest.mark.parametrize("form", [list, np.array, pd.Series])
def test_genes_to_be_unlike_come_in_any_form(form):
    embedding = GeneEmbedding(list("abcd"), np.eye(4) + 0.1)
    found = embedding.most_similar("a", negative=form(["b", "c"]))
    assert found == embedding.most_similar("a", negative=("b", "c"))
    assert [gene for gene, _ in found] == ["d"]
    with pytest.raises(KeyError, match="1 of 1 gene is not in the embedding: ''"):
        embedding.most_similar("a", negative="")


@pytest.mark.parametrize("genes", [{"HK1", "PKM"}, {"HK1": 1}, b"HK1", None, 0])
def test_genes_without_an_order_have_no_rows(genes):
    embedding = GeneEmbedding(["HK1", "PKM"], np.eye(2))
    with pytest.raises(TypeError, match="Expected an iterable of genes"):
        embedding[genes]
    assert embedding[[]].shape == (0, 2)


def test_tables_and_dicts_of_vectors_are_sent_where_they_are_taken():
    vectors = {"A": [1.0, 0.0], "B": [0.0, 1.0]}
    frame = pd.DataFrame(vectors).T
    with pytest.raises(TypeError, match=r"GeneEmbedding\.from_frame\(frame\)"):
        GeneEmbedding(frame)
    with pytest.raises(TypeError, match=r"list\(d\), list\(d\.values\(\)\)"):
        GeneEmbedding(vectors)
    expected = GeneEmbedding(list(vectors), list(vectors.values()))
    assert GeneEmbedding.from_frame(frame) == expected


def test_groups_of_genes_as_in_gensim():
    embedding = GeneEmbedding([*"ABCD"], [[2, 0], [3, 1], [0, 5], [-1, 0]])
    unit = embedding.vectors / np.linalg.norm(embedding.vectors, axis=1)[:, None]
    first, second = unit[:2].mean(axis=0), unit[2:].mean(axis=0)
    cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    assert embedding.n_similarity("AB", iter("CD")) == pytest.approx(cosine)
    assert embedding.doesnt_match("ABC") == "C"
    for call in (
        lambda: embedding.n_similarity([], "A"),
        lambda: embedding.doesnt_match([]),
    ):
        with pytest.raises(ValueError, match="one gene or more"):
            call()
