"""Holds on supplier invoices, each with the invoice that it is on.

A hold names its invoice by number, supplier and business unit, not by id:
https://docs.oracle.com/en/cloud/saas/financials/23d/farfa/Get_Invoice_Holds_Using_a_Child_Resource_Attribute.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from connectors.oracle_fusion.documents import Documents
from connectors.oracle_fusion.finance import PayablesInvoices
from connectors.oracle_fusion.literals import literal
from connectors.oracle_fusion.payables_models import HeldInvoice
from ml_connector.core.records import Body

ASKED_AT_ONCE = 40
"""Invoice numbers in one query; more make the address too long."""
_SHOWN = tuple(HeldInvoice.model_fields)
_Name = tuple[str | None, ...]


class InvoiceHolds(Documents):
    """Holds, placed or released. ``invoice`` is left out where none, or more than one, answers to the hold's names."""

    resource = "invoiceHolds"
    key = "HoldId"
    number = "InvoiceNumber"

    def page(self) -> str:
        return self.client.settings.invoice_page

    async def joined(self, rows: list[Body]) -> list[Body]:
        """The invoice and its page; one query for the holds of a page."""
        invoices = await self._invoices({row["InvoiceNumber"] for row in rows if row.get("InvoiceNumber")})
        return [self._beside(invoices.get(_name(row), [])) for row in rows]

    def _beside(self, found: list[Body]) -> Body:
        if len(found) != 1:
            return {}
        invoice = {name: found[0][name] for name in _SHOWN if name in found[0]}
        url = self.client.page_of(self.page(), invoice)
        return {"invoice": invoice} | ({"url": url} if url else {})

    async def _invoices(self, numbers: Iterable[str]) -> dict[_Name, list[Body]]:
        # a number with characters that may not stand in a query is not asked for: its hold comes without the invoice
        literals = [text for number in sorted(numbers) if (text := literal(number))]
        found: dict[_Name, list[Body]] = {}
        for start in range(0, len(literals), ASKED_AT_ONCE):
            async for invoice in self._numbered(literals[start : start + ASKED_AT_ONCE]):
                found.setdefault(_name(invoice), []).append(invoice)
        return found

    async def _numbered(self, literals: list[str]) -> AsyncIterator[Body]:
        """The invoices with these numbers, of all suppliers, in the order of their ids."""
        named = " or ".join(f"InvoiceNumber = {text}" for text in literals)
        behind = ""
        while True:
            page = await self.client.collection(
                self.root,
                PayablesInvoices.resource,
                q=f"({named}){behind}" if behind else named,
                order_by=f"{PayablesInvoices.key}:asc",
            )  # no `fields`: names of other tables, such as Supplier, may be missing then, and nothing would be joined
            if not page.rows:
                return
            for row in page.rows:
                yield row
            behind = f" and {PayablesInvoices.key} > {page.rows[-1][PayablesInvoices.key]}"


def _name(row: Body) -> _Name:
    """What a hold and its invoice have in common. Who is paid is a supplier, or, of an expense report, a party."""
    return (row.get("InvoiceNumber"), row.get("BusinessUnit"), row.get("Supplier") or row.get("Party"))
