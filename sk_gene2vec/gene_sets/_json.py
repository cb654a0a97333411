"""JSON as from MSigDB: an object of gene sets by name."""

import json
from collections.abc import Iterator
from typing import Any

from sk_gene2vec._utils._genes import strip
from sk_gene2vec._utils._messages import excerpt
from sk_gene2vec.gene_sets._gene_sets import GeneSets
from sk_gene2vec.gene_sets._parsing import Options, Record, build
from sk_gene2vec.gene_sets._reading import FileText

_GENES = "geneSymbols"


def looks_like_json(file: FileText) -> bool:
    """Tell whether the text starts with a brace."""
    return strip(file.lines[file.start]).startswith("{")


def parse_json(file: FileText, options: Options) -> GeneSets:
    """Build the gene sets of JSON text."""
    try:
        found = json.loads(file.text, object_pairs_hook=_Pairs)
    except json.JSONDecodeError as error:
        raise file.error(f"Damaged JSON file ({error.msg}).", error.lineno) from None
    except (RecursionError, ValueError) as error:
        raise file.error(f"Damaged JSON file ({error}).") from None
    if not isinstance(found, _Pairs):
        raise file.error("Expected a JSON object, gene sets by name.")
    return build(file, _records(file, found), options)


def _records(file: FileText, entries: "_Pairs") -> Iterator[Record[list[str]]]:
    for number, (name, entry) in enumerate(entries, start=1):
        about = dict(entry) if isinstance(entry, _Pairs) else {_GENES: entry}
        genes = about.get(_GENES)
        if type(genes) is not list:
            raise file.error(
                f"Gene set {excerpt(name)}: Expected its genes as a list, {_GENES!r}, "
                f"got {excerpt(str(list(about)))}."
            )
        yield f"entry {number}", name, about.get("msigdbURL") or "", genes


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as a list of pairs, which keeps repeated names."""
