"""Tickets of an emulated Zendesk that name invoices of an emulated Workday, and those that only seem to.

``E2E_TICKETS=1000 pytest -s`` reports precision and recall for so many.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable
from typing import Any

import pytest

from flows.workday_zendesk import STREAMS, enrich_tickets, sync_suppliers
from ml_connector.core.db import Database
from ml_connector.core.retention import erase, find_records
from tasks import events
from tests.e2e.conftest import Owner
from tests.e2e.erp_workday import Workday
from tests.e2e.erps import make, shown
from tests.installation import Installation, Sandbox
from tests.listening import listening
from tests.receiver.conftest import postgres as postgres  # one that keeps what it commits
from tests.second_tenant import OtherTenant

SUPPLIERS, INVOICES = 12, 60
TICKETS = int(os.environ.get("E2E_TICKETS", "100"))
Invoice = dict[str, Any]


@pytest.fixture
async def tenant(installed: Installation, monkeypatch: pytest.MonkeyPatch) -> OtherTenant:
    """Suppliers are organizations, each with a user, and the read model is filled."""
    monkeypatch.setattr(events, "LINGER", 0.0)  # nobody sends while a test waits
    erp = Workday(installed)
    sandbox, made = erp.sandbox, erp.tenant
    await erp.prepare(SUPPLIERS)
    sandbox.seed("workday", "supplier_invoices", INVOICES - len(invoices(sandbox)))
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


def fields_of(sandbox: Sandbox, ticket_id: int) -> dict[str, str]:
    """What the fields of a ticket hold, by title without ``Workday``."""
    return {title.removeprefix("Workday "): value for title, value in shown(sandbox)[ticket_id].items()}


async def polled(tenant: OtherTenant, owner: Owner) -> None:
    owner.execute("update watermark set updated_at = now() - interval '1 h' where stream like '%tickets'")
    state = await tenant.run(enrich_tickets)
    assert state.is_completed(), state.message


def own(invoice: Invoice) -> str:
    return str(invoice["Invoice_Number"])


def theirs(invoice: Invoice) -> str:
    return str(invoice["Suppliers_Invoice_Number"])


NAMING: tuple[Callable[[Invoice, Invoice, Invoice], str], ...] = (
    lambda mine, _, __: f"Please pay {own(mine)}, thank you.",
    lambda mine, _, __: f"On Monday you wrote:\n> about {theirs(mine).lower()} of May\nAny news?",
    lambda mine, _, __: f"see https://files.example/{own(mine)}.pdf (urgent)",
    lambda mine, _, __: f"Invoice {theirs(mine).replace('-', ' ')} is overdue!!",
    lambda mine, also, _: f"Both {own(mine)} and\n>> {theirs(also)}: when?",
    lambda mine, _, other: f"{theirs(mine)} is ours, {own(other)} is not, and SI-999999 is nobody's",
)
"""Texts that name ``mine`` (the fifth ``also``), whose supplier writes; ``other`` is another supplier's."""
NAMING_NONE: tuple[Callable[[Invoice, Invoice], str], ...] = (
    lambda mine, _: f"part X{own(mine)}Z is broken, and so is {own(mine)}b",
    lambda mine, _: f"serial {own(mine)}9 or {own(mine)}-7 or A-{theirs(mine)}",
    lambda _, other: f"What about {own(other)} and {theirs(other)}?",
    lambda _, other: f"> > they say {theirs(other)} is theirs",
    lambda _, __: "Our order SI-999999 and INV-123456 never came",
    lambda _, __: "Call 7001 or 555-7012 before 2026-11-21, room 000012",
    lambda _, __: "Nothing in particular",
)


async def test_what_is_named_is_shown_and_nothing_else(tenant: OtherTenant, owner: Owner) -> None:
    """Three tickets of ten name invoices."""
    sandbox = tenant.sandbox
    await polled(tenant, owner)  # the export begins here
    chance, whose, every = random.Random(1), requesters(sandbox), invoices(sandbox)
    of = {key: [row for row in every if row["Supplier_ID"] == key] for key in whose}
    suppliers = [key for key, rows in of.items() if len(rows) > 1]
    wanted: dict[int, set[str]] = {}
    for n in range(TICKETS):
        supplier = chance.choice(suppliers)
        mine, also = chance.sample(of[supplier], 2)
        other = chance.choice([row for row in every if row["Supplier_ID"] != supplier])
        if names := n % 10 < 3:
            text = chance.choice(NAMING)(mine, also, other)
        else:
            text = chance.choice(NAMING_NONE)(mine, other)
        ticket = make(sandbox, text, requester_id=whose[supplier])
        wanted[ticket] = {own(row) for row in (mine, also) if names and (row is mine or text.startswith("Both"))}
    await polled(tenant, owner)

    fields = shown(sandbox)
    found = {ticket: set(fields[ticket].get("Workday invoice", "").split(", ")) - {""} for ticket in wanted}
    right = sum(len(found[ticket] & wanted[ticket]) for ticket in wanted)
    written, meant = (sum(map(len, numbers.values())) for numbers in (found, wanted))
    naming = sum(map(bool, wanted.values()))
    print(f"{naming} of {TICKETS} tickets name invoices: precision {right}/{written}, recall {right}/{meant}")
    assert found == wanted
    assert sandbox.kinds()["ticket.updated"] == naming  # what is right at last was right at first


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
        fields = fields_of(sandbox, open_one)
        assert fields["invoice"] == f"{first['Invoice_Number']}, {second['Invoice_Number']}"
        assert fields["invoice amount"].split(", ")[1] == f"{second['Control_Amount_Total']} {second['Currency']}"
        assert fields["invoice due"].split(", ")[0] == first["Due_Date"]
        assert (fields["payment status"], fields["supplier"]) == ("Unpaid, Unpaid", first["Supplier_Name"])
        assert fields_of(sandbox, done)["payment status"] == "Unpaid"
        assert fields_of(sandbox, unknown)["invoice"] == third["Invoice_Number"]  # Workday's own
        assert fields_of(sandbox, stranger) == {}
        assert sandbox.kinds()["ticket.updated"] == 3

        sandbox.mutate("zendesk", "tickets", keys=[done], set={"status": "solved"})
        sandbox.mutate("workday", "supplier_invoices", keys=[first["Invoice_Number"]], pay=1)
        await synced(tenant)
        await polled(tenant, owner)
        assert fields_of(sandbox, open_one)["payment status"] == "Paid, Unpaid"
        assert fields_of(sandbox, done)["payment status"] == "Unpaid"

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
    assert fields_of(sandbox, ticket)["invoice"] == mine["Invoice_Number"]
    assert sandbox.kinds()["ticket.updated"] == 1


async def test_what_is_erased_is_found_no_more(tenant: OtherTenant, owner: Owner) -> None:
    sandbox = tenant.sandbox
    await polled(tenant, owner)
    number = invoices(sandbox)[0]["Invoice_Number"]
    async with Database(tenant.installed.database_url, connections=2) as db:
        records = await find_records(db, "acme", number)
        assert list(records) == ["workday_zendesk/kept_invoices"]
        await erase(db, "acme", records, actor="a person", reason="asked for", lease_seconds=60)
    ticket = make(sandbox, f"About {number}.")
    await polled(tenant, owner)
    assert fields_of(sandbox, ticket) == {}
    assert owner.execute("select count(*) from document").fetchone() == (INVOICES + SUPPLIERS - 1,)
