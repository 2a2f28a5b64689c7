"""What became of every record that a run read, counted from the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from ml_connector.core import digests
from ml_connector.core.db import Database
from ml_connector.core.records import State
from ml_connector.core.runs import Run
from ml_connector.core.states import DONE, FINAL, literals

_CREATES = ("create", "post")


@dataclass(slots=True, frozen=True)
class Balance:
    """``read`` records entered the ledger in this run; each of them is in exactly one of the other columns.

    ``fetched`` rows came from the source, ``known`` of them were in the ledger already (overlapping windows). Where
    messages are routed a record is counted once for each channel that it may be told in; a digest is no record, and
    those that it stands for are open until it is told.
    """

    stream: str
    fetched: int
    known: int
    read: int
    created: int
    updated: int
    unchanged: int
    digested: int
    rejected: int
    """By us or the destination, or given up by a person."""
    superseded: int
    open: int
    complete: bool

    @property
    def problem(self) -> str | None:
        """Why this does not add up; None if it does."""
        told = self.created + self.updated + self.unchanged + self.digested
        accounted = told + self.rejected + self.superseded + self.open
        if self.fetched != self.known + self.read or self.read != accounted:
            return (
                f"{self.stream}: fetched {self.fetched} = known {self.known} + read {self.read} and read {self.read} = "
                f"accounted {accounted} do not both hold"
            )
        return None

    def __str__(self) -> str:
        return (
            f"{self.stream}: read {self.read} = {self.created} created + {self.updated} updated + "
            f"{self.unchanged} unchanged + {self.digested} digested + {self.rejected} rejected + "
            f"{self.superseded} superseded + {self.open} open"
        )


async def balance(db: Database, tenant: str, run_id: UUID, stream: str) -> Balance:
    """The balance of one stream of a run."""
    async with db.tenant(tenant) as conn:
        window = await (
            await conn.execute(
                "select fetched, known, complete from run_window where run_id = %s and stream = %s", (run_id, stream)
            )
        ).fetchone() or (0, 0, False)
        rows = await conn.execute(
            """
            select e.state, e.action, count(*) from effect e
            join batch b on b.tenant = e.tenant and b.id = e.batch_id
            where b.run_id = %s and b.stream = %s and b.planned > 0 group by e.state, e.action
            """,
            (run_id, stream),
        )
        counts = [(state, action, n) for state, action, n in await rows.fetchall()]
        by_state = {final: sum(n for state, _, n in counts if state == final) for final in FINAL}
        if by_state[State.DIGESTED]:
            by_state[State.DIGESTED] -= await digests.untold(conn, run_id, stream)
    created = sum(n for state, action, n in counts if state == State.APPLIED and action in _CREATES)
    read = sum(n for _, _, n in counts)
    return Balance(
        stream,
        fetched=window[0],
        known=window[1],
        read=read,
        created=created,
        updated=by_state[State.APPLIED] - created,
        unchanged=by_state[State.UNCHANGED],
        digested=by_state[State.DIGESTED],
        rejected=by_state[State.REJECTED] + by_state[State.ABANDONED],
        superseded=by_state[State.SUPERSEDED],
        open=read - sum(by_state.values()),
        complete=window[2],
    )


@dataclass(slots=True, frozen=True)
class Noted:
    """A record worth telling: what happened to it, where it is now, and why."""

    effect_id: UUID
    stream: str
    source_id: str
    state: str
    action: str | None
    dest_id: str | None
    reason: str | None


async def noted(db: Database, tenant: str, run_id: UUID, states: tuple[str, ...], limit: int) -> list[Noted]:
    """Up to ``limit`` records of a run in the given states."""
    async with db.tenant(tenant) as conn:
        rows = await conn.execute(
            f"{_NOTED} where b.run_id = %s and e.state = any(%s) limit %s", (run_id, list(states), limit)
        )
        return [Noted(*row) for row in await rows.fetchall()]


async def noted_before(db: Database, tenant: str, run: Run, stream: str, limit: int) -> list[Noted]:
    """Up to ``limit`` records of a stream that stand at the destination since earlier attempts at the flow run."""
    async with db.tenant(tenant) as conn:
        rows = await conn.execute(_NOTED_BEFORE, (run.flow_run_id, run.id, stream, limit))
        return [Noted(*row) for row in await rows.fetchall()]


async def seen_before(db: Database, tenant: str, run_id: UUID, stream: str) -> bool:
    """Whether an earlier run has brought records of this stream."""
    async with db.tenant(tenant) as conn:
        row = await conn.execute(
            "select 1 from run_window where stream = %s and run_id <> %s and fetched > 0 limit 1", (stream, run_id)
        )
        return await row.fetchone() is not None


_NOTED = """
    select e.id, e.stream, e.source_id, e.state, e.action, e.dest_id, e.reason from effect e
    join batch b on b.tenant = e.tenant and b.id = e.batch_id
"""
_NOTED_BEFORE = f"""
    {_NOTED} join run r on r.tenant = b.tenant and r.id = b.run_id
    where r.flow_run_id = %s and r.id <> %s and b.stream = %s and e.dest_id is not null
        and e.state in {literals(DONE)}
    order by e.id limit %s
"""
