"""A contestant in a process of its own, so that its peak memory is its own; prints its figures as a line of JSON.

``python -m bench.contestants flow|prefect|bare SANDBOX_URL DATABASE_URL``
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from bench.bare import copy_customers
from bench.sampler import sampling
from flows.oracle_zendesk import sync_customers
from tests.installation import Installation, Sandbox

Work = Callable[[], Coroutine[Any, Any, None]]


def main() -> None:
    contestant, sandbox_url, database_url = sys.argv[1:]
    print(json.dumps(_measured(_contestants(sandbox_url, database_url)[contestant])))


def _contestants(sandbox_url: str, database_url: str) -> dict[str, Work]:
    async def flow() -> None:
        state = await Installation(Sandbox(sandbox_url), database_url).sync(streams=["organizations"])
        assert state.is_completed(), state.message

    async def prefect() -> None:
        await sync_customers("acme", ["organizations"])

    async def bare() -> None:
        await copy_customers(sandbox_url)

    return {"flow": flow, "prefect": prefect, "bare": bare}


def _measured(work: Work) -> dict[str, object]:
    clock, cpu = time.perf_counter(), time.process_time()
    with sampling() as samples:
        asyncio.run(work())
    return {
        "seconds": time.perf_counter() - clock,
        "client_cpu": time.process_time() - cpu,
        "peak_mb": _peak_mb(),
        "steps": samples.steps.shares(),
        "kinds": samples.kinds.shares(),
    }


def _peak_mb() -> float:
    """The most memory that this process has had; ``ru_maxrss`` would begin with that of its parent."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()
