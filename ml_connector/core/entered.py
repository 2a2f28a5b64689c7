"""What entered a stream, version by version, and where it is now: for who compares the ledger with the vendors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from ml_connector.core import jsonx
from ml_connector.core.db import Database
from ml_connector.core.records import Body
from ml_connector.core.vault import Sealer


@dataclass(slots=True, frozen=True)
class Entered:
    """A version of a record, as the newest of its generations stands."""

    effect_id: UUID
    source_id: str
    version_at: datetime
    state: str
    attempts: int
    dest_id: str | None
    reason: str | None
    body: Body | None = field(repr=False)
    """As it was read; None if it is no longer stored."""
    request: Body | None = field(repr=False)
    """As it was sent last; None if it never was, or is no longer stored."""


async def entered_in(
    db: Database, sealer: Sealer, tenant: str, stream: str, since: datetime, until: datetime
) -> list[Entered]:
    """The versions whose time at the source is in ``[since, until)``, by their records."""
    where = "e.version_at >= %(since)s and e.version_at < %(until)s"
    return await _read(db, sealer, tenant, where, {"stream": stream, "since": since, "until": until})


async def entered_as(
    db: Database, sealer: Sealer, tenant: str, stream: str, versions: Iterable[tuple[str, datetime]]
) -> list[Entered]:
    """Those of the versions, each a source id and its time at the source, that have entered the stream."""
    ids, times = zip(*versions, strict=True) if (versions := set(versions)) else ((), ())
    where = "(e.source_id, e.version_at) in (select * from unnest(%(ids)s::text[], %(times)s::timestamptz[]))"
    return await _read(db, sealer, tenant, where, {"stream": stream, "ids": list(ids), "times": list(times)})


async def _read(db: Database, sealer: Sealer, tenant: str, where: str, values: dict[str, Any]) -> list[Entered]:
    async with db.tenant(tenant) as conn:
        rows = await (await conn.execute(_ENTERED.format(where=where), values)).fetchall()
    return [_entered(sealer, *row) for row in rows]


def _entered(
    sealer: Sealer, effect_id: UUID, source_id: str, version_at: datetime, state: str, attempts: int,
    dest_id: str | None, reason: str | None, body_of: UUID, body: bytes | None, request: bytes | None,
) -> Entered:  # fmt: skip
    read = jsonx.loads(sealer.open("body", "envelope", f"{body_of}:source:0", body)) if body else None
    place = f"{effect_id}:request:{attempts}"
    sent = jsonx.loads(sealer.open("body", "envelope", place, request)) if request else None
    return Entered(effect_id, source_id, version_at, state, attempts, dest_id, reason, read, sent)


_ENTERED = """
    select distinct on (e.source_id, e.version_at, e.version_hash)
        e.id, e.source_id, e.version_at, e.state, e.attempts, e.dest_id, e.reason, e.body_of, s.envelope, r.envelope
    from effect e
    left join body s on s.tenant = e.tenant and s.effect_id = e.body_of and s.kind = 'source' and s.attempt = 0
    left join body r on r.tenant = e.tenant and r.effect_id = e.id and r.kind = 'request' and r.attempt = e.attempts
    where e.stream = %(stream)s and {where}
    order by e.source_id, e.version_at, e.version_hash, e.generation desc
"""
