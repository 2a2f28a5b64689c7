"""What a doctor asks the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import psycopg

from ml_connector.core.conninfo import parameters
from ml_connector.core.db import Database
from ml_connector.core.migrate import newest
from ml_connector.core.parking import overdue
from ml_connector.core.records import State
from ml_connector.core.states import FAILED, literals


async def unreachable(url: str) -> str | None:
    """Why the database does not let us in, in Postgres' words without the address; None if it does.

    Misconfigured if the address is malformed.
    """
    wanted = parameters(url) | {"connect_timeout": 5}
    try:
        async with await psycopg.AsyncConnection.connect(**wanted):
            return None
    except psycopg.Error as error:
        return str(error).strip().splitlines()[-1].strip()


async def missing_migration(db: Database) -> str | None:
    """What is missing between the database's tables and ours; None if nothing."""
    async with db.system() as conn:
        row = await (await conn.execute("select to_regclass('alembic_version')")).fetchone()
        if row is None or row[0] is None:
            return "our tables are not there"
        found = await (await conn.execute("select version_num from alembic_version")).fetchone()
    version = found[0] if found else "none"
    return None if version == newest() else f"the tables have version {version}, this program wants {newest()}"


@dataclass(slots=True, frozen=True)
class HeldLease:
    """A stream that somebody is writing now."""

    stream: str
    holder: str
    seconds_left: float


@dataclass(slots=True, frozen=True)
class OpenBatches:
    """Batches of a stream with unfinished records; ``oldest`` is when the first of them was read."""

    stream: str
    batches: int
    oldest: datetime


@dataclass(slots=True, frozen=True)
class WaitingEvents:
    """Events of a stream that wait; ``oldest`` is when the first of them arrived."""

    stream: str
    """Empty while no stream listens to their connection."""
    heard: bool
    """Whether the stream listens: one that was switched off leaves its events where they are."""
    events: int
    oldest: datetime


@dataclass(slots=True, frozen=True)
class Told:
    """Something that a vendor has told of an account, and a person has to mend."""

    stream: str
    at: datetime
    reason: str


@dataclass(slots=True, frozen=True)
class Findings:
    """What stands in one tenant's tables that a person may want to know."""

    leases: list[HeldLease]
    open_batches: list[OpenBatches]
    waiting: list[tuple[str, State, int, int]]
    """Stream, state, how many records are in it, and how many of them since `parking.OVERDUE`."""
    events: list[WaitingEvents]
    told: list[Told]
    audit_blocks: int


async def examine(db: Database, tenant: str) -> Findings:
    """Look at one tenant."""
    async with db.tenant(tenant) as conn:
        leases = await conn.execute(
            "select stream, holder, extract(epoch from until - clock_timestamp())::float from lease "
            "where until > clock_timestamp() order by stream"
        )
        held = [HeldLease(*row) for row in await leases.fetchall()]
        batches = await conn.execute(
            "select stream, count(*), (array_agg(id order by id))[1] from batch where open group by stream order by 1"
        )
        opened = [OpenBatches(stream, n, _made_at(first)) for stream, n, first in await batches.fetchall()]
        waiting = await (await conn.execute(_WAITING, (overdue(datetime.now(UTC)),))).fetchall()
        inbox = await conn.execute(
            "select stream, stream in (select stream from listener), count(*), min(received_at) from inbox "
            "where state = 'pending' group by stream order by stream"
        )
        events = [WaitingEvents(*row) for row in await inbox.fetchall()]
        told = [Told(*row) for row in await (await conn.execute(_TOLD)).fetchall()]
        head = await (await conn.execute("select seq from audit_head")).fetchone()
    return Findings(
        held,
        opened,
        [(stream, State(state), n, old) for stream, state, n, old in waiting],
        events,
        told,
        head[0] if head else 0,
    )


def _made_at(uuid7: UUID) -> datetime:
    return datetime.fromtimestamp((uuid7.int >> 80) / 1000, UTC)


# The last word on each object counts: what was told before may have been mended since.
_TOLD = """
    select stream, received_at, coalesce(reason, '') from (
        select distinct on (stream, object_key) stream, received_at, reason, state, id from inbox
        where stream like 'account/%' and state <> 'pending' order by stream, object_key, id desc) last
    where state = 'rejected' order by id
"""
# A rejected version that a newer one has followed needs nobody.
_WAITING = f"""
    select e.stream, e.state, count(*), count(*) filter (where e.id < %s) from effect e
    where e.state in {literals(FAILED)}
        and not exists (select 1 from effect o where o.tenant = e.tenant and o.stream = e.stream
            and o.source_id = e.source_id
            and (o.version_at, o.body_of, o.generation) > (e.version_at, e.body_of, e.generation))
    group by e.stream, e.state order by e.stream, e.state
"""  # noqa: S608 - put together from constants
