"""Tickets of an emulated Zendesk that name invoices of an emulated Workday, and those that only seem to.

``E2E_TICKETS=1000 pytest -s`` reports precision and recall for so many.
"""

from __future__ import annotations

import asyncio
import os
import random
from typing import Any

import pytest

from flows.workday_zendesk import STREAMS, enrich_tickets, sync_suppliers
from ml_connector.core.db import Database
from ml_connector.core.retention import erase, find_records
from tasks import events
from tests.e2e.conftest import Owner
from tests.e2e.test_workday_zendesk import CONNECTIONS
from tests.installation import Installation, Sandbox
from tests.listening import listening
from tests.receiver.conftest import postgres as postgres  # one that keeps what it commits
from tests.second_tenant import OtherTenant

CONFIGURED = """
      organizations: {every: 30m, delay: 0s}
      kept_invoices: {every: 1h}
      kept_orders: {every: 1h, delay: 0s}
      kept_payments: {every: 1h}
      tickets: {every: 10m, delay: 0s, start_from: now}
"""
SUPPLIERS, INVOICES = 12, 60
TICKETS = int(os.environ.get("E2E_TICKETS", "100"))
Invoice = dict[str, Any]


@pytest.fixture
async def tenant(installed: Installation, monkeypatch: pytest.MonkeyPatch) -> OtherTenant:
    """Suppliers are organizations, each with a user, and the read model is filled."""
    monkeypatch.setattr(events, "LINGER", 0.0)  # nobody sends while a test waits
    made = OtherTenant(installed, "workday_zendesk", CONNECTIONS, CONFIGURED, "workday-")
    sandbox = made.sandbox
    sandbox.settings("zendesk", export_excludes_seconds=0)
    await made.prepare(["organizations", "tickets"])
    for collection, count in (("suppliers", SUPPLIERS), ("supplier_invoices", INVOICES), ("purchase_orders", 10)):
        sandbox.seed("workday", collection, count)
    await synced(made)
    for row in sandbox.state("zendesk", "organizations"):
        user = {"name": "Ann", "email": f"ann@{row['id']}.example", "organization_id": row["id"]}
        sandbox.mutate("zendesk", "users", create=user)
    return made


async def synced(tenant: OtherTenant) -> None:
    state = await tenant.run(sync_suppliers, streams=[s for s in STREAMS if s == "organizations" or "kept" in s])
    assert state.is_completed(), state.message


def requesters(sandbox: Sandbox) -> dict[str, int]:
    """Per supplier the user of its organization."""
    theirs = {row["organization_id"]: row["id"] for row in sandbox.state("zendesk", "users")}
    rows = sandbox.state("zendesk", "organizations")
    return {row["external_id"].removeprefix("workday-"): theirs[row["id"]] for row in rows}


def invoices(sandbox: Sandbox) -> list[Invoice]:
    return sandbox.state("workday", "supplier_invoices")


def shown(sandbox: Sandbox, ticket_id: int) -> dict[str, str]:
    """What the fields of a ticket hold, by title without ``Workday``."""
    titles = {row["id"]: row["title"].removeprefix("Workday ") for row in sandbox.state("zendesk", "ticket_fields")}
    [ticket] = [row for row in sandbox.state("zendesk", "tickets") if row["id"] == ticket_id]
    return {titles[one["id"]]: one["value"] for one in ticket["custom_fields"] if one["value"] is not None}


def make(sandbox: Sandbox, text: str, *, subject: str = "A question", **ticket: Any) -> int:
    return int(sandbox.mutate("zendesk", "tickets", create={"subject": subject, "comment": text, **ticket})[0])


async def polled(tenant: OtherTenant, owner: Owner) -> None:
    owner.execute("update watermark set updated_at = now() - interval '1 h' where stream like '%tickets'")
    state = await tenant.run(enrich_tickets)
    assert state.is_completed(), state.message


FORMS = (
    lambda mine, _: (f"Please pay {mine['Invoice_Number']}, thank you.", True),
    lambda mine, _: (
        f"On Monday you wrote:\n> about {mine['Suppliers_Invoice_Number'].lower()} of May\nAny news?",
        True,
    ),
    lambda mine, _: (f"see https://files.example/{mine['Invoice_Number']}.pdf (urgent)", True),
    lambda mine, _: (f"Invoice {mine['Suppliers_Invoice_Number'].replace('-', ' ')} is overdue!!", True),
    lambda mine, _: (f"part X{mine['Invoice_Number']}Z is broken", False),
    lambda mine, _: (f"serial {mine['Invoice_Number']}9 or {mine['Invoice_Number']}-7", False),
    lambda _, other: (f"What about {other['Invoice_Number']} and {other['Suppliers_Invoice_Number']}?", False),
    lambda _, __: ("Our order SI-999999 and INV-123456 never came", False),
    lambda _, __: ("Call 7001 or 555-7012 before 2026-11-21, room 000012", False),
    lambda _, __: ("Nothing in particular", False),
)


