"""One fit of the network: from a membership matrix to weights in NumPy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, TypeAlias, cast

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from skorch import NeuralNet

from sk_gene2vec._utils._memberships import row_blocks, row_keys
from sk_gene2vec.encoder._inference import Layers, decode_logits, embed_memberships
from sk_gene2vec.encoder.training import _train
from sk_gene2vec.encoder.training._batches import MembershipDataset
from sk_gene2vec.encoder.training._callbacks import HeldOutScore, HeldOutStopping
from sk_gene2vec.encoder.training._checkpoints import identity_of_fit
from sk_gene2vec.encoder.training._losses import GeneSetBCE, SampledBCE
from sk_gene2vec.encoder.training._moments import Moments, export_moments
from sk_gene2vec.encoder.training._net import diverged
from sk_gene2vec.encoder.training._network import GeneSetNetwork
from sk_gene2vec.encoder.training._starts import ease_start, svd_start
from sk_gene2vec.metrics._calibration import HeldOut, fit_calibration, hold_out
from sk_gene2vec.metrics._held_out_scores import ndcg

Array: TypeAlias = NDArray[Any]
Parameters: TypeAlias = Mapping[str, Any]

# The decomposition is worth keeping: the first layer learns more slowly.
_FIRST_LAYER_LR = 0.2


@dataclass(frozen=True)
class Fitted:
    """Fitted attributes of the encoder, by their names; None for one not there.

    The private ones are:

    Attributes
    ----------
    _architecture : dict
        Parameters that shapes and meaning of the weights follow from.
    _row_keys : ndarray of shape (n_rows, 2) or None
        Keys of the rows of the embedding table, if there is one.
    _moments : mapping or None
        State of the optimizers, after `partial_fit`.
    """

    coefs_: list[Array]
    intercepts_: list[Array]
    gene_set_weights_: Array
    calibration_: Array
    loss_curve_: list[float]
    validation_scores_: list[float] | None
    n_iter_: int
    embedding_: Array
    _architecture: dict[str, Any]
    _row_keys: Array | None
    _moments: Moments | None

    @classmethod
    def from_encoder(cls, encoder: Any) -> Fitted:
        """Read the attributes of a fitted encoder."""
        state = vars(encoder)
        return cls(**{field.name: state.get(field.name) for field in fields(cls)})

    def set_on(self, encoder: Any) -> None:
        """Set the attributes, and delete those that this fit did not find."""
        state = vars(encoder)
        for field in fields(self):
            state.pop(field.name, None)
            if (value := getattr(self, field.name)) is not None:
                state[field.name] = value


@dataclass(frozen=True)
class Run:
    """One fit: its parameters, its random sources, and the fit it goes on from.

    Attributes
    ----------
    parameters : mapping of str to object
        Parameters of the encoder.
    architecture : dict
        Those that shapes and meaning of the weights follow from.
    device : torch.device
        Where to train.
    seed : int
        Number drawn from `random_state`.
    noise : torch.Generator
        Source of dropout and negatives, on the device.
    previous : Fitted or None
        Fit to go on from.
    incremental : bool
        If True, the data are a part, for one epoch at a constant learning rate.
    """

    parameters: Parameters
    architecture: dict[str, Any]
    device: torch.device
    seed: int
    noise: torch.Generator
    previous: Fitted | None
    incremental: bool

    @property
    def epochs_before(self) -> int:
        """Epochs of the fits before."""
        return len(self.previous.loss_curve_) if self.previous else 0


@dataclass(frozen=True)
class TrainingData:
    """Rows to train on, and what follows from them alone.

    Attributes
    ----------
    X : csr_array of shape (n_genes, n_gene_sets)
        Memberships of all genes.
    rows : csr_array of shape (n_rows, n_gene_sets)
        Rows to train on, without the memberships that are held out. With an embedding
        table, each distinct row once.
    counts : ndarray of shape (n_rows,)
        Number of genes with that row.
    row_of : ndarray of shape (n_genes,)
        Row of each gene.
    row_keys : ndarray of shape (n_rows, 2) or None
        Keys of the rows, with an embedding table.
    held_out : HeldOut or None
        Memberships held out, if any are.
    sizes : ndarray of shape (n_gene_sets,)
        Number of genes in each set, without what is held out.
    gene_set_weights : ndarray of shape (n_gene_sets,)
        Weights of the gene sets in the inputs.
    """

    X: sp.csr_array
    rows: sp.csr_array
    counts: Array
    row_of: Array
    row_keys: Array | None
    held_out: HeldOut | None
    sizes: Array
    gene_set_weights: Array


def fit_network(
    X: sp.csr_array,
    parameters: Parameters,
    random_state: np.random.RandomState,
    *,
    previous: Fitted | None = None,
    incremental: bool = False,
    gene_set_names: Array | None = None,
) -> Fitted:
    """Train the network.

    Parameters
    ----------
    X : csr_array of shape (n_genes, n_gene_sets)
        Memberships.
    parameters : mapping of str to object
        Parameters of the encoder.
    random_state : RandomState
        Source of the seed and of the held-out memberships.
    previous : Fitted or None
        Fit to go on from; it is not changed.
    incremental : bool
        If True, X is a part of the data, for one epoch at a constant learning rate.
    gene_set_names : ndarray of shape (n_gene_sets,) or None
        Names of the gene sets, if they are known.

    Returns
    -------
    Fitted
        Weights and curves.

    Raises
    ------
    ValueError
        If training cannot go on from `previous` or from a checkpoint, if nothing is
        held out to stop by, or if training diverges.
    MemoryError
        If there is too little memory.
    """
    batch_size, embedding_dim = parameters["batch_size"], parameters["embedding_dim"]
    with (
        # Whatever the caller has set: the first of these turns gradients on.
        torch.inference_mode(False),
        torch.device("cpu"),
        _train.advice_on_memory(X.shape, batch_size, embedding_dim),
    ):
        architecture = _architecture(parameters)
        device = _train.resolve_device(parameters["device"])
        distinct = _distinct_rows(X, parameters["gene_input"])
        if previous is not None:
            _check_goes_on(previous, architecture, distinct.keys)
        run = Run(
            parameters,
            architecture,
            device,
            random_state.randint(np.iinfo(np.int32).max),
            torch.Generator(device),
            previous,
            incremental,
        )
        data = _prepare(X, distinct, run, random_state)
        net = _trained_net(data, run, random_state, gene_set_names)
        return _fitted(net, data, run)


def _architecture(parameters: Parameters) -> dict[str, Any]:
    sizes = np.atleast_1d(np.asarray(parameters["hidden_layer_sizes"]))
    if sizes.ndim != 1 or (
        sizes.size and (sizes.dtype.kind not in "iu" or sizes.min() < 1)
    ):
        raise ValueError(
            "Expected hidden_layer_sizes as integers of at least 1, such as (100,), "
            f"got {sizes.tolist()!r}."
        )
    return {
        "gene_input": str(parameters["gene_input"]),
        "embedding_dim": int(parameters["embedding_dim"]),
        "activation": str(parameters["activation"]),
        "hidden_layer_sizes": tuple(int(size) for size in sizes),
    }


class _DistinctRows(NamedTuple):
    rows: sp.csr_array
    counts: Array
    row_of: Array
    keys: Array | None


def _distinct_rows(X: sp.csr_array, gene_input: str) -> _DistinctRows:
    """Find the rows of the embedding table; without one, every gene is its own row."""
    n_genes = X.shape[0]
    if gene_input == "membership":
        ones = np.ones(n_genes, dtype=np.int64)
        return _DistinctRows(X, ones, np.arange(n_genes), None)
    keys, first, row_of, counts = np.unique(
        row_keys(X),
        axis=0,
        return_index=True,
        return_inverse=True,
        return_counts=True,
    )
    return _DistinctRows(X[first], counts, row_of.ravel(), keys)


def _check_goes_on(
    previous: Fitted, architecture: dict[str, Any], keys: Array | None
) -> None:
    """Compare with the previous fit: architecture and, with a table, the genes."""
    different = [
        f"{name}={previous._architecture[name]!r}, got {value!r}"
        for name, value in architecture.items()
        if previous._architecture[name] != value
    ]
    if different:
        raise ValueError(
            "Training goes on with the architecture of the previous fit: expected "
            f"{'; '.join(different)}. Fit with warm_start=False to start anew."
        )
    if keys is None or previous._row_keys is None:
        return
    if not np.array_equal(keys, previous._row_keys):
        known = {key.tobytes() for key in previous._row_keys}
        n_new = sum(key.tobytes() not in known for key in keys)
        raise ValueError(
            'With gene_input="one-hot", training goes on with the genes of the '
            "previous fit, each of which owns a row of the table: expected "
            f"{len(known)} distinct rows of X, got {len(keys)}, {n_new} of them new. "
            "Fit with warm_start=False to start anew; transform needs no fit for new "
            "genes."
        )


def _prepare(
    X: sp.csr_array,
    distinct: _DistinctRows,
    run: Run,
    random_state: np.random.RandomState,
) -> TrainingData:
    """Hold memberships out, and count in what is left."""
    rows, held_out = hold_out(
        distinct.rows, run.parameters["validation_fraction"], random_state
    )
    sizes = np.bincount(
        rows.indices,
        weights=np.repeat(distinct.counts, np.diff(rows.indptr)),
        minlength=X.shape[1],
    )
    weights = np.where(sizes > 0, np.log(X.shape[0] / np.maximum(sizes, 1)), 0.0)
    if run.previous is not None:
        # Sets seen before keep the weight that the first layer was trained with.
        seen = run.previous.gene_set_weights_ > 0
        weights[seen] = run.previous.gene_set_weights_[seen]
    return TrainingData(
        X,
        rows,
        distinct.counts,
        distinct.row_of,
        distinct.keys,
        held_out,
        sizes,
        weights,
    )


def _trained_net(
    data: TrainingData,
    run: Run,
    random_state: np.random.RandomState,
    gene_set_names: Array | None,
) -> NeuralNet:
    """Build network, loss and data set, and train."""
    parameters = run.parameters
    callbacks, stopping = _callbacks(data, parameters)
    by_decomposition = data.row_keys is None and parameters["init"] != "random"
    moments = run.previous._moments if run.previous and run.incremental else None
    return _train.train(
        _module(data, run, random_state),
        _criterion(data, run),
        MembershipDataset(
            data.rows,
            data.counts,
            data.gene_set_weights if data.row_keys is None else None,
            parameters["mask_rate"],
            run.device,
        ),
        _train.TrainingSettings(
            lr=parameters["lr"],
            first_layer_lr=_FIRST_LAYER_LR if by_decomposition else 1.0,
            weight_decay=parameters["weight_decay"],
            max_epochs=1 if run.incremental else parameters["max_epochs"],
            batch_size=parameters["batch_size"],
            seed=run.seed,
            callbacks=callbacks,
            stopping=stopping,
            verbose=parameters["verbose"],
            accelerate=parameters["device"] == "accelerate",
            decay=not run.incremental,
            generators=(run.noise,),
            epochs_before=run.epochs_before,
            moments=moments,
            identity=identity_of_fit(
                data.X,
                parameters,
                gene_set_names=gene_set_names,
                seed=run.seed,
                epochs_before=run.epochs_before,
            ),
        ),
    )


def _module(
    data: TrainingData, run: Run, random_state: np.random.RandomState
) -> GeneSetNetwork:
    """Build the network, with the weights that training starts from."""
    embedding_dim, init = run.architecture["embedding_dim"], run.parameters["init"]
    start = None
    if run.previous is None and init != "random":
        start = (svd_start if init == "svd" else ease_start)(
            data.rows,
            data.gene_set_weights,
            embedding_dim,
            data.row_keys is not None,
            random_state,
        )
    frequency = (data.sizes + 0.5) / (data.X.shape[0] + 1)
    module = GeneSetNetwork(
        data.X.shape[1] if data.row_keys is None else len(data.counts),
        torch.from_numpy(np.log(frequency / (1 - frequency))).float(),
        embedding_dim,
        run.architecture["activation"],
        run.architecture["hidden_layer_sizes"],
        torch.Generator().manual_seed(run.seed),
        start=start,
        dropout=run.parameters["dropout"],
        noise=run.noise,
        sparse_grad=run.parameters["n_negatives"] is not None,
    )
    if run.previous is not None:
        module.load(run.previous.coefs_, run.previous.intercepts_)
    return module


def _criterion(data: TrainingData, run: Run) -> GeneSetBCE | SampledBCE:
    n_negatives = run.parameters["n_negatives"]
    if n_negatives is None:
        precision = run.parameters["precision"]
        return GeneSetBCE(_train.use_bfloat16(precision, run.device))
    sizes = torch.from_numpy(data.sizes).to(run.device)
    return SampledBCE(sizes, n_negatives, run.noise)


def _callbacks(
    data: TrainingData, parameters: Parameters
) -> tuple[list[Any], HeldOutStopping | None]:
    """List the callbacks, and the one that may end training."""
    callbacks = list(parameters["callbacks"] or ())
    if not parameters["early_stopping"]:
        return callbacks, None
    if data.held_out is None:
        raise ValueError(
            "early_stopping needs held-out memberships: expected "
            "validation_fraction above 0 and genes with five memberships or more."
        )

    def score(module: GeneSetNetwork) -> float:
        """NDCG@100 of the held-out memberships under the module's weights."""
        blocks = _Trained(module, data, parameters).held_out_logits()
        return float(np.concatenate([ndcg(*block) for block in blocks]).mean())

    stopping = HeldOutStopping(parameters["n_iter_no_change"])
    return [HeldOutScore(score), *callbacks], stopping


