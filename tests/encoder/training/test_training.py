"""Batches, the skorch net, devices and precision."""

import ast
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback

from sk_gene2vec import GeneSetEncoder
from sk_gene2vec.encoder import training
from sk_gene2vec.encoder.training._batches import BatchIterator, MembershipDataset
from sk_gene2vec.encoder.training._resources import resolve_device, use_bfloat16

CPU = torch.device("cpu")


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    X = (rng.random((20, 12)) < 0.4).astype(np.float32)
    X[~X.any(axis=1), 0] = 1
    return sp.csr_array(X)


def test_batch_holds_the_rows_asked_for(X):
    weights = np.arange(1, 13) / 10
    dataset = MembershipDataset(X, np.ones(20), weights, 1e-9, CPU)
    index = np.array([7, 3, 19])
    batch = dataset.batch(index, np.random.default_rng(0))
    members = batch.targets.members
    rows, columns = members.rows, members.columns
    dense = np.zeros((3, 12))
    dense[rows, columns] = 1
    np.testing.assert_array_equal(dense, X[index].toarray())
    assert batch.n_genes == 3
    inputs = np.zeros((3, 12))
    entries, values = batch.inputs
    inputs[entries.rows, entries.columns] = values
    expected = X[index].toarray() * weights
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(inputs, expected, rtol=1e-6)


def test_masking_hides_the_asked_share_from_the_inputs_alone():
    X = sp.csr_array(np.ones((100, 100), np.float32))
    dataset = MembershipDataset(X, np.ones(100), np.ones(100), 0.3, CPU)
    batch = dataset.batch(np.arange(100), np.random.default_rng(0))
    members, asked = batch.targets.members, batch.targets.asked
    assert len(members.columns) == 10_000
    # Three standard deviations of the share of 10,000 draws.
    error = 3 * np.sqrt(0.3 * 0.7 / 10_000)
    assert asked.mean().item() == pytest.approx(0.3, abs=error)
    # The memberships that are not asked for are the inputs.
    entries, values = batch.inputs
    assert torch.equal(entries.positions, members.positions[asked == 0])
    norms = torch.zeros(100).index_add_(0, entries.rows, values**2)
    np.testing.assert_allclose(norms, 1, rtol=1e-5)


class Weights(Callback):
    """Weights of the network before the first step and after the last one."""

    def on_train_begin(self, net, **kwargs):
        self.before = self._copy(net)

    def on_train_end(self, net, **kwargs):
        self.after = self._copy(net)
        self.net = net

    def _copy(self, net):
        named = net.module_.named_parameters()
        return {name: weight.detach().clone() for name, weight in named}


@pytest.mark.parametrize("n_negatives", [None, 12])
def test_weight_decay_shrinks_the_first_layer_alone(X, n_negatives):
    found = {}
    for weight_decay in (0.0, 1.0):
        found[weight_decay] = seen = Weights()
        run(
            X,
            [seen],
            lr=0.1,
            weight_decay=weight_decay,
            n_negatives=n_negatives,
            batch_size=20,
            max_epochs=1,
        )
    # One step: the decay takes lr * weight_decay of the initial weights.
    before, after = found[0.0].before, found[0.0].after
    decayed = found[1.0].after
    difference = after["embedding"] - decayed["embedding"]
    np.testing.assert_allclose(
        difference, 0.1 * before["embedding"], rtol=1e-3, atol=1e-6
    )
    for name in ("output", "embedding_bias"):
        assert torch.equal(after[name], decayed[name])


def test_one_hot_batch_feeds_row_numbers_and_counts(X):
    counts = np.arange(1, 21)
    dataset = MembershipDataset(X, counts, None, 0.5, CPU)
    batch = dataset.batch(np.array([4, 9]), np.random.default_rng(0))
    assert batch.inputs.tolist() == [4, 9]
    assert batch.n_genes == 15
    np.testing.assert_allclose(batch.targets.weights, [5 / 15, 10 / 15])


@pytest.mark.parametrize(
    ("batch_size", "sizes"), [(20, [20]), (19, [10, 10]), (7, [7, 7, 6]), (99, [20])]
)
def test_batches_are_shuffled_and_of_nearly_equal_size(X, batch_size, sizes):
    dataset = MembershipDataset(X, np.ones(20), None, 0.0, CPU)
    iterator = BatchIterator(dataset, batch_size, np.random.default_rng(0))
    epochs = [[batch.inputs.tolist() for batch in iterator] for _ in range(2)]
    for epoch in epochs:
        assert [len(batch) for batch in epoch] == sizes
        assert sorted(i for batch in epoch for i in batch) == list(range(20))
    assert epochs[0] != epochs[1]
    assert len(iterator) == len(sizes)


def run(X, callbacks=(), **changes):
    parameters = {"activation": "tanh", "dropout": 0.0}
    parameters |= {"max_epochs": 12, "batch_size": 7, "random_state": 0}
    encoder = GeneSetEncoder(4, device="cpu", **(parameters | changes))
    return encoder.set_params(callbacks=list(callbacks)).fit(X)


