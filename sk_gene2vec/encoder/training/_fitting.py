"""One fit of the network: from a membership matrix to weights in NumPy.

:func:`fit_network` reads from top to bottom: prepare, start, train, export.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
import torch
from skorch.callbacks import EarlyStopping

from sk_gene2vec._utils._memberships import row_blocks
from sk_gene2vec._utils._typing import Array
from sk_gene2vec.encoder._fitted import Fitted
from sk_gene2vec.encoder._inference import Layers, decode_logits, embed_memberships
from sk_gene2vec.encoder._probabilities import Genes, level
from sk_gene2vec.encoder.training._batches import BatchIterator, MembershipDataset
from sk_gene2vec.encoder.training._callbacks import (
    EndOfTraining,
    EpochSeeds,
    HeldOutScore,
    HeldOutStopping,
    LinearDecay,
    ProgressBar,
    RandomSources,
)
from sk_gene2vec.encoder.training._data import TrainingData, prepare
from sk_gene2vec.encoder.training._losses import GeneSetBCE, SampledBCE
from sk_gene2vec.encoder.training._net import MembershipNet, diverged
from sk_gene2vec.encoder.training._network import GeneSetNetwork
from sk_gene2vec.encoder.training._resources import (
    advice_on_memory,
    own_settings,
    resolve_device,
    use_bfloat16,
)
from sk_gene2vec.encoder.training._starts import svd_start
from sk_gene2vec.metrics._held_out import Predictions
from sk_gene2vec.metrics._metrics import ndcg

Parameters: TypeAlias = Mapping[str, Any]

# The decomposition is worth keeping: the first layer learns more slowly.
_LR_AFTER_DECOMPOSITION = 0.2


def fit_network(
    X: sp.csr_array,
    parameters: Parameters,
    random_state: np.random.RandomState,
    previous: Fitted | None = None,
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

    Returns
    -------
    Fitted
        Weights and curves.

    Raises
    ------
    ValueError
        If training cannot go on from `previous`, if nothing is held out to stop by, or
        if training diverges.
    MemoryError
        If there is too little memory.
    """
    batch_size, embedding_dim = parameters["batch_size"], parameters["embedding_dim"]
    with own_settings(), advice_on_memory(X.shape, batch_size, embedding_dim):
        # Prepare: what to train on, and from what.
        architecture = _architecture(parameters)
        parameters = {**parameters, **architecture}
        device = resolve_device(parameters["device"])
        if previous is not None:
            _check_architecture(previous, architecture)
        # With the number of the epoch, it determines everything that is drawn in it.
        seed = random_state.randint(np.iinfo(np.int32).max)
        if previous is not None and previous._hold_out_state is not None:
            random_state = deepcopy(previous._hold_out_state)
        data = prepare(
            X,
            one_hot=architecture["gene_input"] == "one-hot",
            validation_fraction=(
                parameters["validation_fraction"] if parameters["early_stopping"] else 0
            ),
            previous=previous,
            random_state=random_state,
        )
        if previous is not None:
            _check_genes(previous, data.row_keys)
        # Start: the network, its loss, its data.
        sources = RandomSources.seeded(seed, device)
        module = _module(data, parameters, previous, sources, random_state)
        criterion = _criterion(data, parameters, sources)
        dataset = MembershipDataset(
            data.rows,
            data.counts,
            data.gene_set_weights if data.row_keys is None else None,
            parameters["mask_rate"],
            device,
        )
        # Train.
        n_before = len(previous.loss_curve_) if previous else 0
        callbacks = [EpochSeeds(sources, n_before), *_callbacks(data, parameters)]
        net = _net(module, criterion, dataset, parameters, sources, callbacks)
        _train(net, dataset)
        # Export.
        return _exported(net, data, parameters, architecture, previous)


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


def _check_architecture(previous: Fitted, architecture: dict[str, Any]) -> None:
    different = [
        f"{name}={previous._architecture[name]!r}, got {value!r}"
        for name, value in architecture.items()
        if previous._architecture[name] != value
    ]
    if different:
        raise ValueError(
            "Training goes on with the architecture of the previous fit: expected "
            f"{'; '.join(different)}. Fit with warm_start=False to start again."
        )


