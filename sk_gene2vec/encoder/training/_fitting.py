"""One fit of the network: from a membership matrix to weights in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
import torch
from skorch import NeuralNet

from sk_gene2vec._utils._messages import warn
from sk_gene2vec._utils._typing import Array
from sk_gene2vec.encoder._fitted import Fitted
from sk_gene2vec.encoder._inference import WIDE_PENALTY
from sk_gene2vec.encoder.training._batches import MembershipDataset
from sk_gene2vec.encoder.training._callbacks import (
    CheckpointCheck,
    HeldOutScore,
    HeldOutStopping,
)
from sk_gene2vec.encoder.training._checkpoints import identity_of_fit
from sk_gene2vec.encoder.training._data import TrainingData, prepare
from sk_gene2vec.encoder.training._losses import GeneSetBCE, SampledBCE
from sk_gene2vec.encoder.training._moments import export_moments, n_steps
from sk_gene2vec.encoder.training._network import GeneSetNetwork
from sk_gene2vec.encoder.training._resources import (
    advice_on_memory,
    own_settings,
    resolve_device,
    use_bfloat16,
)
from sk_gene2vec.encoder.training._starts import svd_start
from sk_gene2vec.encoder.training._train import Run, train
from sk_gene2vec.encoder.training._trained import NO_CALIBRATION, Trained
from sk_gene2vec.encoder.training._wide import averaged, wide_coef
from sk_gene2vec.metrics._metrics import ndcg

Parameters: TypeAlias = Mapping[str, Any]


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
    with own_settings(), advice_on_memory(X.shape, batch_size, embedding_dim):
        architecture = _architecture(parameters)
        device = resolve_device(parameters["device"])
        if previous is not None:
            _check_architecture(previous, architecture)
        seed = random_state.randint(np.iinfo(np.int32).max)
        if previous is not None and previous._hold_out_state is not None:
            random_state = deepcopy(previous._hold_out_state)
        data = prepare(
            X,
            one_hot=architecture["gene_input"] == "one-hot",
            validation_fraction=parameters["validation_fraction"],
            previous=previous,
            random_state=random_state,
        )
        if previous is not None:
            _check_genes(previous, data.row_keys)
        epochs_before = len(previous.loss_curve_) if previous else 0
        network = _learned(previous, data)
        run = Run(
            parameters={**parameters, **architecture},
            device=device,
            seed=seed,
            noise=torch.Generator(device),
            identity=identity_of_fit(
                X,
                parameters,
                gene_set_names=gene_set_names,
                seed=seed,
                epochs_before=epochs_before,
            ),
            epochs_before=epochs_before,
            incremental=incremental,
            moments=network._moments if network and incremental else None,
        )
        callbacks = _callbacks(data, run)
        # Before training, which takes the memory that this gives back.
        wide = _wide_part(data, run, previous)
        module = _module(data, run, network, random_state)
        net = _train_network(module, data, run, callbacks)
        return _fitted(net, wide, data, run, previous, architecture)


def _learned(previous: Fitted | None, data: TrainingData) -> Fitted | None:
    """Take the previous fit if its network has learned something."""
    if previous and data.row_keys is None and not previous.gene_set_weights_.any():
        # All inputs were zero: with these data, start as in a first fit.
        return None
    return previous


def _wide_part(data: TrainingData, run: Run, previous: Fitted | None) -> sp.csr_array:
    """Compute the wide part from the memberships that training sees."""
    # With an embedding table, memberships are no input.
    n_inputs = run.parameters["n_wide_inputs"] if data.row_keys is None else 0
    n_genes = data.X.shape[0]
    n_seen = n_genes + (previous.n_samples_seen_ if previous and run.incremental else 0)
    # The parts share the penalty, which would shrink the weights of small ones.
    penalty = WIDE_PENALTY * n_genes / n_seen
    coef = wide_coef(data.rows, n_inputs, torch.get_num_threads(), penalty)
    if previous is None:
        return coef
    before = previous.wide_coef_
    if not before.nnz:
        return _first_wide_part(coef, data, previous)
    if not run.incremental:
        return coef
    n_members = previous.gene_set_frequency_ * previous.n_samples_seen_
    shares = n_members / np.maximum(n_members + data.sizes, 1)
    return averaged((before, coef), shares, n_inputs)


def _first_wide_part(
    coef: sp.csr_array, data: TrainingData, previous: Fitted
) -> sp.csr_array:
    """Add a wide part to a fit without one, if its logits can be calibrated."""
    uncalibrated = np.array_equal(previous.calibration_, NO_CALIBRATION)
    if data.holds_out or uncalibrated or not coef.nnz:
        return coef
    warn(
        "There is no wide part: the fit so far had none, and nothing is held out to "
        "calibrate one with. Set validation_fraction above 0, or train on genes with "
        "two memberships or more."
    )
    return sp.csr_array(coef.shape, dtype=coef.dtype)


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
            f"{'; '.join(different)}. Fit with warm_start=False to start anew."
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
            "Fit with warm_start=False to start anew; transform needs no fit for new "
            "genes."
        )


def _train_network(
    module: GeneSetNetwork,
    data: TrainingData,
    run: Run,
    callbacks: list[Any],
) -> NeuralNet:
    dataset = MembershipDataset(
        data.rows,
        data.counts,
        data.gene_set_weights if data.row_keys is None else None,
        run.parameters["mask_rate"],
        run.device,
        run.parameters["pos_weight"],
    )
    return train(module, _criterion(data, run), dataset, run, callbacks=callbacks)


def _module(
    data: TrainingData,
    run: Run,
    previous: Fitted | None,
    random_state: np.random.RandomState,
) -> GeneSetNetwork:
    """Build the network, with the weights that training starts from."""
    parameters = run.parameters
    embedding_dim, init = parameters["embedding_dim"], parameters["init"]
    start = None
    if previous is None and init == "svd":
        start = svd_start(
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
        parameters["activation"],
        parameters["hidden_layer_sizes"],
        torch.Generator().manual_seed(run.seed),
        start=start,
        dropout=parameters["dropout"],
        noise=run.noise,
        pos_weight=parameters["pos_weight"],
        sparse_grad=parameters["n_negatives"] is not None,
    )
    if previous is not None:
        module.load(previous.coefs_, previous.intercepts_)
    return module


def _criterion(data: TrainingData, run: Run) -> GeneSetBCE | SampledBCE:
    n_negatives = run.parameters["n_negatives"]
    if n_negatives is None:
        precision = run.parameters["precision"]
        return GeneSetBCE(use_bfloat16(precision, run.device))
    sizes = torch.from_numpy(data.sizes).to(run.device)
    return SampledBCE(sizes, n_negatives, run.noise)


def _callbacks(data: TrainingData, run: Run) -> list[Any]:
    """List the callbacks: score, those of the user, the check of what they loaded."""
    parameters = run.parameters
    check = CheckpointCheck(n_steps(run.moments))
    callbacks = [*(parameters["callbacks"] or ()), check]
    if not parameters["early_stopping"]:
        return callbacks
    if not data.holds_out:
        raise ValueError(
            "early_stopping needs held-out memberships: expected "
            "validation_fraction above 0 and genes with two memberships or more, in "
            "rows that at most half of the genes share."
        )

    def score(module: GeneSetNetwork) -> float:
        """NDCG@100 of the held-out memberships under the module's weights."""
        blocks = Trained(module, data, parameters).held_out_predictions()
        return float(np.concatenate([ndcg(block, 100) for block in blocks]).mean())

    stopping = HeldOutStopping(parameters["n_iter_no_change"])
    return [HeldOutScore(score), *callbacks, stopping]


