"""``run`` and ``retry``: start flow runs through Prefect's API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.responses import SetStateStatus
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError

from ml_connector.cli import console
from ml_connector.cli.follow import follow
from ml_connector.cli.plan import TAG
from ml_connector.cli.prefect_api import page_of, prefect_api
from ml_connector.core.errors import AbortRun, Misconfigured


async def run(tenant: str, flow: str, streams: str | None, *, wait: bool) -> int:
    """Start a run; with ``wait`` the exit code is 1 if it does not complete."""
    async with prefect_api() as client:
        started = await start(client, tenant, flow, {"streams": streams.split(",")} if streams else {})
        if not wait:
            console.out.print(page_of(started.id), markup=False, highlight=False, soft_wrap=True)
            return 0
        return await wait_for(client, started)


async def wait_for(client: PrefectClient, started: FlowRun) -> int:
    """Say where the run is seen, and how it ended; the exit code is 1 if it did not complete."""
    console.out.print(page_of(started.id), markup=False, highlight=False, soft_wrap=True)
    state = await follow(client, started.id, label=started.name)
    console.out.print(f"{state.name}: {state.message or 'done'}", markup=False, highlight=False)
    return 0 if state.is_completed() else 1


async def start(client: PrefectClient, tenant: str, flow: str, parameters: Mapping[str, Any]) -> FlowRun:
    """Create a run of the tenant's deployment of ``flow``, as the UI's Quick run does."""
    try:
        deployment = await client.read_deployment_by_name(f"{flow}/{tenant}")
    except ObjectNotFound:
        raise Misconfigured(f"there is no deployment {flow}/{tenant}. {await _instead(client, tenant)}") from None
    try:
        return await client.create_flow_run_from_deployment(deployment.id, parameters=dict(parameters))
    except PrefectHTTPStatusError as error:
        if error.response.status_code >= 500:
            raise
        raise Misconfigured(f"Prefect does not take this: {error.response.json().get('detail')}") from None


async def retry(flow_run: str) -> None:
    """The same call that the UI's Retry makes: the run is scheduled once more under its own id."""
    try:
        flow_run_id = UUID(flow_run)
    except ValueError:
        raise Misconfigured(f"{flow_run} is not the id of a flow run: take it from its address in the UI") from None
    asked = State(type=StateType.SCHEDULED, name="AwaitingRetry", message="Retry from the command line")
    async with prefect_api() as client:
        try:
            result = await client.set_flow_run_state(flow_run_id, asked, force=True)
        except ObjectNotFound:
            raise Misconfigured(f"Prefect has no flow run {flow_run_id}") from None
    if result.status is not SetStateStatus.ACCEPT:
        raise AbortRun(f"Prefect did not accept the retry of {flow_run_id} ({result.status.value})")
    console.out.print(page_of(flow_run_id), markup=False, highlight=False, soft_wrap=True)


async def _instead(client: PrefectClient, tenant: str) -> str:
    theirs = DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG, f"tenant:{tenant}"]))
    found = await client.read_deployments(deployment_filter=theirs)
    flows = sorted({(await client.read_flow(one.flow_id)).name for one in found})
    if not flows:
        return f"Nothing is deployed for tenant {tenant}: `ml-connector apply` does that from its file"
    return f"Tenant {tenant} has: {', '.join(flows)}"