def _check_genes(previous: Fitted, keys: Array | None) -> None:
    """Compare the rows of the embedding table, if there is one."""
    if keys is None or previous._row_keys is None:
        return
    if not np.array_equal(keys, previous._row_keys):
        known = {key.tobytes() for key in previous._row_keys}
        n_new = sum(key.tobytes() not in known for key in keys)
        raise ValueError(
            'With gene_input="one-hot", training goes on with the genes of the '
            "previous fit, each of which owns a row of the table: expected "
            f"{len(known)} distinct rows of X, got {len(keys)}, {n_new} of them new. "
            "Fit with warm_start=False to start again; transform needs no fit for new "
            "genes."
        )


def _module(
    data: TrainingData,
    parameters: Parameters,
    previous: Fitted | None,
    sources: RandomSources,
    random_state: np.random.RandomState,
) -> GeneSetNetwork:
    """Build the network, with the weights that training starts from."""
    one_hot = data.row_keys is not None
    start = None
    if previous is None and parameters["init"] == "svd":
        start = svd_start(
            data.rows,
            data.gene_set_weights,
            parameters["embedding_dim"],
            one_hot,
            random_state,
        )
    frequency = (data.sizes + 0.5) / (data.X.shape[0] + 1)
    module = GeneSetNetwork(
        len(data.counts) if one_hot else data.X.shape[1],
        torch.from_numpy(np.log(frequency / (1 - frequency))).float(),
        parameters["embedding_dim"],
        parameters["activation"],
        parameters["hidden_layer_sizes"],
        torch.Generator().manual_seed(sources.seed),
        start=start,
        dropout=parameters["dropout"],
        noise=sources.noise,
        sparse_grad=parameters["n_negatives"] is not None,
    )
    # If all inputs were zero, the previous network learned nothing: start again.
    if previous is not None and (one_hot or previous.gene_set_weights_.any()):
        module.load(previous.coefs_, previous.intercepts_)
    return module


def _criterion(
    data: TrainingData, parameters: Parameters, sources: RandomSources
) -> GeneSetBCE | SampledBCE:
    n_negatives, device = parameters["n_negatives"], sources.noise.device
    if n_negatives is None:
        return GeneSetBCE(use_bfloat16(parameters["precision"], device))
    sizes = torch.from_numpy(data.sizes).to(device)
    return SampledBCE(sizes, n_negatives, sources.noise)


def _callbacks(data: TrainingData, parameters: Parameters) -> list[Any]:
    """List the callbacks: score, those of the user, stopping, learning rate."""
    callbacks = [*(parameters["callbacks"] or ()), LinearDecay()]
    if data.held_out is None:
        return callbacks
    score = HeldOutScore(partial(_held_out_score, data=data, parameters=parameters))
    return [score, *callbacks, HeldOutStopping(parameters["n_iter_no_change"])]


def _held_out_score(
    module: GeneSetNetwork, data: TrainingData, parameters: Parameters
) -> float:
    """NDCG@100 of the held-out memberships, ranked by the logits."""
    assert data.held_out is not None
    genes, shown, hidden = data.held_out
    layers = Layers(*module.export(), parameters["activation"])
    scores = []
    with _numbers_in_range(parameters["lr"]):
        embedding = _embed(layers, data, genes, shown)
        for block in row_blocks(shown.shape):
            logits = decode_logits(embedding[block], layers)
            scores.append(ndcg(Predictions(logits, shown[block], hidden[block]), 100))
    return float(np.concatenate(scores).mean())


def _net(
    module: GeneSetNetwork,
    criterion: torch.nn.Module,
    dataset: MembershipDataset,
    parameters: Parameters,
    sources: RandomSources,
    callbacks: list[Any],
) -> MembershipNet:
    """Wrap the network with skorch."""
    net_type: Callable[..., MembershipNet] = MembershipNet
    verbose = bool(parameters["verbose"])
    if parameters["device"] == "accelerate":
        # Not at the top: accelerate is optional.
        from sk_gene2vec.encoder.training import _accelerated

        _accelerated.check_same_problem(dataset, sources.seed)
        accelerator = _accelerated.start_accelerator()
        net_type = partial(_accelerated.AcceleratedNet, accelerator=accelerator)
        verbose = verbose and accelerator.is_main_process
    svd = parameters["gene_input"] == "membership" and parameters["init"] == "svd"
    factor = _LR_AFTER_DECOMPOSITION if svd else 1.0
    first_layer = {
        "lr": parameters["lr"] * factor,
        "weight_decay": parameters["weight_decay"] / factor,
    }
    return net_type(
        module,
        criterion=criterion,
        optimizer=torch.optim.AdamW,
        optimizer__fused=True,
        optimizer__weight_decay=0.0,
        optimizer__param_groups=[("embedding", first_layer)],
        lr=parameters["lr"],
        max_epochs=parameters["max_epochs"],
        batch_size=parameters["batch_size"],
        iterator_train=BatchIterator,
        iterator_train__rng=sources.order,
        iterator_train__generator=sources.masks,
        train_split=None,
        callbacks=[*callbacks, *([ProgressBar()] if verbose else [])],
        device=dataset.device,
        verbose=0,
    )


