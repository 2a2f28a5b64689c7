"""What is added up per supplier: its invoices, its purchase orders, its payments.

A supplier does not change with its documents, so each read is a full one, and the content tells what changed. Of each
document a few values are kept in memory.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal

from connectors.workday.client import Workday
from connectors.workday.invoices import SupplierInvoices
from connectors.workday.settings import SYSTEM
from connectors.workday.statuses import has_paid, stands
from connectors.workday.streams import STREAMS, Stream, inactive_suppliers
from ml_connector.core import jsonx
from ml_connector.core.errors import AbortRun
from ml_connector.core.functions import amount
from ml_connector.core.records import Body, Page, SourceRecord, Window

Sum = Callable[[str, list[Body], date], Body]
_PAGE = 500
_NAMED = 5


class SumPerSupplier:
    """One record per supplier that has any; the source id is the supplier's WID."""

    system = SYSTEM
    windowed = False
    continues = False

    def __init__(
        self,
        client: Workday,
        documents: Stream | SupplierInvoices,
        wanted: tuple[str, ...],
        summed: Sum,
        day: str,
    ) -> None:
        self.operation = f"{documents.operation}, added up"
        self.grant = documents.grant
        self._documents = documents
        self._inactive = inactive_suppliers(client)
        self._wanted = wanted
        self._summed = summed
        self._day = day

    async def clock(self) -> datetime:
        return await self._documents.clock()

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        """In the order of the suppliers' WIDs; a read that goes on adds everything up once more."""
        after = str(jsonx.loads(cursor)["after"]) if cursor else ""
        by_supplier: dict[str, list[Body]] = {}
        for row in (await self._rows(window)).values():
            if row.get("Supplier_WID"):
                by_supplier.setdefault(row["Supplier_WID"], []).append(row)
        inactive = await self._inactive_ones(window) if by_supplier else set()
        left = sorted(wid for wid in by_supplier if wid > after)
        for first in range(0, len(left), _PAGE):
            part = left[first : first + _PAGE]
            records = [
                SourceRecord(wid, None, self._body(wid, by_supplier[wid], window.hi, awaited=wid not in inactive))
                for wid in part
            ]
            yield Page(records, jsonx.dumps({"after": part[-1]}).decode())

    def absent(self, source_id: str, before: Body) -> Body:  # noqa: ARG002
        """Of a supplier that has none."""
        return {"Supplier_WID": source_id, "Is_Awaited": False, **self._summed(source_id, [], date.min)}

    async def _inactive_ones(self, window: Window) -> set[str]:
        pages = self._inactive.read(Window(None, window.hi), None)
        return {r.source_id async for page in pages for r in page.records if r.body.get("Status") == "INACTIVE"}

    async def _rows(self, window: Window) -> dict[str, Body]:
        """By WID: one that moves while the passes are read is seen twice, and counts as it was seen last."""
        rows: dict[str, Body] = {}
        async for page in self._documents.read(Window(None, window.hi), None):
            for record in page.records:
                rows[record.source_id] = {name: record.body.get(name) for name in self._wanted}
        return rows

    def _body(self, wid: str, rows: list[Body], now: datetime, *, awaited: bool) -> Body:
        rows.sort(key=lambda row: (str(row.get(self._day) or ""), str(row.get("WID"))), reverse=True)
        try:
            return {"Supplier_WID": wid, "Is_Awaited": awaited, **self._summed(wid, rows, now.date())}
        except ValueError:
            raise AbortRun(f"an amount of supplier {wid} is none", vendor=SYSTEM, phase=self.operation) from None


def supplier_invoices(client: Workday) -> SumPerSupplier:
    """Invoices of the last ``recent_days``, and what is open, however old; without drafts and what was canceled."""

    def summed(_: str, rows: list[Body], today: date) -> Body:
        rows = [row for row in rows if stands(row.get("Document_Status"))]
        since = date.fromordinal(max(1, today.toordinal() - client.settings.recent_days)).isoformat()
        unpaid = [row for row in rows if row.get("Payment_Status") in ("Unpaid", "Partially Paid")]
        due = [str(row["Due_Date"])[:10] for row in unpaid if row.get("Due_Date")]
        return {
            "Recent_Invoice_Count": sum(str(row.get("Invoice_Date") or "")[:10] >= since for row in rows),
            "Open_Invoice_Count": len(unpaid),
            "Overdue_Invoice_Count": sum(day < today.isoformat() for day in due) if due or not unpaid else None,
            "Open_Amounts": _amounts((_due(row), row.get("Currency")) for row in unpaid),
            "Newest_Invoices": [row["Invoice_Number"] for row in rows[:_NAMED] if row.get("Invoice_Number")],
        }

    wanted = ("WID", "Supplier_WID", "Invoice_Number", "Invoice_Date", "Due_Date", "Currency", "Payment_Status")
    amounts = ("Amount_Due", "Control_Amount_Total")
    return SumPerSupplier(
        client,
        SupplierInvoices(client, with_orders=False),
        (*wanted, "Document_Status", *amounts),
        summed,
        "Invoice_Date",
    )


def supplier_orders(client: Workday) -> SumPerSupplier:
    def summed(_: str, rows: list[Body], __: date) -> Body:
        return {
            "Order_Count": len(rows),
            "Newest_Orders": [row["Document_Number"] for row in rows[:_NAMED] if row.get("Document_Number")],
            "Newest_Order_Date": rows[0].get("Document_Date") if rows else None,
        }

    wanted = ("WID", "Supplier_WID", "Document_Number", "Document_Date")
    return SumPerSupplier(client, STREAMS["PurchaseOrder"](client), wanted, summed, "Document_Date")


def supplier_payments(client: Workday) -> SumPerSupplier:
    """Payments that have not been undone."""

    def summed(_: str, rows: list[Body], __: date) -> Body:
        made = [row for row in rows if has_paid(row.get("Payment_Status"))]
        newest = made[0] if made else {}
        return {
            "Payment_Count": len(made),
            "Last_Payment_Date": newest.get("Payment_Date"),
            "Last_Payment": newest.get("Payment_Reference_Number"),
            "Last_Payment_Amount": _amounts([(newest.get("Payment_Amount"), newest.get("Currency"))]),
        }

    wanted = ("WID", "Supplier_WID", "Payment_Date", "Payment_Status", "Payment_Reference_Number")
    amounts = ("Payment_Amount", "Currency")
    return SumPerSupplier(client, STREAMS["Payment"](client), (*wanted, *amounts), summed, "Payment_Date")


def _due(row: Body) -> object:
    """Of a partially paid invoice Workday does not say what is left: it counts as a whole, rather than as nothing."""
    due = row.get("Amount_Due")
    return row.get("Control_Amount_Total") if due is None else due


def _amounts(found: Iterable[tuple[object, object]]) -> dict[str, str]:
    """By currency. ``ValueError`` if one is none."""
    sums: dict[str, Decimal] = {}
    for value, currency in found:
        if value is not None and currency:
            sums[str(currency)] = sums.get(str(currency), Decimal(0)) + amount(value)
    return {currency: format(total, "f") for currency, total in sorted(sums.items())}


SUMS: Mapping[str, Callable[[Workday], SumPerSupplier]] = {
    "SupplierInvoices": supplier_invoices,
    "SupplierOrders": supplier_orders,
    "SupplierPayments": supplier_payments,
}
