"""Gene embeddings from gene sets.

A collection is a file of gene sets in any format: GMT, GMX, GRP, JSON or a long table.
Without one, the commands take the bundled Gene Ontology. A model is a file that fit
writes once, so that no other command needs to train. Vectors are a table (.tsv) or
word2vec's text (.txt). A file named - is standard input or output, where vectors are a
table.

Exit codes: 0 done, 1 the input cannot be used, 2 wrong usage.

For example:
  sk-gene2vec fit h.all.gmt -o hallmark.model
  sk-gene2vec complete --model hallmark.model --gene-set HALLMARK_HYPOXIA
  sk-gene2vec nearest --model hallmark.model --genes results.tsv --column gene
  sk-gene2vec map --model hallmark.model -o map.html
  sk-gene2vec embed h.all.gmt -o vectors.tsv
  sk-gene2vec neighbors vectors.tsv TP53 MDM2 -k 5
"""

from __future__ import annotations

import io
import os
import re
import shlex
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import cache

from sk_gene2vec.cli._parser import NAME, build_parser, check_usage

# Errors for input that cannot be used.
_UNUSABLE = (ImportError, KeyError, MemoryError, OSError, TypeError, ValueError)


def _columns(found: re.Match[str]) -> str:
    names = (name.strip(" '\"") for name in found[1].split(","))
    sep = f" --sep {found[2]}" if found[2] else ""
    return f"--columns {shlex.quote(','.join(names))}{sep}"


#: What messages say to Python users, and what stands for it here.
_OPTIONS: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (
        r"(?:read_gene_sets\([^()]*)?\bcolumns=\(([^()]*)\)(?:, sep=('[^']*'))?\)?",
        _columns,
    ),
    (r"(?:read_gene_sets\([^()]*)?\bsep=('[^']*')\)?", r"--sep \1"),
    (r"\bon_duplicate[= ]", "--on-duplicate "),
    (r"\bprefix_names=True", "--prefix-names"),
    (r"\baliases=[\w.]*load_human_gene_aliases\([^()]*\)", "--aliases human"),
    (r"\baliases=[\w.]*load_orthologs\('(\w+)'[^()]*\)", r"--aliases \1"),
    (r"\baliases=\{[^{}]*\}", "--aliases FILE"),
    (r"(?:, set it)?, such as encoding='([\w-]+)'", r": iconv -f \1 -t utf-8"),
    (r"set max_bytes higher", "read it in Python, with a higher max_bytes"),
    (r"use suggest_gene_sets", "use --gene"),
    (r"use suggest_genes", "use --gene-set"),
    (
        r"Invalid parameter ('.*?') for estimator .*\)\. Valid",
        r"--set has no \1. Valid",
    ),
    (r"(?:The )?'(\w+)' parameter of GeneSetEncoder", r"--set \1"),
    (r"\b(lr|n_negatives|warm_start)=", r"--set \1="),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line, by default with the arguments of the process.

    Returns the exit code: 0 done, 1 the input cannot be used, 130 stopped by Ctrl-C.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    args = build_parser(__doc__).parse_args(argv)
    check_usage(args)
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
    """Print one line, with options in place of Python's parameters."""
    line = " ".join(message.split())
    for pattern, option in _OPTIONS:
        line = re.sub(pattern, option, line)
    if sys.stderr is not None:
        print(f"{NAME}: {kind}: {line}", file=sys.stderr)
