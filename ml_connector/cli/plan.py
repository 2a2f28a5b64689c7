"""What `apply` will do to Prefect: what the files want, against what is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse

from ml_connector.cli.schedules import regular, schedules
from ml_connector.cli.templates import Template
from ml_connector.core.tenants import TenantConfig

TAG = "ml-connector"
"""On every deployment that is ours to change and to remove."""
_PAGE = 200


@dataclass(slots=True, frozen=True)
class Wanted:
    """The deployment of one flow for one tenant."""

    template: Template
    tenant: str
    streams: Sequence[str]
    schedules: Sequence[DeploymentScheduleCreate]

    @property
    def name(self) -> str:
        return f"{self.template.flow}/{self.tenant}"

    @property
    def tags(self) -> list[str]:
        own = [TAG, f"tenant:{self.tenant}"]
        if self.template.integration is not None:
            own.append(f"integration:{self.template.integration}")
        return sorted({*self.template.tags, *own})

    @property
    def parameters(self) -> dict[str, Any]:
        streams = {"streams": list(self.streams)} if self.streams else {}
        return {**self.template.parameters, "tenant": self.tenant, **streams}


@dataclass(slots=True, frozen=True)
class Change:
    """One deployment: what happens to it and what differs."""

    name: str
    kind: Literal["create", "update", "unchanged", "remove"]
    differs: Sequence[str] = ()
    wanted: Wanted | None = None
    existing: DeploymentResponse | None = None


def wanted_deployments(templates: Sequence[Template], tenants: Sequence[TenantConfig]) -> list[Wanted]:
    """One for each flow and tenant whose file switches the flow's integration on, or any if it is for all of them."""
    found = []
    for tenant in tenants:
        for template in templates:
            if template.integration is None:
                if any(integration.enabled for integration in tenant.integrations.values()):
                    found.append(Wanted(template, tenant.tenant, [], regular(tenant.tenant, template.every)))
                continue
            integration = tenant.integrations.get(template.integration)
            if integration is None or not integration.enabled:
                continue
            configured = {name: integration.streams.get(name) for name in template.streams}
            running = {name: stream for name, stream in configured.items() if stream is not None and stream.enabled}
            if running:
                found.append(Wanted(template, tenant.tenant, list(running), schedules(tenant.tenant, running)))
    return found


async def existing_deployments(client: PrefectClient) -> dict[str, DeploymentResponse]:
    """Everything in Prefect that has our tag, by ``flow/deployment``."""
    ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG]))
    found: list[DeploymentResponse] = []
    while page := await client.read_deployments(deployment_filter=ours, limit=_PAGE, offset=len(found)):
        found += page
    flows = {flow_id: await client.read_flow(flow_id) for flow_id in {one.flow_id for one in found}}
    return {f"{flows[one.flow_id].name}/{one.name}": one for one in found}


def plan(wanted: Sequence[Wanted], existing: Mapping[str, DeploymentResponse]) -> list[Change]:
    """What must happen, by name; ``remove`` for what no file asks for any more."""
    changes = [_change(one, existing.get(one.name)) for one in wanted]
    names = {one.name for one in wanted}
    changes += [Change(name, "remove", existing=one) for name, one in existing.items() if name not in names]
    return sorted(changes, key=lambda change: change.name)


def _change(wanted: Wanted, existing: DeploymentResponse | None) -> Change:
    if existing is None:
        return Change(wanted.name, "create", wanted=wanted)
    asked, there = _facts(wanted), _facts_of(existing)
    differs = [name for name in asked if asked[name] != there[name]]
    return Change(wanted.name, "update" if differs else "unchanged", differs, wanted, existing)


def _facts(wanted: Wanted) -> dict[str, Any]:
    return {
        "entrypoint": wanted.template.entrypoint,
        "description": wanted.template.description,
        "work pool": wanted.template.work_pool,
        "job variables": dict(wanted.template.job_variables),
        "pull steps": wanted.template.pull_steps,
        "parameters": wanted.parameters,
        "parameter schema": wanted.template.parameter_schema,
        "tags": wanted.tags,
        "schedules": _timetable(wanted.schedules),
    }


def _facts_of(existing: DeploymentResponse) -> dict[str, Any]:
    return {
        "entrypoint": existing.entrypoint,
        "description": existing.description,
        "work pool": existing.work_pool_name,
        "job variables": existing.job_variables,
        "pull steps": existing.pull_steps,
        "parameters": existing.parameters,
        "parameter schema": existing.parameter_openapi_schema,
        "tags": sorted(existing.tags),
        "schedules": _timetable(existing.schedules),
    }


def _timetable(entries: Sequence[DeploymentScheduleCreate | DeploymentSchedule]) -> dict[str, Any]:
    """By slug. That somebody has switched one off in the UI is no difference; that Prefect 3.8.8 forgets its parameters
    then (its API takes a change without parameters for a change to none) is one, and is mended."""
    return {entry.slug or "": (entry.schedule.model_dump(mode="json"), entry.parameters) for entry in entries}
