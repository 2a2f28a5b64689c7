"""Workday -> Zendesk: suppliers become organizations, and tickets show the suppliers and documents that they name.

Entrypoints of the deployments `workday-zendesk-sync-suppliers/<tenant>` and `workday-zendesk-enrich-tickets/<tenant>`;
see prefect.yaml. Nothing is ever written to Workday: its client cannot.
"""

from __future__ import annotations

from typing import Literal

from prefect import flow

from tasks.chunks import everything, told, untold
from tasks.log_audit import log_audit
from tasks.names import flow_run_name
from tasks.open_run import open_run
from tasks.preview import preview
from tasks.progress import progress
from tasks.story import story
from tasks.transform import transform
from tasks.upsert import upsert
from tasks.webhooks import tend_webhooks

INTEGRATION = "workday_zendesk"
# organizations first: sums wait for theirs. What is kept is for the tickets.
STREAMS = (
    *("organizations", "invoices", "purchase_orders", "payments"),
    *("kept_suppliers", "kept_invoices", "kept_orders", "kept_payments"),
)
StreamName = Literal[
    "organizations", "invoices", "purchase_orders", "payments",
    "kept_suppliers", "kept_invoices", "kept_orders", "kept_payments",
]  # fmt: skip
TICKET_STREAMS = ("tickets",)
TicketStreamName = Literal["tickets"]


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
        async for stream, chunk in everything(run):
            with run.tolerating(chunk):
                await upsert(stream, await transform(stream, chunk))
        return await log_audit(run)


@flow(name="workday-zendesk-enrich-tickets", flow_run_name=flow_run_name, persist_result=False)
@story
async def enrich_tickets(tenant: str, streams: list[TicketStreamName] | None = None) -> str | None:
    """Write into open tickets what Workday knows of the suppliers, invoices and purchase orders that they name.

    A run handles the events that Zendesk's webhooks have brought, until none comes for a while. Then it reads from
    Zendesk's export what they should have told of and did not, and looks again at the open tickets whose documents have
    changed: paid, say. A number that could mean several documents, or one of somebody else, writes nothing; nor does
    one in a ticket of somebody else's organization.
    """
    async with open_run(tenant, INTEGRATION, streams or TICKET_STREAMS) as run, progress(run):
        async for stream, chunk in told(run):
            with run.tolerating(chunk):
                await upsert(stream, await transform(stream, chunk))
        with run.tolerating():
            await tend_webhooks(run)
        async for stream, chunk in untold(run):
            with run.tolerating(chunk):
                await upsert(stream, await transform(stream, chunk))
        return await log_audit(run)