def test_recorded_loss_is_the_mean_over_all_pairs(X):
    # The first loss is measured before any step when there is a single batch.
    (loss,) = run(X, batch_size=20, max_epochs=1, mask_rate=0.25).loss_curve_
    # All logits start near the log-odds of the sets; three in four memberships are
    # shown, and do not count.
    p = (X.sum(axis=0) + 0.5) / 21
    members, others = -np.log(p), -np.log(1 - p)
    expected = np.mean(X * 0.25 * members + (1 - X.toarray()) * others)
    assert loss == pytest.approx(expected, abs=0.03)


class Recorder(Callback):
    def __init__(self, error=None):
        self.error = error
        self.events = []

    def on_train_begin(self, net, **kwargs):
        self.events.append("train_begin")

    def on_batch_end(self, net, training, loss, **kwargs):
        assert training
        self.events.append("batch_end")

    def on_epoch_end(self, net, **kwargs):
        self.events.append("epoch_end")
        if self.error is not None:
            raise self.error

    def on_train_end(self, net, **kwargs):
        self.events.append("train_end")


def test_user_callbacks_see_every_event(X):
    recorder = Recorder()
    run(X, [recorder], max_epochs=2)
    epoch = ["batch_end"] * 3 + ["epoch_end"]
    assert recorder.events == ["train_begin", *epoch, *epoch, "train_end"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError("out of disk")])
def test_interrupts_and_errors_come_through(X, error):
    recorder = Recorder(error)
    expected = error if isinstance(error, type) else type(error)
    with pytest.raises(expected):
        run(X, [recorder])
    assert recorder.events[-2:] == ["epoch_end", "train_end"]


def test_divergence_names_epoch_and_a_smaller_lr(X):
    with pytest.raises(ValueError, match=r"train loss became .* in epoch 1.*lr=1e\+37"):
        run(X, lr=1e38)


def test_progress_shows_phases_epochs_and_loss(X, capsys):
    run(X, verbose=1, max_epochs=3)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "3/3" in captured.err
    assert "loss=0." in captured.err
    # The phases before and after have no bar.
    before, after = (captured.err.index(x) for x in ("preparing 20 genes", "embedding"))
    assert before < captured.err.index("3/3") < after


@pytest.mark.parametrize(
    ("changes", "factor"),
    [({}, 0.2), ({"n_negatives": 5}, 0.2), ({"gene_input": "one-hot"}, 1.0)],
)
def test_the_first_layer_learns_slowly_after_a_decomposition(X, changes, factor):
    found = {}

    class Rates(Callback):
        def on_train_begin(self, net, **kwargs):
            for group in net.optimizer_.param_groups:
                for weight in group["params"]:
                    found[id(weight)] = group
            names = dict(net.module_.named_parameters()).items()
            for name, weight in names:
                found[name] = found.pop(id(weight))

    GeneSetEncoder(3, lr=0.5, callbacks=[Rates()], **changes).fit(X)
    # At the first step, before the decay.
    assert found.pop("embedding")["initial_lr"] == pytest.approx(0.5 * factor)
    for group in found.values():
        assert group["initial_lr"] == 0.5


def test_silent_by_default(X, capsys):
    run(X)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("device", ["cuda:99", "quantum", "mps", "meta"])
def test_device_that_is_not_there(device):
    with pytest.raises(ValueError, match=rf"device to be .*\['cpu'.*, got '{device}'"):
        resolve_device(device)


def test_what_to_do_without_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: False)
    with pytest.raises(ValueError, match=r"This PyTorch, .*, was built without CUDA"):
        resolve_device("cuda:99")
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: True)
    with pytest.raises(ValueError, match=r"got 'cuda:99'\.$"):
        resolve_device("cuda:99")
    with pytest.raises(ValueError, match="Apple's GPUs are not supported"):
        resolve_device("mps")


def test_auto_device_is_cpu_without_cuda(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == CPU
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("auto") == torch.device("cuda")


@pytest.mark.parametrize("supported", [True, False])
def test_auto_precision_follows_the_device(supported, monkeypatch):
    found = {"avx512_bf16": supported}
    name, value = "get_capabilities", lambda: found
    if not hasattr(torch.cpu, name):  # PyTorch 2.9
        name, value = "_is_avx512_bf16_supported", lambda: supported
    monkeypatch.setattr(torch.cpu, name, value)
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation: supported
    )
    for device in (CPU, torch.device("cuda")):
        assert use_bfloat16("auto", device) is supported
        assert use_bfloat16("bfloat16", device) is True
        assert use_bfloat16("float32", device) is False


def test_accelerate_starts_only_for_its_device(monkeypatch):
    X = np.kron(np.eye(2), np.ones((5, 3)))
    # As if it could not be imported.
    name = "sk_gene2vec.encoder.training._accelerated"
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delattr(name, raising=False)
    for device in ("cpu", "auto"):
        assert GeneSetEncoder(2, max_epochs=1, device=device).fit(X).n_iter_ == 1
    with pytest.raises(ImportError, match="_accelerated"):
        GeneSetEncoder(2, max_epochs=1, device="accelerate").fit(X)


def test_private_names_of_skorch_are_not_used():
    """They may change in any version of skorch; its public hooks may not."""
    private = {n for n in dir(NeuralNet) if n.startswith("_") and n[:2] != "__"}
    assert {"_optimizers", "_set_training"} <= private
    for path in Path(training.__file__).parent.glob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        used = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        used |= {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
        assert not used & private, path.name
