"""``runs``: what the latest runs of a tenant did."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from ml_connector.cli import console
from ml_connector.cli.database import open_database
from ml_connector.cli.prefect_api import page_of
from ml_connector.cli.tenant_names import require_tenant
from ml_connector.core.balance import Balance
from ml_connector.core.run_query import PastRun, recent_runs

SHOWN = 20
_COUNTS = ("read", "created", "updated", "unchanged", "digested", "rejected", "superseded", "open")


async def runs(tenant: str, *, failed: bool) -> None:
    """Each run with its place in the UI and the balance of its streams, the newest last."""
    async with open_database() as db:
        await require_tenant(db, tenant)
        found = await recent_runs(db, tenant, failed=failed, limit=SHOWN)
    for past in reversed(found):
        console.out.print(_headline(past), soft_wrap=True)
        if past.reason:
            console.out.print(Text(past.reason, style="red"))
        console.out.print(_balances(past.balances))
    if not found:
        console.out.print(f"Tenant {tenant} has no {'failed ' if failed else ''}runs.")


def _headline(past: PastRun) -> Text:
    style = {"completed": "green", "failed": "red"}.get(past.outcome or "", "yellow")
    outcome = past.outcome or "not finished"
    what = ", ".join(dict.fromkeys((past.integration, past.mode)))  # a replay has both in one
    told = f" {what}, attempt {past.attempt}, {console.ago(past.started_at)} ago: "
    return Text.assemble((outcome, style), told, page_of(past.flow_run_id))


def _balances(balances: list[Balance]) -> Table:
    listed = console.table("stream", *_COUNTS)
    for one in balances:
        cells = [one.stream.partition("/")[2], *[getattr(one, name) for name in _COUNTS]]
        listed.add_row(*[console.cell(value) for value in cells])
    return listed
