"""Rows of WQL and REST in the shapes in which Workday gives them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.workday.sandbox.books import wid_of
from ml_connector.core.errors import Misconfigured
from tests.connectors.test_workday_records import read
from tests.connectors.workday_tenant import Tenant, tenant

SUPPLIERS: dict[str, Any] = {
    "transport": "wql",
    "data_source": "suppliers1",
    "fields": {"WID": "supplier.id", "Email_Address": "allEmailAddresses", "Email_Addresses": "allEmailAddresses"},
}
INVOICES: dict[str, Any] = {
    "transport": "wql",
    "data_source": "supplierInvoices",
    "data_source_filter": "supplierInvoicesFilter",
    "fields": {
        "WID": "workdayID",
        "Invoice_Number": "invoiceNumber",
        "Supplier_WID": "supplier.id",
        "Company": "company1",
        "Currency": "controlTotalAmount.currency",
        "Control_Amount_Total": "controlTotalAmount",
        "Document_Status": "invoiceStatusAsText",
        "Is_Canceled": "isCanceled",
        "Is_Paid": "invoiceIsPaid",
        "Is_Partially_Paid": "invoiceIsPartiallyPaid",
    },
}


@pytest.fixture
def workday() -> Iterator[Tenant]:
    with tenant() as opened:
        opened.emulator.seed("suppliers", 9, 1)
        yield opened


def with_fields(read: dict[str, Any], **fields: str) -> dict[str, Any]:
    return {**read, "fields": {**read["fields"], **fields}}


async def test_amounts_and_instances_are_read_and_what_is_canceled_is_not_unpaid(workday: Tenant) -> None:
    workday.emulator.seed("supplier_invoices", 4, 1)
    changes = ({"Document_Status": "Canceled"}, {"Document_Status": "In Progress"}, {"Payment_Status": "Paid"})
    for number, change in enumerate(changes):
        workday.emulator.mutate("supplier_invoices", {"keys": [f"SI-00000{number}"], "set": change})
    rows = {row["Invoice_Number"]: row for row in workday.emulator.state("supplier_invoices")}
    found = await read(workday, "SupplierInvoice", workday.api_client(), supplier_invoices=INVOICES)

    said = {body["Invoice_Number"]: (body["Payment_Status"], body["Amount_Due"]) for body in found.values()}
    total = rows["SI-000003"]["Control_Amount_Total"]
    assert said == {
        "SI-000000": (None, None),
        "SI-000001": (None, None),
        "SI-000002": ("Paid", "0"),
        "SI-000003": ("Unpaid", total),
    }
    [open_one] = [body for body in found.values() if body["Payment_Status"] == "Unpaid"]
    assert (open_one["Currency"], open_one["Company"]) == (rows["SI-000003"]["Currency"], "Acme Inc")
    fields = {name: path for name, path in INVOICES["fields"].items() if name not in ("Is_Canceled", "Document_Status")}
    with pytest.raises(ValueError, match="what is canceled is unpaid"):
        await read(workday, "SupplierInvoice", supplier_invoices={**INVOICES, "fields": fields})


async def test_several_instances_fill_a_list_or_the_first_of_them_a_value(workday: Tenant) -> None:
    suppliers = await read(workday, "Supplier", workday.api_client(), suppliers={**SUPPLIERS, "page_size": 2})

    assert suppliers.keys() == workday.emulator.books.rows["suppliers"].keys()  # pages of one order
    for wid, row in workday.emulator.books.rows["suppliers"].items():
        assert suppliers[wid]["Email_Address"] == row["Email_Address"]
        assert suppliers[wid]["Email_Addresses"] == [row["Email_Address"], "second@supplier.example"]


async def test_a_status_means_active_or_inactive_or_the_read_stops(workday: Tenant) -> None:
    workday.emulator.mutate("suppliers", {"count": 9, "set": {"Status": "ACTIVE"}})
    workday.emulator.mutate("suppliers", {"keys": ["S-100003"], "set": {"Status": "INACTIVE"}})
    [inactive] = [row for row in workday.emulator.state("suppliers") if row["Status"] == "INACTIVE"]
    auth, by_name = workday.api_client(), with_fields(SUPPLIERS, Status="supplierStatus")
    by_id = with_fields(SUPPLIERS, Status="supplierStatus.id")
    with pytest.raises(Misconfigured, match="Status of a supplier is neither"):
        await read(workday, "Supplier", auth, suppliers=by_id)
    meant = {wid_of("status", status): status for status in ("ACTIVE", "INACTIVE")}
    for wql in (by_name, {**by_id, "values": {"Status": meant}}):
        found = await read(workday, "Supplier", auth, suppliers=wql)
        assert {wid for wid, body in found.items() if body["Status"] == "INACTIVE"} == {inactive["WID"]}


async def test_a_long_query_is_posted_and_a_data_source_is_told_what_it_asks(workday: Tenant) -> None:
    told = {"company": "a" * 32, "isActive": False, "text": "Oslo"}
    fields = {"Supplier_Name": "supplier", "Supplier_ID": "supplierID"}
    wql = {**SUPPLIERS, "data_source_filter": "defaultFilter", "parameters": told}
    suppliers = await read(workday, "Supplier", workday.api_client(), suppliers=with_fields(wql, **fields))
    [asked] = [one for one in workday.sandbox.world.requests if "/wql/" in one.path]
    told = {f"parameter_{n}": "x" * 200 for n in range(12)}
    long = await read(workday, "Supplier", workday.api_client(), suppliers={**SUPPLIERS, "parameters": told})

    assert suppliers.keys() == long.keys()
    assert asked.method == "GET"
    assert [one.method for one in workday.sandbox.world.requests if "/wql/" in one.path] == ["GET", "POST"]


@pytest.mark.parametrize("suppliers", [{"page_size": 2}, with_fields(SUPPLIERS, Supplier_ID="supplierID")])
async def test_orders_by_rest_are_of_the_same_supplier_and_currency_as_by_soap(
    workday: Tenant, suppliers: dict[str, Any]
) -> None:
    workday.emulator.seed("purchase_orders", 9, 1)
    names = ("WID", "Document_Number", "Supplier_WID", "Supplier_ID", "Currency", "Total_Amount", "Company")
    auth = workday.api_client()
    by_soap, by_rest = [
        await read(workday, "PurchaseOrder", auth, purchase_orders={"transport": transport}, suppliers=suppliers)
        for transport in ("soap", "rest")
    ]
    assert len(by_rest) == 9
    for wid, order in by_rest.items():
        assert {name: order[name] for name in names} == {name: by_soap[wid][name] for name in names}
