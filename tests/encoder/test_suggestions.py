"""Suggestions: the most probable memberships that the collection does not list."""

import tracemalloc
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.stats import hypergeom
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from sk_gene2vec import GeneSetEncoder, GeneSets, GmtVectorizer
from sk_gene2vec.encoder import (
    _suggestions,
    nearest_gene_sets,
    suggest_gene_sets,
    suggest_genes,
)

# No two genes are in the same gene sets, so that no two are equally probable.
GENE_SETS = {
    "GLYCOLYSIS": ["HK1", "PFKM", "PKM", "LDHA"],
    "WARBURG": ["HK1", "PFKM", "PKM", "TP53"],
    "HYPOXIA": ["HK1", "LDHA", "VEGFA", "CDKN1A"],
    "P53_PATHWAY": ["TP53", "MDM2", "CDKN1A", "PFKM"],
}
GENES = sorted({gene for genes in GENE_SETS.values() for gene in genes})

FUNCTIONS = [suggest_genes, suggest_gene_sets, nearest_gene_sets]


def make_model(gene_sets, dim=3, aliases=None, **parameters):
    parameters = {"max_epochs": 30, "random_state": 0} | parameters
    model = make_pipeline(
        GmtVectorizer(gene_sets, aliases=aliases), GeneSetEncoder(dim, **parameters)
    )
    return model.fit(sorted({gene for genes in gene_sets.values() for gene in genes}))


@pytest.fixture(scope="module")
def model():
    return make_model(GENE_SETS)


@pytest.fixture(scope="module")
def expected(model):
    """All memberships that are not listed, by brute force."""
    vectorizer, encoder = model[0], model[1]
    probabilities = encoder.predict_proba(vectorizer.transform(GENES))
    return pd.DataFrame(
        [
            (gene, gene_set, probabilities[row, column])
            for row, gene in enumerate(GENES)
            for gene_set, column in vectorizer.vocabulary_.items()
            if gene not in GENE_SETS[gene_set]
        ],
        columns=["gene", "gene_set", "probability"],
    ).sort_values("probability", ascending=False)


@pytest.fixture(scope="module")
def blocks():
    """Three blocks of genes that share no set, and a model of 25 sets of each."""
    rng = np.random.default_rng(0)
    genes = {name: [f"{name}{i:02d}" for i in range(30)] for name in "ABC"}
    sets = {
        f"{name}_{number}": rng.choice(own, 18, replace=False).tolist()
        for name, own in genes.items()
        for number in range(25)
    }
    return genes, sets, make_model(sets, dim=5, max_epochs=20)


# ------------------------------------------------------- gene sets of the collection


@pytest.mark.parametrize("gene_set", GENE_SETS)
def test_genes_are_the_most_probable_outside_the_set(model, expected, gene_set):
    found = suggest_genes(model, gene_set, n=3)
    assert list(found.columns) == ["gene", "probability", "evidence"]
    wanted = expected[expected["gene_set"] == gene_set].head(3)
    pd.testing.assert_frame_equal(
        found[["gene", "probability"]],
        wanted[["gene", "probability"]].reset_index(drop=True),
        rtol=1e-5,
        check_dtype=False,
    )


@pytest.mark.parametrize("gene", ["HK1", "TP53", "VEGFA"])
def test_gene_sets_are_the_most_probable_without_the_gene(model, expected, gene):
    found = suggest_gene_sets(model, gene, n=1)
    assert list(found.columns) == ["gene_set", "probability", "evidence"]
    wanted = expected[expected["gene"] == gene].head(1)
    pd.testing.assert_frame_equal(
        found[["gene_set", "probability"]],
        wanted[["gene_set", "probability"]].reset_index(drop=True),
        rtol=1e-5,
        check_dtype=False,
    )


def nearest_members(model, gene, members):
    """Names of the members with the largest positive cosines, three at most."""
    vectors = dict(zip(GENES, model.transform(GENES), strict=True))
    units = {name: v / np.linalg.norm(v) for name, v in vectors.items()}
    cosines = {name: units[name] @ units[gene] for name in members}
    ranked = sorted(members, key=lambda name: -cosines[name])
    return "; ".join(name for name in ranked[:3] if cosines[name] > 0)


