"""Suppliers of an emulated Workday become organizations of an emulated Zendesk, with what is open and what was paid."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from flows.workday_zendesk import sync_suppliers
from tests.installation import Installation, Sandbox
from tests.second_tenant import OtherTenant

CONNECTIONS = """
  workday:
    system: workday
    origin: {sandbox}/workday
    tenant: acme
    requests_per_minute: 6000
    suppliers: {{page_size: 20}}
    auth: {{type: ws_security, username: ISU_Zendesk}}
"""
CONFIGURED = """
      organizations: {every: 30m, delay: 0s}
      invoices: {every: 1h}
      purchase_orders: {every: 1h}
      payments: {every: 1h}
"""
SUPPLIERS, INVOICES, ORDERS = 50, 150, 40


@pytest.fixture
async def tenant(installed: Installation) -> OtherTenant:
    made = OtherTenant(installed, "workday_zendesk", CONNECTIONS, CONFIGURED, "workday-")
    await made.prepare(["organizations", "invoices", "purchase_orders", "payments"])
    made.sandbox.seed("workday", "suppliers", SUPPLIERS)
    made.sandbox.seed("workday", "supplier_invoices", INVOICES)
    made.sandbox.seed("workday", "purchase_orders", ORDERS)
    return made


def organizations(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    rows = sandbox.state("zendesk", "organizations")
    return {row["external_id"].removeprefix("workday-"): row["organization_fields"] for row in rows}


def suppliers(sandbox: Sandbox, status: str) -> set[str]:
    return {row["Supplier_ID"] for row in sandbox.state("workday", "suppliers") if row["Status"] == status}


def invoices(sandbox: Sandbox) -> list[dict[str, Any]]:
    return sandbox.state("workday", "supplier_invoices")


async def test_active_suppliers_arrive_with_their_sums_and_only_what_changed_is_written_again(
    tenant: OtherTenant,
) -> None:
    sandbox = tenant.sandbox
    state = await tenant.run(sync_suppliers)
    assert state.is_completed(), state.message
    there = organizations(sandbox)
    assert there.keys() == suppliers(sandbox, "ACTIVE") != set()
    since = (datetime.now(UTC) - timedelta(days=90)).date().isoformat()
    recent = Counter(row["Supplier_ID"] for row in invoices(sandbox) if row["Invoice_Date"] >= since)
    count = Counter(row["Supplier_ID"] for row in invoices(sandbox))
    ordered = Counter(row["Supplier_ID"] for row in sandbox.state("workday", "purchase_orders"))
    for key, fields in there.items():
        mine = [row for row in invoices(sandbox) if row["Supplier_ID"] == key]
        owed = sum((Decimal(row["Control_Amount_Total"]) for row in mine), Decimal(0))
        assert fields["workday_status"] == "active"
        assert fields.get("workday_recent_invoices", 0) == recent[key]
        assert fields.get("workday_open_invoices", 0) == count[key]
        assert fields.get("workday_open_amount") == (f"{owed} {mine[0]['Currency']}" if mine else None)
        assert fields.get("workday_order_count", 0) == ordered[key]

    writes = sandbox.writes()
    assert (await tenant.run(sync_suppliers)).is_completed()
    assert (await tenant.run(sync_suppliers, mode="full")).is_completed()
    assert sandbox.writes() == writes

    [key, *_] = sorted(there.keys() & count.keys())
    sandbox.mutate("workday", "suppliers", keys=[key], set={"Status": "INACTIVE"})
    mine = [row for row in invoices(sandbox) if row["Supplier_ID"] == key]
    sandbox.mutate("workday", "supplier_invoices", keys=[row["Invoice_Number"] for row in mine], pay=1)
    before = sandbox.effects()[-1]["n"]
    await asyncio.sleep(1.1)  # Workday's clock is told in whole seconds, and windows are made of it
    assert (await tenant.run(sync_suppliers)).is_completed()
    after = organizations(sandbox)
    changed = {other for other in there if there[other] != after[other]}
    assert changed == {key}
    assert set(sandbox.kinds(since=before)) == {"organization.updated"}
    fields = after[key]
    assert (fields["workday_status"], fields["workday_open_invoices"]) == ("inactive", 0)
    assert fields["workday_open_amount"] is None
    assert fields["workday_last_payment"] is not None


@pytest.mark.parametrize(
    ("system", "fault", "rest"),
    [
        ("workday", "throttle", {"path": "*", "every": 3}),
        ("workday", "status", {"path": "*", "status": 503, "every": 4}),
        ("workday", "truncate", {"path": "*", "times": 2}),
        ("zendesk", "apply_then_status", {"method": "POST", "path": "*create_many*", "status": 504, "times": 1}),
        ("zendesk", "lose_response", {"method": "P*", "path": "*_many*", "times": 2}),
    ],
)
async def test_no_fault_loses_or_doubles_a_supplier(
    tenant: OtherTenant, system: str, fault: str, rest: dict[str, Any]
) -> None:
    sandbox = tenant.sandbox
    sandbox.fault(system, fault, **rest)
    await tenant.run(sync_suppliers, "run")
    sandbox.clear_faults()
    assert (await tenant.run(sync_suppliers, "run", count=2, completed=0)).is_completed()
    active = suppliers(sandbox, "ACTIVE")
    assert organizations(sandbox).keys() == active
    assert sandbox.kinds()["organization.created"] == len(sandbox.state("zendesk", "organizations")) == len(active)
