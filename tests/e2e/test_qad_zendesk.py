"""Customers of an emulated QAD become organizations of an emulated Zendesk, and its tickets are tied to them."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from flows.qad_zendesk import sync_customers, tie_tickets
from ml_connector.core.audit_query import lines
from ml_connector.core.db import Database
from tasks import events
from tests.e2e.conftest import Owner
from tests.installation import Installation, Sandbox
from tests.listening import listening
from tests.receiver.conftest import postgres as postgres  # one that keeps what it commits
from tests.second_tenant import OtherTenant

CONNECTIONS = """
  qad:
    system: qad
    origin: {sandbox}/qad/clouderp
    requests_per_minute: 6000
    auth: {{type: oauth_password, token_url: "{sandbox}/qad/clouderp/oauth/token", client_id: ml-connector,
            username: mlc}}
    entities:
      customers:
        browse: urn:browse:mfg:cm300
        key: [customerCode]
        fields: {{customerCode: debtor.DebtorCode, businessRelationName: businessRelation.BusinessRelationName1,
                  city: address.AddressCity, EMail: address.AddressEMail, isActive: debtor.DebtorIsActive}}
        links: {{recordUrl: "https://qad.example/clouderp/#/customer?code={{customerCode}}"}}
        last_modified: debtor.LastModifiedDate
        page_size: 7
      contacts:
        browse: urn:browse:mfg:cm803
        key: [contactCode]
        fields: {{contactCode: contact.ContactID, customerCode: debtor.DebtorCode, name: contact.ContactName,
                  EMail: contact.ContactEMail, telephone: contact.ContactTelephone}}
      orders:
        browse: urn:browse:mfg:so803
        key: [orderNumber]
        fields: {{orderNumber: so_nbr, customerCode: so_cust, orderDate: so_ord_date, status: so_stat}}
"""
STREAMS = """
      organizations: {every: 10m, delay: 0s}
      users: {every: 10m, delay: 0s}
      orders: {every: 1h}
      tickets: {every: 10m, delay: 0s, start_from: now}
