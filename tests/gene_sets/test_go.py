"""Annotations with the Gene Ontology to gene sets."""

import gzip
import io

import pytest

from sk_gene2vec import GeneSetFormatError, read_go_annotations

# Cell death is a biological process; apoptosis is a kind of it, and has a part.
OBO = """format-version: 1.2
data-version: releases/2024-01-17

[Term]
id: GO:0008150
name: biological_process
namespace: biological_process

[Term]
id: GO:0008219
name: cell death
namespace: biological_process
is_a: GO:0008150 ! biological_process

[Term]
id: GO:0006915
name: apoptotic process
namespace: biological_process
alt_id: GO:0006917
alt_id: GO:0008632
def: "A programmed cell death process." [GOC:cjm]
is_a: GO:0008219 {source="PMID:1"} ! cell death

[Term]
id: GO:0097194
name: execution phase of apoptosis
namespace: biological_process
relationship: part_of GO:0006915 ! apoptotic process
relationship: regulates GO:0000001 ! other process

[Term]
id: GO:0000001
name: other process
namespace: biological_process

[Term]
id: GO:0004197
name: cysteine-type endopeptidase activity
namespace: molecular_function
relationship: part_of GO:0006915 ! apoptotic process

[Term]
id: GO:0000002
name: obsolete old death
namespace: biological_process
is_obsolete: true
replaced_by: GO:0008219

[Term]
id: GO:0000003
name: obsolete gone
namespace: biological_process
is_obsolete: true

[Typedef]
id: part_of
name: part of
"""


def row(gene, go_id, code="IDA", qualifier="involved_in"):
    return "\t".join(["MGI", "1", gene, qualifier, go_id, "PMID:1", code, *[""] * 8])


def read(*rows, obo=OBO, **options):
    gaf = "!gaf-version: 2.2\n" + "\n".join(rows) + "\n"
    return read_go_annotations(io.StringIO(gaf), io.StringIO(obo), **options)


def test_genes_go_to_all_terms_above():
    gene_sets = read(row("Casp3", "GO:0097194"), row("Bax", "GO:0006915"))
    assert dict(gene_sets) == {
        "GOBP_APOPTOTIC_PROCESS": ("Bax", "Casp3"),
        "GOBP_BIOLOGICAL_PROCESS": ("Bax", "Casp3"),
        "GOBP_CELL_DEATH": ("Bax", "Casp3"),
        "GOBP_EXECUTION_PHASE_OF_APOPTOSIS": ("Casp3",),
    }
    assert gene_sets.descriptions["GOBP_CELL_DEATH"] == "GO:0008219"


@pytest.mark.parametrize("go_id", ["GO:0006917", "GO:0008632"])
def test_other_ids_stand_for_the_term(go_id):
    assert read(row("Bax", go_id)) == read(row("Bax", "GO:0006915"))


def test_an_obsolete_term_stands_for_its_replacement():
    assert read(row("Bax", "GO:0000002"))["GOBP_CELL_DEATH"] == ("Bax",)


@pytest.mark.parametrize("qualifier", ["NOT", "NOT|involved_in"])
def test_not_is_left_out(qualifier):
    gene_sets = read(
        row("Bax", "GO:0006915"), row("Casp3", "GO:0006915", qualifier=qualifier)
    )
    assert gene_sets.genes == ["Bax"]


def test_evidence_chooses_annotations_and_no_data_is_none():
    rows = [
        row("Bax", "GO:0006915"),
        row("Casp3", "GO:0006915", "IEA"),
        row("Gm1", "GO:0008150", "ND"),
    ]
    assert read(*rows).genes == ["Bax", "Casp3"]
    assert read(*rows, evidence=["IDA", "IMP"]).genes == ["Bax"]


def test_aspects_do_not_mix():
    rows = [row("Casp3", "GO:0004197"), row("Bax", "GO:0006915")]
    function = "GOMF_CYSTEINE_TYPE_ENDOPEPTIDASE_ACTIVITY"
    assert read(*rows)[function] == ("Casp3",)
    assert dict(read(*rows, aspect="F")) == {function: ("Casp3",)}
    assert read(*rows, aspect="P").genes == ["Bax"]


def test_files_may_be_compressed(tmp_path):
    gaf, obo = tmp_path / "mgi.gaf.gz", tmp_path / "go.obo"
    gaf.write_bytes(gzip.compress((row("Bax", "GO:0006915") + "\n").encode()))
    obo.write_text(OBO)
    gene_sets = read_go_annotations(gaf, obo)
    assert gene_sets == read(row("Bax", "GO:0006915"))
    assert gene_sets.attrs["name"] == "mgi.gaf.gz"


def test_terms_that_the_ontology_lacks_are_warned_of_once():
    rows = [row("Bax", "GO:0006915"), row("A", "GO:0000003"), row("B", "GO:9999999")]
    with pytest.warns(UserWarning, match=r"2 terms .*'GO:0000003', 'GO:9") as warned:
        assert read(*rows).genes == ["Bax"]
    assert len(warned) == 1


