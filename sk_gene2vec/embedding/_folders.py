"""A folder with vectors, where they come from, and a model card, to be handed on."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sk_gene2vec._utils._files import replacing
from sk_gene2vec._utils._optional import optional
from sk_gene2vec.embedding._base import GeneVectors

_Path: TypeAlias = str | PathLike[str]

_VECTORS, _RECORD, _CARD = "embedding.npy", "config.json", "README.md"
_FORMAT = "sk_gene2vec.GeneEmbedding, version 1"

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
embedding.most_similar("{gene}")
```

`embedding.npy` is a NumPy array with the fields `gene`, `vector` and, if it is known,
`n_gene_sets`, the number of gene sets of each gene; `config.json` has the facts of this
page for programs.

## Where they come from

{origin}

## How good they are

{score}

{caution}"""

_MEANING = """ Genes that are in the same
gene sets of the collection, or in similar ones, have similar vectors."""

_CAUTION = """
## Before you use them

- The vectors contain what the collection contains, including its errors. Genes that are
  studied much are in many gene sets, and the vectors encode it.
- **Leakage.** Labels made from the same gene sets, or from the same database, are in
  the vectors already: a classifier of them looks better than it is, in cross-validation
  too. Learn vectors for such a question from a collection without these gene sets.
- A gene in one or two gene sets has the vector of these sets: its neighbours can have
  similarities near 1 although little is known of it.
- A gene that is not in the collection has no vector.
"""


def to_folder(embedding: GeneVectors, folder: _Path) -> None:
    """Write vectors with their genes, the card, and the record that names both."""
    genes, vectors = embedding.genes.tolist(), embedding.vectors
    width = max(map(len, genes))
    fields: list[Any] = [("gene", f"<U{width}")]
    fields += [("vector", vectors.dtype, vectors.shape[1])]
    if embedding.n_gene_sets is not None:
        fields += [("n_gene_sets", np.int64)]
    table = np.empty(len(genes), dtype=np.dtype(fields).newbyteorder("<"))
    table["gene"], table["vector"] = genes, vectors
    if embedding.n_gene_sets is not None:
        table["n_gene_sets"] = embedding.n_gene_sets
    buffer = BytesIO()
    np.save(buffer, table)
    record = {
        "format": _FORMAT,
        "sha256": sha256(buffer.getvalue()).hexdigest(),
        "attrs": dict(embedding.attrs),
    }
    contents = {
        _VECTORS: buffer.getvalue(),
        _CARD: _card(embedding).encode(),
        # Last: it must not name vectors that are not there.
        _RECORD: json.dumps(record, indent=1).encode(),
    }
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        with replacing(folder / name) as part:
            part.write_bytes(content)


def from_folder(
    folder: _Path, max_bytes: int
) -> tuple[list[str], NDArray[Any], dict[str, Any], NDArray[Any] | None]:
    """Read genes, vectors, attrs and numbers of gene sets from a folder or URL."""
    sha, attrs = _read_record(_read(folder, _RECORD, max_bytes), folder)
    data = _read(folder, _VECTORS, max_bytes)
    found = sha256(data).hexdigest()
    if found != sha:
        raise ValueError(
            f"{folder}: {_VECTORS} is damaged, or not the one that {_RECORD} was "
            f"written with. Expected sha256 {sha}, got {found}. Get both anew."
        )
    try:
        table = np.load(BytesIO(data))
        genes, vectors = table["gene"].tolist(), np.ascontiguousarray(table["vector"])
        counts = None
        if "n_gene_sets" in (table.dtype.names or ()):
            counts = np.ascontiguousarray(table["n_gene_sets"])
    except (ValueError, LookupError, OSError, EOFError, MemoryError) as error:
        raise ValueError(
            f"{folder}: Expected {_VECTORS} as GeneEmbedding.to_folder writes it, an "
            f"array with the fields gene and vector, got another file: {error}"
        ) from error
    native = vectors.astype(vectors.dtype.newbyteorder("="), copy=False)
    return genes, native, attrs, counts


def _read(folder: _Path, name: str, max_bytes: int) -> bytes:
    opening: Callable[..., Any] = Path(folder, name).open
    if isinstance(folder, str) and "://" in folder:
        fsspec = optional("fsspec", "the folder at a URL")
        opening = partial(fsspec.open, f"{folder.rstrip('/')}/{name}")
    with opening("rb") as file:
        data: bytes = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise ValueError(
            f"{folder}: {name} has more than max_bytes={max_bytes} bytes. Raise "
            "max_bytes if you trust its origin."
        )
    return data


def _read_record(data: bytes, folder: _Path) -> tuple[str, dict[str, Any]]:
    try:
        record = json.loads(data)
        if record["format"] != _FORMAT:
            raise ValueError(f"the format {record['format']!r}")
        return record["sha256"], record["attrs"]
    # json raises a RecursionError for deeply nested text.
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        got = f"one without {error}" if isinstance(error, KeyError) else error
        raise ValueError(
            f"{folder}: Expected {_RECORD} as GeneEmbedding.to_folder writes it, of "
            f"the format {_FORMAT!r}, got {got}."
        ) from error


def _card(embedding: GeneVectors) -> str:
    """Write the model card from what the attrs say."""
    attrs = embedding.attrs
    rest = dict(attrs)
    collection, params = rest.pop("collection", {}), rest.pop("encoder_params", {})
    scores = rest.pop("held_out_scores", None)
    origin = {f"collection: {name}": value for name, value in collection.items()}
    origin |= rest | {f"`{name}`": value for name, value in params.items()}
    rows = [f"| {_cell(name)} | {_cell(value)} |" for name, value in origin.items()]
    score = "Not measured: `GeneEmbedding.from_gene_sets(..., evaluate=True)` does."
    if scores:
        score = (
            "A tenth of the memberships of every gene was deleted, and a network with "
            "the same parameters trained on the rest. These scores say how well it "
            "ranks the deleted ones. Memberships that nobody has listed yet are harder "
            "to find.\n\n| metric | score |\n|---|---|\n"
        )
        score += "\n".join(
            f"| {name} | {value:.3f} |" for name, value in scores.items()
        )
    licence = collection.get("licence")
    what = attrs.get("vectors_of", "genes")
    learned = "encoder" in attrs
    return _MODEL_CARD.format(
        n_genes=len(embedding),
        what=what,
        learned=", learned from gene sets" if learned else "",
        meaning=_MEANING if learned and what == "genes" else "",
        caution=_CAUTION if learned else "",
        n_dimensions=embedding.vectors.shape[1],
        dtype=embedding.vectors.dtype.name,
        gene=embedding.genes[0],
        licence=f"license: other\nlicense_name: {json.dumps(licence)}\n"
        if licence
        else "",
        origin="\n".join(["| | |", "|---|---|", *rows]) if rows else "Not recorded.",
        score=score,
    )


def _cell(value: Any) -> str:
    """Keep a value in its cell of a Markdown table."""
    return " ".join(str(value).split()).replace("|", "\\|")
