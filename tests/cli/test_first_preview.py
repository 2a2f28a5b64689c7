"""A preview before the first `apply`: without Prefect, in accounts that have none of the fields that it creates."""

from __future__ import annotations

import asyncio

from ml_connector.core.custom_fields import CustomField
from tasks.workspace import open_workspace
from tests.boards import Boards
from tests.cli.conftest import CUSTOMERS, Command
from tests.installation import Installation

TO_COME = "Fields that are not there yet, and that `ml-connector apply` creates: "
LISTS = "{custom_fields: {custom_fields: {supplier: {title: Supplier, type: enum, options: [Oracle only]}}}}"


def test_missing_organization_fields_reject_nothing_and_are_named(command: Command, installed: Installation) -> None:
    installed.sandbox.seed("oracle_fusion", "customers", CUSTOMERS)
    installed.sandbox.seed("oracle_fusion", "contacts", 2)
    asyncio.run(installed.store_secrets())
    first = command("preview", "acme", "oracle_zendesk")
    written, there = installed.sandbox.writes(), installed.sandbox.state("zendesk", "organization_fields")
    asyncio.run(installed.prepare())
    second = command("preview", "acme", "oracle_zendesk")

    assert (first.exit_code, written, there) == (0, 0, [])
    assert first.stdout.split(TO_COME)[0].count("organization_fields.billing_country") == CUSTOMERS
    assert first.stdout.count("external_id, name, email, phone, organization_id") == 2  # parked, and shown
    assert "rejected" not in first.stdout
    assert f"{TO_COME}organization_fields.billing_address, " in first.stdout
    assert "organization_fields.erp_status, user_fields.erp_status, " in first.stdout
    assert first.stdout.split(TO_COME)[0] == second.stdout  # nothing else is different with the fields


def test_an_organization_field_of_another_type_is_told(command: Command, installed: Installation) -> None:
    installed.sandbox.seed("oracle_fusion", "customers", CUSTOMERS)
    asyncio.run(installed.store_secrets())
    asyncio.run(_create_by_hand())
    shown = command("preview", "acme", "oracle_zendesk", "--streams", "organizations").stdout

    assert shown.count("organization_fields.erp_status is not a number") == CUSTOMERS
    assert "organization_fields.erp_number, user_fields.erp_status, " in shown


async def _create_by_hand() -> None:
    async with open_workspace("acme") as workspace:
        client = await workspace.client("zendesk")
        await client.create_field("organization", {"key": "erp_status", "title": "ERP status", "type": "integer"})


def test_missing_fields_of_projects_and_their_options_reject_nothing(command: Command, installed: Installation) -> None:
    board = Boards(installed)
    installed.sandbox.seed("oracle_fusion", "purchase_orders", 3)
    asyncio.run(installed.store_secrets())
    tasks = command("preview", "acme", "oracle_asana", "--streams", "purchase_orders,invoices")
    Boards(installed, overlay=LISTS)
    options = command("preview", "acme", "oracle_asana", "--streams", "suppliers")

    assert "\n3 create; nothing was written." in tasks.stdout
    assert tasks.stdout.count("custom_fields.PO number") == 3
    assert f"{TO_COME}PO number, PO number in project orders, " in tasks.stdout
    assert "Oracle ID in project invoices" in tasks.stdout
    assert "\n12 create; nothing was written." in options.stdout
    assert (board.writes(), board.sandbox.state("asana", "custom_fields")) == (0, [])


def test_a_project_field_of_another_type_is_told(command: Command, installed: Installation) -> None:
    board = Boards(installed)
    asyncio.run(installed.store_secrets())
    asyncio.run(_create_another_amount())
    written = board.writes()
    shown = command("preview", "acme", "oracle_asana")

    assert shown.exit_code == 2
    assert "a field `Amount` of type text, and number is needed" in shown.stderr
    assert board.writes() == written


async def _create_another_amount() -> None:
    async with open_workspace("acme") as workspace:
        ensure = workspace.system_of("asana").ensure_fields
        other = {"custom_fields": {"amount": CustomField(title="Amount", type="text")}}
        await ensure(await workspace.client("asana"), other)