def _train(net: MembershipNet, dataset: MembershipDataset) -> None:
    """Train in place. Nothing is drawn from the global random states.

    A callback may load a checkpoint when training begins: the epochs in its history
    count.
    """
    net.initialize()
    # Not net.fit: that swallows KeyboardInterrupt.
    net.notify("on_train_begin", X=dataset, y=None)
    try:
        net.fit_loop(dataset, epochs=max(0, net.max_epochs - len(net.history)))
    except EndOfTraining as end:
        net.end_of_training = str(end)
    except KeyboardInterrupt:
        # skorch's EarlyStopping ends training by the same exception as Ctrl-C.
        stoppers = [cb for _, cb in net.callbacks_ if isinstance(cb, EarlyStopping)]
        if not any(cb.misses_ >= cb.patience for cb in stoppers):
            raise
    finally:
        net.notify("on_train_end", X=dataset, y=None)


def _exported(
    net: MembershipNet,
    data: TrainingData,
    parameters: Parameters,
    architecture: dict[str, Any],
    previous: Fitted | None,
) -> Fitted:
    """Export weights and curves, embed the genes, and set the level."""
    coefs, intercepts = net.module.export()
    layers = Layers(coefs, intercepts, architecture["activation"])
    with _numbers_in_range(parameters["lr"]):
        embedding = _embed(layers, data, data.row_of, data.X)
        genes = Genes(embedding, data.X)
        shift = level(layers, genes, parameters["completeness"])
    n_members = np.bincount(data.X.indices, minlength=data.X.shape[1])
    losses = [epoch["train_loss"] for epoch in net.history]
    scores = None
    if data.held_out is not None:
        scores = [epoch["valid_score"] for epoch in net.history]
        scores = [*((previous and previous.validation_scores_) or ()), *scores]
    return Fitted(
        coefs_=layers.coefs,
        intercepts_=layers.intercepts,
        gene_set_weights_=data.gene_set_weights.astype(np.float32),
        gene_set_frequency_=(n_members / data.X.shape[0]).astype(np.float32),
        loss_curve_=[*(previous.loss_curve_ if previous else ()), *losses],
        validation_scores_=scores,
        n_iter_=len(losses),
        embedding_=embedding,
        _architecture=architecture,
        _shift=shift,
        _memberships=(data.X.indices.copy(), data.X.indptr.copy()),
        _row_keys=data.row_keys,
        _hold_out_state=data.hold_out_state,
    )


def _embed(
    layers: Layers, data: TrainingData, rows: Array, shown: sp.csr_array
) -> Array:
    """Embed rows of the table, if there is one, else their memberships."""
    if data.row_keys is None:
        weights = data.gene_set_weights.astype(np.float32)
        embedding = embed_memberships(shown.astype(np.float32), weights, layers)
    else:
        embedding = layers.table()[rows]
        embedding[np.diff(shown.indptr) == 0] = 0
    # Products in SciPy do not report what overflows.
    arrays = (*layers.coefs, *layers.intercepts, embedding)
    if not all(np.isfinite(values).all() for values in arrays):
        raise FloatingPointError("infinite weights")
    return embedding


@contextmanager
def _numbers_in_range(lr: float) -> Iterator[None]:
    """Take an overflow in NumPy for a divergence of training."""
    try:
        with np.errstate(over="raise", invalid="raise", under="ignore"):
            yield
    except FloatingPointError as error:
        raise diverged("The weights became infinite", lr) from error
