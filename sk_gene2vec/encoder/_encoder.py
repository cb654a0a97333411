"""GeneSetEncoder: the scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils import Tags, check_array, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from sk_gene2vec._utils._memberships import as_memberships
from sk_gene2vec._utils._messages import counted, excerpt, warn
from sk_gene2vec._utils._typing import (
    Array,
    MatrixLike,
    RandomStateLike,
    fit_context,
)
from sk_gene2vec.encoder._activations import ACTIVATIONS
from sk_gene2vec.encoder._inference import (
    Layers,
    embed_known_or_fold_in,
    embed_memberships,
)
from sk_gene2vec.encoder._probabilities import Genes, decode
from sk_gene2vec.encoder._saved import check_state
from sk_gene2vec.metrics import held_out_membership_score

if TYPE_CHECKING:
    from skorch.callbacks import Callback

# Share of values above 1 from which on X looks like counts.
_MANY = 0.1


def _text_in(X: MatrixLike) -> str | None:
    """Find a text where numbers are expected, such as genes in place of a matrix."""
    if sp.issparse(X):
        return None
    values = list(X) if isinstance(X, Mapping) else np.asarray(X)
    if isinstance(values, np.ndarray):
        # A matrix of numbers would become a list of objects, fifteen times as large.
        values = values.ravel() if values.dtype.kind in "OUST" else []
    return next((str(value) for value in values if isinstance(value, str)), None)


def _warn_of_counts(values: Array) -> None:
    n_above, n_members = int((values > 1).sum()), int((values > 0).sum())
    if n_above > _MANY * n_members:
        warn(
            f"{n_above:,} of {n_members:,} values in X are above 1. Every value above "
            "0 is taken for a membership: X should have one row per gene and one "
            "column per gene set, with 1 where the gene is in the set. Counts of "
            "expression are not memberships; if the values are weights, pass X > 0."
        )


class GeneSetEncoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Gene embeddings from gene sets, learned by a multi-label network.

    The network predicts a gene's gene sets from the gene: gene -> embedding ->
    activation -> hidden layers -> one sigmoid per gene set. The middle layer is
    the gene's embedding. The probability of a membership follows from the output and
    from the memberships of the genes with the nearest embeddings.

    Parameters
    ----------
    embedding_dim : int, default=100
        Length of a gene's vector.

    gene_input : {"membership", "one-hot"}, default="membership"
        How the gene enters the network.

        - "membership": as its own row of X, with a random part of the memberships
          masked in training. Genes not seen in `fit` are embedded in the same way.
        - "one-hot": every gene seen in `fit` owns one row of an embedding table.
          Rows of X that are identical share one row of the table, weighted by how
          often they occur. A row not seen in `fit` is folded in: its loss is
          minimised over the embedding alone.

        Either starts from a truncated singular value decomposition of the weighted
        rows.

    mask_rate : float, default=0.4
        Share of the memberships hidden from the inputs at each step, in (0, 1).
        Only used when `gene_input="membership"`.

    activation : {"rmsnorm", "tanh", "relu", "identity"}, default="rmsnorm"
        Activation of the embedding. "rmsnorm" scales every vector to the length
        ``sqrt(embedding_dim)``, so that genes differ only by direction.

    dropout : float, default=0.1
        Share of the embedding that is dropped at each step of training, in [0, 1).

    hidden_layer_sizes : int or array-like of int, default=()
        Widths of the ReLU layers between the embedding and the output.

    lr : float, default=0.02
        Learning rate of AdamW at the first step; it falls linearly to zero. With
        ``gene_input="membership"`` the first layer has a fifth of it, to stay near
        the decomposition that it starts from.

    weight_decay : float, default=0.3
        Decoupled weight decay of the first layer, as in AdamW: each step takes
        the share ``lr * weight_decay`` of its weights.

    max_epochs : int, default=20
        Passes over the genes.

    batch_size : int, default=1024
        Genes in a mini-batch; with ``gene_input="one-hot"``, distinct rows of X.

    completeness : float, default=0.87
        Share of the true memberships that the collection is assumed to list, in (0, 1).
        It sets the level of the probabilities and does not change their order, see
        Notes. With 0.87, the probabilities of the unlisted memberships sum to 0.15
        times the number of listed ones.

    n_negatives : int or None, default=None
        None computes the loss over all pairs of a gene and a gene set, and is right up
        to some hundred thousand gene sets. A number, such as 2,000, serves larger
        collections, and searches: at 20,000 gene sets it saves more than half of an
        epoch, for slightly lower scores, see the benchmarks. Pairs that are not
        memberships are then represented by about this many per gene. The gradient in
        the last hidden layer is estimated from all genes of a mini-batch with some gene
        sets, and the gradient in the output layer from some genes with all gene sets.
        Both estimates are unbiased.

    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Precision of the matrix products in training. "auto" takes bfloat16 where
        the device has instructions for it. Weights, optimiser state and sums are
        float32 in either case.

    device : str, default="auto"
        Where to train: "auto" (a CUDA device if there is one), any argument of
        :class:`torch.device`, such as "cpu" or "cuda:1", or "accelerate", for all
        processes that ``torchrun`` or ``accelerate launch`` started.

    callbacks : list of skorch callbacks or None, default=None
        Passed to the :class:`skorch.NeuralNet` that trains the network. With
        :class:`~skorch.callbacks.Checkpoint` and
        :class:`~skorch.callbacks.LoadInitState`, a fit that was killed can resume, see
        the user guide. The training loss that they see is an estimate for large
        collections, see `loss_curve_`.

    warm_start : bool, default=False
        If True, `fit` continues from the solution of the previous call for another
        `max_epochs`, instead of starting again. Gene sets and architecture must be the
        same and, with ``gene_input="one-hot"``, the genes.

    random_state : int, RandomState instance or None, default=None
        Determines the initial weights, the order of the genes, masks, dropout and
        negatives. Pass an int for reproducible results across multiple function
        calls. An instance is advanced by every call, even one that fails.

    verbose : int, default=0
        0 is silent, 1 shows a progress bar with the loss, and names what comes before
        and after the training.

    Attributes
    ----------
    embedding_ : ndarray of shape (n_genes, embedding_dim)
        Embeddings of the rows of X seen in `fit`, float32.

    gene_set_embedding_ : ndarray of shape (n_gene_sets, embedding_dim)
        Output-layer vectors of the gene sets. Defined only if the decoder is linear,
        that is, if `hidden_layer_sizes` is empty. The logit of a membership is then
        the product of the two vectors plus ``intercepts_[-1]``.

    coefs_ : list of ndarray
        Weights of the layers, each of shape (n_in, n_out). The first maps gene
        sets ("membership") or distinct training rows ("one-hot") to the embedding.

    intercepts_ : list of ndarray
        Biases of the layers, each of shape (n_out,).

    gene_set_weights_ : ndarray of shape (n_gene_sets,)
        Rarity of each gene set in the training data, log(n_genes / size), and 0 for
        an empty set and a set of all genes. `warm_start` keeps weights above 0. They
        weight the inputs if `gene_input="membership"`.

    loss_curve_ : list of float
        Training loss of each epoch: binary cross-entropy, averaged over all pairs of a
        gene and a gene set. If a mini-batch has more than 260,000 pairs, or with
        `n_negatives`, the loss of the pairs that are not memberships is estimated from
        some of its genes, within 2 % or so; with ``gene_input="one-hot"`` and rows that
        stand for many genes, less exactly. `warm_start` appends to it.

    n_iter_ : int
        Number of epochs of the last call, those of a checkpoint included.

    gene_set_frequency_ : ndarray of shape (n_gene_sets,)
        Share of the genes of the training data in each set. For a gene in no gene
        set, these are the probabilities.

    n_features_in_ : int
        Number of gene sets seen during :term:`fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the gene sets seen during :term:`fit`. Defined only when `X` has
        feature names that are all strings.

    See Also
    --------
    GmtVectorizer : Make the matrix that this estimator takes.
    sklearn.decomposition.TruncatedSVD : The linear method to compare with.

    Notes
    -----
    With x the binary row of a gene, w the weights of the gene sets, and m a mask
    that keeps each entry with probability 1 - `mask_rate` (all of them outside
    training), the embedding of a gene is ::

        e = activation(r / ||r|| @ coefs_[0] + intercepts_[0]),  r = x * w * m

    for ``gene_input="membership"``, and ``e = activation(coefs_[0][i] +
    intercepts_[0])`` for row i of the table with "one-hot". The logits are
    ``z = h(e) @ coefs_[-1] + intercepts_[-1]``, h being the hidden layers, and the
    loss is the mean over all pairs of ``softplus(-z)`` for a membership and
    ``softplus(z)`` for any other pair, minimised by AdamW. Memberships that are not
    masked have no loss, so the network learns to predict and not to copy. The output's
    biases start at the log-odds of each set's frequency.

    The probability of a membership is ::

        sigmoid(0.2 * z + 2/3 * log(v + 10 * f) + c)

    where f is the frequency of the set, ``(size + 1/2) / (n_genes + 1)``, and v are the
    votes of the 30 genes of the training data with the nearest embeddings: each of them
    that is in the set adds the third power of its cosine. The term ``10 * f`` stands
    for ten more genes, drawn at random. The number c sets the level: the probabilities
    of all unlisted memberships sum to ``(1 - completeness) / completeness`` times the
    number of listed ones, as estimated on a sample of the genes, and to half of the
    pairs at most. The constants were chosen by the memberships that later releases of
    GO and Reactome added to MSigDB v7.1, see the benchmarks. A gene of the training
    data is among its own neighbours, so the probability of a listed membership is
    higher than if it were not listed.

    X is taken as binary: a value greater than zero is a membership. `y` is ignored.
    A gene in no gene set has no embedding: its vector is zero, its probabilities are
    `gene_set_frequency_`, and `inverse_transform` returns these frequencies for every
    vector of zeros. With ``gene_input="membership"`` the same holds for a gene whose
    sets all have weight 0: a set of all genes does not tell genes apart, and nothing
    was learned from a set without a gene in `fit`. A warning counts these genes.

    References
    ----------
    The network is that of the notebook "Gene2Vec in Pytorch: Part 1". Masking
    inputs and reconstructing the full row is a denoising autoencoder:
    P. Vincent et al., "Extracting and composing robust features with denoising
    autoencoders", ICML 2008.

    Examples
    --------
    >>> from sk_gene2vec import GeneSetEncoder, GmtVectorizer
    >>> gene_sets = {
    ...     "GLYCOLYSIS": ["HK1", "PFKM", "PKM"],
    ...     "HYPOXIA": ["HK1", "PFKM", "VEGFA"],
    ...     "P53_PATHWAY": ["TP53", "MDM2", "CDKN1A"],
    ... }
    >>> genes = ["HK1", "PKM", "TP53", "MDM2"]
    >>> X = GmtVectorizer(gene_sets).fit_transform(genes)
    >>> encoder = GeneSetEncoder(embedding_dim=2, random_state=0).fit(X)
    >>> encoder.transform(X).shape
    (4, 2)
    >>> encoder.predict_proba(X).shape
    (4, 3)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "embedding_dim": [Interval(Integral, 1, None, closed="left")],
        "gene_input": [StrOptions({"membership", "one-hot"})],
        "mask_rate": [Interval(Real, 0, 1, closed="neither")],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "completeness": [Interval(Real, 0, 1, closed="neither")],
        "n_negatives": [Interval(Integral, 1, None, closed="left"), None],
        "precision": [StrOptions({"auto", "float32", "bfloat16"})],
        "device": [str],
        "callbacks": [list, None],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        embedding_dim: int = 100,
        *,
        gene_input: str = "membership",
        mask_rate: float = 0.4,
        activation: str = "rmsnorm",
        dropout: float = 0.1,
        hidden_layer_sizes: ArrayLike = (),
        lr: float = 0.02,
        weight_decay: float = 0.3,
        max_epochs: int = 20,
        batch_size: int = 1024,
        completeness: float = 0.87,
        n_negatives: int | None = None,
        precision: str = "auto",
        device: str = "auto",
        callbacks: list[Callback] | None = None,
        warm_start: bool = False,
        random_state: RandomStateLike = None,
        verbose: int = 0,
    ) -> None:
        self.embedding_dim = embedding_dim
        self.gene_input = gene_input
        self.mask_rate = mask_rate
        self.activation = activation
        self.dropout = dropout
        self.hidden_layer_sizes = hidden_layer_sizes
        self.lr = lr
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.completeness = completeness
        self.n_negatives = n_negatives
        self.precision = precision
        self.device = device
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: MatrixLike, y: object = None) -> GeneSetEncoder:
        """Learn the embedding from a gene x gene-set matrix.

        Any exception, Ctrl-C and errors in callbacks included, leaves the estimator
        as it was before the call.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_genes, n_gene_sets)
            Memberships: greater than zero where the gene is in the set.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : GeneSetEncoder
            The fitted estimator.

        Raises
        ------
        ValueError
            If X is empty, all zeros, negative, not finite or not numeric; if a
            parameter is out of range, or the device does not exist; if the loss stops
            being finite; or if `warm_start` meets other gene sets or another
            architecture than the previous fit.
        TypeError
            If X has values that are not numbers, such as dates.
        MemoryError
            If there is too little memory.
        ImportError, RuntimeError
            If ``device="accelerate"`` needs a package that is missing, or was started
            without the other processes.

        Warns
        -----
        UserWarning
            If genes are only in sets of all genes, or if X looks like counts.
        """
        # Not at the top: a fitted encoder works, and loads, without torch.
        from sk_gene2vec.encoder.training._fitting import fit_network

        resumes = self.warm_start and hasattr(self, "coefs_")
        before = self.__dict__.copy()
        try:
            X = self._validated(X, reset=not resumes, in_fit=True)
            if not X.nnz:
                raise ValueError(
                    f"Expected genes with gene sets, got {X.shape[0]} rows of zeros "
                    "alone. Do the gene identifiers fit the collection? "
                    "GmtVectorizer.lookup shows how each was found."
                )
            fitted = fit_network(
                X,
                self.get_params(deep=False),
                check_random_state(self.random_state),
                previous=before if resumes else None,
            )
            self.__dict__.update(fitted)
            self._warn_of_zeros(X)
        except BaseException:
            self.__dict__ = before
            raise
        return self

    def fit_transform(self, X: MatrixLike, y: object = None) -> NDArray[np.floating]:
        """Learn the embedding, and embed the same genes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_genes, n_gene_sets)
            Memberships: greater than zero where the gene is in the set.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        ndarray of shape (n_genes, embedding_dim)
            As `transform` returns it after `fit`, up to rounding: computed in float32.
            It raises and warns what `fit` does.
        """
        dtype = self.fit(X, y)._validated(X, reset=False).dtype
        return self.embedding_.astype(dtype)

    def transform(self, X: MatrixLike) -> NDArray[np.floating]:
        """Embed genes.

        The embedding of a gene that is in no gene set, or only in sets with weight 0,
        is zero. A warning counts the latter.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_genes, n_gene_sets)
            Memberships: greater than zero where the gene is in the set.

        Returns
        -------
        ndarray of shape (n_genes, embedding_dim)
            Embeddings, of the dtype of X where that is float32 or float64, else
            float64.
        """
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        self._warn_of_zeros(X)
        return self._embed(X)

    def predict_proba(self, X: MatrixLike) -> NDArray[np.floating]:
        """Probability of every membership.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_genes, n_gene_sets)
            Memberships: greater than zero where the gene is in the set.

        Returns
        -------
        ndarray of shape (n_genes, n_gene_sets)
            Each entry is a probability of its own: rows do not sum to one. At full
            MSigDB size this is gigabytes; pass X in blocks of rows.
        """
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        self._warn_of_zeros(X)
        return self._decode(self._embed(X))

    def inverse_transform(self, X: MatrixLike) -> NDArray[np.floating]:
        """Turn embeddings into probabilities of memberships.

        :meth:`predict_proba` is :meth:`transform` followed by this method.

        Parameters
        ----------
        X : array-like of shape (n_genes, embedding_dim)
            Embeddings as returned by :meth:`transform`.

        Returns
        -------
        ndarray of shape (n_genes, n_gene_sets)
            Probability of every membership.
        """
        check_is_fitted(self)
        X = check_array(X, dtype=[np.float64, np.float32])
        if X.shape[1] != self._n_features_out:
            raise ValueError(
                f"Expected embeddings with {self._n_features_out} columns, "
                f"got {X.shape[1]}."
            )
        return self._decode(X)

    def score(self, X: MatrixLike, y: object = None) -> float:
        """NDCG@100 of memberships that are hidden from the encoder.

        A tenth of each gene's memberships is hidden, at least one, and always the
        same for the same X. They are ranked among all sets that the gene is not visibly
        in. All genes with two memberships or more are scored, except genes in every
        set. Score genes that `fit` has not seen, as cross-validation does: a gene that
        `fit` has seen votes for its own hidden memberships.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_genes, n_gene_sets)
            Memberships: greater than zero where the gene is in the set.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        float
            Mean over the scored genes.

        Raises
        ------
        ValueError
            If no gene can be scored.

        See Also
        --------
        sk_gene2vec.metrics.held_out_membership_score : Other metrics and shares.
        """
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        return held_out_membership_score(self, X, random_state=0)

    @property
    def gene_set_embedding_(self) -> NDArray[np.floating]:
        """Output-layer vectors of the gene sets."""
        check_is_fitted(self)
        if len(self.coefs_) > 2:
            raise AttributeError(
                "gene_set_embedding_ is only there when the decoder is linear: "
                "fit with hidden_layer_sizes=()."
            )
        return np.asarray(self.coefs_[-1].T)

    @property
    def _n_features_out(self) -> int:
        return int(self.coefs_[0].shape[1])

    def _validated(
        self, X: MatrixLike, *, reset: bool, in_fit: bool = False
    ) -> sp.csr_array:
        """Validate X and return its memberships as a CSR array of ones."""
        try:
            X = validate_data(
                self, X, reset=reset, accept_sparse="csr", dtype="numeric"
            )
        except (TypeError, ValueError) as error:
            if (text := _text_in(X)) is not None:
                raise ValueError(
                    f"Expected numbers, a gene x gene-set matrix, got {excerpt(text)}. "
                    "GmtVectorizer makes the matrix of genes: "
                    "make_pipeline(GmtVectorizer(gene_sets), GeneSetEncoder())."
                ) from error
            raise
        memberships = as_memberships(X)
        if in_fit:
            _warn_of_counts(X.data if sp.issparse(X) else X)
        return memberships

    def _known(self, X: sp.csr_array) -> NDArray[np.bool_]:
        """Find the genes that have an embedding."""
        if self._architecture["gene_input"] == "membership":
            return np.asarray(X @ (self.gene_set_weights_ > 0) > 0)
        return np.diff(X.indptr) > 0

    def _warn_of_zeros(self, X: sp.csr_array) -> None:
        """Warn of genes that have memberships and no embedding, with their number.

        Rows of zeros do not warn: whoever made them knows, as GmtVectorizer says.
        """
        if n_zero := int((~self._known(X) & (np.diff(X.indptr) > 0)).sum()):
            warn(
                f"{counted(n_zero, X.shape[0])} only in sets with none or all of the "
                "genes seen in fit: their embedding is zero, their probabilities are "
                "the frequencies of the gene sets.",
                "only in sets",
            )

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if any(name.endswith("_") for name in state):
            check_state(state)

    def _layers(self) -> Layers:
        return Layers(self.coefs_, self.intercepts_, self._architecture["activation"])

    def _genes(self) -> Genes:
        indices, indptr = self._memberships
        ones = np.ones(len(indices), dtype=np.float32)
        shape = len(indptr) - 1, self.n_features_in_
        return Genes(
            self.embedding_, sp.csr_array((ones, indices, indptr), shape=shape)
        )

    def _embed(self, memberships: sp.csr_array) -> NDArray[np.floating]:
        layers = self._layers()
        if self._architecture["gene_input"] == "membership":
            return embed_memberships(memberships, self.gene_set_weights_, layers)
        return embed_known_or_fold_in(memberships, self._row_keys, layers)

    def _decode(
        self, embedding: NDArray[np.floating], gene_sets: slice = slice(None)
    ) -> NDArray[np.floating]:
        """Compute probabilities of memberships in some gene sets, all by default."""
        probability = decode(
            embedding, self._layers(), self._genes(), self._shift, gene_sets
        )
        # Genes without an embedding have the frequencies of the gene sets.
        probability[~embedding.any(axis=1)] = self.gene_set_frequency_[gene_sets]
        return probability

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.positive_only = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
