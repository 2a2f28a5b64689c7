"""Streams that are read by SOAP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta

from connectors.workday.client import Page as SoapPage
from connectors.workday.client import Workday
from connectors.workday.envelope import Part, Reference
from connectors.workday.operations import (
    GET_PAYMENTS,
    GET_PURCHASE_ORDERS,
    GET_SUPPLIER_INVOICES,
    GET_SUPPLIERS,
    Operation,
)
from connectors.workday.place import Place
from connectors.workday.settings import SYSTEM, SoapRead
from ml_connector.core import jsonx
from ml_connector.core.errors import RetryLater
from ml_connector.core.records import Body, Page, SourceRecord, Window

_PAYMENT_STATUS = {
    "Unpaid": "d9e43940446c11de98360015c5e6daf6",
    "Partially Paid": "d9e43706446c11de98360015c5e6daf6",
    "Paid": "d9e4362a446c11de98360015c5e6daf6",
}
"""Workday's own instances, the same in every tenant; in the order in which an invoice goes through them, so that one
that moves on while it is read is seen twice rather than never."""


@dataclass(slots=True, frozen=True)
class Pass:
    """One question to the operation, and what asking it tells of each record in the answer."""

    criteria: Sequence[Part]
    adds: Callable[[Body], Body] = field(default=lambda _: {})


class SoapStream:
    """One operation, read in passes of pages. Workday's answers have no time of change: the content tells versions."""

    system = SYSTEM
    continues = False

    def __init__(
        self,
        client: Workday,
        read: SoapRead,
        operation: Operation,
        passes: Callable[[Window], Sequence[Pass]],
        *,
        windowed: bool,
        number: str,
    ) -> None:
        self.client = client
        self.windowed = windowed
        self.operation = f"SOAP {operation.name} {read.service or operation.service} {read.version}"
        self.grant = operation.grant
        self._read = read
        self._operation = operation
        self._passes = passes
        self._number = number

    async def clock(self) -> datetime:
        """The tenant's time, UTC: the Date header of an answer with one record."""
        past = datetime.now(UTC) - timedelta(days=1)
        criteria = self._passes(Window(past, past))[0].criteria
        page = await self.client.page(self._operation, self._read, criteria, page=1, as_of=past, count=1)
        if page.server_time is None:
            raise RetryLater("answered without a Date header: its clock is unknown", vendor=SYSTEM)
        return page.server_time

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        """All records that the passes find, as they stood at the end of the window: pages do not shift meanwhile.

        Where they do shift, because records have left what was asked for, some pages come twice.
        """
        begin = Place(**jsonx.loads(cursor)) if cursor else Place()
        for nth, one in list(enumerate(self._passes(window)))[begin.nth :]:
            place = begin if nth == begin.nth else Place(nth)
            while place.page:
                page = await self._page(one, place.page, window)
                place = place.behind(page.answer)
                records = [self._record(row | one.adds(row)) for row in page.answer.rows]
                if records:
                    yield Page(records, jsonx.dumps(asdict(place)).decode(), page.request_id)

    async def _page(self, one: Pass, number: int, window: Window) -> SoapPage:
        page = await self.client.page(
            self._operation, self._read, one.criteria, page=number, as_of=window.hi, count=self._read.page_size
        )
        if not page.answer.rows and page.answer.total and number <= page.answer.pages:
            raise RetryLater(
                f"gave no records on a page of which it says that it is one of {page.answer.pages}",
                vendor=SYSTEM,
                phase=f"{self._operation.name}, page {number}",
                request_id=page.request_id,
            )
        return page

    def _record(self, body: Body) -> SourceRecord:
        # Some records have lost their WID to a security rule; then what they are called must do.
        source_id = body.get("WID") or body.get(self._number) or jsonx.digest(body).hex()[:32]
        return SourceRecord(str(source_id), None, body, body.get(self._number))


def suppliers(client: Workday, read: SoapRead) -> SoapStream:
    """Suppliers that were changed in the window, of any status."""
    return SoapStream(client, read, GET_SUPPLIERS, _changed, windowed=True, number="Supplier_ID")


def purchase_orders(client: Workday, read: SoapRead) -> SoapStream:
    """Purchase orders that were changed in the window."""
    return SoapStream(client, read, GET_PURCHASE_ORDERS, _changed, windowed=True, number="Document_Number")


def supplier_invoices(client: Workday, read: SoapRead) -> SoapStream:
    """Supplier invoices, which have neither a filter by change nor a payment status in the answer.

    Unless another stream tells the payment status, the invoices are read once for each.
    """
    told_elsewhere = client.settings.paid_invoices is not None

    def passes(window: Window) -> list[Pass]:
        recent: tuple[Part, ...] = (("Invoice_Date_On_or_After", _day(window.hi - timedelta(days=read.days))),)
        if told_elsewhere:
            return [Pass(recent)]
        return [
            Pass((*(recent if status == "Paid" else ()), _has_status(wid)), _status(status))
            for status, wid in _PAYMENT_STATUS.items()
        ]

    return SoapStream(client, read, GET_SUPPLIER_INVOICES, passes, windowed=False, number="Invoice_Number")


def payments(client: Workday, read: SoapRead) -> SoapStream:
    """Payments of the last days, in full each time: one may be voided later."""

    def passes(window: Window) -> list[Pass]:
        span: tuple[Part, ...] = (
            ("Payment_Date_on_Date_Or_After", _day(window.hi - timedelta(days=read.days))),
            ("Payment_Date_on_Date_Or_Before", _day(window.hi + timedelta(days=1))),
        )
        return [Pass((("General_Payment_Criteria", span),))]

    return SoapStream(client, read, GET_PAYMENTS, passes, windowed=False, number="Payment_Reference_Number")


def _changed(window: Window) -> list[Pass]:
    if window.lo is None:
        return [Pass(())]
    # No Updated_To_Date: what is changed while it is read would leave the answer, and its neighbours change pages.
    return [Pass((("Updated_From_Date", _moment(window.lo)),))]


def _has_status(wid: str) -> Part:
    return ("Payment_Status_Reference", Reference("WID", wid))


def _status(status: str) -> Callable[[Body], Body]:
    def adds(body: Body) -> Body:
        due = {"Unpaid": body.get("Control_Amount_Total"), "Paid": "0"}.get(status)
        return {"Payment_Status": status, "Amount_Due": due}

    return adds


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _day(at: datetime) -> str:
    return at.date().isoformat()
