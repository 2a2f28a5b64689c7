"""Triggers, as far as they notify webhooks of tickets.

https://developer.zendesk.com/api-reference/ticketing/business-rules/triggers/
"""

from __future__ import annotations

import re
from typing import Any

from connectors.zendesk.sandbox.account import Account
from connectors.zendesk.sandbox.http import Answer, Call, Endpoint, Problems, Row, existing, problem, record_invalid
from connectors.zendesk.sandbox.paging import listing, walked
from connectors.zendesk.sandbox.webhooks import TRIGGERED, Webhooks

WRITABLE = frozenset({"title", "active", "conditions", "actions", "category_id", "description", "position"})
CATEGORY = {"id": "10026", "name": "Initial category", "position": 0}
PLACEHOLDER = re.compile(r"\{\{\s*([a-z_0-9.]+)\s*\}\}")


class Triggers:
    """Tells webhooks of tickets. Knows the conditions ``update_type``, ``status``, ``current_tags`` and
    ``organization_id``; at others it refuses, since it could not judge them."""

    def __init__(self, account: Account, webhooks: Webhooks) -> None:
        self.account = account
        self.table = account.triggers
        self.webhooks = webhooks
        account.ticket_changed = self.ticket_changed

    def endpoints(self) -> list[Endpoint]:
        scope = "triggers"
        return [
            Endpoint("GET", "trigger_categories", self.categories),
            Endpoint("GET", "triggers", self.index, scope),
            Endpoint("POST", "triggers", self.create, scope),
            Endpoint("GET", "triggers/{trigger_id}", self.show, scope),
            Endpoint("PUT", "triggers/{trigger_id}", self.update, scope),
            Endpoint("DELETE", "triggers/{trigger_id}", self.destroy, scope),
        ]

    def categories(self, call: Call) -> Answer:
        return listing(call, "trigger_categories", lambda after: [(1, CATEGORY)][after:], lambda row: row)

    def index(self, call: Call) -> Answer:
        call.require_admin()
        return listing(call, "triggers", walked(self.table.walk), lambda row: self._shown(call, row))

    def show(self, call: Call) -> Answer:
        return Answer(200, {"trigger": self._shown(call, self._named(call))})

    def create(self, call: Call) -> Answer:
        call.require_admin()
        sent = call.permit(call.one("trigger"), WRITABLE, "trigger")
        now = self.account.now()
        blank = {"active": True, "description": None, "position": len(self.table) + 1, "category_id": None}
        row = {"id": self.account.new_id(), **blank, "default": False, "created_at": now, "updated_at": now, **sent}
        self._require_valid(row)
        row["raw_title"] = row["title"]
        self.table.insert(row)
        self.account.effect(call.write, "trigger.created", str(row["id"]))
        return Answer(201, {"trigger": self._shown(call, row)})

    def update(self, call: Call) -> Answer:
        row = self._named(call)
        row = self.change(row, call.permit(call.one("trigger"), WRITABLE, "trigger"))
        self.account.effect(call.write, "trigger.updated", str(row["id"]))
        return Answer(200, {"trigger": self._shown(call, row)})

    def destroy(self, call: Call) -> Answer:
        row = self._named(call)
        self.table.remove(row["id"])
        self.account.effect(call.write, "trigger.deleted", str(row["id"]))
        return Answer(204)

    def change(self, row: Row, sent: Row) -> Row:
        new = {**row, **sent, "updated_at": self.account.now()}
        self._require_valid(new)
        new["raw_title"] = new["title"]
        self.table.replace(new)
        return new

    def ticket_changed(self, ticket: Row, kind: str, actor_id: int | None) -> None:
        """Notify what the active triggers notify of this."""
        for trigger in self.table.all():
            if trigger["active"] and _holds(trigger["conditions"], ticket, kind):
                for action in trigger["actions"]:
                    webhook_id, body = action["value"]
                    self.webhooks.deliveries.notify(webhook_id, TRIGGERED, self._rendered(body, ticket, actor_id))

    def _require_valid(self, row: Row) -> None:
        problems = Problems()
        if not row.get("title"):
            problem(problems, "title", "Title: cannot be blank", "BlankValue")
        if not row["category_id"] and self.account.settings.trigger_category_required:
            problem(problems, "category_id", "Category: cannot be blank", "BlankValue")
        conditions = row.get("conditions") or {}
        listed = [*(conditions.get("all") or []), *(conditions.get("any") or [])]
        if not listed:
            problem(problems, "base", "Conditions: You must select at least one condition", "InvalidValue")
        if unknown := [str(one.get("field")) for one in listed if one.get("field") not in CONDITIONS]:
            problem(problems, "base", f"Conditions: {unknown[0]} is invalid", "InvalidValue")
        if not row.get("actions"):
            problem(problems, "base", "Actions: You must select at least one action", "InvalidValue")
        for action in row.get("actions") or []:
            if not self._is_notification(action):
                problem(problems, "base", "Actions: notification_webhook is invalid", "InvalidValue")
        if problems:
            raise record_invalid(problems)

    def _is_notification(self, action: Row) -> bool:
        match action:
            case {"field": "notification_webhook", "value": [str(webhook_id), str()]}:
                return TRIGGERED in self.account.webhooks.get(webhook_id, {}).get("subscriptions", [])
        return False

    def _rendered(self, body: str, ticket: Row, actor_id: int | None) -> bytes:
        """Placeholders are filled in as they are; those that the sandbox does not know are empty."""
        organization = self.account.organizations.get(ticket["organization_id"] or 0) or {}
        requester = self.account.users.get(ticket["requester_id"] or 0) or {}
        values: dict[str, Any] = {
            "ticket.id": ticket["id"],
            "ticket.title": ticket["subject"],
            "ticket.status": ticket["status"].capitalize(),
            "ticket.external_id": ticket["external_id"],
            "ticket.organization.id": organization.get("id"),
            "ticket.organization.external_id": organization.get("external_id"),
            "ticket.requester.id": requester.get("id"),
            "ticket.requester.external_id": requester.get("external_id"),
            "current_user.id": actor_id,
        }
        return PLACEHOLDER.sub(lambda found: str(values.get(found[1]) or ""), body).encode()

    def _shown(self, call: Call, row: Row) -> Row:
        return {"url": f"{call.base}/api/v2/triggers/{row['id']}.json", **row}

    def _named(self, call: Call) -> Row:
        call.require_admin()
        return existing(self.table.get(call.id("trigger_id")))


CONDITIONS = frozenset({"update_type", "status", "current_tags", "organization_id"})


def _holds(conditions: Row, ticket: Row, kind: str) -> bool:
    every, some = conditions.get("all") or [], conditions.get("any") or []
    judged = [_met(condition, ticket, kind) for condition in some]
    return all(_met(condition, ticket, kind) for condition in every) and (any(judged) or not judged)


def _met(condition: Row, ticket: Row, kind: str) -> bool:
    field, operator, value = condition["field"], condition.get("operator", "is"), condition.get("value")
    if field == "current_tags":
        carried = not {*str(value).split()}.isdisjoint(ticket["tags"])
        return carried is (operator == "includes")
    found = kind if field == "update_type" else ticket[field]
    return (str(found) == str(value)) is (operator == "is")
