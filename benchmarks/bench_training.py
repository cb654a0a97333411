"""Speed and memory of training, next to the notebook's way of working.

The problem is full MSigDB v7.1, embedding 100, one hidden layer of 100, batches of
1,000 genes, Adam at 0.01. One run compares the notebook's dense tensors (one-hot
inputs, many-hot targets), this package in float32 and bfloat16, the same steps in a
bare loop without skorch, and the floor, which is only the three products with the
output layer. Each runs in a process of its own, to measure its peak memory.

    python benchmarks/bench_training.py [--device cuda] [--repeats 3]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from statistics import median
from typing import Any

import numpy as np
import torch
from _common import MSIGDB, peak_memory, report, shared, wait_until_idle
from skorch.callbacks import Callback
from torch import nn

from sk_gene2vec import GeneSetEncoder, GmtVectorizer, read_gmt
from sk_gene2vec.encoder.training._resources import use_bfloat16

BATCH, WIDTH = 1000, 100
N_EPOCHS_DENSE = 10
N_NEGATIVES = 2048


def load() -> Any:
    gene_sets = read_gmt(shared(MSIGDB))
    return GmtVectorizer(gene_sets).fit_transform(gene_sets.genes)


def sync(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def dense(device: str) -> dict[str, Any]:
    """Train the notebook's network on dense tensors, as its text describes it."""
    X = load()
    start = time.perf_counter()
    targets = torch.from_numpy(X.toarray())
    inputs = torch.eye(len(targets))
    build = time.perf_counter() - start
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Linear(inputs.shape[1], WIDTH),
        nn.ReLU(),
        nn.Linear(WIDTH, WIDTH),
        nn.ReLU(),
        nn.Linear(WIDTH, targets.shape[1]),
        nn.Sigmoid(),
    ).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    criterion = nn.BCELoss()
    epochs, loss = [], 0.0
    for _ in range(N_EPOCHS_DENSE):
        start = time.perf_counter()
        losses = []
        for index in torch.randperm(len(targets)).split(BATCH):
            optimizer.zero_grad()
            batch = criterion(
                network(inputs[index].to(device)), targets[index].to(device)
            )
            batch.backward()
            optimizer.step()
            losses.append(batch.detach())
        loss = float(torch.stack(losses).mean())
        epochs.append(time.perf_counter() - start)
    return {"build": build, "epochs": epochs, "loss": loss}


class Clock(Callback):
    """Wall time at the end of every epoch, since training began."""

    def __init__(self, device: str) -> None:
        self.device = device

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        self.net, self.dataset = net, kwargs["X"]
        self.ends = [time.perf_counter()]

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        sync(self.device)
        self.ends.append(time.perf_counter())


def of_notebook(
    clock: Clock, precision: str, max_epochs: int, n_negatives: int | None = None
) -> GeneSetEncoder:
    """Our network and loss of the notebook, its epochs timed by the clock."""
    return GeneSetEncoder(
        WIDTH,
        gene_input="one-hot",
        activation="relu",
        hidden_layer_sizes=(WIDTH,),
        lr=0.01,
        batch_size=BATCH,
        max_epochs=max_epochs,
        precision=precision,
        n_negatives=n_negatives,
        device=clock.device,
        callbacks=[clock],
        random_state=0,
    )


def ours(
    device: str, precision: str, n_negatives: int | None = None, max_epochs: int = 8
) -> dict[str, Any]:
    X = load()
    clock = Clock(device)
    start = time.perf_counter()
    encoder = of_notebook(clock, precision, max_epochs, n_negatives).fit(X)
    fit = time.perf_counter() - start
    return {
        "build": clock.ends[0] - start,
        "epochs": np.diff(clock.ends).tolist(),
        "losses": encoder.loss_curve_,
        "fit": fit,
    }


def bare_loop(device: str, precision: str) -> dict[str, Any]:
    """Time the steps of our training without skorch around them, and with."""
    clock = Clock(device)
    X = load()
    of_notebook(clock, precision, max_epochs=1).fit(X)
    net = clock.net
    batches = net.get_iterator(clock.dataset, training=True)
    module, criterion = net.module_, net.criterion_
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01, fused=True)

    def bare() -> None:
        total = torch.zeros(())
        for batch in batches:
            optimizer.zero_grad()
            loss = criterion(module(batch.inputs), batch.targets)
            loss.backward()
            optimizer.step()
            total = total + loss.detach() * batch.n_genes
        float(total)

    def skorch() -> None:
        net.run_single_epoch(batches, True, "train", net.train_step)

    net.history.new_epoch()
    times: dict[str, list[float]] = {"bare": [], "skorch": []}
    for _ in range(6):
        for name, run in (("bare", bare), ("skorch", skorch)):
            start = time.perf_counter()
            run()
            sync(device)
            times[name].append(time.perf_counter() - start)
    return {"epochs": times["bare"], "skorch": times["skorch"]}