def test_names_that_are_equal_get_their_number():
    obo = OBO.replace("name: other process", "name: cell-death")
    assert list(read(row("A", "GO:0000001"), row("A", "GO:0008219"), obo=obo)) == [
        "GOBP_BIOLOGICAL_PROCESS",
        "GOBP_CELL_DEATH_0000001",
        "GOBP_CELL_DEATH_0008219",
    ]


def test_a_circle_in_the_ontology_ends():
    obo = OBO.replace("is_a: GO:0008150", "is_a: GO:0006915")
    assert len(read(row("Bax", "GO:0006915"), obo=obo)) == 2


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (["MGI\t1\tBax"], {}, "line 2: .*15 .* GAF file, got 3"),
        ([row("Bax", "GO:9999999")], {}, "got none.*'GO:9999999'"),
        ([row("Bax", "GO:0006915")], {"aspect": "F"}, "aspect 'F'.* got none"),
        ([row("Bax", "GO:0006915")], {"evidence": ["IEA"]}, "'IEA'.* got none"),
        ([row("", "GO:0006915")], {}, "gene"),
        ([row("Bax", "GO:0006915")], {"obo": "a\tb"}, r"OBO format.*\[Term\]"),
        ([row("Bax", "GO:0006915")], {"max_bytes": 99}, "max_bytes"),
    ],
)
def test_files_that_do_not_fit_are_refused(rows, options, message):
    with pytest.raises(GeneSetFormatError, match=message):
        read(*rows, **options)


def test_misspelt_parameters_are_refused():
    with pytest.raises(ValueError, match="aspect 'P', 'F', 'C' or None, got 'BP'"):
        read(row("Bax", "GO:0006915"), aspect="BP")
    with pytest.raises(TypeError, match="list of evidence codes, got 'IDA'"):
        read(row("Bax", "GO:0006915"), evidence="IDA")


def test_terms_that_were_replaced_twice_and_terms_without_a_name():
    obo = (
        OBO
        + """
[Term]
id: GO:0000010
is_obsolete: true
replaced_by: GO:0000011

[Term]
id: GO:0000011
is_obsolete: true
replaced_by: GO:0000012

[Term]
id: GO:0000012
namespace: biological_process

[Term]
id: GO:0000013
is_obsolete: true
replaced_by: GO:0000013
"""
    )
    gaf = "!gaf-version: 2.2\n" + row("TP53", "GO:0000010") + "\n"
    found = read_go_annotations(io.StringIO(gaf), io.StringIO(obo))
    assert dict(found) == {"GOBP_GO_0000012": ("TP53",)}


def test_a_line_of_blanks_takes_no_time():
    obo = OBO.replace("name: cell death", "name: cell death" + " " * 10**6 + "! x")
    gaf = "!gaf-version: 2.2\n" + row("TP53", "GO:0008219") + "\n"
    found = read_go_annotations(io.StringIO(gaf), io.StringIO(obo))
    assert "GOBP_CELL_DEATH" in found


def test_an_annotation_without_a_symbol_is_refused_with_its_line():
    gaf = "!gaf-version: 2.2\n" + row("", "GO:0008219") + "\n"
    with pytest.raises(GeneSetFormatError, match="line 2: Expected a gene, got none"):
        read_go_annotations(io.StringIO(gaf), io.StringIO(OBO))


@pytest.mark.parametrize(
    "lines",
    [
        [
            "!gpa-version: 1.2",
            "MGI\tMGI:88039\tinvolved_in\tGO:0006915\tPMID:1\tECO:0000314\t\t\t2020\tMGI",
            "MGI\tMGI:1\tNOT|involved_in\tGO:0006915\tPMID:1\tECO:0000314\t\t\t2020\tMGI",
            "MGI\tMGI:2\tinvolved_in\tGO:0006915\tPMID:1\tECO:0000307\t\t\t2020\tMGI",
        ],
        [
            "!gpad-version: 2.0",
            "MGI:MGI:88039\t\tRO:0002331\tGO:0006915\tPMID:1\tECO:0000314\t\t\t2020\tMGI",
            "MGI:MGI:1\tNOT\tRO:0002331\tGO:0006915\tPMID:1\tECO:0000314\t\t\t2020\tMGI",
            "MGI:MGI:2\t\tRO:0002331\tGO:0006915\tPMID:1\tECO:0000307\t\t\t2020\tMGI",
        ],
    ],
)
def test_gpad_has_ids_of_the_database(lines):
    gpad = io.StringIO("\n".join(lines) + "\n")
    found = read_go_annotations(gpad, io.StringIO(OBO))
    assert found["GOBP_APOPTOTIC_PROCESS"] == ("MGI:88039",)
    with pytest.raises(GeneSetFormatError, match="10 or more columns of a GPAD file"):
        read_go_annotations(io.StringIO(f"{lines[0]}\nMGI\t1\n"), io.StringIO(OBO))
