"""The records of the streams, as mappings see them: Workday's own element names, references as their ids and names.

``WID`` is the id that Workday gives to every object and never changes. Dates are days as written by Workday, without
the offset that it appends to them. Bank and tax data are not read.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict

PaymentStatus = Literal["Unpaid", "Partially Paid", "Paid"]


class _Record(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    WID: str


class Supplier(_Record):
    """A supplier of any status."""

    Supplier_ID: str | None = None
    Supplier_Reference_ID: str | None = None
    Supplier_Name: str | None = None
    Status: str | None = None
    """``ACTIVE`` or ``INACTIVE``."""
    Status_Reason: str | None = None
    Approval_Status: str | None = None
    Supplier_Category: str | None = None
    Payment_Terms: str | None = None
    Currency: str | None = None
    Email_Address: str | None = None
    Email_Addresses: list[str] = []
    Phone: str | None = None
    Phones: list[str] = []
    Formatted_Address: str | None = None
    Address_Line_1: str | None = None
    Municipality: str | None = None
    Country_Region: str | None = None
    Postal_Code: str | None = None
    Country: str | None = None
    """ISO 3166-1 alpha-2."""
    Web_Address: str | None = None


class _OfSupplier(_Record):
    """What invoices, orders and payments have in common."""

    Company: str | None = None
    Supplier_WID: str | None = None
    Supplier_ID: str | None = None
    Supplier_Name: str | None = None
    Currency: str | None = None


class PaidInvoice(_Record):
    """The payment status alone of an invoice, from a query or a report; ``WID`` is the invoice's."""

    Invoice_Number: str | None = None
    Payment_Status: PaymentStatus | None = None
    Amount_Due: Decimal | None = None
    """Of unpaid invoices the whole amount, of paid ones 0, of partially paid ones unknown, unless this is told."""
    Due_Date: date | None = None
    """By SOAP Due_Date_Override, else the date of the invoice and the days of its payment terms."""
    Document_Status: str | None = None
    """Approved, Canceled, Denied, Draft, In Progress, Incomplete. Only of what is approved a payment status is told."""
    Is_Canceled: bool | None = None
    Is_Paid: bool | None = None
    Is_Partially_Paid: bool | None = None


class SupplierInvoice(_OfSupplier, PaidInvoice):
    """A supplier invoice. ``Invoice_Number`` is Workday's, ``Suppliers_Invoice_Number`` the one on the paper."""

    Supplier_Invoice_ID: str | None = None
    Suppliers_Invoice_Number: str | None = None
    Invoice_Date: date | None = None
    Payment_Terms: str | None = None
    Payment_Terms_WID: str | None = None
    On_Hold: bool | None = None
    Control_Amount_Total: Decimal | None = None
    Tax_Amount: Decimal | None = None
    External_PO_Number: str | None = None
    Purchase_Orders: list[str] = []
    """The numbers of the orders whose lines the invoice is for."""
    Purchase_Order_Line_IDs: list[str] = []
    """The lines of which Workday does not tell the number of the order itself."""
    Memo: str | None = None


class PurchaseOrder(_OfSupplier):
    """A purchase order. ``Total_Amount`` is the sum of its lines before tax, except by REST, which has its own."""

    Purchase_Order_ID: str | None = None
    Document_Number: str | None = None
    Document_Status: str | None = None
    Document_Date: date | None = None
    Due_Date: date | None = None
    Payment_Terms: str | None = None
    Total_Amount: Decimal | None = None
    Line_IDs: list[str] = []
    Memo: str | None = None


class RemittedDocument(BaseModel):
    """What a payment paid. No id of an invoice: it is found by number within the supplier, and date."""

    Document_Type: str | None = None
    Document_ID: str | None = None
    Document_Reference: str | None = None
    Document_Date: date | None = None
    Total_Payable_Amount: Decimal | None = None
    Amount_Paid: Decimal | None = None
    Amount_Due: Decimal | None = None


class Payment(_OfSupplier):
    """A payment, with the documents that it settles."""

    Payment_Status: str | None = None
    Payment_Reference_Number: str | None = None
    Payment_Amount: Decimal | None = None
    Payment_Date: date | None = None
    Payment_Type: str | None = None
    Payee_Name: str | None = None
    Payee_ID: str | None = None
    Documents: list[RemittedDocument] = []


class _Summed(BaseModel):
    Supplier_WID: str
    Is_Awaited: bool
    """Whether the supplier is active, so that it will be known elsewhere, if it is not yet."""


class SupplierInvoices(_Summed):
    """Stream ``invoices of a supplier``, added up. A partially paid invoice counts with its whole amount."""

    Recent_Invoice_Count: int
    """Of the connection's ``recent_days``."""
    Open_Invoice_Count: int
    Overdue_Invoice_Count: int | None
    """Those of the open ones whose due date is known, and it has passed; null where none is known."""
    Open_Amounts: dict[str, Decimal]
    """By currency."""
    Newest_Invoices: list[str]


class SupplierOrders(_Summed):
    """Stream ``purchase orders of a supplier``, added up."""

    Order_Count: int
    Newest_Orders: list[str]
    Newest_Order_Date: date | None = None


class SupplierPayments(_Summed):
    """Stream ``payments to a supplier``, of as many days back as payments are read."""

    Payment_Count: int
    Last_Payment_Date: date | None = None
    Last_Payment: str | None = None
    Last_Payment_Amount: dict[str, Decimal] = {}
