"""Oracle Fusion Cloud ERP <-> Zendesk: customers become organizations, and their tickets are told to the ERP.

Entrypoints of the deployments `oracle-zendesk-sync-customers/<tenant>` and `oracle-zendesk-log-ticket-events/<tenant>`;
see prefect.yaml.
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

INTEGRATION = "oracle_zendesk"
# organizations first: users and balances wait for theirs
STREAMS = ("organizations", "users", "receivables", "credit_profiles", "supplier_orders")
StreamName = Literal["organizations", "users", "receivables", "credit_profiles", "supplier_orders"]
TICKET_STREAMS = ("ticket_notes", "ticket_attachments", "ticket_fields", "contact_drift")
TicketStreamName = Literal["ticket_notes", "ticket_attachments", "ticket_fields", "contact_drift"]


@flow(name="oracle-zendesk-sync-customers", flow_run_name=flow_run_name, persist_result=False)
@story
async def sync_customers(
    tenant: str, streams: list[StreamName] | None = None, mode: Literal["sync", "full", "preview"] = "sync"
) -> str | None:
    """Bring a tenant's Zendesk in step with its Oracle customers.

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


@flow(name="oracle-zendesk-log-ticket-events", flow_run_name=flow_run_name, persist_result=False)
@story
async def log_ticket_events(tenant: str, streams: list[TicketStreamName] | None = None) -> str | None:
    """Tell a tenant's Oracle what happens to the tickets of its customers, and notice contacts that drift from it.

    A run handles the events that Zendesk's webhooks have brought, until none comes for a while. Then it reads from
    Zendesk's export what they should have told of and did not. ``streams``: those to run, all that the tenant has
    switched on if None. Retry on a failed run continues it; on a completed run it repeats what can be repeated: a note
    that is there is not written twice.
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
