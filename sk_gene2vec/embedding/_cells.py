"""Cells as weighted means of the vectors of the genes that they express."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sk_gene2vec._utils._memberships import row_blocks
from sk_gene2vec._utils._messages import warn
from sk_gene2vec.embedding._embedding import GeneEmbedding
from sk_gene2vec.embedding._interop import check_anndata, rows_of_variables, update_uns

if TYPE_CHECKING:
    from anndata import AnnData

    from sk_gene2vec.identifiers._index import Aliases

_Floats: TypeAlias = NDArray[np.float64]

# Share of the counts below which a warning says that too many are left out.
_LEAST_COVERAGE = 0.9


class _Expression(Protocol):
    """Cells x genes: a NumPy, SciPy or dask array, or one in a file."""

    shape: tuple[int, int]
    dtype: np.dtype[np.generic]

    def __getitem__(self, place: tuple[slice, slice], /) -> object: ...


def embed_cells(
    adata: AnnData,
    embedding: GeneEmbedding,
    key: str = "X_gene2vec",
    *,
    layer: str | None = None,
    use_raw: bool = False,
    gene_weights: str | None = "idf",
    aliases: Aliases | None = None,
    gene_symbols: str | None = None,
) -> None:
    """Put a vector of every cell into ``adata.obsm[key]``.

    The vector of a cell is the mean of the vectors of its genes, weighted by how much
    the cell expresses them. Genes without a vector are left out.
    :meth:`GeneEmbedding.to_anndata` has the same default `key` for the vectors of
    genes, in `varm` and `uns`: both can be in one AnnData.

    Parameters
    ----------
    adata : AnnData
        Cells x genes; dense, sparse, backed or dask. Changed in place; entries of the
        same key are replaced.
    embedding : GeneEmbedding
        The vectors of the genes.
    key : str, default="X_gene2vec"
        Name of the entries in `obsm` and `uns`.
    layer : str, default=None
        Layer with the expression. None for ``adata.X``.
    use_raw : bool, default=False
        Take the expression and the genes from ``adata.raw``.
    gene_weights : {"idf"} or None, default="idf"
        ``"idf"`` gives more weight to genes that fewer cells express. The vector of a
        cell then depends on the other cells. None gives all genes the same weight: use
        it for cells of several data sets that are embedded separately.
    aliases : mapping or DataFrame, default=None
        Other names of genes, as :class:`GmtVectorizer` takes them. A name of several
        genes is not found.
    gene_symbols : str, default=None
        Column of `var` with the genes, where `var_names` are other identifiers. None
        for `var_names`.

    Raises
    ------
    KeyError
        If there is no such layer, or no such column of `var`.
    TypeError
        If `adata` is not an AnnData, if `embedding` is not a GeneEmbedding, or if the
        expression is not made of real numbers.
    ValueError
        If a value is negative, NaN or infinite, or none is above zero; if less than a
        tenth of the names, or of the genes if these are fewer, match; if ``"idf"``
        leaves no gene a weight, as all cells express all of them.

    Warns
    -----
    UserWarning
        If the genes with a vector have less than 90 % of the counts; if a cell
        expresses none of them: its vector is zero.

    See Also
    --------
    GeneEmbedding.to_anndata : Vectors of the genes, into `varm`.

    Notes
    -----
    Cell `c` gets the sum of `x_cg w_g v_g` over its genes `g`, divided by the sum of
    `x_cg w_g`, where `x_cg` is the expression, `v_g` the vector, and `w_g` is
    `log((1 + n) / (1 + n_g))` with ``"idf"``: `n_g` of the `n` cells express the gene.
    A gene that all cells express has weight 0.

    The division takes out the depth of sequencing, so counts need no normalisation.
    Log-normalised expression does as well; scaled values do not, as means need weights
    of zero or greater.

    ``adata.uns[key]`` says what share of the genes (`coverage_genes`) and of the summed
    expression (`coverage_counts`) belongs to genes with a vector, and with which
    parameters (`params`) and vectors (`attrs`, as JSON) the cells were embedded.

    Examples
    --------
    >>> import anndata, numpy as np, pandas as pd
    >>> from sk_gene2vec import GeneEmbedding, embed_cells
    >>> var = pd.DataFrame(index=["TP53", "PKM", "MALAT1"])
    >>> adata = anndata.AnnData(np.array([[9, 3, 1], [0, 2, 0]]), var=var)
    >>> embedding = GeneEmbedding(["PKM", "TP53"], [[1, 0], [0, 1]])
    >>> embed_cells(adata, embedding, gene_weights=None)
    >>> adata.obsm["X_gene2vec"]
    array([[0.25, 0.75],
           [1.  , 0.  ]])
    >>> round(adata.uns["X_gene2vec"]["coverage_counts"], 2)
    0.93
    """
    if not isinstance(embedding, GeneEmbedding):
        raise TypeError(f"Expected a GeneEmbedding, got {type(embedding).__name__}.")
    if gene_weights not in ("idf", None):
        raise ValueError(f"Expected gene_weights 'idf' or None, got {gene_weights!r}.")
    values, where = _expression(adata, layer, use_raw)
    variables = adata.raw if use_raw else adata
    rows, unknown = rows_of_variables(embedding, variables, aliases, gene_symbols)
    known = np.flatnonzero(rows < len(embedding))
    sums, n_cells = _sums(values, adata, where)
    coverage = float(sums[known].sum() / sums.sum())
    if coverage < _LEAST_COVERAGE:
        warn(f"{1 - coverage:.1%} of the expression is left out: {unknown}.")
    # Means of the vectors, and of ones for what to divide by.
    summands = np.zeros((len(rows), embedding.vectors.shape[1] + 1))
    summands[known, :-1] = embedding.vectors[rows[known]]
    summands[known, -1] = 1
    if gene_weights == "idf":
        summands *= np.log((1 + len(adata)) / (1 + n_cells))[:, np.newaxis]
        expressed = known[n_cells[known] > 0]
        if len(expressed) and not summands[expressed, -1].any():
            raise ValueError(
                "Expected genes that some cells do not express, got none among "
                f"{len(adata)} cells: gene_weights='idf' leaves no gene a weight. Set "
                "gene_weights=None."
            )
    adata.obsm[key] = _means(values, summands).astype(embedding.vectors.dtype)
    given = {"layer": layer, "gene_weights": gene_weights, "gene_symbols": gene_symbols}
    # Files have no place for None.
    params = {name: value for name, value in given.items() if value is not None}
    entries = {
        "coverage_genes": len(known) / len(rows),
        "coverage_counts": coverage,
        "params": {**params, "use_raw": use_raw},
        "attrs": json.dumps(dict(embedding.attrs)),
    }
    update_uns(adata, key, entries)


def _expression(
    adata: AnnData, layer: str | None, use_raw: bool
) -> tuple[_Expression, str]:
    """Return the matrix of cells x genes that was chosen, and its name."""
    check_anndata(adata)
    if layer is not None and use_raw:
        raise ValueError("Expected a layer or use_raw=True, got both.")
    if use_raw:
        values, where = getattr(adata.raw, "X", None), "adata.raw.X"
    elif layer is None:
        values, where = adata.X, "adata.X"
    else:
        values, where = adata.layers.get(layer), f"adata.layers[{layer!r}]"
    if values is None:
        kind = ValueError if layer is None else KeyError
        raise kind(f"Expected expression in {where}, got None.{_others(adata, where)}")
    if not all(size > 0 for size in values.shape):
        raise ValueError(
            f"Expected cells and genes in {where}, got the shape {values.shape}. If a "
            "size of a dask array is unknown (nan), call its compute_chunk_sizes()."
        )
    if np.dtype(values.dtype).kind not in "biuf":
        raise TypeError(f"Expected real numbers in {where}, got {values.dtype}.")
    return values, where


def _others(adata: AnnData, where: str) -> str:
    """Advise to take the expression from another place, if there is one."""
    # anndata 0.13 lists adata.X as the layer None.
    places = [f"layer={name!r}" for name in adata.layers if name is not None]
    if adata.raw is not None and where != "adata.raw.X":
        places.insert(0, "use_raw=True")
    return f" Set {' or '.join(places)} to use other values." if places else ""


def _blocks(
    values: _Expression,
) -> Iterator[tuple[slice, slice, _Floats | sp.csr_array]]:
    """Yield parts of a matrix in float64, with their rows and columns.

    They are whole columns of a CSC matrix, as its rows are slow to get, else whole
    rows.
    """
    every = slice(None)
    by_column = getattr(values, "format", None) == "csc"
    for part in row_blocks(values.shape[::-1] if by_column else values.shape):
        rows, columns = (every, part) if by_column else (part, every)
        block = values[rows, columns]
        if hasattr(block, "map_blocks"):
            # dask before 2024.12 joins sparse matrices, and no sparse arrays.
            block = block.map_blocks(sp.csr_matrix).compute()
        block = sp.csr_array(block) if sp.issparse(block) else np.asarray(block)
        yield rows, columns, block.astype(np.float64)


def _sums(values: _Expression, adata: AnnData, where: str) -> tuple[_Floats, _Floats]:
    """Sum each gene over the cells, and count the cells that express it."""
    sums, n_cells = np.zeros(values.shape[1]), np.zeros(values.shape[1])
    for _, columns, block in _blocks(values):
        least = block.min()
        if least < 0:
            raise ValueError(
                f"Expected counts or log-normalised expression, 0 or greater, got "
                f"{least:.4g} in {where}: scaled or centred values cannot be the "
                f"weights of a mean.{_others(adata, where)}"
            )
        sums[columns] += block.sum(axis=0)
        n_cells[columns] += (block > 0).sum(axis=0)
    if not np.isfinite(sums).all():
        raise ValueError(f"Expected finite numbers in {where}, got NaN or infinity.")
    if not sums.any():
        raise ValueError(f"Expected expression in {where}, got nothing but zeros.")
    return sums, n_cells


def _means(values: _Expression, summands: _Floats) -> _Floats:
    """Weigh vectors by expression; the last column has what to divide by."""
    totals = np.zeros((values.shape[0], summands.shape[1]))
    for rows, columns, block in _blocks(values):
        totals[rows] += block @ summands[columns]
    weights = totals[:, -1:]
    empty = int((weights == 0).sum())
    if empty:
        warn(
            f"{empty} of {len(totals)} cells express no gene that has a vector and a "
            "weight: their vectors are zero."
        )
    return totals[:, :-1] / np.where(weights, weights, 1)
