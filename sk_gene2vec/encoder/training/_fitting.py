"""One fit of the network: from a membership matrix to weights in NumPy.

:func:`fit_network` reads from top to bottom: prepare, start, train, export.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import scipy.sparse as sp
import torch
from scipy.special import logit
from skorch.callbacks import EarlyStopping

from sk_gene2vec._utils._memberships import row_keys
from sk_gene2vec._utils._typing import Array
from sk_gene2vec.encoder._inference import Layers, embed_memberships, input_rows
from sk_gene2vec.encoder._probabilities import Genes, level
from sk_gene2vec.encoder.training._batches import BatchIterator, MembershipDataset
from sk_gene2vec.encoder.training._callbacks import (
    EpochSeeds,
    LinearDecay,
    ProgressBar,
    announce,
)
from sk_gene2vec.encoder.training._losses import GeneSetBCE, SampledBCE
from sk_gene2vec.encoder.training._net import MembershipNet, numbers_in_range
from sk_gene2vec.encoder.training._network import GeneSetNetwork
from sk_gene2vec.encoder.training._resources import (
    advice_on_memory,
    own_settings,
    resolve_device,
    use_bfloat16,
)
from sk_gene2vec.encoder.training._starts import svd_start

Parameters: TypeAlias = Mapping[str, Any]
# Attributes of a fitted encoder, by name.
Fitted: TypeAlias = dict[str, Any]

# Parameters on which shapes and meaning of the weights depend.
_ARCHITECTURE = ("gene_input", "embedding_dim", "activation", "hidden_layer_sizes")


# Factor on the learning rate of the first layer, which keeps it near the decomposition.
_LR_AFTER_DECOMPOSITION = 0.2


class TrainingData(NamedTuple):
    """Rows to train on, and values computed from them.

    Attributes
    ----------
    rows : csr_array of shape (n_rows, n_gene_sets)
        Memberships. With an embedding table, each distinct row stands once.
    counts : ndarray of shape (n_rows,)
        Number of genes that have the row.
    row_of : ndarray of shape (n_genes,)
        Row of each gene.
    row_keys : ndarray of shape (n_rows, 2) or None
        Keys of the rows of the embedding table, if there is one.
    sizes : ndarray of shape (n_gene_sets,)
        Number of genes in each set.
    gene_set_weights : ndarray of shape (n_gene_sets,)
        Weights of the gene sets in the inputs.
    """

    rows: sp.csr_array
    counts: Array
    row_of: Array
    row_keys: Array | None
    sizes: Array
    gene_set_weights: Array


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
        Source of the seed.
    previous : dict or None
        Attributes of the fit to continue; they are not changed.

    Returns
    -------
    dict of str to object
        Fitted attributes of the encoder, by name.

    Raises
    ------
    ValueError
        If training cannot continue from `previous`, or if it diverges.
    MemoryError
        If there is too little memory.
    """
    batch_size, embedding_dim = parameters["batch_size"], parameters["embedding_dim"]
    with own_settings(), advice_on_memory(X.shape, batch_size, embedding_dim):
        # Prepare: what to train on, where, and by which seed.
        parameters = _checked(parameters)
        device = resolve_device(parameters["device"])
        if previous is not None:
            _check_architecture(previous, parameters)
        data = _training_data(X, parameters["gene_input"], previous)
        if previous is not None and data.row_keys is not None:
            _check_genes(previous, data.row_keys)
        seed = random_state.randint(np.iinfo(np.int32).max)
        rng = np.random.default_rng(seed)
        # Start: the network, its loss, its data.
        announce(
            parameters, f"preparing {X.shape[0]:,} genes x {X.shape[1]:,} gene sets"
        )
        with torch.device("cpu"):  # whatever the default device is
            module = _module(data, parameters, previous, rng, random_state)
            criterion = _criterion(data, parameters, rng, device)
        dataset = MembershipDataset(
            data.rows,
            data.counts,
            data.gene_set_weights if data.row_keys is None else None,
            parameters["mask_rate"],
            device,
        )
        # Train.
        n_before = len(previous["loss_curve_"]) if previous else 0
        seeds = EpochSeeds(rng, seed, n_before)
        net = _net(module, criterion, dataset, parameters, seeds)
        _train(net, dataset)
        # Export, without the memory of training.
        announce(parameters, "embedding the genes, setting the level of probabilities")
        coefs, intercepts = net.module_.export()
        layers = Layers(coefs, intercepts, parameters["activation"])
        losses = [epoch["train_loss"] for epoch in net.history]
        del net, module, criterion, dataset
        return _exported(layers, losses, X, data, parameters, previous)


