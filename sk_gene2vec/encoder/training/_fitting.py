"""One fit of the network: from a membership matrix to weights in NumPy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from sk_gene2vec._utils._memberships import row_blocks, row_keys
from sk_gene2vec.encoder._inference import Layers, decode_logits
from sk_gene2vec.encoder.training import _train as training
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

# What the decomposition knows is worth keeping: the first layer learns more slowly.
_FIRST_LAYER_LR = 0.2


@dataclass(frozen=True)
class Fitted:
    """What a fit found, and what a later one goes on from.

    Attributes
    ----------
    architecture : dict
        Parameters that shapes and meaning of the weights follow from.
    coefs, intercepts : list of ndarray
        Weights and biases of the layers.
    set_weights : ndarray of shape (n_gene_sets,)
        Weights of the gene sets in the inputs.
    calibration : ndarray of shape (2,)
        Slope and shift of the logits.
    losses, scores : list of float
        Of each epoch, after those of the fits before. Scores are None without early
        stopping.
    n_epochs : int
        Epochs of the last fit.
    embedding : ndarray of shape (n_genes, embedding_dim)
        Of the rows of the last fit.
    row_keys : ndarray of shape (n_rows, 2) or None
        Keys of the rows of the embedding table, where there is one.
    moments : dict or None
        State of the optimizers, where more data are to come.
    """

    architecture: dict[str, Any]
    coefs: list[Array]
    intercepts: list[Array]
    set_weights: Array
    calibration: Array
    losses: list[float]
    scores: list[float] | None
    n_epochs: int
    embedding: Array
    row_keys: Array | None
    moments: Moments | None


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
        Those of the encoder.
    random_state : RandomState
        Source of the seed and of what is held out.
    previous : Fitted or None
        What to go on from; it is not changed.
    incremental : bool
        Whether X is a part of the data, for one epoch at a constant learning rate.
    gene_set_names : ndarray of shape (n_gene_sets,) or None
        Names of the gene sets, where they are known.

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
        training.advice_on_memory(X.shape, batch_size, embedding_dim),
    ):
        problem = _Problem(X, parameters, random_state, previous, incremental)
        return problem.solve(gene_set_names)


class _Problem:
    """A matrix and parameters, and all that follows from them before training."""

    def __init__(
        self,
        X: sp.csr_array,
        parameters: Parameters,
        random_state: np.random.RandomState,
        previous: Fitted | None,
        incremental: bool,
    ) -> None:
        self.X, self.parameters, self.random_state = X, parameters, random_state
        self.previous, self.incremental = previous, incremental
        self.one_hot = parameters["gene_input"] == "one-hot"
        self.architecture = _architecture(parameters)
        self.device = training.resolve_device(parameters["device"])
        rows, self.counts = X, np.ones(X.shape[0], dtype=np.int64)
        self.row_of, self.keys = np.arange(X.shape[0]), None
        if self.one_hot:
            self.keys, first, inverse, self.counts = np.unique(
                row_keys(X),
                axis=0,
                return_index=True,
                return_inverse=True,
                return_counts=True,
            )
            rows, self.row_of = X[first], inverse.ravel()
        if previous is not None:
            _check_goes_on(previous, self.architecture, self.keys)
        self.seed = random_state.randint(np.iinfo(np.int32).max)
        self.rows, self.held_out = hold_out(
            rows, parameters["validation_fraction"], random_state
        )
        self.sizes = np.bincount(
            self.rows.indices,
            weights=np.repeat(self.counts, np.diff(self.rows.indptr)),
            minlength=X.shape[1],
        )
        sizes = np.maximum(self.sizes, 1)
        self.set_weights = np.where(self.sizes > 0, np.log(X.shape[0] / sizes), 0.0)
        if previous is not None:
            # The first layer was trained with those that there are.
            known = previous.set_weights > 0
            self.set_weights[known] = previous.set_weights[known]
        self.noise = torch.Generator(self.device)

    def solve(self, gene_set_names: Array | None) -> Fitted:
        """Train, and look at what came of it."""
        parameters, previous = self.parameters, self.previous
        epochs_before = len(previous.losses) if previous else 0
        callbacks, stopping = self.callbacks()
        module = self.module()
        net = training.train(
            module,
            self.criterion(),
            MembershipDataset(
                self.rows,
                self.counts,
                None if self.one_hot else self.set_weights,
                parameters["mask_rate"],
                self.device,
            ),
            lr=parameters["lr"],
            first_layer_lr=(
                1.0
                if self.one_hot or parameters["init"] == "random"
                else _FIRST_LAYER_LR
            ),
            weight_decay=parameters["weight_decay"],
            max_epochs=1 if self.incremental else parameters["max_epochs"],
            batch_size=parameters["batch_size"],
            seed=self.seed,
            callbacks=callbacks,
            verbose=parameters["verbose"],
            accelerate=parameters["device"] == "accelerate",
            decay=not self.incremental,
            generators=(self.noise,),
            epochs_before=epochs_before,
            moments=previous.moments if previous and self.incremental else None,
            identity=identity_of_fit(
                self.X,
                parameters,
                gene_set_names=gene_set_names,
                seed=self.seed,
                epochs_before=epochs_before,
            ),
            stopping=stopping,
        )
        layers = self.layers(module)
        embedding = self.embed(layers, self.row_of, self.X)
        calibration = self.calibration(layers)
        losses = [epoch["train_loss"] for epoch in net.history]
        scores = None
        if stopping is not None:
            scores = list(previous.scores or ()) if previous else []
            scores += [epoch["valid_score"] for epoch in net.history]
        return Fitted(
            architecture=self.architecture,
            coefs=layers.coefs,
            intercepts=layers.intercepts,
            set_weights=self.set_weights.astype(np.float32),
            calibration=calibration,
            losses=[*(previous.losses if previous else ()), *losses],
            scores=scores,
            n_epochs=len(losses),
            embedding=embedding,
            row_keys=self.keys,
            moments=export_moments(net) if self.incremental else None,
        )

    def module(self) -> GeneSetNetwork:
        """Build the network, with the weights that training starts from."""
        frequency = (self.sizes + 0.5) / (self.X.shape[0] + 1)
        embedding_dim, init = self.parameters["embedding_dim"], self.parameters["init"]
        start = None
        if self.previous is None and init != "random":
            start = (svd_start if init == "svd" else ease_start)(
                self.rows,
                self.set_weights,
                embedding_dim,
                self.one_hot,
                self.random_state,
            )
        module = GeneSetNetwork(
            len(self.counts) if self.one_hot else self.X.shape[1],
            torch.from_numpy(np.log(frequency / (1 - frequency))).float(),
            embedding_dim,
            self.parameters["activation"],
            self.architecture["hidden_layer_sizes"],
            torch.Generator().manual_seed(self.seed),
            start=start,
            dropout=self.parameters["dropout"],
            noise=self.noise,
            sparse_grad=self.parameters["n_negatives"] is not None,
        )
        if self.previous is not None:
            module.load(self.previous.coefs, self.previous.intercepts)
        return module

    def criterion(self) -> GeneSetBCE | SampledBCE:
        """Build the loss."""
        n_negatives, precision = (
            self.parameters[name] for name in ("n_negatives", "precision")
        )
        if n_negatives is None:
            return GeneSetBCE(training.use_bfloat16(precision, self.device))
        sizes = torch.from_numpy(self.sizes).to(self.device)
        return SampledBCE(sizes, n_negatives, self.noise)

    def callbacks(self) -> tuple[list[Any], HeldOutStopping | None]:
        """List what is called back in training, and what may end it."""
        callbacks = list(self.parameters["callbacks"] or ())
        if not self.parameters["early_stopping"]:
            return callbacks, None
        if self.held_out is None:
            raise ValueError(
                "early_stopping needs held-out memberships: expected "
                "validation_fraction above 0 and genes with five memberships or more."
            )
        held_out = self.held_out

        def score(module: GeneSetNetwork) -> float:
            """NDCG@100 of the held-out memberships under the module's weights."""
            blocks = self.held_out_logits(self.layers(module), held_out)
            return float(np.concatenate([ndcg(*block) for block in blocks]).mean())

        stopping = HeldOutStopping(self.parameters["n_iter_no_change"])
        return [HeldOutScore(score), *callbacks], stopping

    def layers(self, module: GeneSetNetwork) -> Layers:
        """Export the weights."""
        weights = None if self.one_hot else self.set_weights.astype(np.float32)
        return Layers(*module.export(), self.parameters["activation"], weights)

    def calibration(self, layers: Layers) -> Array:
        """Find slope and shift from what was held out, or leave them as they were."""
        if self.held_out is None:
            return self.previous.calibration if self.previous else np.array([1.0, 0.0])
        others = self.rows[self.held_out.whole]
        whole = self.logits(layers, self.held_out.whole, others)
        return fit_calibration(
            self.held_out_logits(layers, self.held_out),
            ((logits, others[block]) for logits, block in whole),
        )

    def embed(self, layers: Layers, rows: Array, shown: sp.csr_array) -> Array:
        """Embed rows, unless training diverged."""
        with self.numbers_in_range():
            embedding = layers.embed(rows, shown)
        self.check_finite(*layers.coefs, *layers.intercepts, embedding)
        return embedding

    def logits(
        self, layers: Layers, rows: Array, shown: sp.csr_array
    ) -> Iterator[tuple[Array, slice]]:
        """Logits of rows, by blocks, unless training diverged."""
        embedding = self.embed(layers, rows, shown)
        for block in row_blocks(shown.shape):
            with self.numbers_in_range():
                logits = decode_logits(
                    embedding[block], layers.coefs, layers.intercepts
                )
            self.check_finite(logits)
            yield logits, block

    def held_out_logits(
        self, layers: Layers, held_out: HeldOut
    ) -> Iterator[tuple[Array, sp.csr_array, sp.csr_array]]:
        """Logits, shown and hidden memberships of held-out genes, by blocks."""
        blocks = self.logits(layers, held_out.genes, held_out.shown)
        for logits, block in blocks:
            yield logits, held_out.shown[block], held_out.hidden[block]

    @contextmanager
    def numbers_in_range(self) -> Iterator[None]:
        """Take an overflow in NumPy for a divergence of training."""
        try:
            with np.errstate(over="raise", invalid="raise"):
                yield
        except FloatingPointError as error:
            raise self.diverged() from error

    def check_finite(self, *arrays: Array) -> None:
        """Look for infinite values, which products in SciPy do not tell."""
        if not all(np.isfinite(values).all() for values in arrays):
            raise self.diverged()

    def diverged(self) -> ValueError:
        """Say that the weights are of no use."""
        return diverged("The weights became infinite", self.parameters["lr"])


