"""What an event's body says besides what has happened: of what, and who did it."""

from __future__ import annotations

import json

from ml_connector.core.records import Body


def by_ourselves(body: bytes, own_id: str) -> bool:
    """Whether the user that our token acts for has caused an event; False where the event does not say who.

    Our trigger's body names the actor at its top, an event of a subscription in its ``detail``.
    """
    actor = _object(body).get("actor_id") or detail(body).get("actor_id")
    return str(actor) == own_id


def detail(body: bytes) -> Body:
    """The object of a subscription's event, as far as the event describes it; empty for another body."""
    found = _object(body).get("detail")
    return found if isinstance(found, dict) else {}


def _object(body: bytes) -> Body:
    try:
        said = json.loads(body)
    except ValueError:
        said = None
    return said if isinstance(said, dict) else {}
