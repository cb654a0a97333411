"""Gene embeddings from gene sets.

A collection is a file of gene sets in any format: GMT, GMX, GRP, JSON or a long table.
Without one, the commands take the bundled Gene Ontology. Vectors are a table (.tsv) or
word2vec's text (.txt). A file named - is standard input or output, where vectors are a
table.

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
import io
import json
import os
import sys
import warnings
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import cache
from itertools import chain
from pathlib import Path
from typing import BinaryIO, TypeAlias

import pandas as pd
from sklearn.pipeline import Pipeline, make_pipeline

from sk_gene2vec import GeneEmbedding, GeneSetEncoder, GmtVectorizer, __version__
from sk_gene2vec._utils._files import replacing
from sk_gene2vec._utils._genes import strip
from sk_gene2vec._utils._optional import optional
from sk_gene2vec.datasets import GeneAliases, load_go_bp, load_human_gene_aliases
from sk_gene2vec.embedding._tables import has_vectors
from sk_gene2vec.encoder import suggest_gene_sets, suggest_genes
from sk_gene2vec.encoder._model import column_of, row_of
from sk_gene2vec.gene_sets import GeneSets, read_gene_sets
from sk_gene2vec.gene_sets._reading import MAX_BYTES, read_text
from sk_gene2vec.gene_sets._sources import resolve_gene_sets
from sk_gene2vec.metrics import held_out_membership_scores, split_memberships
from sk_gene2vec.plotting import write_gene_map

_NAME = "sk-gene2vec"
# Errors for input that cannot be used.
_UNUSABLE = (ImportError, KeyError, MemoryError, OSError, TypeError, ValueError)
# Size of a table of aliases, many times that of all names of human genes.
_MAX_BYTES = 2**26
_Command: TypeAlias = Callable[[Namespace], None]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line, by default with the arguments of the process.

    Returns the exit code: 0 done, 1 the input cannot be used, 130 stopped by Ctrl-C.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    parser = _parser()
    args = parser.parse_args(argv)
    if [*args.inputs, *args.genes, args.aliases].count("-") > 1:
        parser.error("Expected - once: there is one standard input.")
    try:
        if args.output == "-" and sys.stdout is None:
            raise OSError("Expected an open standard output, got a closed one.")
        with warnings.catch_warnings():
            tell_once = cache(_tell)
            warnings.showwarning = lambda text, *_: tell_once("warning", str(text))
            args.run(args)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        # The reader has enough, as `head` has. Python would write the rest at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130
    except (OverflowError, *_UNUSABLE) as error:
        # The text of a KeyError is the repr of its message.
        message = error.args[0] if isinstance(error, KeyError) else error
        _tell("error", str(message) or type(error).__name__)
        return 1
    return 0


def _tell(kind: str, message: str) -> None:
    if sys.stderr is not None:
        print(f"{_NAME}: {kind}: {' '.join(message.split())}", file=sys.stderr)


def _parser() -> ArgumentParser:
    shape = argparse.RawDescriptionHelpFormatter
    parser = ArgumentParser(_NAME, description=__doc__, formatter_class=shape)
    parser.add_argument("--version", action="version", version=f"{_NAME} {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(run: _Command, *parents: ArgumentParser) -> ArgumentParser:
        name, text = run.__name__[1:], inspect.getdoc(run) or ""  # none under -OO
        line = text.split("\n")[0]
        made = commands.add_parser(name, parents=parents, help=line, description=text)
        made.formatter_class = shape
        made.set_defaults(run=run, genes=[], aliases=None, output="-")
        return made

    named = ArgumentParser(add_help=False)
    text = "other names of genes: human (bundled), or a table with a header: name, gene"
    named.add_argument("--aliases", metavar="human|FILE", help=text)

    top = ArgumentParser(add_help=False)
    text = "number of each (default 10)"
    top.add_argument("-k", metavar="N", type=_number, default=10, help=text)

    add = command(_embed, _training(), named).add_argument
    add("--genes", metavar="FILE", nargs=1, help="write these alone, one per line")
    text = "vectors to write (default -)"
    add("-o", "--output", metavar="FILE", type=_vectors, default="-", help=text)

    add = command(_neighbors, top).add_argument
    add("inputs", metavar="vectors", nargs=1, type=_vectors)
    add("genes", metavar="gene", nargs="+", help="- reads genes, one per line")

    complete = command(_complete, _training(), named, top)
    add = complete.add_mutually_exclusive_group(required=True).add_argument
    add("--gene-set", metavar="NAME", help="suggest genes of this gene set")
    add("--gene", metavar="NAME", help="suggest gene sets of this gene")
    text = "suggest genes that go with these, one per line"
    add("--genes", metavar="FILE", nargs=1, help=text)

    add = command(_map, _training(), named).add_argument
    methods = ["auto", "umap", "tsne", "pca"]
    add("--method", choices=methods, default="auto", help="layout (default auto)")
    add("-o", "--output", metavar="FILE", required=True, help="web page to write")

    command(_score, _training())
    return parser


def _training() -> ArgumentParser:
    """Build the arguments of the commands that fit an encoder."""
    parser = ArgumentParser(add_help=False)
    add = parser.add_argument
    add("inputs", metavar="collection", nargs="*")
    add("--prefix-names", action="store_true", help="put file names before set names")
    width = GeneSetEncoder().embedding_dim
    text = f"length of a vector (default {width})"
    add("--embedding-dim", metavar="N", type=int, default=width, help=text)
    add("--seed", metavar="N", type=int, default=0, help="0 (default) or greater")
    text = "another parameter of GeneSetEncoder; may be repeated"
    shape = "NAME=VALUE"
    add("--set", metavar=shape, type=_setting, action="append", default=[], help=text)
    return parser


def _number(text: str) -> int:
    if not (text.isdecimal() and int(text)):
        raise ArgumentTypeError(f"Expected 1 or more, got {text!r}.")
    return int(text)


def _vectors(path: str) -> str:
    if path != "-" and not path.endswith((".tsv", ".txt")):
        wanted = "Expected a file that ends in .tsv or .txt"
        raise ArgumentTypeError(f"{wanted}, got {path!r}.")
    return path


def _setting(text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ArgumentTypeError(f"Expected NAME=VALUE, got {text!r}.")
    if name == "callbacks":
        raise ArgumentTypeError("Callbacks can be set in Python only.")
    try:
        return name, ast.literal_eval(value)
    except (MemoryError, RecursionError, SyntaxError, TypeError, ValueError):
        return name, value  # a text without quotes, as in activation=tanh


def _embed(args: Namespace) -> None:
    """Learn a vector for every gene of a collection.

    For example:
      sk-gene2vec embed h.all.gmt -o vectors.tsv
      sk-gene2vec embed h.all.gmt c2.cp.gmt --embedding-dim 50 --set max_epochs=40
      zcat sets.gmt.gz | sk-gene2vec embed - --genes my_genes.txt > vectors.tsv
      sk-gene2vec embed h.all.gmt --genes ensembl_ids.txt --aliases human > vectors.tsv
    """
    genes = _listed(args.genes[0]) if args.genes else None
    # Fail before the training if the output cannot be written.
    with nullcontext("-") if args.output == "-" else replacing(args.output) as target:
        vectorizer = _vectorizer(args)
        if genes:
            vectorizer.gene_index_.rows_of_list(genes)  # before the training
        embedding = GeneEmbedding.from_pipeline(_fit(args, vectorizer), genes)
        if args.output.endswith(".txt"):
            embedding.to_word2vec(target)
        else:
            _write_table(embedding.to_frame().reset_index(), target)


def _neighbors(args: Namespace) -> None:
    """List the genes nearest to each gene, with cosine similarities.

    For example:
      sk-gene2vec neighbors vectors.tsv TP53 MDM2 -k 5
      sk-gene2vec neighbors vectors.tsv - < my_genes.txt > neighbors.tsv
    """
    given = (_listed(gene) if gene == "-" else [gene] for gene in args.genes)
    embedding = _read_vectors(args.inputs[0])
    _write_table(embedding.neighbors(chain.from_iterable(given), topn=args.k))


def _complete(args: Namespace) -> None:
    """Suggest probable memberships that a collection does not list.

    For example:
      sk-gene2vec complete h.all.gmt --gene-set HALLMARK_HYPOXIA -k 20
      sk-gene2vec complete --gene TP53
      sk-gene2vec complete c2.all.gmt --genes my_genes.txt --aliases human
    """
    vectorizer = _vectorizer(args)
    # Names are checked before the training, which takes long.
    if args.gene is not None:
        row_of(args.gene, vectorizer)
        found = suggest_gene_sets(_fit(args, vectorizer), args.gene, args.k)
    elif args.genes:
        genes = _listed(args.genes[0])
        vectorizer.gene_index_.rows_of_list(genes)
        found = suggest_genes(_fit(args, vectorizer), genes, args.k)
    else:
        column_of(args.gene_set, vectorizer)
        found = suggest_genes(_fit(args, vectorizer), args.gene_set, args.k)
    _write_table(found)


def _map(args: Namespace) -> None:
    """Draw genes as an interactive web page.

    The first file may have vectors. Collections then name their gene sets. Otherwise
    the vectors are learned from the collections.

    For example:
      sk-gene2vec map vectors.tsv h.all.gmt -o map.html
      sk-gene2vec map h.all.gmt -o map.html
    """
    if args.method == "umap":
        optional("umap", "--method umap", "plot")
    first, *others = args.inputs or [""]
    with replacing(args.output) as part:
        if first == "-" or has_vectors(first):
            embedding, args.inputs = _read_vectors(first), others
            gene_sets = _collection(args) if others else None
        else:
            vectorizer = _vectorizer(args)
            embedding = GeneEmbedding.from_pipeline(_fit(args, vectorizer))
            gene_sets = vectorizer.gene_sets_
        options = {"method": args.method, "random_state": args.seed}
        options["aliases"] = _aliases(args.aliases, list(embedding.genes))
        write_gene_map(embedding, part, gene_sets=gene_sets, **options)


def _score(args: Namespace) -> None:
    """Score how well hidden memberships are found, as JSON.

    A tenth of the memberships of every gene is hidden from the training. The output is
    one line.

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