def _checked(parameters: Parameters) -> Parameters:
    """Check the parameters of the architecture, and give them their plain types."""
    sizes = np.atleast_1d(np.asarray(parameters["hidden_layer_sizes"]))
    if sizes.ndim != 1 or (
        sizes.size and (sizes.dtype.kind not in "iu" or sizes.min() < 1)
    ):
        raise ValueError(
            "Expected hidden_layer_sizes as integers of at least 1, such as (100,), "
            f"got {sizes.tolist()!r}."
        )
    return {
        **parameters,
        "gene_input": str(parameters["gene_input"]),
        "embedding_dim": int(parameters["embedding_dim"]),
        "activation": str(parameters["activation"]),
        "hidden_layer_sizes": tuple(int(size) for size in sizes),
    }


def _check_architecture(previous: Fitted, parameters: Parameters) -> None:
    different = [
        f"{name}={value!r}, got {parameters[name]!r}"
        for name, value in previous["_architecture"].items()
        if parameters[name] != value
    ]
    if different:
        raise ValueError(
            "With warm_start=True, training continues with the architecture of the "
            f"previous fit: expected {'; '.join(different)}. Fit with "
            "warm_start=False to start again."
        )


def _check_genes(previous: Fitted, keys: Array) -> None:
    """Compare the rows of the embedding table."""
    if not np.array_equal(keys, previous["_row_keys"]):
        known = {key.tobytes() for key in previous["_row_keys"]}
        n_new = sum(key.tobytes() not in known for key in keys)
        raise ValueError(
            'With gene_input="one-hot", training continues with the genes of the '
            "previous fit, each of which owns a row of the table: expected "
            f"{len(known)} distinct rows of X, got {len(keys)}, {n_new} of them new. "
            "Fit with warm_start=False to start again; transform needs no fit for new "
            "genes."
        )


def _training_data(
    X: sp.csr_array, gene_input: str, previous: Fitted | None
) -> TrainingData:
    """Find the distinct rows for an embedding table; compute sizes and weights."""
    n_genes, n_gene_sets = X.shape
    rows, counts = X, np.ones(n_genes, dtype=np.int64)
    row_of, keys = np.arange(n_genes), None
    if gene_input == "one-hot":
        keys, first, row_of, counts = np.unique(
            row_keys(X),
            axis=0,
            return_index=True,
            return_inverse=True,
            return_counts=True,
        )
        rows, row_of = X[first], row_of.ravel()
    sizes = np.bincount(X.indices, minlength=n_gene_sets)
    weights = np.log(n_genes / np.maximum(sizes, 1))
    weights[sizes == 0] = 0
    if previous is not None:
        # The first layer was trained with these weights.
        before = previous["gene_set_weights_"]
        weights = np.where(before > 0, before, weights)
    return TrainingData(rows, counts, row_of, keys, sizes, weights)


def _module(
    data: TrainingData,
    parameters: Parameters,
    previous: Fitted | None,
    rng: np.random.Generator,
    random_state: np.random.RandomState,
) -> GeneSetNetwork:
    """Build the network, with the weights that training starts from."""
    one_hot = data.row_keys is not None
    frequency = (data.sizes + 0.5) / (len(data.row_of) + 1)
    module = GeneSetNetwork(
        len(data.counts) if one_hot else len(data.sizes),
        torch.from_numpy(logit(frequency)).float(),
        parameters["embedding_dim"],
        parameters["activation"],
        parameters["hidden_layer_sizes"],
        torch.Generator().manual_seed(int(rng.integers(2**63))),
        dropout=parameters["dropout"],
        noise=rng,
    )
    if previous is None:
        start = svd_start(
            data.rows, data.gene_set_weights, parameters["embedding_dim"], random_state
        )
        if one_hot:
            rows = data.rows.astype(np.float32)
            start = input_rows(rows, data.gene_set_weights) @ start
        with torch.no_grad():
            module.embedding[:, : start.shape[1]] = torch.from_numpy(start)
    # If all inputs were zero, the previous network learned nothing: start again.
    if previous is not None and (one_hot or previous["gene_set_weights_"].any()):
        module.load(previous["coefs_"], previous["intercepts_"])
    return module


def _criterion(
    data: TrainingData,
    parameters: Parameters,
    rng: np.random.Generator,
    device: torch.device,
) -> GeneSetBCE | SampledBCE:
    n_negatives = parameters["n_negatives"]
    bfloat16 = use_bfloat16(parameters["precision"], device)
    if n_negatives is None or n_negatives >= len(data.sizes):
        return GeneSetBCE(bfloat16)
    return SampledBCE(data.sizes, n_negatives, rng, bfloat16)