def _architecture(parameters: Parameters) -> dict[str, Any]:
    sizes = np.atleast_1d(np.asarray(parameters["hidden_layer_sizes"]))
    if sizes.ndim != 1 or (
        sizes.size and (sizes.dtype.kind not in "iu" or sizes.min() < 1)
    ):
        raise ValueError(
            "hidden_layer_sizes must be integers of at least 1, such as (100,); "
            f"got {sizes.tolist()!r}."
        )
    return {
        "gene_input": str(parameters["gene_input"]),
        "embedding_dim": int(parameters["embedding_dim"]),
        "activation": str(parameters["activation"]),
        "hidden_layer_sizes": tuple(int(size) for size in sizes),
    }


def _check_goes_on(
    previous: Fitted, architecture: dict[str, Any], keys: Array | None
) -> None:
    """Compare with the fit before: architecture and, of a table, the genes."""
    different = [
        f"{name}={previous.architecture[name]!r}, got {value!r}"
        for name, value in architecture.items()
        if previous.architecture[name] != value
    ]
    if different:
        raise ValueError(
            "Training goes on with the architecture of the fit before: expected "
            f"{'; '.join(different)}. Fit with warm_start=False to start anew."
        )
    if keys is None or previous.row_keys is None:
        return
    if not np.array_equal(keys, previous.row_keys):
        known = {key.tobytes() for key in previous.row_keys}
        n_new = sum(key.tobytes() not in known for key in keys)
        raise ValueError(
            'With gene_input="one-hot", training goes on with the genes of the fit '
            f"before, each of which owns a row of the table: expected {len(known)} "
            f"distinct rows of X, got {len(keys)}, {n_new} of them new. Fit with "
            "warm_start=False to start anew; transform needs no fit for new genes."
        )
