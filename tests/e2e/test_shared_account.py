"""Three ERPs write into one Zendesk account, as ``tenants/demo.yaml`` has it: whose a ticket is, and who leaves it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from flows import oracle_zendesk, qad_zendesk, workday_zendesk
from ml_connector.core.settings import ROOT, settings
from ml_connector.core.tenants import load_tenant
from tasks import events
from tasks.workspace import open_workspace
from tests.connections import store_secrets
from tests.e2e.conftest import Owner
from tests.e2e.erps import make, shown
from tests.installation import Installation, Sandbox, tell
from tests.receiver.conftest import postgres as postgres  # one that keeps what it commits

TICKET_FLOWS = (oracle_zendesk.log_ticket_events, qad_zendesk.tie_tickets, workday_zendesk.enrich_tickets)
JOINED = ("oracle_zendesk", "qad_zendesk", "workday_zendesk")


@pytest.fixture
async def sandbox(installed: Installation, owner: Owner, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The demo's tenant, whose customers and suppliers are organizations."""
    monkeypatch.setattr(events, "LINGER", 0.0)  # nobody sends while a test waits
    monkeypatch.setenv("SANDBOX_URL", installed.sandbox.url)
    wanted = yaml.safe_load((ROOT / "tenants" / "demo.yaml").read_text()) | {"tenant": "acme"}
    wanted["integrations"] = {name: wanted["integrations"][name] for name in JOINED}
    for connection in wanted["connections"].values():
        if connection["system"] == "zendesk":
            connection |= {"requests_per_minute": 1_000_000, "exports_per_minute": 1_000_000, "settle_seconds": 0.2}
    folder = settings().tenants_dir
    (folder / "acme.yaml").write_text(yaml.safe_dump(wanted))
    (folder / "defaults.yaml").write_text((ROOT / "tenants" / "defaults.yaml").read_text())
    sandbox = installed.sandbox
    sandbox.settings("zendesk", export_excludes_seconds=0)
    await _prepare(installed)
    for system, collection, count in (
        *(("oracle_fusion", one, 3) for one in ("customers", "contacts")),
        *(("qad", one, 4) for one in ("customers", "contacts")),
        *(("workday", one, n) for one, n in (("suppliers", 8), ("supplier_invoices", 24), ("purchase_orders", 3))),
    ):
        sandbox.seed(system, collection, count)
    for flow in (oracle_zendesk.sync_customers, qad_zendesk.sync_customers, workday_zendesk.sync_suppliers):
        state = await tell(flow)
        assert state.is_completed(), state.message
    await polled(owner)  # the exports begin here
    return sandbox


async def _prepare(installed: Installation) -> None:
    """As ``secret set`` and ``apply`` do."""
    config = load_tenant(settings().tenants_dir / "acme.yaml")
    await store_secrets(installed.database_url)
    async with open_workspace("acme") as workspace:
        for name, integration in config.integrations.items():
            for stream, its in integration.streams.items():
                if its.enabled:
                    await workspace.ensure_fields(name, stream)


async def polled(owner: Owner) -> None:
    owner.execute("update watermark set updated_at = now() - interval '1 h' where stream like '%ticket%'")
    for flow in TICKET_FLOWS:
        state = await tell(flow)
        assert state.is_completed(), state.message


def organizations(sandbox: Sandbox, prefix: str) -> dict[str, int]:
    """Ids of the organizations that an ERP has become, by its own ids."""
    rows = sandbox.state("zendesk", "organizations")
    return {
        row["external_id"].removeprefix(prefix): row["id"] for row in rows if str(row["external_id"]).startswith(prefix)
    }


def notes_written(sandbox: Sandbox) -> int:
    return sum(effect["kind"] == "note.created" for effect in sandbox.effects("oracle_fusion"))


def fates(owner: Owner, stream: str) -> dict[int, tuple[str, str | None]]:
    """State and reason of the newest version of each ticket."""
    rows = owner.execute("select source_id, state, reason from effect where stream = %s order by id", (stream,))
    return {int(row[0]): (row[1], row[2]) for row in rows.fetchall()}


