"""Events: what the vendor has told by webhook is read afresh, and enters the ledger like all else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

from ml_connector.core.chunk import Chunk
from ml_connector.core.errors import ConnectorError, SafeError
from ml_connector.core.inbox import Pending
from ml_connector.core.records import EventSource, SourceRecord
from tasks.fetch import position_of
from tasks.leftovers import leftovers
from tasks.running import OpenRun
from tasks.stream import Stream
from tasks.verb import verb

BATCH = 200
LOOK_AGAIN = 0.5
"""Seconds between two looks into the inbox."""
LINGER = 15.0
"""Seconds without an event after which a run that has heard some ends. To start the next one takes Prefect four."""
LONGEST = 600.0
"""Seconds after which a run makes way for the next one, which reads its settings afresh."""


async def events(run: OpenRun) -> AsyncIterator[tuple[Stream, Chunk]]:
    """The objects of which events have told, as they are now, stream by stream; waits a little for further events.

    While none comes, what has become due meanwhile is handed out again. A replay hears nothing: events are for the
    run that the doorbell rings for.
    """
    if run.run.mode == "replay":
        return
    began = last = time.monotonic()
    heard = False
    while not run.stopped and time.monotonic() - began < LONGEST:
        busy = False
        for stream in run.streams:  # by turns: one that is told of without end leaves the others theirs
            async for chunk in _heard(run, stream):
                busy = True
                if chunk.items:
                    yield stream, chunk
        if busy:
            heard, last = True, time.monotonic()
            continue
        if not heard or time.monotonic() - last > LINGER:
            return
        async for stream, chunk in _due(run):
            yield stream, chunk
        await asyncio.sleep(LOOK_AGAIN)


@verb(retries=2)
async def hear(stream: Stream) -> Chunk:
    """Enter what the events in ``stream.heard`` tell of in the ledger, then take them out of the inbox.

    Rejected, with the reason: an event of no known form, and one whose object is not there.
    """
    source = _source(stream)
    unknown = [event for event in stream.heard if event.kind == "unknown"]
    ours = [e for e in stream.heard if e not in unknown and await source.concerns(e.kind, e.object_key, e.body)]
    records = await source.lookup(list(dict.fromkeys(_object_id(event) for event in ours)))
    await position_of(stream)  # what is heard counts in the window that this run may yet read
    moment = datetime.now(UTC)
    chunk = await stream.planning.plan(records, moment=moment, cursor=None, only_changed=False) if records else None
    for event in unknown:
        await stream.inbox.reject(event, "its signature is right, but it is of no form that we know")
    await _settle(stream, ours, records)
    return chunk or Chunk.empty()


async def _settle(stream: Stream, ours: Sequence[Pending], records: Sequence[SourceRecord]) -> None:
    there = {record.source_id for record in records}
    gone = [event for event in ours if _object_id(event) not in there]
    for event in gone:
        await stream.inbox.reject(event, "what it tells of does not exist any more, or is not visible to us")
    await stream.inbox.done([event for event in stream.heard if event not in gone])


async def _heard(run: OpenRun, stream: Stream) -> AsyncIterator[Chunk]:
    """What the oldest events that are due tell of; object by object, if it cannot be read together.

    An object that cannot be read holds up no other: its events are put off.
    """
    if run.stopped or not (taken := await stream.inbox.take(BATCH)):
        return
    stream.heard = taken
    try:
        yield await hear(stream)
    except (SafeError, ConnectorError) as error:
        if SafeError.of(error).fatal:
            run.note(SafeError.of(error))
            return
    else:
        return
    by_object: dict[str, list[Pending]] = {}
    for event in taken:
        by_object.setdefault(event.object_key, []).append(event)
    for told in by_object.values():
        stream.heard = told
        try:
            yield await hear(stream)
        except (SafeError, ConnectorError) as error:
            if not await _put_off(run, stream, SafeError.of(error)):
                return


async def _put_off(run: OpenRun, stream: Stream, error: SafeError) -> bool:
    """The events stay pending, with the reason. False: the run stops, as after the third object in a row."""
    if not error.fatal:
        await stream.inbox.put_off(stream.heard, str(error), stream.heard[0].pause)
    run.note(error)
    return not run.stopped


async def _due(run: OpenRun) -> AsyncIterator[tuple[Stream, Chunk]]:
    for stream in run.streams:
        if await stream.ledger.next_due() == 0.0:
            async for chunk in leftovers(run, stream):
                yield stream, chunk


def _source(stream: Stream) -> EventSource:
    source = stream.route.source
    assert isinstance(source, EventSource)  # noqa: S101 - only such streams are given to this flow
    return source


def _object_id(event: Pending) -> str:
    return event.object_key.partition(":")[2]
