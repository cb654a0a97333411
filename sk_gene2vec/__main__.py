"""Gene embeddings from gene sets.

A collection is a file of gene sets in any format: GMT, GMX, GRP, JSON or a long table.
Without one, the commands take the bundled Gene Ontology. Vectors are a table (.tsv),
word2vec's text (.txt) or Parquet (.parquet). A file named - is standard input or
output, where vectors are a table.

Exit codes: 0 done, 1 the input cannot be used, 2 wrong usage.

For example:
  sk-gene2vec embed h.all.gmt -o vectors.tsv
  sk-gene2vec neighbors vectors.tsv TP53 MDM2 -k 5
  sk-gene2vec complete h.all.gmt --gene-set HALLMARK_HYPOXIA
  sk-gene2vec map vectors.tsv h.all.gmt -o map.html
  sk-gene2vec score h.all.gmt
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from itertools import chain
from pathlib import Path
from typing import Any

from sklearn.pipeline import Pipeline, make_pipeline

from sk_gene2vec import (
    GeneEmbedding,
    GeneSetEncoder,
    GeneSets,
    GmtVectorizer,
    __version__,
    read_gene_sets,
    suggest_gene_sets,
    suggest_genes,
)
from sk_gene2vec._utils._files import replacing
from sk_gene2vec._utils._genes import strip
from sk_gene2vec.datasets import load_go_bp, load_human_gene_aliases
from sk_gene2vec.encoder._model import column_of, row_of
from sk_gene2vec.gene_sets._sources import resolve_gene_sets
from sk_gene2vec.metrics import held_out_membership_scores, split_memberships
from sk_gene2vec.plotting import write_gene_map

_NAME = "sk-gene2vec"
# What the package raises for input that it cannot use.
_BAD_INPUT = (ImportError, KeyError, MemoryError, OSError, TypeError, ValueError)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line, by default with the arguments of the process.

    Returns the exit code: 0 done, 1 the input cannot be used, 130 stopped by Ctrl-C.
    """
    parser = _parser()
    args = parser.parse_args(argv)
    if [*args.inputs, *args.genes].count("-") > 1:
        parser.error("Expected - once: there is one standard input.")
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: _tell("warning", message)
            args.run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has enough, as `head` has. Python would write the rest at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130
    except _BAD_INPUT as error:
        # The text of a KeyError is the repr of its message.
        message = error.args[0] if isinstance(error, KeyError) else error
        _tell("error", str(message) or type(error).__name__)
        return 1
    return 0