def _in_processes(
    dataset: MembershipDataset, seed: int, settings: tuple[object, ...]
) -> tuple[Callable[..., MembershipNet], bool]:
    """Join the other processes; return the net for one, and whether it is the first."""
    # Not at the top: accelerate is optional.
    from sk_gene2vec.encoder.training import _accelerated

    _accelerated.check_same_problem(dataset, seed, settings)
    accelerator = _accelerated.start_accelerator()
    net_type = partial(_accelerated.AcceleratedNet, accelerator=accelerator)
    return net_type, accelerator.is_main_process


def _net(
    module: GeneSetNetwork,
    criterion: torch.nn.Module,
    dataset: MembershipDataset,
    parameters: Parameters,
    seeds: EpochSeeds,
) -> MembershipNet:
    """Wrap the network with skorch."""
    net_type: Callable[..., MembershipNet] = MembershipNet
    verbose = bool(parameters["verbose"])
    if parameters["device"] == "accelerate":
        own = {"callbacks", "verbose", "random_state"}
        settings = (
            len(module.output),
            [parameters[x] for x in sorted(parameters.keys() - own)],
        )
        net_type, is_first = _in_processes(dataset, seeds.seed, settings)
        verbose = verbose and is_first
    decomposed = parameters["gene_input"] == "membership"
    factor = _LR_AFTER_DECOMPOSITION if decomposed else 1.0
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
        iterator_train__rng=seeds.rng,
        train_split=None,
        callbacks=[
            seeds,
            *(parameters["callbacks"] or ()),
            LinearDecay(),
            *([ProgressBar()] if verbose else []),
        ],
        device=dataset.device,
        verbose=0,
    )


def _train(net: MembershipNet, dataset: MembershipDataset) -> None:
    """Train in place, without the global random states.

    A callback may load a checkpoint when training begins. The epochs in its history are
    not run again.
    """
    net.initialize()
    # Not net.fit: that swallows KeyboardInterrupt.
    net.notify("on_train_begin", X=dataset, y=None)
    try:
        net.fit_loop(dataset, epochs=max(0, net.max_epochs - len(net.history)))
    except KeyboardInterrupt:
        # skorch's EarlyStopping ends training by the same exception as Ctrl-C.
        stoppers = [cb for _, cb in net.callbacks_ if isinstance(cb, EarlyStopping)]
        if not any(cb.misses_ >= cb.patience for cb in stoppers):
            raise
    finally:
        net.notify("on_train_end", X=dataset, y=None)


def _exported(
    layers: Layers,
    losses: list[float],
    X: sp.csr_array,
    data: TrainingData,
    parameters: Parameters,
    previous: Fitted | None,
) -> Fitted:
    """Embed the genes, set the level, and gather what a fitted encoder has."""
    coefs, intercepts, _ = layers
    weights = data.gene_set_weights.astype(np.float32)
    with numbers_in_range(parameters["lr"]):
        if data.row_keys is None:
            embedding = embed_memberships(X.astype(np.float32), weights, layers)
        else:
            embedding = layers.table()[data.row_of]
            embedding[np.diff(X.indptr) == 0] = 0
        # Products in SciPy do not report an overflow.
        if not all(np.isfinite(x).all() for x in (*coefs, *intercepts, embedding)):
            raise FloatingPointError("infinite weights")
        shift = level(layers, Genes(embedding, X), parameters["completeness"])
    return {
        "coefs_": coefs,
        "intercepts_": intercepts,
        "gene_set_weights_": weights,
        "gene_set_frequency_": (data.sizes / X.shape[0]).astype(np.float32),
        "loss_curve_": [*(previous["loss_curve_"] if previous else ()), *losses],
        "n_iter_": len(losses),
        "embedding_": embedding,
        # Parameters that determine shapes and meaning of the weights.
        "_architecture": {name: parameters[name] for name in _ARCHITECTURE},
        # Shift of the log-odds that sets their level, and what it was set by.
        "_shift": shift,
        "_completeness": float(parameters["completeness"]),
        # Columns and row starts of X. As NumPy arrays: a saved model then does not name
        # a private module of SciPy.
        "_memberships": (X.indices.copy(), X.indptr.copy()),
        # Keys of the rows of the embedding table, if there is one.
        "_row_keys": data.row_keys,
    }
