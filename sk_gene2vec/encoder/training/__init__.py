"""Training of the network: the only place that imports torch."""

import sys

if sys.flags.optimize > 1:
    raise ImportError(
        "Expected docstrings, which skorch reads, got Python without them: leave out "
        "-OO, or unset PYTHONOPTIMIZE. -O works."
    )
