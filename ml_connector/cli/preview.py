"""``preview``: what a run would write."""

from __future__ import annotations

from collections import Counter

from ml_connector.cli import console
from ml_connector.core import jsonx
from ml_connector.core.errors import Misconfigured
from ml_connector.core.run_query import our_run_id
from ml_connector.core.selection import Selection
from ml_connector.core.tenants import INTEGRATIONS
from tasks.preview import changes, fields_to_come
from tasks.workspace import open_workspace


async def preview(tenant: str, integration: str, streams: str | None, run: str | None, *, bodies: bool) -> None:
    """List the records that would be written, and count the others."""
    if integration not in INTEGRATIONS:
        raise Misconfigured(f"there is no integration {integration}; there are: {', '.join(INTEGRATIONS)}")
    names = streams.split(",") if streams else INTEGRATIONS[integration].streams
    if unknown := set(names) - set(INTEGRATIONS[integration].streams):
        there_are = ", ".join(INTEGRATIONS[integration].streams)
        raise Misconfigured(f"{integration} has no stream {', '.join(sorted(unknown))}; there are: {there_are}")
    listed = console.table("stream", "record", "action", "fields", "reason", *(["values"] if bodies else []))
    counts: Counter[str] = Counter()
    async with open_workspace(tenant) as workspace:
        run_id = await our_run_id(workspace.db, tenant, run) if run else None
        selection = Selection(run_id=run_id) if run_id else None
        routes = await workspace.routes(integration, names)
        if streams and (off := set(names) - {route.name for route in routes}):
            raise Misconfigured(f"{', '.join(sorted(off))} is switched off in the file of tenant {tenant}")
        to_come = await fields_to_come(workspace, routes)
        async for change in changes(workspace, routes, selection):
            counts[change.action] += 1
            if change.action == "unchanged":
                continue
            row = [change.stream, change.source_id, change.action, ", ".join(change.fields), change.reason]
            row += [jsonx.dumps(change.request).decode()] if bodies else []
            listed.add_row(*[console.cell(value) for value in row])
    console.out.print(listed)
    told = ", ".join(f"{n} {action}" for action, n in sorted(counts.items())) or "no records"
    console.out.print(f"{told}; nothing was written.", highlight=False)
    if to_come:
        console.out.print(to_come, highlight=False, markup=False)
