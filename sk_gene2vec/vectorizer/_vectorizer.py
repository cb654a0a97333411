"""GmtVectorizer: gene identifiers to rows of the gene x gene-set matrix."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from numbers import Integral
from typing import TYPE_CHECKING, ClassVar, Self, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, DTypeLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.validation import check_array, check_is_fitted

from sk_gene2vec._utils._genes import check_genes
from sk_gene2vec._utils._memberships import above_zero
from sk_gene2vec._utils._messages import warn
from sk_gene2vec._utils._typing import fit_context
from sk_gene2vec.datasets import load_go_bp
from sk_gene2vec.gene_sets import GeneSets
from sk_gene2vec.gene_sets._sources import (
    Sources,
    membership_matrix,
    resolve_gene_sets,
    select_by_size,
)
from sk_gene2vec.identifiers._index import Aliases, GeneIndex, Rows
from sk_gene2vec.vectorizer._matrix import Membership, checked_dtype, select_rows
from sk_gene2vec.vectorizer._saved import DERIVED, checked_state

if TYPE_CHECKING:
    import pandas as pd

Names: TypeAlias = NDArray[np.object_]

_ARRAY, _LAZY = HasMethods("__array__"), HasMethods("collect")


class GmtVectorizer(TransformerMixin, BaseEstimator):
    """Turn genes into rows of a matrix that marks the gene sets of each gene.

    Parameters
    ----------
    gene_sets : path, mapping, DataFrame, list of these or None, default=None
        The collection:

        - a path to a file in any format of :func:`~sk_gene2vec.read_gene_sets`;
        - a :class:`~sk_gene2vec.GeneSets` or any other mapping from names to genes;
        - a long pandas or polars DataFrame, LazyFrame or Arrow table, one membership
          per row, with the columns that :func:`~sk_gene2vec.read_gene_sets` knows;
        - a list of these, whose gene sets are taken together;
        - None for the bundled :func:`~sk_gene2vec.datasets.load_go_bp`.

        ``Pipeline(memory=...)`` knows a file by its path: a changed one is not seen.
    min_size : int, default=None
        Leave out gene sets with fewer genes.
    max_size : int, default=None
        Leave out gene sets with more genes.
    prefix_names : bool, default=False
        Put the name of the file or collection before every name, as GSEApy does:
        ``h.all.gmt__HALLMARK_HYPOXIA``. If False, two sets of one name are an error.
    aliases : mapping or DataFrame, default=None
        Other names of the genes of the collection, such as old symbols or identifiers
        of another database: a mapping to one gene, or to several, or a DataFrame of two
        columns, alias and gene. See
        :func:`~sk_gene2vec.datasets.load_human_gene_aliases`.
    handle_ambiguous : {"ignore", "error"}, default="ignore"
        Treat an alias of several genes as unknown, or raise an error.
    handle_unknown : {"ignore", "error"}, default="ignore"
        How to handle a gene that is in no gene set of the collection: give it a row of
        zeros and warn once per call, or raise an error. As in scikit-learn's encoders,
        `transform` uses the current values of `handle_unknown`, `handle_ambiguous` and
        `sparse_output`.
    dtype : dtype, default=numpy.float32
        Type of the matrix, of numbers that SciPy's matrices can have; not float16.
    sparse_output : bool, default=True
        If True, the matrix is sparse (CSR); output of `set_output` is always dense.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        Column of every gene set, in the order of the collection.
    genes_ : ndarray of shape (n_collection_genes,), dtype object
        All genes of the gene sets in use, sorted.
    gene_sets_ : GeneSets
        The gene sets in use.
    membership_ : csr_matrix of shape (n_collection_genes, n_gene_sets)
        The rows of `genes_`, in their order.
    gene_index_ : GeneIndex
        Finds the places of genes in `genes_`, by name or alias.
    unknown_genes_ : ndarray of shape (n_unknown_genes,), dtype object
        The distinct samples of `fit` that were found neither by name nor by alias.

    See Also
    --------
    read_gene_sets : Reads the files that `gene_sets` names.

    Notes
    -----
    Identifiers match exactly, case included, except that an Ensembl id or a number is
    found without its version: ENSG00000141510.17, 7157.0. `lookup` reports how.

    A name that is a gene of the collection always means this gene, even if it is also
    an alias. An alias of several genes is ambiguous even if the collection has only one
    of them, since another may be meant. An Ensembl id or Entrez number of several genes
    is ambiguous only if the collection has more than one of them. Aliases are not
    chained: with A -> B and B -> C, A means B, and is unknown if the collection has
    only C.

    `min_size` and `max_size` count the genes of a set in the collection, not among the
    samples: the columns are the same in every fold of a cross-validation.

    Examples
    --------
    >>> from sk_gene2vec import GmtVectorizer
    >>> gene_sets = {"APOPTOSIS": ["CASP3", "TP53"], "CELL_CYCLE": ["CDK1", "TP53"]}
    >>> vectorizer = GmtVectorizer(gene_sets)
    >>> vectorizer.fit_transform(["TP53", "CDK1"]).toarray()
    array([[1., 1.],
           [0., 1.]], dtype=float32)
    >>> vectorizer.inverse_transform([[0, 1]])
    [array(['CELL_CYCLE'], dtype=object)]
    >>> vectorizer.get_feature_names_out()
    array(['APOPTOSIS', 'CELL_CYCLE'], dtype=object)
    """

    _parameter_constraints: ClassVar[dict[str, list[object] | str]] = {
        "gene_sets": [str, os.PathLike, Mapping, list, tuple, _ARRAY, _LAZY, None],
        "min_size": [Interval(Integral, 0, None, closed="left"), None],
        "max_size": [Interval(Integral, 0, None, closed="left"), None],
        "prefix_names": ["boolean"],
        "aliases": [Mapping, _ARRAY, None],
        "handle_ambiguous": [StrOptions({"ignore", "error"})],
        "handle_unknown": [StrOptions({"ignore", "error"})],
        "dtype": "no_validation",  # NumPy validates it
        "sparse_output": ["boolean"],
    }

    def __init__(
        self,
        gene_sets: Sources | None = None,
        *,
        min_size: int | None = None,
        max_size: int | None = None,
        prefix_names: bool = False,
        aliases: Aliases | None = None,
        handle_ambiguous: str = "ignore",
        handle_unknown: str = "ignore",
        dtype: DTypeLike = np.float32,
        sparse_output: bool = True,
    ) -> None:
        self.gene_sets = gene_sets
        self.min_size = min_size
        self.max_size = max_size
        self.prefix_names = prefix_names
        self.aliases = aliases
        self.handle_ambiguous = handle_ambiguous
        self.handle_unknown = handle_unknown
        self.dtype = dtype
        self.sparse_output = sparse_output

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Iterable[str], y: object = None) -> Self:
        """Read the collection and build its matrix.

        Unknown genes are listed in `unknown_genes_`, without a warning; `transform` and
        `fit_transform` warn of them.

        Parameters
        ----------
        X : iterable of str, length n_genes
            Gene identifiers: a list, tuple, iterator, one-dimensional array or Series,
            or an array or DataFrame with a single column.
        y : None
            Ignored.

        Returns
        -------
        self : GmtVectorizer
            The fitted vectorizer.

        Raises
        ------
        FileNotFoundError, GeneSetFormatError
            If a file of the collection cannot be read.
        TypeError
            If `X` is a single `str`, a set or a mapping; if an identifier is not a
            `str`; if sparse matrices cannot have the `dtype`.
        ValueError
            If `X` is empty or has missing values or several columns; if no gene set, or
            only empty ones, are left; if two collections have a gene set of the same
            name; if a DataFrame lacks a column; if a gene is unknown or ambiguous, and
            `handle_unknown` or `handle_ambiguous` is "error".
        """
        given = load_go_bp() if self.gene_sets is None else self.gene_sets
        whole = resolve_gene_sets(given, prefix_names=self.prefix_names)
        collection = select_by_size(whole, self.min_size, self.max_size)
        left_out = () if len(collection) == len(whole) else whole.genes
        index = GeneIndex(collection.genes, self.aliases, left_out=left_out)
        missing = self._look_up(check_genes(X), index)[1]
        self._set(collection, index, self.dtype)
        self.unknown_genes_ = np.array([*dict.fromkeys(missing)], dtype=object)
        return self

    def fit_transform(self, X: Iterable[str], y: object = None) -> Membership:
        """Read the collection and return the rows of genes.

        Parameters
        ----------
        X : iterable of str, length n_genes
            Gene identifiers, as in `fit`, which also lists the errors.
        y : None
            Ignored.

        Returns
        -------
        membership : csr_matrix, ndarray or DataFrame of shape (n_genes, n_gene_sets)
            As from `transform`.
        """
        if isinstance(X, Iterator):  # it can be read only once
            X = list(X)
        return self.fit(X).transform(X)

    def transform(self, X: Iterable[str]) -> Membership:
        """Return the rows of genes.

        Parameters
        ----------
        X : iterable of str, length n_genes
            Gene identifiers, as in `fit`, which also lists the errors.

        Returns
        -------
        membership : csr_matrix, ndarray or DataFrame of shape (n_genes, n_gene_sets)
            1 where a gene belongs to a gene set, 0 elsewhere. Sparse output is a
            `csr_array` if scikit-learn's `sparse_interface` is ``"sparray"``. pandas
            output has the index of `X` if `X` is a Series or DataFrame.
        """
        check_is_fitted(self)
        self._validate_params()
        genes = check_genes(X)
        rows, missing = self._look_up(genes, self.gene_index_)
        if missing:
            zeros = ", and given a row of zeros"
            warn(
                self.gene_index_.complaint(missing, len(genes), zeros), "unknown genes"
            )
        container = _get_output_config("transform", self)["dense"]
        kind = container if self.sparse_output or container == "pandas" else "dense"
        return select_rows(self.membership_, rows, X, kind)

    def lookup(self, X: Iterable[str]) -> pd.DataFrame:
        """Report how genes are found in the collection.

        Parameters
        ----------
        X : iterable of str, length n_genes
            Gene identifiers, as in `fit`.

        Returns
        -------
        report : DataFrame of shape (n_genes, 4)
            One row per gene, in the order of `X`, with the columns

            - `gene`, as in `X`;
            - `found_as`, the gene of the collection, or None;
            - `status`, one of the words below;
            - `candidates`, further genes that the name may mean.

            ===================  =======================================================
            status               meaning
            ===================  =======================================================
            exact                found by its own name
            alias                found by an alias
            entrez, ensembl      found by an alias, an Entrez number or Ensembl gene id
            version              found by an id with another version, or without one
            preferred            found by an alias of several genes, once the official
                                 symbol of this one
            ambiguous            not found: an alias of several genes
            absent               not found: an alias of genes that the collection lacks
            left out             not found: left out by `min_size` or `max_size`
            case, blanks         not found: differs from a gene only in case or blanks
            joined               not found: ``hg19_TP53`` in place of TP53
            dots                 not found: ``NKX2.5`` in place of NKX2-5
            numbered             not found: ``TP53-1`` in place of TP53
            date                 not found: ``2-Sep`` in place of SEPTIN2
            unknown              not found
            ===================  =======================================================

            A gene that is not found has a row of zeros.

        Examples
        --------
        >>> from sk_gene2vec import GmtVectorizer
        >>> aliases = {"P53": "TP53", "MLL4": ["KMT2B", "KMT2D"]}
        >>> vectorizer = GmtVectorizer({"A": ["TP53", "KMT2D"]}, aliases=aliases)
        >>> report = vectorizer.fit(["TP53"]).lookup(["TP53", "P53", "MLL4", "Tp53"])
        >>> report[["gene", "found_as", "status"]]
           gene found_as     status
        0  TP53     TP53      exact
        1   P53     TP53      alias
        2  MLL4     None  ambiguous
        3  Tp53     None       case
        >>> report["candidates"].to_list()
        ['', '', 'KMT2B, KMT2D', 'TP53']
        """
        check_is_fitted(self)
        return self.gene_index_.report(check_genes(X))

    def inverse_transform(self, X: ArrayLike | sp.spmatrix) -> list[Names]:
        """Return the names of the gene sets that rows belong to.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_genes, n_gene_sets)
            Rows as `transform` returns them; entries of 1 and more are memberships.

        Returns
        -------
        names : list of n_genes ndarrays, dtype object
            The gene-set names of each row, in the order of the columns.

        Raises
        ------
        ValueError
            If `X` has missing values or not one column per gene set, or entries
            between 0 and 1, such as probabilities.
        """
        check_is_fitted(self)
        rows = check_array(X, accept_sparse="csr")
        names = self.get_feature_names_out()
        if rows.shape[1] != len(names):
            wanted = f"{len(names)} columns, one per gene set"
            raise ValueError(f"Expected {wanted}, got {rows.shape[1]}.")
        values = rows.data if sp.issparse(rows) else rows
        if (between := values[(values > 0) & (values < 1)]).size:
            raise ValueError(
                f"Expected memberships, 0 or 1, got {between[0]:.3g}. Choose the least "
                "probability of a membership, such as "
                "vectorizer.inverse_transform(encoder.predict_proba(X) >= 0.1)."
            )
        members = above_zero(rows)
        return np.split(names[members.indices], members.indptr[1:-1])

    def get_feature_names_out(self, input_features: object = None) -> Names:
        """Return the names of the gene sets, one per column.

        Parameters
        ----------
        input_features : None
            Ignored, present for API consistency.

        Returns
        -------
        names : ndarray of shape (n_gene_sets,), dtype object
            In the order of the columns.
        """
        check_is_fitted(self)
        return np.array(list(self.vocabulary_), dtype=object)

    def _look_up(self, genes: list[str], index: GeneIndex) -> tuple[Rows, list[str]]:
        """Row of every gene, and the genes without one."""
        rows = index.rows(genes)
        missing = index.missing(genes, rows)
        if self.handle_ambiguous == "error":
            index.check_unambiguous(genes)
        if missing and self.handle_unknown == "error":
            raise ValueError(index.complaint(missing, len(genes)))
        return rows, missing

    def _set(self, collection: GeneSets, index: GeneIndex, dtype: DTypeLike) -> None:
        """Set `gene_sets_` and what follows from it, which is not saved."""
        self.membership_ = membership_matrix(collection, checked_dtype(dtype))
        self.gene_sets_, self.gene_index_ = collection, index
        self.genes_ = np.array(index.genes, dtype=object)
        self.vocabulary_ = {name: place for place, name in enumerate(collection)}

    def __getstate__(self) -> dict[str, object]:
        # A copy: from Python 3.11 on, it is the dict of the estimator itself.
        state = dict(super().__getstate__())
        if "gene_index_" in state:
            for name in DERIVED:
                del state[name]
            index = self.gene_index_
            state["_fitted"] = index.aliases, self.membership_.dtype.str, index.others
        return state

    def __setstate__(self, state: Mapping[str, object]) -> None:
        fitted = checked_state(state, dir(type(self)))
        super().__setstate__({name: state[name] for name in state if name != "_fitted"})
        if fitted is not None:
            self._set(*fitted)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.transformer_tags.preserves_dtype = []
        return tags
