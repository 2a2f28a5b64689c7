"""What the statuses of documents and payments mean: Workday's own instances, the same in every tenant."""

from __future__ import annotations

import re

from ml_connector.core.records import Body

PAYMENT_STATUS = {
    "Unpaid": "d9e43940446c11de98360015c5e6daf6",
    "Partially Paid": "d9e43706446c11de98360015c5e6daf6",
    "Paid": "d9e4362a446c11de98360015c5e6daf6",
}
"""In the order in which an invoice goes through them, so that one that moves on while it is read is seen twice rather
than never."""
DOCUMENT_STATUS = {
    "Approved": "91b0d382d50848e898733757caa9f84a",
    "Canceled": "dc76c9b6446c11de98360015c5e6daf6",
    "Denied": "dc76c7cc446c11de98360015c5e6daf6",
    "Draft": "dc76c4fc446c11de98360015c5e6daf6",
    "In Progress": "dc76c8bc446c11de98360015c5e6daf6",
    "Incomplete": "e264bc68581342baa70ab61bf71032fe",
}
_NAMES = {wid: name for name, wid in DOCUMENT_STATUS.items()}
_OWES_NOTHING = {"canceled", "cancelled", "denied", "draft", "in progress", "incomplete"}
_DID_NOT_PAY = {"void", "voided", "canceled", "cancelled", "failed", "rejected", "returned", "reversed", "stopped"}


def document_status(value: object) -> str | None:
    """The name of a document's status, of its WID, id or name. A name may be in the language of the user."""
    return _NAMES.get(str(value), str(value)) if value else None


def stands(document_status: object) -> bool:
    """Whether an invoice of this status is a debt. One that tells no status is."""
    return _plain(document_status) not in _OWES_NOTHING


def has_paid(payment_status: object) -> bool:
    """Whether a payment of this status has not been undone. No list of these statuses is public."""
    return _plain(payment_status) not in _DID_NOT_PAY


def owed(invoice: Body) -> Body:
    """With what is due, so far as that follows. An invoice that is no debt is neither paid nor unpaid."""
    if not stands(invoice.get("Document_Status")):
        return invoice | {"Payment_Status": None, "Amount_Due": None}
    if invoice.get("Amount_Due") is not None:
        return invoice
    due = {"Unpaid": invoice.get("Control_Amount_Total"), "Paid": "0"}
    return invoice | {"Amount_Due": due.get(str(invoice.get("Payment_Status")))}


def _plain(status: object) -> str:
    """``IN_PROGRESS`` and ``In Progress`` are the same."""
    return re.sub(r"[_\s]+", " ", str(status or "")).strip().casefold()
