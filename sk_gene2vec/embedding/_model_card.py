"""The model card of a folder with vectors: what the attrs say, for readers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sk_gene2vec.embedding._embedding import GeneEmbedding

_MEASURED = """\
A tenth of the memberships of every gene was deleted, and a network with the same
parameters trained on the rest. These scores say how well it ranks the deleted ones.
Memberships that nobody has listed yet are harder to find.

"""


def model_card(embedding: GeneEmbedding) -> str:
    """Write the card, with all attrs, also those that `from_gene_sets` does not set."""
    attrs = dict(embedding.attrs)
    scores, collection = attrs.pop("held_out_scores", None), attrs.get("collection")
    licence = collection.get("licence") if isinstance(collection, Mapping) else None
    named = f"license: other\nlicense_name: {json.dumps(licence)}\n"
    path = files("sk_gene2vec.embedding") / "templates" / "model_card.md"
    template = path.read_text(encoding="utf-8")
    if "encoder" not in attrs:
        template, _, _ = template.partition("\n## Before you use them")
    return Template(template).substitute(
        n_genes=f"{len(embedding):,}",
        what=_cell(attrs.get("vectors_of", "genes")),
        n_dimensions=embedding.vectors.shape[1],
        dtype=embedding.vectors.dtype,
        gene=json.dumps(embedding.genes[0], ensure_ascii=False),
        licence=named if licence else "",
        origin=_table(attrs) if attrs else "Not recorded.",
        score=_MEASURED + _table({"held_out_scores": scores})
        if scores
        else "Not measured: `GeneEmbedding.from_gene_sets(..., evaluate=True)` does.",
    )


def _table(attrs: Mapping[str, object]) -> str:
    """Write a Markdown table with a row for each value; mappings have several."""
    rows: dict[str, object] = {}
    for name, value in attrs.items():
        if isinstance(value, Mapping):
            rows |= {f"{name}: {key}": entry for key, entry in value.items()}
        else:
            rows[name] = value
    lines = [f"| {_cell(name)} | {_cell(value)} |" for name, value in rows.items()]
    return "\n".join(["| | |", "|---|---|", *lines])


def _cell(value: object) -> str:
    """Keep a value in its cell of a Markdown table."""
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return " ".join(text.split()).replace("|", "\\|")
