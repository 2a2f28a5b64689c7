"""What people have made in Zendesk becomes one record's, however many records have its address or its name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.zendesk.organizations import Organizations
from connectors.zendesk.users import Users
from ml_connector.core.records import Body, Intent, State
from tests.connectors.delivering import states, upsert
from tests.connectors.zendesk_account import Account, account, intent


@pytest.fixture
def zendesk() -> Iterator[Account]:
    with account() as opened:
        yield opened


def contact(number: int) -> Intent:
    return intent({"external_id": f"c{number}", "name": f"Contact {number}", "email": "office@acme.example"})


def customer(number: int) -> Body:
    """Of 120, which are more than a job takes, the first and the last have one name."""
    return {"external_id": str(number), "name": f"Customer {number % 119}"}


@pytest.mark.parametrize("bulk", [None, False], ids=["bulk", "single"])
async def test_of_several_contacts_with_one_address_one_takes_its_user_over(
    zendesk: Account, bulk: bool | None
) -> None:
    theirs = zendesk.by_hand("users", name="Office", email="office@acme.example", verified=True)
    zendesk.fault("search_lag", "PUT", "/api/v2/users/*", seconds=60)
    async with zendesk.client(bulk_users=bulk) as client:
        users = Users(client)
        together = await upsert(users, [contact(1), contact(2)])
        (later,) = await upsert(users, [contact(3)])

    (held,) = [row for row in zendesk.state("users") if row["id"] == theirs["id"]]
    assert states(together) == {State.APPLIED: 1, State.REJECTED: 1}
    assert later.state is State.REJECTED
    told = f"{theirs['id']} with the external id {held['external_id']}: decide"
    assert all(told in str(one.reason) for one in (*together, later) if one.state is State.REJECTED)


async def test_of_several_customers_with_one_name_one_adopts_its_organization(zendesk: Account) -> None:
    theirs = zendesk.by_hand("organizations", name="Customer 0")
    zendesk.fault("search_lag", "PUT", "/api/v2/organizations/*", seconds=60)
    async with zendesk.client(name_collision="adopt") as client:
        together = await upsert(Organizations(client), [intent(customer(n)) for n in range(120)])
        (later,) = await upsert(Organizations(client), [intent({**customer(119), "external_id": "120"})])

    assert states([*together, later]) == {State.APPLIED: 121}
    assert len({one.dest_id for one in (*together, later)}) == 121
    assert str(theirs["id"]) in {one.dest_id for one in together}
