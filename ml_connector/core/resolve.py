"""A person's word on a record that cannot go on by itself: it was applied, it was not, or it is given up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from ml_connector.core import audit, digests
from ml_connector.core.audit import Entry, Origin
from ml_connector.core.db import Database
from ml_connector.core.errors import Misconfigured
from ml_connector.core.ids import as_id
from ml_connector.core.lease import Lease
from ml_connector.core.ledger_sql import LINKED
from ml_connector.core.records import State
from ml_connector.core.selection import effects_of
from ml_connector.core.states import IN_FLIGHT, OPEN, UNDECIDED

Verdict = Literal["applied", "not-applied", "abandon"]
DOUBTFUL = (*IN_FLIGHT, *UNDECIDED)
"""What may be told to be applied or not; anything that is open may be given up."""
_STATES = {"applied": State.APPLIED, "not-applied": State.RETRY_WAIT, "abandon": State.ABANDONED}


@dataclass(slots=True, frozen=True)
class Unfinished:
    """An effect that is not finished."""

    effect_id: UUID
    stream: str
    source_id: str
    version_at: datetime
    state: str
    reason: str | None


async def unfinished(db: Database, tenant: str, key: str) -> list[Unfinished]:
    """The unfinished effects of a record, or the one with this id. ``key`` as in ``Selection.keys``."""
    async with db.tenant(tenant) as conn:
        ids = [*await effects_of(conn, [key]), *as_id(key)]
        rows = await conn.execute(_UNFINISHED, {"ids": ids, "open": list(OPEN)})
        return [Unfinished(*row) for row in await rows.fetchall()]


async def resolve(
    db: Database, lease: Lease, tenant: str, effect: Unfinished, verdict: Verdict, *, actor: str, reason: str
) -> None:
    """Move the effect, for who holds its stream. What was not applied is sent by the next run.

    Misconfigured: it has been moved meanwhile, or its outcome is not in doubt.
    """
    movable = OPEN if verdict == "abandon" else DOUBTFUL
    told = f"resolved as {verdict}: {reason}"
    async with db.tenant(tenant) as conn:
        await lease.hold(conn, effect.stream)
        values = {"id": effect.effect_id, "state": _STATES[verdict], "reason": told, "from": list(movable)}
        row = await (await conn.execute(_RESOLVE, values)).fetchone()
        if row is None:
            raise Misconfigured(
                f"{effect.source_id} of {effect.stream} is {effect.state}, or was moved meanwhile: "
                f"{verdict} is for what is {', '.join(movable)}"
            )
        origin = Origin(effect.stream, actor=actor, reason=reason)
        entry = Entry(effect.effect_id, effect.source_id, "resolve", _STATES[verdict], reason=told, attempt=row[0])
        await audit.append(conn, origin, [entry, *await digests.fall(conn, [(effect.effect_id, effect.source_id)])])


_UNFINISHED = """
    select e.id, e.stream, e.source_id, e.version_at, e.state, e.reason from effect e
    where e.state = any(%(open)s) and e.id = any(%(ids)s) order by e.id
"""
# What a person says was applied is the last that was sent only if nothing newer was applied since: else nobody knows
# which of the two the destination holds.
_RESOLVE = f"""
    with resolved as (
        update effect set state = %(state)s, reason = %(reason)s, next_at = null, updated_at = now()
        where id = %(id)s and state = any(%(from)s) returning *
    ), overtaken as (
        select r.id from resolved r
        join link l on l.stream = r.stream and l.source_id = r.source_id
        join effect o on o.tenant = l.tenant and o.id = l.effect_id
        where (o.version_at, o.body_of, o.generation) > (r.version_at, r.body_of, r.generation)
    ), moved as (
        select * from resolved where not exists (select 1 from overtaken)
    ), doubted as (
        update link l set payload_hash = ''::bytea, updated_at = now() from resolved r
        where l.stream = r.stream and l.source_id = r.source_id
            and case when r.state = 'applied' then exists (select 1 from overtaken) else r.attempts > 0 end
    ), opened as (
        update batch b set open = true from resolved r
        where b.tenant = r.tenant and b.id = r.batch_id and r.state = 'retry_wait' and not b.open
    ), {LINKED}
    select attempts from resolved
"""  # noqa: S608
