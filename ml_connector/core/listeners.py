"""Which streams listen to the events of a connection, and who is to be told when there are some.

A stream listens through a Prefect deployment. How often that was rung is counted here: the count makes each ring's
idempotency key, and rises only when the run of the ring before has ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from ml_connector.core.db import Database
from ml_connector.core.inbox import DUE


@dataclass(slots=True, frozen=True)
class Bell:
    """A stream with events that are due, and how it was rung for last."""

    tenant: str
    stream: str
    deployment: str
    """``flow/deployment``, as Prefect names it."""
    first: int
    """Inbox id of the oldest event that is due."""
    oldest_seconds: float
    held: bool
    """Somebody holds the stream's lease, so the events are being handled."""
    ring: int
    rung_for: int | None
    """What was the oldest event at the last ring."""
    rung_seconds: float | None
    """How long ago that was."""
    in_vain: int
    """How many rings before the last one were for the same event, too."""
    flow_run_id: UUID | None


async def listen(
    db: Database, tenant: str, stream: str, connection: str, deployment: str, objects: str | None = None
) -> None:
    """Let a stream (``integration/stream``) have the events of a connection from now on.

    Whoever handles them holds the lease of this stream. ``objects``: only events of such objects (``ticket``), and
    those that do not say of what; else a flow would be started for events that are none of its business.
    """
    async with db.tenant(tenant) as conn:
        await conn.execute(
            "insert into listener (tenant, stream, connection, deployment, objects) "
            "values (mlc_tenant(), %s, %s, %s, %s) "
            "on conflict (tenant, stream) do update set connection = excluded.connection, "
            "deployment = excluded.deployment, objects = excluded.objects",
            (stream, connection, deployment, objects),
        )


async def unlisten(db: Database, tenant: str, stream: str) -> None:
    """No further events for this stream. Those that it has stay in the inbox."""
    async with db.tenant(tenant) as conn:
        await conn.execute("delete from listener where stream = %s", (stream,))


async def listening(db: Database, tenant: str) -> dict[str, str]:
    """The connection of each stream that listens."""
    async with db.tenant(tenant) as conn:
        rows = await conn.execute("select stream, connection from listener")
        return {row[0]: row[1] for row in await rows.fetchall()}


async def sweep(db: Database, tenant: str) -> int:
    """Give what nobody has heard to those who listen now, and be done with what is none of their business; returns how
    many events are due."""
    async with db.tenant(tenant) as conn:
        await conn.execute(_HAND_ON)
        due = await conn.execute(
            f"select count(*) from inbox e where {DUE} and stream in (select stream from listener)"  # noqa: S608
        )
        row = await due.fetchone()
        return int(row[0]) if row else 0


async def bells(db: Database, tenant: str) -> list[Bell]:
    """The streams of a tenant that have events which are due, always in the same order."""
    async with db.tenant(tenant) as conn:
        rows = await conn.execute(_BELLS)
        return [Bell(tenant, *row) for row in await rows.fetchall()]


async def raise_ring(db: Database, bell: Bell) -> int | None:
    """Count one more ring, for the oldest event of now. None: somebody else has just done so."""
    async with db.tenant(bell.tenant) as conn:
        raised = await conn.execute(
            "update listener set ring = ring + 1, rung_at = clock_timestamp(), rung_for = %(first)s, "
            "in_vain = case when rung_for = %(first)s then in_vain + 1 else 0 end, flow_run_id = null "
            "where stream = %(stream)s and ring = %(ring)s returning ring",
            {"first": bell.first, "stream": bell.stream, "ring": bell.ring},
        )
        row = await raised.fetchone()
        return row[0] if row else None


async def note_run(db: Database, bell: Bell, ring: int, flow_run_id: UUID) -> None:
    """Remember which flow run a ring has led to."""
    async with db.tenant(bell.tenant) as conn:
        await conn.execute(
            "update listener set flow_run_id = %s where stream = %s and ring = %s", (flow_run_id, bell.stream, ring)
        )


_BELLS = f"""
select l.stream, l.deployment, p.id, extract(epoch from clock_timestamp() - p.received_at)::float,
    exists (select 1 from lease h where h.stream = l.stream and h.until > clock_timestamp()),
    l.ring, l.rung_for, extract(epoch from clock_timestamp() - l.rung_at)::float, l.in_vain, l.flow_run_id
from listener l cross join lateral (
    select id, received_at from inbox e where e.stream = l.stream and {DUE} order by id limit 1) p
order by l.stream
"""  # noqa: S608 - written in inbox.py

_HAND_ON = """
with unheard as (
    update inbox set state = 'done', settled_at = now(), reason = case when exists (
            select 1 from listener l where l.connection = inbox.connection and mlc_wants(l.objects, inbox.object_key))
        then 'handed on to who listens now' else 'no stream listens to events of such objects' end
    where stream = '' and state = 'pending' and connection in (select connection from listener)
    returning connection, event_id, kind, object_key, received_at, envelope)
insert into inbox (tenant, stream, connection, event_id, kind, object_key, received_at, envelope)
select mlc_tenant(), l.stream, u.connection, u.event_id, u.kind, u.object_key, u.received_at, u.envelope
from unheard u join listener l on l.connection = u.connection and mlc_wants(l.objects, u.object_key)
order by u.received_at
on conflict do nothing
"""
