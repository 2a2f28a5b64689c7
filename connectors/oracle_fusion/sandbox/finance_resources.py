"""The documents of the finance modules: invoices, holds, purchase orders, journal batches, and what is below them."""

from __future__ import annotations

from dataclasses import replace

from connectors.oracle_fusion.sandbox.resources import WHO, Resource, fscm


def _below(
    name: str, key: str, attribute_text: str, children: tuple[Resource, ...] = (), *, opaque: bool = True
) -> Resource:
    """A collection below each row of another, with ``key`` unique there; finders are not played."""
    resource = fscm(name, key, key, attribute_text, children, opaque=opaque)
    return replace(resource, finders={}, parameters=frozenset({"dependency"}))


INVOICE_INSTALLMENTS = _below(
    "invoiceInstallments",
    "InstallmentNumber",
    f"""InstallmentNumber:integer DueDate:date GrossAmount:number UnpaidAmount:number PaymentMethod
    PaymentMethodCode PaymentPriority:integer FirstDiscountDate:date FirstDiscountAmount:number HoldFlag:boolean
    HoldReason BankAccount {WHO}""",
)
INVOICE_DISTRIBUTIONS = _below(
    "invoiceDistributions",
    "InvoiceDistributionId",
    f"""InvoiceDistributionId:integer DistributionLineNumber:integer DistributionLineType DistributionAmount:number
    DistributionCombination Description AccountingDate:date AccountingStatus -ValidationStatus MatchedStatus
    PurchaseOrderNumber PurchaseOrderLineNumber:number PurchaseOrderScheduleLineNumber:number
    PurchaseOrderDistributionLineNumber:number CanceledFlag:boolean ReversedFlag:boolean {WHO}""",
    opaque=False,
)
INVOICE_LINES = _below(
    "invoiceLines",
    "LineNumber",
    f"""LineNumber:integer LineType LineAmount:number Description Quantity:number UnitPrice:number UOM
    AccountingDate:date ApprovalStatus DistributionCombination PurchaseOrderNumber
    PurchaseOrderLineNumber:number PurchaseOrderScheduleLineNumber:number PurchasingCategory ReceiptNumber
    ReceiptLineNumber:integer CanceledFlag:boolean DiscardedFlag:boolean {WHO}""",
    (INVOICE_DISTRIBUTIONS,),
)
INVOICES = replace(
    fscm(
        "invoices",
        "InvoiceId",
        "Description",
        f"""InvoiceId:integer InvoiceNumber InvoiceAmount:number InvoiceCurrency PaymentCurrency InvoiceDate:date
        InvoiceType InvoiceSource BusinessUnit LegalEntity -ProcurementBU Supplier SupplierNumber SupplierSite Party
        PartySite Description PurchaseOrderNumber PaymentTerms TermsDate:date PaymentMethod PayGroup InvoiceGroup
        AccountingDate:date InvoiceReceivedDate:date GoodsReceivedDate:date ValidationStatus ApprovalStatus
        PaidStatus AccountingStatus FundsStatus AmountPaid:number VoucherNumber LiabilityDistribution
        CanceledFlag:boolean CanceledDate:date CanceledBy BankAccount SupplierIBAN Requester {WHO}""",
        (INVOICE_INSTALLMENTS, INVOICE_LINES),
        opaque=True,
    ),
    parameters=frozenset({"effectiveDate"}),
    looked_up=frozenset(
        {
            "BusinessUnit",
            "LegalEntity",
            "ProcurementBU",
            "Supplier",
            "SupplierNumber",
            "SupplierSite",
            "Party",
            "PartySite",
        }
    ),
)
INVOICE_HOLDS = fscm(
    "invoiceHolds",
    "HoldId",
    "HoldDetails",
    f"""HoldId:integer InvoiceNumber BusinessUnit Supplier Party PartyId HoldName HoldReason HoldDetails HeldBy
    HoldDate:date LineHeld:number ReleaseName ReleaseReason ReleaseDate:date WorkflowStatus PurchaseOrderNumber
    PurchaseOrderLineNumber:number PurchaseOrderScheduleLineNumber:number ReceiptNumber
    ReceiptLineNumber:integer {WHO}""",
)

