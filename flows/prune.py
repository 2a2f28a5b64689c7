"""Prune: bodies and events whose time is over are deleted. Entrypoint of the deployments `prune/<tenant>`."""

from __future__ import annotations

from prefect import flow, get_run_logger

from ml_connector.core.retention import kept_since, prune_tenant
from tasks.names import prune_name
from tasks.story import story
from tasks.workspace import open_workspace


@flow(name="prune", flow_run_name=prune_name, persist_result=False)
@story
async def prune(tenant: str) -> str | None:
    """Delete what was finished longer ago than ML_CONNECTOR_KEEP_DAYS says. The audit is kept.

    What is not finished keeps its body. What is deleted cannot be replayed until its source gives it again: a full
    read (mode=full) stores all bodies that are missing.
    """
    async with open_workspace(tenant) as workspace:
        settings = workspace.settings
        if settings.keep_days:
            ended = await prune_tenant(
                workspace.db,
                tenant,
                kept_since(settings.keep_days),
                lease_seconds=settings.lease_seconds,
            )
            get_run_logger().info("%s", ended)
    return None
