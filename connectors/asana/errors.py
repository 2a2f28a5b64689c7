"""What Asana says when it refuses something: ``{"errors": [{"message": "...", "phrase": "..."}]}``.

The messages quote what was sent ("task: Unknown object: 123"), so only the names of fields, and what is known to be
said in fixed words, are taken from them.
https://developers.asana.com/docs/errors
"""

from __future__ import annotations

import re
from typing import Any

from ml_connector.core import jsonx
from ml_connector.core.errors import ConnectorError, Misconfigured, Reauthenticate, RejectRecord, RetryLater
from ml_connector.core.response import Response

VENDOR = "asana"

_FIELD = re.compile(r"([a-z_]{1,40}(?:\[[0-9]{1,3}\])?(?:\.[a-z_]{1,40})?): ")
_KNOWN = (
    ("Your pagination token is invalid", "stale_offset"),
    ("is not on given object", "field_not_on_task"),
    ("Unknown object", "unknown_object"),
    ("Not a recognized ID", "not_an_id"),
    ("Cannot write this property", "read_only"),
    ("Duplicated webhook", "duplicate_webhook"),
    ("Sync token invalid", "stale_sync"),
    ("already", "taken"),
)


class Refused(RejectRecord):
    """Asana refuses a call because of what is in it. ``code`` is ours for Asana's sentence."""

    def __init__(self, message: str, status: int, code: str, *, phase: str = "", request_id: str | None = None) -> None:
        super().__init__(message, vendor=VENDOR, phase=phase, request_id=request_id)
        self.status = status
        self.code = code

    @property
    def missing(self) -> bool:
        """The object does not exist. One that the token's user may not see is refused with 403."""
        return self.status == 404

    @property
    def out_of_reach(self) -> bool:
        """The object does not exist, or the token's user may not see it."""
        return self.status in (403, 404)


def explain(response: Response, phase: str) -> ConnectorError:
    """The error to raise for an answer that was not accepted."""
    code, field = _problem(response.body)
    where: dict[str, Any] = {"phase": phase, "request_id": response.request_id}
    match response.status:
        case 401:
            return Reauthenticate("Asana refuses the token: connect the account again", vendor=VENDOR, **where)
        case 402:
            told = (
                "Asana's plan does not have this: custom fields and search need a paid one, and users who are no guests"
            )
            return Misconfigured(told, vendor=VENDOR, **where)
        case 409 | 423:
            return RetryLater("somebody else is changing the same object", vendor=VENDOR, **where)
        case 403:
            told = "Asana forbids this to the token's user: it must be able to edit the project and its fields"
            return Refused(f"{told} ({code})", 403, code, **where)
        case 404:
            return Refused("Asana does not have this object, or hides it from the token's user", 404, code, **where)
        case status:
            named = f" in {field}" if field else ""
            return Refused(f"Asana refuses this with {status}: {code}{named}", status, code, **where)


def _problem(raw: bytes) -> tuple[str, str | None]:
    """Our code for the first error of a body, and the field it names."""
    try:
        errors = jsonx.loads(raw)["errors"]
        message = str(errors[0]["message"])
    except (ValueError, KeyError, IndexError, TypeError):
        return "unknown", None
    field = _FIELD.match(message)
    code = next((code for words, code in _KNOWN if words in message), "invalid")
    return code, field[1] if field else None
