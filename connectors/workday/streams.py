"""What can be read from Workday, by the model of the records; the tenant's settings say by which transport."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connectors.workday import soap_reads
from connectors.workday.client import Workday
from connectors.workday.json_streams import ReportStream, RestOrders, WqlStream
from connectors.workday.settings import ReportRead, RestRead, SoapRead, WqlRead
from connectors.workday.soap_stream import SoapStream
from connectors.workday.supplied import Supplied
from ml_connector.core.errors import Misconfigured

Suppliers = SoapStream | WqlStream | ReportStream
Stream = Suppliers | RestOrders | Supplied
Opened = Callable[[Workday, SoapRead], SoapStream]


def _open(client: Workday, read: SoapRead | RestRead | WqlRead | ReportRead, by_soap: Opened, number: str) -> Stream:
    """Documents. REST tells of their suppliers the WIDs, a query or a report what the tenant has it tell."""
    match read:
        case SoapRead():
            return by_soap(client, read)
        case RestRead():
            return Supplied(RestOrders(client, read), suppliers(client))
        case WqlRead() | ReportRead():
            documents = _rows(client, read, number)
            return documents if "Supplier_ID" in read.fields else Supplied(documents, suppliers(client))


def _rows(client: Workday, read: WqlRead | ReportRead, number: str) -> WqlStream | ReportStream:
    return WqlStream(client, read, number) if isinstance(read, WqlRead) else ReportStream(client, read, number)


def suppliers(client: Workday) -> Suppliers:
    read = client.settings.suppliers
    return soap_reads.suppliers(client, read) if isinstance(read, SoapRead) else _rows(client, read, "Supplier_ID")


def inactive_suppliers(client: Workday) -> Suppliers:
    """Those that are inactive; by another transport than SOAP others, too."""
    read = client.settings.suppliers
    return soap_reads.inactive_suppliers(client, read) if isinstance(read, SoapRead) else suppliers(client)


def supplier_invoices(client: Workday) -> Stream:
    return _open(client, client.settings.supplier_invoices, soap_reads.supplier_invoices, "Invoice_Number")


def purchase_orders(client: Workday) -> Stream:
    return _open(client, client.settings.purchase_orders, soap_reads.purchase_orders, "Document_Number")


def payments(client: Workday) -> Stream:
    return _open(client, client.settings.payments, soap_reads.payments, "Payment_Reference_Number")


def paid_invoices(client: Workday) -> Stream:
    """The payment status alone. `Misconfigured` where the tenant has neither a query nor a report for it."""
    read = client.settings.paid_invoices
    if read is None:
        raise Misconfigured(
            "paid_invoices is not configured: the payment status comes with the supplier invoices. Switch the stream "
            "off, or give the connection a query or a report for it"
        )
    return _rows(client, read, "Invoice_Number")


STREAMS: Mapping[str, Callable[[Workday], Stream]] = {
    "Supplier": suppliers,
    "SupplierInvoice": supplier_invoices,
    "PurchaseOrder": purchase_orders,
    "Payment": payments,
    "PaidInvoice": paid_invoices,
}
