"""``runs``: what the latest runs of a tenant did."""

from __future__ import annotations

from rich.text import Text

from ml_connector.cli import console
from ml_connector.cli.database import open_database
from ml_connector.cli.prefect_api import page_of
from ml_connector.core.run_query import recent_runs

SHOWN = 20


async def runs(tenant: str, *, failed: bool) -> None:
    """One row for each stream of each run, newest run first."""
    counts = ("read", "created", "updated", "unchanged", "rejected", "superseded", "open")
    listed = console.table("started", "outcome", "mode", "stream", *counts, "run")
    async with open_database() as db:
        found = await recent_runs(db, tenant, failed=failed, limit=SHOWN)
    for past in found:
        first = [f"{console.ago(past.started_at)} ago", past.outcome or "not finished", f"{past.mode} {past.attempt}"]
        link = Text(past.flow_run_id, style=f"link {page_of(past.flow_run_id)}")
        for one in past.balances:
            cells = [*first, one.stream, *[getattr(one, name) for name in counts]]
            listed.add_row(*[console.cell(value) for value in cells], link)
            first, link = ["", "", ""], Text()
        if not past.balances:
            listed.add_row(*first, "", *["" for _ in counts], link)
    console.out.print(listed)
    for past in found:
        if past.outcome == "failed":
            console.out.print(f"{page_of(past.flow_run_id)}: {past.reason}", markup=False, highlight=False)
