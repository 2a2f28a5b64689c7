"""Supplier invoices with what Workday tells elsewhere: when they are due, and whether they are paid."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from connectors.workday import soap_reads
from connectors.workday.client import Workday
from connectors.workday.order_lines import OrderNumbers
from connectors.workday.settings import SYSTEM, SoapRead
from connectors.workday.soap_stream import SoapStream
from connectors.workday.statuses import owed, stands
from connectors.workday.streams import STREAMS, Stream
from ml_connector.core import jsonx
from ml_connector.core.errors import Misconfigured
from ml_connector.core.records import Body, Page, Window

_TOLD = ("Payment_Status", "Amount_Due", "Due_Date", "Document_Status")
_WID = re.compile(r"[0-9a-f]{32}")
_AT_ONCE = 100


class SupplierInvoices:
    """The invoices, each with its due date, and with what the query or report for paid invoices says of it."""

    system = SYSTEM
    continues = False

    def __init__(self, client: Workday, *, with_orders: bool = True) -> None:
        self._orders = OrderNumbers(client) if with_orders else None
        self._invoices = STREAMS["SupplierInvoice"](client)
        self._terms: SoapStream | None = None
        if isinstance(read := client.settings.supplier_invoices, SoapRead):
            self._terms = soap_reads.payment_terms(client, SoapRead(version=read.version))
        self._paid: Stream | None = None
        if client.settings.paid_invoices is not None:
            self._paid = STREAMS["PaidInvoice"](client)
        parts = [part for part in (self._invoices, self._paid) if part is not None]
        self.operation = ", ".join(part.operation for part in parts)
        self.grant = "; ".join(part.grant for part in parts)
        self.windowed = self._invoices.windowed and self._paid is None

    async def clock(self) -> datetime:
        return await self._invoices.clock()

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        """Where the paid state is told elsewhere each read is a full one, each invoice comes once, and a read that was
        broken off begins anew."""
        due_days = await self._due_days(window)
        if self._paid is None:
            async for page in self._invoices.read(window, cursor):
                yield await self._page(page, {}, due_days, window)
            return
        told = {
            r.source_id: r.body async for page in self._paid.read(Window(None, window.hi), None) for r in page.records
        }
        seen: set[str] = set()
        async for page in self._every(window, told, seen):
            page.records = [record for record in page.records if record.source_id not in seen]
            seen |= {record.source_id for record in page.records}
            if page.records:
                yield await self._page(page, told, due_days, window)

    async def _page(self, page: Page, told: Mapping[str, Body], due_days: Mapping[str, int], window: Window) -> Page:
        for nth, record in enumerate(page.records):
            body = _completed(record.body, told[record.source_id]) if record.source_id in told else record.body
            body = _due(body, due_days)
            page.records[nth] = replace(record, body=await self._orders.of(body, window) if self._orders else body)
        return page

    async def _every(self, window: Window, told: Mapping[str, Body], seen: set[str]) -> AsyncIterator[Page]:
        """Those that are read anyway, then those that only the query names: old ones that have been paid."""
        async for page in self._invoices.read(Window(None, window.hi), None):
            yield page
        if not isinstance(self._invoices, SoapStream):
            return
        left = sorted(wid for wid in told.keys() - seen if _WID.fullmatch(wid))
        for first in range(0, len(left), _AT_ONCE):
            part = left[first : first + _AT_ONCE]
            yield Page(await self._invoices.named(part, window), jsonx.dumps({"named": part[-1]}).decode())

    async def _due_days(self, window: Window) -> dict[str, int]:
        """By payment terms, so far as the user may read them: without, a due date is known where an invoice has its
        own."""
        if self._terms is None:
            return {}
        try:
            pages = [page async for page in self._terms.read(Window(None, window.hi), None)]
        except Misconfigured:  # `ping` says so
            return {}
        bodies = {record.source_id: record.body for page in pages for record in page.records}
        return {wid: int(float(body["Due_Days"])) for wid, body in bodies.items() if body["Due_Days"] is not None}


def _completed(invoice: Body, told: Body) -> Body:
    known = {name: told[name] for name in _TOLD if told.get(name) is not None}
    if stands(known.get("Document_Status")):
        known.pop("Document_Status", None)  # Workday's own word for it is there
    if "Payment_Status" in known:
        known.setdefault("Amount_Due", None)
    return owed(invoice | known)


def _due(invoice: Body, due_days: Mapping[str, int]) -> Body:
    """``Due_Date_Override``, else the invoice's date and the days of its payment terms."""
    days = due_days.get(str(invoice.get("Payment_Terms_WID")))
    if invoice.get("Due_Date") is not None or days is None:
        return invoice
    try:
        issued = date.fromisoformat(str(invoice.get("Invoice_Date")))
    except ValueError:
        return invoice
    return invoice | {"Due_Date": (issued + timedelta(days=days)).isoformat()}
