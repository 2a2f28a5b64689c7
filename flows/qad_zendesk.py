"""QAD Adaptive ERP <-> Zendesk: customers become organizations, and tickets are tied to the customers they belong to.

Entrypoints of the deployments `qad-zendesk-sync-customers/<tenant>` and `qad-zendesk-tie-tickets/<tenant>`; see
prefect.yaml. Nothing is ever written to QAD.
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

INTEGRATION = "qad_zendesk"
# organizations first: users and orders wait for theirs
STREAMS = ("organizations", "users", "orders", "billing")
StreamName = Literal["organizations", "users", "orders", "billing"]
TICKET_STREAMS = ("tickets",)
TicketStreamName = Literal["tickets"]


@flow(name="qad-zendesk-sync-customers", flow_run_name=flow_run_name, persist_result=False)
@story
async def sync_customers(
    tenant: str, streams: list[StreamName] | None = None, mode: Literal["sync", "full", "preview"] = "sync"
) -> str | None:
    """Bring a tenant's Zendesk in step with its QAD customers.

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


@flow(name="qad-zendesk-tie-tickets", flow_run_name=flow_run_name, persist_result=False)
@story
async def tie_tickets(tenant: str, streams: list[TicketStreamName] | None = None) -> str | None:
    """Write the QAD customer into the tickets that lack it, and keep the history of each customer's tickets.

    A run handles the events that Zendesk's webhooks have brought, until none comes for a while. Then it reads from
    Zendesk's export what they should have told of and did not. What an agent has put into the field stays. The history
    is read by `ml-connector audit TENANT --customer ID`.
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
