"""Open the run of a tenant's integration."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from ml_connector.core.errors import Disconnected, Misconfigured
from ml_connector.core.refusals import needs_reauth
from ml_connector.core.selection import Selection
from tasks.hold_run import hold_run
from tasks.refused import is_refused, tell_of_refused
from tasks.running import OpenRun
from tasks.stream import Route
from tasks.workspace import Workspace, open_workspace


@asynccontextmanager
async def open_run(
    tenant: str, integration: str, streams: Sequence[str], *, full: bool = False
) -> AsyncIterator[OpenRun]:
    """Open the tenant and hold its streams for this flow run; see ``hold_run`` for who waits and who is skipped."""
    async with open_workspace(tenant) as workspace:
        try:
            routes = await workspace.routes(integration, streams, full=full)
        except Disconnected:
            await tell_of_refused(workspace)  # who has found it out may have died before
            raise
        if not routes:
            raise Misconfigured(f"none of {', '.join(streams)} is switched on in {integration} of tenant {tenant}")
        async with hold(workspace, integration, routes) as run:
            yield run


@asynccontextmanager
async def hold(
    workspace: Workspace, name: str, routes: Sequence[Route], selection: Selection | None = None
) -> AsyncIterator[OpenRun]:
    """Hold the streams of these routes for a run that is called ``name``.

    A connection whose credential was refused on the way is marked, so that no later run asks the vendor in vain. Raises
    Disconnected if nothing else went wrong: somebody has just been told.
    """
    joined = {route.key.partition("/")[0]: None for route in routes}
    configs = [workspace.config.integrations[integration] for integration in joined]
    async with hold_run(
        workspace.db,
        workspace.vault,
        workspace.guard,
        workspace.tenant,
        name,
        routes,
        lease_seconds=workspace.settings.lease_seconds,
        reject_limit=(
            min(config.reject_threshold.share for config in configs),
            min(config.reject_threshold.minimum for config in configs),
        ),
        absence_threshold=min((config.absence_threshold for config in configs), key=lambda one: one.share),
        selection=selection,
    ) as run:
        yield run
    disconnected = []
    for connection in {end for config in configs for end in (config.source, config.destination)}:
        system = workspace.system_of(connection).name
        if system in run.refused and await is_refused(workspace, connection):
            reason = run.refused[system]
            await needs_reauth(workspace.db, workspace.tenant, connection, system, reason)
            disconnected.append(f"{workspace.tenant}/{connection} must be reconnected: {reason}")
    if disconnected:
        await tell_of_refused(workspace)
    if disconnected and set(run.failures) <= set(run.refused.values()):
        raise Disconnected("; ".join(disconnected))
