"""What has become of a purchase order, by Oracle's codes: ``Status`` is in the language of whoever asks."""

from __future__ import annotations

from ml_connector.core.records import Body

AWAITS_SUPPLIER = "PENDING SUPPLIER ACKNOWLEDGMENT"


def status_code(row: Body) -> str:
    """The StatusCode in capitals, with spaces. Empty if there is none.

    Oracle's tables write CLOSED FOR RECEIVING with spaces; whether REST does so too is not documented. Nor is how it
    writes that an acknowledgment is awaited: the beginning is enough, or what a user sees who reads English.
    """
    code = str(row.get("StatusCode") or "").upper().replace("_", " ")
    if code.startswith("PENDING SUPPLIER ACK") or str(row.get("Status", "")).upper() == AWAITS_SUPPLIER:
        return AWAITS_SUPPLIER
    return code
