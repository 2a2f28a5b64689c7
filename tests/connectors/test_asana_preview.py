"""What a preview says of a workspace that lacks fields, against what is so once they are there."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from connectors.asana.client import Asana
from connectors.asana.field_setup import ensure_fields
from ml_connector.core.custom_fields import CustomField
from ml_connector.core.records import Decision, Intent
from tests.connectors.asana_workspace import PROJECT_NAMES, WANTED, Workspace, destination, intent, workspace
from tests.connectors.delivering import upsert

COARSE = {"custom_fields": {"amount": CustomField(title="Amount", type="decimal", precision=0)}}
STATUS = {"custom_fields": {"status": CustomField(title="Status", type="enum", options=("Open",))}}


@pytest.fixture
def asana() -> Iterator[Workspace]:
    with workspace() as opened:
        yield opened


async def test_a_preview_foresees_what_is_then_done_and_sends_nothing(asana: Workspace) -> None:
    """One project has some of the fields, too coarse and without an option; the other has none."""
    values = {"po_number": "162045", "amount": Decimal("24900.50"), "status": "Closed", "needed_by": None}
    wanted = [
        intent({"external_id": "po:1", "name": "PO 1", "custom_fields": values}),
        intent({"external_id": "po:2", "name": "PO 2", "custom_fields": {"status": "Lost"}}),
        intent({"external_id": "inv:1", "name": "Bill 1", "project": "payables", "custom_fields": values}),
    ]
    async with asana.client(projects={"orders": PROJECT_NAMES["orders"]}) as client:
        await ensure_fields(client, COARSE)
        await ensure_fields(client, STATUS)
        await upsert(destination(client), [intent({"external_id": "po:1", "name": "PO 1", "custom_fields": {}})])
    before = len(asana.world.effects)
    async with asana.client() as client:
        missing = await ensure_fields(client, WANTED, preview=True)
        assert await ensure_fields(client, WANTED, preview=True) == []
        foreseen = await _decided(client, wanted)
    assert len(asana.world.effects) == before
    async with asana.client() as client:
        assert await ensure_fields(client, WANTED) == missing
        decided = await _decided(client, wanted)

    assert {"Status: Closed", "Amount: 2 decimals", "Needed by", "Status in project payables"} <= set(missing)
    assert [one.action for one in foreseen] == ["update", "create", "create"]
    assert foreseen[0].changed == ("custom_fields.PO number", "custom_fields.Amount", "custom_fields.Status")
    assert foreseen == decided


async def _decided(client: Asana, wanted: list[Intent]) -> list[Decision]:
    return await destination(client).decide(wanted, preview=True)
