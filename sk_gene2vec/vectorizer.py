"""GmtVectorizer: gene identifiers to rows of the gene x gene-set matrix."""

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice, repeat
from numbers import Integral
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn import get_config
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils import Tags
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_array, check_is_fitted

from sk_gene2vec.gene_sets import GeneSets
from sk_gene2vec.gmt import read_gmt

__all__ = ["GmtVectorizer"]

Membership: TypeAlias = sp.csr_matrix | sp.csr_array | npt.NDArray[Any]
Names: TypeAlias = npt.NDArray[np.object_]
Rows: TypeAlias = npt.NDArray[np.intp]

_ARRAY = HasMethods("__array__")
_UNKNOWN_SHOWN = 5
_NEAR_MISSES_SHOWN = 3


class GmtVectorizer(TransformerMixin, BaseEstimator):
    """Turn gene identifiers into rows of a gene x gene-set membership matrix.

    The samples are genes. The row of a gene says to which gene sets it belongs.

    Parameters
    ----------
    gene_sets : path, list of paths, mapping, DataFrame or None, default=None
        The collection:

        - a path to a GMT file, see :func:`~sk_gene2vec.read_gmt`;
        - a list of paths, whose gene sets are taken together;
        - a :class:`~sk_gene2vec.GeneSets` or any other mapping from names to genes;
        - a long DataFrame, one membership a row, with the columns `source` (gene set)
          and `target` (gene);
        - None for the bundled :func:`~sk_gene2vec.datasets.load_go_bp`.
    min_size : int, default=None
        Leave out gene sets with fewer genes.
    max_size : int, default=None
        Leave out gene sets with more genes.
    handle_unknown : {"ignore", "error"}, default="ignore"
        What to do with a gene that is in no gene set of the collection: give it a row
        of zeros and warn once a call, or raise an error.
    dtype : dtype, default=numpy.float32
        Type of the matrix.
    sparse_output : bool, default=True
        Whether the matrix is sparse (CSR) or dense.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        Column of every gene set, in the order of the collection.
    genes_ : ndarray of shape (n_collection_genes,), dtype object
        All genes of the gene sets in use, sorted.
    gene_sets_ : GeneSets
        The gene sets in use, between `min_size` and `max_size`.

    Notes
    -----
    Entry (g, s) is 1 where gene g belongs to gene set s, and 0 elsewhere. Identifiers
    match exactly, case included.

    `min_size` and `max_size` count the genes of a set in the collection, not those
    among the samples: the columns are the same in every fold of a cross-validation.

    `fit` only checks the samples. It does not warn of unknown genes; `transform` and
    `fit_transform` do.

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

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "gene_sets": [str, os.PathLike, Mapping, list, tuple, _ARRAY, None],
        "min_size": [Interval(Integral, 0, None, closed="left"), None],
        "max_size": [Interval(Integral, 0, None, closed="left"), None],
        "handle_unknown": [StrOptions({"ignore", "error"})],
        "dtype": "no_validation",  # left to numpy
        "sparse_output": ["boolean"],
    }

    def __init__(
        self,
        gene_sets: Any = None,
        *,
        min_size: int | None = None,
        max_size: int | None = None,
        handle_unknown: str = "ignore",
        dtype: npt.DTypeLike = np.float32,
        sparse_output: bool = True,
    ) -> None:
        self.gene_sets = gene_sets
        self.min_size = min_size
        self.max_size = max_size
        self.handle_unknown = handle_unknown
        self.dtype = dtype
        self.sparse_output = sparse_output

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Iterable[str], y: Any = None) -> Self:
        """Read the collection and build its matrix.

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
        FileNotFoundError, GmtFormatError
            If a file of the collection cannot be read.
        TypeError
            If `X` is a single `str`, a set or a mapping; if an identifier is no `str`.
        ValueError
            If `X` is empty or has missing values or several columns; if no gene set is
            left, or none with genes; if two files have a gene set of the same name; if
            a DataFrame lacks a column; if a gene is unknown and that is an error.
        """
        self._fit(_check_genes(X), warn=False)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X: Iterable[str], y: Any = None) -> Membership:
        """Read the collection and return the rows of genes.

        Parameters
        ----------
        X : iterable of str, length n_genes
            Gene identifiers, as in `fit`, which also lists the errors.
        y : None
            Ignored.

        Returns
        -------
        membership : csr_matrix or ndarray of shape (n_genes, n_gene_sets)
            As from `transform`.
        """
        return self._select(self._fit(_check_genes(X), warn=True))

    def transform(self, X: Iterable[str]) -> Membership:
        """Return the rows of genes.

        Parameters
        ----------
        X : iterable of str, length n_genes
            Gene identifiers, as in `fit`, which also lists the errors.

        Returns
        -------
        membership : csr_matrix or ndarray of shape (n_genes, n_gene_sets)
            1 where a gene belongs to a gene set, 0 elsewhere. Sparse output is a
            `csr_array` where scikit-learn's `sparse_interface` is ``"sparray"``.
        """
        check_is_fitted(self)
        genes = _check_genes(X)
        rows = _look_up(genes, self._row_of, self.handle_unknown, warn=True)
        return self._select(rows)

    def inverse_transform(self, X: Any) -> list[Names]:
        """Return the names of the gene sets that rows belong to.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_genes, n_gene_sets)
            Rows as `transform` returns them; entries above 0 are memberships.

        Returns
        -------
        names : list of n_genes ndarrays, dtype object
            The gene-set names of each row, in the order of the columns.

        Raises
        ------
        ValueError
            If `X` has missing values or not one column a gene set.
        """
        check_is_fitted(self)
        X = check_array(X, accept_sparse="csr")
        names = self.get_feature_names_out()
        if X.shape[1] != len(names):
            wanted = f"{len(names)} columns, one a gene set"
            raise ValueError(f"expected {wanted}, got {X.shape[1]}")
        members = sp.csr_array(X > 0)
        members.sort_indices()
        return np.split(names[members.indices], members.indptr[1:-1])

    def get_feature_names_out(self, input_features: Any = None) -> Names:
        """Return the names of the gene sets, one a column.

        Parameters
        ----------
        input_features : None
            Ignored; here for the sake of scikit-learn's interface.

        Returns
        -------
        names : ndarray of shape (n_gene_sets,), dtype object
        """
        check_is_fitted(self)
        return np.array(list(self.vocabulary_), dtype=object)

    def _fit(self, genes: list[str], *, warn: bool) -> Rows:
        collection = _within(_resolve(self.gene_sets), self.min_size, self.max_size)
        known = collection.genes
        if not known:
            raise ValueError(f"expected genes, got {len(collection)} gene sets of none")
        row_of = {gene: row for row, gene in enumerate(known)}
        rows = _look_up(genes, row_of, self.handle_unknown, warn=warn)
        self._membership = _membership(collection, row_of, self.dtype)
        self._row_of = row_of
        self.gene_sets_ = collection
        self.genes_ = np.array(known, dtype=object)
        self.vocabulary_ = {name: column for column, name in enumerate(collection)}
        return rows

    def _select(self, rows: Rows) -> Membership:
        """Rows of the collection's matrix, in the container that is asked for."""
        selected = self._membership[rows]
        if not self.sparse_output:
            return selected.toarray()
        # New in scikit-learn 1.9; older versions always return matrices.
        if get_config().get("sparse_interface") == "sparray":
            return sp.csr_array(selected)
        return selected

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.transformer_tags.preserves_dtype = []
        return tags


