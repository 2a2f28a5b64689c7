"""Open the run of a tenant's integration."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from ml_connector.core.connections import needs_reauth
from ml_connector.core.errors import Misconfigured
from tasks.garbage import rare_collections
from tasks.hold_run import hold_run
from tasks.stream import OpenRun
from tasks.workspace import open_workspace


@asynccontextmanager
async def open_run(
    tenant: str, integration: str, streams: Sequence[str], *, full: bool = False
) -> AsyncIterator[OpenRun]:
    """Open the tenant and hold its streams for this flow run; see ``hold_run`` for who waits and who is skipped.

    A connection whose credential was refused on the way is marked, so that no later run asks the vendor in vain.
    """
    async with open_workspace(tenant) as workspace:
        routes = await workspace.routes(integration, streams, full=full)
        if not routes:
            raise Misconfigured(f"none of {', '.join(streams)} is switched on in {integration} of tenant {tenant}")
        config = workspace.config.integrations[integration]
        threshold = config.reject_threshold
        async with hold_run(
            workspace.db,
            workspace.vault,
            workspace.guard,
            tenant,
            integration,
            routes,
            lease_seconds=workspace.settings.lease_seconds,
            reject_limit=(threshold.share, threshold.minimum),
        ) as run:
            with rare_collections():
                yield run
        for name in {config.source, config.destination}:
            system = workspace.system_of(name).name
            if system in run.refused:
                await needs_reauth(workspace.db, tenant, name, system, run.refused[system])
