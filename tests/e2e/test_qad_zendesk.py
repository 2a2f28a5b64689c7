"""Customers of an emulated QAD become organizations of an emulated Zendesk, and its tickets are tied to them."""

from __future__ import annotations

import asyncio
import time

import pytest

from flows.qad_zendesk import sync_customers, tie_tickets
from ml_connector.core.audit_query import lines
from ml_connector.core.db import Database
from tasks import events
from tests.e2e.conftest import Owner
from tests.e2e.erp_qad import Qad
from tests.e2e.erps import held, make, shown
from tests.installation import Installation
from tests.listening import listening
from tests.receiver.conftest import postgres as postgres  # one that keeps what it commits
from tests.second_tenant import OtherTenant

CUSTOMERS = 20


@pytest.fixture
async def tenant(installed: Installation) -> OtherTenant:
    erp = Qad(installed)
    await erp.prepare(CUSTOMERS)
    return erp.tenant


async def test_a_later_address_is_added_and_the_first_one_stays(tenant: OtherTenant) -> None:
    sandbox = tenant.sandbox
    assert (await tenant.run(sync_customers)).is_completed()
    since = len(sandbox.effects())
    sandbox.mutate("qad", "contacts", keys=["C000002"], set={"contact.ContactEMail": "other@customer.example"})
    assert (await tenant.run(sync_customers)).is_completed()
    kinds = sandbox.kinds(since=since)
    assert kinds["identity.created"] == 1
    assert not {kind for kind in kinds if kind.endswith(".created")} - {"identity.created"}
    assert held(sandbox, "users")["qad-C000002"]["email"] == "contact2@customer.example"


async def test_an_inactive_contact_becomes_nobody_and_one_that_is_deactivated_later_stays(tenant: OtherTenant) -> None:
    sandbox = tenant.sandbox
    sandbox.mutate("qad", "contacts", keys=["C000002"], set={"contact.ContactIsActive": False})
    assert (await tenant.run(sync_customers)).is_completed()
    there = held(sandbox, "users")
    assert (len(there), "qad-C000002" in there) == (CUSTOMERS - 1, False)
    sandbox.mutate("qad", "contacts", keys=["C000003"], set={"contact.ContactIsActive": False})
    assert (await tenant.run(sync_customers)).is_completed()
    assert held(sandbox, "users")["qad-C000003"]["qad_active"] == "false"


async def test_a_customer_whose_orders_are_anothers_has_none(tenant: OtherTenant) -> None:
    sandbox = tenant.sandbox
    assert (await tenant.run(sync_customers)).is_completed()
    orders = sandbox.state("qad", "orders")
    loser, winner = list(dict.fromkeys(row["so_cust"] for row in orders))[:2]
    lost = [row["so_nbr"] for row in orders if row["so_cust"] == loser]
    sandbox.mutate("qad", "orders", keys=lost, set={"so_cust": winner})
    since = len(sandbox.effects())
    for _ in range(2):
        assert (await tenant.run(sync_customers)).is_completed()

    there = held(sandbox, "organizations")[f"qad-{loser}"]
    assert [there[f"qad_{name}"] for name in ("order_count", "open_orders", "newest_orders")] == [0, 0, None]
    assert sandbox.kinds(since=since) == {"organization.updated": 2}


async def test_a_renamed_column_or_browse_is_told_with_what_to_change_in_the_tenant_file(tenant: OtherTenant) -> None:
    tenant.sandbox.settings("qad", rename_column=["urn:browse:mfg:cm300", "debtor.DebtorCode", "debtor.Code"])
    with_column = await tenant.run(sync_customers)
    tenant.sandbox.settings("qad", rename_browse=["urn:browse:mfg:cm300", "urn:browse:mfg:cm301"])
    with_browse = await tenant.run(sync_customers)
    assert "debtor.DebtorCode: correct entities.customers" in str(with_column.message)
    assert "correct entities.customers.browse" in str(with_browse.message)
    assert held(tenant.sandbox, "organizations") == {}


async def received(owner: Owner, wanted: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        row = owner.execute("select count(*) from inbox where stream like 'qad%' and kind like 'ticket%'").fetchone()
        if row and row[0] >= wanted:
            return
        assert time.monotonic() < deadline, f"{row} events of {wanted} have arrived"
        await asyncio.sleep(0.02)


async def test_a_ticket_is_tied_once_to_the_customer_it_can_only_belong_to(
    tenant: OtherTenant, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "LINGER", 0.0)  # nobody sends while a test waits
    sandbox = tenant.sandbox
    assert (await tenant.run(sync_customers)).is_completed()
    there = held(sandbox, "organizations")
    user = next(row for row in sandbox.state("zendesk", "users") if row["external_id"])
    home = next(row for row in there.values() if row["id"] == user["organization_id"])
    other = next(row for row in there.values() if row["id"] != user["organization_id"])
    sandbox.mutate("zendesk", "organizations", create={"name": "Made by hand", "external_id": "10C1003"})
    by_hand = next(row for row in sandbox.state("zendesk", "organizations") if row["name"] == "Made by hand")
    [field] = [row["id"] for row in sandbox.state("zendesk", "ticket_fields") if row["title"] == "QAD customer"]

    async with listening(tenant.installed):
        sandbox.settings("zendesk", webhook_duplicates=5, webhook_shuffle=0.1)
        by_membership = make(sandbox, "Hello", requester_id=user["id"], organization_id=other["id"])
        by_organization = make(sandbox, "Hello", organization_id=other["id"])
        foreign = make(sandbox, "Hello", organization_id=by_hand["id"])
        filled = make(sandbox, "Hello", requester_id=user["id"], custom_fields=[{"id": field, "value": "an agent's"}])
        await received(owner, 4)
        assert (await tenant.run(tie_tickets)).is_completed()
        await received(owner, 6)  # of what we wrote ourselves, too
        assert (await tenant.run(tie_tickets)).is_completed()

        codes = [row["external_id"].removeprefix("qad-") for row in (home, other)]
        wanted = dict(zip((by_membership, by_organization, foreign, filled), (*codes, None, "an agent's"), strict=True))
        assert {key: fields.get("QAD customer") for key, fields in shown(sandbox).items()} == wanted
        assert sandbox.kinds()["ticket.updated"] == 2

        # what we write does not trigger us, and comes from the export as a version that needs nothing
        writes = sandbox.writes()
        owner.execute("update watermark set updated_at = now() - interval '1 h'")
        assert (await tenant.run(tie_tickets)).is_completed()
        own = owner.execute("select count(*) from inbox where stream like 'qad%' and state <> 'done'").fetchone()
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
