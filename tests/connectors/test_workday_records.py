"""What records of Workday say of names, debts, due dates and payees, read over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.workday.system import WORKDAY
from ml_connector.core.records import Body, Window
from tests.connectors.workday_tenant import Tenant, tenant


@pytest.fixture
def workday() -> Iterator[Tenant]:
    with tenant() as opened:
        opened.emulator.seed("suppliers", 3, 1)
        yield opened


async def read(workday: Tenant, model: str, auth: Any = None, **settings: Any) -> dict[str, Body]:
    """The last body of each record, by source id."""
    async with workday.client(auth, **settings) as client:
        source = WORKDAY.sources[model](client)
        window = Window(None, datetime.now(UTC) + timedelta(seconds=1))
        return {record.source_id: record.body async for record in _records(source.read(window, None))}


async def _records(pages: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for page in pages:
        for record in page.records:
            yield record


async def test_references_come_with_what_people_call_them(workday: Tenant) -> None:
    workday.emulator.seed("supplier_invoices", 1, 1)
    [invoice] = (await read(workday, "SupplierInvoice")).values()
    [row] = workday.emulator.state("supplier_invoices")

    assert (invoice["Supplier_Name"], invoice["Company"]) == (row["Supplier_Name"], "Acme Inc")
    assert (invoice["Payment_Terms"], invoice["Purchase_Orders"]) == ("Net 30", [row["Purchase_Order"]])
