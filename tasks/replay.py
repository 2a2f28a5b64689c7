"""Replay: what of the ledger is taken up once more, and for whom."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from prefect import get_client

from ml_connector.core import runs
from ml_connector.core.errors import Misconfigured
from ml_connector.core.run_query import our_run_id
from ml_connector.core.selection import Selection, overtaken, streams_of, unknown_keys
from ml_connector.core.tenants import INTEGRATIONS
from tasks.open_run import hold
from tasks.preview import show
from tasks.running import OpenRun
from tasks.story import NothingToReplay, given, this_flow_run
from tasks.stream import Route
from tasks.workspace import Workspace, open_workspace

NAME = "replay"


@asynccontextmanager
async def open_replay(
    tenant: str, selection: Selection, run_id: str | None, integration: str | None, streams: Sequence[str] | None
) -> AsyncIterator[OpenRun]:
    """Hold the streams that the selection concerns. ``run_id`` is ours or Prefect's.

    NothingToReplay: nothing fits the selection. Misconfigured: it is empty, it names a record or a stream that there is
    not, or a stream that it concerns is switched off.
    """
    async with open_workspace(tenant) as workspace:
        chosen = replace(await _complete(workspace, selection, run_id), actor=selection.actor or await _asked_by())
        routes = await _routes(workspace, chosen, integration, streams)
        async with hold(workspace, NAME, routes, chosen) as run:
            yield run


async def preview_replay(
    tenant: str, selection: Selection, run_id: str | None, integration: str | None, streams: Sequence[str] | None
) -> None:
    """Show in an artifact what the replay would do. Raises as ``open_replay`` does."""
    async with open_workspace(tenant) as workspace:
        chosen = await _complete(workspace, selection, run_id)
        await show(workspace, NAME, await _routes(workspace, chosen, integration, streams), chosen)


def utc(moment: datetime | None) -> datetime | None:
    """A moment of a form, which may come without its zone."""
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


async def _complete(workspace: Workspace, selection: Selection, run_id: str | None) -> Selection:
    found = await our_run_id(workspace.db, workspace.tenant, run_id) if run_id else None
    selection = replace(selection, run_id=found)
    if selection.is_empty:
        raise Misconfigured(
            "nothing is selected: name a run, record keys, states or a span of time. To read everything again, start "
            "the integration's own flow with mode=full"
        )
    if selection.resend and not selection.reason.strip():
        raise Misconfigured("a resend needs a reason: what was sent already will stand there twice")
    if unknown := await unknown_keys(workspace.db, workspace.tenant, selection.keys or ()):
        raise Misconfigured(f"tenant {workspace.tenant} has no record {', '.join(unknown)}")
    return replace(selection, reason=selection.reason.strip() or "replay")


async def _routes(
    workspace: Workspace, selection: Selection, integration: str | None, streams: Sequence[str] | None
) -> list[Route]:
    known = {stream for name, pair in INTEGRATIONS.items() if integration in (None, name) for stream in pair.streams}
    if unknown := set(streams or ()) - known:
        raise Misconfigured(f"there is no stream {', '.join(sorted(unknown))}; there are: {', '.join(sorted(known))}")
    begun = await _begun(workspace)
    concerned = [
        key
        for key in await streams_of(workspace.db, workspace.tenant, selection, begun)
        if integration in (None, key.partition("/")[0]) and (not streams or key.partition("/")[2] in streams)
    ]
    if not concerned:
        shy = await overtaken(workspace.db, workspace.tenant, None, selection)
        why = f": a later run has overtaken {shy} of the records" if shy else ""
        raise NothingToReplay(f"nothing in the ledger of {workspace.tenant} fits the selection{why}")
    routes: list[Route] = []
    for name, pair in INTEGRATIONS.items():  # in the order of their streams: children wait for their parents
        if names := [stream for stream in pair.streams if f"{name}/{stream}" in concerned]:
            routes += await workspace.routes(name, names)
    if off := set(concerned) - {route.key for route in routes}:
        raise Misconfigured(
            f"{', '.join(sorted(off))} is switched off in the file of tenant {workspace.tenant}: switch it on, or "
            "restrict the replay to other streams"
        )
    return routes


async def _begun(workspace: Workspace) -> UUID | None:
    """The attempt that this flow run continues, or replays."""
    last = await runs.last_attempt(workspace.db, workspace.tenant, (await this_flow_run()).id)
    return last.id if last else None


async def _asked_by() -> str:
    """Who has created the flow run, where Prefect tells: its open-source server knows no users."""
    if given.get() is not None:
        return "unknown"
    async with get_client() as client:
        created_by = (await client.read_flow_run(UUID((await this_flow_run()).id))).created_by
    return created_by.display_value or "unknown" if created_by is not None else "unknown"
