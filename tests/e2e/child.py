"""One sync in a process of its own, for tests in which it dies or its memory is measured.

``python -m tests.e2e.child '{"run": "r1"}'`` works for the installation that the environment points at and prints one
line of JSON: how the flow ended, and the most memory that the process has held (MiB, resident).
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ml_connector.core import crashpoints
from tests.installation import tell

DIED = 137


@dataclass(slots=True, frozen=True)
class Ended:
    """How a child ended. ``completed`` None: it died."""

    completed: bool | None
    message: str | None = None
    peak_mib: float = 0.0


def sync_in_child(
    run: str,
    *,
    count: int = 1,
    completed: int | None = None,
    streams: Sequence[str] = ("organizations", "users"),
    flow: str = "oracle_zendesk:sync_customers",
    die_at: tuple[str, int] | None = None,
) -> Ended:
    """Run a flow's own body in a child, as `Installation.sync` does; with ``die_at`` it dies when it passes that crash
    point for the n-th time."""
    asked = {"run": run, "count": count, "completed": completed, "streams": streams, "flow": flow, "die_at": die_at}
    command = [sys.executable, "-m", "tests.e2e.child", json.dumps(asked)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if ended.returncode == DIED:
        return Ended(None)
    assert ended.returncode == 0, f"the child failed with {ended.returncode}"
    return Ended(**json.loads(ended.stdout))


def main() -> None:
    asked: dict[str, Any] = json.loads(sys.argv[1])
    if die_at := asked.pop("die_at"):
        crashpoints.arm(_death(*die_at))
    module, _, name = asked.pop("flow").partition(":")
    state = asyncio.run(tell(getattr(import_module(f"flows.{module}"), name), **asked))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps({"completed": state.is_completed(), "message": state.message, "peak_mib": peak}))


def _death(point: str, nth: int) -> Any:
    left = nth

    def on_point(name: str) -> None:
        nonlocal left
        left -= name == point
        if left == 0:
            os._exit(DIED)

    return on_point


if __name__ == "__main__":
    main()
