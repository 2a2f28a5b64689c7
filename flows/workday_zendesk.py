"""Workday -> Zendesk: suppliers become organizations, with what is open and what was paid.

Entrypoint of the deployment `workday-zendesk-sync-suppliers/<tenant>`; see prefect.yaml. Nothing is ever written to
Workday: its client cannot.
"""

from __future__ import annotations

from typing import Literal

from prefect import flow

from tasks.fetch import pages
from tasks.leftovers import leftovers
from tasks.log_audit import log_audit
from tasks.names import flow_run_name
from tasks.open_run import open_run
from tasks.preview import preview
from tasks.progress import progress
from tasks.story import story
from tasks.transform import transform
from tasks.upsert import upsert

INTEGRATION = "workday_zendesk"
# organizations first: the others wait for theirs
STREAMS = ("organizations", "invoices", "purchase_orders", "payments")
StreamName = Literal["organizations", "invoices", "purchase_orders", "payments"]


@flow(name="workday-zendesk-sync-suppliers", flow_run_name=flow_run_name, persist_result=False)
@story
async def sync_suppliers(
    tenant: str, streams: list[StreamName] | None = None, mode: Literal["sync", "full", "preview"] = "sync"
) -> str | None:
    """Bring a tenant's Zendesk in step with its Workday suppliers.

    ``streams``: those to run, all that the tenant has switched on if None. ``mode=full`` reads everything again, not
    only what has changed, and sends what is new to the ledger. ``mode=preview`` writes nothing and shows which fields
    of which records would change. Retry on a failed run continues it; on a completed run it sends all of
    that run's records again, from their stored bodies.
    """
    wanted = streams or STREAMS
    if mode == "preview":
        return await preview(tenant, INTEGRATION, wanted)
    async with open_run(tenant, INTEGRATION, wanted, full=mode == "full") as run, progress(run):
        for stream in run.streams:
            for chunks in (leftovers(run, stream), pages(run, stream), leftovers(run, stream, patience=60)):
                async for chunk in chunks:
                    with run.tolerating():
                        await upsert(stream, await transform(stream, chunk))
        return await log_audit(run)
