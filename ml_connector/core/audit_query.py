"""Reading the audit: what happened to a record, in a run, or since some moment."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from ml_connector.core import jsonx
from ml_connector.core.db import Database
from ml_connector.core.errors import Misconfigured
from ml_connector.core.ids import as_id
from ml_connector.core.records import Body, State
from ml_connector.core.run_query import NO_RUN
from ml_connector.core.selection import effects_of
from ml_connector.core.states import FAILED, literals
from ml_connector.core.vault import Sealer

STATUSES = (*State, "erased", "pruned")
"""What an entry may tell: the states of effects, and how their bodies ended."""


@dataclass(slots=True, frozen=True)
class AuditLine:
    """One entry with the header of its block."""

    at: datetime
    seq: int
    n: int
    stream: str
    run_id: UUID | None
    source: str | None
    destination: str | None
    mapping_hash: str | None
    actor: str | None
    effect_id: UUID | None
    source_id: str | None
    action: str | None
    status: str
    dest_id: str | None
    request_id: str | None
    reason: str | None
    attempt: int


async def lines(
    db: Database,
    tenant: str,
    *,
    record: str | None = None,
    run: str | None = None,
    state: str | None = None,
    since: timedelta | None = None,
    failed: bool = False,
) -> AsyncGenerator[AuditLine]:
    """The entries that fit all that is given, oldest first.

    ``record`` is a record's id at the source or the destination, the number that people know it by, or the id of an
    effect; ``run`` is our run id or Prefect's flow run id. ``failed``: where it went wrong, and nothing has followed.
    Misconfigured if there is no such state, record or run: no lines would seem to say that nothing has happened.
    """
    if state is not None and state not in STATUSES:
        raise Misconfigured(f"there is no state {state}; there are: {', '.join(STATUSES)}")
    wanted: dict[str, Any] = {"effects": None, "runs": None, "state": state, "since": since, "failed": failed}
    async with db.tenant(tenant) as conn, conn.cursor(name="audit_lines") as cursor:
        if record is not None:
            one = await conn.execute("select id from effect where id = any(%s)", (as_id(record),))
            wanted["effects"] = [*await effects_of(conn, [record]), *(row[0] for row in await one.fetchall())]
            if not wanted["effects"]:
                raise Misconfigured(f"tenant {tenant} has no record {record}")
        if run is not None:
            told = await conn.execute("select id from run where flow_run_id = %s or id = any(%s)", (run, as_id(run)))
            wanted["runs"] = [row[0] for row in await told.fetchall()]
            if not wanted["runs"]:
                raise Misconfigured(NO_RUN.format(tenant=tenant, run=run))
        await cursor.execute(_LINES, wanted)
        async for row in cursor:
            yield AuditLine(*row)


async def stored_body(db: Database, sealer: Sealer, tenant: str, line: AuditLine) -> Body | None:
    """The body that an entry is about, decrypted: what was read (``planned``), what was sent (``sending``), and of all
    else what the destination had to say to this attempt."""
    query = _SOURCE if line.status == "planned" else _OF_ATTEMPT
    kind = "request" if line.status == "sending" else "answer"
    values = {"effect": line.effect_id, "attempt": line.attempt, "kind": kind}
    async with db.tenant(tenant) as conn:
        row = await (await conn.execute(query, values)).fetchone()
    if row is None:
        return None
    owner, kind, attempt, envelope = row
    body: Body = jsonx.loads(sealer.open("body", "envelope", f"{owner}:{kind}:{attempt}", envelope))
    return body


_LINES = f"""
    select b.at, b.seq, e.n, b.stream, b.run_id, b.source, b.destination, b.mapping_hash, b.actor, e.effect_id,
        e.source_id, e.action, e.status, e.dest_id, e.request_id, coalesce(e.reason, b.reason), e.attempt
    from audit_entry e join audit_block b on b.tenant = e.tenant and b.seq = e.seq
    where (%(effects)s::uuid[] is null or e.effect_id = any(%(effects)s))
        and (%(runs)s::uuid[] is null or b.run_id = any(%(runs)s))
        and (%(state)s::text is null or e.status = %(state)s)
        and (%(since)s::interval is null or b.at > now() - %(since)s::interval)
        and (not %(failed)s or e.status in {literals((*FAILED, State.ABANDONED))}
            and not exists (
                select 1 from audit_entry later
                where later.tenant = e.tenant and later.effect_id = e.effect_id and later.seq > e.seq))
    order by e.seq, e.n
"""  # noqa: S608 - put together from constants
_SOURCE = """
    select s.effect_id, s.kind, s.attempt, s.envelope from effect e
    join body s on s.tenant = e.tenant and s.effect_id = e.body_of and s.kind = 'source' and s.attempt = 0
    where e.id = %(effect)s
"""
_OF_ATTEMPT = """
    select effect_id, kind, attempt, envelope from body
    where effect_id = %(effect)s and kind = %(kind)s and attempt = %(attempt)s
"""
