"""Python's cycle collector, called off while records are on their way."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLDS = (50_000, 10, 10)

# or a process that ends looks three times through all that it has loaded: 0.3 seconds of every flow run
atexit.register(gc.freeze)


@contextmanager
def rare_collections() -> Iterator[None]:
    """Let the collector run seldom, and not over what is loaded already.

    Chunks are many small objects that live for seconds and form no cycles, and at Python's own thresholds it walks
    over them a hundred times: that took 35 % of the CPU time of a large run, for nothing.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
