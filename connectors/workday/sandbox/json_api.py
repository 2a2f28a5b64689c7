"""REST purchase orders, WQL and one report. Which aliases a tenant's data sources have is not documented: these were
seen in use."""

from __future__ import annotations

import re
from typing import Any

from starlette.datastructures import QueryParams
from starlette.responses import JSONResponse, Response

from connectors.workday.sandbox.books import Books, Row

_QUERY = re.compile(
    r"SELECT (?P<columns>[\w, ]+) FROM (?P<source>\w+)( \(dataSourceFilter = (?P<filter>\w+)\))?( WHERE (?P<where>.+))?"
)
_CONDITION = re.compile(r"(\w+) (>=|<=) '([^']*)'")
_REST_MOST, _WQL_MOST = 100, 10_000


def purchase_orders(query: QueryParams, books: Books) -> Response:
    """``GET procurement/v5 purchaseOrders``."""
    limit, offset = int(query.get("limit", 20)), int(query.get("offset", 0))
    if limit > _REST_MOST:
        return refused("S22", "limit")
    since = query.get("fromDate", "")
    rows = [row for row in books.rows["purchase_orders"].values() if row["Document_Date"] >= since]
    data = [_order(row) for row in rows[offset : offset + limit]]
    return JSONResponse({"total": len(rows), "data": data})


def wql(query: QueryParams, books: Books) -> Response:
    """``GET wql data``."""
    limit, offset = int(query.get("limit", 100)), int(query.get("offset", 0))
    asked = _QUERY.fullmatch(query.get("query", ""))
    if asked is None or limit > _WQL_MOST:
        return refused("S22", "query" if asked is None else "limit")
    source = {"suppliers1": ("suppliers", _supplier), "supplierInvoices": ("supplier_invoices", _invoice)}
    if asked["source"] not in source:
        return refused("A0001", "dataSource")
    collection, shape = source[asked["source"]]
    rows = [shape(row) for row in books.rows[collection].values()]
    columns = asked["columns"].split(", ")
    conditions = _CONDITION.findall(asked["where"] or "")
    if rows and (unknown := {*columns, *(name for name, _, _ in conditions)} - rows[0].keys()):
        return refused("A0002", min(unknown))
    for name, sign, value in conditions:
        rows = [row for row in rows if (row[name] >= value if sign == ">=" else row[name] <= value)]
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
        "currency": {"id": row["Currency"], "descriptor": row["Currency"], "currencyID": row["Currency"]},
        "company": {"id": "1", "descriptor": "Acme Inc"},
        "supplier": {"id": row["Supplier_WID"], "descriptor": row["Supplier_Name"]},
    }


def _supplier(row: Row) -> dict[str, Any]:
    return {
        "supplier": {"id": row["WID"], "descriptor": row["Supplier_Name"]},
        "supplierID": row["Supplier_ID"],
        "lastUpdatedDateTime": row["updated"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "supplierStatus": {"id": row["Status"], "descriptor": row["Status"].capitalize()},
        "allEmailAddresses": row["Email_Address"],
    }


def _invoice(row: Row) -> dict[str, Any]:
    return {
        "workdayID": row["WID"],
        "invoiceNumber": row["Invoice_Number"],
        "supplier": {"id": row["Supplier_WID"], "descriptor": row["Supplier_Name"]},
        "invoiceIsPaid": row["Payment_Status"] == "Paid",
        "invoiceIsPartiallyPaid": row["Payment_Status"] == "Partially Paid",
    }
