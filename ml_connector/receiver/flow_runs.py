"""Flow runs, as the doorbell asks for them. The only file here that calls Prefect's API."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL

from ml_connector.core.errors import Misconfigured

log = logging.getLogger(__name__)

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

    @property
    def may_work(self) -> bool:
        """Whether it is at work, or may yet come to be. To be asked of a run that does not hold its stream's lease."""
        return self.type not in _ENDED and self.seconds < _PATIENCE.get(self.type, float("inf"))


class FlowRuns(Protocol):
    """What the doorbell needs of Prefect."""

    async def create(self, deployment: str, key: str) -> UUID:
        """A run of ``flow/deployment``: the one that was created with this key, if there is one in this flow.

        Misconfigured if there is no such deployment, or Prefect takes no run of it.
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
        try:
            found = await self._client.read_deployment_by_name(deployment)
            return (await self._client.create_flow_run_from_deployment(found.id, idempotency_key=key)).id
        except ObjectNotFound:
            what, hint = f"Prefect has no deployment {deployment}, and its events wait", "run `ml-connector apply`"
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
