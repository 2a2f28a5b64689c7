"""Oracle Fusion Cloud ERP -> Slack: the right people hear of invoices, holds, purchase orders and journal batches.

Entrypoint of the deployments `oracle-slack-notify/<tenant>`; see prefect.yaml.
"""

from __future__ import annotations

from typing import Literal

from prefect import flow

from tasks.chunks import backlog
from tasks.log_audit import log_audit
from tasks.names import flow_run_name
from tasks.open_run import open_run
from tasks.preview import preview
from tasks.progress import progress
from tasks.story import story
from tasks.transform import transform
from tasks.upsert import upsert

INTEGRATION = "oracle_slack"
STREAMS = ("invoices", "holds", "purchase_orders", "journal_batches", "receivables_invoices")
StreamName = Literal["invoices", "holds", "purchase_orders", "journal_batches", "receivables_invoices"]


@flow(name="oracle-slack-notify", flow_run_name=flow_run_name, persist_result=False)
@story
async def notify(
    tenant: str, streams: list[StreamName] | None = None, mode: Literal["sync", "full", "preview"] = "sync"
) -> str | None:
    """Tell a tenant's Slack channels what is new, changed or wrong in its Oracle.

    All that was read waits in the ledger before anything is sent, because a channel takes a message a second and how
    many wait for it decides whether they are told one by one. Of a record that has changed again before it was told
    only the newest version is: as new, if none was told before. ``streams``: those to run, all that the tenant has
    switched on if None. ``mode=full`` reads everything since the stream began again, and tells what was missed.
    ``mode=preview`` sends nothing and shows what would be sent where. Retry on a failed run continues it; on a
    completed run it sends nothing a second time.
    """
    wanted = streams or STREAMS
    if mode == "preview":
        return await preview(tenant, INTEGRATION, wanted)
    async with open_run(tenant, INTEGRATION, wanted, full=mode == "full") as run, progress(run):
        async for stream, chunk in backlog(run):
            with run.tolerating(chunk):
                await upsert(stream, await transform(stream, chunk))
        return await log_audit(run)
