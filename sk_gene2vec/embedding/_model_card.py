"""The model card of a folder with vectors: what the attrs say, for readers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sk_gene2vec.embedding._embedding import GeneEmbedding

_MODEL_CARD = """\
---
library_name: sk-gene2vec
tags: [biology, genomics, gene-embeddings, gene-sets]
{licence}---

# Vectors of {n_genes:,} {what}{learned}

{n_genes:,} {what}, {n_dimensions} numbers each ({dtype}).{meaning}

```python
from sk_gene2vec import GeneEmbedding

embedding = GeneEmbedding.from_folder("path or URL of this folder")
embedding.most_similar({gene})
```

`vectors.npy` is a NumPy matrix. `genes.tsv` has the names of its rows and, if it is
known, the number of gene sets of each. `config.json` has the facts of this page for
programs.

## Where they come from

{origin}

## How good they are

{score}

{caution}"""

_MEANING = """ Genes that are in the same
gene sets of the collection, or in similar ones, have similar vectors."""

_CAUTION = """
## Before you use them

- The vectors contain what the collection contains, including its errors. Well-studied
  genes are in many gene sets, and the vectors encode how well a gene is studied.
- **Leakage.** Labels made from the same gene sets, or from the same database, are in
  the vectors already: a classifier of them looks better than it is, in cross-validation
  too. Learn vectors for such a question from a collection without these gene sets.
- A gene in one or two gene sets has the vector of these sets: its neighbours can have
  similarities near 1 although little is known of it.
- A gene that is not in the collection has no vector.
"""

_MEASURED = """\
A tenth of the memberships of every gene was deleted, and a network with the same
parameters trained on the rest. These scores say how well it ranks the deleted ones.
Memberships that nobody has listed yet are harder to find.

| metric | score |
|---|---|
"""


def model_card(embedding: GeneEmbedding) -> str:
    """Write the card; attrs that `from_gene_sets` would not write are rows as well."""
    attrs = embedding.attrs
    collection, params = attrs.get("collection"), attrs.get("encoder_params")
    origin = _named("collection: {}", "collection", collection)
    special = ("collection", "encoder_params", "held_out_scores")
    origin |= {name: value for name, value in attrs.items() if name not in special}
    origin |= _named("`{}`", "encoder_params", params)
    rows = [f"| {_cell(name)} | {_cell(value)} |" for name, value in origin.items()]
    licence = collection.get("licence") if isinstance(collection, dict) else None
    what = attrs.get("vectors_of")
    what = _cell(what) if isinstance(what, str) else "genes"
    is_learned = "encoder" in attrs
    return _MODEL_CARD.format(
        n_genes=len(embedding),
        what=what,
        learned=", learned from gene sets" if is_learned else "",
        meaning=_MEANING if is_learned and what == "genes" else "",
        caution=_CAUTION if is_learned else "",
        n_dimensions=embedding.vectors.shape[1],
        dtype=embedding.vectors.dtype.name,
        gene=json.dumps(embedding.genes[0], ensure_ascii=False),
        licence=f"license: other\nlicense_name: {json.dumps(licence)}\n"
        if licence
        else "",
        origin="\n".join(["| | |", "|---|---|", *rows]) if rows else "Not recorded.",
        score=_score(attrs.get("held_out_scores")),
    )


def _named(template: str, name: str, value: object) -> dict[str, object]:
    """Name the entries of a mapping, or another value but None; empty for None."""
    if isinstance(value, Mapping):
        return {template.format(key): entry for key, entry in value.items()}
    return {} if value is None else {name: value}


def _score(scores: object) -> str:
    """Write a table of the scores that are numbers, or say that there are none."""
    named = _named("{}", "score", scores)
    rows = [
        f"| {_cell(name)} | {f'{value:.3f}' if isinstance(value, float) else value} |"
        for name, value in named.items()
        if isinstance(value, int | float)
    ]
    if not rows:
        return "Not measured: `GeneEmbedding.from_gene_sets(..., evaluate=True)` does."
    return _MEASURED + "\n".join(rows)


def _cell(value: object) -> str:
    """Keep a value in its cell of a Markdown table."""
    return " ".join(str(value).split()).replace("|", "\\|")
