"""Which records a replay takes up: by run, by record, by state, by time, or several of these together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ml_connector.core.db import Connection, Database
from ml_connector.core.records import State
from ml_connector.core.routing import DIGEST
from ml_connector.core.states import CLAIMABLE, FINISHED, REPLAYABLE, literals

_NOT_SENT = (*CLAIMABLE, State.HELD, State.REJECTED)
_CUT_SHORT = (State.SUPERSEDED, State.ABANDONED)
"""It was sent before that, or was not."""


@dataclass(slots=True, frozen=True)
class Selection:
    """The newest version of each object that fits all that is given; what is None does not restrict.

    ``run_id`` is ours. ``keys``: a record's id at the source or the destination, or the number that people know it by.
    ``since`` and ``until``: when its effect was last moved. ``resend``: also what was applied at a destination that
    would then hold it twice.
    """

    run_id: UUID | None = None
    keys: tuple[str, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None
    states: tuple[str, ...] | None = None
    """None: all that are finished. What a person has given up must be named."""
    resend: bool = False
    actor: str | None = None
    reason: str = "replay"

    @property
    def is_empty(self) -> bool:
        """Whether nothing restricts it."""
        return not (self.run_id or self.keys or self.since or self.until or self.states)

    async def values(self, conn: Connection, states: Sequence[str], *, resend: bool) -> dict[str, Any]:
        """What the statement ``SELECTED`` wants to know of it."""
        return {
            "run": self.run_id,
            "effects": await effects_of(conn, self.keys) if self.keys else None,
            "since": self.since,
            "until": self.until,
            "states": list(states),
            "resend": resend,
        }


async def streams_of(db: Database, tenant: str, selection: Selection, begun: UUID | None) -> list[str]:
    """The streams that a replay concerns: with something selected, or begun already by attempt ``begun``."""
    async with db.tenant(tenant) as conn:
        values = await selection.values(conn, selection.states or FINISHED, resend=True)
        rows = await conn.execute(_STREAMS, {**values, "into": begun or UUID(int=0)})
        return [row[0] for row in await rows.fetchall()]


async def left_out(db: Database, tenant: str, stream: str, selection: Selection) -> int:
    """How many are not taken up because they may stand at the destination already, and would with ``resend``."""
    states = [state for state in selection.states or FINISHED if state in REPLAYABLE]
    async with db.tenant(tenant) as conn:
        counts = []
        for resend in (True, False):
            values = await selection.values(conn, states, resend=resend)
            values |= {"into": UUID(int=0), "stream": stream}
            row = await (await conn.execute(_COUNT, values)).fetchone()
            counts.append(int(row[0]) if row else 0)
    return counts[0] - counts[1]


async def overtaken(db: Database, tenant: str, stream: str | None, selection: Selection) -> int:
    """How many records of the selected run, in a stream or in all, are not taken up because a later run has brought a
    newer version of them."""
    async with db.tenant(tenant) as conn:
        values = await selection.values(conn, selection.states or FINISHED, resend=False)
        row = await (await conn.execute(_OVERTAKEN, {**values, "stream": stream})).fetchone()
        return int(row[0]) if row else 0


async def unknown_keys(db: Database, tenant: str, keys: Sequence[str]) -> list[str]:
    """Those of the keys (`Selection.keys`) that name no record."""
    async with db.tenant(tenant) as conn:
        return [key for key in keys if await (await conn.execute(RECORDS, {"keys": [key]})).fetchone() is None]


async def next_selected(
    conn: Connection,
    stream: str,
    selection: Selection,
    after: UUID | None,
    limit: int,
    *,
    resend: bool,
    into: UUID | None,
) -> list[tuple[UUID, str, UUID]]:
    """Of the next ``limit`` effects that are to be taken up once more: id, source id, and where to go on behind it.

    ``into``: the run that takes them up, if one does.
    """
    states = [state for state in selection.states or FINISHED if state in REPLAYABLE]
    place = {"stream": stream, "after": after or UUID(int=0), "limit": limit, "into": into or UUID(int=0)}
    found = await conn.execute(SELECTED, {**await selection.values(conn, states, resend=resend), **place})
    rows: list[tuple[UUID, str, UUID]] = await found.fetchall()
    return rows


async def effects_of(conn: Connection, keys: Sequence[str]) -> list[UUID]:
    """The effects of the records that these keys name (`Selection.keys`), for a statement to go by their ids.

    As a part of that statement it would keep Postgres from the indexes: it would read the whole ledger.
    """
    records = await (await conn.execute(RECORDS, {"keys": list(keys)})).fetchall()
    streams, source_ids = [stream for stream, _ in records], [source_id for _, source_id in records]
    rows = await conn.execute(_EFFECTS, {"streams": streams, "source_ids": source_ids})
    return [row[0] for row in await rows.fetchall()]


_EFFECTS = """
    select e.id from unnest((select %(streams)s::text[]), (select %(source_ids)s::text[])) as r(stream, source_id)
    join effect e on e.stream = r.stream and e.source_id = r.source_id