async def test_each_integration_takes_its_own_tickets_and_leaves_the_others_alone(
    sandbox: Sandbox, owner: Owner
) -> None:
    [invoice, *_] = sandbox.state("workday", "supplier_invoices")
    oracle = next(iter(organizations(sandbox, "oracle-").values()))
    qad_customer, qad = next(iter(organizations(sandbox, "qad-").items()))
    workday = next(iter(organizations(sandbox, "workday-").values()))
    sandbox.mutate("zendesk", "organizations", create={"name": "Made by hand"})
    by_hand = next(row["id"] for row in sandbox.state("zendesk", "organizations") if row["name"] == "Made by hand")
    number = invoice["Invoice_Number"]
    of_oracle = make(sandbox, f"About our {number}", organization_id=oracle)
    of_qad = make(sandbox, f"About our {number}", organization_id=qad)
    of_workday = make(sandbox, "Hello", organization_id=workday)
    of_nobody = make(sandbox, f"About {number}", organization_id=by_hand)
    await polled(owner)

    assert notes_written(sandbox) == 1
    notes = fates(owner, "oracle_zendesk/ticket_notes")
    assert notes[of_oracle][0] == "applied"
    assert notes[of_qad] == ("unchanged", "PartyId: it belongs to qad_zendesk/organizations")
    assert notes[of_workday] == ("unchanged", "PartyId: it belongs to workday_zendesk/organizations")
    assert notes[of_nobody][0] == "parked"  # somebody may make it a customer yet
    fields = shown(sandbox)
    assert fields[of_qad] == {"QAD customer": qad_customer}
    assert fields[of_oracle] == {}  # a number of Oracle's customer is none of Workday's
    assert "Workday supplier" in fields[of_workday]
    assert "QAD customer" not in fields[of_workday]
    assert fields[of_nobody]["Workday invoice"] == number

    before = sandbox.writes()
    await polled(owner)  # our own writes come from the export
    assert (sandbox.writes(), notes_written(sandbox)) == (before, 1)


async def test_a_ticket_that_names_only_a_supplier_shows_it_and_what_is_open(sandbox: Sandbox, owner: Owner) -> None:
    suppliers = {row["Supplier_ID"]: row for row in sandbox.state("workday", "suppliers")}
    owed: dict[str, list[dict[str, Any]]] = {}
    for row in sandbox.state("workday", "supplier_invoices"):
        owed.setdefault(row["Supplier_ID"], []).append(row)
    mine, other = [key for key in organizations(sandbox, "workday-") if len(owed.get(key, ())) > 1][:2]
    name = suppliers[mine]["Supplier_Name"]
    by_organization = make(sandbox, "Hello", organization_id=organizations(sandbox, "workday-")[mine])
    by_id = make(sandbox, f"The bank account of {mine.lower()} has changed")
    by_name = make(sandbox, f"A form.\nSupplier: {name}\nThank you")
    of_both = make(sandbox, f"{mine} and {other} are the same")
    not_quite = make(sandbox, f"Supplier: {name} and sons\nor {mine}0")
    named = make(sandbox, f"{mine} asks for {owed[mine][0]['Suppliers_Invoice_Number']}")
    await polled(owner)

    fields = shown(sandbox)
    lines = {line.split(" ")[0]: line for line in fields[by_id]["Open Workday invoices"].split("\n")}
    assert lines.keys() == {row["Invoice_Number"] for row in owed[mine]}
    first = owed[mine][0]
    assert lines[first["Invoice_Number"]] == (
        f"{first['Invoice_Number']} ({first['Suppliers_Invoice_Number']}), {first['Purchase_Order']}: "
        f"{first['Control_Amount_Total']} {first['Currency']}, due {first['Due_Date']}, Unpaid"
    )
    for ticket in (by_organization, by_id, by_name):
        assert fields[ticket].keys() == {"Workday supplier", "Open Workday invoices"}
        assert fields[ticket]["Workday supplier"] == name
    assert fields[of_both]["Workday supplier"] == ", ".join(
        suppliers[one]["Supplier_Name"] for one in sorted((mine, other))
    )
    assert fields[not_quite] == {}
    # the supplier's own number is meant, for the ticket says whose it is
    assert fields[named]["Workday invoice"] == first["Invoice_Number"]

    sandbox.mutate("workday", "supplier_invoices", keys=[first["Invoice_Number"]], pay=1)
    [payment] = sandbox.state("workday", "payments")
    assert (await tell(workday_zendesk.sync_suppliers)).is_completed()
    await polled(owner)
    fields = shown(sandbox)
    assert first["Invoice_Number"] not in fields[by_organization]["Open Workday invoices"]
    paid = f"{payment['Payment_Reference_Number']} of {payment['Payment_Date']}"
    assert fields[named]["Workday payment status"] == "Paid"
    assert fields[named]["Workday payments"] == f"{paid}: {payment['Payment_Amount']} {payment['Currency']}, Complete"
