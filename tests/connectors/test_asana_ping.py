"""Trying a connection to Asana, over real HTTP to the sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.asana.field_setup import ensure_fields
from connectors.asana.ping import ping
from connectors.asana.sandbox.workspace import WORKSPACE
from tests.connectors.asana_workspace import ORDERS, WANTED, Workspace, workspace


@pytest.fixture
def asana() -> Iterator[Workspace]:
    with workspace() as opened:
        yield opened


async def test_a_connection_in_order(asana: Workspace) -> None:
    async with asana.client() as client:
        await ensure_fields(client, WANTED)
        written = len(asana.world.effects)
        health = await ping(client)

    assert [finding.what for finding in health.findings if not finding.ok] == []
    assert health.identity == WORKSPACE
    assert len(asana.world.effects) == written


async def test_what_is_missing_is_named_with_what_to_do(asana: Workspace) -> None:
    async with asana.client(projects={"orders": ORDERS, "gone": "99"}) as client:
        missing = {finding.what: finding.hint or "" for finding in (await ping(client)).findings if not finding.ok}
    async with asana.client(workspace="77") as client:
        elsewhere = await ping(client)
    async with asana.client(token="revoked") as client:
        refused = await ping(client)

    assert (
        "`ml-connector apply` creates what is missing"
        in (missing["project orders can be read; it has 0 custom fields, not PO number and Oracle ID"])
    )
    assert "as an editor" in missing["project gone (99) cannot be read"]
    assert elsewhere.identity is None
    assert WORKSPACE in (elsewhere.findings[0].hint or "")
    assert [finding.refused for finding in refused.findings] == [True]
