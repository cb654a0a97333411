"""What the benchmark scripts share: data, machine, medians, tables, results."""

from __future__ import annotations

import json
import os
import platform
import resource
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import sklearn
import torch

HERE = Path(__file__).parent
# Processes that want to run, on average over the last minute, above which times mean
# nothing; and how long to wait for others to end.
MAX_LOAD, PATIENCE_S = 0.5, 300
SHARED_DATA = HERE.parents[1] / "shared" / "data"
MSIGDB = "msigdb.v7.1.h-c2-c5-c6-c7.symbols.gmt.gz"
HALLMARK = "h.all.v7.0.symbols.gmt"


def shared(name: str) -> Path:
    """Path of a file of the MSigDB data; exit with a message if it is missing."""
    path = SHARED_DATA / name
    if not path.exists():
        raise SystemExit(f"needs {name} in the folder shared/data beside the checkout")
    return path


def wait_until_idle() -> float:
    """Wait for an idle machine; return its load, or exit if it stays busy.

    A script that reports times calls this before it measures.
    """
    for _ in range(PATIENCE_S // 10):
        load, *_ = os.getloadavg()
        if load <= MAX_LOAD:
            return round(load, 2)
        time.sleep(10)
    raise SystemExit(
        f"The load of this machine is {load:.2f}, and times are measured at "
        f"{MAX_LOAD} or less: end what else runs on it, and start again."
    )


def machine() -> dict[str, Any]:
    """CPU, threads, GPU and versions, for the record."""
    model = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        model = next(x.split(":")[1].strip() for x in lines if "model name" in x)
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": model,
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
    }


def timed(run: Callable[[], Any], repeats: int = 1) -> float:
    """Median wall time of some calls, in seconds."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return median(seconds)


def peak_memory() -> float:
    """Peak resident memory of this process so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def report(
    script: str,
    header: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    load: float | None = None,
    **details: Any,
) -> None:
    """Print a Markdown table, and write it with the machine as JSON.

    With times in the table, `load` is what `wait_until_idle` returned.
    """
    where = machine() | {"load": load}
    print(f"{where['processor']}, {where['threads']} threads, {where['date']}")
    print("| " + " | ".join(header) + " |")
    print("|" + "---|" * len(header))
    for row in rows:
        cells = [f"{x:.4g}" if isinstance(x, float) else str(x) for x in row]
        print("| " + " | ".join(cells) + " |")
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    record = {"machine": where, "header": list(header), "rows": rows, **details}
    path = results / f"{Path(script).stem}.json"
    path.write_text(json.dumps(record, indent=1, default=str) + "\n")