def _collection(args: Namespace) -> GeneSets:
    given: list[str | GeneSets] = []
    for path in args.inputs:
        if has_vectors(path):
            wanted = "Expected a collection, got vectors, which map takes first"
            raise ValueError(f"{path}: {wanted}.")
        given.append(read_gene_sets(_open(path)) if path == "-" else path)
    one = given[0] if len(given) == 1 else given or load_go_bp()
    return resolve_gene_sets(one, prefix_names=args.prefix_names)


def _encoder(args: Namespace) -> GeneSetEncoder:
    encoder = GeneSetEncoder(args.embedding_dim, random_state=args.seed)
    return encoder.set_params(**dict(args.set))


def _vectorizer(args: Namespace) -> GmtVectorizer:
    gene_sets = _collection(args)
    aliases = _aliases(args.aliases, gene_sets.genes)
    return GmtVectorizer(gene_sets, aliases=aliases).fit(gene_sets.genes)


def _fit(args: Namespace, vectorizer: GmtVectorizer) -> Pipeline:
    """Fit the encoder on all genes of the fitted vectorizer."""
    encoder = _encoder(args).fit(vectorizer.transform(vectorizer.genes_))
    return make_pipeline(vectorizer, encoder)


def _aliases(given: str | None, genes: list[str]) -> GeneAliases | pd.DataFrame | None:
    if given is None:
        return None
    if given == "human":
        return load_human_gene_aliases(genes, ids=True)
    table = pd.read_csv(_text(given, _MAX_BYTES), sep="\t", dtype=str, na_filter=False)
    if table.shape[1] != 2 or not set(genes).isdisjoint(table.columns):
        wanted = "Expected a first line with the names of the two columns"
        raise ValueError(f"{given}: {wanted}, got {' and '.join(table.columns)}.")
    return table