ORDER_DISTRIBUTIONS = _below(
    "distributions",
    "PODistributionId",
    f"""PODistributionId:integer DistributionNumber:number -POHeaderId:integer -POLineId:integer -OrderNumber
    -Quantity:number -UOMCode -Percentage:number -Ordered:number -Total:number -TotalTax:number -CurrencyCode
    -POChargeAccount -POChargeAccountId:integer -POAccrualAccount Requester DeliverToLocationCode Status
    StatusCode {WHO}""",
)
ORDER_SCHEDULES = _below(
    "schedules",
    "LineLocationId",
    f"""LineLocationId:integer ScheduleNumber:number -POHeaderId:integer -POLineId:integer -OrderNumber
    -Quantity:number UOMCode Price:number -Ordered:number -Total:number -TotalTax:number -CurrencyCode
    RequestedDeliveryDate:date PromisedDeliveryDate:date -ReceivedQuantity:number -BilledQuantity:number
    ShipToOrganization ShipToLocationCode DestinationType Status StatusCode {WHO}""",
    (ORDER_DISTRIBUTIONS,),
)
ORDER_LINES = _below(
    "lines",
    "POLineId",
    f"""POLineId:integer -POHeaderId:integer -OrderNumber LineNumber:number -LineType Item Description
    -Quantity:number -Price:number -Ordered:number -Total:number -UOMCode CurrencyCode StatusCode Status {WHO}""",
    (ORDER_SCHEDULES,),
    opaque=False,
)
PURCHASE_ORDERS = replace(
    fscm(
        "purchaseOrders",
        "POHeaderId",
        "Description",
        f"""POHeaderId:integer OrderNumber Description StatusCode Status SoldToLegalEntity ProcurementBUId:integer
        ProcurementBU RequisitioningBU BillToBU Buyer Supplier SupplierId:integer SupplierPartyId:integer
        SupplierSite CurrencyCode Currency -Ordered:number -TotalTax:number -Total:number -Revision:integer
        -FrozenFlag:boolean FundsStatus -PaymentTerms -OrderDate:date AcknowledgmentDueDate:date
        -RequiredAcknowledgment -RequiredAcknowledgmentCode -AcknowledgeWithinDays:number -ConversionRate:number
        -ConversionRateType -ConversionRateDate:date {WHO}""",
        (ORDER_LINES,),
        opaque=True,
    ),
    parameters=frozenset({"effectiveDate"}),
)

JOURNAL_LINES = _below(
    "journalLines",
    "JeLineNumber",
    f"""JeLineNumber:integer AccountCombination EnteredDr:number EnteredCr:number AccountedDr:number
    AccountedCr:number CurrencyCode Description ChartOfAccountsName Reference1 {WHO}""",
)
JOURNAL_HEADERS = _below(
    "journalHeaders",
    "JeHeaderId",  # not shown: the address of a journal is opaque
    f"""JournalName JournalDescription LedgerName LedgerCurrencyCode LegalEntityName CurrencyCode
    CurrencyConversionRate:number UserCurrencyConversionType PeriodName DefaultEffectiveDate:date
    UserJeCategoryName RunningTotalDr:number RunningTotalCr:number RunningTotalAccountedDr:number
    RunningTotalAccountedCr:number ExternalReference {WHO}""",
    (JOURNAL_LINES,),
)
JOURNAL_BATCHES = fscm(
    "journalBatches",
    "JeBatchId",
    "BatchDescription",
    f"""JeBatchId:integer BatchName BatchDescription DefaultPeriodName AccountedPeriodType Status StatusMeaning
    CompletionStatusMeaning ApprovalStatusMeaning FundsStatusMeaning ActualFlagMeaning ControlTotal:number
    RunningTotalDr:number RunningTotalCr:number RunningTotalAccountedDr:number RunningTotalAccountedCr:number
    PostedDate:date PostingRunId:integer RequestId:integer ErrorMessage UserJeSourceName UserPeriodSetName
    ChartOfAccountsName {WHO}""",
    (JOURNAL_HEADERS,),
)

RECEIVABLES_INSTALLMENTS = _below(
    "receivablesInvoiceInstallments",
    "InstallmentId",
    """InstallmentId:integer InstallmentSequenceNumber:integer InstallmentDueDate:date -InstallmentStatus
    OriginalAmount:number -InstallmentBalanceDue:number -CreationDate:datetime -CreatedBy -LastUpdateDate:datetime
    -LastUpdatedBy""",
    opaque=False,
)
RECEIVABLES_LINES = _below(
    "receivablesInvoiceLines",
    "CustomerTransactionLineId",
    f"""CustomerTransactionLineId:integer -LineNumber:integer -Description -Quantity:number -UnitSellingPrice:number
    -LineAmount:number {WHO}""",
    opaque=False,
)
RECEIVABLES_INVOICES = fscm(
    "receivablesInvoices",
    "CustomerTransactionId",
    "Comments",
    f"""CustomerTransactionId:integer TransactionNumber -TransactionDate:date -DueDate:date -BillToCustomerName
    -BillToCustomerNumber -BillToSite -BusinessUnit -EnteredAmount:number InvoiceBalanceAmount:number
    -InvoiceCurrencyCode InvoiceStatus -TransactionType -TransactionSource -PaymentTerms -Comments
    -CreditCardTokenNumber {WHO}""",
    (RECEIVABLES_INSTALLMENTS, RECEIVABLES_LINES),
)
