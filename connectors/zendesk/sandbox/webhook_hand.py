"""What admins do to webhooks and triggers in the Admin Center, and Zendesk to webhooks that fail too often."""

from __future__ import annotations

from typing import Any

from connectors.zendesk.sandbox.triggers import Triggers
from connectors.zendesk.sandbox.webhooks import Webhooks


def mutate_webhooks(webhooks: Webhooks, change: dict[str, Any]) -> list[str]:
    """Those with the ids ``keys``, or all: ``set`` attributes (``status: inactive``), or ``delete``."""
    chosen = [webhook_id for webhook_id in webhooks.account.webhooks if webhook_id in change.get("keys", [webhook_id])]
    for webhook_id in chosen:
        if change.get("delete"):
            webhooks.remove(webhook_id)
        else:
            webhooks.change(webhook_id, change["set"])
    return chosen


def mutate_triggers(triggers: Triggers, change: dict[str, Any]) -> list[str]:
    """The same for triggers."""
    chosen = [row for row in triggers.table.all() if str(row["id"]) in change.get("keys", [str(row["id"])])]
    for row in chosen:
        if change.get("delete"):
            triggers.table.remove(row["id"])
        else:
            triggers.change(row, change["set"])
    return [str(row["id"]) for row in chosen]
