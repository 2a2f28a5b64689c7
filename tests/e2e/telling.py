"""``python -m tests.e2e.telling RUN COUNT STREAM...``: one process that tells, to be killed. 0 if its run completed.

``E2E_MINUTE``: what it takes for a minute, in seconds.
"""

from __future__ import annotations

import asyncio
import os
import sys

from flows.oracle_slack import notify
from ml_connector.core import rate
from tasks.story import FlowRun, given


async def main(run: str, count: int, streams: list[str]) -> int:
    given.set(FlowRun(run, run, count, 0))
    state = await notify.fn("acme", streams=streams)  # type: ignore[arg-type]  # as typed
    return 0 if state.is_completed() else 1


if __name__ == "__main__":
    rate._MINUTE = float(os.environ.get("E2E_MINUTE", rate._MINUTE))
    sys.exit(asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])))
