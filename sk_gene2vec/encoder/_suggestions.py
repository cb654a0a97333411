"""Suggested memberships: what is probable but not in the collection."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.utils.validation import check_scalar

from sk_gene2vec._utils._genes import check_genes
from sk_gene2vec._utils._memberships import as_memberships
from sk_gene2vec._utils._messages import shown, warn
from sk_gene2vec._utils._optional import optional
from sk_gene2vec.encoder._checks import check_name, check_pair
from sk_gene2vec.encoder._lists import FoldedList, fold_in_list

if TYPE_CHECKING:
    import pandas as pd

_MAX_EVIDENCE = 3

# Gene lists of fewer say too little of what their genes have in common.
_FEW_GENES = 3


def suggest_genes(
    encoder: Any, vectorizer: Any, gene_set: str | Iterable[str], k: int = 10
) -> pd.DataFrame:
    """Suggest genes that probably belong to a gene set or list, but are not in it.

    A list of one's own is folded in as a new output of the network: vectors of genes
    and gene sets stay as they are, and its own vector, bias and gene sets in the wide
    part are found from its genes, see Notes.

    Parameters
    ----------
    encoder : GeneSetEncoder
        Fitted on a matrix of `vectorizer`.
    vectorizer : GmtVectorizer
        Fitted on the collection.
    gene_set : str or iterable of str
        Name of a gene set of the collection, or a list of genes.
    k : int, default=10
        Number of genes; fewer if the collection has fewer outside the set.

    Returns
    -------
    DataFrame of shape (k, 5)
        The most probable first. Columns are `gene`, `probability`, and its reasons:
        `from_embedding` and `from_gene_sets` are what embedding and wide part give to
        the logit, before it is calibrated; `evidence` names the listed gene sets that
        give the most, three at most, divided by "; ". Where nothing is known of a
        gene, as it is in no gene set that has a weight, its probabilities are the
        frequencies of the gene sets, and `from_embedding` is NaN.

    Raises
    ------
    ImportError
        If pandas is not installed.
    TypeError
        If `gene_set` is neither, or if encoder or vectorizer is something else.
    ValueError
        If the collection has no such gene set, or no gene of the list; if encoder and
        vectorizer differ in their gene sets; or if `k` is below 1.

    Warns
    -----
    UserWarning
        If genes of a list are in no gene set of the collection, or fewer than three
        are left.

    See Also
    --------
    suggest_gene_sets : The same for a gene.
    nearest_gene_sets : Gene sets that are like a list.

    Notes
    -----
    With h the genes' inputs to the last layer, the vector g and the bias b of a list
    minimise the summed cross-entropy of ``h @ g + b`` on the list, plus a normal prior:
    mean and covariance of the vectors and biases of the collection, which says how
    long they are and what they have in common. The wide part is a ridge regression of
    the list on up to 20 gene sets, chosen as :class:`GeneSetEncoder` chooses those of
    a gene set; sets with no gene outside the list are not among them. An encoder
    without a wide part does without it here. The probabilities have the slopes that
    ``calibration_`` has for the median gene, and one shift: a list of m genes is taken
    to lack m / 9.

    Examples
    --------
    >>> from sk_gene2vec import GeneSetEncoder, GmtVectorizer
    >>> from sk_gene2vec import suggest_genes
    >>> gene_sets = {
    ...     "GLYCOLYSIS": ["HK1", "PFKM", "PKM"],
    ...     "WARBURG": ["HK1", "PFKM", "PKM"],
    ...     "HYPOXIA": ["HK1", "PFKM"],
    ...     "P53_PATHWAY": ["TP53", "MDM2", "CDKN1A"],
    ... }
    >>> vectorizer = GmtVectorizer(gene_sets)
    >>> X = vectorizer.fit_transform(["CDKN1A", "HK1", "MDM2", "PFKM", "PKM", "TP53"])
    >>> encoder = GeneSetEncoder(2, max_epochs=100, random_state=0).fit(X)
    >>> suggest_genes(encoder, vectorizer, "HYPOXIA", k=1).gene.item()
    'PKM'
    >>> suggest_genes(encoder, vectorizer, ["HK1", "PFKM", "TP53"], k=1).gene.item()
    'PKM'
    """
    pd = optional("pandas", "suggest_genes")
    check_pair(encoder, vectorizer)
    check_scalar(k, "k", Integral, min_val=1)
    if not isinstance(gene_set, str):
        return pd.DataFrame(_suggest_for_list(encoder, vectorizer, gene_set, k))
    check_name(gene_set, "gene set", vectorizer)
    column = vectorizer.vocabulary_[gene_set]
    genes = vectorizer.genes_
    # Of all gene sets this one alone: the others would take most of the time.
    chosen = slice(column, column + 1)
    X = _memberships(vectorizer)
    probability = encoder._predict_proba(X, chosen)[:, 0]
    best = _most_probable(probability, genes, vectorizer.gene_sets_[gene_set], k)
    names = vectorizer.get_feature_names_out()
    reasons = _reasons(encoder, X[best], names, np.full(len(best), column))
    return pd.DataFrame(
        {"gene": genes[best], "probability": probability[best], **reasons}
    )


def suggest_gene_sets(
    encoder: Any, vectorizer: Any, gene: str, k: int = 10
) -> pd.DataFrame:
    """Suggest gene sets that a gene probably belongs to but is not listed in.

    Parameters
    ----------
    encoder : GeneSetEncoder
        Fitted on a matrix of `vectorizer`.
    vectorizer : GmtVectorizer
        Fitted on the collection.
    gene : str
        A gene of the collection, or an alias of `vectorizer`.
    k : int, default=10
        Number of gene sets; fewer if the collection has fewer without the gene.

    Returns
    -------
    DataFrame of shape (k, 5)
        The most probable first. Columns are `gene_set`, `probability`, and its reasons:
        `from_embedding` and `from_gene_sets` are what embedding and wide part give to
        the logit, before it is calibrated; `evidence` names the listed gene sets that
        give the most, three at most, divided by "; ". Where nothing is known of a
        gene, as it is in no gene set that has a weight, its probabilities are the
        frequencies of the gene sets, and `from_embedding` is NaN.

    Raises
    ------
    ImportError
        If pandas is not installed.
    TypeError
        If `gene` is no `str`, or if encoder or vectorizer is something else.
    ValueError
        If the collection has no such gene, if encoder and vectorizer differ in their
        gene sets, or if `k` is below 1.

    See Also
    --------
    suggest_genes : The same for a gene set.

    Examples
    --------
    >>> from sk_gene2vec import GeneSetEncoder, GmtVectorizer
    >>> from sk_gene2vec import suggest_gene_sets
    >>> gene_sets = {
    ...     "GLYCOLYSIS": ["HK1", "PFKM", "PKM"],
    ...     "WARBURG": ["HK1", "PFKM", "PKM"],
    ...     "HYPOXIA": ["HK1", "PFKM"],
    ...     "P53_PATHWAY": ["TP53", "MDM2", "CDKN1A"],
    ... }
    >>> vectorizer = GmtVectorizer(gene_sets)
    >>> X = vectorizer.fit_transform(["CDKN1A", "HK1", "MDM2", "PFKM", "PKM", "TP53"])
    >>> encoder = GeneSetEncoder(2, max_epochs=100, random_state=0).fit(X)
    >>> suggest_gene_sets(encoder, vectorizer, "PKM", k=1).gene_set.item()
    'HYPOXIA'
    """
    pd = optional("pandas", "suggest_gene_sets")
    check_pair(encoder, vectorizer)
    check_scalar(k, "k", Integral, min_val=1)
    check_name(gene, "gene", vectorizer)
    X = _memberships(vectorizer, vectorizer._index.rows([gene]))
    probability = encoder._predict_proba(X)[0]
    names = vectorizer.get_feature_names_out()
    best = _most_probable(probability, names, names[X.indices], k)
    reasons = _reasons(encoder, X, names, best)
    return pd.DataFrame(
        {"gene_set": names[best], "probability": probability[best], **reasons}
    )


def nearest_gene_sets(
    encoder: Any, vectorizer: Any, genes: Iterable[str], k: int = 10
) -> pd.DataFrame:
    """Find the gene sets that are most like a gene list and the genes that it may lack.

    Each gene outside the list counts as much as it is probable, see
    :func:`suggest_genes`. So a gene set may be near without a gene of the list.

    Parameters
    ----------
    encoder : GeneSetEncoder
        Fitted on a matrix of `vectorizer`.
    vectorizer : GmtVectorizer
        Fitted on the collection.
    genes : iterable of str
        The list.
    k : int, default=10
        Number of gene sets; fewer if the collection has fewer.

    Returns
    -------
    DataFrame of shape (k, 4)
        The most similar first. Columns are `gene_set`; `similarity`, the expected
        number of genes in both as a share of those in either (Jaccard); `shared`, the
        number of genes of the list in the gene set; and `size`, the number of all of
        its genes.

    Raises
    ------
    ImportError
        If pandas is not installed.
    TypeError
        If `genes` are no iterable of `str`, or if encoder or vectorizer is something
        else.
    ValueError
        If the collection has no gene of the list, if encoder and vectorizer differ in
        their gene sets, or if `k` is below 1.

    Warns
    -----
    UserWarning
        If genes of the list are in no gene set of the collection, or fewer than three
        are left.

    See Also
    --------
    suggest_genes : Genes that the list may lack.
    GeneEmbedding.of_gene_sets : Vectors of gene sets, to find what is like one of them.
    group_gene_sets : Near copies among gene sets.

    Examples
    --------
    >>> from sk_gene2vec import GeneSetEncoder, GmtVectorizer
    >>> from sk_gene2vec import nearest_gene_sets
    >>> gene_sets = {
    ...     "GLYCOLYSIS": ["HK1", "PFKM", "PKM", "LDHA"],
    ...     "WARBURG": ["HK1", "PFKM", "PKM"],
    ...     "P53_PATHWAY": ["TP53", "MDM2", "CDKN1A"],
    ...     "SENESCENCE": ["TP53", "CDKN1A", "RB1"],
    ... }
    >>> genes = sorted({gene for members in gene_sets.values() for gene in members})
    >>> vectorizer = GmtVectorizer(gene_sets)
    >>> X = vectorizer.fit_transform(genes)
    >>> encoder = GeneSetEncoder(2, max_epochs=100, random_state=0).fit(X)
    >>> found = nearest_gene_sets(encoder, vectorizer, ["HK1", "PKM", "LDHA"], k=2)
    >>> sorted(found.gene_set)
    ['GLYCOLYSIS', 'WARBURG']
    """
    pd = optional("pandas", "nearest_gene_sets")
    check_pair(encoder, vectorizer)
    check_scalar(k, "k", Integral, min_val=1)
    X, listed, folded = _fold_in(encoder, vectorizer, genes)
    shared, sizes = X[listed].sum(axis=0), X.sum(axis=0)
    members = np.where(listed, 1, folded.probability)
    common = X.T @ members
    similarity = common / (members.sum() + sizes - common)
    best = np.argsort(-similarity, kind="stable")[:k]
    return pd.DataFrame(
        {
            "gene_set": vectorizer.get_feature_names_out()[best],
            "similarity": similarity[best],
            "shared": shared[best].astype(int),
            "size": sizes[best].astype(int),
        }
    )


def _reasons(
    encoder: Any, X: Any, names: NDArray[Any], columns: NDArray[np.intp]
) -> dict[str, Any]:
    """Columns that say why each row, or one row, may be in these gene sets."""
    from_embedding, terms = encoder._logit_parts(X, columns)
    return _as_columns(from_embedding, terms, names)


def _as_columns(
    from_embedding: NDArray[Any], terms: sp.csr_array, names: NDArray[Any]
) -> dict[str, Any]:
    evidence = []
    for start, stop in pairwise(terms.indptr):
        most = np.argsort(-terms.data[start:stop], kind="stable")[:_MAX_EVIDENCE]
        places = start + most[terms.data[start + most] > 0]
        evidence.append("; ".join(names[terms.indices[places]]))
    return {
        "from_embedding": from_embedding,
        "from_gene_sets": terms.sum(axis=1),
        "evidence": evidence,
    }


def _suggest_for_list(
    encoder: Any, vectorizer: Any, genes: Iterable[str], k: int
) -> dict[str, Any]:
    """Columns of the suggestions for a gene list."""
    X, listed, folded = _fold_in(encoder, vectorizer, genes)
    members = vectorizer.genes_[listed]
    best = _most_probable(folded.probability, vectorizer.genes_, members, k)
    terms = sp.csr_array(X[best].multiply(folded.coef.T))
    names = vectorizer.get_feature_names_out()
    return {
        "gene": vectorizer.genes_[best],
        "probability": folded.probability[best],
        **_as_columns(folded.logits[best], terms, names),
    }


def _memberships(vectorizer: Any, rows: Any = None) -> sp.csr_array:
    """Memberships of genes, all by default, in no container of `set_output`."""
    # The last row is that of unknown genes.
    rows = slice(len(vectorizer.genes_)) if rows is None else rows
    return as_memberships(vectorizer._membership[rows])


def _fold_in(
    encoder: Any, vectorizer: Any, genes: Iterable[str]
) -> tuple[sp.csr_array, NDArray[np.bool_], FoldedList]:
    """Fold a list in: memberships of all genes, which are listed, and the result."""
    listed = _listed(genes, vectorizer)
    X = _memberships(vectorizer)
    return X, listed, fold_in_list(encoder, X, listed)


def _listed(genes: Iterable[str], vectorizer: Any) -> NDArray[np.bool_]:
    """Find the genes of a list among those of the collection."""
    is_set = isinstance(genes, set | frozenset)
    given = check_genes(sorted(genes, key=str) if is_set else genes)
    rows, _ = vectorizer._look_up_some(given)
    listed = np.zeros(len(vectorizer.genes_) + 1, dtype=bool)
    listed[rows] = True
    found = vectorizer.genes_[listed[:-1]]
    if len(found) < _FEW_GENES:
        warn(
            f"Expected a list of {_FEW_GENES} genes or more, got {len(found)} of the "
            f"collection ({shown(map(repr, found), _FEW_GENES)}): what so few have in "
            "common may be many things. Give more genes if there are some."
        )
    return listed[:-1]


def _most_probable(
    probability: NDArray[Any], names: NDArray[Any], members: Iterable[str], k: int
) -> NDArray[np.intp]:
    """Places of the k most probable names that are no members, ties in their order."""
    listed = set(members)
    open_ = np.flatnonzero([name not in listed for name in names])
    return open_[np.argsort(-probability[open_], kind="stable")[:k]]
