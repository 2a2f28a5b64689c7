"""How bodies and events end: when their time is over, or when a person's data is to be erased.

A body whose time is over is stored again, for as long again, when its source gives the same version once more (a full
read does): then it can be replayed. One that was erased is not. The audit stays whole: its chain covers ids, states
and reasons, no body.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from ml_connector.core import audit, digests
from ml_connector.core.audit import Entry, Origin
from ml_connector.core.db import Database
from ml_connector.core.documents import ERASE_DOCUMENTS
from ml_connector.core.lease import LeaseTaken, leased
from ml_connector.core.selection import RECORDS
from ml_connector.core.states import FINAL, literals

_AT_ONCE = 5_000
"""Bodies per transaction."""


@dataclass(slots=True, frozen=True)
class Ended:
    """What was deleted, and how many unfinished effects were given up for it."""

    bodies: int
    events: int
    abandoned: int = 0

    def __str__(self) -> str:
        given_up = f", {self.abandoned} unfinished effects given up" if self.abandoned else ""
        return f"{self.bodies} bodies and {self.events} events deleted{given_up}"


async def find_records(db: Database, tenant: str, key: str) -> dict[str, list[str]]:
    """Source ids by stream; ``key`` is an id at the source or the destination, or the number that people know."""
    async with db.tenant(tenant) as conn:
        rows = await (await conn.execute(RECORDS, {"keys": [key]})).fetchall()
    found: dict[str, list[str]] = {}
    for stream, source_id in sorted(rows):
        found.setdefault(stream, []).append(source_id)
    return found


async def erase(
    db: Database, tenant: str, records: dict[str, list[str]], *, actor: str, reason: str, lease_seconds: float
) -> Ended:
    """Delete every stored body of the records (`find_records`) and the events about them; audited.

    What is not finished is abandoned: without its body it cannot be sent. The records come back when they change at
    their source. Raises LeaseTaken when a stream is being written for too long.
    """
    bodies = events = abandoned = 0
    async with leased(
        db, tenant, list(records), holder=f"erase by {actor}", ttl=lease_seconds, patience=3 * lease_seconds
    ) as lease:
        for stream, source_ids in records.items():
            values = {"stream": stream, "source_ids": source_ids, "reason": "its body was erased"}
            async with db.tenant(tenant) as conn:
                await lease.hold(conn, stream)
                given_up = await (await conn.execute(_ABANDON, values)).fetchall()
                abandoned += len(given_up)
                fallen = await digests.fall(conn, given_up)
                erased = await (await conn.execute(_ERASE, values)).fetchall()
                events += (await conn.execute(_ERASE_EVENTS, values)).rowcount
                for statement in ERASE_DOCUMENTS:
                    await conn.execute(statement, values)
                bodies += len(erased)
                known = await (await conn.execute(_VERSIONS, values)).fetchall()  # pruned ones do not come back either
                entries = [Entry(effect, source_id, "erase", "erased") for effect, source_id in {*erased, *known}]
                await audit.append(conn, Origin(stream, actor=actor, reason=reason), [*sorted(entries), *fallen])
    return Ended(bodies, events, abandoned)


def kept_since(days: int) -> datetime:
    """The moment before which a thing must have ended for its time to be over, if it is kept for so many days."""
    return datetime.now(UTC) - timedelta(days=days)


async def prune_tenant(db: Database, tenant: str, before: datetime, *, lease_seconds: float) -> Ended:
    """Delete the bodies that were finished, and last needed, and the events that were settled, before a moment.

    A stream that is being written all the time is left for the next time.
    """
    bodies = 0
    for stream in await _streams(db, tenant):
        with suppress(LeaseTaken):
            bodies += await _prune(db, tenant, stream, before, lease_seconds)
    async with db.tenant(tenant) as conn:
        events = await conn.execute(_PRUNE_EVENTS, (before,))
    return Ended(bodies, events.rowcount)


async def _prune(db: Database, tenant: str, stream: str, before: datetime, lease_seconds: float) -> int:
    bound = UUID(int=int(before.timestamp() * 1000) << 80)  # ids are made of the time (core/ids.py)
    after, bodies, count = UUID(int=0), 0, _AT_ONCE
    async with leased(db, tenant, [stream], holder="prune", ttl=lease_seconds, patience=3 * lease_seconds) as lease:
        while count == _AT_ONCE:
            values = {"stream": stream, "after": after, "bound": bound, "before": before, "limit": _AT_ONCE}
            async with db.tenant(tenant) as conn:
                await lease.hold(conn, stream)
                count, newest = await (await conn.execute(_PRUNE, values)).fetchone() or (0, None)
                after, bodies = newest or after, bodies + count
                told = f"{count} bodies were finished before {before:%Y-%m-%d}"
                await audit.append(
                    conn, Origin(stream), [Entry(None, None, "prune", "pruned", reason=told)] * (count > 0)
                )
    return bodies


async def _streams(db: Database, tenant: str) -> list[str]:
    async with db.tenant(tenant) as conn:
        rows = await conn.execute("select distinct stream from run_window order by 1")
        return [row[0] for row in await rows.fetchall()]


_ABANDON = f"""
    with moved as (
        update effect e set state = 'abandoned', reason = %(reason)s, next_at = null, updated_at = now()
        where e.stream = %(stream)s and e.source_id = any(%(source_ids)s)
            and e.state not in {literals(FINAL)}
        returning e.*
    ), doubted as (
        update link l set payload_hash = ''::bytea, updated_at = now() from moved m
        where l.stream = m.stream and l.source_id = m.source_id and m.attempts > 0
    )
    select id, source_id from moved
"""  # noqa: S608 - put together from constants
_ERASE = """
    delete from body b using effect e
    where b.tenant = e.tenant and b.effect_id = e.id and e.stream = %(stream)s and e.source_id = any(%(source_ids)s)
    returning b.effect_id, e.source_id
"""
_VERSIONS = """
    select distinct e.body_of, e.source_id from effect e
    where e.stream = %(stream)s and e.source_id = any(%(source_ids)s)
"""
# An event is an object's if its key names it, such as `ticket:12`.
_ERASE_EVENTS = """
    delete from inbox i
    where (i.stream = %(stream)s or i.stream = '' and i.state in ('done', 'rejected'))
        and split_part(i.object_key, ':', 2) = any(%(source_ids)s)
"""
# A body stays as long as any effect of its version is open, or was moved since; so does one that was stored again.
_PRUNE = f"""
    with due as (
        select b.effect_id, b.kind, b.attempt from body b join effect e on e.tenant = b.tenant and e.id = b.effect_id
        where b.effect_id >= %(after)s and b.effect_id < %(bound)s and b.created_at < %(before)s
            and e.stream = %(stream)s and not exists (
            select 1 from effect o
            where o.stream = e.stream and o.source_id = e.source_id and o.body_of = e.body_of
                and (o.updated_at >= %(before)s or o.state not in {literals(FINAL)}))
        order by b.effect_id limit %(limit)s
    ), gone as (
        delete from body b using due d where b.effect_id = d.effect_id and b.kind = d.kind and b.attempt = d.attempt
    )
    select count(*), (array_agg(effect_id order by effect_id desc))[1] from due
"""  # noqa: S608
_PRUNE_EVENTS = "delete from inbox where state in ('done', 'rejected') and settled_at < %s"
