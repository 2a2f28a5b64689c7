"""Open the run: take the streams' leases, and find out what this attempt is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from ml_connector.core import runs
from ml_connector.core.audit import Origin
from ml_connector.core.db import Database
from ml_connector.core.inbox import Inbox
from ml_connector.core.lease import Lease, leased
from ml_connector.core.ledger import Ledger
from ml_connector.core.ledger_writer import LedgerWriter
from ml_connector.core.planning import Planning
from ml_connector.core.runs import Run
from ml_connector.core.selection import Selection
from ml_connector.core.tenant_config import AbsenceThreshold
from ml_connector.core.vault import Vault
from tasks.running import OpenRun
from tasks.story import NothingLeft, this_flow_run
from tasks.stream import Route, Stream

_USUAL = AbsenceThreshold()


class Guard:
    """Asked before each write leaves this process; passes until a run has begun, then while its lease is good."""

    __slots__ = ("lease",)

    def __init__(self) -> None:
        self.lease: Lease | None = None

    def __call__(self) -> None:
        if self.lease is not None:
            self.lease.check()


@asynccontextmanager
async def hold_run(
    db: Database,
    vault: Vault,
    guard: Guard,
    tenant: str,
    integration: str,
    routes: Sequence[Route],
    *,
    lease_seconds: float,
    reject_limit: tuple[float, int],
    absence_threshold: AbsenceThreshold = _USUAL,
    selection: Selection | None = None,
) -> AsyncIterator[OpenRun]:
    """Hold the streams of a tenant for the attempt that this flow run is now making.

    A scheduled run does not wait for another writer (LeaseTaken); a retry, or a replay of a ``selection``, waits for up
    to three lease lengths, in which a dead holder's lease expires. An attempt that is continued tries again what it has
    rejected. NothingLeft: the last attempt has completed, but whoever pressed Retry could not know, because it was
    still running then, or its process died before it could tell Prefect.
    """
    flow_run = await this_flow_run()
    before = await runs.last_attempt(db, tenant, flow_run.id)
    patience = 3 * lease_seconds if before is not None or flow_run.count > 1 or selection is not None else 0.0
    holder = f"flow run {flow_run.name} ({flow_run.id})"
    keys = [route.key for route in routes]
    async with leased(db, tenant, keys, holder=holder, ttl=lease_seconds, patience=patience) as lease:
        now = await runs.last_attempt(db, tenant, flow_run.id)
        if now is not None and now.outcome == "completed":
            if before is None or before.outcome != "completed":
                raise NothingLeft(f"attempt {now.attempt}, which was running when this one began, has completed")
            if flow_run.completed < now.attempt:
                raise NothingLeft(f"attempt {now.attempt} had completed when its process died")
        mode: runs.Mode = "replay" if selection else "sync"
        run = await runs.open_attempt(db, tenant, lease, keys, flow_run.id, integration, mode)
        if run.replay_of is not None:  # a Retry: of this run, with all that it did, but nothing a second time
            selection = Selection(run_id=run.replay_of)
        sealer = await vault.sealer(tenant, "body")
        held = OpenRun(tenant, integration, run, db, lease, reject_limit, absence_threshold)
        for route in routes:
            writer = LedgerWriter(db, sealer, lease, tenant, run.id, _origin(route, run, selection))
            planning = Planning(writer)
            inbox = Inbox(db, sealer, lease, tenant, route.key, run.id)
            held.streams.append(Stream(route, run, tenant, db, planning, Ledger(writer), inbox))
            held.streams[-1].selection = selection
            await planning.reopen()  # there is something only if this attempt continues one
        guard.lease = lease
        yield held


def _origin(route: Route, run: Run, selection: Selection | None) -> Origin:
    return Origin(
        stream=route.key,
        run_id=run.id,
        source=f"{route.source.system} {route.source.operation}",
        destination=f"{route.destination.system} {route.destination.operation}",
        mapping_hash=route.mapping.hash,
        actor=selection.actor if selection else None,
        reason=selection.reason if selection else None,
    )
