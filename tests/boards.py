"""A tenant of an installation whose costs in Oracle stand on boards of Asana, and whose completed tasks are posted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from prefect.client.schemas.objects import State

from flows.oracle_asana import post_journals, sync_costs
from ml_connector.core.settings import settings
from tasks.workspace import open_workspace
from tests.connections import oracle, store_secrets
from tests.installation import Installation, Sandbox, tell

ORDERS, PAYABLES = "1200000000000101", "1200000000000102"
STREAMS = ("purchase_orders", "invoices")
NOT_IN_FORCE = ("Canceled", "Rejected", "Incomplete", "Withdrawn", "Pending Approval")
_REST = """
  asana:
    system: asana
    origin: {sandbox}/asana/api/1.0
    workspace: "1200000000000001"
    projects: {{orders: "1200000000000101", invoices: "1200000000000102"}}
    requests_per_minute: 1000000
    settle_seconds: {settle}
    auth: {{type: bearer}}
integrations:
  oracle_asana:
    source: oracle
    destination: asana
    reject_threshold: {{share: 1.0, minimum: 1000000}}
    streams:
      purchase_orders: {{every: 10m, delay: 0s{orders}}}
      invoices: {{every: 10m, delay: 0s, enabled: {invoices}}}
      suppliers: {{cron: "0 2 * * *", enabled: true}}
      accounts: {{cron: "0 2 * * *", enabled: true}}
      journals: {{every: 10m, delay: 0s, start_from: now, enabled: true}}
"""


def tenant_file(
    sandbox: str, *, overlay: str = "", settle: float = 0.2, amount: str = "remaining", patience: float = 600.0
) -> str:
    """The file of tenant ``acme``. ``overlay``: of the orders' mapping; no invoices then."""
    journals = {
        "ledger": "US Primary Ledger",
        "business_units": ["US1 Business Unit"],
        "data_access_set": "300000046975980",
        "source": "Asana",
        "category": "Accrual",
        "segments": ["company", "lineOfBusiness", "account", "costCenter", "product", "intercompany"],
        "amount": amount,
        "clearing_account": {"account": "22100", "costCenter": "000"},
        "cost_centre_segment": "costCenter",
        "time_zone": "America/New_York",
        "closed_period": "next_open",
        "settle_seconds": settle,
        "job_patience": patience,
    }
    rest = _REST.format(
        sandbox=sandbox,
        settle=settle,
        orders=f", mapping: {overlay}" if overlay else "",
        invoices=str(not overlay).lower(),
    )
    return f"tenant: acme\nconnections:\n{oracle(sandbox, settle_seconds=settle, journals=journals)}{rest}"


class Board:
    """What stands on the boards of the sandbox's Asana, and what people do there."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def tasks(self) -> dict[str, dict[str, Any]]:
        """The tasks of Oracle's objects: their custom fields by title, and what else is theirs, by Oracle ID."""
        found = {}
        for task in self.sandbox.state("asana", "tasks"):
            fields = {field["name"]: field["display_value"] for field in task["custom_fields"]}
            projects = [one["project"]["gid"] for one in task["memberships"]]
            found[fields["Oracle ID"]] = {**task, **fields, "projects": projects}
        return found

    def complete(self, count: int) -> list[str]:
        """People complete the tasks of so many orders that nothing was posted for; the numbers of the orders."""
        posted = {batch["order"] for batch in self.batches()}
        open_ = [
            task
            for task in self.tasks().values()
            if task["Oracle ID"].startswith("po:") and not task["completed"] and task["PO number"] not in posted
        ]
        done = [task for task in open_ if task["PO status"] not in NOT_IN_FORCE][:count]
        assert len(done) == count
        self.sandbox.mutate("asana", "tasks", keys=[task["gid"] for task in done], complete=True)
        return [task["PO number"] for task in done]

    def batches(self) -> list[dict[str, Any]]:
        """The journal batches that we have made in Oracle, each with the number of its order."""
        rows = self.sandbox.state("oracle_fusion", "journalBatches")
        return [{**row, "order": row["BatchName"].split("-")[1]} for row in rows if row["BatchName"].startswith("MLC-")]

    def effects(self, since: int = 0) -> Counter[str]:
        """What has happened in Asana, by kind."""
        return Counter(effect["kind"] for effect in self.sandbox.effects("asana", since))

    def writes(self) -> int:
        """Calls other than GET that Asana has been sent."""
        rows = self.sandbox.requests()
        return sum(row["count"] for row in rows if row["system"] == "asana" and row["method"] != "GET")


class Boards(Board):
    """Tenant ``acme`` of an installation, with the `tenant_file` that ``told`` makes."""

    def __init__(self, installed: Installation, **told: Any) -> None:
        super().__init__(installed.sandbox)
        self.installed = installed
        self.streams = STREAMS[:1] if told.get("overlay") else STREAMS
        (settings().tenants_dir / "acme.yaml").write_text(tenant_file(installed.sandbox.url, **told))
        self.sandbox.settings("asana", rate_scale=None)

    async def prepare(self) -> None:
        """Store the secrets and create the custom fields, as ``secret set`` and ``apply`` do."""
        await store_secrets(self.installed.database_url)
        async with open_workspace("acme") as workspace:
            for stream in self.streams:
                await workspace.ensure_fields("oracle_asana", stream)

    async def sync(
        self,
        run: str | None = None,
        *,
        streams: Sequence[str] = (),
        count: int = 1,
        completed: int | None = None,
        **parameters: Any,
    ) -> State[Any]:
        """Run the flow's own body as flow run ``run``; see `Installation.sync`."""
        return await tell(sync_costs, run, count, completed, streams=list(streams or self.streams), **parameters)

    async def post(self, run: str | None = None, *, count: int = 1, completed: int | None = None) -> State[Any]:
        """The same with the flow that completions ring for."""
        return await tell(post_journals, run, count, completed)
