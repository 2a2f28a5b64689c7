"""Backlog: for a destination that is slow, everything is read before anything is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ml_connector.core.chunk import Chunk
from tasks.fetch import LARGEST_CHUNK, pages
from tasks.leftovers import leftovers
from tasks.stream import OpenRun, Stream


async def backlog(run: OpenRun, stream: Stream) -> AsyncIterator[Chunk]:
    """What waits from before; then, when all of the window is in the ledger, what waits then. In chunks that are large,
    so that it shows how much waits for whom.
    """
    async for chunk in leftovers(run, stream, together=LARGEST_CHUNK):
        yield chunk
    async for _ in pages(run, stream):
        pass
    async for chunk in leftovers(run, stream, patience=60, together=LARGEST_CHUNK):
        yield chunk
