"""Supplier invoices with their payment status, where a tenant has it told apart from the invoices."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime

from connectors.workday.client import Workday
from connectors.workday.settings import SYSTEM
from connectors.workday.streams import STREAMS, Stream
from ml_connector.core.records import Body, Page, SourceRecord, Window

_TOLD = ("Payment_Status", "Amount_Due", "Due_Date")


class PaidState:
    """The invoices, each with what the query or report for paid invoices says of it. Each read is a full one."""

    system = SYSTEM
    windowed = False
    continues = False

    def __init__(self, invoices: Stream, paid: Stream) -> None:
        self.operation = f"{invoices.operation}, {paid.operation}"
        self.grant = f"{invoices.grant}; {paid.grant}"
        self._invoices = invoices
        self._paid = paid

    async def clock(self) -> datetime:
        return await self._invoices.clock()

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        told: dict[str, Body] = {}
        async for page in self._paid.read(Window(None, window.hi), None):
            told |= {record.source_id: {name: record.body.get(name) for name in _TOLD} for record in page.records}
        async for page in self._invoices.read(window, cursor):
            page.records = [_completed(record, told.get(record.source_id, {})) for record in page.records]
            yield page


def supplier_invoices(client: Workday) -> Stream | PaidState:
    """The invoices with a payment status, wherever it is told."""
    invoices = STREAMS["SupplierInvoice"](client)
    if client.settings.paid_invoices is None:
        return invoices  # read once per status
    return PaidState(invoices, STREAMS["PaidInvoice"](client))


def _completed(record: SourceRecord, told: Body) -> SourceRecord:
    body = record.body | {name: value for name, value in told.items() if value is not None}
    if body.get("Amount_Due") is None:
        due = {"Unpaid": body.get("Control_Amount_Total"), "Paid": "0"}.get(str(body.get("Payment_Status")))
        body["Amount_Due"] = due
    return replace(record, body=body)