def _tell(kind: str, message: object) -> None:
    print(f"{_NAME}: {kind}: {' '.join(str(message).split())}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    shape: Any = {"formatter_class": argparse.RawDescriptionHelpFormatter}
    parser = argparse.ArgumentParser(_NAME, description=__doc__, **shape)
    parser.add_argument("--version", action="version", version=f"{_NAME} {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(run: Callable[..., None], *parents: Any) -> argparse.ArgumentParser:
        text = inspect.getdoc(run) or ""  # none under python -OO
        texts = {"help": text.split("\n")[0], "description": text, **shape}
        made = commands.add_parser(run.__name__[1:], parents=parents, **texts)
        made.set_defaults(run=run, genes=[])
        return made

    named = argparse.ArgumentParser(add_help=False)
    text = "other names of genes: human (bundled), or a table with a header and two "
    text += "columns, name and gene"
    named.add_argument("--aliases", metavar="human|FILE", help=text)

    top = argparse.ArgumentParser(add_help=False)
    text = "number of each (default 10)"
    top.add_argument("-k", metavar="N", type=_number, default=10, help=text)

    add = command(_embed, _training(), named).add_argument
    add("--genes", metavar="FILE", nargs=1, help="write these alone, one a line")
    text = "vectors to write (default -)"
    add("-o", "--output", metavar="FILE", type=_vectors, default="-", help=text)

    add = command(_neighbors, top).add_argument
    add("inputs", metavar="vectors", nargs=1, type=_vectors)
    add("genes", metavar="gene", nargs="+", help="- reads genes, one a line")

    complete = command(_complete, _training(), named, top)
    add = complete.add_mutually_exclusive_group(required=True).add_argument
    add("--gene-set", metavar="NAME", help="suggest genes of this gene set")
    add("--gene", metavar="NAME", help="suggest gene sets of this gene")
    text = "suggest genes that go with these, one a line"
    add("--genes", metavar="FILE", nargs=1, help=text)

    add = command(_map, _training(), named).add_argument
    add("--method", default="auto", help="layout: auto (default), umap, tsne, pca")
    add("-o", "--output", metavar="FILE", required=True, help="web page to write")

    command(_score, _training())
    return parser


def _training() -> argparse.ArgumentParser:
    """Build the arguments of the commands that fit an encoder."""
    parser = argparse.ArgumentParser(add_help=False)
    add = parser.add_argument
    add("inputs", metavar="collection", nargs="*")
    text = "put the name of its file before the name of every gene set"
    add("--prefix-names", action="store_true", help=text)
    width = GeneSetEncoder().embedding_dim
    text = f"length of a vector (default {width})"
    add("--embedding-dim", metavar="N", type=int, default=width, help=text)
    add("--seed", metavar="N", type=int, default=0, help="0 (default) or greater")
    text = "another parameter of GeneSetEncoder; may be repeated"
    more: dict[str, Any] = {"type": _setting, "action": "append", "default": []}
    add("--set", metavar="NAME=VALUE", help=text, **more)
    return parser


def _number(text: str) -> int:
    if not (text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"Expected 1 or more, got {text!r}.")
    return int(text)


def _vectors(path: str) -> str:
    if _ending(path) not in _FORMATS:
        wanted = f"Expected a file that ends in {', '.join(_FORMATS)}"
        raise argparse.ArgumentTypeError(f"{wanted}, got {path!r}.")
    return path


def _ending(path: str) -> str:
    return ".tsv" if path == "-" else Path(path).suffix


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"Expected NAME=VALUE, got {text!r}.")
    try:
        return name, ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return name, value  # a text without quotes, as in activation=tanh


def _embed(args: argparse.Namespace) -> None:
    """Learn a vector for every gene of a collection.

    For example:
      sk-gene2vec embed h.all.gmt -o vectors.parquet
      sk-gene2vec embed h.all.gmt c2.cp.gmt --embedding-dim 50 --set max_epochs=40
      zcat sets.gmt.gz | sk-gene2vec embed - --genes my_genes.txt > vectors.tsv
      sk-gene2vec embed h.all.gmt --genes ensembl_ids.txt --aliases human > vectors.tsv
    """
    genes = _listed(args.genes[0]) if args.genes else None
    # Before the training: the folder may not exist.
    with nullcontext("-") if args.output == "-" else replacing(args.output) as target:
        embedding = _vectors_of(_collection(args), args, genes)
        _FORMATS[_ending(args.output)][1](embedding, target)


def _neighbors(args: argparse.Namespace) -> None:
    """List the genes nearest to each gene, with cosine similarities.

    For example:
      sk-gene2vec neighbors vectors.tsv TP53 MDM2 -k 5
      sk-gene2vec neighbors vectors.parquet - < my_genes.txt > neighbors.tsv
    """
    given = (_listed(gene) if gene == "-" else [gene] for gene in args.genes)
    embedding = _FORMATS[_ending(args.inputs[0])][0](args.inputs[0])
    _write_table(embedding.neighbors(chain.from_iterable(given), topn=args.k))


def _complete(args: argparse.Namespace) -> None:
    """Suggest probable memberships that a collection does not list.

    For example:
      sk-gene2vec complete h.all.gmt --gene-set HALLMARK_HYPOXIA -k 20
      sk-gene2vec complete --gene TP53
      sk-gene2vec complete c2.all.gmt --genes my_genes.txt --aliases human
    """
    vectorizer = _vectorizer(args, _collection(args))
    # Names are checked before the training, which takes long.
    if args.gene is not None:
        row_of(args.gene, vectorizer)
        found = suggest_gene_sets(_fit(args, vectorizer), args.gene, args.k)
    elif args.genes:
        genes = _listed(args.genes[0])
        _check_some(vectorizer, genes)
        found = suggest_genes(_fit(args, vectorizer), genes, args.k)
    else:
        column_of(args.gene_set, vectorizer)
        found = suggest_genes(_fit(args, vectorizer), args.gene_set, args.k)
    _write_table(found)


def _map(args: argparse.Namespace) -> None:
    """Draw genes as an interactive web page.

    The first file may be vectors, told by its ending. Collections then name their gene
    sets. Otherwise the vectors are learned from the collections.

    For example:
      sk-gene2vec map vectors.tsv h.all.gmt -o map.html
      sk-gene2vec map h.all.gmt -o map.html
    """
    first, *others = args.inputs or [""]
    with replacing(args.output) as part:
        if _ending(first) in _FORMATS:
            embedding, args.inputs = _FORMATS[_ending(first)][0](first), others
            gene_sets = _collection(args) if others else None
        else:
            gene_sets = _collection(args)
            embedding = _vectors_of(gene_sets, args)
        options = {"method": args.method, "random_state": args.seed}
        options["aliases"] = _aliases(args.aliases, list(embedding.genes))
        write_gene_map(embedding, part, gene_sets=gene_sets, **options)


def _score(args: argparse.Namespace) -> None:
    """Score how memberships are found that the training has not seen, as JSON.

    A tenth of the memberships of every gene is hidden. The output is one line.

    For example:
      sk-gene2vec score h.all.gmt
      sk-gene2vec score h.all.gmt --set max_epochs=40 >> scores.jsonl
    """
    gene_sets = _collection(args)
    X = GmtVectorizer(gene_sets).fit_transform(gene_sets.genes)
    visible, hidden = split_memberships(X, random_state=args.seed)
    encoder = _encoder(args).fit(visible)
    metrics = ["ndcg@100", "recall@100", "auroc"]
    scores = held_out_membership_scores(encoder, visible, hidden, metrics=metrics)
    about = {"sk_gene2vec": __version__, "collection": dict(gene_sets.attrs)}
    about |= {"n_genes": X.shape[0], "n_gene_sets": X.shape[1], "seed": args.seed}
    about |= {"embedding_dim": encoder.embedding_dim, "set": dict(args.set)}
    print(json.dumps(about | scores))


def _collection(args: argparse.Namespace) -> GeneSets:
    given = [
        read_gene_sets(sys.stdin.buffer) if path == "-" else path
        for path in args.inputs
    ]
    one = given[0] if len(given) == 1 else given or load_go_bp()
    return resolve_gene_sets(one, prefix_names=args.prefix_names)


def _encoder(args: argparse.Namespace) -> GeneSetEncoder:
    encoder = GeneSetEncoder(args.embedding_dim, random_state=args.seed)
    return encoder.set_params(**dict(args.set))


def _vectorizer(args: argparse.Namespace, gene_sets: GeneSets) -> GmtVectorizer:
    aliases = _aliases(args.aliases, gene_sets.genes)
    return GmtVectorizer(gene_sets, aliases=aliases).fit(gene_sets.genes)


def _fit(args: argparse.Namespace, vectorizer: GmtVectorizer) -> Pipeline:
    """Fit the encoder on all genes of the fitted vectorizer."""
    encoder = _encoder(args).fit(vectorizer.transform(vectorizer.genes_))
    return make_pipeline(vectorizer, encoder)


def _vectors_of(
    gene_sets: GeneSets, args: argparse.Namespace, genes: list[str] | None = None
) -> GeneEmbedding:
    vectorizer = _vectorizer(args, gene_sets)
    if genes is not None:
        _check_some(vectorizer, genes)
    return GeneEmbedding.from_pipeline(_fit(args, vectorizer), genes)


def _check_some(vectorizer: GmtVectorizer, genes: list[str]) -> None:
    """Refuse a list without a gene of the collection before training."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what comes behind the training warns again
        vectorizer.gene_index_.rows_of_list(genes)


def _aliases(given: str | None, genes: list[str]) -> Any:
    if given is None:
        return None
    if given == "human":
        return load_human_gene_aliases(genes, ids=True)
    import pandas as pd

    table = pd.read_csv(given, sep="\t", dtype=str, na_filter=False)
    if not set(genes).isdisjoint(table.columns):
        wanted = "Expected a first line with the names of the columns"
        raise ValueError(f"{given}: {wanted}, got {' and '.join(table.columns)}.")
    return table


def _listed(path: str) -> list[str]:
    text = sys.stdin.read() if path == "-" else Path(path).read_text("utf-8")
    return list(dict.fromkeys(filter(None, map(strip, text.splitlines()))))


def _read_table(path: str) -> GeneEmbedding:
    import pandas as pd

    source = sys.stdin if path == "-" else path
    try:
        # As text: NA and 7157 are genes.
        frame = pd.read_csv(
            source, sep="\t", index_col=0, converters={0: str}, na_filter=False
        )
        return GeneEmbedding.from_frame(frame)
    except (TypeError, ValueError) as error:
        wanted = f"Expected a table of vectors, as `{_NAME} embed` writes it"
        raise ValueError(f"{path}: {wanted}, got: {error}") from error


def _write_table(table: Any, path: str = "-", *, index: bool = False) -> None:
    target = sys.stdout if path == "-" else path
    table.to_csv(target, sep="\t", index=index, lineterminator="\n")


# How to read and to write vectors.
_FORMATS: dict[str, tuple[Callable[..., GeneEmbedding], Callable[..., None]]] = {
    ".tsv": (_read_table, lambda x, path: _write_table(x.to_frame(), path, index=True)),
    ".txt": (GeneEmbedding.from_word2vec, GeneEmbedding.to_word2vec),
    ".parquet": (GeneEmbedding.from_parquet, GeneEmbedding.to_parquet),
}

if __name__ == "__main__":
    sys.exit(main())
