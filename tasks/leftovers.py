"""Leftovers: what earlier runs, crashed ones too, planned and did not finish."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from ml_connector.core.chunk import Chunk
from tasks.stream import OpenRun, Stream

PASSES = 6


async def leftovers(run: OpenRun, stream: Stream, *, patience: float = 0.0, together: int = 1) -> AsyncIterator[Chunk]:
    """The unfinished records of the stream, whichever run planned them, oldest batch first.

    With ``patience`` (seconds) it comes back for those that become due meanwhile: writes whose outcome is unclear
    need their time to settle before they are probed. Batches are joined into chunks of at least ``together`` records.
    """
    deadline = time.monotonic() + patience
    for n in range(PASSES):
        joined: list[Chunk] = []
        for batch_id in await stream.ledger.open_batches():
            if run.stopped:
                return
            joined.append(await stream.ledger.load(batch_id, stream.route.destination.settle_seconds))
            if sum(map(len, joined)) >= together:
                async for chunk in _joined(stream, joined):
                    yield chunk
                joined = []
        async for chunk in _joined(stream, joined):
            yield chunk
        due = await stream.ledger.next_due()
        pause = max(due or 0.0, 0.1 * 2**n)
        if due is None or time.monotonic() + pause > deadline:
            return
        await asyncio.sleep(pause)


async def _joined(stream: Stream, chunks: list[Chunk]) -> AsyncIterator[Chunk]:
    """One chunk of them, if they hold anything. Whoever works on it closes the last batch; the others close here."""
    items = [item for chunk in chunks for item in chunk.items]
    if items:
        yield Chunk(chunks[-1].batch_id, items)
        chunks = chunks[:-1]
    for chunk in chunks:
        await stream.ledger.close(chunk.batch_id)