def test_evidence_names_the_nearest_genes_of_the_set(model):
    for gene_set, members in GENE_SETS.items():
        for row in suggest_genes(model, gene_set, n=9).itertuples():
            assert row.evidence == nearest_members(model, row.gene, members)
    for gene in GENES:
        for row in suggest_gene_sets(model, gene).itertuples():
            members = GENE_SETS[row.gene_set]
            assert row.evidence == nearest_members(model, gene, members)


def test_ten_are_the_default_and_fewer_come_where_there_are_fewer(blocks):
    genes, sets, model = blocks
    assert len(suggest_genes(model, "A_0")) == 10
    everything = suggest_genes(model, "A_0", n=1000)
    assert len(everything) == 90 - 18
    assert not set(everything["gene"]) & set(sets["A_0"])
    assert everything["probability"].is_monotonic_decreasing
    # Members that the set could have come first.
    assert set(everything["gene"][:12]) == set(genes["A"]) - set(sets["A_0"])
    assert len(suggest_gene_sets(model, "A00")) == 10
    n_sets = sum("A00" in members for members in sets.values())
    assert len(suggest_gene_sets(model, "A00", n=1000)) == 75 - n_sets
    assert len(nearest_gene_sets(model, genes["A"][:10])) == 10


def test_a_gene_set_of_all_genes_lacks_none():
    sets = {"ALL": list("abcd"), "B": list("ab"), "C": list("cd")}
    assert suggest_genes(make_model(sets, dim=2), "ALL").empty


def test_among_members_alone_nothing_is_left(model):
    assert suggest_genes(model, "HYPOXIA", among=GENE_SETS["HYPOXIA"]).empty
    with_it = [name for name, genes in GENE_SETS.items() if "HK1" in genes]
    assert suggest_gene_sets(model, "HK1", among=with_it).empty


def test_a_set_keeps_the_level_of_the_fit(model):
    pd.testing.assert_frame_equal(
        suggest_genes(model, "HYPOXIA", completeness=0.3),
        suggest_genes(model, "HYPOXIA"),
    )


TEXTS = {"GLYCOLYSIS": "GO:0006096", "WARBURG": "Warburg effect"}


def test_descriptions_stand_beside_the_names_of_gene_sets(model):
    described = make_model(GeneSets(GENE_SETS, TEXTS))
    found = suggest_gene_sets(described, "VEGFA")
    assert list(found.columns) == ["gene_set", "description", "probability", "evidence"]
    for row in found.itertuples():
        wanted = "Warburg effect" if row.gene_set == "WARBURG" else ""
        assert row.description == wanted
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", NO_MATCH)
        found = nearest_gene_sets(described, GENES[:4], n=4)
        listed = suggest_genes(described, ["PFKM", "PKM", "TP53"])
    assert list(found.columns[:2]) == ["gene_set", "description"]
    assert (
        listed["evidence"].str.contains(r"WARBURG Warburg effect \(3 of 3, 4\)").any()
    )


def test_a_gene_set_is_found_by_its_description(model):
    described = make_model(GeneSets(GENE_SETS, TEXTS))
    for text, name in (("warburg effect", "WARBURG"), ("GO:0006096", "GLYCOLYSIS")):
        pd.testing.assert_frame_equal(
            suggest_genes(described, text), suggest_genes(model, name)
        )
    twice = make_model(GeneSets(GENE_SETS, dict.fromkeys(GENE_SETS, "same text")))
    with pytest.raises(ValueError, match="'same text' describes 'GLYCOLYSIS', 'WARB"):
        suggest_genes(twice, "same text")


@pytest.mark.parametrize("text", ["", "na", "https://x.org/some set", "M5930"])
def test_links_and_ids_are_not_shown_as_descriptions(text):
    described = make_model(GeneSets(GENE_SETS, dict.fromkeys(GENE_SETS, text)))
    assert "description" not in suggest_gene_sets(described, "VEGFA")


# ------------------------------------------------------------------ lists of genes


def test_a_list_is_completed_from_its_own_block(blocks):
    genes, _, model = blocks
    given = genes["B"][:10]
    found = suggest_genes(model, given)
    assert list(found.columns) == ["gene", "probability", "evidence"]
    assert set(found["gene"]) <= set(genes["B"][10:])
    assert found["probability"].is_monotonic_decreasing
    everything = suggest_genes(model, given, n=100)
    assert len(everything) == 80
    assert not set(everything["gene"]) & set(given)
    assert set(everything["gene"][:20]) == set(genes["B"][10:])