async def test_what_is_named_is_shown_and_nothing_else(tenant: OtherTenant, owner: Owner) -> None:
    sandbox = tenant.sandbox
    await polled(tenant, owner)  # the export begins here
    chance, whose, every = random.Random(1), requesters(sandbox), invoices(sandbox)
    candidates = [row for row in every if row["Supplier_ID"] in whose]
    wanted: dict[int, str | None] = {}
    for number in range(TICKETS):
        mine = chance.choice(candidates)
        other = chance.choice([row for row in every if row["Supplier_ID"] != mine["Supplier_ID"]])
        text, named = FORMS[number % len(FORMS)](mine, other)
        wanted[make(sandbox, text, requester_id=whose[mine["Supplier_ID"]])] = mine["Invoice_Number"] if named else None
    await polled(tenant, owner)

    found = {ticket_id: shown(sandbox, ticket_id).get("invoice") for ticket_id in wanted}
    right = sum(found[one] == wanted[one] for one in wanted if wanted[one])
    written = sum(value is not None for value in found.values())
    meant = sum(value is not None for value in wanted.values())
    print(f"precision {right}/{written}, recall {right}/{meant}")
    assert found == wanted


async def test_two_are_listed_and_what_is_paid_later_follows_while_the_ticket_is_open(
    tenant: OtherTenant, owner: Owner
) -> None:
    sandbox = tenant.sandbox
    whose, every = requesters(sandbox), invoices(sandbox)
    supplier = next(key for key in whose if sum(row["Supplier_ID"] == key for row in every) > 2)
    first, second, third = [row for row in every if row["Supplier_ID"] == supplier][:3]
    async with listening(tenant.installed):
        sandbox.settings("zendesk", webhook_duplicates=5)
        open_one = make(
            sandbox, f"{first['Invoice_Number']} and {second['Invoice_Number']}", requester_id=whose[supplier]
        )
        done = make(sandbox, "See the subject", subject=first["Suppliers_Invoice_Number"], requester_id=whose[supplier])
        unknown = make(sandbox, f"Supplier asks for {third['Invoice_Number']}, {third['Suppliers_Invoice_Number']}")
        stranger = make(sandbox, f"You owe me {third['Suppliers_Invoice_Number']}")
        await asyncio.sleep(0.7)
        await polled(tenant, owner)
        fields = shown(sandbox, open_one)
        assert fields["invoice"] == f"{first['Invoice_Number']}, {second['Invoice_Number']}"
        assert fields["invoice amount"].split(", ")[1] == f"{second['Control_Amount_Total']} {second['Currency']}"
        assert fields["invoice due"].split(", ")[0] == first["Due_Date"]
        assert (fields["payment status"], fields["supplier"]) == ("Unpaid, Unpaid", first["Supplier_Name"])
        assert shown(sandbox, done)["payment status"] == "Unpaid"
        assert shown(sandbox, unknown)["invoice"] == third["Invoice_Number"]  # Workday's own number is nobody else's
        assert shown(sandbox, stranger) == {}
        assert sandbox.kinds()["ticket.updated"] == 3

        sandbox.mutate("zendesk", "tickets", keys=[done], set={"status": "solved"})
        sandbox.mutate("workday", "supplier_invoices", keys=[first["Invoice_Number"]], pay=1)
        await synced(tenant)
        await polled(tenant, owner)
        assert shown(sandbox, open_one)["payment status"] == "Paid, Unpaid"
        assert shown(sandbox, done)["payment status"] == "Unpaid"

        writes = sandbox.writes()
        await synced(tenant)
        await polled(tenant, owner)
        assert sandbox.writes() == writes


@pytest.mark.parametrize(
    ("fault", "rest"),
    [("lose_response", {}), ("apply_then_status", {"status": 504}), ("reset", {}), ("status", {"status": 409})],
)
async def test_a_write_whose_answer_is_lost_is_made_once(
    tenant: OtherTenant, owner: Owner, fault: str, rest: dict[str, Any]
) -> None:
    sandbox = tenant.sandbox
    await polled(tenant, owner)
    whose = requesters(sandbox)
    mine = next(row for row in invoices(sandbox) if row["Supplier_ID"] in whose)
    ticket = make(sandbox, mine["Invoice_Number"], requester_id=whose[mine["Supplier_ID"]])
    sandbox.fault("zendesk", fault, "PUT", "*/tickets/*", times=1, **rest)
    await polled(tenant, owner)
    await polled(tenant, owner)
    assert shown(sandbox, ticket)["invoice"] == mine["Invoice_Number"]
    assert sandbox.kinds()["ticket.updated"] == 1


async def test_what_is_erased_is_found_no_more(tenant: OtherTenant, owner: Owner) -> None:
    sandbox = tenant.sandbox
    await polled(tenant, owner)
    number = invoices(sandbox)[0]["Invoice_Number"]
    async with Database(tenant.installed.database_url, connections=2) as db:
        records = await find_records(db, "acme", number)
        assert list(records) == ["workday_zendesk/kept_invoices"]
        await erase(db, "acme", records, actor="a person", reason="asked for", lease_seconds=5)
    ticket = make(sandbox, f"About {number}.")
    await polled(tenant, owner)
    assert shown(sandbox, ticket) == {}
    assert owner.execute("select count(*) from document").fetchone() == (INVOICES + 10 - 1,)
