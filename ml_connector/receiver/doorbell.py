"""The doorbell: asks Prefect for a flow run where events wait. The only file here that calls Prefect's API.

It rings after each commit, in the background, and sweeps every 15 seconds for whatever still waits: a ring that was
lost, a Prefect that was away or has lost its database, a run that has died. The inbox is the truth: a ring can be lost
or doubled without harm.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL

from ml_connector.core import listeners
from ml_connector.core.crashpoints import crashpoint
from ml_connector.core.db import Database
from ml_connector.core.endpoints import all_endpoints
from ml_connector.core.errors import Misconfigured, SafeError
from ml_connector.core.listeners import Bell
from ml_connector.receiver.metrics import Metrics

log = logging.getLogger(__name__)

SWEEP_SECONDS = 15.0
_LOOK_AGAIN_SECONDS = 2.0
_LOOKS = 30
_CALL_SECONDS = 10.0
_LONGEST_PAUSE = 900.0
_PATIENCE = {StateType.RUNNING: 60.0, StateType.CANCELLING: 60.0, StateType.PENDING: 60.0}
"""Seconds in such a state without the stream's lease after which a run counts as dead: its process was killed."""
_REFUSED = (400, 409, 422)
"""What Prefect answers if it takes no run of this one deployment, such as 409 where its parameters do not fit."""
_ENDED = (StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED)


@dataclass(slots=True, frozen=True)
class RunState:
    """What Prefect says of a flow run, and for how long it has been so."""

    type: StateType
    seconds: float


class FlowRuns(Protocol):
    """What the doorbell needs of Prefect."""

    async def create(self, deployment: str, key: str) -> UUID:
        """A run of ``flow/deployment``: the one that was created with this key, if there is one in this flow.

        Misconfigured if Prefect takes no run of this deployment.
        """
        ...

    async def state(self, flow_run_id: UUID) -> RunState | None:
        """None: Prefect does not know this run, or it waits where nobody looks for its deployment's runs any more."""
        ...


class PrefectFlowRuns:
    """Flow runs by Prefect's API."""

    def __init__(self, client: PrefectClient) -> None:
        self._client = client

    async def create(self, deployment: str, key: str) -> UUID:
        found = await self._client.read_deployment_by_name(deployment)
        try:
            return (await self._client.create_flow_run_from_deployment(found.id, idempotency_key=key)).id
        except PrefectHTTPStatusError as error:
            if error.response.status_code not in _REFUSED:
                raise
            what = f"Prefect takes no run of {deployment} ({error.response.status_code}), and its events wait"
            hint = "look at its parameters in the UI, or run `ml-connector apply`"
        raise Misconfigured(f"{what}: {hint}", vendor="prefect")

    async def state(self, flow_run_id: UUID) -> RunState | None:
        try:
            run = await self._client.read_flow_run(flow_run_id)
            state = run.state
            if state is not None and state.is_scheduled() and not await self._is_looked_for(run):
                return None
        except ObjectNotFound:
            return None
        return RunState(state.type, (datetime.now(UTC) - state.timestamp).total_seconds()) if state else None

    async def _is_looked_for(self, run: FlowRun) -> bool:
        """A run stays in the work pool that its deployment had: one that was given another, or whose pool was deleted,
        leaves it there for ever."""
        if run.deployment_id is None:
            return True
        there = await self._client.read_deployment(run.deployment_id)
        return (run.work_pool_name, run.work_queue_name) == (there.work_pool_name, there.work_queue_name)


@asynccontextmanager
async def prefect() -> AsyncIterator[FlowRuns | None]:
    """The server of PREFECT_API_URL. None without one: Prefect's client would start a server of its own."""
    if not PREFECT_API_URL.value():
        log.warning("PREFECT_API_URL is not set: events are kept, but no flow is rung for them")
        yield None
        return
    async with get_client() as client:  # one for all calls: making it takes 20 ms
        yield PrefectFlowRuns(client)


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
        if state is None or state.type in _ENDED:
            return False
        return state.seconds < _PATIENCE.get(state.type, float("inf"))

    async def _unharmed(self, work: Coroutine[Any, Any, None]) -> bool:
        """Whether the next one has a chance. What went wrong is told, and tried again by the next sweep."""
        try:
            await work
        except ObjectNotFound:
            log.warning("a deployment to ring is not there: run `ml-connector apply`; its events wait")
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
