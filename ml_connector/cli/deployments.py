"""Doing in Prefect what a plan says."""

from __future__ import annotations

from collections.abc import Iterable

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate
from prefect.exceptions import ObjectNotFound
from prefect.workers.utilities import get_default_base_job_template_for_infrastructure_type

from ml_connector.cli.plan import Change, Wanted


async def missing_pools(client: PrefectClient, names: Iterable[str]) -> list[str]:
    """Those of the work pools that Prefect does not have."""
    missing = []
    for name in sorted(set(names)):
        try:
            await client.read_work_pool(name)
        except ObjectNotFound:
            missing.append(name)
    return missing


async def create_pool(client: PrefectClient, name: str) -> None:
    """A pool for process workers. Who wants another kind creates the pool before the first `apply`."""
    template = await get_default_base_job_template_for_infrastructure_type("process")
    await client.create_work_pool(WorkPoolCreate(name=name, type="process", base_job_template=template or {}))


async def carry_out(client: PrefectClient, change: Change, *, paused: bool | None = None) -> None:
    """Create, update or remove one deployment. ``paused`` None leaves that as it is."""
    if change.kind == "remove" and change.existing is not None:
        await client.delete_deployment(change.existing.id)
    elif change.kind != "unchanged" and change.wanted is not None:
        await _put(client, change.wanted, _kept_off(change), paused)


async def _put(client: PrefectClient, wanted: Wanted, off: set[str], paused: bool | None) -> None:
    """Prefect updates the deployment of this flow and name if it has one, with all its schedules."""
    template = wanted.template
    await client.create_deployment(
        flow_id=await client.create_flow_from_name(template.flow),
        name=wanted.tenant,
        entrypoint=template.entrypoint,
        description=template.description,
        work_pool_name=template.work_pool,
        work_queue_name=template.work_queue,
        job_variables=dict(template.job_variables),
        pull_steps=template.pull_steps,
        parameters=wanted.parameters,
        parameter_openapi_schema=template.parameter_schema,
        enforce_parameter_schema=True,
        tags=wanted.tags,
        schedules=[_schedule(entry, active=entry.slug not in off) for entry in wanted.schedules],
        paused=paused,
    )


def _schedule(entry: DeploymentScheduleCreate, *, active: bool) -> DeploymentScheduleCreate:
    return entry.model_copy(update={"active": active})


def _kept_off(change: Change) -> set[str]:
    """A schedule that somebody has switched off in the UI stays off."""
    there = change.existing.schedules if change.existing is not None else []
    return {entry.slug for entry in there if entry.slug and not entry.active}
