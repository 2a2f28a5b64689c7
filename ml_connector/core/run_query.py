"""The runs of a tenant, for people to look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ml_connector.core.balance import Balance, balance
from ml_connector.core.db import Database


@dataclass(slots=True, frozen=True)
class PastRun:
    """One attempt at a flow run and what became of its records. ``outcome`` None: it runs, or its process died."""

    id: UUID
    flow_run_id: str
    attempt: int
    integration: str
    mode: str
    outcome: str | None
    reason: str | None
    started_at: datetime
    finished_at: datetime | None
    balances: list[Balance]


async def recent_runs(db: Database, tenant: str, *, failed: bool, limit: int) -> list[PastRun]:
    """The newest attempts first; with ``failed`` only those that failed."""
    async with db.tenant(tenant) as conn:
        rows = await conn.execute(
            """
            select r.id, r.flow_run_id, r.attempt, r.integration, r.mode, r.outcome, r.reason, r.started_at,
                r.finished_at, array(select w.stream from run_window w
                    where w.tenant = r.tenant and w.run_id = r.id order by w.stream)
            from run r where not %s or r.outcome = 'failed' order by r.started_at desc limit %s
            """,
            (failed, limit),
        )
        found = await rows.fetchall()
    return [
        PastRun(*row[:9], balances=[await balance(db, tenant, row[0], stream) for stream in row[9]]) for row in found
    ]


async def our_run_id(db: Database, tenant: str, text: str) -> UUID | None:
    """The run that ``text`` names: our id, or Prefect's flow run id (its newest attempt)."""
    async with db.tenant(tenant) as conn:
        row = await (
            await conn.execute(
                "select id from run where id::text = %s or flow_run_id = %s order by attempt desc limit 1",
                (text, text),
            )
        ).fetchone()
        return row[0] if row else None
