"""Commands and options, and the types of their values."""

from __future__ import annotations

import argparse
import ast
import inspect
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

from sk_gene2vec import GeneSetEncoder, __version__
from sk_gene2vec.cli import _commands as commands

NAME = "sk-gene2vec"
_Command: TypeAlias = Callable[[Namespace], None]


def build_parser(description: str | None) -> ArgumentParser:
    """Build the parser of all commands."""
    look = argparse.RawDescriptionHelpFormatter
    parser = ArgumentParser(NAME, description=description, formatter_class=look)
    parser.add_argument("--version", action="version", version=f"{NAME} {__version__}")
    subparsers = parser.add_subparsers(required=True, metavar="command")

    def command(name: str, run: _Command, *parents: ArgumentParser) -> ArgumentParser:
        text = inspect.getdoc(run) or ""  # none under -OO
        line = text.split("\n")[0]
        made = subparsers.add_parser(name, parents=parents, help=line, description=text)
        made.formatter_class = look
        made.set_defaults(run=run, error=made.error, inputs=[], names=[], genes=[])
        made.set_defaults(aliases=None, column=None, model=None, output="-")
        made.set_defaults(labels=None, label_columns=None)
        return made

    reading, training, asking = _reading(), _training(), _asking()

    add = command("fit", commands.fit, reading, training).add_argument
    add("-o", "--output", metavar="FILE", required=True, help="model to write")

    add = command("embed", commands.embed, asking, _lists()).add_argument
    text = "vectors to write (default -)"
    add("-o", "--output", metavar="FILE", type=_vectors, default="-", help=text)

    neighbors = command("neighbors", commands.neighbors, _lists())
    text = "vectors, except with --model; then genes"
    neighbors.add_argument("names", metavar="name", nargs="*", help=text)
    neighbors.add_argument("--model", metavar="FILE", help="model of fit")

    complete = command("complete", commands.complete, asking, _lists())
    for option, text in (
        ("--gene-set", "suggest genes of this gene set; may be repeated"),
        ("--gene", "suggest gene sets of this gene; may be repeated"),
    ):
        complete.add_argument(
            option, metavar="NAME", action="append", default=[], help=text
        )

    nearest = command("nearest", commands.nearest, asking, _lists())
    for ranked in (neighbors, complete, nearest):
        text = "number of each (default 10)"
        ranked.add_argument("-k", metavar="N", type=_number, default=10, help=text)

    add = command("group", commands.group, reading, _lists("--gene-sets")).add_argument
    text = "least similarity of near copies (default 0.5)"
    add("--threshold", metavar="X", type=float, default=0.5, help=text)

    add = command("map", commands.draw_map, asking, _labels()).add_argument
    methods = ["auto", "umap", "tsne", "pca"]
    add("--method", choices=methods, default="auto", help="layout (default auto)")
    add("-o", "--output", metavar="FILE", required=True, help="web page to write")

    command("score", commands.score, reading, training)
    return parser


def _labels() -> ArgumentParser:
    """Options of labels to colour by."""
    parser = ArgumentParser(add_help=False)
    text = "genes and labels to colour by; text and up to 20 integers are categories"
    parser.add_argument("--labels", metavar="FILE", help=text)
    text = "the two columns of --labels, by their names or numbers from 0"
    shape = "GENE,LABEL"
    columns = partial(_columns, shape=shape)
    parser.add_argument("--label-columns", metavar=shape, type=columns, help=text)
    return parser


def check_usage(args: Namespace) -> None:
    """End with exit code 2 if arguments contradict each other."""
    given = [*args.inputs, *args.names, *args.genes, args.aliases, args.model]
    given.append(args.labels)
    if given.count("-") > 1:
        args.error("Expected - once: there is one standard input.")
    read = {Path(path).absolute() for path in given if path not in (None, "-")}
    if args.output != "-" and Path(args.output).absolute() in read:
        args.error(f"Expected another file to write than to read, got {args.output}.")
    if args.output == "-" and args.run in (commands.fit, commands.draw_map):
        args.error("Expected a file to write, got standard output.")
    if args.column is not None and not args.genes:
        args.error("Expected a file to take the --column from.")
    if args.label_columns is not None and args.labels is None:
        args.error("Expected --labels, the file to take the --label-columns from.")
    own = vars(_reading().parse_args([])) | vars(_training().parse_args([]))
    if args.run is commands.draw_map:
        del own["seed"]  # the layout has one, too
    if args.model and any(getattr(args, name, own[name]) != own[name] for name in own):
        args.error(
            "Expected --model alone, as it has a collection and its training. Genes "
            "come by --gene, --gene-set or --genes."
        )


def _reading() -> ArgumentParser:
    """Build the arguments of the commands that read collections."""
    parser = ArgumentParser(add_help=False)
    add = parser.add_argument
    add("inputs", metavar="collection", nargs="*")
    add("--prefix-names", action="store_true", help="put file names before set names")
    text = "names of a table's columns, or their numbers from 0"
    add("--columns", metavar="GENE_SET,GENE", type=_columns, help=text)
    add("--sep", metavar="TEXT", help="what divides several genes in one field")
    text = "take repeated gene sets together, or only the first"
    choices = ["merge", "first"]
    add("--on-duplicate", choices=choices, default="raise", help=text)
    return parser


def _training() -> ArgumentParser:
    """Build the arguments of the commands that fit an encoder."""
    parser = ArgumentParser(add_help=False)
    add = parser.add_argument
    width = GeneSetEncoder().embedding_dim
    text = f"length of a vector (default {width})"
    add("--embedding-dim", metavar="N", type=int, default=width, help=text)
    add("--seed", metavar="N", type=int, default=0, help="0 (default) or greater")
    text = "another parameter of GeneSetEncoder; may be repeated"
    shape = "NAME=VALUE"
    add("--set", metavar=shape, type=_setting, action="append", default=[], help=text)
    return parser


def _asking() -> ArgumentParser:
    """Build the arguments of the commands that take a model or fit an encoder."""
    parser = ArgumentParser(add_help=False, parents=[_reading(), _training()])
    text = "model of fit, in place of a collection"
    parser.add_argument("--model", metavar="FILE", help=text)
    text = "bundled names of human genes, or a table with a header: name, gene"
    shape = "human|mouse|rat|FILE"
    parser.add_argument("--aliases", metavar=shape, help=text)
    return parser


def _lists(option: str = "--genes") -> ArgumentParser:
    parser = ArgumentParser(add_help=False)
    add = parser.add_argument
    text = "a list, one name per line, or a table with --column; may be repeated"
    add(option, dest="genes", metavar="FILE", action="append", default=[], help=text)
    text = "column of the table that has the names, or its number from 0"
    add("--column", metavar="NAME", help=text)
    return parser


def _number(text: str) -> int:
    if not (text.isdecimal() and int(text)):
        raise ArgumentTypeError(f"Expected 1 or more, got {text!r}.")
    return int(text)


def _columns(text: str, shape: str = "GENE_SET,GENE") -> tuple[str | int, ...]:
    names = [name.strip() for name in text.split(",")]
    if len(names) != 2 or not all(names):
        raise ArgumentTypeError(f"Expected {shape}, got {text!r}.")
    return tuple(int(name) if name.isdecimal() else name for name in names)


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
