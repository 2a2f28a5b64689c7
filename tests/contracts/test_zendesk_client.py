"""Each kind of request that the client of Zendesk can send keeps to Zendesk's own contract.

The tests in ``tests/connectors`` check every request they send as well; here it is made sure that no operation is
left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.zendesk.client import Zendesk
from connectors.zendesk.contact_users import ContactUsers
from connectors.zendesk.field_setup import ensure_organization_fields, ensure_user_fields
from connectors.zendesk.organizations import Organizations
from connectors.zendesk.ping import ping
from connectors.zendesk.tickets import Tickets
from connectors.zendesk.users import Users
from connectors.zendesk.webhook_setup import ensure_webhooks, remove_webhooks, webhook_findings
from ml_connector.core.custom_fields import CustomField
from ml_connector.core.records import Window
from ml_connector.core.secret import Secret
from tests.connectors.delivering import send, upsert
from tests.connectors.zendesk_account import Account, account, contract, intent

OPERATIONS = {
    "CreateTrigger",
    "DeleteTrigger",
    "IncrementalTicketExportCursor",
    "IncrementalUserExportCursor",
    "ListTicketComments",
    "ListTriggerCategories",
    "ListTriggers",
    "TicketsShowMany",
    "UpdateTrigger",
    "createOrCloneWebhook",
    "deleteWebhook",
    "listWebhookInvocations",
    "listWebhooks",
    "patchWebhook",
    "showWebhookSigningSecret",
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
    "ShowOrganization",
    "ShowToken",
    "ShowUser",
    "UpdateManyOrganizations",
    "UpdateManyUsers",
    "UpdateUser",
}


async def read_and_listen(zendesk: Account, client: Zendesk) -> None:
    zendesk.configure(export_excludes_seconds=0)
    zendesk.emulator.seed("tickets", 300, 1)
    zendesk.emulator.mutate("tickets", {"keys": ["1"], "set": {"status": "solved"}})
    now = datetime.now(UTC)
    for source in (Tickets(client), ContactUsers(client)):
        await source.clock()
        records = [record async for page in source.read(Window(now, now), None) for record in page.records]
        await source.lookup([record.source_id for record in records])
    address = Secret("https://hooks.example/hooks/0123456789abcdef")
    for change in ("webhooks", "triggers"):
        await ensure_webhooks(client, address, _accept)
        zendesk.emulator.mutate(change, {"set": {"status": "inactive"} if change == "webhooks" else {"active": False}})
    await ensure_webhooks(client, address, _accept)
    await webhook_findings(client, address)
    await remove_webhooks(client, address)


async def _accept(name: str, secret: Secret) -> None:
    del name, secret


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
        await read_and_listen(zendesk, client)
    async with zendesk.client(bulk_users=False) as client:
        await upsert(Users(client), [intent({"external_id": "c3", "name": "Jim"})])
        await upsert(Users(client), [intent({"external_id": "c3", "name": "Jimmy"})])

    assert zendesk.violations() == []
    seen = {contract().operation_id(one.method, one.path) for one in zendesk.world.requests if "/api/" in one.path}
    assert seen == OPERATIONS
