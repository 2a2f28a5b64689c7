"""Leftovers: what earlier runs, crashed ones too, planned and did not finish."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from uuid import UUID

from ml_connector.core.chunk import Chunk, Item
from ml_connector.core.parking import ANY_LINK, last_link
from tasks.running import OpenRun
from tasks.stream import Stream

PASSES = 12
LONGEST_PAUSE = 6.0
"""Seconds between two passes, unless everything that waits is due later."""
TOGETHER = 500
"""Records. Each event makes a batch, and those that wait for their customer are looked at by every run: 300 of them one
by one take 2.5 s, and two of Prefect's tasks each; together 0.03 s."""


async def leftovers(
    run: OpenRun, stream: Stream, *, patience: float = 0.0, together: int = TOGETHER
) -> AsyncIterator[Chunk]:
    """The unfinished records of the stream, whichever run planned them, oldest batch first.

    What is parked is left out as long as there is nothing new that it could wait for; a replay takes it up anyhow.
    With ``patience`` (seconds) it comes back for those that become due meanwhile: writes whose outcome is unclear
    need their time to settle before they are probed. Batches are joined into chunks of at least ``together`` records.
    """
    deadline = time.monotonic() + patience
    for n in range(PASSES):
        tired = handed_out = False
        linked = await _last_link(run, stream)
        async for batch_ids, chunk in _loaded(stream, together, linked):
            if run.stopped:
                return
            open_items = len(chunk.items)
            chunk.items = [item for item in chunk.items if not run.is_tired(item)]
            tired = tired or len(chunk.items) < open_items
            if chunk.items:
                handed_out = True
                yield chunk  # whoever works on it closes the batch that it is named after
                batch_ids.remove(chunk.batch_id)
            if batch_ids:
                await stream.ledger.close(batch_ids)
        if tired and not handed_out:
            return
        due = await stream.ledger.next_due()
        pause = max(due or 0.0, min(LONGEST_PAUSE, 0.1 * 2**n))
        if due is None or time.monotonic() + pause > deadline:
            return
        await asyncio.sleep(pause)


async def _last_link(run: OpenRun, stream: Stream) -> datetime | None:
    return ANY_LINK if run.run.mode == "replay" else await last_link(stream.db, stream.tenant, stream.route.awaited)


async def _loaded(stream: Stream, together: int, linked: datetime | None) -> AsyncIterator[tuple[list[UUID], Chunk]]:
    batch_ids: list[UUID] = []
    items: list[Item] = []
    for some in _at_once(await stream.ledger.open_batches(), together):
        batch_ids += some
        settle_seconds = stream.route.destination.settle_seconds
        items += (await stream.ledger.load(some, settle_seconds, last_link=linked)).items
        if len(items) >= together:
            yield batch_ids, Chunk(batch_ids[-1], items)
            batch_ids, items = [], []
    if batch_ids:
        yield batch_ids, Chunk(batch_ids[-1], items)


def _at_once(batches: Sequence[tuple[UUID, int]], records: int) -> Iterator[list[UUID]]:
    """Batches in which about so many records were planned: an event makes one of its own, and each costs a query."""
    batch_ids: list[UUID] = []
    planned = 0
    for batch_id, count in batches:
        batch_ids.append(batch_id)
        planned += count
        if planned >= records:
            yield batch_ids
            batch_ids, planned = [], 0
    if batch_ids:
        yield batch_ids
