"""What an event's body says besides what has happened: who did it."""

from __future__ import annotations

import json


def by_ourselves(body: bytes, own_id: str) -> bool:
    """Whether the user that our token acts for has caused an event; False where the event does not say who.

    Our trigger's body names the actor at its top, an event of a subscription in its ``detail``.
    """
    try:
        said = json.loads(body)
    except ValueError:
        return False
    if not isinstance(said, dict):
        return False
    detail = said.get("detail")
    actor = said.get("actor_id") or (detail.get("actor_id") if isinstance(detail, dict) else None)
    return str(actor) == own_id
