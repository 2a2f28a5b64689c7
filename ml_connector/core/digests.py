"""Digests: one message that stands for many records. What becomes of it is what becomes of them.

Its source id begins with ``DIGEST``. Each record that it tells of is ``digested`` and has its id; the records stand in
``alias`` as what it is known by.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from ml_connector.core.audit import Entry
from ml_connector.core.db import Connection
from ml_connector.core.records import Outcome, State
from ml_connector.core.routing import DIGEST
from ml_connector.core.states import literals

FALLEN = (State.REJECTED, State.ABANDONED)
"""A digest has ended so, and its records with it."""


def told_in(digest: UUID) -> str:
    """The reason of a record that a digest stands for."""
    return f"told in the digest {digest}"


async def tell(conn: Connection, outcomes: Iterable[tuple[Outcome, str]]) -> list[Entry]:
    """Of the outcomes (each with a source id) those of digests that stand at their destination: their records learn of
    the message. Returns that for the audit."""
    entries = []
    for outcome, source_id in outcomes:
        if source_id.startswith(DIGEST) and outcome.state is State.APPLIED:
            told = await conn.execute(_TELL, {"digest": outcome.effect_id, "dest_id": outcome.dest_id})
            reason = told_in(outcome.effect_id)
            entries += [
                Entry(i, record, "digest", State.DIGESTED, outcome.dest_id, outcome.request_id, reason)
                for i, record in await told.fetchall()
            ]
    return entries


async def fall(conn: Connection, effects: Iterable[tuple[UUID, str]]) -> list[Entry]:
    """Those of the effects (id and source id) that are digests were refused, or given up: so are their records.

    Returns what happened to these, for the audit.
    """
    digests = [effect_id for effect_id, source_id in effects if source_id.startswith(DIGEST)]
    if not digests:
        return []
    fallen = await (await conn.execute(_FALL, (digests,))).fetchall()
    return [Entry(i, source_id, "digest", state, reason=why) for i, source_id, state, why in fallen]


async def untold(conn: Connection, run_id: UUID, stream: str) -> int:
    """How many records of a run wait for a digest that has not been told."""
    row = await (await conn.execute(_UNTOLD, {"run": run_id, "stream": stream})).fetchone()
    return int(row[0]) if row else 0


_TELL = """
    update effect set dest_id = %(dest_id)s, updated_at = now() where digest_id = %(digest)s and state = 'digested'
    returning id, source_id
"""
_FALL = f"""
    update effect m set state = d.state, reason = 'in the digest ' || d.id || coalesce(': ' || d.reason, ''),
        settled_run = d.settled_run, updated_at = now()
    from effect d
    where d.id = any(%s) and d.state in {literals(FALLEN)} and m.digest_id = d.id and m.state = 'digested'
    returning m.id, m.source_id, m.state, m.reason
"""  # noqa: S608 - put together from constants
# Each digest is looked up by its id: as a join it has the whole ledger read.
_UNTOLD = """
    select count(*) from batch b join effect e on e.tenant = b.tenant and e.batch_id = b.id
    where b.run_id = %(run)s and b.stream = %(stream)s and b.planned > 0 and e.state = 'digested' and (
        select d.state from effect d where d.id = e.digest_id) <> 'applied'
"""
