"""REST purchase orders, WQL and one report. Which aliases a tenant's data sources have is not documented: these were
seen in use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import QueryParams
from starlette.responses import JSONResponse, Response

from connectors.workday.sandbox.books import Books, Row, wid_of

_QUERY = re.compile(
    r"SELECT (?P<columns>[\w, ]+) FROM (?P<source>\w+)( \((?P<told>[^)]+)\))?"
    r"( WHERE (?P<where>.+?))?( ORDER BY (?P<order>\w+))?"
)
_TOLD = re.compile(r"\w+ = (\w+|'[^']*')")
_CONDITION = re.compile(r"(\w+) (>=|<=) '([^']*)'")
_REST_MOST, _WQL_MOST = 100, 10_000
LONGEST = 2_048
"""Of a query in an address; longer ones are posted."""


def purchase_orders(query: QueryParams, books: Books) -> Response:
    """``GET procurement/v5 purchaseOrders``."""
    limit, offset = int(query.get("limit", 20)), int(query.get("offset", 0))
    if limit > _REST_MOST:
        return refused("S22", "limit")
    since = query.get("fromDate", "")
    rows = [row for row in books.rows["purchase_orders"].values() if row["Document_Date"] >= since]
    data = [_order(row) for row in rows[offset : offset + limit]]
    return JSONResponse({"total": len(rows), "data": data})


def wql(query: Mapping[str, Any], books: Books) -> Response:
    """``wql data``; ``query`` is what stands in the address and, of a POST, in its body."""
    limit, offset = int(query.get("limit", 100)), int(query.get("offset", 0))
    asked = _QUERY.fullmatch(query.get("query", ""))
    if asked is None or not all(_TOLD.fullmatch(one) for one in (asked["told"] or "a = b").split(", ")):
        return refused("S22", "query")
    if limit > _WQL_MOST:
        return refused("S22", "limit")
    source = {"suppliers1": ("suppliers", _supplier), "supplierInvoices": ("supplier_invoices", _invoice)}
    if asked["source"] not in source:
        return refused("A0001", "dataSource")
    collection, shape = source[asked["source"]]
    rows = [shape(row) for row in books.rows[collection].values()]
    columns = asked["columns"].split(", ")
    conditions = _CONDITION.findall(asked["where"] or "")
    named = {*columns, *(name for name, _, _ in conditions), *([asked["order"]] if asked["order"] else [])}
    if rows and (unknown := named - rows[0].keys()):
        return refused("A0002", min(unknown))
    for name, sign, value in conditions:
        rows = [row for row in rows if (row[name] >= value if sign == ">=" else row[name] <= value)]
    if asked["order"]:
        rows.sort(key=lambda row: str(row[asked["order"]]))
    elif offset:
        rows.reverse()  # without an order there is none that two pages share
    data = [{name: row[name] for name in columns} for row in rows[offset : offset + limit]]
    return JSONResponse({"total": len(rows), "data": data})


def report(books: Books, others: list[Row]) -> Response:
    """The report ``Invoice_Status``: all values are text. An invoice with ``Reported`` false is none of its rows."""
    entries = [
        {"Workday_ID": row["WID"], "Invoice_Number": row["Invoice_Number"], "Payment_Status": row["Payment_Status"]}
        for row in books.rows["supplier_invoices"].values()
        if row.get("Reported", True)
    ]
    return JSONResponse({"Report_Entry": [*entries, *others]})


def refused(code: str, field: str) -> Response:
    error = {"error": "invalid request", "code": code, "field": field, "path": ""}
    return JSONResponse({"error": "invalid request: validation errors", "errors": [error]}, 400)


def _order(row: Row) -> dict[str, Any]:
    cents = sum(int(amount.replace(".", "")) for amount in row["Lines"])
    return {
        "id": row["WID"],
        "descriptor": row["Document_Number"],
        "documentDate": f"{row['Document_Date']}T08:00:00.000Z",
        "totalAmount": {"value": f"{cents // 100}.{cents % 100:02}", "currency": row["Currency"]},
        "status": {"id": "dc76c312446c11de98360015c5e6daf6", "descriptor": "Issued"},
        "currency": _instance("currency", row["Currency"]),
        "company": _instance("company", "Acme Inc"),
        "supplier": {"id": row["Supplier_WID"], "descriptor": row["Supplier_Name"]},
    }


def _supplier(row: Row) -> dict[str, Any]:
    return {
        "supplier": {"id": row["WID"], "descriptor": row["Supplier_Name"]},
        "supplierID": row["Supplier_ID"],
        "lastUpdatedDateTime": row["updated"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "supplierStatus": {"id": wid_of("status", row["Status"]), "descriptor": row["Status"].capitalize()},
        "allEmailAddresses": [_instance("email", row["Email_Address"]), _instance("email", "second@supplier.example")],
        "allPhoneNumbers": [_instance("phone", row["Phone"])],
    }


def _invoice(row: Row) -> dict[str, Any]:
    return {
        "workdayID": row["WID"],
        "invoiceNumber": row["Invoice_Number"],
        "supplier": {"id": row["Supplier_WID"], "descriptor": row["Supplier_Name"]},
        "company1": _instance("company", "Acme Inc"),
        "invoiceDate": row["Invoice_Date"],
        "controlTotalAmount": {"currency": row["Currency"], "value": row["Control_Amount_Total"]},
        "invoiceStatusAsText": row["Document_Status"],
        "isCanceled": row["Document_Status"] == "Canceled",
        "invoiceIsPaid": row["Payment_Status"] == "Paid",
        "invoiceIsPartiallyPaid": row["Payment_Status"] == "Partially Paid",
    }


def _instance(kind: str, shown: str) -> dict[str, Any]:
    return {"id": wid_of(kind, shown), "descriptor": shown}
