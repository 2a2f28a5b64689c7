"""The doorbell: asks Prefect for a flow run where events wait.

It rings after each commit, in the background, and sweeps every 15 seconds for whatever still waits: a ring that was
lost, a Prefect that was away or has lost its database, a run that has died. The inbox is the truth: a ring can be lost
or doubled without harm.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any

from ml_connector.core import listeners
from ml_connector.core.crashpoints import crashpoint
from ml_connector.core.db import Database
from ml_connector.core.endpoints import all_endpoints
from ml_connector.core.errors import Misconfigured, SafeError
from ml_connector.core.listeners import Bell
from ml_connector.receiver.flow_runs import FlowRuns
from ml_connector.receiver.metrics import Metrics

log = logging.getLogger(__name__)

SWEEP_SECONDS = 15.0
_LOOK_AGAIN_SECONDS = 2.0
_LOOKS = 30
_CALL_SECONDS = 10.0
_LONGEST_PAUSE = 900.0


class Doorbell:
    """Rings for the streams that have events, each at most once at a time. ``flow_runs`` None: there is no Prefect."""

    def __init__(self, db: Database, flow_runs: FlowRuns | None, metrics: Metrics) -> None:
        self._db = db
        self._flow_runs = flow_runs
        self._metrics = metrics
        self._wanted: set[str] = set()
        self._attending: dict[str, asyncio.Task[bool]] = {}

    def ring(self, tenant: str) -> None:
        """An event of this tenant has been stored. Returns at once."""
        self._wanted.add(tenant)
        task = self._attending.get(tenant)
        if task is None or task.done():
            self._attending[tenant] = asyncio.create_task(self._unharmed(self._attend(tenant)))

    async def run(self) -> None:
        """Sweep for ever."""
        while True:
            await self._unharmed(self.sweep())
            await asyncio.sleep(SWEEP_SECONDS)

    async def sweep(self) -> None:
        """Look after every tenant's events once."""
        pending, oldest, reachable = 0, 0.0, True
        for tenant in sorted({endpoint.tenant for endpoint in (await all_endpoints(self._db)).values()}):
            pending += await listeners.sweep(self._db, tenant)
            for bell in _one_of_each_deployment(await listeners.bells(self._db, tenant)):
                oldest = max(oldest, bell.oldest_seconds)
                reachable = reachable and await self._unharmed(self.knock(bell))
        self._metrics.pending.set(pending)
        self._metrics.oldest.set(oldest)

    async def stop(self) -> None:
        for task in self._attending.values():
            task.cancel()
        await asyncio.gather(*self._attending.values(), return_exceptions=True)

    async def _attend(self, tenant: str) -> None:
        """Ring, and look again for a while: a run that was about to end does not see the newest events."""
        for _ in range(_LOOKS):
            self._wanted.discard(tenant)
            bells = await listeners.bells(self._db, tenant)
            if not bells and tenant not in self._wanted:
                return
            for bell in _one_of_each_deployment(bells):
                await self.knock(bell)
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    async def knock(self, bell: Bell) -> None:
        """Ask for a flow run, unless one is at work or on its way."""
        if bell.held or self._flow_runs is None:
            return
        ring, first = bell.ring, bell.rung_for
        if ring == 0 or bell.flow_run_id is not None:
            if await self._is_alive(bell) or _too_soon(bell):
                return
            raised = await listeners.raise_ring(self._db, bell)
            if raised is None:
                return
            ring, first = raised, bell.first
        # Prefect scopes keys by flow, not by deployment
        key = f"{bell.tenant}/{bell.stream}/{first}/{ring}"
        async with asyncio.timeout(_CALL_SECONDS):
            flow_run_id = await self._flow_runs.create(bell.deployment, key)
        crashpoint("doorbell.rung")
        await listeners.note_run(self._db, bell, ring, flow_run_id)
        self._metrics.rings.labels("asked").inc()
        log.info("rang %s of %s, whose oldest event is %.1f s old", bell.stream, bell.tenant, bell.oldest_seconds)

    async def _is_alive(self, bell: Bell) -> bool:
        """Whether the run of the last ring may still come to the events that are due."""
        if bell.flow_run_id is None or self._flow_runs is None:
            return False
        async with asyncio.timeout(_CALL_SECONDS):
            state = await self._flow_runs.state(bell.flow_run_id)
        return state is not None and state.may_work

    async def _unharmed(self, work: Coroutine[Any, Any, None]) -> bool:
        """Whether the next one has a chance. What went wrong is told, and tried again by the next sweep."""
        try:
            await work
        except Misconfigured as error:  # of this deployment, perhaps of one tenant: the others are rung for
            log.warning("the doorbell could not ring: %s", error.message)
            self._metrics.rings.labels("failed").inc()
        except Exception as error:  # noqa: BLE001 - the doorbell must outlive whatever Prefect or the database does
            log.warning("the doorbell could not ring: %s", SafeError.of(error))
            self._metrics.rings.labels("failed").inc()
            return False
        return True


def _one_of_each_deployment(bells: Sequence[Bell]) -> Iterable[Bell]:
    """A run handles all streams of its deployment: a second one would only be skipped."""
    return {bell.deployment: bell for bell in reversed(bells)}.values()


def _too_soon(bell: Bell) -> bool:
    """Whether runs end without having handled the oldest event, so that the next one should wait a little."""
    if bell.rung_for != bell.first or bell.rung_seconds is None:
        return False
    return bell.rung_seconds < min(_LONGEST_PAUSE, SWEEP_SECONDS * 2.0 ** min(bell.in_vain, 10))
