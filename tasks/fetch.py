"""Fetch: every record of the window becomes a row of the ledger before anything else happens to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

from ml_connector.core import watermarks
from ml_connector.core.chunk import Chunk
from ml_connector.core.concurrently import ended
from ml_connector.core.crashpoints import crashpoint
from ml_connector.core.errors import ConnectorError, SafeError
from ml_connector.core.records import Snapshot, SourceRecord
from ml_connector.core.versions import seen
from ml_connector.core.watermarks import Progress
from tasks.absent import absent, is_plausible
from tasks.routed import spread
from tasks.running import OpenRun
from tasks.stream import Stream, may_resend
from tasks.verb import verb

LARGEST_CHUNK = 2_500
"""Records. A task costs about 24 ms over all processes, so large runs use large chunks; small runs are prompt.
Twice as many would cost 60 MiB more memory (two chunks are under way) and save 5 microseconds a record."""

SELDOM = 240.0
"""Seconds between two reads of an export that stands behind events: vendors allow few calls of it."""


@verb(retries=2)
async def fetch(stream: Stream, limit: int) -> Chunk | None:
    """Read about ``limit`` records behind the cursor of this run, enter them in the ledger, give them back.

    An empty chunk: what was read is known already. None: the window was read to its end.
    """
    position = await position_of(stream)
    if stream.run.mode == "replay":
        return await _replayed(stream, position, limit)
    return await _read(stream, position, limit)


async def pages(run: OpenRun, stream: Stream) -> AsyncIterator[Chunk]:
    """The chunks of this run's window, one read ahead of the one that is being written, growing as the read goes on.

    When all of them have been handed out the watermark moves, once.
    """
    if run.stopped:
        return
    limit = 1
    upcoming: asyncio.Task[Chunk | None] | None = None
    try:
        position = await position_of(stream)
        upcoming = asyncio.create_task(_fetch_unless(position.complete, stream, limit))
        while not run.stopped and (chunk := await upcoming) is not None:
            limit = min(LARGEST_CHUNK, max(2 * limit, 2 * len(chunk)))
            upcoming = asyncio.create_task(_fetch_unless(complete=False, stream=stream, limit=limit))
            if chunk.items:
                yield chunk
    except (SafeError, ConnectorError) as error:
        run.note(SafeError.of(error))
        run.stopped = True  # what follows would be read without what came before
    finally:
        if upcoming is not None:
            await ended([upcoming])
    if run.stopped or position.complete or not await is_plausible(run, stream):
        return
    async for chunk in absent(run, stream, position.window.hi):
        yield chunk
    if not run.stopped:
        await watermarks.complete(
            run.db, run.tenant, run.lease, run.run.id, stream.route.key, move=run.run.mode == "sync"
        )
        crashpoint("watermark.moved")


async def missed(run: OpenRun, stream: Stream) -> AsyncIterator[Chunk]:
    """What events should have told of and did not: the window, as ``pages``, unless it was read a moment ago."""
    age = await watermarks.age(stream.db, stream.tenant, stream.route.key)
    if age is None or age > SELDOM or run.run.mode == "replay":
        async for chunk in pages(run, stream):
            yield chunk


async def _fetch_unless(complete: bool, stream: Stream, limit: int) -> Chunk | None:
    return None if complete else await fetch(stream, limit)


async def _read(stream: Stream, position: Progress, limit: int) -> Chunk | None:
    source = stream.route.source
    if stream.pages is None:
        stream.pages = source.read(position.window, position.cursor)
    read: list[SourceRecord] = []
    told: list[str] = []
    cursor: str | None = None
    try:
        while len(read) < limit and (page := await anext(stream.pages, None)) is not None:
            read += spread(stream.route, page.records)
            told += [*(record.source_id for record in page.records), *page.untold]
            cursor = page.cursor
    except ConnectorError:
        stream.pages = None
        if cursor is None:
            raise
        # what was read before is entered; the next attempt begins behind it, and says what is the matter
    except BaseException:
        stream.pages = None  # the next attempt reads again from the cursor that the ledger holds
        raise
    if cursor is None:
        return None
    records = await _without_strangers(stream, read)
    crashpoint("fetch.read")
    # What has no time of its own is told apart by its content alone, in the overlap of two windows as in full reads.
    by_content = not source.windowed or all(record.modified_at is None for record in records)
    chunk = await stream.planning.plan(
        records,
        moment=position.window.hi,
        cursor=cursor,
        only_changed=by_content,
        told=told if isinstance(source, Snapshot) else (),
    )
    return chunk or Chunk.empty()


async def _without_strangers(stream: Stream, records: Sequence[SourceRecord]) -> Sequence[SourceRecord]:
    """Without those that count as a later version only, and of which none is known."""
    later = [record.source_id for record in records if record.later]
    known = await seen(stream.db, stream.tenant, stream.route.key, later) if later else set()
    return [record for record in records if not record.later or record.source_id in known]


async def _replayed(stream: Stream, position: Progress, limit: int) -> Chunk | None:
    assert stream.selection is not None  # noqa: S101 - a replay replays something
    after = UUID(position.cursor) if position.cursor else None
    resend = may_resend(stream.route, stream.selection)
    return await stream.planning.replay(stream.selection, after, max(limit, 500), resend=resend)


async def position_of(stream: Stream) -> Progress:
    """How far this run has come with the stream; its window is decided when it is first asked."""
    key, run = stream.route.key, stream.run
    known = await watermarks.progress(stream.db, stream.tenant, run.id, key)
    if known is not None:
        return known
    if run.mode == "replay":
        return await watermarks.open_replay(stream.db, stream.tenant, run.id, key, datetime.now(UTC))
    return await watermarks.open_window(
        stream.db,
        stream.tenant,
        run.id,
        key,
        source_now=await stream.route.source.clock(),
        lookback=stream.route.lookback,
        delay=stream.route.delay,
        start_from=stream.route.start_from,
        continues=stream.route.source.continues,
    )
