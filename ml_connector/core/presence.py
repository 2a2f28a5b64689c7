"""Which objects of a stream a full read told of, so that those that it does not tell of any more are found.

One row an object holds the newest run that told of it. A read moves its rows page by page, as arrays, in the
transaction that brings the page into the ledger, so a read that dies goes on with what it had told. What is missing at
the end is found by one statement: nothing of it is held in memory, and it costs the same however many versions the
ledger has.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from ml_connector.core.db import Connection, Database


@dataclass(slots=True, frozen=True)
class Absence:
    """``known`` objects are there, or were until this read; it has not told of ``absent`` of them."""

    known: int
    absent: int

    def is_doubtful(self, share: float, minimum: int) -> bool:
        """Whether it is rather the read that is short: at least ``minimum`` objects, or all of them, and more than
        ``share`` of them have gone at once."""
        return self.absent > share * self.known and (self.absent >= minimum or self.absent == self.known)


async def told(conn: Connection, stream: str, run_id: UUID, source_ids: Collection[str]) -> None:
    """The run has been told of these objects."""
    values = {"stream": stream, "run": run_id, "source_ids": sorted(set(source_ids))}
    await conn.execute(_INHERIT, values)
    await conn.execute(_TOLD, values)


async def gone(conn: Connection, stream: str, source_ids: Collection[str]) -> None:
    """The ledger says of these objects that nothing is left of them."""
    await conn.execute(_GONE, {"stream": stream, "source_ids": list(source_ids)})


async def absence(db: Database, tenant: str, stream: str, run_id: UUID) -> Absence:
    """What the run, which has read everything, was not told of."""
    async with db.tenant(tenant) as conn:
        await conn.execute(_INHERIT, {"stream": stream})
        row = await (await conn.execute(_ABSENCE, {"stream": stream, "run": run_id})).fetchone()
        return Absence(*row) if row else Absence(0, 0)


async def absent(db: Database, tenant: str, stream: str, run_id: UUID, limit: int) -> list[str]:
    """The source ids of up to ``limit`` of these objects."""
    async with db.tenant(tenant) as conn:
        rows = await conn.execute(_ABSENT, {"stream": stream, "run": run_id, "limit": limit})
        return [row[0] for row in await rows.fetchall()]


# What the ledger knew before anything was kept here counts as told by nobody. Asked once per statement, not per row.
_INHERIT = """
    insert into presence (tenant, stream, source_id, run_id)
    select distinct mlc_tenant(), %(stream)s, e.source_id, '00000000-0000-0000-0000-000000000000'::uuid from effect e
    where e.stream = %(stream)s and not exists (select 1 from presence p where p.stream = %(stream)s)
    on conflict do nothing
"""
# A run that is continued after a later one has read keeps what the later one was told.
_TOLD = """
    insert into presence as p (tenant, stream, source_id, run_id)
    select mlc_tenant(), %(stream)s, s.source_id, %(run)s from unnest(%(source_ids)b::text[]) as s(source_id)
    on conflict (tenant, stream, source_id) do update
    set run_id = greatest(p.run_id, excluded.run_id), absent = false
"""
_GONE = "update presence set absent = true where stream = %(stream)s and source_id = any(%(source_ids)s)"
_ABSENCE = """
    select count(*), count(*) filter (where run_id < %(run)s) from presence where stream = %(stream)s and not absent
"""
_ABSENT = """
    select source_id from presence where stream = %(stream)s and not absent and run_id < %(run)s
    order by source_id limit %(limit)s
"""
