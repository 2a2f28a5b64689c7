"""What Zendesk sends us: events that a webhook subscribes to, and the body that our trigger makes.

One webhook cannot do both (https://developer.zendesk.com/documentation/webhooks/creating-and-monitoring-webhooks/), so
an account has two of them; they share an address, and each has its own signing secret.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import orjson

from connectors.zendesk.client import VENDOR
from ml_connector.core.errors import RejectEvent
from ml_connector.core.signatures import Headers, verify_zendesk
from ml_connector.core.webhooks import Delivery, Event, Webhook

TRIGGER_BODY = json.dumps({"ticket_id": "{{ticket.id}}", "actor_id": "{{current_user.id}}"})
"""The body of our trigger. Ids only: Zendesk does not escape what it puts in, and what it says may be old."""
TICKET_CHANGED = "ticket.changed"
"""The kind of a trigger's event, which does not tell what has changed."""

_TYPE = re.compile(r"zen:event-type:([a-z_]{1,60}\.[a-z_]{1,60})")
_SUBJECT = re.compile(r"zen:([a-z_]{1,60}:[0-9A-Za-z-]{1,60})")
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")


def read(headers: Headers, body: bytes) -> Delivery:
    """The delivery's account and its one event. RejectEvent: not JSON of an object, or its two accounts differ.

    What was signed by Zendesk and is of no form that we know is kept as kind ``unknown``: it must not vanish unseen.
    """
    said = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
    content = _parse(body)
    return Delivery(_account(said, content), [_event(said, content, body)])


def _parse(body: bytes) -> dict[str, Any]:
    try:
        content = orjson.loads(body)  # only ids are read, so its inexact numbers do no harm
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise RejectEvent("the body is not a JSON object", vendor=VENDOR, phase="read")
    return content


def _account(said: dict[str, str], content: dict[str, Any]) -> str | None:
    """Zendesk signs the body only, but a subscription's body holds the account as well."""
    header, inside = said.get("x-zendesk-account-id"), content.get("account_id")
    if inside is not None and header is not None and str(inside) != header:
        raise RejectEvent("header and body name different accounts", vendor=VENDOR, phase="read")
    return _id(inside) or _id(header)


def _event(said: dict[str, str], content: dict[str, Any], body: bytes) -> Event:
    invocation = _id(said.get("x-zendesk-webhook-invocation-id"))
    kind = _TYPE.fullmatch(str(content.get("type")))
    if kind is not None:
        event_id = _id(content.get("id"))
        return Event(
            f"event:{event_id}" if event_id else _digest(said, body), kind[1], _subject(kind[1], content), body
        )
    # a trigger's deliveries have no id of their own, and retries of one invocation keep its id
    event_id = f"invocation:{invocation}" if invocation else _digest(said, body)
    ticket = _id(content.get("ticket_id"))
    return Event(event_id, TICKET_CHANGED if ticket else "unknown", f"ticket:{ticket}" if ticket else "", body)


def _subject(kind: str, content: dict[str, Any]) -> str:
    subject = _SUBJECT.fullmatch(str(content.get("subject")))
    if subject is not None:
        return subject[1]
    detail = content.get("detail")
    inside = _id(detail.get("id")) if isinstance(detail, dict) else None
    return f"{kind.partition('.')[0]}:{inside}" if inside else ""


def _id(value: Any) -> str | None:
    """An id, which Zendesk writes as a number here and as a string there."""
    text = str(value) if isinstance(value, (str, int)) else ""
    return text if _ID.fullmatch(text) else None


def _digest(said: dict[str, str], body: bytes) -> str:
    """Of all that is signed: the bodies of two changes of one ticket may be the same."""
    signed = said.get("x-zendesk-webhook-signature-timestamp", "").encode() + body
    return f"signed:{hashlib.sha256(signed).hexdigest()}"


WEBHOOK = Webhook(verify=verify_zendesk, read=read)