def _fitted(net: NeuralNet, data: TrainingData, run: Run) -> Fitted:
    """Export weights and curves, embed the genes, and calibrate."""
    trained = _Trained(net.module, data, run.parameters)
    embedding = trained.embed(data.row_of, data.X)
    before = run.previous
    losses = [epoch["train_loss"] for epoch in net.history]
    scores = None
    if run.parameters["early_stopping"]:
        scores = [epoch["valid_score"] for epoch in net.history]
        scores = [*((before and before.validation_scores_) or ()), *scores]
    return Fitted(
        coefs_=trained.layers.coefs,
        intercepts_=trained.layers.intercepts,
        gene_set_weights_=data.gene_set_weights.astype(np.float32),
        calibration_=trained.calibration(before),
        loss_curve_=[*(before.loss_curve_ if before else ()), *losses],
        validation_scores_=scores,
        n_iter_=len(losses),
        embedding_=embedding,
        _architecture=run.architecture,
        _row_keys=data.row_keys,
        _moments=export_moments(net) if run.incremental else None,
    )


class _Trained:
    """A network in training or behind it, in NumPy; refuses weights that diverged."""

    def __init__(
        self, module: GeneSetNetwork, data: TrainingData, parameters: Parameters
    ) -> None:
        self.layers = Layers(*module.export(), parameters["activation"])
        self.data, self.lr = data, parameters["lr"]

    def calibration(self, previous: Fitted | None) -> Array:
        """Fit slope and shift, or leave them as they were where nothing is held out."""
        data, held_out = self.data, self.data.held_out
        if held_out is None:
            return previous.calibration_ if previous else np.array([1.0, 0.0])
        others = data.rows[held_out.whole]
        whole = self.logits(held_out.whole, others)
        return fit_calibration(
            self.held_out_logits(),
            ((logits, others[block]) for logits, block in whole),
        )

    def held_out_logits(self) -> Iterator[tuple[Array, sp.csr_array, sp.csr_array]]:
        """Logits, shown and hidden memberships of held-out genes, by blocks."""
        held_out = cast(HeldOut, self.data.held_out)
        for logits, block in self.logits(held_out.genes, held_out.shown):
            yield logits, held_out.shown[block], held_out.hidden[block]

    def logits(self, rows: Array, shown: sp.csr_array) -> Iterator[tuple[Array, slice]]:
        """Logits of rows of the table or of memberships, by blocks."""
        embedding = self.embed(rows, shown)
        for block in row_blocks(shown.shape):
            with self._numbers_in_range():
                logits = decode_logits(embedding[block], self.layers)
            self._check_finite(logits)
            yield logits, block

    def embed(self, rows: Array, shown: sp.csr_array) -> Array:
        """Embed rows of the table, if there is one, else their memberships."""
        with self._numbers_in_range():
            if self.data.row_keys is None:
                weights = self.data.gene_set_weights.astype(np.float32)
                shown = shown.astype(np.float32)
                embedding = embed_memberships(shown, weights, self.layers)
            else:
                embedding = self.layers.table()[rows]
        self._check_finite(*self.layers.coefs, *self.layers.intercepts, embedding)
        return embedding

    @contextmanager
    def _numbers_in_range(self) -> Iterator[None]:
        """Take an overflow in NumPy for a divergence of training."""
        try:
            with np.errstate(over="raise", invalid="raise"):
                yield
        except FloatingPointError as error:
            raise diverged("The weights became infinite", self.lr) from error

    def _check_finite(self, *arrays: Array) -> None:
        """Look for infinite values, which products in SciPy do not report."""
        if not all(np.isfinite(values).all() for values in arrays):
            raise diverged("The weights became infinite", self.lr)
