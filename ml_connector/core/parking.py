"""What is parked: it waits until the record that it belongs to is linked, or until its destination has what it names.

It is looked at when something was linked in a stream that it may wait for, and now and then in any case: a mapping was
mended, somebody has made by hand what was missing. So what waits for ever costs the runs next to nothing; after some
days a person is told of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from ml_connector.core.db import Database

LOOK_AGAIN = 3600.0
"""Seconds after which it is looked at, whatever was linked."""
SINCE = LOOK_AGAIN + 300.0
"""A link that is so much older than that moment, in seconds, may have come after the last look: between a look and the
parking its destination was asked, and a link is as old as the transaction that brought it."""
ANY_LINK = datetime.max.replace(tzinfo=UTC)
"""Instead of when the last link came: everything is looked at."""
OVERDUE = timedelta(days=3)
"""So long ago what is parked was read when somebody is told. Whoever has just been made in an ERP is there sooner."""


async def last_link(db: Database, tenant: str, streams: Sequence[str]) -> datetime | None:
    """When the last link came that one of these streams had not had; None: they have none."""
    async with db.tenant(tenant) as conn:
        rows = await conn.execute(_LAST_LINK, (list(streams),))
        found: datetime | None = next(iter(await rows.fetchall()))[0]
    return found


def overdue(now: datetime) -> UUID:
    """The first id of what was read later than that. It moves once a day, so that a person is told once a day at most,
    however much is parked."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return UUID(int=int((midnight - OVERDUE).timestamp() * 1000) << 80)  # ids are made of the time (core/ids.py)


_LAST_LINK = """
    select max(newest.since) from unnest(%s::text[]) as s(stream)
    cross join lateral (
        select l.since from link l where l.stream = s.stream and l.tenant = mlc_tenant() order by l.since desc limit 1
    ) newest
"""
