"""Leftovers: what earlier runs, crashed ones too, planned and did not finish."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from ml_connector.core.chunk import Chunk
from tasks.stream import OpenRun, Stream

PASSES = 6


async def leftovers(run: OpenRun, stream: Stream, *, patience: float = 0.0) -> AsyncIterator[Chunk]:
    """The unfinished records of the stream, whichever run planned them, oldest batch first.

    With ``patience`` (seconds) it comes back for those that become due meanwhile: writes whose outcome is unclear
    need their time to settle before they are probed.
    """
    deadline = time.monotonic() + patience
    for n in range(PASSES):
        for batch_id in await stream.ledger.open_batches():
            if run.stopped:
                return
            chunk = await stream.ledger.load(batch_id, stream.route.destination.settle_seconds)
            if chunk.items:
                yield chunk
            else:
                await stream.ledger.close(batch_id)
        due = await stream.ledger.next_due()
        pause = max(due or 0.0, 0.1 * 2**n)
        if due is None or time.monotonic() + pause > deadline:
            return
        await asyncio.sleep(pause)