def test_evidence_of_a_list_counts_its_genes_in_each_set(blocks):
    genes, sets, model = blocks
    given = genes["B"][:10]
    for row in suggest_genes(model, given, n=20).itertuples():
        named = row.evidence.split("; ")
        assert 1 <= len(named) <= 3
        for text in named:
            name, _, counts = text.partition(" ")
            shared = len(set(sets[name]) & set(given))
            assert counts == f"({shared} of 10, 18)"
            assert row.gene in sets[name]
            # A set without a gene of the list would not be evidence.
            assert shared


@pytest.fixture(scope="module")
def receptors():
    """Twenty receptors in one set of their own, and sets of others; OR00 is in one."""
    rng = np.random.default_rng(1)
    receptors = [f"OR{i:02d}" for i in range(20)]
    others = [f"G{i:03d}" for i in range(180)]
    sets = {f"SET_{i}": rng.choice(others, 15).tolist() for i in range(60)}
    sets = {name: sorted(set(genes)) for name, genes in sets.items()}
    sets |= {"OLFACTION": receptors, "SMALL": ["OR00", "G000", "G001"]}
    return make_model(sets, dim=10, max_epochs=20)


def test_a_set_that_ten_genes_share_completes_them_not_the_small_set_of_one(receptors):
    given = [f"OR{i:02d}" for i in range(10)]
    found = suggest_genes(receptors, given)
    assert set(found["gene"]) == {f"OR{i:02d}" for i in range(10, 20)}
    assert found["evidence"].str.startswith("OLFACTION (10 of 10, 20)").all()
    nearest = nearest_gene_sets(receptors, given)
    assert nearest["gene_set"].to_list() == ["OLFACTION"]


@pytest.mark.parametrize("completeness", [0.5, 0.9])
def test_completeness_sets_the_sum_of_the_probabilities(blocks, completeness):
    genes, _, model = blocks
    given = genes["A"][:10]
    found = suggest_genes(model, given, n=100, completeness=completeness)
    expected = (1 / completeness - 1) * 10
    assert found["probability"].sum() == pytest.approx(expected, rel=1e-4)
    default = suggest_genes(model, given, n=100)
    assert default["probability"].sum() == pytest.approx(10 * 0.13 / 0.87, rel=1e-4)
    assert found["gene"].to_list() == default["gene"].to_list()


def test_order_repeats_and_container_of_a_list_do_not_matter(blocks):
    genes, _, model = blocks
    given = genes["A"][:10]
    expected = suggest_genes(model, given)
    forms = [given[::-1], given * 2, set(given), pd.Series(given), iter(given)]
    for same in (*forms, np.array(given, dtype=object)):
        pd.testing.assert_frame_equal(suggest_genes(model, same), expected)


@pytest.mark.parametrize(
    "parameters", [{"gene_input": "one-hot"}, {"hidden_layer_sizes": (8,)}]
)
def test_lists_and_sets_with_other_networks(blocks, parameters):
    genes, sets, _ = blocks
    model = make_model(sets, dim=5, max_epochs=20, **parameters)
    for asked in (genes["A"][:10], "A_3"):
        found = suggest_genes(model, asked)
        assert set(found["gene"]) <= set(genes["A"])
    assert suggest_gene_sets(model, "A00").gene_set.str.startswith("A_").all()


NO_MATCH = "No gene set has more of the"


@pytest.mark.parametrize("function", [suggest_genes, nearest_gene_sets])
def test_a_list_without_a_common_set_is_answered_with_a_warning(blocks, function):
    genes, _, model = blocks
    mixed = [*genes["A"][:3], *genes["B"][:3], *genes["C"][:3]]
    with pytest.warns(UserWarning, match=f"{NO_MATCH} 9 genes than chance"):
        found = function(model, mixed)
    assert len(found) == 10


def test_unknown_genes_of_a_list_are_left_out_with_a_warning(blocks):
    genes, _, model = blocks
    known = genes["A"][:10]
    with pytest.warns(UserWarning, match=r"1 of 11 genes is in no .*, and left out"):
        found = suggest_genes(model, [*known, "XYZ"])
    pd.testing.assert_frame_equal(found, suggest_genes(model, known))


@pytest.mark.parametrize("given", [["A00"], ["A00", "A01", "A00"]])
def test_a_list_of_one_or_two_is_answered_with_a_warning(blocks, given):
    genes, _, model = blocks
    n = len(set(given))
    with pytest.warns(UserWarning, match=f"3 genes or more, got {n} of the .*'A00'"):
        found = suggest_genes(model, given, n=5)
    assert set(found["gene"]) <= set(genes["A"])


