"""The events of a tenant, for people to look at."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ml_connector.core.db import Database


@dataclass(slots=True, frozen=True)
class Event:
    """An event and what became of it; its body stays sealed."""

    id: int
    received_at: datetime
    stream: str
    """Empty while no stream listens to its connection."""
    connection: str
    kind: str
    object_key: str
    state: str
    reason: str | None
    attempts: int
    settled_at: datetime | None


async def events(
    db: Database, tenant: str, *, states: list[str] | None, since: timedelta | None, record: str | None
) -> AsyncGenerator[Event]:
    """Those in one of the states, oldest first. ``record``: an object's key or its id alone."""
    async with db.tenant(tenant) as conn, conn.cursor(name="events") as cursor:
        await cursor.execute(_EVENTS, {"states": states, "since": since, "record": record})
        async for row in cursor:
            yield Event(*row)


_EVENTS = """
    select id, received_at, stream, connection, kind, object_key, state, reason, attempts, settled_at from inbox
    where (%(states)s::text[] is null or state = any(%(states)s))
        and (%(since)s::interval is null or received_at > now() - %(since)s::interval)
        and (%(record)s::text is null or %(record)s in (object_key, split_part(object_key, ':', 2)))
    order by id
"""
