"""Where the databases of tests live."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108 - below it each has a folder of its own, which nobody else may enter
_ROOM = 4 * 2**30
"""Bytes; each of the test processes needs a few hundred million."""


@contextmanager
def scratch() -> Iterator[Path]:
    """A new folder, removed in the end; in memory if there is room: a database is 430 files, and some file systems take
    0.2 s of a processor to make them, for each test."""
    roomy = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM
    # short: a unix socket's path has 107 bytes at most
    folder = Path(tempfile.mkdtemp(prefix="mlc-pg-", dir=_MEMORY if roomy else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
