"""The documents that people are told of and that costs come from: invoices, purchase orders, journal batches.

Fusion moves the LastUpdateDate of a document when it is changed itself. Whether it does so for every change of a row
below (an installment that is paid) is not documented: such a change may come with the next one, or a full read.
"""

from __future__ import annotations

from connectors.oracle_fusion.descendants import Child
from connectors.oracle_fusion.documents import Documents
from connectors.oracle_fusion.order_status import status_code
from ml_connector.core.records import Body

BANK_DETAILS = frozenset({"BankAccount", "DigitalPaymentAccount", "ExternalBankAccountId", "SupplierIBAN"})
"""How a supplier is paid is nobody's business who reads messages; it is not even stored."""
CARD_DETAILS = frozenset(
    {
        "BankAccountNumber",
        "CardHolderFirstName",
        "CardHolderLastName",
        "CreditCardAuthorizationRequestIdentifier",
        "CreditCardErrorCode",
        "CreditCardErrorText",
        "CreditCardExpirationDate",
        "CreditCardIssuerCode",
        "CreditCardTokenNumber",
        "CreditCardVoiceAuthorizationCode",
    }
)
"""How a customer pays; not stored either."""


class PayablesInvoices(Documents):
    """Supplier invoices. Their due dates are those of the installments; holds are a stream of their own."""

    resource = "invoices"
    key = "InvoiceId"
    number = "InvoiceNumber"
    withheld = BANK_DETAILS
    below = (
        Child("invoiceInstallments", "InstallmentNumber"),
        Child("invoiceLines", "LineNumber", (Child("invoiceDistributions", "InvoiceDistributionId"),)),
    )

    def page(self) -> str:
        return self.client.settings.invoice_page


class PurchaseOrders(Documents):
    """Purchase orders; the account that is charged is that of a distribution, three levels below.

    Their ``StatusCode`` is that of `status_code`, however the pod writes it.
    """

    resource = "purchaseOrders"
    key = "POHeaderId"
    number = "OrderNumber"
    below = (
        Child(
            "lines",
            "POLineId",
            (Child("schedules", "LineLocationId", (Child("distributions", "PODistributionId"),)),),
        ),
    )

    async def joined(self, rows: list[Body]) -> list[Body]:
        """The page and the code; one spelling of it for all rules."""
        return [
            {**more, "StatusCode": status_code(row)} for row, more in zip(rows, await super().joined(rows), strict=True)
        ]

    def page(self) -> str:
        return self.client.settings.order_page


class JournalBatches(Documents):
    """Journal batches; the ledger and the currency are those of their journals."""

    resource = "journalBatches"
    key = "JeBatchId"
    number = "BatchName"
    below = (Child("journalHeaders", "JournalName", (Child("journalLines", "JeLineNumber"),)),)

    def page(self) -> str:
        return self.client.settings.journal_page


class ReceivablesInvoices(Documents):
    """Invoices to customers."""

    resource = "receivablesInvoices"
    key = "CustomerTransactionId"
    number = "TransactionNumber"
    withheld = CARD_DETAILS
    below = (
        Child("receivablesInvoiceInstallments", "InstallmentId"),
        Child("receivablesInvoiceLines", "CustomerTransactionLineId"),
    )

    def page(self) -> str:
        return self.client.settings.customer_invoice_page
