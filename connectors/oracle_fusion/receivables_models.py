"""Customer invoices, as mappings see them; see `models`."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from connectors.oracle_fusion.models import Record


class ReceivablesInstallment(Record):
    """What of an invoice a customer is to pay when."""

    InstallmentId: str | None = None
    InstallmentSequenceNumber: int | None = None
    InstallmentDueDate: str | None = None
    InstallmentStatus: str | None = None
    OriginalAmount: Decimal | None = None
    InstallmentBalanceDue: Decimal | None = None
    AmountPaid: Decimal | None = None
    CreationDate: datetime | None = None
    LastUpdateDate: datetime | None = None


class ReceivablesLine(Record):
    """A line of a customer's invoice."""

    CustomerTransactionLineId: str | None = None
    LineNumber: int | None = None
    Description: str | None = None
    ItemNumber: str | None = None
    MemoLine: str | None = None
    Quantity: Decimal | None = None
    UnitOfMeasure: str | None = None
    UnitSellingPrice: Decimal | None = None
    LineAmount: Decimal | None = None
    SalesOrder: str | None = None
    TaxClassificationCode: str | None = None
    CreationDate: datetime | None = None
    LastUpdateDate: datetime | None = None


class ReceivablesInvoice(Record):
    """Stream of invoices to customers. ``InvoiceStatus``: Complete, Incomplete or Frozen."""

    CustomerTransactionId: str
    AccountingDate: str | None = None
    AllowCompletion: str | None = None
    BillingDate: str | None = None
    BillToContact: str | None = None
    BillToCustomerName: str | None = None
    BillToCustomerNumber: str | None = None
    BillToPartyId: str | None = None
    BillToSite: str | None = None
    BusinessUnit: str | None = None
    Carrier: str | None = None
    Comments: str | None = None
    ControlCompletionReason: str | None = None
    ConversionDate: str | None = None
    ConversionRate: Decimal | None = None
    ConversionRateType: str | None = None
    CreatedBy: str | None = None
    CreationDate: datetime | None = None
    CrossReference: str | None = None
    DefaultTaxationCountry: str | None = None
    DeliveryMethod: str | None = None
    DocumentFiscalClassification: str | None = None
    DocumentNumber: str | None = None
    DueDate: str | None = None
    Email: str | None = None
    EnteredAmount: Decimal | None = None
    FirstPartyRegistrationNumber: str | None = None
    FreightAmount: Decimal | None = None
    Intercompany: str | None = None
    InternalNotes: str | None = None
    InvoiceBalanceAmount: Decimal | None = None
    InvoiceCurrencyCode: str | None = None
    InvoicePrinted: str | None = None
    InvoiceStatus: str | None = None
    InvoicingRule: str | None = None
    LastPrintDate: str | None = None
    LastUpdateDate: datetime | None = None
    LastUpdatedBy: str | None = None
    LegalEntityIdentifier: str | None = None
    OriginalPrintDate: str | None = None
    PayingCustomerAccount: str | None = None
    PayingCustomerName: str | None = None
    PayingCustomerSite: str | None = None
    PaymentTerms: str | None = None
    Prepayment: str | None = None
    PrintOption: str | None = None
    PurchaseOrder: str | None = None
    PurchaseOrderDate: str | None = None
    PurchaseOrderRevision: str | None = None
    ReceiptMethod: str | None = None
    RemitToAddress: str | None = None
    SalesPersonNumber: str | None = None
    ShipDate: str | None = None
    ShippingReference: str | None = None
    ShipToContact: str | None = None
    ShipToCustomerName: str | None = None
    ShipToCustomerNumber: str | None = None
    ShipToSite: str | None = None
    SoldToPartyNumber: str | None = None
    SpecialInstructions: str | None = None
    StructuredPaymentReference: str | None = None
    ThirdPartyRegistrationNumber: str | None = None
    TransactionDate: str | None = None
    TransactionNumber: str | None = None
    TransactionSource: str | None = None
    TransactionType: str | None = None
    receivablesInvoiceInstallments: tuple[ReceivablesInstallment, ...] = ()  # noqa: N815 - the vendor's name
    receivablesInvoiceLines: tuple[ReceivablesLine, ...] = ()  # noqa: N815 - the vendor's name
    url: str | None = None
    """Where a person sees it in Fusion."""
    rows_left_out: bool = False
    """True where it may have more rows below it than are read (`descendants.MOST`)."""