def _fitted(
    net: NeuralNet,
    wide: sp.csr_array,
    data: TrainingData,
    run: Run,
    previous: Fitted | None,
    architecture: dict[str, Any],
) -> Fitted:
    """Export weights and curves, embed the genes, and calibrate."""
    trained = Trained(net.module, data, run.parameters)
    trained.check_bounds()
    embedding = trained.embed(data.row_of, data.X)
    of_embedding = trained.calibration(
        previous.embedding_calibration_ if previous else None
    )
    calibration = of_embedding.copy()
    if wide.nnz:
        calibration = trained.calibration(
            previous.calibration_ if previous else None, wide
        )
    losses = [epoch["train_loss"] for epoch in net.history]
    scores = None
    if run.parameters["early_stopping"]:
        scores = [epoch["valid_score"] for epoch in net.history]
        scores = [*((previous and previous.validation_scores_) or ()), *scores]
    n_members, n_seen = data.X.sum(axis=0), data.X.shape[0]
    if previous is not None and run.incremental:
        n_before = previous.n_samples_seen_
        n_members = n_members + n_before * previous.gene_set_frequency_
        n_seen += n_before
    return Fitted(
        coefs_=trained.layers.coefs,
        intercepts_=trained.layers.intercepts,
        gene_set_weights_=data.gene_set_weights.astype(np.float32),
        gene_set_frequency_=(n_members / n_seen).astype(np.float32),
        n_samples_seen_=n_seen,
        _wide=(wide.data, wide.indices, wide.indptr),
        calibration_=calibration,
        embedding_calibration_=of_embedding,
        loss_curve_=[*(previous.loss_curve_ if previous else ()), *losses],
        validation_scores_=scores,
        n_iter_=len(losses),
        embedding_=embedding,
        _architecture=architecture,
        _pos_weight=float(run.parameters["pos_weight"]),
        _median_size=float(np.median(np.diff(data.X.indptr))),
        _row_keys=data.row_keys,
        _hold_out_state=data.hold_out_state,
        _moments=export_moments(net) if run.incremental else None,
    )
