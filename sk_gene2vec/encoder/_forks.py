"""Forks of a process that had loaded PyTorch."""

from __future__ import annotations

import os
import sys

# If True, PyTorch's threads may be missing: a child process has none of its parent's
# threads, but PyTorch's library of threads still waits for them.
threads_are_lost = False


def _look_after_fork() -> None:
    global threads_are_lost
    threads_are_lost = threads_are_lost or "torch" in sys.modules


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_look_after_fork)