def floor(device: str, precision: str) -> dict[str, Any]:
    """Time the three products with the output layer, at the shapes of a step."""
    n_genes, n_sets = load().shape
    dtype = getattr(torch, precision)
    hidden = torch.randn(BATCH, WIDTH, device=device).to(dtype)
    weight = torch.randn(n_sets, WIDTH, device=device).to(dtype)
    logits = torch.randn(BATCH, n_sets, device=device).to(dtype)
    # The chunks of rows that were fastest, with the buffer written in place.
    chunk = 256 if device == "cpu" else BATCH
    epochs = []
    for _ in range(8):
        sync(device)
        start = time.perf_counter()
        for _ in range(-(-n_genes // BATCH)):
            for i in range(0, BATCH, chunk):
                z = logits[i : i + chunk]
                torch.mm(hidden[i : i + chunk], weight.t(), out=z)
                torch.mm(z, weight)
            torch.mm(logits.t(), hidden)
        sync(device)
        epochs.append(time.perf_counter() - start)
    # Shares of a step's rows that are beyond the last gene are taken off.
    scale = n_genes / (BATCH * -(-n_genes // BATCH))
    return {"epochs": [epoch * scale for epoch in epochs]}


def default_fit(device: str) -> dict[str, Any]:
    X = load()
    start = time.perf_counter()
    encoder = GeneSetEncoder(device=device, random_state=0).fit(X)
    return {"fit": time.perf_counter() - start, "n_epochs": encoder.n_iter_}


VARIANTS = {
    "dense": dense,
    "floor float32": lambda device: floor(device, "float32"),
    "ours float32": lambda device: ours(device, "float32"),
    "negatives float32": lambda device: ours(device, "float32", N_NEGATIVES),
    "bare float32": lambda device: bare_loop(device, "float32"),
    "floor bfloat16": lambda device: floor(device, "bfloat16"),
    "ours bfloat16": lambda device: ours(device, "bfloat16"),
    "negatives bfloat16": lambda device: ours(device, "bfloat16", N_NEGATIVES),
    "bare bfloat16": lambda device: bare_loop(device, "bfloat16"),
    "default fit": default_fit,
}


def run(name: str, device: str) -> dict[str, Any]:
    process = subprocess.run(
        [sys.executable, __file__, "--device", device, "--one", name],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(process.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--one", choices=list(VARIANTS))
    arguments = parser.parse_args()
    device = arguments.device
    if arguments.one:
        result = VARIANTS[arguments.one](device)
        print(json.dumps(result | {"memory": peak_memory()}))
        return
    load = wait_until_idle()
    # Everything once per round, so that a drift of the machine affects all alike. The
    # dense network needs minutes, and its epochs serve as repeats.
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in VARIANTS}
    for repeat in range(arguments.repeats):
        for name in VARIANTS:
            if name == "dense" and repeat:
                continue
            if name.endswith("bfloat16") and not use_bfloat16(
                "auto", torch.device(device)
            ):
                continue
            results[name].append(run(name, device))
            print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)

    def epoch(name: str) -> float:
        # The first two epochs of each process warm up.
        return median(median(r["epochs"][2:]) for r in results[name])

    def memory(name: str) -> float:
        return max(r["memory"] for r in results[name])

    baseline = results["dense"][0]
    rows: list[list[Any]] = [
        ["dense, as the notebook", epoch("dense"), 1.0, "", "", memory("dense"), ""]
    ]
    for precision in ("float32", "bfloat16"):
        if not results[f"ours {precision}"]:
            rows.append([f"{precision}: no instructions for it here", *[""] * 6])
            continue
        time_to_loss = []
        for result in results[f"ours {precision}"]:
            reached = [x <= baseline["loss"] for x in result["losses"]]
            n = reached.index(True) + 1
            time_to_loss.append(result["build"] + sum(result["epochs"][:n]))
        dense_time = baseline["build"] + sum(baseline["epochs"])
        overhead = median(
            median(r["skorch"]) / median(r["epochs"])
            for r in results[f"bare {precision}"]
        )
        rows.append(
            [
                f"sk-gene2vec, {precision}",
                epoch(f"ours {precision}"),
                epoch("dense") / epoch(f"ours {precision}"),
                epoch(f"ours {precision}") / epoch(f"floor {precision}"),
                overhead,
                memory(f"ours {precision}"),
                dense_time / median(time_to_loss),
            ]
        )
        sampled = f"negatives {precision}"
        rows.append(
            [
                f"sk-gene2vec, {precision}, {N_NEGATIVES:,} negatives",
                epoch(sampled),
                epoch("dense") / epoch(sampled),
                epoch(sampled) / epoch(f"floor {precision}"),
                "",
                memory(sampled),
                "",
            ]
        )
        rows.append(
            [f"floor, {precision}", epoch(f"floor {precision}"), "", 1.0, "", "", ""]
        )
    fits = results["default fit"]
    label = f"sk-gene2vec, the whole default fit of {fits[0]['n_epochs']} epochs"
    seconds = median(r["fit"] for r in fits)
    ratio = epoch("dense") / seconds
    rows.append([label, seconds, ratio, "", "", memory("default fit"), ""])
    report(
        f"bench_training{'' if device == 'cpu' else '_cuda'}.py",
        [
            "",
            "epoch, or whole fit (s)",
            "dense / this",
            "this / floor",
            "skorch / bare loop",
            "peak memory (GB)",
            "time to the loss of 10 dense epochs: dense / this",
        ],
        rows,
        load=load,
        results=results,
    )


if __name__ == "__main__":
    main()
