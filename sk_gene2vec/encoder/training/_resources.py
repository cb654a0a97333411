"""Device, precision and memory of training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from types import ModuleType

import numpy as np
import torch

from sk_gene2vec.encoder import _forks


class _ExactProducts:
    """Compute float32 products in float32, whatever the process has set.

    The setting is that of the process. So with fits in several threads, the first one
    to begin changes it, and the last one to end restores it.
    """

    def __init__(self) -> None:
        self.lock = Lock()
        self.n_fits = 0

    def __enter__(self) -> None:
        with self.lock:
            if not self.n_fits:
                cpu: ModuleType = torch.backends.mkldnn
                products = torch.backends.cuda.matmul, cpu.matmul
                self.before = [(it, it.fp32_precision) for it in products]
                for product in products:
                    product.fp32_precision = "ieee"
            self.n_fits += 1

    def __exit__(self, *error: object) -> None:
        with self.lock:
            self.n_fits -= 1
            if self.n_fits:
                return
            for product, precision in self.before:
                product.fp32_precision = precision


_exact_products = _ExactProducts()


@contextmanager
def own_settings() -> Iterator[None]:
    """Train with the defaults of PyTorch and NumPy; restore the caller's settings."""
    if _forks.threads_are_lost:
        # Not restored: with more threads, any use of PyTorch may wait forever.
        torch.set_num_threads(1)
    with (
        _exact_products,
        # Turns gradients on as well.
        torch.inference_mode(False),
        torch.autocast("cpu", enabled=False),
        torch.autocast("cuda", enabled=False),
        np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"),
    ):
        yield


@contextmanager
def advice_on_memory(
    shape: tuple[int, int], batch_size: int, embedding_dim: int
) -> Iterator[None]:
    """Turn errors of too little memory into one that names parameters to lower.

    Raises
    ------
    MemoryError
        In place of a MemoryError or an error of PyTorch's allocators.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        kinds = MemoryError | torch.cuda.OutOfMemoryError
        if not isinstance(error, kinds) and "DefaultCPUAllocator" not in str(error):
            raise
        first_line = (str(error).splitlines() or ["no details"])[0]
        raise MemoryError(
            f"Out of memory in training on {shape[0]} genes x {shape[1]} gene sets: "
            f"{first_line}. Use a smaller batch_size (now {batch_size}), embedding_dim "
            f"(now {embedding_dim}) or n_negatives, such as 2000."
        ) from error


def resolve_device(device: str) -> torch.device:
    """Turn ``"auto"``, ``"accelerate"`` or a torch device into one that exists.

    Raises
    ------
    ValueError
        If torch does not know the device, or this machine does not have it.
    """
    if device == "accelerate":
        # Not at the top: accelerate is optional.
        from sk_gene2vec.encoder.training._accelerated import start_accelerator

        own = torch.device(start_accelerator().device)
        # Not cpu:0, as it may be in several processes: torch cannot load from there.
        return torch.device("cpu") if own.type == "cpu" else own
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    found = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    message = f"Expected device to be 'auto', 'accelerate' or one of {found}, "
    message += f"got {device!r}."
    if device.startswith("cuda") and not torch.backends.cuda.is_built():
        message += (
            f" This PyTorch, {torch.__version__}, was built without CUDA: install a "
            "build with CUDA, as pytorch.org describes for your system."
        )
    elif device.startswith("mps"):
        message += " Apple's GPUs are not supported: training on MPS is untested."
    try:
        resolved = torch.device(device)
        torch.empty(0, device=resolved)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(message) from error
    if resolved.type not in ("cpu", "cuda"):
        raise ValueError(message)
    return resolved


def use_bfloat16(precision: str, device: torch.device) -> bool:
    """Tell whether ``precision`` means products in bfloat16 on ``device``."""
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if hasattr(torch.cpu, "get_capabilities"):
        return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))
    return bool(torch.cpu._is_avx512_bf16_supported())  # PyTorch 2.9