"""
RECORDS = """
    select e.stream, e.source_id from effect e where e.source_id = any(%(keys)s)
    union select l.stream, l.source_id from link l where l.dest_id = any(%(keys)s)
    union select a.stream, a.source_id from alias a where a.number = any(%(keys)s)
    union select d.stream, d.source_id from alias a join alias d on d.stream = a.stream and d.number = a.source_id
        where a.number = any(%(keys)s)
"""

# Of each object only the newest version, and of that the newest generation: what became of it since decides whether it
# is selected. A digest is not sent again: the records are that it stood for. Sorted first, so that a chunk looks at no
# more objects than it takes.
_NEWEST = """
    cross join lateral (
        select o.id, o.body_of, o.state, o.updated_at from effect o
        where o.stream = r.stream and o.source_id = r.source_id
            and (o.state <> 'abandoned' or o.state = any(%(states)s))
        order by o.version_at desc, o.body_of desc, o.generation desc limit 1
    ) n
"""
_SELECTION = f"""
    from (
        select r.id, r.stream, r.source_id, r.body_of
        from effect r join batch b on b.tenant = r.tenant and b.id = r.batch_id
        where b.run_id <> %(into)s and (b.run_id = %(run)s or %(run)s::uuid is null and r.state = any(%(states)s))
            and (%(effects)s::uuid[] is null or r.id = any(%(effects)s)) {{only}}
            and not starts_with(r.source_id, '{DIGEST}')
        order by r.id offset 0
    ) r {_NEWEST}
    where n.body_of = r.body_of and n.state = any(%(states)s) and (%(run)s::uuid is not null or r.id = n.id)
        and (%(since)s::timestamptz is null or n.updated_at >= %(since)s)
        and (%(until)s::timestamptz is null or n.updated_at < %(until)s)
        and (%(resend)s or not exists (
            select 1 from effect s
            where s.stream = r.stream and s.source_id = r.source_id and s.body_of = r.body_of
                and (s.state not in {literals((*_NOT_SENT, *_CUT_SHORT))}
                    or s.state in {literals(_CUT_SHORT)} and s.attempts > 0)))
"""  # noqa: S608 - put together from constants
_OVERTAKEN = f"""
    select count(distinct (r.stream, r.source_id)) from (
        select r.stream, r.source_id, r.body_of
        from effect r join batch b on b.tenant = r.tenant and b.id = r.batch_id
        where b.run_id = %(run)s and r.state = any(%(states)s) and r.stream = coalesce(%(stream)s, r.stream)
            and (%(effects)s::uuid[] is null or r.id = any(%(effects)s))
            and not starts_with(r.source_id, '{DIGEST}')
        offset 0
    ) r {_NEWEST}
    where n.body_of <> r.body_of and not exists (
        select 1 from effect o join batch b on b.tenant = o.tenant and b.id = o.batch_id
        where o.id = n.body_of and b.run_id = %(run)s)
"""  # noqa: S608 - put together from constants
SELECTED = f"""
    select n.id, r.source_id, r.id {_SELECTION.format(only="and r.stream = %(stream)s and r.id > %(after)s")}
    order by r.id limit %(limit)s
"""
_COUNT = f"select count(*) {_SELECTION.format(only='and r.stream = %(stream)s')}"
_STREAMS = f"""
    select distinct r.stream {_SELECTION.format(only="")}
    union select stream from run_window where run_id = %(into)s order by 1
"""  # noqa: S608
