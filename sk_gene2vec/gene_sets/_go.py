"""Gene sets from annotations with the Gene Ontology: a GAF file and an OBO file."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sk_gene2vec._utils._genes import strip
from sk_gene2vec._utils._messages import excerpt, shown, warn
from sk_gene2vec.gene_sets._gene_sets import GeneSets
from sk_gene2vec.gene_sets._parsing import Options, build
from sk_gene2vec.gene_sets._reading import MAX_BYTES, FileText, TextSource, read_text

#: Aspect of a GAF file, namespace of an OBO file, and prefix of the names.
_ASPECTS = [
    ("P", "biological_process", "GOBP"),
    ("F", "molecular_function", "GOMF"),
    ("C", "cellular_component", "GOCC"),
]
#: Columns of GAF 1.0; GAF 2 has two more.
_COLUMNS = 15
#: A tag of an OBO file and its value, without comment and modifiers; the tag of
#: "relationship: part_of GO:0000001" is part_of.
_TAG = re.compile(r"^(?:relationship: )?(\w+):? +(.*)$", re.MULTILINE)
_COMMENT = re.compile(r" [!{]")


class _Term(NamedTuple):
    name: str
    namespace: str
    parents: list[str]


def read_go_annotations(
    gaf: TextSource,
    obo: TextSource,
    *,
    aspect: str | None = None,
    evidence: Iterable[str] | None = None,
    encoding: str = "utf-8",
    max_bytes: int = MAX_BYTES,
) -> GeneSets:
    r"""Read the Gene Ontology annotations of any organism as gene sets.

    A term of the ontology becomes a gene set with the symbols of all genes that are
    annotated to the term, or to a narrower one below it.

    Parameters
    ----------
    gaf : str, path-like or open file
        The annotations in GAF, the gene association format, plain or compressed with
        gzip: ``mgi.gaf.gz`` for mouse, for example. GPAD is read too; it has ids of the
        database in place of symbols, and ECO ids as evidence.
    obo : str, path-like or open file
        The ontology in OBO format, such as ``go-basic.obo``.
    aspect : {"P", "F", "C"}, default=None
        Read biological processes (P), molecular functions (F) or cellular components
        (C) alone. None reads all three.
    evidence : iterable of str, default=None
        The evidence codes of the annotations to use, such as ``["IDA", "IMP"]``. None
        uses all annotations except those without data, ND or ECO:0000307.
    encoding : str, default="utf-8"
        Encoding of both files.
    max_bytes : int, default=2**30
        Largest size of a file in bytes, after unpacking; larger files are refused.

    Returns
    -------
    gene_sets : GeneSets
        The gene sets, sorted by name. Names are in MSigDB's style, with ``GOBP_``,
        ``GOMF_`` or ``GOCC_`` in front; descriptions are GO ids.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no file, or it cannot be opened or read.
    GeneSetFormatError
        If a line of `gaf` has too few columns, no annotation is left, `obo` has no
        term, or a file is damaged, too large or in another encoding.
    TypeError, ValueError
        If a source is not a path or an open file, or `aspect` or `evidence` is not one
        of their choices.

    Warns
    -----
    UserWarning
        If annotations are left out because `obo` does not have their terms.

    See Also
    --------
    sk_gene2vec.datasets.load_go_bp : Biological processes of human genes, bundled.
    GmtVectorizer : Its `min_size` and `max_size` leave out narrow and broad terms.

    Notes
    -----
    The genes of a term are also genes of the terms that it "is a" kind of or "part of",
    in the same aspect. In :func:`~sk_gene2vec.datasets.load_go_bp`, genes that regulate
    a process are in its set as well; here they are not. Annotations with the qualifier
    NOT are left out. An alternative id of a term, and the id of an obsolete term that
    has a replacement, stand for the present term.

    References
    ----------
    .. [1] GAF 2.2, https://geneontology.org/docs/go-annotation-file-gaf-format-2.2/

    Examples
    --------
    >>> import io
    >>> from sk_gene2vec import read_go_annotations
    >>> obo = '''
    ... [Term]
    ... id: GO:0008219
    ... name: cell death
    ... namespace: biological_process
    ...
    ... [Term]
    ... id: GO:0006915
    ... name: apoptotic process
    ... namespace: biological_process
    ... is_a: GO:0008219 ! cell death
    ... '''
    >>> fields = ["MGI", "1", "Trp53", "", "GO:0006915", "PMID:1", "IDA", "", "P"]
    >>> gaf = "\t".join([*fields, "", "", "gene", "taxon:10090", "20240101", "MGI"])
    >>> gene_sets = read_go_annotations(io.StringIO(gaf), io.StringIO(obo))
    >>> gene_sets["GOBP_CELL_DEATH"]
    ('Trp53',)
    >>> gene_sets.descriptions["GOBP_APOPTOTIC_PROCESS"]
    'GO:0006915'
    """
    if isinstance(evidence, str):
        raise TypeError(f"Expected a list of evidence codes, got {evidence!r}.")
    wanted = [row for row in _ASPECTS if aspect in (None, row[0])]
    if not wanted:
        raise ValueError(f"Expected aspect 'P', 'F', 'C' or None, got {aspect!r}.")
    prefixes = {namespace: prefix for _, namespace, prefix in wanted}
    codes = None if evidence is None else set(evidence)
    terms, present = _read_terms(read_text(obo, encoding, max_bytes))
    file = read_text(gaf, encoding, max_bytes)
    annotated = _read_annotations(file, codes)
    genes_of: dict[str, set[str]] = defaultdict(set)
    for go_id, genes in annotated.items():
        for above in _with_ancestors(present.get(go_id, go_id), terms):
            if terms[above].namespace in prefixes:
                genes_of[above] |= genes
    missing = [excerpt(go) for go in annotated if present.get(go) not in terms]
    if not genes_of:
        lacks = f" The ontology lacks {shown(missing, 3)}." if missing else ""
        kind = f"aspect {aspect!r} and evidence {excerpt(evidence)}"
        raise file.error(f"Expected annotations of {kind}, got none.{lacks}")
    if missing:
        warn(
            f"{file.where}: Annotations of {len(missing)} terms are left out, because "
            f"the ontology lacks {shown(missing, 3)}. Give an ontology that is not "
            "older than the annotations."
        )
    full = {go: f"{prefixes[terms[go].namespace]} {terms[go].name}" for go in genes_of}
    named = sorted((name, go_id) for go_id, name in name_sets(full).items())
    records = (("", name, go_id, sorted(genes_of[go_id])) for name, go_id in named)
    return build(file, records, Options("raise"))


def _read_terms(file: FileText) -> tuple[dict[str, _Term], dict[str, str]]:
    """Read GO id -> term, and any id -> id of the present term."""
    terms: dict[str, _Term] = {}
    present: dict[str, str] = {}
    for stanza in re.split(r"^\[", file.text, flags=re.MULTILINE):
        tags: dict[str, list[str]] = defaultdict(list)
        for tag, value in _TAG.findall(stanza):
            tags[tag].append(strip(_COMMENT.split(value, maxsplit=1)[0]))
        if not (stanza.startswith("Term]") and tags["id"]):
            continue
        go_id = [*tags["replaced_by"], *tags["id"]][0]
        present |= dict.fromkeys(tags["id"] + tags["alt_id"], go_id)
        if "true" not in tags["is_obsolete"]:
            name, namespace = ([*tags[tag], ""][0] for tag in ("name", "namespace"))
            terms[go_id] = _Term(
                name or go_id, namespace, tags["is_a"] + tags["part_of"]
            )
    for go_id in present:
        seen = set()  # replaced by terms that are replaced themselves
        while (at := present[go_id]) not in terms and at in present and at not in seen:
            seen.add(at)
            present[go_id] = present[at]
    if not terms:
        raise file.error("Expected an ontology in OBO format, got no line [Term].")
    return terms, present


def _read_annotations(file: FileText, codes: set[str] | None) -> dict[str, set[str]]:
    """Read GO id -> genes that are annotated to this very term."""
    genes_of: dict[str, set[str]] = defaultdict(set)
    gpad = re.search(r"^!gp[ai]d?-version: *([12])", file.text, re.MULTILINE)
    least, kind = (10, "GPAD") if gpad else (_COLUMNS, "GAF")
    for number, line in enumerate(file.lines, start=1):
        if line.startswith("!") or not strip(line):
            continue
        fields = [strip(field) for field in line.split("\t")]
        if len(fields) < least:
            raise file.error(
                f"Expected {least} or more columns of a {kind} file, got {len(fields)} "
                f"in {excerpt(line)}.",
                number,
            )
        if not gpad:
            gene, qualifiers, go_id, _, code = fields[2:7]
        elif gpad[1] == "1":
            gene, qualifiers, go_id, _, code = fields[1:6]
        else:
            # The database and its id are one field: MGI:MGI:88039.
            gene = fields[0].partition(":")[2]
            qualifiers, _, go_id, _, code = fields[1:6]
        if not gene:
            raise file.error(f"Expected a gene, got none in {excerpt(line)}.", number)
        used = code not in ("ND", "ECO:0000307") if codes is None else code in codes
        if used and "NOT" not in qualifiers.split("|"):
            genes_of[go_id].add(gene)
    return genes_of


def _with_ancestors(go_id: str, terms: Mapping[str, _Term]) -> list[str]:
    """Find the term and all terms above it in the same namespace."""
    found = dict.fromkeys([go_id] if go_id in terms else [])
    waiting = list(found)
    while waiting:
        at = terms[waiting.pop()]
        for up in at.parents:
            if up in terms and up not in found and terms[up].namespace == at.namespace:
                found[up] = None
                waiting.append(up)
    return list(found)


def name_sets(term_of: Mapping[str, str]) -> dict[str, str]:
    """Give each GO id a name in MSigDB's style.

    Terms that would share a name all get their GO number appended.

    Examples
    --------
    >>> from sk_gene2vec.gene_sets._go import name_sets
    >>> name_sets({"GO:0000460": "GOBP maturation of 5.8S rRNA"})
    {'GO:0000460': 'GOBP_MATURATION_OF_5_8S_RRNA'}
    >>> name_sets({"GO:0000001": "GOBP a-b", "GO:0000002": "GOBP a b"})
    {'GO:0000001': 'GOBP_A_B_0000001', 'GO:0000002': 'GOBP_A_B_0000002'}
    """
    names = {
        go_id: re.sub("[^A-Z0-9]+", "_", term.upper()).strip("_")
        for go_id, term in term_of.items()
    }
    uses = Counter(names.values())
    return {
        go_id: name if uses[name] == 1 else f"{name}_{go_id.removeprefix('GO:')}"
        for go_id, name in names.items()
    }
