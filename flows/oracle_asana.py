"""Oracle Fusion Cloud ERP <-> Asana: costs stand on the tasks of projects, and completed tasks become journals.

Entrypoints of the deployments `oracle-asana-sync-costs/<tenant>` and `oracle-asana-post-journals/<tenant>`; see
prefect.yaml.
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

INTEGRATION = "oracle_asana"
# reference data first: tasks wait for the options that they need
STREAMS = ("suppliers", "accounts", "purchase_orders", "invoices")
StreamName = Literal["suppliers", "accounts", "purchase_orders", "invoices"]
JOURNAL_STREAMS = ("journals",)
JournalStreamName = Literal["journals"]


@flow(name="oracle-asana-sync-costs", flow_run_name=flow_run_name, persist_result=False)
@story
async def sync_costs(
    tenant: str, streams: list[StreamName] | None = None, mode: Literal["sync", "full", "preview"] = "sync"
) -> str | None:
    """Bring the tasks of a tenant's Asana in step with its purchase orders and invoices in Oracle.

    ``streams``: those to run, all that the tenant has switched on if None; suppliers and accounts are what people
    choose from in fields of tasks. ``mode=full`` reads everything again, not only what has changed. ``mode=preview``
    writes nothing and shows which fields of which tasks would change. Retry on a failed run continues it; on a
    completed run it sends all of that run's records again, from their stored bodies.
    """
    wanted = streams or STREAMS
    if mode == "preview":
        return await preview(tenant, INTEGRATION, wanted)
    async with open_run(tenant, INTEGRATION, wanted, full=mode == "full") as run, progress(run):
        async for stream, chunk in everything(run):
            with run.tolerating(chunk):
                await upsert(stream, await transform(stream, chunk))
        return await log_audit(run)


@flow(name="oracle-asana-post-journals", flow_run_name=flow_run_name, persist_result=False)
@story
async def post_journals(tenant: str, streams: list[JournalStreamName] | None = None) -> str | None:
    """Make one balanced journal in a tenant's Oracle of each completed task.

    A run handles what Asana's webhooks have told, until nothing comes for a while. Then it mends webhooks that are lost
    and scans the projects for completions that nobody has told of. Nothing is ever posted twice: Retry on a failed run
    continues it, on a completed run it posts nothing and shows the journals that are there.
    """
    async with open_run(tenant, INTEGRATION, streams or JOURNAL_STREAMS) as run, progress(run):
        async for stream, chunk in told(run):
            with run.tolerating(chunk):
                await upsert(stream, await transform(stream, chunk))
        with run.tolerating():
            await tend_webhooks(run)
        async for stream, chunk in untold(run):
            with run.tolerating(chunk):
                await upsert(stream, await transform(stream, chunk))
        return await log_audit(run)