@pytest.mark.filterwarnings(f"ignore:{NO_MATCH}")
def test_lists_in_which_nothing_or_all_is_left(model):
    assert suggest_genes(model, GENES).empty
    found = suggest_genes(model, GENES[1:])
    assert found["gene"].to_list() == GENES[:1]
    # At most half of the others.
    np.testing.assert_allclose(found["probability"], 0.5, rtol=1e-4)
    assert set(nearest_gene_sets(model, GENES)["gene_set"]) == set(GENE_SETS)


def test_a_list_of_no_known_gene_is_refused_with_advice(model):
    with pytest.raises(
        ValueError, match=r"Expected genes of the collection.*Entrez number.*aliases="
    ):
        suggest_genes(model, ["7157", "4193"])
    with pytest.raises(ValueError, match="one or more genes, got none"):
        suggest_genes(model, [])
    with pytest.raises(TypeError, match="Expected genes"):
        suggest_genes(model, {"TP53", 7})
    with pytest.raises(TypeError, match="Expected an iterable of genes, got the int 7"):
        suggest_genes(model, 7)
    with pytest.raises(TypeError, match="Expected an iterable of genes, got the str"):
        nearest_gene_sets(model, "TP53")


# --------------------------------------------------------------- nearest_gene_sets


def test_nearest_gene_sets_count_probable_genes(blocks):
    genes, sets, model = blocks
    given = genes["A"][:10]
    found = nearest_gene_sets(model, given, n=100)
    columns = ["gene_set", "p_value", "shared", "size", "similarity"]
    assert list(found.columns) == columns
    ranked = found.sort_values(["p_value", "similarity"], ascending=[True, False])
    assert list(ranked["gene_set"]) == list(found["gene_set"])
    assert found["gene_set"].str.startswith("A_").all()
    probability = suggest_genes(model, given, n=100).set_index("gene")["probability"]
    weight = dict.fromkeys(given, 1.0) | dict(probability)
    length = np.sqrt(sum(value**2 for value in weight.values()))
    for row in found.itertuples():
        members = sets[row.gene_set]
        dot = sum(weight[gene] for gene in members)
        assert row.similarity == pytest.approx(dot / length / np.sqrt(18), rel=1e-6)
        assert row.shared == len(set(members) & set(given))
        assert row.size == 18
        p_value = hypergeom.sf(row.shared - 1, 90, 18, 10)
        assert row.p_value == pytest.approx(p_value, rel=1e-9)
    # Among sets that share equally many genes, those with probable genes come first.
    assert found.groupby("shared")["similarity"].nunique().max() > 1


def test_one_shared_gene_counts_only_for_a_list_of_one(blocks):
    genes, sets, model = blocks
    given = genes["A"][:3]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", NO_MATCH)
        found = nearest_gene_sets(model, given, n=100)
    shared = {name: len(set(given) & set(members)) for name, members in sets.items()}
    assert 1 in shared.values()
    assert set(found["gene_set"]) == {name for name, n in shared.items() if n >= 2}
    with pytest.warns(UserWarning, match="3 genes or more, got 1"):
        alone = nearest_gene_sets(model, given[:1], n=100)
    with_it = {name for name, members in sets.items() if given[0] in members}
    assert set(alone["gene_set"]) == with_it


# ----------------------------------------------------------------------- the choice


def test_among_gene_sets_by_prefix_and_by_list(blocks):
    genes, _, model = blocks
    found = suggest_gene_sets(model, "A00", among="B_")
    assert found["gene_set"].str.startswith("B_").all()
    everything = suggest_gene_sets(model, "A00", n=100)
    chosen = [name for name in everything["gene_set"] if name.startswith("B_")]
    assert found["gene_set"].to_list() == chosen[:10]
    listed = suggest_gene_sets(model, "A00", among=["C_1", "B_2", "unknown"])
    assert set(listed["gene_set"]) == {"C_1", "B_2"}
    nearest = nearest_gene_sets(model, genes["A"][:10], n=100, among="A_1")
    assert len(nearest)
    assert nearest["gene_set"].str.startswith("A_1").all()


