"""What an attempt of a flow run is, decided by our own row and not by Prefect's history.

If our last attempt finished, a new one is a replay of it; otherwise it continues that attempt, so that a crashed
replay continues as a replay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from ml_connector.core.db import Connection, Database
from ml_connector.core.ids import uuid7
from ml_connector.core.lease import Lease

Mode = Literal["sync", "replay"]
Outcome = Literal["completed", "failed"]


@dataclass(slots=True, frozen=True)
class Run:
    """One attempt at a flow run. ``outcome`` None: it has not finished, or its process died."""

    id: UUID
    flow_run_id: str
    attempt: int
    mode: Mode
    replay_of: UUID | None
    outcome: Outcome | None


async def last_attempt(db: Database, tenant: str, flow_run_id: str) -> Run | None:
    """The newest attempt at this flow run, if there was one."""
    async with db.tenant(tenant) as conn:
        return await _last(conn, flow_run_id)


async def open_attempt(
    db: Database, tenant: str, lease: Lease, streams: Sequence[str], flow_run_id: str, integration: str, mode: Mode
) -> Run:
    """Continue the last attempt, or begin a new one: the first in ``mode``. LeaseLost: somebody else is at it, or has
    just completed it."""
    async with db.tenant(tenant) as conn:
        await _hold(conn, lease, streams)
        last = await _last(conn, flow_run_id)
        if last is not None and last.outcome != "completed":
            await conn.execute("update run set outcome = null, finished_at = null where id = %s", (last.id,))
            return last
        run = Run(
            id=uuid7(),
            flow_run_id=flow_run_id,
            attempt=last.attempt + 1 if last else 1,
            mode="replay" if last else mode,
            replay_of=last.id if last else None,
            outcome=None,
        )
        await conn.execute(
            "insert into run (tenant, id, flow_run_id, attempt, integration, mode, replay_of) "
            "values (mlc_tenant(), %s, %s, %s, %s, %s, %s)",
            (run.id, flow_run_id, run.attempt, integration, run.mode, run.replay_of),
        )
        return run


async def finish(
    db: Database, tenant: str, lease: Lease, streams: Sequence[str], run: Run, outcome: Outcome, reason: str | None
) -> None:
    """Write down how the attempt ended. LeaseLost: somebody else may be continuing it, and is not to be overruled."""
    async with db.tenant(tenant) as conn:
        await _hold(conn, lease, streams)
        await conn.execute(
            "update run set outcome = %s, reason = %s, finished_at = now() where id = %s", (outcome, reason, run.id)
        )


async def _hold(conn: Connection, lease: Lease, streams: Sequence[str]) -> None:
    for stream in streams:
        await lease.hold(conn, stream)


async def _last(conn: Connection, flow_run_id: str) -> Run | None:
    row = await (
        await conn.execute(
            "select id, flow_run_id, attempt, mode, replay_of, outcome from run "
            "where flow_run_id = %s order by attempt desc limit 1",
            (flow_run_id,),
        )
    ).fetchone()
    return Run(*row) if row else None
