"""In which order a run takes up its records: what earlier runs left, what is new, and what has become due meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ml_connector.core.chunk import Chunk
from tasks.events import events
from tasks.fetch import LARGEST_CHUNK, missed, pages
from tasks.leftovers import leftovers
from tasks.running import OpenRun
from tasks.stream import Stream

PATIENCE = 60.0
"""Seconds in which a run comes back to what becomes due: unclear writes need their time to settle."""


async def everything(run: OpenRun) -> AsyncIterator[tuple[Stream, Chunk]]:
    """Stream after stream, for one may need what the one before has written; what is read is written as it comes."""
    for stream in run.streams:
        for chunks in (leftovers(run, stream), pages(run, stream), leftovers(run, stream, patience=PATIENCE)):
            async for chunk in chunks:
                yield stream, chunk


async def backlog(run: OpenRun) -> AsyncIterator[tuple[Stream, Chunk]]:
    """The same for a destination that is slow: everything is read before anything is sent. The chunks are large, so
    that it shows how much waits for whom."""
    for stream in run.streams:
        async for chunk in leftovers(run, stream, together=LARGEST_CHUNK):
            yield stream, chunk
        async for _ in pages(run, stream):
            pass
        async for chunk in leftovers(run, stream, patience=PATIENCE, together=LARGEST_CHUNK):
            yield stream, chunk


async def told(run: OpenRun) -> AsyncIterator[tuple[Stream, Chunk]]:
    """What was left of each stream; then what events tell of, until none comes for a while."""
    for stream in run.streams:
        async for chunk in leftovers(run, stream):
            yield stream, chunk
    async for stream, chunk in events(run):
        yield stream, chunk


async def untold(run: OpenRun) -> AsyncIterator[tuple[Stream, Chunk]]:
    """What events should have told of and did not, and what has become due meanwhile."""
    for stream in run.streams:
        for chunks in (missed(run, stream), leftovers(run, stream, patience=PATIENCE)):
            async for chunk in chunks:
                yield stream, chunk
