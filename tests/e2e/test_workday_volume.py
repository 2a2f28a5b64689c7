"""5,000 suppliers and 20,000 invoices, read twice: counted at the emulated Zendesk."""

from __future__ import annotations

import time

import pytest

from flows.workday_zendesk import sync_suppliers
from tests.e2e.test_workday_zendesk import CONNECTIONS, organizations, suppliers
from tests.installation import Installation
from tests.second_tenant import OtherTenant

CONFIGURED = """
      organizations: {every: 30m, delay: 0s}
      invoices: {every: 1h}
      kept_invoices: {every: 1h}
"""
SUPPLIERS, INVOICES = 5_000, 20_000


@pytest.mark.slow
async def test_a_second_read_of_all_writes_nothing(installed: Installation) -> None:
    connections = CONNECTIONS.replace("page_size: 20", "page_size: 999")
    tenant = OtherTenant(installed, "workday_zendesk", connections, CONFIGURED, "workday-")
    await tenant.prepare(["organizations", "invoices"])
    tenant.sandbox.seed("workday", "suppliers", SUPPLIERS)
    tenant.sandbox.seed("workday", "supplier_invoices", INVOICES)
    seconds, writes = [], []
    for _ in range(2):
        begun = time.monotonic()
        state = await tenant.run(sync_suppliers, mode="full")
        assert state.is_completed(), state.message
        seconds.append(time.monotonic() - begun)
        writes.append(tenant.sandbox.writes())
    print(f"{SUPPLIERS} suppliers, {INVOICES} invoices: {seconds[0]:.0f} s, then {seconds[1]:.0f} s")

    assert organizations(tenant.sandbox).keys() == suppliers(tenant.sandbox, "ACTIVE")
    assert tenant.sandbox.kinds()["organization.created"] == len(suppliers(tenant.sandbox, "ACTIVE"))
    assert writes[1] == writes[0]
