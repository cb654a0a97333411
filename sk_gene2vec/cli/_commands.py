"""What the commands do."""

from __future__ import annotations

import json
from argparse import Namespace
from contextlib import nullcontext
from typing import Any
from zipfile import ZIP_DEFLATED

import pandas as pd
from sklearn.pipeline import Pipeline, make_pipeline

from sk_gene2vec import GeneEmbedding, GeneSetEncoder, GmtVectorizer, __version__
from sk_gene2vec._utils._files import replacing
from sk_gene2vec._utils._messages import warn
from sk_gene2vec._utils._optional import optional
from sk_gene2vec.cli import _files as files
from sk_gene2vec.datasets import load_go_bp
from sk_gene2vec.embedding._tables import has_vectors
from sk_gene2vec.encoder import nearest_gene_sets, suggest_gene_sets, suggest_genes
from sk_gene2vec.encoder._model import column_of, row_of
from sk_gene2vec.gene_sets import GeneSets, group_gene_sets, read_gene_sets
from sk_gene2vec.gene_sets._sources import resolve_gene_sets
from sk_gene2vec.identifiers._index import GeneIndex
from sk_gene2vec.metrics import held_out_membership_scores, split_memberships
from sk_gene2vec.plotting import write_gene_map


def fit(args: Namespace) -> None:
    """Learn from a collection once, and write a model for the other commands.

    The model is a file of skops, which runs no code when it is opened.

    For example:
      sk-gene2vec fit h.all.gmt -o hallmark.model
      sk-gene2vec fit --embedding-dim 50 --set max_epochs=40 -o go.model
      sk-gene2vec fit enrichr.csv --columns Term,Gene -o enrichr.model
    """
    skops = files.skops_io()  # fail before the training if it is missing
    with replacing(args.output) as part:
        model = _trained(_pipeline(args))
        skops.dump(model, part, compression=ZIP_DEFLATED, compresslevel=1)


def embed(args: Namespace) -> None:
    """Write the vector of every gene of a collection, or of a list.

    For example:
      sk-gene2vec embed h.all.gmt -o vectors.tsv
      sk-gene2vec embed --model hallmark.model --genes results.tsv --column gene
      zcat sets.gmt.gz | sk-gene2vec embed - --genes my_genes.txt > vectors.tsv
    """
    # Fail before the training if the output cannot be written.
    with nullcontext("-") if args.output == "-" else replacing(args.output) as target:
        model, genes = _asked(args)
        embedding = GeneEmbedding.from_pipeline(_trained(model), genes or None)
        if args.output.endswith(".txt"):
            embedding.to_word2vec(target)
        else:
            files.write_table(embedding.to_frame().reset_index(), target)


def neighbors(args: Namespace) -> None:
    """List the genes nearest to each gene, with cosine similarities.

    For example:
      sk-gene2vec neighbors vectors.tsv TP53 MDM2 -k 5
      sk-gene2vec neighbors --model hallmark.model TP53
      sk-gene2vec neighbors vectors.tsv --genes results.tsv --column gene
    """
    names = args.names
    if args.model is None:
        path, *names = names or args.error("Expected vectors, or --model.")
    genes = [*names, *files.read_lists(args.genes, args.column)]
    if not genes:
        args.error("Expected genes, or --genes.")
    if args.model is None:
        embedding = files.read_vectors(path)
    else:
        embedding = GeneEmbedding.from_pipeline(files.read_model(args.model))
    try:
        found = embedding.neighbors(genes, topn=args.k)
    except KeyError as error:
        known = list(filter(embedding.__contains__, genes))
        if not known:
            raise
        warn(f"Left out: {error.args[0]}")
        found = embedding.neighbors(known, topn=args.k)
    files.write_table(found)


def complete(args: Namespace) -> None:
    """Suggest probable memberships that a collection does not list.

    For example:
      sk-gene2vec complete h.all.gmt --gene-set HALLMARK_HYPOXIA -k 20
      sk-gene2vec complete --model hallmark.model --gene TP53 --gene MDM2
      sk-gene2vec complete --model hallmark.model --genes my_genes.txt --aliases human
    """
    if sum(map(bool, (args.gene_set, args.gene, args.genes))) != 1:
        args.error("Expected one of --gene-set, --gene and --genes.")
    model, genes = _asked(args)
    for name in args.gene:
        row_of(name, model[0])
    for name in args.gene_set:
        column_of(name, model[0])
    _trained(model)
    tables = {name: suggest_gene_sets(model, name, args.k) for name in args.gene}
    tables |= {name: suggest_genes(model, name, args.k) for name in args.gene_set}
    if tables:
        kind = "gene" if args.gene else "gene_set"
        found = pd.concat(tables, names=[kind]).reset_index(level=0)
    else:
        found = suggest_genes(model, genes, args.k)
    files.write_table(found)


