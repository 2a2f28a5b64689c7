"""What Zendesk says when it refuses something: one shape out of many.

``{"error": "RecordInvalid", "details": {"name": [{"error": "DuplicateValue", ...}]}}`` for records, ``error`` as an
object ``{"title", "message"}`` for permissions, ``{"errors": [{"code", "title"}]}`` at newer endpoints, ``{"detail",
"title"}`` at the edge, and plain text. A job's results hold ``error`` and ``details`` as sentences. The sentences
quote the record ("Name: Acme has already been taken"), so only codes and names of fields are taken from them.
https://developer.zendesk.com/api-reference/introduction/requests/
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ml_connector.core import jsonx
from ml_connector.core.errors import ConnectorError, Misconfigured, Reauthenticate, RejectRecord, RetryLater
from ml_connector.core.response import Response

VENDOR = "zendesk"
DUPLICATE = "DuplicateValue"

_CODE = re.compile(r"[A-Z][A-Za-z]{1,60}|[a-z]+(_[a-z]+){1,6}")  # a word such as RecordInvalid or invalid_token
_KEY = re.compile(r"[A-Za-z0-9_.]{1,80}")
_SCOPES = re.compile(r"required scopes?: ([a-z_:, ]+)")
_TAKEN = re.compile(r"already (been taken|being used|in use|a member|exists)|must be unique", re.IGNORECASE)
_MISSING = re.compile(r"not ?found|does ?n[o']t exist|no such", re.IGNORECASE)
_LABEL = re.compile(r"(?:^|; |, |\. |\n)\s*([A-Za-z_]+(?: [a-z]+)?)(?=:| (?:has|is|cannot|must|was)\b)")
_PHONE = re.compile(r"(?:^|; |, |\. |\n)\s*Phone [+(\d]")
"""``Phone 5551234567 is not properly formatted``: the number stands where others have a colon.
https://gist.github.com/dpawluk/77ec3f245fb299f70291c9c180dfe008
"""
_LABELS = {
    "name": "name",
    "email": "email",
    "external": "external_id",
    "external id": "external_id",
    "external_id": "external_id",
    "phone": "phone",
    "details": "details",
    "notes": "notes",
    "locale": "locale",
    "tags": "tags",
    "organization": "organization_id",
    "organization id": "organization_id",
    "organization_id": "organization_id",
    "user": "user_id",
    "user_id": "user_id",
    "domain names": "domain_names",
    "value": "value",
}


@dataclass(slots=True, frozen=True)
class Problem:
    """Why Zendesk refuses a record: its code, and the fields at fault with their codes."""

    code: str
    fields: tuple[tuple[str, str], ...] = ()
    text: str = field(default="", repr=False, compare=False)
    """Zendesk's own sentences. They quote the record, so nobody may be told them."""

    @property
    def missing(self) -> bool:
        """The object to be changed does not exist."""
        return "NotFound" in self.code

    @property
    def taken(self) -> frozenset[str]:
        """The fields whose values belong to another object; ``?`` if Zendesk does not say which."""
        names = frozenset(name for name, code in self.fields if code == DUPLICATE)
        return names or (frozenset("?") if self.code == DUPLICATE else names)

    def __str__(self) -> str:
        fields = ", ".join(f"{name}: {code}" for name, code in self.fields)
        return f"{self.code} ({fields})" if fields else self.code


class Refused(RejectRecord):
    """Zendesk refuses a call because of what is in it."""

    def __init__(self, message: str, problem: Problem, *, phase: str = "", request_id: str | None = None) -> None:
        super().__init__(message, vendor=VENDOR, phase=phase, request_id=request_id)
        self.problem = problem


class Forbidden(Misconfigured):
    """The token is valid but may not do this."""


def explain(response: Response, phase: str) -> ConnectorError:
    """The error to raise for an answer that was not accepted."""
    try:
        body = jsonx.loads(response.body)
    except ValueError:
        body = None
    problem = problem_of(body)
    where: dict[str, Any] = {"phase": phase, "request_id": response.request_id}
    match response.status:
        case 401:
            return Reauthenticate("Zendesk refuses the token: connect the account again", vendor=VENDOR, **where)
        case 403:
            return Forbidden(_forbidden(body), vendor=VENDOR, **where)
        case 404 if problem.code == "InvalidEndpoint":
            return Misconfigured("Zendesk knows no such address: check the origin", vendor=VENDOR, **where)
        case 404:
            return Refused("Zendesk does not have this object", Problem("RecordNotFound"), **where)
        case 409:
            return RetryLater("somebody else is changing the same object", vendor=VENDOR, **where)
        case _ if problem.code == "TooManyJobs":
            return RetryLater("the account has 30 jobs queued or running", vendor=VENDOR, **where)
        case status:
            return Refused(f"Zendesk refuses this with {status} {problem}", problem, **where)


def problem_of(body: Any) -> Problem:
    """The problem in the body of an answer, or in one result of a job."""
    if not isinstance(body, dict):
        return Problem("Unknown")
    error = body.get("error")
    if isinstance(error, dict):
        return Problem(_code(error.get("title")))
    if error is None and isinstance(body.get("errors"), list) and body["errors"]:
        first = body["errors"][0]
        return Problem(_code(first.get("code") if isinstance(first, dict) else first))
    details = body.get("details")
    if isinstance(details, dict):
        sentences = [str(entry.get("description")) for entries in details.values() for entry in _entries(entries)]
        return Problem(_code(error), tuple(_fields(details)), "\n".join(sentences))
    texts = [text for text in (error, details, body.get("errors"), body.get("description")) if isinstance(text, str)]
    return _from_sentences(_code(error), "\n".join(texts))


def _fields(details: dict[str, Any]) -> list[tuple[str, str]]:
    fields = []
    for name, entries in details.items():
        name = name if _KEY.fullmatch(name) else "?"  # a key that is no name of a field may be anything
        for entry in _entries(entries):
            taken = _TAKEN.search(str(entry.get("description")))
            fields.append((name, DUPLICATE if taken else _code(entry.get("error"))))
    return fields


def _entries(entries: Any) -> list[dict[str, Any]]:
    """What is wrong with one attribute: mostly a list, of a phone number a single one."""
    found = entries if isinstance(entries, list) else [entries]
    return [entry if isinstance(entry, dict) else {"description": entry} for entry in found]


def _from_sentences(code: str, text: str) -> Problem:
    """Jobs describe a failure in words: "Name: ... has already been taken; External has already been taken".

    A value may look like a field of its own, so what holds for one of the fields is taken to hold for all: at worst
    something is looked up in vain.
    """
    kind = DUPLICATE if _TAKEN.search(text) else "Invalid"
    labels = dict.fromkeys(_LABELS[label] for found in _LABEL.findall(text) if (label := found.lower()) in _LABELS)
    if _PHONE.search(text):
        labels["phone"] = None
    if labels:
        return Problem(code, tuple((label, kind) for label in labels), text)
    if kind == DUPLICATE:
        return Problem(DUPLICATE, text=text)
    said_by_job = code == "Unknown" or code.endswith("Error")
    return Problem("RecordNotFound" if said_by_job and _MISSING.search(text) else code, text=text)


def _code(value: Any) -> str:
    return value if isinstance(value, str) and _CODE.fullmatch(value) else "Unknown"


def _forbidden(body: Any) -> str:
    text = " ".join(v for v in body.values() if isinstance(v, str)) if isinstance(body, dict) else ""
    if scopes := _SCOPES.search(text):
        return f"the token lacks the scopes {scopes[1].strip()}: add them to the connection and connect it again"
    return "Zendesk forbids this to the user behind the token: that user must be an admin"