"""
CUSTOMERS, CONTACTS, ORDERS = 20, 15, 30


@pytest.fixture
async def tenant(installed: Installation) -> OtherTenant:
    made = OtherTenant(installed, "qad_zendesk", CONNECTIONS, STREAMS, "qad-")
    made.sandbox.settings("zendesk", export_excludes_seconds=0)
    await made.prepare(["organizations", "users", "orders", "tickets"])
    made.sandbox.seed("qad", "customers", CUSTOMERS)
    made.sandbox.seed("qad", "contacts", CONTACTS)
    made.sandbox.seed("qad", "orders", ORDERS)
    return made


def organizations(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    return {row["external_id"]: row for row in sandbox.state("zendesk", "organizations")}


async def test_all_arrive_once_and_only_what_changed_is_written_again(tenant: OtherTenant) -> None:
    sandbox = tenant.sandbox
    state = await tenant.run(sync_customers)
    assert state.is_completed(), state.message
    there = organizations(sandbox)
    assert there.keys() == {f"qad-10C{1000 + n}" for n in range(CUSTOMERS)}
    users = [row for row in sandbox.state("zendesk", "users") if row["external_id"]]
    assert {row["external_id"] for row in users} == {f"qad-C{n:06}" for n in range(CONTACTS)}
    codes = {row["contact.ContactID"]: row["debtor.DebtorCode"] for row in sandbox.state("qad", "contacts")}
    for user in users:
        code = codes[user["external_id"].removeprefix("qad-")]
        assert user["organization_id"] == there[f"qad-{code}"]["id"]
    fields = there["qad-10C1003"]["organization_fields"]
    assert fields["qad_customer"] == "10C1003"
    assert fields["qad_record"] == "https://qad.example/clouderp/#/customer?code=10C1003"
    ordered = Counter(row["so_cust"] for row in sandbox.state("qad", "orders"))
    told = {key.removeprefix("qad-"): row["organization_fields"].get("qad_order_count") for key, row in there.items()}
    assert {code: count for code, count in told.items() if count} == ordered

    writes = sandbox.writes()
    assert (await tenant.run(sync_customers)).is_completed()
    assert sandbox.writes() == writes

    before = sandbox.effects()[-1]["n"]
    sandbox.mutate("qad", "customers", keys=["10C1003"], set={"address.AddressCity": "Bergen"})
    sandbox.mutate("qad", "contacts", keys=["C000002"], set={"contact.ContactEMail": "other@customer.example"})
    assert (await tenant.run(sync_customers)).is_completed()
    kinds = sandbox.kinds(since=before)
    assert kinds["organization.updated"] == 1
    assert kinds["identity.created"] == 1  # an address is added, the primary one stays
    assert not {kind for kind in kinds if kind.endswith(".created")} - {"identity.created"}


@pytest.mark.parametrize(
    ("system", "fault", "rest"),
    [
        ("qad", "expire_token", {"path": "*/browses", "every": 3}),
        ("qad", "status", {"path": "*/browses", "status": 503, "every": 2}),
        ("qad", "truncate", {"path": "*/browses", "times": 1}),
        ("zendesk", "apply_then_status", {"method": "POST", "path": "*create_many*", "status": 504, "times": 1}),
        ("zendesk", "lose_response", {"method": "P*", "path": "*_many*", "times": 2}),
    ],
)
async def test_no_fault_loses_or_doubles_a_customer(
    tenant: OtherTenant, system: str, fault: str, rest: dict[str, Any]
) -> None:
    sandbox = tenant.sandbox
    sandbox.fault(system, fault, **rest)
    await tenant.run(sync_customers, "run")
    sandbox.clear_faults()
    assert (await tenant.run(sync_customers, "run", count=2, completed=0)).is_completed()
    assert len(organizations(sandbox)) == len(sandbox.state("zendesk", "organizations")) == CUSTOMERS
    assert sum(bool(row["external_id"]) for row in sandbox.state("zendesk", "users")) == CONTACTS
    assert sandbox.kinds()["organization.created"] == CUSTOMERS


async def test_a_renamed_column_or_browse_is_told_with_what_to_change_in_the_tenant_file(tenant: OtherTenant) -> None:
    tenant.sandbox.settings("qad", rename_column=["urn:browse:mfg:cm300", "debtor.DebtorCode", "debtor.Code"])
    with_column = await tenant.run(sync_customers)
    tenant.sandbox.settings("qad", rename_browse=["urn:browse:mfg:cm300", "urn:browse:mfg:cm301"])
    with_browse = await tenant.run(sync_customers)
    assert "debtor.DebtorCode: correct entities.customers" in str(with_column.message)
    assert "correct entities.customers.browse" in str(with_browse.message)
    assert organizations(tenant.sandbox) == {}


def held(sandbox: Sandbox) -> dict[int, str | None]:
    """Per ticket what its field for the customer holds."""
    [field] = [row["id"] for row in sandbox.state("zendesk", "ticket_fields") if row["title"] == "QAD customer"]
    values = {row["id"]: {one["id"]: one["value"] for one in row["custom_fields"]} for row in tickets(sandbox)}
    return {key: fields.get(field) for key, fields in values.items()}


def tickets(sandbox: Sandbox) -> list[dict[str, Any]]:
    return sandbox.state("zendesk", "tickets")


async def received(owner: Owner, wanted: int) -> None:
    for _ in range(400):
        row = owner.execute("select count(*) from inbox where stream like 'qad%' and kind like 'ticket%'").fetchone()
        if row and row[0] >= wanted:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{row} events of {wanted} have arrived")


def make(sandbox: Sandbox, **ticket: Any) -> int:
    return int(sandbox.mutate("zendesk", "tickets", create=ticket)[0])


async def test_a_ticket_is_tied_once_to_the_customer_it_can_only_belong_to(
    tenant: OtherTenant, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "LINGER", 0.0)  # nobody sends while a test waits
    sandbox = tenant.sandbox
    assert (await tenant.run(sync_customers)).is_completed()
    there = organizations(sandbox)
    user = next(row for row in sandbox.state("zendesk", "users") if row["external_id"])
    home = next(row for row in there.values() if row["id"] == user["organization_id"])
    other = next(row for row in there.values() if row["id"] != user["organization_id"])
    sandbox.mutate("zendesk", "organizations", create={"name": "Made by hand", "external_id": "10C1003"})
    by_hand = next(row for row in sandbox.state("zendesk", "organizations") if row["name"] == "Made by hand")
    [field] = [row["id"] for row in sandbox.state("zendesk", "ticket_fields") if row["title"] == "QAD customer"]

    async with listening(tenant.installed):
        sandbox.settings("zendesk", webhook_duplicates=5, webhook_shuffle=0.1)
        by_membership = make(sandbox, requester_id=user["id"], organization_id=other["id"])
        by_organization = make(sandbox, organization_id=other["id"])
        foreign = make(sandbox, organization_id=by_hand["id"])
        filled = make(sandbox, requester_id=user["id"], custom_fields=[{"id": field, "value": "an agent's"}])
        await received(owner, 4)
        assert (await tenant.run(tie_tickets)).is_completed()
        await asyncio.sleep(0.5)
        assert (await tenant.run(tie_tickets)).is_completed()

        codes = [row["external_id"].removeprefix("qad-") for row in (home, other)]
        wanted = dict(zip((by_membership, by_organization, foreign, filled), (*codes, None, "an agent's"), strict=True))
        assert held(sandbox) == wanted
        assert sandbox.kinds()["ticket.updated"] == 2

        # what we write does not trigger us, and comes from the export as a version that needs nothing
        writes = sandbox.writes()
        owner.execute("update watermark set updated_at = now() - interval '1 h'")
        assert (await tenant.run(tie_tickets)).is_completed()
        own = owner.execute("select count(*) from inbox where state <> 'done'").fetchone()
        assert (sandbox.writes(), own) == (writes, (0,))

        sandbox.settings("zendesk", webhook_duplicates=1)
        sandbox.mutate("zendesk", "tickets", keys=[by_organization], set={"status": "solved"})
        await received(owner, 7)
        assert (await tenant.run(tie_tickets)).is_completed()
    async with Database(tenant.installed.database_url, connections=1) as db:  # as `audit --customer` does
        history = [line async for line in lines(db, "acme", record=codes[1]) if line.stream == "qad_zendesk/tickets"]
    assert {line.source_id for line in history} == {str(by_organization)}
    told = [(line.action, line.status) for line in history if line.action not in ("read", "")]
    assert [one for one in told if one != ("new ticket", "unchanged")] == [  # the export shows our own write, too
        ("new ticket", "sending"),
        ("new ticket", "applied"),
        ("solved ticket", "unchanged"),
    ]