def nearest(args: Namespace) -> None:
    """List the gene sets that share more genes with a list than chance explains.

    For example:
      sk-gene2vec nearest h.all.gmt --genes my_genes.txt
      sk-gene2vec nearest --model hallmark.model --genes results.tsv --column gene
    """
    if not args.genes:
        args.error("Expected --genes.")
    model, genes = _asked(args)
    files.write_table(nearest_gene_sets(_trained(model), genes, args.k))


def group(args: Namespace) -> None:
    """Group gene sets that are near copies, with a representative per group.

    With a list of gene sets, the best first, the first of a group represents it.

    For example:
      sk-gene2vec group h.all.gmt --threshold 0.3
      sk-gene2vec group h.all.gmt --gene-sets enriched.tsv --column term
    """
    names = files.read_lists(args.genes, args.column) or None
    found = group_gene_sets(_collection(args), names, threshold=args.threshold)
    files.write_table(found)


def draw_map(args: Namespace) -> None:
    """Draw genes as an interactive web page.

    The first file may have vectors. Collections then name their gene sets. Otherwise
    the vectors are those of the model, or are learned from the collections.

    For example:
      sk-gene2vec map --model hallmark.model -o map.html
      sk-gene2vec map vectors.tsv h.all.gmt -o map.html
      sk-gene2vec map h.all.gmt -o map.html
      sk-gene2vec map h.all.gmt --labels clusters.tsv -o map.html
      sk-gene2vec map h.all.gmt --labels de.csv --label-columns 0,lfc -o map.html
    """
    if args.method == "umap":
        optional("umap", "--method umap", "umap-learn")
    first, *others = args.inputs or [""]
    is_table = args.columns is not None and not others
    with replacing(args.output) as part:
        options = {"method": args.method, "random_state": args.seed}
        if first == "-" or (has_vectors(first) and not is_table):
            embedding, args.inputs = files.read_vectors(first), others
            gene_sets = _collection(args) if others else None
            options |= _by_gene(args, list(embedding.genes))
        else:
            model = _pipeline(args)
            options |= _by_gene(args, list(model[0].genes_))
            embedding = GeneEmbedding.from_pipeline(_trained(model))
            gene_sets = model[0].gene_sets_
        write_gene_map(embedding, part, gene_sets=gene_sets, **options)


def _by_gene(args: Namespace, genes: list[str]) -> dict[str, Any]:
    """Read aliases and labels before the training, which takes long."""
    aliases = files.read_aliases(args.aliases, genes)
    index = GeneIndex(genes, aliases)
    labels = files.read_labels(args.labels, args.label_columns, index)
    return {"aliases": aliases, "labels": labels}


def score(args: Namespace) -> None:
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
    about: dict[str, object] = {"sk_gene2vec": __version__}
    about |= {"collection": dict(gene_sets.attrs)}
    about |= {"n_genes": X.shape[0], "n_gene_sets": X.shape[1], "seed": args.seed}
    about |= {"embedding_dim": encoder.embedding_dim, "set": dict(args.set)}
    print(json.dumps(about | scores))


def _collection(args: Namespace) -> GeneSets:
    options = {name: getattr(args, name) for name in ("columns", "on_duplicate", "sep")}
    given: list[GeneSets] = []
    for path in args.inputs:
        if args.columns is None and has_vectors(path):
            wanted = "Expected a collection, got vectors, which map takes first"
            raise ValueError(f"{path}: {wanted}.")
        source = files.open_(path) if path == "-" else path
        given.append(read_gene_sets(source, **options))
    one = given[0] if len(given) == 1 else given or load_go_bp()
    return resolve_gene_sets(one, prefix_names=args.prefix_names)


def _encoder(args: Namespace) -> GeneSetEncoder:
    encoder = GeneSetEncoder(args.embedding_dim, random_state=args.seed)
    return encoder.set_params(**dict(args.set))


def _pipeline(args: Namespace) -> Pipeline:
    """Read the model, or prepare one whose encoder is not fitted yet."""
    if args.model is None:
        gene_sets, encoder = _collection(args), _encoder(args)
    else:
        model = files.read_model(args.model)
        if args.aliases is None:
            return model
        gene_sets, encoder = model[0].gene_sets_, model[1]
    aliases = files.read_aliases(args.aliases, gene_sets.genes)
    vectorizer = GmtVectorizer(gene_sets, aliases=aliases).fit(gene_sets.genes)
    return make_pipeline(vectorizer, encoder)


def _asked(args: Namespace) -> tuple[Pipeline, list[str]]:
    """Read the list of genes, and look it up before the training, which takes long."""
    genes, model = files.read_lists(args.genes, args.column), _pipeline(args)
    if genes:
        model[0].gene_index_.rows_of_list(genes)
    return model, genes


def _trained(model: Pipeline) -> Pipeline:
    """Fit the encoder on all genes of the vectorizer, unless it is fitted."""
    vectorizer, encoder = model[0], model[1]
    if not hasattr(encoder, "coefs_"):
        encoder.fit(vectorizer.transform(vectorizer.genes_))
    return model
