"""What is added up per customer: its orders, its invoices.

A browse cannot be asked for sums, and a customer does not change with its orders: each read is a full one, and the
content tells what changed. Of each customer a few numbers are kept in memory, not its orders.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from heapq import nlargest

from connectors.qad.client import Qad
from connectors.qad.settings import SYSTEM
from connectors.qad.streams import STREAMS, BrowseStream
from ml_connector.core import jsonx
from ml_connector.core.errors import AbortRun
from ml_connector.core.functions import amount
from ml_connector.core.records import Body, Page, SourceRecord, Window

_NAMED = 5
_PAGE = 500


@dataclass(slots=True)
class _Sum:
    """Of one customer."""

    count: int = 0
    open: int = 0
    amounts: dict[str, Decimal] = field(default_factory=dict)
    newest: list[tuple[str, str]] = field(default_factory=list)
    """Day and number."""

    def add(self, number: str, day: str, row: Body, closed: Collection[str]) -> None:
        self.count += 1
        self.newest = nlargest(_NAMED, [*self.newest, (day, number)])
        if row.get("openAmount") is None:
            self.open += str(row.get("status") or "").upper() not in closed
        elif owed := _owed(number, row):
            self.open += 1
            currency = str(row["currencyCode"])
            self.amounts[currency] = self.amounts.get(currency, Decimal(0)) + owed

    def body(self, customer_id: str) -> Body:
        return {
            "customerId": customer_id,
            "count": self.count,
            "openCount": self.open,
            "newest": [number for _, number in self.newest],
            "newestDate": (self.newest[0][0][:10] or None) if self.newest else None,
        }


def _owed(number: str, row: Body) -> Decimal:
    """What is open of an invoice; less than nothing, of a credit."""
    try:
        owed = amount(row["openAmount"])
    except ValueError:
        raise AbortRun(
            f"the open amount of {number} is none: correct the column of openAmount in the tenant file", vendor=SYSTEM
        ) from None
    if owed and not row.get("currencyCode"):
        raise AbortRun(
            f"the open amount of {number} has no currency: correct it in QAD, or the column of currencyCode in the "
            "tenant file",
            vendor=SYSTEM,
        )
    return owed


class SumPerCustomer:
    """One record per customer that has any; the source id is the customer's."""

    system = SYSTEM
    windowed = False
    continues = False

    def __init__(self, rows: BrowseStream, number: str, day: str, *, owed: bool) -> None:
        self.operation = f"{rows.operation}, added up"
        self._rows = rows
        self._number = number
        self._day = day
        self._owed = owed

    async def clock(self) -> datetime:
        return await self._rows.clock()

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        """In the order of the customers' ids; a read that goes on adds everything up once more."""
        after = str(jsonx.loads(cursor)["after"]) if cursor else ""
        sums: dict[str, _Sum] = {}
        closed = {status.upper() for status in self._rows.entity.closed}
        async for page in self._rows.read(Window(None, window.hi), None):
            for row in (record.body for record in page.records):
                if row["customerId"] and row.get(self._number):
                    found = sums.setdefault(row["customerId"], _Sum())
                    found.add(str(row[self._number]), str(row.get(self._day) or ""), row, closed)
        left = sorted(customer_id for customer_id in sums if customer_id > after)
        for first in range(0, len(left), _PAGE):
            part = left[first : first + _PAGE]
            records = [SourceRecord(one, None, self._body(one, sums[one])) for one in part]
            yield Page(records, jsonx.dumps({"after": part[-1]}).decode())

    def absent(self, source_id: str, before: Body) -> Body:  # noqa: ARG002
        """Of a customer that has none."""
        return self._body(source_id, _Sum())

    def _body(self, customer_id: str, found: _Sum) -> Body:
        body = found.body(customer_id)
        if self._owed:
            body["openAmounts"] = {currency: format(owed, "f") for currency, owed in sorted(found.amounts.items())}
        return body


def customer_orders(client: Qad) -> SumPerCustomer:
    return SumPerCustomer(STREAMS["SalesOrder"](client), "orderNumber", "orderDate", owed=False)


def customer_invoices(client: Qad) -> SumPerCustomer:
    return SumPerCustomer(STREAMS["Invoice"](client), "invoiceNumber", "invoiceDate", owed=True)


SUMS: Mapping[str, Callable[[Qad], SumPerCustomer]] = {
    "CustomerOrders": customer_orders,
    "CustomerInvoices": customer_invoices,
}