def _check_genes(X: Any) -> list[str]:
    wanted, kind = "expected an iterable of genes", type(X).__name__
    if isinstance(X, Mapping):
        raise TypeError(f"{wanted}, got a {kind}; GeneSets have theirs in .genes")
    if isinstance(X, set | frozenset):
        raise TypeError(f"{wanted} in a fixed order, got a {kind}; sort it, maybe")
    if isinstance(X, str | bytes) or not isinstance(X, Iterable):
        raise TypeError(f"{wanted}, got the {kind} {X!r}")
    shape: Any = getattr(X, "shape", (None,))
    if len(shape) != 1:
        if sp.issparse(X) or len(shape) != 2 or shape[1] != 1:
            raise ValueError(f"expected one column of genes, got shape {shape}")
        X = np.asarray(X)[:, 0]
    genes = X.tolist() if isinstance(X, np.ndarray) else list(X)
    if not genes:
        raise ValueError("expected at least one gene, got none")
    _check_text(genes, "genes")
    return genes


def _check_text(values: list[Any], what: str) -> None:
    wrong = [at for at, value in enumerate(values) if not isinstance(value, str)]
    if not wrong:
        return
    value, kind = values[wrong[0]], type(values[wrong[0]]).__name__
    where = f"at position {wrong[0]}; {len(wrong)} of {len(values)} are no str"
    if str(value) in ("None", "nan", "NaT", "<NA>"):
        raise ValueError(f"expected {what}, got the missing value {value} {where}")
    raise TypeError(f"expected {what} (str), got {kind} {value!r} {where}")


