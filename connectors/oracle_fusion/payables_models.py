"""Supplier invoices and their holds, as mappings see them; see `models`."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from connectors.oracle_fusion.models import Record


class InvoiceDistribution(Record):
    """What a line costs which account."""

    InvoiceDistributionId: str | None = None
    DistributionLineNumber: int | None = None
    DistributionLineType: str | None = None
    DistributionAmount: Decimal | None = None
    DistributionCombination: str | None = None
    Description: str | None = None
    AccountingDate: str | None = None
    AccountingStatus: str | None = None
    ValidationStatus: str | None = None
    MatchedStatus: str | None = None
    FundsStatus: str | None = None
    InvoicedQuantity: Decimal | None = None
    UnitPrice: Decimal | None = None
    UOM: str | None = None
    PurchaseOrderNumber: str | None = None
    PurchaseOrderLineNumber: Decimal | None = None
    PurchaseOrderScheduleLineNumber: Decimal | None = None
    PurchaseOrderDistributionLineNumber: Decimal | None = None
    ReceiptNumber: str | None = None
    ReceiptLineNumber: int | None = None
    CanceledFlag: bool | None = None
    ReversedFlag: bool | None = None
    CreationDate: datetime | None = None
    LastUpdateDate: datetime | None = None


class InvoiceLine(Record):
    """A line of an invoice; its amount is ``LineAmount``."""

    LineNumber: int | None = None
    LineType: str | None = None
    LineAmount: Decimal | None = None
    Description: str | None = None
    ItemDescription: str | None = None
    Quantity: Decimal | None = None
    UnitPrice: Decimal | None = None
    UOM: str | None = None
    AccountingDate: str | None = None
    ApprovalStatus: str | None = None
    DistributionCombination: str | None = None
    DistributionSet: str | None = None
    PurchaseOrderNumber: str | None = None
    PurchaseOrderLineNumber: Decimal | None = None
    PurchaseOrderScheduleLineNumber: Decimal | None = None
    PurchasingCategory: str | None = None
    ReceiptNumber: str | None = None
    ReceiptLineNumber: int | None = None
    Requester: str | None = None
    ShipToLocation: str | None = None
    TaxClassification: str | None = None
    TaxRate: Decimal | None = None
    TaxRateName: str | None = None
    CanceledFlag: bool | None = None
    DiscardedFlag: bool | None = None
    CreationDate: datetime | None = None
    LastUpdateDate: datetime | None = None
    invoiceDistributions: tuple[InvoiceDistribution, ...] = ()  # noqa: N815 - the vendor's name


class InvoiceInstallment(Record):
    """What of an invoice is due when; an invoice has no due date of its own."""

    InstallmentNumber: int | None = None
    DueDate: str | None = None
    GrossAmount: Decimal | None = None
    UnpaidAmount: Decimal | None = None
    PaymentMethod: str | None = None
    PaymentMethodCode: str | None = None
    PaymentPriority: int | None = None
    FirstDiscountDate: str | None = None
    FirstDiscountAmount: Decimal | None = None
    HoldFlag: bool | None = None
    HoldReason: str | None = None
    HoldType: str | None = None
    HeldBy: str | None = None
    HoldDate: str | None = None
    RemitToSupplier: str | None = None
    CreationDate: datetime | None = None
    LastUpdateDate: datetime | None = None


class PayablesInvoice(Record):
    """Stream of supplier invoices. Status words are in the language of the user of the connection."""

    InvoiceId: str
    AccountCodingStatus: str | None = None
    AccountingDate: str | None = None
    AccountingStatus: str | None = None
    AmountPaid: Decimal | None = None
    ApplyAfterDate: str | None = None
    ApprovalStatus: str | None = None
    BankChargeBearer: str | None = None
    BaseAmount: Decimal | None = None
    BudgetDate: str | None = None
    BusinessUnit: str | None = None
    CanceledBy: str | None = None
    CanceledDate: str | None = None
    CanceledFlag: bool | None = None
    ControlAmount: Decimal | None = None
    ConversionDate: str | None = None
    ConversionRate: Decimal | None = None
    ConversionRateType: str | None = None
    CreatedBy: str | None = None
    CreationDate: datetime | None = None
    DeliveryChannel: str | None = None
    DeliveryChannelCode: str | None = None
    Description: str | None = None
    DocumentCategory: str | None = None
    DocumentFiscalClassificationCodePath: str | None = None
    DocumentSequence: int | None = None
    FirstPartyTaxRegistrationId: str | None = None
    FirstPartyTaxRegistrationNumber: str | None = None
    FundsStatus: str | None = None
    GoodsReceivedDate: str | None = None
    ImageDocumentNumber: str | None = None
    InvoiceAmount: Decimal | None = None
    InvoiceCurrency: str | None = None
    InvoiceDate: str | None = None
    InvoiceGroup: str | None = None
    InvoiceNumber: str | None = None
    InvoiceReceivedDate: str | None = None
    InvoiceSource: str | None = None
    InvoiceSourceCode: str | None = None
    InvoiceType: str | None = None
    LastUpdateDate: datetime | None = None
    LastUpdatedBy: str | None = None
    LastUpdateLogin: str | None = None
    LegalEntity: str | None = None
    LegalEntityIdentifier: str | None = None
    LiabilityDistribution: str | None = None
    PaidStatus: str | None = None
    Party: str | None = None
    PartySite: str | None = None
    PayAloneFlag: bool | None = None
    PayGroup: str | None = None
    PaymentCurrency: str | None = None
    PaymentMethod: str | None = None
    PaymentMethodCode: str | None = None
    PaymentReason: str | None = None
    PaymentReasonCode: str | None = None
    PaymentReasonComments: str | None = None
    PaymentTerms: str | None = None
    ProcurementBU: str | None = None
    ProductTable: str | None = None
    PurchaseOrderNumber: str | None = None
    ReferenceKeyFive: str | None = None
    ReferenceKeyFour: str | None = None
    ReferenceKeyOne: str | None = None
    ReferenceKeyThree: str | None = None
    ReferenceKeyTwo: str | None = None
    RemittanceMessageOne: str | None = None
    RemittanceMessageThree: str | None = None
    RemittanceMessageTwo: str | None = None
    Requester: str | None = None
    RequesterId: str | None = None
    RoutingAttribute1: str | None = None
    RoutingAttribute2: str | None = None
    RoutingAttribute3: str | None = None
    RoutingAttribute4: str | None = None
    RoutingAttribute5: str | None = None
    SettlementPriority: str | None = None
    Supplier: str | None = None
    SupplierNumber: str | None = None
    SupplierSite: str | None = None
    SupplierTaxRegistrationNumber: str | None = None
    TaxationCountry: str | None = None
    TermsDate: str | None = None
    UniqueRemittanceIdentifier: str | None = None
    UniqueRemittanceIdentifierCheckDigit: str | None = None
    ValidationStatus: str | None = None
    VoucherNumber: str | None = None
    invoiceInstallments: tuple[InvoiceInstallment, ...] = ()  # noqa: N815 - the vendor's name
    invoiceLines: tuple[InvoiceLine, ...] = ()  # noqa: N815 - the vendor's name
    url: str | None = None
    """Where a person sees it in Fusion."""
    rows_left_out: bool = False
    """True where it may have more rows below it than are read (`descendants.MOST`)."""


class HeldInvoice(Record):
    """What is told of the invoice that a hold is on."""

    InvoiceId: str
    InvoiceAmount: Decimal | None = None
    InvoiceCurrency: str | None = None
    InvoiceDate: str | None = None
    InvoiceType: str | None = None
    SupplierNumber: str | None = None
    SupplierSite: str | None = None
    PurchaseOrderNumber: str | None = None
    ValidationStatus: str | None = None
    ApprovalStatus: str | None = None
    PaidStatus: str | None = None


class InvoiceHold(Record):
    """Stream of holds on supplier invoices; one that has a ``ReleaseDate`` or ``ReleaseName`` is released."""

    HoldId: str
    BusinessUnit: str | None = None
    ConsumptionAdviceLineNumber: Decimal | None = None
    ConsumptionAdviceNumber: str | None = None
    CreatedBy: str | None = None
    CreationDate: datetime | None = None
    HeldBy: str | None = None
    HoldDate: str | None = None
    HoldDetails: str | None = None
    HoldName: str | None = None
    HoldReason: str | None = None
    InvoiceNumber: str | None = None
    LastUpdateDate: datetime | None = None
    LastUpdatedBy: str | None = None
    LastUpdateLogin: str | None = None
    LineHeld: Decimal | None = None
    Party: str | None = None
    PartyId: str | None = None
    PurchaseOrderLineNumber: Decimal | None = None
    PurchaseOrderNumber: str | None = None
    PurchaseOrderScheduleLineNumber: Decimal | None = None
    ReceiptLineNumber: int | None = None
    ReceiptNumber: str | None = None
    ReleaseDate: str | None = None
    ReleaseName: str | None = None
    ReleaseReason: str | None = None
    Supplier: str | None = None
    WorkflowStatus: str | None = None
    invoice: HeldInvoice | None = None
    """None where it cannot be told which invoice it is."""
    url: str | None = None
    """Where a person sees the invoice in Fusion."""
