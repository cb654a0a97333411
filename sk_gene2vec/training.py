"""Training through skorch: batches of sparse rows in, a loss an epoch out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, EpochTimer
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR
from tqdm import tqdm

from sk_gene2vec.losses import Targets
from sk_gene2vec.sparse_rows import SparseRows


class Batch(NamedTuple):
    """Inputs and targets of some genes, and how many genes they stand for."""

    inputs: Tensor | tuple[SparseRows, Tensor]
    targets: Targets
    n_genes: float


class MembershipDataset(torch.utils.data.Dataset[Batch]):
    """A binary gene x gene-set matrix, sliced a whole batch at a time.

    Parameters
    ----------
    X : CSR array of shape (n_rows, n_gene_sets)
        Rows with sorted indices; stored values are not looked at.
    counts : ndarray of shape (n_rows,)
        How many genes each row stands for.
    set_weights : ndarray of shape (n_gene_sets,) or None
        Weight of every set in the inputs; None feeds the number of the row.
    mask_rate : float
        Share of the memberships hidden from the inputs.
    device : torch.device
        Where batches are wanted; the whole matrix is moved there once.
    """

    def __init__(
        self,
        X: sp.csr_array,
        counts: NDArray[np.integer],
        set_weights: NDArray[np.floating] | None,
        mask_rate: float,
        device: torch.device,
    ) -> None:
        self.row_starts = np.asarray(X.indptr, dtype=np.int64)
        self.counts = np.asarray(counts, dtype=np.float32)
        # A copy: of a read-only array, such as a memory map, torch wants no view.
        self.columns = torch.tensor(X.indices, dtype=torch.int64, device=device)
        self.set_weights = (
            None
            if set_weights is None
            else torch.as_tensor(set_weights, dtype=torch.float32, device=device)
        )
        self.mask_rate = mask_rate
        self.device = device

    def __len__(self) -> int:
        return len(self.counts)

    def batch(self, index: NDArray[np.int64], generator: torch.Generator) -> Batch:
        """Slice the rows ``index`` and mask their inputs afresh."""
        starts = self.row_starts[index]
        lengths = self.row_starts[index + 1] - starts
        row_starts = np.concatenate([[0], np.cumsum(lengths)])
        # One copy to the device for all that the host works out about the batch.
        host = torch.from_numpy(
            np.concatenate([lengths, starts - row_starts[:-1], row_starts])
        ).to(self.device, non_blocking=True)
        n_rows, n_entries = len(index), int(row_starts[-1])
        lengths_t, offsets, row_starts_t = host.split([n_rows, n_rows, n_rows + 1])
        rows = torch.repeat_interleave(lengths_t, output_size=n_entries)
        entries = torch.arange(n_entries, device=self.device) + offsets[rows]
        columns = self.columns[entries]
        members = SparseRows(rows, columns, row_starts_t)
        counts = self.counts[index]
        n_genes = float(counts.sum(dtype=np.float64))
        weights = torch.from_numpy(counts / n_genes).to(
            self.device, dtype=torch.float32
        )
        inputs: Tensor | tuple[SparseRows, Tensor]
        asked = torch.ones(n_entries, device=self.device, dtype=torch.float32)
        if self.set_weights is None:
            inputs = torch.from_numpy(index).to(self.device)
        else:
            asked.bernoulli_(self.mask_rate, generator=generator)
            # Masked entries stay as zeros: dropping them would need a sync.
            values = self.set_weights[columns] * (1 - asked)
            norms = torch.zeros(n_rows, device=self.device, dtype=torch.float32)
            norms.index_add_(0, rows, values**2)
            values = values / norms.sqrt_().clamp_(min=1e-12)[rows]
            inputs = members, values
        return Batch(
            inputs, Targets(members, row_starts.tolist(), weights, asked), n_genes
        )


class BatchIterator:
    """Shuffled batches of nearly equal size; stands where skorch wants a loader."""

    def __init__(
        self,
        dataset: MembershipDataset,
        batch_size: int,
        rng: np.random.Generator,
        generator: torch.Generator,
    ) -> None:
        self.dataset = dataset
        self.n_batches = math.ceil(len(dataset) / batch_size)
        self.rng = rng
        self.generator = generator

    def __len__(self) -> int:
        return self.n_batches

    def __iter__(self) -> Iterator[Batch]:
        order = self.rng.permutation(len(self.dataset))
        for index in np.array_split(order, self.n_batches):
            yield self.dataset.batch(index, self.generator)


class MembershipNet(NeuralNet):
    """skorch's loop with the loss read once an epoch instead of once a batch.

    Parameters with sparse gradients get an optimizer of their own, which leaves
    the rows that a batch does not touch, and their moments, alone.
    """

    def get_default_callbacks(self) -> list[tuple[str, Callback]]:
        # The others read a loss from every batch; ours is recorded once an epoch.
        return [("epoch_timer", EpochTimer())]

    def initialize_optimizer(self, triggered_directly: bool | None = None) -> Any:
        parameters = dict(self.get_all_learnable_params())
        sparse = [parameters.pop(name) for name in self.module_.sparse_parameters]
        args, kwargs = self.get_params_for_optimizer("optimizer", parameters.items())
        self.optimizer_ = self.optimizer(*args, **kwargs)
        if sparse:
            ((_, first_layer),) = self.optimizer__param_groups
            groups = [{"params": [p]} for p in sparse]
            groups[0]["lr"] = first_layer["lr"]
            self.sparse_optimizer_ = torch.optim.SparseAdam(groups, lr=self.lr)
            self.sparse_optimizer_.register_step_pre_hook(self._decay_touched_rows)
        return self

    def _decay_touched_rows(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        """Decay the weights of the first layer as AdamW does, where touched."""
        weight = self.module.embedding
        rows = weight.grad.coalesce().indices()[0]
        ((_, group),) = self.optimizer__param_groups
        rate = optimizer.param_groups[0]["lr"] * group["weight_decay"]
        with torch.no_grad():
            weight[rows] *= 1 - rate

    def train_step(self, batch: Batch, **fit_params: Any) -> dict[str, Any]:
        # skorch hands every optimizer a closure; two would compute the step twice.
        self._zero_grad_optimizer()
        step = self.train_step_single(batch, **fit_params)
        self.notify(
            "on_grad_computed",
            named_parameters=self.get_all_learnable_params(),
            batch=batch,
            training=True,
        )
        self._step_optimizer(lambda: None)
        return step

    def train_step_single(self, batch: Batch, **fit_params: Any) -> dict[str, Any]:
        self._set_training(True)
        y_pred = self.module_(batch.inputs)
        loss = self.criterion_(y_pred, batch.targets)
        loss.backward()
        return {"loss": loss, "y_pred": y_pred}

    def over_processes(self, value: float) -> float:
        """Mean over the processes that train; here, there is one."""
        return value

    def run_single_epoch(
        self,
        iterator: BatchIterator | None,
        training: bool,
        prefix: str,
        step_fn: Any,
        **fit_params: Any,
    ) -> None:
        if iterator is None:
            return
        total: Tensor | float = 0.0
        n_genes = 0.0
        for batch in iterator:
            self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            total = total + step["loss"].detach() * batch.n_genes
            n_genes += batch.n_genes
            self.notify("on_batch_end", batch=batch, training=training, **step)
        n_gene_sets = len(self.module.output)
        loss = self.over_processes(float(total)) / (n_genes * n_gene_sets)
        if not math.isfinite(loss):
            raise ValueError(
                f"The {prefix} loss became {loss} in epoch {len(self.history)}: "
                f"training diverged at lr={self.lr}. Use a smaller lr, for example "
                f"lr={self.lr / 10:g}."
            )
        self.history.record(f"{prefix}_loss", loss)
        self.history.record(f"{prefix}_batch_count", len(iterator))


class LinearDecay(Callback):
    """Lower the learning rate of every optimizer linearly to zero, step by step."""

    def on_train_begin(self, net: NeuralNet, X: Any = None, **kwargs: Any) -> None:
        n_steps = net.max_epochs * math.ceil(len(X) / net.batch_size)
        self.schedulers_ = [
            LambdaLR(getattr(net, f"{name}_"), lambda step: 1.0 - step / n_steps)
            for name in net._optimizers
        ]

    def on_batch_end(self, net: NeuralNet, training: bool, **kwargs: Any) -> None:
        if training:
            for scheduler in self.schedulers_:
                scheduler.step()


class _EndOfTraining(Exception):
    """Raised by a callback that wants no further epoch."""


class HeldOutStopping(Callback):
    """End training when a score stops improving, and go back to the best epoch.

    Parameters
    ----------
    evaluate : callable
        Score of the module, the higher the better.
    n_iter_no_change : int
        Epochs without improvement before training ends.
    """

    def __init__(
        self, evaluate: Callable[[torch.nn.Module], float], n_iter_no_change: int
    ) -> None:
        self.evaluate = evaluate
        self.n_iter_no_change = n_iter_no_change

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        self.scores_: list[float] = []
        self.best_weights_: dict[str, Tensor] = {}

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        # The same in all processes, or some would go on and wait for the others.
        score = net.over_processes(self.evaluate(net.module))
        net.history.record("valid_score", score)
        if score > max(self.scores_, default=-math.inf):
            weights = net.module.state_dict()
            self.best_weights_ = {name: w.clone() for name, w in weights.items()}
        self.scores_.append(score)
        since_best = len(self.scores_) - 1 - self.scores_.index(max(self.scores_))
        if since_best >= self.n_iter_no_change:
            raise _EndOfTraining

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        if self.best_weights_:
            net.module.load_state_dict(self.best_weights_)


class ProgressBar(Callback):
    """One bar for the whole fit, with the loss of the last epoch."""

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        self.bar_ = tqdm(total=net.max_epochs, desc="epochs", unit="epoch")

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        self.bar_.set_postfix(loss=f"{net.history[-1, 'train_loss']:.5f}")
        self.bar_.update()

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        self.bar_.close()


def resolve_device(device: str) -> torch.device:
    """Turn ``"auto"``, ``"accelerate"`` or a torch device into one that exists.

    Raises
    ------
    ValueError
        If torch does not know the device, or this machine does not have it.
    """
    if device == "accelerate":
        # Not at the top: accelerate is optional.
        from sk_gene2vec.accelerated import start_accelerator

        return torch.device(start_accelerator().device)
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    found = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    message = f"device={device!r} cannot be used here: expected 'auto', 'accelerate' "
    message += f"or one of {found}."
    try:
        resolved = torch.device(device)
        torch.empty(0, device=resolved)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(message) from error
    if resolved.type not in ("cpu", "cuda"):
        raise ValueError(message)
    return resolved


def use_bfloat16(precision: str, device: torch.device) -> bool:
    """Whether ``precision`` comes to bfloat16 products on ``device``."""
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return bool(supported())


def train(
    module: torch.nn.Module,
    criterion: torch.nn.Module,
    dataset: MembershipDataset,
    *,
    lr: float,
    first_layer_lr: float,
    weight_decay: float,
    max_epochs: int,
    batch_size: int,
    seed: int,
    callbacks: Sequence[Any],
    verbose: int,
    accelerate: bool = False,
) -> MembershipNet:
    """Train ``module`` in place and return the skorch net that did it.

    The first layer has `first_layer_lr` times the learning rate of the others. If
    `accelerate`, batches are shared out to the processes of this run.

    Nothing is drawn from the global random states of NumPy and torch.
    """
    net_type: Callable[..., MembershipNet] = MembershipNet
    if accelerate:
        from sk_gene2vec import accelerated

        accelerated.check_same_problem(dataset, seed)
        accelerator = accelerated.start_accelerator()
        verbose = verbose if accelerator.is_main_process else 0
        net_type = partial(accelerated.AcceleratedNet, accelerator=accelerator)
    net = net_type(
        module,
        criterion=criterion,
        optimizer=torch.optim.AdamW,
        optimizer__fused=True,
        optimizer__weight_decay=0.0,
        optimizer__param_groups=[
            (
                "embedding",
                {
                    "lr": lr * first_layer_lr,
                    "weight_decay": weight_decay / first_layer_lr,
                },
            )
        ],
        lr=lr,
        max_epochs=max_epochs,
        batch_size=batch_size,
        iterator_train=BatchIterator,
        iterator_train__rng=np.random.default_rng(seed),
        iterator_train__generator=torch.Generator(dataset.device).manual_seed(seed),
        train_split=None,
        callbacks=[LinearDecay(), *([ProgressBar()] if verbose else []), *callbacks],
        device=dataset.device,
        verbose=0,
    )
    net.initialize()
    # Not net.fit: that swallows KeyboardInterrupt.
    net.notify("on_train_begin", X=dataset, y=None)
    try:
        net.fit_loop(dataset)
    except _EndOfTraining:
        pass
    except KeyboardInterrupt:
        # skorch's EarlyStopping says so by the same exception as Ctrl-C.
        stoppers = [cb for _, cb in net.callbacks_ if isinstance(cb, EarlyStopping)]
        if not any(cb.misses_ >= cb.patience for cb in stoppers):
            raise
    finally:
        net.notify("on_train_end", X=dataset, y=None)
    return net
