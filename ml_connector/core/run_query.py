"""The runs of a tenant, for people to look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ml_connector.core.balance import Balance, balance
from ml_connector.core.db import Database
from ml_connector.core.errors import Misconfigured

NO_RUN = "tenant {tenant} has no run {run}: `ml-connector runs {tenant}` lists them"


@dataclass(slots=True, frozen=True)
class PastRun:
    """One attempt at a flow run and what became of its records. ``outcome`` None: it runs, or its process died."""

    balances: list[Balance]
    id: UUID
    flow_run_id: str
    attempt: int
    integration: str
    mode: str
    outcome: str | None
    reason: str | None
    started_at: datetime
    finished_at: datetime | None


async def recent_runs(db: Database, tenant: str, *, failed: bool, limit: int) -> list[PastRun]:
    """The newest attempts first; with ``failed`` only those that failed."""
    async with db.tenant(tenant) as conn:
        rows = await conn.execute(
            """
            select
                array(select w.stream from run_window w where w.tenant = r.tenant and w.run_id = r.id order by 1),
                r.id, r.flow_run_id, r.attempt, r.integration, r.mode, r.outcome, r.reason, r.started_at, r.finished_at
            from run r where not %s or r.outcome = 'failed' order by r.started_at desc limit %s
            """,
            (failed, limit),
        )
        found = await rows.fetchall()
    return [
        PastRun([await balance(db, tenant, run_id, stream) for stream in streams], run_id, *rest)
        for streams, run_id, *rest in found
    ]


async def our_run_id(db: Database, tenant: str, text: str) -> UUID:
    """The run that ``text`` names: our id, or Prefect's flow run id (its newest attempt that took anything up).

    Misconfigured if there is none.
    """
    async with db.tenant(tenant) as conn:
        found = await conn.execute(
            """
            select id from run where id::text = %s or flow_run_id = %s
            order by exists (select 1 from batch b where b.run_id = run.id) desc, attempt desc limit 1
            """,
            (text, text),
        )
        row = await found.fetchone()
    if row is None:
        raise Misconfigured(NO_RUN.format(tenant=tenant, run=text))
    run_id: UUID = row[0]
    return run_id
