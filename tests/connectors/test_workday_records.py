"""What records of Workday say of names, debts, due dates and payees, read over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.workday.system import WORKDAY
from ml_connector.core.records import Body
from tests.connectors import reading
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
        return {record.source_id: record.body for record in await reading.read(source)}


async def test_references_come_with_what_people_call_them(workday: Tenant) -> None:
    workday.emulator.seed("supplier_invoices", 1, 1)
    [invoice] = (await read(workday, "SupplierInvoice")).values()
    [row] = workday.emulator.state("supplier_invoices")

    assert (invoice["Supplier_Name"], invoice["Company"]) == (row["Supplier_Name"], "Acme Inc")
    assert (invoice["Payment_Terms"], invoice["Purchase_Orders"]) == ("Net 30", [row["Purchase_Order"]])


@pytest.mark.parametrize("status", ["Canceled", "Denied", "Draft", "In Progress"])
async def test_what_is_no_debt_is_neither_unpaid_nor_due(workday: Tenant, status: str) -> None:
    workday.emulator.seed("supplier_invoices", 2, 1)
    emulator = workday.emulator
    emulator.mutate("supplier_invoices", {"count": 2, "set": {"Supplier_WID": "s", "Currency": "USD"}})
    emulator.mutate("supplier_invoices", {"keys": ["SI-000000"], "set": {"Document_Status": status}})
    emulator.mutate("supplier_invoices", {"keys": ["SI-000001"], "set": {"Control_Amount_Total": "10.00"}})
    found = {body["Invoice_Number"]: body for body in (await read(workday, "SupplierInvoice")).values()}
    [sums] = (await read(workday, "SupplierInvoices")).values()

    assert (found["SI-000000"]["Document_Status"], found["SI-000000"]["Payment_Status"]) == (status, None)
    assert found["SI-000001"]["Payment_Status"] == "Unpaid"
    assert (sums["Open_Invoice_Count"], sums["Open_Amounts"]) == (1, {"USD": "10.00"})


async def test_a_cancelled_invoice_that_has_no_payment_status_is_read(workday: Tenant) -> None:
    """So that one which was open is seen to be open no more; no document says which status it has left."""
    workday.emulator.seed("supplier_invoices", 1, 1)
    change = {"Document_Status": "Canceled", "Payment_Status": "None of the three"}
    workday.emulator.mutate("supplier_invoices", {"count": 1, "set": change})
    [invoice] = (await read(workday, "SupplierInvoice")).values()

    assert (invoice["Document_Status"], invoice["Payment_Status"]) == ("Canceled", None)


async def test_what_employees_are_paid_is_passed_by(workday: Tenant) -> None:
    workday.emulator.seed("supplier_invoices", 1, 1)
    workday.emulator.seed("payments", 3, 1)
    workday.emulator.mutate("supplier_invoices", {"count": 1, "pay": 1})
    payments = await read(workday, "Payment", payments={"page_size": 2})

    assert [body["Documents"][0]["Document_ID"] for body in payments.values()] == ["SI-000000"]
    assert len(await read(workday, "SupplierPayments")) == 1


async def test_a_payment_that_was_undone_is_not_the_last_one(workday: Tenant) -> None:
    workday.emulator.seed("supplier_invoices", 2, 1)
    workday.emulator.mutate("supplier_invoices", {"count": 2, "set": {"Supplier_WID": "s"}})
    workday.emulator.mutate("supplier_invoices", {"count": 2, "pay": 1})
    workday.emulator.mutate("payments", {"keys": ["5001"], "set": {"Payment_Date": "2026-01-02"}})
    workday.emulator.mutate("payments", {"keys": ["5002"], "set": {"Payment_Status": "Voided"}})
    [sums] = (await read(workday, "SupplierPayments", payments={"days": 3660})).values()
    assert (sums["Last_Payment"], sums["Payment_Count"]) == ("5001", 1)

    workday.emulator.mutate("payments", {"count": 2, "set": {"Payment_Status": "Voided"}})
    [sums] = (await read(workday, "SupplierPayments", payments={"days": 3660})).values()
    assert (sums["Last_Payment"], sums["Payment_Count"]) == (None, 0)


async def test_an_invoice_is_due_when_it_says_or_when_its_terms_say_or_nobody_knows(workday: Tenant) -> None:
    workday.emulator.seed("supplier_invoices", 2, 1)
    emulator = workday.emulator
    emulator.mutate("supplier_invoices", {"count": 2, "set": {"Supplier_WID": "s", "Invoice_Date": "2026-01-31"}})
    emulator.mutate("supplier_invoices", {"keys": ["SI-000000"], "set": {"Due_Date": None}})
    emulator.mutate("supplier_invoices", {"keys": ["SI-000001"], "set": {"Due_Date": "2026-05-05"}})
    found = {body["Invoice_Number"]: body["Due_Date"] for body in (await read(workday, "SupplierInvoice")).values()}
    assert found == {"SI-000000": "2026-03-02", "SI-000001": "2026-05-05"}

    emulator.configure({"denied": ["Get_Payment_Terms"]})
    emulator.mutate("supplier_invoices", {"count": 2, "set": {"Due_Date": None}})
    [sums] = (await read(workday, "SupplierInvoices")).values()
    assert (sums["Open_Invoice_Count"], sums["Overdue_Invoice_Count"]) == (2, None)


REPORT = {
    "transport": "report",
    "owner": "ISU_Zendesk",
    "report": "Invoice_Status",
    "fields": {"WID": "Workday_ID", "Invoice_Number": "Invoice_Number", "Payment_Status": "Payment_Status"},
}


async def test_what_is_told_elsewhere_misses_no_old_invoice(workday: Tenant) -> None:
    """One is open, old and not reported, one was paid when old, one has gone and is reported, one is canceled."""
    workday.emulator.seed("supplier_invoices", 4, 1)
    emulator, old = workday.emulator, {"Invoice_Date": "2020-01-31"}
    emulator.mutate("supplier_invoices", {"keys": ["SI-000001", "SI-000002"], "set": old})
    emulator.mutate("supplier_invoices", {"keys": ["SI-000001"], "set": {"Reported": False}})
    emulator.mutate("supplier_invoices", {"keys": ["SI-000002"], "pay": 1})
    emulator.mutate("supplier_invoices", {"keys": ["SI-000003"], "set": {"Document_Status": "Canceled"}})
    emulator.reported.append({"Workday_ID": "f" * 32, "Invoice_Number": "SI-9", "Payment_Status": "Paid"})
    found = await read(workday, "SupplierInvoice", workday.api_client(), paid_invoices=REPORT)

    assert {body["Invoice_Number"]: body["Payment_Status"] for body in found.values()} == {
        "SI-000000": "Unpaid",
        "SI-000001": "Unpaid",
        "SI-000002": "Paid",
        "SI-000003": None,
    }


async def test_the_order_of_an_invoice_is_known_by_its_line_whatever_that_is_called(workday: Tenant) -> None:
    workday.emulator.seed("purchase_orders", 3, 1)
    workday.emulator.seed("supplier_invoices", 3, 1)
    workday.emulator.mutate(
        "supplier_invoices", {"keys": ["SI-000001"], "set": {"Line_Descriptor": "Line 1 of 3: Paint"}}
    )
    found = {
        body["Invoice_Number"]: body["Purchase_Orders"] for body in (await read(workday, "SupplierInvoice")).values()
    }
    assert found == {"SI-000000": ["PO-000000"], "SI-000001": ["PO-000001"], "SI-000002": ["PO-000002"]}

    workday.emulator.configure({"denied": ["Get_Purchase_Orders"]})
    found = {
        body["Invoice_Number"]: body["Purchase_Orders"] for body in (await read(workday, "SupplierInvoice")).values()
    }
    assert found["SI-000001"] == []