def test_among_genes_by_list(blocks):
    genes, _, model = blocks
    measured = [*genes["A"][5:15], *genes["B"][:3], "unknown"]
    given = genes["A"][:10]
    found = suggest_genes(model, given, n=100, among=measured)
    assert set(found["gene"]) == {*genes["A"][10:15], *genes["B"][:3]}
    everything = suggest_genes(model, given, n=100).set_index("gene")
    np.testing.assert_array_equal(
        found["probability"], everything.loc[found["gene"], "probability"]
    )
    assert set(suggest_genes(model, "C_0", among={"B01"})["gene"]) == {"B01"}


@pytest.mark.parametrize("among", ["KEGG_", ["KEGG_GLYCOLYSIS"]])
def test_among_nothing_of_the_collection_is_refused(model, among):
    message = "Expected gene sets of the collection .*got none.*'GLYCOLYSIS'"
    with pytest.raises(ValueError, match=message):
        suggest_gene_sets(model, "TP53", among=among)


def test_one_long_name_takes_no_more_than_its_length(model):
    among = ["P53_PATHWAY", "S" * 10**5, *(f"S{number}" for number in range(1000))]
    wanted = suggest_gene_sets(model, "HK1", among=["P53_PATHWAY"])
    tracemalloc.start()
    found = suggest_gene_sets(model, "HK1", among=among)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    pd.testing.assert_frame_equal(found, wanted)
    assert peak < 10**7


@pytest.mark.parametrize("among", [[], 7, [7]])
def test_among_what_is_not_a_list_of_names_is_refused(model, among):
    with pytest.raises((TypeError, ValueError), match="names in `among`"):
        suggest_gene_sets(model, "TP53", among=among)
    with pytest.raises((TypeError, ValueError), match="genes in `among`"):
        suggest_genes(model, "GLYCOLYSIS", among=among)


@pytest.mark.parametrize("completeness", [0, 1, -0.5, float("nan")])
def test_completeness_is_a_share(model, completeness):
    with pytest.raises(ValueError, match=r"completeness in \(0, 1\)"):
        suggest_genes(model, "GLYCOLYSIS", completeness=completeness)


def test_evidence_is_text_where_nothing_is_left(model):
    found = suggest_gene_sets(model, "TP53", among=["P53_PATHWAY"])
    assert len(found) == 0
    assert len(found["evidence"].str.split("; ")) == 0


def test_among_no_gene_of_the_collection_is_refused(model):
    with pytest.raises(ValueError, match="Expected genes of the collection in `among`"):
        suggest_genes(model, "HYPOXIA", among=["7157"])


# --------------------------------------------------------------------- the pipeline


