"""What Asana sends us: bare facts, several in one delivery, none of them with an id of its own.

https://developers.asana.com/docs/webhooks-guide
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

import orjson

from connectors.asana.client import VENDOR
from ml_connector.core.errors import RejectEvent
from ml_connector.core.signatures import Headers, verify_asana
from ml_connector.core.webhooks import Delivery, Event, Webhook

COMPLETED_CHANGED = "task.changed.completed"
"""A task was completed, or opened again."""
APPROVAL_CHANGED = "task.changed.approval_status"
"""A request for approval was decided, perhaps once more: a rejected one is completed, too, and may yet be granted."""

_WORD = re.compile(r"[a-z_]{1,40}")
_GID = re.compile(r"[0-9]{1,30}")


def read(_headers: Headers, body: bytes) -> Delivery:
    """The events of a delivery, the same one once; none in a heartbeat. RejectEvent: it is no list of events.

    An event is ``task.changed.completed`` about ``task:<gid>``. What Asana has signed and is of no form that we know is
    kept as kind ``unknown``: it must not vanish unseen.
    """
    content = _parse(body)
    found: dict[str, Event] = {}
    for row in content:
        event = _event(row)
        found.setdefault(event.event_id, event)
    return Delivery(None, list(found.values()))


def _parse(body: bytes) -> list[Any]:
    try:
        content = orjson.loads(body)
    except ValueError:
        content = None
    events = content.get("events") if isinstance(content, dict) else None
    if not isinstance(events, list):
        raise RejectEvent("the body holds no list of events", vendor=VENDOR, phase="read")
    return events


def _event(row: Any) -> Event:
    content = row if isinstance(row, dict) else {}
    resource, change = _part(content, "resource"), _part(content, "change")
    kind, gid, action = (
        str(value) for value in (resource.get("resource_type"), resource.get("gid"), content.get("action"))
    )
    what = [kind, action, *([str(change["field"])] if "field" in change else [])]
    known = bool(_GID.fullmatch(gid)) and all(_WORD.fullmatch(word) for word in what)
    return Event(
        _id(row),
        ".".join(what) if known else "unknown",
        f"{kind}:{gid}" if known else "",
        orjson.dumps(row),
    )


def _part(content: dict[str, Any], name: str) -> dict[str, Any]:
    value = content.get(name)
    return value if isinstance(value, dict) else {}


def _id(row: Any) -> str:
    """Of all that the event says: a repeated delivery says the same, and of a task in several projects the same is
    told by each."""
    return f"said:{hashlib.sha256(orjson.dumps(row, option=orjson.OPT_SORT_KEYS)).hexdigest()}"


WEBHOOK = Webhook(verify=verify_asana, read=read, handshake=b"x-hook-secret")
