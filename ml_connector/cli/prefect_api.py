"""Prefect's API, as the commands use it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.settings import get_current_settings
from prefect.utilities.urls import url_for

from ml_connector.core.errors import Misconfigured


@asynccontextmanager
async def prefect_api() -> AsyncIterator[PrefectClient]:
    """A client of the Prefect server; Misconfigured, with what to do, when there is none or it does not answer."""
    address = get_current_settings().api.url
    if not address:  # Prefect would start a server of its own, with a database that nobody else knows
        raise Misconfigured("there is no Prefect server: set PREFECT_API_URL, or start one with `ml-connector up`")
    async with get_client() as client:
        if problem := await client.api_healthcheck():
            raise Misconfigured(f"the Prefect server at {address} does not answer ({type(problem).__name__})")
        yield client


def page_of(flow_run_id: UUID | str) -> str:
    """Where a person sees a flow run."""
    return url_for("flow-run", obj_id=flow_run_id) or f"flow run {flow_run_id}"
