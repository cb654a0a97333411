"""The formats of a GeneEmbedding: one pair of methods each.

The work is done in `_interop.py` and `_text_formats.py`, by functions of genes and
vectors. A new format is a pair of functions there and a pair of methods here.
"""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from sk_gene2vec.embedding import _folders as folders
from sk_gene2vec.embedding import _interop as interop
from sk_gene2vec.embedding import _text_formats as text_formats
from sk_gene2vec.embedding._base import GeneVectors
from sk_gene2vec.gene_sets._reading import MAX_BYTES

if TYPE_CHECKING:
    import pandas as pd

_Path: TypeAlias = str | PathLike[str]


class Exports(GeneVectors):
    """Methods of GeneEmbedding for the formats of other tools."""

    def to_frame(self) -> pd.DataFrame:
        """Return a DataFrame with one row a gene.

        Returns
        -------
        DataFrame of shape (n_genes, n_dimensions)
            The genes are the index, `gene`. The columns of an embedding by
            `from_pipeline` are named as in the encoder's `get_feature_names_out`:
            `genesetencoder0`, `genesetencoder1`, ...; those of others `dim_0`, `dim_1`,
            .... Its `attrs` are those of the embedding.

        Examples
        --------
        >>> from sk_gene2vec import GeneEmbedding
        >>> frame = GeneEmbedding(["PKM", "TP53"], [[3, 1], [0, 1]]).to_frame()
        >>> frame.loc["PKM", "dim_0"].item()
        3.0
        """
        return interop.to_frame(self)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> Self:
        """Take genes from the index of a DataFrame, vectors from its columns.

        Parameters
        ----------
        frame : DataFrame of shape (n_genes, n_dimensions)
            Numbers only; float32 where all columns are. Its `attrs` are taken over.

        Returns
        -------
        embedding : GeneEmbedding
            The genes and vectors; the names of the columns are dropped.

        Raises
        ------
        TypeError
            If `frame` is not a pandas DataFrame; if its index has anything but `str`;
            if a column has no numbers.
        ValueError
            If a gene occurs twice, or a number is missing.

        Examples
        --------
        >>> import pandas as pd
        >>> from sk_gene2vec import GeneEmbedding
        >>> frame = pd.DataFrame({"a": [3, 0], "b": [1, 1]}, index=["PKM", "TP53"])
        >>> GeneEmbedding.from_frame(frame)["PKM"]
        array([3., 1.])
        """
        return cls(*interop.from_frame(frame))

    def to_anndata(
        self,
        adata: Any,
        key: str = "gene2vec",
        aliases: Any = None,
        gene_symbols: str | None = None,
    ) -> None:
        """Put the vectors into ``adata.varm[key]``, in the order of its `var_names`.

        Names that are no gene of the embedding get NaN, with a warning that counts
        them; leave them out of sums over genes. The `attrs` go as JSON into
        ``adata.uns[key + "_attrs"]``.

        Parameters
        ----------
        adata : AnnData
            Changed in place; an entry of the same key is replaced.
        key : str, default="gene2vec"
            Name of the entry in `varm`.
        aliases : mapping or DataFrame, default=None
            Other names of genes, as :class:`GmtVectorizer` takes them. A name of
            several genes is not found.
        gene_symbols : str, default=None
            Column of ``adata.var`` with the genes, where `var_names` are other
            identifiers. None for `var_names`.

        Raises
        ------
        KeyError
            If `var` has no such column.
        TypeError
            If `adata` is not an AnnData.
        ValueError
            If less than a tenth of the names, or of the genes if these are fewer,
            match.

        Warns
        -----
        UserWarning
            If a name is no gene of the embedding.

        See Also
        --------
        embed_cells : Means of the vectors, for the cells.

        Examples
        --------
        >>> import anndata, numpy as np, pandas as pd
        >>> from sk_gene2vec import GeneEmbedding
        >>> var = pd.DataFrame(index=["TP53", "PKM"])
        >>> adata = anndata.AnnData(np.ones((1, 2)), var=var)
        >>> GeneEmbedding(["PKM", "TP53"], [[3, 1], [0, 1]]).to_anndata(adata)
        >>> adata.varm["gene2vec"]
        array([[0., 1.],
               [3., 1.]])
        """
        interop.to_anndata(self, adata, key, aliases, gene_symbols)

    @classmethod
    def from_anndata(cls, adata: Any, key: str = "gene2vec") -> Self:
        """Take genes from `var_names`, vectors from ``adata.varm[key]``.

        Parameters
        ----------
        adata : AnnData
            With vectors of its variables, by `to_anndata` or another tool.
        key : str, default="gene2vec"
            Name of the entry in `varm`.

        Returns
        -------
        embedding : GeneEmbedding
            Without the variables whose vector is nothing but NaN; with the `attrs`
            that `to_anndata` has left.

        Raises
        ------
        KeyError
            If there is no such key.
        TypeError
            If `adata` is not an AnnData, or has no dense matrix of numbers there.
        ValueError
            If a name occurs twice, or a vector has NaN and numbers.
        """
        return cls(*interop.from_anndata(adata, key))

    def to_parquet(self, path: _Path) -> None:
        """Write a Parquet file: exact, compact, and with `attrs` in its metadata.

        Parameters
        ----------
        path : path
            File to write; an existing one is replaced. It has the column `gene` and
            the columns of `to_frame`, for other tools to read.

        Raises
        ------
        ImportError
            If pyarrow is not installed.
        """
        interop.to_parquet(self.to_frame(), path)

    @classmethod
    def from_parquet(cls, path: _Path, max_bytes: int = MAX_BYTES) -> Self:
        """Read a Parquet file with genes as its index.

        Parameters
        ----------
        path : path
            File written by `to_parquet`, or by pandas.
        max_bytes : int, default=2**30
            Size in bytes above which a file is refused: of its contents uncompressed,
            or of eight bytes a number. Small files can hold very many equal numbers.

        Returns
        -------
        embedding : GeneEmbedding
            With the `attrs` of the file.

        Raises
        ------
        ImportError
            If pyarrow is not installed.
        FileNotFoundError, OSError
            If there is no file, or it cannot be opened.
        TypeError, ValueError
            If the file is damaged, too large or not a Parquet file; if it has anything
            but numbers and an index of genes, see `from_frame`.
        """
        return cls.from_frame(interop.from_parquet(path, max_bytes))

    def to_word2vec(self, path: _Path) -> None:
        """Write the text format of word2vec, which gensim and others read.

        Numbers have all the digits that reading them back needs. The format has no
        place for `attrs`.

        Parameters
        ----------
        path : path
            File to write; an existing one is replaced.

        Raises
        ------
        ValueError
            If a gene has a blank in it, which separates in this format.

        Examples
        --------
        >>> import tempfile, pathlib
        >>> from sk_gene2vec import GeneEmbedding
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "genes.txt"
        >>> GeneEmbedding(["PKM", "TP53"], [[3, 1], [0, 1]]).to_word2vec(path)
        >>> print(path.read_text())
        2 2
        PKM 3 1
        TP53 0 1
        <BLANKLINE>
        """
        text_formats.to_word2vec(self.genes, self.vectors, path)

    @classmethod
    def from_word2vec(cls, path: _Path, dtype: DTypeLike = np.float32) -> Self:
        """Read the text format of word2vec, which has no `attrs`.

        Parameters
        ----------
        path : path
            File with the numbers of genes and dimensions in the first line, then one
            gene a line and its numbers, separated by blanks.
        dtype : {numpy.float32, numpy.float64}, default=numpy.float32
            Type of the vectors; the file does not say.

        Returns
        -------
        embedding : GeneEmbedding
            As written by `to_word2vec`, without `attrs`.

        Raises
        ------
        FileNotFoundError, OSError
            If there is no file, or it cannot be opened or read.
        ValueError
            If the file is not in this format; the message has the line. If a gene
            occurs twice, or a number is not finite or too large for `dtype`. If
            `dtype` is another.
        """
        return cls(*text_formats.from_word2vec(path, dtype))

    def to_folder(self, folder: _Path) -> None:
        """Write a folder to hand on: vectors with their genes, origin, model card.

        It can be put on a model hub as it is.

        Parameters
        ----------
        folder : path
            Folder to write to; made if it does not exist. It gets `embedding.npy`,
            a NumPy array with the fields `gene`, `vector` and, if it is known,
            `n_gene_sets`; `config.json` with `attrs`; and `README.md`, a model card
            that says where the vectors come from, how good they are, and what to mind.
            Files of these names are replaced.

        See Also
        --------
        GeneEmbedding.from_gene_sets : Learns vectors, and has their score for the card.
        """
        folders.to_folder(self, folder)

    @classmethod
    def from_folder(cls, folder: _Path, max_bytes: int = MAX_BYTES) -> Self:
        """Read a folder written by `to_folder`, from this machine or from a URL.

        Parameters
        ----------
        folder : path or str
            Folder, or a URL that fsspec opens, such as ``"https://..."``,
            ``"s3://..."`` or ``"hf://..."``.
        max_bytes : int, default=2**30
            Size in bytes above which a file is refused.

        Returns
        -------
        embedding : GeneEmbedding
            With its `attrs`.

        Raises
        ------
        ImportError
            If a URL needs a package that is not installed.
        OSError
            If a file is missing, or cannot be opened or read.
        ValueError
            If the folder is of another format, or a file is damaged or too large.

        Examples
        --------
        >>> import tempfile
        >>> from sk_gene2vec import GeneEmbedding
        >>> embedding = GeneEmbedding(["PKM", "TP53"], [[3, 1], [0, 1]])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     embedding.to_folder(folder)
        ...     GeneEmbedding.from_folder(folder)["PKM"]
        array([3., 1.])
        """
        return cls(*folders.from_folder(folder, max_bytes))
