"""What Slack's Events API sends us: one event a request, or a word to the address itself.

An app has one address; the token in it names the app. Team and app stand in each body.
https://docs.slack.dev/apis/events-api
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

import orjson

from connectors.slack.client import VENDOR
from ml_connector.core.errors import RejectEvent
from ml_connector.core.signatures import Headers, verify_slack
from ml_connector.core.webhooks import Delivery, Event, Webhook

_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_CHALLENGE = re.compile(r"[\w.-]{1,256}")


def read(_headers: Headers, body: bytes) -> Delivery:
    """The delivery's account, ``<team>/<app>``, and its event. RejectEvent: it is not JSON of an object.

    What Slack has signed and is of no form that we know is kept as kind ``unknown``: it must not vanish unseen.
    """
    content = _parse(body)
    challenge = content.get("challenge")
    if content.get("type") == "url_verification" and isinstance(challenge, str) and _CHALLENGE.fullmatch(challenge):
        return Delivery(None, (), answer=challenge.encode())
    team, app = _id(content.get("team_id")), _id(content.get("api_app_id"))
    account = f"{team}/{app}" if team and app else None
    event = content.get("event")
    if content.get("type") == "event_callback" and isinstance(event, dict):
        kind, key = _id(event.get("type")) or "unknown", _subject(event)
    else:
        kind, key = _id(content.get("type")) or "unknown", ""
    return Delivery(account, [Event(_event_id(content, body), kind, key or f"team:{team}", body)])


def _parse(body: bytes) -> dict[str, Any]:
    try:
        content = orjson.loads(body)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise RejectEvent("the body is not a JSON object", vendor=VENDOR, phase="read")
    return content


def _event_id(content: dict[str, Any], body: bytes) -> str:
    """Slack's own; ``app_rate_limited`` has none, and comes once for each minute in which events were lost."""
    minute = _id(content.get("minute_rate_limited"))
    if minute:
        return f"app_rate_limited:{minute}"
    return _id(content.get("event_id")) or f"body:{hashlib.sha256(body).hexdigest()}"


def _subject(event: dict[str, Any]) -> str | None:
    """The channel, which is an id here, an object there (``channel_rename``), and elsewhere has two ids
    (``channel_id_changed``)."""
    channel = event.get("channel") or event.get("old_channel_id")
    found = _id(channel.get("id") if isinstance(channel, dict) else channel)
    return f"channel:{found}" if found else None


def _id(value: Any) -> str | None:
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    return text if _ID.fullmatch(text) else None


WEBHOOK = Webhook(verify=verify_slack, read=read, settles=False)
