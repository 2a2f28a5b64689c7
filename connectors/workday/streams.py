"""What can be read from Workday, by the model of the records; the tenant's settings say by which transport."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connectors.workday import soap_stream
from connectors.workday.client import Workday
from connectors.workday.json_streams import ReportStream, RestOrders, WqlStream
from connectors.workday.settings import ReportRead, RestRead, SoapRead, WqlRead
from connectors.workday.soap_stream import SoapStream
from ml_connector.core.errors import Misconfigured

Stream = SoapStream | RestOrders | WqlStream | ReportStream
Opened = Callable[[Workday, SoapRead], SoapStream]


def _open(client: Workday, read: SoapRead | RestRead | WqlRead | ReportRead, by_soap: Opened, number: str) -> Stream:
    match read:
        case SoapRead():
            return by_soap(client, read)
        case RestRead():
            return RestOrders(client, read)
        case WqlRead():
            return WqlStream(client, read, number)
        case ReportRead():
            return ReportStream(client, read, number)


def suppliers(client: Workday) -> Stream:
    return _open(client, client.settings.suppliers, soap_stream.suppliers, "Supplier_ID")


def supplier_invoices(client: Workday) -> Stream:
    return _open(client, client.settings.supplier_invoices, soap_stream.supplier_invoices, "Invoice_Number")


def purchase_orders(client: Workday) -> Stream:
    return _open(client, client.settings.purchase_orders, soap_stream.purchase_orders, "Document_Number")


def payments(client: Workday) -> Stream:
    return _open(client, client.settings.payments, soap_stream.payments, "Payment_Reference_Number")


def paid_invoices(client: Workday) -> Stream:
    """The payment status alone. `Misconfigured` where the tenant has neither a query nor a report for it."""
    read = client.settings.paid_invoices
    if read is None:
        raise Misconfigured(
            "paid_invoices is not configured: the payment status comes with the supplier invoices. Switch the stream "
            "off, or give the connection a query or a report for it"
        )
    return (
        WqlStream(client, read, "Invoice_Number")
        if isinstance(read, WqlRead)
        else ReportStream(client, read, "Invoice_Number")
    )


STREAMS: Mapping[str, Callable[[Workday], Stream]] = {
    "Supplier": suppliers,
    "SupplierInvoice": supplier_invoices,
    "PurchaseOrder": purchase_orders,
    "Payment": payments,
    "PaidInvoice": paid_invoices,
}