def _open(path: str) -> BinaryIO:
    if path != "-":
        return Path(path).open("rb")
    if sys.stdin is None:
        raise OSError("Expected an open standard input, got a closed one.")
    return sys.stdin.buffer


def _text(path: str, max_bytes: int = MAX_BYTES) -> io.StringIO:
    """Read a whole file, as pandas opens URLs and unpacks without a limit."""
    with _open(path) as file:
        return io.StringIO(read_text(file, "utf-8", max_bytes).text)


def _listed(path: str) -> list[str]:
    genes = list(dict.fromkeys(filter(None, map(strip, _text(path)))))
    if not genes:
        raise ValueError(f"{path}: Expected genes, one per line, got none.")
    return genes


def _read_vectors(path: str) -> GeneEmbedding:
    if path.endswith(".txt"):
        return GeneEmbedding.from_word2vec(path)
    try:
        # NA and 7157 are genes.
        frame = pd.read_csv(
            _text(path), sep="\t", index_col=0, converters={0: str}, na_filter=False
        )
        return GeneEmbedding.from_frame(frame)
    except (TypeError, ValueError) as error:
        wanted = f"Expected a table of vectors, as `{_NAME} embed` writes it"
        raise ValueError(f"{path}: {wanted}, got: {error}") from error


def _write_table(table: pd.DataFrame, path: str | Path = "-") -> None:
    target = sys.stdout if path == "-" else path
    table.to_csv(target, sep="\t", index=False, lineterminator="\n")


if __name__ == "__main__":
    sys.exit(main())
