"""Each kind of request that the client of Zendesk can send keeps to Zendesk's own contract.

The tests in ``tests/connectors`` check every request they send as well; here it is made sure that no operation is
left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.zendesk.fields import ensure_organization_fields, ensure_user_fields
from connectors.zendesk.organizations import Organizations
from connectors.zendesk.ping import ping
from connectors.zendesk.users import Users
from ml_connector.core.custom_fields import CustomField
from tests.connectors.zendesk_account import Account, account, contract, intent, send, upsert

OPERATIONS = {
    "CreateManyOrganizationMemberships",
    "CreateManyOrganizations",
    "CreateManyUsers",
    "CreateOrganizationField",
    "CreateUser",
    "CreateUserField",
    "CreateUserIdentity",
    "ListJobStatuses",
    "ListOrganizationFields",
    "ListOrganizationMemberships",
    "ListOrganizations",
    "ListUserFields",
    "ListUserIdentities",
    "ListUsers",
    "SearchOrganizations",
    "SearchUsers",
    "ShowCurrentUser",
    "ShowManyJobStatuses",
    "ShowManyOrganizations",
    "ShowManyUsers",
    "ShowToken",
    "UpdateManyOrganizations",
    "UpdateManyUsers",
    "UpdateUser",
}


@pytest.fixture
def zendesk() -> Iterator[Account]:
    with account() as opened:
        yield opened


async def test_every_operation_of_the_client_keeps_to_the_contract(zendesk: Account, specs: Path) -> None:
    assert specs
    acme, other = (str(zendesk.by_hand("organizations", name=name)["id"]) for name in ("Acme", "Other"))
    zendesk.by_hand("users", name="Theirs", email="taken@acme.example")
    field = {"erp": CustomField(title="ERP", type="text")}
    kinds = {"blocked": CustomField(title="Blocked", type="checkbox"), **field}
    contact = {"external_id": "c1", "name": "Jane", "email": "c1@acme.example", "user_fields": {"erp": "1"}}
    async with zendesk.client() as client:
        await ping(client)
        await ensure_organization_fields(client, kinds)
        await ensure_user_fields(client, field)
        values = {"erp": None, "blocked": True}
        payload = {"external_id": "a,1", "name": "Acme", "tags": ["erp"], "organization_fields": values}
        (named,) = await upsert(Organizations(client), [intent(payload)])
        await upsert(Organizations(client), [intent({**payload, "notes": None}, named.dest_id)])
        users = Users(client)
        (created,) = await upsert(users, [intent({**contact, "organization_id": acme})])
        moved = {**contact, "email": "new@acme.example", "organization_id": other}
        decisions = await users.decide([intent(moved, created.dest_id)])
        await send(users, decisions)
        await users.probe(decisions)
        await upsert(users, [intent({"external_id": "c2", "name": "Joe", "email": "taken@acme.example"})])
    async with zendesk.client(bulk_users=False) as client:
        await upsert(Users(client), [intent({"external_id": "c3", "name": "Jim"})])
        await upsert(Users(client), [intent({"external_id": "c3", "name": "Jimmy"})])

    assert zendesk.violations() == []
    seen = {contract().operation_id(one.method, one.path) for one in zendesk.world.requests if "/api/" in one.path}
    assert seen == OPERATIONS
