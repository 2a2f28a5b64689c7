"""Purchase orders, as mappings see them; see `models`."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from connectors.oracle_fusion.models import Record


class OrderDistribution(Record):
    """What a schedule costs which account: ``POChargeAccount``."""

    PODistributionId: str | None = None
    DistributionNumber: Decimal | None = None
    Quantity: Decimal | None = None
    UOMCode: str | None = None
    Percentage: Decimal | None = None
    Ordered: Decimal | None = None
    Total: Decimal | None = None
    TotalTax: Decimal | None = None
    CurrencyCode: str | None = None
    POChargeAccount: str | None = None
    POChargeAccountId: str | None = None
    POAccrualAccount: str | None = None
    POVarianceAccount: str | None = None
    BudgetDate: str | None = None
    Requester: str | None = None
    RequesterDisplayName: str | None = None
    Requisition: str | None = None
    DeliverToLocationCode: str | None = None
    Status: str | None = None
    StatusCode: str | None = None
    CreationDate: datetime | None = None
    LastUpdateDate: datetime | None = None


class OrderSchedule(Record):
    """What of a line is to be delivered when and where."""

    LineLocationId: str | None = None
    ScheduleNumber: Decimal | None = None
    Quantity: Decimal | None = None
    UOMCode: str | None = None
    Price: Decimal | None = None
    Ordered: Decimal | None = None
    Total: Decimal | None = None
    TotalTax: Decimal | None = None
    CurrencyCode: str | None = None
    RequestedDeliveryDate: str | None = None
    PromisedDeliveryDate: str | None = None
    ReceivedQuantity: Decimal | None = None
    ReceivedAmount: Decimal | None = None
    BilledQuantity: Decimal | None = None
    BilledAmount: Decimal | None = None
    ShipToOrganization: str | None = None
    ShipToLocationCode: str | None = None
    DeliverToLocation: str | None = None
    DestinationType: str | None = None
    Requester: str | None = None
    Requisition: str | None = None
    Status: str | None = None
    StatusCode: str | None = None
    CreationDate: datetime | None = None
    LastUpdateDate: datetime | None = None
    distributions: tuple[OrderDistribution, ...] = ()


class OrderLine(Record):
    """A line of an order."""

    POLineId: str | None = None
    LineNumber: Decimal | None = None
    LineType: str | None = None
    Item: str | None = None
    ItemRevision: str | None = None
    SupplierItem: str | None = None
    Description: str | None = None
    Category: str | None = None
    CategoryCode: str | None = None
    Quantity: Decimal | None = None
    UOM: str | None = None
    UOMCode: str | None = None
    Price: Decimal | None = None
    CurrencyCode: str | None = None
    Ordered: Decimal | None = None
    Total: Decimal | None = None
    TotalTax: Decimal | None = None
    NoteToSupplier: str | None = None
    SourceAgreementNumber: str | None = None
    Status: str | None = None
    StatusCode: str | None = None
    CreationDate: datetime | None = None
    LastUpdateDate: datetime | None = None
    schedules: tuple[OrderSchedule, ...] = ()


class PurchaseOrder(Record):
    """Stream of purchase orders. ``Ordered`` is before tax, ``Total`` with it; ``Currency`` is a name, and
    ``CurrencyCode`` its code. Which state an order is in, ``StatusCode`` says in every language.
    """

    POHeaderId: str
    AcknowledgeWithinDays: Decimal | None = None
    AcknowledgmentDueDate: str | None = None
    AdditionalContactEmail: str | None = None
    BillToBU: str | None = None
    BillToBUId: str | None = None
    BillToLocation: str | None = None
    BillToLocationAddress: str | None = None
    BillToLocationId: str | None = None
    BudgetControlEnabledFlag: bool | None = None
    Buyer: str | None = None
    BuyerDisplayName: str | None = None
    BuyerId: str | None = None
    BuyerManagedTransportFlag: bool | None = None
    Carrier: str | None = None
    CarrierId: str | None = None
    Checklist: str | None = None
    ChecklistId: str | None = None
    ConfigurationOrderingEnabledFlag: bool | None = None
    ConfirmingOrderFlag: bool | None = None
    ConsignmentTermsFlag: bool | None = None
    ConversionRate: Decimal | None = None
    ConversionRateDate: str | None = None
    ConversionRateType: str | None = None
    CreatedBy: str | None = None
    CreationDate: datetime | None = None
    CreditAmount: Decimal | None = None
    Currency: str | None = None
    CurrencyCode: str | None = None
    CurrentVersionId: str | None = None
    DefaultTaxationCountry: str | None = None
    DefaultTaxationCountryCode: str | None = None
    Description: str | None = None
    DiscountAmount: Decimal | None = None
    DocumentFiscalClassification: str | None = None
    DocumentFiscalClassificationCode: str | None = None
    DocumentFiscalClassificationId: str | None = None
    DocumentStyle: str | None = None
    DocumentStyleId: str | None = None
    FirstPartyRegistrationId: str | None = None
    FirstPartyRegistrationNumber: str | None = None
    FOB: str | None = None
    FOBCode: str | None = None
    FreightTerms: str | None = None
    FreightTermsCode: str | None = None
    FrozenFlag: bool | None = None
    FundsStatus: str | None = None
    FundsStatusCode: str | None = None
    ImportSourceCode: str | None = None
    LastUpdateDate: datetime | None = None
    LastUpdatedBy: str | None = None
    MasterContractId: str | None = None
    MasterContractNumber: str | None = None
    MasterContractType: str | None = None
    MasterContractTypeId: str | None = None
    ModeOfTransport: str | None = None
    ModeOfTransportCode: str | None = None
    Negotiation: str | None = None
    NegotiationSupplierSiteId: str | None = None
    NonRecoverableInclusiveTax: Decimal | None = None
    NonRecoverableTax: Decimal | None = None
    NoteToReceiver: str | None = None
    NoteToSupplier: str | None = None
    OkcContractId: str | None = None
    OkcContractNumber: str | None = None
    OrderDate: str | None = None
    Ordered: Decimal | None = None
    OrderedAmountBeforeAdjustments: Decimal | None = None
    OrderNumber: str | None = None
    OverrideB2BCommunicationFlag: bool | None = None
    OverridingApprover: str | None = None
    OverridingApproverDisplayName: str | None = None
    OverridingApproverId: str | None = None
    PaymentTerms: str | None = None
    PaymentTermsId: str | None = None
    PayOnReceiptFlag: bool | None = None
    PendingResponseRole: str | None = None
    ProcurementBU: str | None = None
    ProcurementBUId: str | None = None
    ProgressPaymentFlag: bool | None = None
    PurchaseBasis: str | None = None
    RecoverableInclusiveTax: Decimal | None = None
    RecoverableTax: Decimal | None = None
    ReferenceNumber: str | None = None
    RequesterDisplayName: str | None = None
    RequesterId: str | None = None
    RequiredAcknowledgment: str | None = None
    RequiredAcknowledgmentCode: str | None = None
    RequiresSignatureFlag: bool | None = None
    Requisition: str | None = None
    RequisitionHeaderId: str | None = None
    RequisitioningBU: str | None = None
    RequisitioningBUId: str | None = None
    RetainageFlag: bool | None = None
    Revision: int | None = None
    SalesOrder: str | None = None
    ServiceLevel: str | None = None
    ServiceLevelCode: str | None = None
    ShippingMethod: str | None = None
    ShipToLocationAddress: str | None = None
    ShipToLocationCode: str | None = None
    ShipToLocationId: str | None = None
    SoldToLegalEntity: str | None = None
    SoldToLegalEntityId: str | None = None
    SourceAgreement: str | None = None
    SpecialHandlingType: str | None = None
    SpecialHandlingTypeCode: str | None = None
    Status: str | None = None
    StatusCode: str | None = None
    Supplier: str | None = None
    SupplierBccEmailAddress: str | None = None
    SupplierCcEmailAddress: str | None = None
    SupplierCommunicationMethod: str | None = None
    SupplierCommunicationMethodCode: str | None = None
    SupplierContact: str | None = None
    SupplierContactDisplayName: str | None = None
    SupplierContactId: str | None = None
    SupplierEmailAddress: str | None = None
    SupplierFax: str | None = None
    SupplierId: str | None = None
    SupplierOrder: str | None = None
    SupplierPartyId: str | None = None
    SupplierSite: str | None = None
    SupplierSiteId: str | None = None
    ThirdPartyRegistrationId: str | None = None
    ThirdPartyRegistrationNumber: str | None = None
    Total: Decimal | None = None
    TotalTax: Decimal | None = None
    WcEnabledFlag: bool | None = None
    lines: tuple[OrderLine, ...] = ()
    url: str | None = None
    """Where a person sees it in Fusion."""
    rows_left_out: bool = False
    """True where it may have more rows below it than are read (`descendants.MOST`)."""
