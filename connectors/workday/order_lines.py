"""The purchase orders of an invoice, whose lines name those of orders."""

from __future__ import annotations

from connectors.workday.client import Workday
from connectors.workday.streams import STREAMS
from ml_connector.core.errors import Misconfigured
from ml_connector.core.records import Body, Window


class OrderNumbers:
    """The numbers of orders by the ids of their lines, read when the first invoice does not tell them itself."""

    def __init__(self, client: Workday) -> None:
        self._orders = STREAMS["PurchaseOrder"](client)
        self._by_line: dict[str, str] | None = None

    async def of(self, invoice: Body, window: Window) -> Body:
        """The invoice with the orders of all its lines, so far as the user may read them."""
        lines = invoice.get("Purchase_Order_Line_IDs")
        if not lines:
            return invoice
        if self._by_line is None:
            self._by_line = await self._read(window)
        numbers = [*invoice["Purchase_Orders"], *(self._by_line[line] for line in lines if line in self._by_line)]
        return invoice | {"Purchase_Orders": list(dict.fromkeys(numbers))}

    async def _read(self, window: Window) -> dict[str, str]:
        found: dict[str, str] = {}
        try:
            async for page in self._orders.read(Window(None, window.hi), None):
                for order in page.records:
                    number = order.body.get("Document_Number")
                    found |= dict.fromkeys(order.body.get("Line_IDs") or (), number) if number else {}
        except Misconfigured:  # `ping` says so
            return {}
        return found
