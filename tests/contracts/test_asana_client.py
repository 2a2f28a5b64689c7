"""Each kind of request that the client of Asana can send keeps to Asana's own contract.

The tests in ``tests/connectors`` check every request they send as well; here it is made sure that no operation is
left out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from aiohttp import web

from connectors.asana.completed import CompletedTasks
from connectors.asana.field_setup import ensure_fields
from connectors.asana.options import FieldOptions
from connectors.asana.ping import ping
from connectors.asana.webhook_setup import ensure_webhooks, remove_webhooks
from ml_connector.core.custom_fields import CustomField
from ml_connector.core.records import Intent, Window
from ml_connector.core.secret import Secret
from tests.connectors.asana_workspace import API, ORDERS, WANTED, Workspace, contract, destination, intent, workspace
from tests.connectors.delivering import upsert

OPERATIONS = {
    "addCustomFieldSettingForProject",
    "addProjectForTask",
    "createCustomField",
    "createEnumOptionForCustomField",
    "createTask",
    "createWebhook",
    "deleteWebhook",
    "getCustomField",
    "getCustomFieldSettingsForProject",
    "getCustomFieldsForWorkspace",
    "getProject",
    "getTask",
    "getTasks",
    "getTasksForProject",
    "getUser",
    "getWebhooks",
    "updateCustomField",
    "updateEnumOption",
    "updateTask",
    "updateWebhook",
}


@pytest.fixture
def asana() -> Iterator[Workspace]:
    with workspace() as opened:
        yield opened


class Keeper:
    """Keeps nothing: what is sent is of no interest here."""

    async def __call__(self, webhook: str, secret: Secret) -> None:
        del webhook, secret

    async def belongs_to(self, account: str) -> bool:
        raise NotImplementedError(account)

    @asynccontextmanager
    async def handshake(self) -> AsyncIterator[None]:
        yield


@asynccontextmanager
async def target() -> AsyncIterator[Secret]:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(headers={"X-Hook-Secret": request.headers.get("X-Hook-Secret", "")})

    app = web.Application()
    app.router.add_post("/hooks/x", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield Secret(f"http://127.0.0.1:{runner.addresses[0][1]}/hooks/x")
    finally:
        await runner.cleanup()


async def test_every_operation_of_the_client_keeps_to_the_contract(asana: Workspace, specs: Path) -> None:
    assert specs
    order = {"external_id": "po:1", "name": "PO 1", "notes": None, "due_on": None, "custom_fields": {"status": "Open"}}
    full = {"notes": "x", "due_on": "2026-12-01", "custom_fields": {"amount": "1.50", "needed_by": "2026-12-01"}}
    async with asana.client(token=asana.emulator.oauth.issue()) as client, target() as address:
        await ensure_fields(client, WANTED)
        options = FieldOptions(client)
        (held,) = await upsert(options, [Intent(uuid4(), "1", {"field": "Status", "name": "Held"}, None)])
        await upsert(options, [Intent(uuid4(), "1", {"field": "Status", "name": "On hold"}, held.dest_id)])
        asana.emulator.custom_fields.named("Status")["enum_options"][-1]["enabled"] = False
        await ensure_fields(
            client, {"custom_fields": {"s": CustomField(title="Status", type="enum", options=("On hold",))}}
        )
        finer = {"custom_fields": {"a": CustomField(title="Amount", type="decimal", precision=3)}}
        assert await ensure_fields(client, finer) == ["Amount: 3 decimals"]
        tasks = destination(client)
        (created,) = await upsert(tasks, [intent(order)])
        await upsert(tasks, [intent({**order, **full, "project": "payables"}, created.dest_id)])
        asana.by_hand(keys=[created.dest_id], complete=True)
        source = CompletedTasks(client)
        assert [page async for page in source.read(Window(None, datetime.now(UTC)), None)]
        assert await source.lookup([str(created.dest_id)])
        await ensure_webhooks(client, address, Keeper())
        asana.state("webhooks")[0]["filters"] = []
        await ensure_webhooks(client, address, Keeper())
        await ping(client)
        await remove_webhooks(client, address)
    async with asana.client(token=asana.emulator.oauth.issue(), found_by="external") as client:
        await upsert(destination(client), [intent({**order, "external_id": "po:2"})])

    assert asana.violations() == []
    paths = [(seen.method, seen.path.removeprefix(API)) for seen in asana.world.requests if seen.path.startswith(API)]
    assert {contract().operation_id(method, path) for method, path in paths} == OPERATIONS


def test_every_address_of_the_emulator_is_in_the_document_and_wrong_requests_are_found(
    asana: Workspace, specs: Path
) -> None:
    assert specs
    for endpoint in asana.emulator.endpoints:
        path = endpoint.template.replace("{", "").replace("}", "")
        assert contract().operation_id(endpoint.method, path) is not None, endpoint.template
    good = {"data": {"name": "A", "projects": [ORDERS], "custom_fields": {"12": 1.5}}}
    assert contract().check_request("POST", "/tasks", {}, good) == []
    for body in ({"data": {"name": 3}}, {"data": {"completed": "yes"}}, None):
        assert contract().check_request("POST", "/tasks", {}, body) != []
    assert contract().check_request("GET", "/tasks", {"since": "now"}) != []
