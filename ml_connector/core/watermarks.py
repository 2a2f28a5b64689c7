"""How far a stream has been read.

A run reads the window ``(watermark - lookback, source clock - delay]``. The window is stored when the run first looks,
a cursor advances with each chunk that reaches the ledger, and the watermark moves once, when all of it was read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from ml_connector.core.db import Connection, Database
from ml_connector.core.lease import Lease
from ml_connector.core.records import Window


@dataclass(slots=True, frozen=True)
class Progress:
    """How far a run has come with one stream. ``known``: rows that an overlapping window had brought before."""

    window: Window
    cursor: str | None
    fetched: int
    known: int
    complete: bool


async def progress(db: Database, tenant: str, run_id: UUID, stream: str) -> Progress | None:
    """What this run has read of the stream so far; None if it has not begun."""
    async with db.tenant(tenant) as conn:
        return await _progress(conn, run_id, stream)


async def open_window(
    db: Database,
    tenant: str,
    run_id: UUID,
    stream: str,
    *,
    source_now: datetime,
    lookback: timedelta | None,
    delay: timedelta,
    start_from: datetime | Literal["now"] | None,
    continues: bool,
) -> Progress:
    """The window of this run, decided once: a continued run gets the one that it began with.

    ``continues``: the read goes on behind the cursor with which the last window ended.

    ``lookback`` None: from ``start_from``, whatever was read before. It finds rows that were committed so late that no
    window held them; rows that the ledger knows are only counted.
    """
    async with db.tenant(tenant) as conn:
        found = await _progress(conn, run_id, stream)
        if found is not None:
            return found
        window = await _next_window(conn, stream, source_now, lookback, delay, start_from)
        cursor = await _last_cursor(conn, stream) if continues and lookback is not None else None
        await _insert(conn, run_id, stream, window, cursor)
        return Progress(window, cursor, 0, 0, complete=False)


async def next_window(
    db: Database,
    tenant: str,
    stream: str,
    *,
    source_now: datetime,
    lookback: timedelta | None,
    delay: timedelta,
    start_from: datetime | Literal["now"] | None,
) -> Window:
    """The window that a run beginning now would read; nothing is written."""
    async with db.tenant(tenant) as conn:
        return await _next_window(conn, stream, source_now, lookback, delay, start_from)


async def begins(db: Database, tenant: str, stream: str, run_id: UUID) -> datetime | None:
    """Where the stream began: with its first window, which may be the one of this run. None: with all there was."""
    async with db.tenant(tenant) as conn:
        found = await conn.execute(
            """
            select 1 as n, begins_at from watermark where stream = %s
            union all select 2, lo from run_window where stream = %s and run_id = %s
            order by n limit 1
            """,
            (stream, stream, run_id),
        )
        row = await found.fetchone()
        return row[1] if row else None


async def age(db: Database, tenant: str, stream: str) -> float | None:
    """Seconds since a window of this stream was last read to its end; None if none was."""
    async with db.tenant(tenant) as conn:
        found = await conn.execute(
            "select extract(epoch from clock_timestamp() - updated_at)::float from watermark where stream = %s",
            (stream,),
        )
        row = await found.fetchone()
        return row[0] if row else None


async def open_replay(db: Database, tenant: str, run_id: UUID, stream: str, moment: datetime) -> Progress:
    """The same for a replay, which reads the ledger instead of the source."""
    async with db.tenant(tenant) as conn:
        found = await _progress(conn, run_id, stream)
        if found is not None:
            return found
        await _insert(conn, run_id, stream, Window(None, moment))
        return Progress(Window(None, moment), None, 0, 0, complete=False)


async def advance(conn: Connection, run_id: UUID, stream: str, *, cursor: str | None, fetched: int, known: int) -> None:
    """Move the cursor, in the transaction that brought the records into the ledger. None: it stays where it is."""
    await conn.execute(
        "update run_window set cursor = coalesce(%s, cursor), fetched = fetched + %s, known = known + %s "
        "where run_id = %s and stream = %s",
        (cursor, fetched, known, run_id, stream),
    )


async def begin_again(db: Database, tenant: str, lease: Lease, run_id: UUID, stream: str) -> None:
    """What was read is not believed: a continued run reads its window from the beginning."""
    async with db.tenant(tenant) as conn:
        await lease.hold(conn, stream)
        await conn.execute(
            "update run_window set cursor = null where run_id = %s and stream = %s and not complete", (run_id, stream)
        )


async def complete(db: Database, tenant: str, lease: Lease, run_id: UUID, stream: str, *, move: bool) -> None:
    """The window was read to its end: note it, and move the watermark (never back) unless this is a replay."""
    async with db.tenant(tenant) as conn:
        await lease.hold(conn, stream)
        row = await (
            await conn.execute(
                "update run_window set complete = true where run_id = %s and stream = %s returning lo, hi, cursor",
                (run_id, stream),
            )
        ).fetchone()
        if move and row is not None:
            await conn.execute(
                """
                insert into watermark as w (tenant, stream, begins_at, modified_at, cursor, run_id)
                values (mlc_tenant(), %s, %s, %s, %s, %s)
                on conflict (tenant, stream) do update
                set modified_at = excluded.modified_at, cursor = excluded.cursor, run_id = excluded.run_id,
                    updated_at = now()
                where w.modified_at < excluded.modified_at
                """,
                (stream, *row, run_id),
            )


async def _next_window(
    conn: Connection,
    stream: str,
    source_now: datetime,
    lookback: timedelta | None,
    delay: timedelta,
    start_from: datetime | Literal["now"] | None,
) -> Window:
    found = await conn.execute("select modified_at, begins_at from watermark where stream = %s", (stream,))
    row = await found.fetchone()
    if start_from == "now":
        start_from = row[1] if row else await _first_now(conn, stream) or source_now
    lo = start_from
    if row and lookback is not None:
        # what lies before the beginning was never wanted; a beginning that was set later leaves no gap
        lo = max(row[0] - lookback, min(start_from or row[0] - lookback, row[0]))
    hi = source_now - delay
    return Window(lo, max(hi, lo) if lo else hi)


async def _first_now(conn: Connection, stream: str) -> datetime | None:
    """When a run first looked, though it did not come to its end: what has changed since is wanted."""
    found = await conn.execute("select min(lo) from run_window where stream = %s and lo = hi", (stream,))
    row = await found.fetchone()
    return row[0] if row else None


async def _last_cursor(conn: Connection, stream: str) -> str | None:
    row = await (await conn.execute("select cursor from watermark where stream = %s", (stream,))).fetchone()
    return row[0] if row else None


async def _insert(conn: Connection, run_id: UUID, stream: str, window: Window, cursor: str | None = None) -> None:
    await conn.execute(
        "insert into run_window (tenant, run_id, stream, lo, hi, cursor) values (mlc_tenant(), %s, %s, %s, %s, %s)",
        (run_id, stream, window.lo, window.hi, cursor),
    )


async def _progress(conn: Connection, run_id: UUID, stream: str) -> Progress | None:
    row = await (
        await conn.execute(
            "select lo, hi, cursor, fetched, known, complete from run_window where run_id = %s and stream = %s",
            (run_id, stream),
        )
    ).fetchone()
    return Progress(Window(row[0], row[1]), *row[2:]) if row else None
