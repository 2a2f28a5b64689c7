"""Invented documents of the finance modules, the same for the same seed; only their dates hang on the day."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from connectors.oracle_fusion.sandbox.resources import Row, timestamp
from connectors.oracle_fusion.sandbox.seed import BEYOND_DOUBLE, account, money, part, schedule, who, words

UNITS = words("US1 Business Unit|Vision Operations|Vision Deutschland")
LEDGERS = (("US Primary Ledger", "USD"), ("Deutschland Hauptbuch", "EUR"))
GOODS = words("Standard desktop|Kugellager 6204|Frais de transport|Office supplies|Consulting, März|試験装置")
HOLDS = (
    ("Amount exceeds tolerance", "Invoice amount is above the tolerance of the purchase order."),
    ("Quantity received", "Quantity billed exceeds quantity received."),
    ("Price", "Invoice price exceeds purchase order price."),
    ("Manual hold", "Held by the payables department."),
)
MANY = 50
"""Every document of this number has more lines than come along with it."""
SHARES = ((100,), (60, 40), (33, 33, 34))


def invoice(rng: random.Random, number: int, seller: Row, order: Row | None, modified: datetime) -> Row:
    """An invoices row with installments, lines and distributions; ``order`` is what it bills."""
    dates, day = who(rng, modified), modified.date()
    currency = order["CurrencyCode"] if order else rng.choice(("EUR", "USD"))
    lines = [_invoice_line(rng, nth, number, order, dates) for nth in range(1, _count(rng, number) + 1)]
    amount = sum((line["LineAmount"] for line in lines), Decimal(0))
    status = rng.choice(("Not validated", "Validated", "Validated", "Needs revalidation"))
    paid = rng.choice(("Paid", "Unpaid", "Unpaid")) if status == "Validated" else "Unpaid"
    shares = rng.choice(((100,), (50, 50)))
    return {
        "InvoiceId": document_id(number),
        # some have characters that no query can hold
        "InvoiceNumber": f"O'Hara {number}" if number % 41 == 7 else f"INV-{100_000 + number}",
        "InvoiceAmount": amount,
        "InvoiceCurrency": currency,
        "PaymentCurrency": currency,
        "InvoiceDate": (day - timedelta(days=3)).isoformat(),
        "InvoiceType": "Standard",
        "InvoiceSource": "Manual Invoice Entry",
        "BusinessUnit": order["ProcurementBU"] if order else rng.choice(UNITS),
        "LegalEntity": "US1 Legal Entity",
        "ProcurementBU": order["ProcurementBU"] if order else None,
        "Supplier": seller["Supplier"],
        "SupplierNumber": seller["SupplierNumber"],
        "SupplierSite": "SITE1",
        "Party": seller["Supplier"],
        "PartySite": "SITE1",
        "Description": rng.choice(GOODS),
        "PurchaseOrderNumber": order["OrderNumber"] if order else None,
        "PaymentTerms": "Net 30",
        "TermsDate": day.isoformat(),
        "PaymentMethod": "Check",
        "PayGroup": "Standard",
        "InvoiceGroup": None,
        "AccountingDate": day.isoformat(),
        "InvoiceReceivedDate": day.isoformat() if order else None,
        "GoodsReceivedDate": (day - timedelta(days=5)).isoformat() if order else None,
        "ValidationStatus": status,
        "ApprovalStatus": "Not required",
        "PaidStatus": paid,
        "AccountingStatus": "Accounted" if paid == "Paid" else "Unaccounted",
        "FundsStatus": "Not attempted",
        "AmountPaid": amount if paid == "Paid" else Decimal(0),
        "VoucherNumber": str(500_000 + number),
        "LiabilityDistribution": account(0),
        "CanceledFlag": False,
        "CanceledDate": None,
        "CanceledBy": None,
        "BankAccount": "4242XXXX",
        "SupplierIBAN": "DE00 0000 0000 0000 0000 00",
        "Requester": None,
        **dates,
        "invoiceInstallments": [
            {
                "InstallmentNumber": nth,
                "DueDate": (day + timedelta(days=30 * nth)).isoformat(),
                "GrossAmount": (gross := part(amount, shares, nth)),
                "UnpaidAmount": Decimal(0) if paid == "Paid" else gross,
                "PaymentMethod": "Check",
                "PaymentMethodCode": "CHECK",
                "PaymentPriority": 99,
                "FirstDiscountDate": None,
                "FirstDiscountAmount": None,
                "HoldFlag": False,
                "HoldReason": None,
                "BankAccount": "4242XXXX",
                **dates,
            }
            for nth in range(1, len(shares) + 1)
        ],
        "invoiceLines": lines,
    }


def _invoice_line(rng: random.Random, nth: int, number: int, order: Row | None, dates: Row) -> Row:
    quantity, price = rng.randint(1, 20), money(rng, 3_000)
    amount = quantity * price
    # one line of an invoice with many lines is charged to many accounts
    shares = (3,) * 32 + (4,) if nth == 1 and number % MANY == MANY - 1 else rng.choice(SHARES)
    matched = order["OrderNumber"] if order else None
    shared = {
        "PurchaseOrderNumber": matched,
        "PurchaseOrderLineNumber": nth if matched else None,
        "PurchaseOrderScheduleLineNumber": 1 if matched else None,
        "Description": rng.choice(GOODS),
        "AccountingDate": dates["LastUpdateDate"][:10],
        "CanceledFlag": False,
        **dates,
    }
    return {
        **shared,
        "LineNumber": nth,
        "LineType": "Item",
        "LineAmount": amount,
        "Quantity": quantity,
        "UnitPrice": price,
        "UOM": "Each",
        "ApprovalStatus": "Not required",
        "DistributionCombination": account(number + nth) if len(shares) == 1 else None,
        "PurchasingCategory": rng.choice(("IT", "Services", "Freight")),
        "ReceiptNumber": None,
        "ReceiptLineNumber": None,
        "DiscardedFlag": False,
        "invoiceDistributions": [
            {
                **shared,
                "InvoiceDistributionId": 300_900_000_000_000 + 100_000 * number + 1_000 * nth + share,
                "DistributionLineNumber": share,
                "DistributionLineType": "Item",
                "DistributionAmount": part(amount, shares, share),
                "DistributionCombination": account(number + nth + share),
                "AccountingStatus": "Unaccounted",
                "ValidationStatus": "Validated",
                "MatchedStatus": None,
                "PurchaseOrderDistributionLineNumber": 1 if matched else None,
                "ReversedFlag": False,
            }
            for share in range(1, len(shares) + 1)
        ],
    }


def hold(rng: random.Random, number: int, held: Row, modified: datetime) -> Row:
    """An invoiceHolds row of an invoice, two thirds of them not released."""
    name, reason = rng.choice(HOLDS)
    released = number % 3 == 2
    return {
        "HoldId": 300_700_000_000_000 + number,
        "InvoiceNumber": held["InvoiceNumber"],
        "BusinessUnit": held["BusinessUnit"],
        "Supplier": held["Supplier"],
        "Party": held["Party"],
        "PartyId": None,
        "HoldName": name,
        "HoldReason": reason,
        "HoldDetails": None,
        "HeldBy": "System",
        "HoldDate": modified.date().isoformat(),
        "LineHeld": 1 if held["PurchaseOrderNumber"] else None,
        "ReleaseName": "Approved" if released else None,
        "ReleaseReason": "Approved by the buyer." if released else None,
        "ReleaseDate": modified.date().isoformat() if released else None,
        "WorkflowStatus": None,
        "PurchaseOrderNumber": held["PurchaseOrderNumber"],
        "PurchaseOrderLineNumber": 1 if held["PurchaseOrderNumber"] else None,
        "PurchaseOrderScheduleLineNumber": 1 if held["PurchaseOrderNumber"] else None,
        "ReceiptNumber": None,
        "ReceiptLineNumber": None,
        **who(rng, modified),
    }


def many_schedules(rng: random.Random, order: Row, number: int) -> Row:
    """The order with several accounts a line, and now and then with more schedules than come along with it."""
    for line in order["lines"]:
        shares = (3,) * 29 + (13,) if number % MANY == MANY - 1 and line["LineNumber"] == 1 else (100,)
        line["schedules"] = [
            schedule(_share(line, shares, nth), nth, rng.choice(SHARES)) for nth in range(1, len(shares) + 1)
        ]
    return order


def _share(line: Row, shares: tuple[int, ...], nth: int) -> Row:
    return {**line, **{name: part(line[name], shares, nth) for name in ("Quantity", "Ordered")}}


def journal_batch(rng: random.Random, number: int, modified: datetime) -> Row:
    """A journalBatches row: balanced journals, in one ledger or two."""
    dates = who(rng, modified)
    posted = rng.random() < 0.5
    headers = [_journal(rng, nth, number, dates) for nth in range(1, rng.choice((1, 1, 1, 2)) + 1)]
    total = sum((header["RunningTotalDr"] for header in headers), Decimal(0))
    return {
        "JeBatchId": 8_000_000 + number,
        "BatchName": f"Spreadsheet A {20_000 + number} {10_000_000 + number} N",
        "BatchDescription": f"Accruals {number}",
        "DefaultPeriodName": f"{modified:%b-%y}",
        "AccountedPeriodType": "Month",
        "Status": "P" if posted else "U",
        "StatusMeaning": "Posted" if posted else "Unposted",
        "CompletionStatusMeaning": "Complete",
        "ApprovalStatusMeaning": "Not required",
        "FundsStatusMeaning": "Not attempted",
        "ActualFlagMeaning": "Actual",
        "ControlTotal": None,
        "RunningTotalDr": total,
        "RunningTotalCr": total,
        "RunningTotalAccountedDr": total,
        "RunningTotalAccountedCr": total,
        "PostedDate": modified.date().isoformat() if posted else None,
        "PostingRunId": 77_000 + number if posted else None,
        "RequestId": 10_000_000 + number,
        "ErrorMessage": None,
        "UserJeSourceName": rng.choice(("Spreadsheet", "Payables", "Manual")),
        "UserPeriodSetName": "Accounting",
        "ChartOfAccountsName": "US Chart of Accounts",
        **dates,
        "journalHeaders": headers,
    }


def _journal(rng: random.Random, nth: int, number: int, dates: Row) -> Row:
    ledger, currency = LEDGERS[(number + nth) % len(LEDGERS)]
    debits = [money(rng, 90_000) for _ in range(_count(rng, number))]
    total = sum(debits, Decimal(0))
    lines = [*((amount, None) for amount in debits), (None, total)]
    return {
        "JeHeaderId": 10 * number + nth,
        "JournalName": f"{number} Accrual {currency} {nth}",
        "JournalDescription": None,
        "LedgerName": ledger,
        "LedgerCurrencyCode": currency,
        "LegalEntityName": "US1 Legal Entity",
        "CurrencyCode": currency,
        "CurrencyConversionRate": 1,
        "UserCurrencyConversionType": "User",
        "PeriodName": None,
        "DefaultEffectiveDate": dates["LastUpdateDate"][:10],
        "UserJeCategoryName": "Accrual",
        "RunningTotalDr": total,
        "RunningTotalCr": total,
        "RunningTotalAccountedDr": total,
        "RunningTotalAccountedCr": total,
        "ExternalReference": None,
        **dates,
        "journalLines": [
            {
                "JeLineNumber": line,
                "AccountCombination": account(number + line) if debit is not None else account(0),
                "EnteredDr": debit,
                "EnteredCr": credit,
                "AccountedDr": debit,
                "AccountedCr": credit,
                "CurrencyCode": currency,
                "Description": rng.choice(GOODS),
                "ChartOfAccountsName": "US Chart of Accounts",
                "Reference1": None,
                **dates,
            }
            for line, (debit, credit) in enumerate(lines, 1)
        ],
    }


def receivables_invoice(rng: random.Random, number: int, customer: str, modified: datetime) -> Row:
    """A receivablesInvoices row with one installment and its lines."""
    dates, day = who(rng, modified), modified.date()
    key = 300_800_000_000_000 + 100 * number
    amounts = [money(rng, 9_000) for _ in range(rng.randint(1, 3))]
    total = sum(amounts, Decimal(0))
    due = (day + timedelta(days=30)).isoformat()
    return {
        "CustomerTransactionId": key,
        "TransactionNumber": str(60_000 + number),
        "TransactionDate": day.isoformat(),
        "DueDate": due,
        "BillToCustomerName": customer,
        "BillToCustomerNumber": str(40_000 + number),
        "BillToSite": "1000",
        "BusinessUnit": UNITS[0],
        "EnteredAmount": total,
        "InvoiceBalanceAmount": total,
        "InvoiceCurrencyCode": "EUR",
        "InvoiceStatus": rng.choice(("Complete", "Complete", "Incomplete", "Frozen")),
        "TransactionType": "Invoice",
        "TransactionSource": "Manual",
        "PaymentTerms": "Net 30",
        "Comments": None,
        "CreditCardTokenNumber": "4444-TOKEN",
        **dates,
        "receivablesInvoiceInstallments": [
            {
                "InstallmentId": key + 1,
                "InstallmentSequenceNumber": 1,
                "InstallmentDueDate": due,
                "InstallmentStatus": "Open",
                "OriginalAmount": total,
                "InstallmentBalanceDue": total,
                **dates,
            }
        ],
        "receivablesInvoiceLines": [
            {
                "CustomerTransactionLineId": key + 10 + nth,
                "LineNumber": nth,
                "Description": rng.choice(GOODS),
                "Quantity": 1,
                "UnitSellingPrice": amount,
                "LineAmount": amount,
                **dates,
            }
            for nth, amount in enumerate(amounts, 1)
        ],
    }


def created(row: Row, at: datetime) -> Row:
    """The row as if it had been entered at this time, with all that is below it."""
    dates: dict[str, Any] = {"CreationDate": timestamp(at), "LastUpdateDate": timestamp(at)}
    for value in row.values():
        for one in value if isinstance(value, list) else ():
            created(one, at)
    row |= dates
    return row


def document_id(number: int) -> int:
    """Ids as Fusion gives them, and some that a double cannot hold."""
    return BEYOND_DOUBLE + 2 * number if number % 7 == 3 else 300_600_000_000_000 + 13 * number


def _count(rng: random.Random, number: int) -> int:
    return 60 if number % MANY == MANY - 1 else rng.randint(1, 4)