def _resolve(gene_sets: Any) -> GeneSets:
    if gene_sets is None:
        from sk_gene2vec.datasets import load_go_bp

        return load_go_bp()
    if isinstance(gene_sets, GeneSets):
        return gene_sets
    if isinstance(gene_sets, Mapping):
        return GeneSets(gene_sets)
    if isinstance(gene_sets, str | os.PathLike):
        return read_gmt(gene_sets)
    if hasattr(gene_sets, "columns"):
        return _from_frame(gene_sets)
    return _from_files(gene_sets)


def _from_files(paths: Iterable[str | os.PathLike[str]]) -> GeneSets:
    sets: dict[str, tuple[str, ...]] = {}
    descriptions: dict[str, str] = {}
    file_of: dict[str, str] = {}
    for path in paths:
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f"expected paths as gene_sets, got {path!r} among them")
        gene_sets = read_gmt(path)
        for name, genes in gene_sets.items():
            if name in sets:
                both = f"{file_of[name]} and {os.fspath(path)}"
                raise ValueError(f"gene set {name!r} occurs in two files: {both}")
            sets[name], file_of[name] = genes, os.fspath(path)
        descriptions.update(gene_sets.descriptions)
    if not sets:
        raise ValueError("expected at least one path as gene_sets, got none")
    return GeneSets._trusted(sets, descriptions)


def _from_frame(frame: Any) -> GeneSets:
    columns = list(frame.columns)
    if not {"source", "target"} <= set(columns):
        wanted = "a DataFrame with the columns 'source' (gene set) and 'target' (gene)"
        raise ValueError(f"expected {wanted}, got {columns}")
    names, genes = list(frame["source"]), list(frame["target"])
    _check_text(names, "gene-set names in column 'source'")
    _check_text(genes, "genes in column 'target'")
    sets: dict[str, list[str]] = {}
    for name, gene in zip(names, genes, strict=True):
        sets.setdefault(name, []).append(gene)
    return GeneSets(sets)


def _within(
    gene_sets: GeneSets, min_size: int | None, max_size: int | None
) -> GeneSets:
    low = 0 if min_size is None else min_size
    high = np.inf if max_size is None else max_size
    sizes = [len(genes) for genes in gene_sets.values()]
    if low <= min(sizes) and max(sizes) <= high:
        return gene_sets
    kept = {name: g for name, g in gene_sets.items() if low <= len(g) <= high}
    if not kept:
        raise ValueError(
            f"min_size={min_size} and max_size={max_size} leave no gene set: the "
            f"{len(sizes)} in the collection have {min(sizes)} to {max(sizes)} genes"
        )
    return GeneSets._trusted(kept, gene_sets.descriptions, gene_sets.attrs)


def _membership(
    gene_sets: GeneSets, row_of: dict[str, int], dtype: npt.DTypeLike
) -> sp.csr_matrix:
    """Matrix of genes x gene sets, with a last row of zeros for unknown genes."""
    starts = np.cumsum([0, *map(len, gene_sets.values())])
    members = chain.from_iterable(gene_sets.values())
    rows = np.fromiter(map(row_of.__getitem__, members), np.int64, count=starts[-1])
    ones = np.ones(len(rows), dtype=dtype)
    shape = len(row_of) + 1, len(gene_sets)
    return sp.csc_matrix((ones, rows, starts), shape=shape).tocsr()


def _look_up(
    genes: list[str], row_of: dict[str, int], handle_unknown: str, *, warn: bool
) -> Rows:
    nowhere = len(row_of)  # the row of zeros
    rows = np.fromiter(map(row_of.get, genes, repeat(nowhere)), np.intp)
    places = np.flatnonzero(rows == nowhere)
    if not len(places):
        return rows
    count = f"{len(places)} of {len(genes)} genes are in no gene set of the collection"
    unknown = list(dict.fromkeys(genes[place] for place in places))
    if handle_unknown == "error":
        shown = ", ".join(map(repr, unknown[:_UNKNOWN_SHOWN]))
        more = ", …" if len(unknown) > _UNKNOWN_SHOWN else ""
        raise ValueError(f"{count}: {shown}{more}")
    if warn:
        near = ", ".join(islice(_near_misses(unknown, row_of), _NEAR_MISSES_SHOWN))
        hint = f"; different in case only: {near}" if near else ""
        message = f"{count} and get a row of zeros{hint}"
        warnings.warn(message, UserWarning, stacklevel=2)
    return rows


def _near_misses(unknown: list[str], known: Iterable[str]) -> Iterator[str]:
    folded = {gene.casefold(): gene for gene in known}
    for gene in unknown:
        if (near := folded.get(gene.casefold())) is not None:
            yield f"{gene!r} (the collection has {near!r})"