def test_aliases_are_followed(model):
    translated = make_model(GENE_SETS, aliases={"P53": "TP53"})
    pd.testing.assert_frame_equal(
        suggest_gene_sets(translated, "P53"), suggest_gene_sets(model, "TP53")
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", NO_MATCH)
        for function in (suggest_genes, nearest_gene_sets):
            pd.testing.assert_frame_equal(
                function(translated, ["P53", "MDM2", "PFKM"]),
                function(model, ["TP53", "MDM2", "PFKM"]),
            )
    found = suggest_genes(translated, "HYPOXIA", among=["P53", "MDM2"])
    assert set(found["gene"]) == {"TP53", "MDM2"}


def asked_of(blocks):
    genes, _, _ = blocks
    return [
        (suggest_genes, "A_0"),
        (suggest_genes, genes["B"][:10]),
        (suggest_gene_sets, "C00"),
        (nearest_gene_sets, genes["B"][:10]),
    ]


def test_further_steps_of_the_pipeline_are_not_used(blocks):
    *_, model = blocks
    genes = list(model[0].genes_)
    labels = [gene[0] for gene in genes]
    classifier = Pipeline([*clone(model).steps, ("classify", LogisticRegression())])
    classifier.fit(genes, labels)
    for function, asked in asked_of(blocks):
        pd.testing.assert_frame_equal(
            function(classifier, asked), function(model, asked)
        )


@pytest.mark.parametrize("container", ["pandas", "polars", "dense"])
def test_the_container_of_the_memberships_changes_nothing(blocks, container):
    if container == "polars":
        pytest.importorskip("polars", reason="needs polars")
    *_, model = blocks
    other = clone(model)
    if container == "dense":
        other[0].set_params(sparse_output=False)
    else:
        other.set_output(transform=container)
    other.fit(model[0].genes_)
    for function, asked in asked_of(blocks):
        pd.testing.assert_frame_equal(
            function(other, asked), function(model, asked), rtol=1e-4
        )


def test_fitted_on_some_genes_all_of_the_collection_are_suggested(blocks):
    genes, sets, _ = blocks
    model = make_pipeline(
        GmtVectorizer(sets), GeneSetEncoder(5, max_epochs=20, random_state=0)
    ).fit([gene for own in genes.values() for gene in own[:20]])
    found = suggest_genes(model, genes["A"][:10], n=20)
    assert set(found["gene"]) == set(genes["A"][10:])
    members = {*genes["A"]} - {*sets["A_0"]}
    assert set(suggest_genes(model, "A_0", n=len(members))["gene"]) == members


@pytest.mark.parametrize("function", FUNCTIONS)
def test_other_models_are_refused_with_advice(model, function):
    vectorizer, encoder = model[0], model[1]
    advice = r"make_pipeline\(GmtVectorizer\(gene_sets\), GeneSetEncoder\(\)\)\.fit"
    for wrong, got in (
        (vectorizer, "GmtVectorizer"),
        (encoder, "GeneSetEncoder"),
        (make_pipeline(encoder), "GeneSetEncoder"),
        (make_pipeline(encoder, vectorizer), "GeneSetEncoder -> GmtVectorizer"),
        ((vectorizer, encoder), "tuple"),
    ):
        with pytest.raises(TypeError, match=rf"got {got}\. .*{advice}"):
            function(wrong, "TP53")
    # Both, as two arguments.
    with pytest.raises(TypeError, match=f"got GeneSetEncoder.*{advice}"):
        function(encoder, vectorizer, "TP53")
    with pytest.raises(NotFittedError):
        function(clone(model), "TP53")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_numbers_out_of_range_are_refused(model, function):
    with pytest.raises(ValueError, match="n == 0, must be >= 1"):
        function(model, "TP53", n=0)
    with pytest.raises(TypeError, match="n must be an instance of int"):
        function(model, "TP53", n=1.5)


@pytest.mark.parametrize(
    ("suggest", "name", "message"),
    [
        (suggest_genes, "hypoxy", "gene set of .*got 'hypoxy', did you mean 'HYPOXIA'"),
        (suggest_genes, "Warburg", "did you mean 'WARBURG'"),
        (suggest_genes, "???", "No name there is close to it"),
        (suggest_genes, "TP53", "'TP53', which is a gene: use suggest_gene_sets"),
        (
            suggest_gene_sets,
            "WARBURG",
            "'WARBURG', which is a gene set: use suggest_genes",
        ),
        (suggest_gene_sets, "TP35", "did you mean 'TP53'"),
        (suggest_gene_sets, "tp53", "gene of .*got 'tp53', did you mean 'TP53'"),
        (suggest_gene_sets, "PFK", "did you mean .*'PFKM'"),
    ],
)
def test_unknown_names_get_near_misses(model, suggest, name, message):
    with pytest.raises(ValueError, match=message):
        suggest(model, name)


def test_names_that_are_not_text_are_refused(model):
    with pytest.raises(TypeError, match="Expected the name of a gene, got 7"):
        suggest_gene_sets(model, 7)
    with pytest.raises(TypeError, match=r"Expected the name of a gene, got \['TP53'\]"):
        suggest_gene_sets(model, ["TP53"])


# ------------------------------------------------- collections with little to learn


@pytest.fixture
def with_only():
    """Model of a collection with a gene, ONLY, that has no vector."""
    # ALL has all genes and so no weight, and ONLY is in no other set.
    genes = [*"ABCDEF"]
    sets = {"ALL": [*genes, "ONLY"], "FIRST": genes[:3], "LAST": genes[2:]}
    with pytest.warns(UserWarning, match="1 of 7 genes"):
        return make_model(sets, dim=2)


def test_a_gene_without_a_vector_has_the_frequencies(with_only):
    with pytest.warns(UserWarning, match="is only in sets with"):
        found = suggest_gene_sets(with_only, "ONLY")
    assert found["gene_set"].to_list() == ["LAST", "FIRST"]
    np.testing.assert_allclose(found["probability"], [4 / 7, 3 / 7], rtol=1e-6)
    assert found["evidence"].to_list() == ["", ""]


def test_a_gene_without_a_vector_is_not_suggested(with_only):
    assert "ONLY" not in set(suggest_genes(with_only, "LAST", n=100)["gene"])
    found = suggest_genes(with_only, ["A", "B", "C"])
    assert set(found["gene"]) == {*"DEF"}
    assert found["probability"].between(0, 1).all()
    # A list of such genes alone is answered too.
    with pytest.warns(UserWarning, match="got 1 of the"):
        alone = suggest_genes(with_only, ["ONLY"])
    assert np.isfinite(alone["probability"]).all()


def test_a_vector_of_zeros_has_the_frequencies():
    """ReLU may set the whole vector of a gene to zero."""
    rng = np.random.default_rng(0)
    X = np.kron(np.eye(3), np.ones((20, 4))) * (rng.random((60, 12)) < 0.8)
    X[:, 0] = 1
    X[0, 0] = 0
    encoder = GeneSetEncoder(
        1, gene_input="one-hot", activation="relu", max_epochs=20, random_state=0
    ).fit(X)
    dead = ~encoder.embedding_.any(axis=1)
    assert 0 < dead.sum() < 60
    probability = encoder.predict_proba(X[dead])
    assert (probability == encoder.gene_set_frequency_).all()


@pytest.mark.filterwarnings("ignore:.* only in sets")
def test_genes_in_a_set_of_all_genes_alone_take_nothing_from_a_list():
    rng = np.random.default_rng(0)
    genes = [f"G{i}" for i in range(400)]
    sets = {
        f"S{kind}_{copy}": [g for g in genes[kind:300:10] if rng.random() < 0.8]
        for kind in range(10)
        for copy in range(4)
    }
    model = make_model({**sets, "ALL": genes}, dim=10)
    listed = genes[:150:10]
    found = suggest_genes(model, listed, n=400)
    # The last hundred genes are in ALL and nothing else.
    assert not set(found["gene"]) & set(genes[300:])
    assert set(found["gene"][:10]) < set(genes[:300:10])
    n_missing = len(listed) * (1 / 0.87 - 1)
    assert found["probability"].sum() == pytest.approx(n_missing, rel=0.1)
    assert set(nearest_gene_sets(model, listed, n=4)["gene_set"]) == {
        f"S0_{copy}" for copy in range(4)
    }


@pytest.mark.parametrize(
    "gene_sets",
    [{"A": "abcd"}, {"A": "abc", "B": "abc", "C": "d"}, {"A": "abcd", "B": "abcd"}],
)
def test_lists_in_collections_with_little_to_learn(gene_sets):
    with warnings.catch_warnings():
        # Some sets have no weight, and some lists have no match.
        warnings.filterwarnings("ignore", ".* only in sets")
        warnings.filterwarnings("ignore", NO_MATCH)
        model = make_model({name: [*x] for name, x in gene_sets.items()}, dim=2)
        found = suggest_genes(model, [*"abc"])
        nearest = nearest_gene_sets(model, [*"abc"])
    # "d" has an embedding where a set has a weight.
    assert found["gene"].to_list() == (["d"] if "C" in gene_sets else [])
    assert found["probability"].between(0, 1).all()
    assert set(nearest["gene_set"]) == set(gene_sets) - {"C"}


@pytest.mark.parametrize("n_seen", [1, 7, 1000])
def test_the_best_genes_are_found_without_the_neighbours_of_all(n_seen, monkeypatch):
    monkeypatch.setattr(_suggestions, "_FIRST_SEEN", n_seen)
    rng = np.random.default_rng(0)
    kinds = np.arange(300) % 5
    sets = {}
    for number in range(40):
        shares = np.where(kinds == number % 5, 0.5, 0.03)
        members = np.flatnonzero(rng.random(300) < shares)
        sets[f"S{number}"] = [f"G{member:03d}" for member in members]
    vectorizer = GmtVectorizer(sets)
    genes = sorted({gene for members in sets.values() for gene in members})
    encoder = GeneSetEncoder(5, max_epochs=5, random_state=0)
    model = make_pipeline(vectorizer, encoder).fit(genes)
    P = encoder.predict_proba(vectorizer.transform(vectorizer.genes_))
    for column, name in enumerate(sets):
        found = suggest_genes(model, name, n=8)
        others = ~np.isin(vectorizer.genes_, sets[name])
        expected = np.sort(P[others, column])[::-1][:8]
        np.testing.assert_allclose(found["probability"], expected, rtol=1e-5)
