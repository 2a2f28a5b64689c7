"""The deployment templates of prefect.yaml: one per flow."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import yaml
from prefect import Flow
from pydantic import BaseModel, ConfigDict, Field

from ml_connector.core.settings import ROOT


class _WorkPool(BaseModel):
    name: str
    work_queue_name: str | None = None
    job_variables: dict[str, Any] = {}


class _Schedule(BaseModel):
    interval: Annotated[timedelta, Field(ge=timedelta(minutes=1))]


class _Deployment(BaseModel):
    """What we use of a deployment in prefect.yaml; what else may stand there is for `prefect deploy`."""

    model_config = ConfigDict(extra="ignore")

    entrypoint: str
    description: str | None = None
    work_pool: _WorkPool
    tags: list[str] = []
    parameters: dict[str, Any] = {}
    schedules: list[_Schedule] = []


class _File(BaseModel):
    model_config = ConfigDict(extra="ignore")

    pull: list[dict[str, Any]]
    deployments: list[_Deployment]


@dataclass(slots=True, frozen=True)
class Template:
    """How a flow is deployed, whoever the tenant is."""

    flow: str
    entrypoint: str
    description: str | None
    integration: str | None
    """None: the flow is for whatever the tenant has."""
    streams: Sequence[str]
    """In the order in which the flow runs them; their schedules are those of the tenant's file."""
    every: Sequence[timedelta]
    """Intervals of a flow without streams."""
    work_pool: str
    work_queue: str | None
    job_variables: Mapping[str, Any]
    tags: Sequence[str]
    parameters: Mapping[str, Any]
    pull_steps: list[dict[str, Any]]
    parameter_schema: dict[str, Any] = field(repr=False)


def load_templates() -> list[Template]:
    """The templates, with what their flows say of themselves: INTEGRATION, and the streams that the form offers."""
    parsed = _File.model_validate(yaml.safe_load((ROOT / "prefect.yaml").read_text()))
    return [_template(deployment, parsed.pull) for deployment in parsed.deployments]


def _template(deployment: _Deployment, pull_steps: list[dict[str, Any]]) -> Template:
    file, _, name = deployment.entrypoint.partition(":")
    module = importlib.import_module(f"flows.{Path(file).stem}")
    flow: Flow[..., Any] = getattr(module, name)
    form = flow.parameters.model_dump_for_openapi()
    return Template(
        flow=flow.name,
        entrypoint=deployment.entrypoint,
        description=deployment.description,
        integration=getattr(module, "INTEGRATION", None),
        streams=_choices(form) if hasattr(module, "INTEGRATION") else (),
        every=[schedule.interval for schedule in deployment.schedules],
        work_pool=deployment.work_pool.name,
        work_queue=deployment.work_pool.work_queue_name,
        job_variables=deployment.work_pool.job_variables,
        tags=deployment.tags,
        parameters=deployment.parameters,
        pull_steps=pull_steps,
        parameter_schema=form,
    )


def _choices(form: dict[str, Any]) -> Sequence[str]:
    """What a flow's ``streams`` may name: the flow declares it as a list of literals, or None for all of them."""
    offered = next(kind for kind in form["properties"]["streams"]["anyOf"] if kind.get("type") == "array")["items"]
    return tuple(offered["enum"]) if "enum" in offered else (offered["const"],)
