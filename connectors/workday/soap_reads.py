"""What is asked of each operation, so that it tells of what has changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from connectors.workday.client import Workday
from connectors.workday.envelope import Part, Reference
from connectors.workday.operations import (
    GET_PAYMENT_TERMS,
    GET_PAYMENTS,
    GET_PURCHASE_ORDERS,
    GET_SUPPLIER_INVOICES,
    GET_SUPPLIERS,
)
from connectors.workday.settings import SoapRead
from connectors.workday.soap_stream import Pass, SoapStream
from connectors.workday.statuses import DOCUMENT_STATUS, PAYMENT_STATUS, owed
from ml_connector.core.records import Window


def suppliers(client: Workday, read: SoapRead) -> SoapStream:
    """Suppliers that were changed in the window, of any status."""
    return SoapStream(client, read, GET_SUPPLIERS, _changed, windowed=True, number="Supplier_ID")


def inactive_suppliers(client: Workday, read: SoapRead) -> SoapStream:
    """All suppliers that are inactive."""
    asked = ("Supplier_Status_Reference", Reference("Business_Entity_Status_Value_ID", "INACTIVE"))
    return SoapStream(client, read, GET_SUPPLIERS, lambda _: [Pass([asked])], windowed=False, number="Supplier_ID")


def purchase_orders(client: Workday, read: SoapRead) -> SoapStream:
    """Purchase orders that were changed in the window."""
    return SoapStream(client, read, GET_PURCHASE_ORDERS, _changed, windowed=True, number="Document_Number")


def supplier_invoices(client: Workday, read: SoapRead) -> SoapStream:
    """Supplier invoices, which have neither a filter by change nor a payment status in the answer.

    They are read once for each payment status, and those that owe nothing any more once for that. Where another stream
    tells the status, those of the last days are read without one: it need not name them all.
    """
    told_elsewhere = client.settings.paid_invoices is not None

    def passes(window: Window) -> list[Pass]:
        recent: tuple[Part, ...] = (("Invoice_Date_On_or_After", _day(window.hi - timedelta(days=read.days))),)
        still_open, paid = [_of_status(name) for name in ("Unpaid", "Partially Paid")], _of_status("Paid", recent)
        if told_elsewhere:
            return [*still_open, Pass(recent, owed)]
        ended = [("Invoice_Status_Reference", Reference("WID", DOCUMENT_STATUS[s])) for s in ("Canceled", "Denied")]
        return [*still_open, paid, Pass((*recent, *ended), owed)]

    return SoapStream(client, read, GET_SUPPLIER_INVOICES, passes, windowed=False, number="Invoice_Number")


def payment_terms(client: Workday, read: SoapRead) -> SoapStream:
    """All payment terms, of which there are few."""
    return SoapStream(client, read, GET_PAYMENT_TERMS, lambda _: [Pass()], windowed=False, number="Payment_Terms_ID")


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
    """Both ends of the window, as all do who were seen to ask for changes."""
    if window.lo is None:
        return [Pass()]
    return [Pass((("Updated_From_Date", _moment(window.lo)), ("Updated_To_Date", _moment(window.hi))))]


def _of_status(status: str, criteria: Sequence[Part] = ()) -> Pass:
    asked = ("Payment_Status_Reference", Reference("WID", PAYMENT_STATUS[status]))
    return Pass((*criteria, asked), lambda body: owed(body | {"Payment_Status": status}))


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _day(at: datetime) -> str:
    return at.date().isoformat()
