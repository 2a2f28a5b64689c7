"""What a refusal of Fusion means for us.

Its error bodies have four shapes: structured (framework version 4 and later), plain text with the code in brackets
(version 1), HTML, and nothing. Their texts quote what was sent, so none of them is repeated: a message of ours holds
the vendor's codes, the attributes that it points at, and a sentence of our own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ml_connector.core import jsonx
from ml_connector.core.errors import ConnectorError, Misconfigured, Reauthenticate, RejectRecord, RetryLater
from ml_connector.core.response import Response

_CODE = re.compile(r"(?:[A-Z]{2,10}(?::::[A-Z0-9_]{3,60}|-\d{3,9})|\d{4,9})")
# In a text, a code looks like many an invoice number: only what is written as Fusion writes codes counts as one.
_IN_TEXT = re.compile(r"\b(JBO-\d{5})\b|\(((?:AP|AR|FND|GL|HZ|IBY|PER|PO|POZ|ZCA|ZCH|ZX)-\d{5,7})\)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,60}")

_MEANINGS = {
    "25014": "somebody else changed the row in the meantime",
    "25058": "there is no such attribute in this pod",
    "27014": "a required attribute is missing",
    "27024": "an attribute was refused by a validation rule",
    "29140": "the query is not possible: an attribute in q, orderBy or finder is not queryable in this pod",
    "AP-810245": "an invoice with this number exists already",
    "AP-810879": "the amount is missing",
    "AR-856520": "the bill-to customer is missing",
    "AR-856522": "the bill-to site is missing",
    "HZ-120421": "the party has no usage",
    "HZ-120559": "the source system is not registered in this pod",
    "POZ-2130479": "a supplier with this tax id exists already",
}
"""Codes without their JBO- prefix, which Fusion leaves out at times."""

_CHANGED_MEANWHILE = "25014"


def explain(response: Response, phase: str) -> ConnectorError:
    """The error that an answer of ``phase`` (``GET /crmRestApi/...``) stands for."""
    refusals = list(dict.fromkeys(_refusals(response)))
    codes = {code for code, _ in refusals}
    said = _sentence(refusals)
    status, request_id = response.status, response.request_id
    if status == 401:
        return Reauthenticate(f"the credential is refused{said}: reconnect", phase=phase, request_id=request_id)
    if status == 403:
        return Misconfigured(_forbidden(phase) + said, phase=phase, request_id=request_id)
    if status in (409, 412) or _CHANGED_MEANWHILE in codes:
        return RetryLater(f"somebody changed the row meanwhile{said}", phase=phase, request_id=request_id)
    if status in (406, 415):
        return Misconfigured(
            f"answered {status}: this resource does not speak the framework version of the connection; try another",
            phase=phase,
            request_id=request_id,
        )
    if status >= 500 or status in (408, 429):
        return RetryLater(f"answered {status}{said}", phase=phase, request_id=request_id)
    if phase.startswith(("POST", "PATCH", "PUT", "DELETE")):
        if status == 404:
            said = f": what it is about is not there, or the user of the connection may not see it{said}"
        return RejectRecord(f"refused with {status}{said}", phase=phase, request_id=request_id)
    if status == 404:
        return Misconfigured(
            "there is no such resource in this pod, or the user of the credential may not know of it: compare the "
            "REST version, and whether the product is set up (crmRestApi/accounts and contacts need Oracle Sales)",
            phase=phase,
            request_id=request_id,
        )
    return Misconfigured(f"refused with {status}{said}", phase=phase, request_id=request_id)


def codes_of(text: str) -> list[str]:
    """The vendor's codes in a text, without their JBO- prefix."""
    return [_bare(jbo or product) for jbo, product in _IN_TEXT.findall(text)]


def is_code(text: str) -> bool:
    """Whether a text is one of the vendor's codes and nothing else."""
    return bool(_CODE.fullmatch(text.removeprefix("JBO-")))


def _refusals(response: Response) -> Iterator[tuple[str, str]]:
    """(code, attribute) pairs of an error body; both may be empty, but not both at once."""
    try:
        body = jsonx.loads(response.body)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        if not response.body.lstrip().startswith(b"<"):  # a page of the web tier has no codes of the application
            yield from ((code, "") for code in codes_of(response.body.decode(errors="replace")))
        return
    details = body.get("o:errorDetails")
    for detail in [body, *(details if isinstance(details, list) else [])]:
        if isinstance(detail, dict):
            code = _bare(str(detail.get("o:errorCode") or ""))
            path = _attribute(str(detail.get("o:errorPath") or ""))
            if is_code(code) or path:
                yield (code if is_code(code) else ""), path
            else:
                yield from ((found, "") for found in codes_of(str(detail.get("detail") or "")))


def _sentence(refusals: list[tuple[str, str]]) -> str:
    parts = []
    for code, attribute in refusals[:5]:
        named = " ".join(part for part in (code, f"at {attribute}" if attribute else "") if part)
        meaning = _MEANINGS.get(code)
        parts.append(f"{named} ({meaning})" if meaning else named)
    return f": {'; '.join(parts)}" if parts else ""


def _forbidden(phase: str) -> str:
    return (
        f"the credential is accepted, but not for {phase.rpartition('/')[2]}: either a privilege is missing from the "
        "roles of its user (README of oracle_fusion, Privileges), or the OAuth client is no user of this pod. Fusion "
        "does not say which"
    )


def _attribute(path: str) -> str:
    """An o:errorPath as far as it is made of names; a part that is anything else may be a value."""
    return ".".join(part for part in path.split("/") if _NAME.fullmatch(part))


def _bare(code: str) -> str:
    return code.removeprefix("JBO-")
