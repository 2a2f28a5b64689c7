"""Webhooks: created with a handshake, listed, deleted. https://developers.asana.com/reference/webhooks"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.asana.sandbox.deliveries import Deliveries
from connectors.asana.sandbox.http import Answer, Call, Endpoint, Refused, Row, compact, forbidden, unknown
from connectors.asana.sandbox.workspace import WORKSPACE, Workspace

_CREATE = frozenset({"resource", "target", "filters"})
_FILTER = frozenset({"resource_type", "resource_subtype", "action", "fields"})
_ACTIONS = frozenset({"added", "changed", "deleted", "removed", "undeleted"})


class Webhooks:
    """The webhooks of one app and user."""

    def __init__(self, workspace: Workspace, deliveries: Deliveries) -> None:
        self.workspace = workspace
        self.deliveries = deliveries

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint("GET", "/webhooks", self.listed),
            Endpoint("POST", "/webhooks", self.create),
            Endpoint("GET", "/webhooks/{webhook_gid}", self.get),
            Endpoint("PUT", "/webhooks/{webhook_gid}", self.update),
            Endpoint("DELETE", "/webhooks/{webhook_gid}", self.delete),
        ]

    def listed(self, call: Call) -> Answer:
        if call.query.get("workspace") != WORKSPACE:
            raise Refused(400, "workspace: Missing input")
        resource = call.query.get("resource")
        rows = [w for w in self.workspace.webhooks.values() if resource in (None, w["resource"]["gid"])]
        return call.page(rows)

    def get(self, call: Call) -> Answer:
        return Answer(200, {"data": call.show(self._webhook(call))})

    async def create(self, call: Call) -> Answer:
        """Asks the target for the secret back while the call is open."""
        data = call.data(_CREATE)
        project = self.workspace.projects.get(str(data.get("resource")))
        target = data.get("target")
        if project is None or project.gid in self.workspace.hidden:
            raise forbidden()
        if not isinstance(target, str) or not target.startswith(("https://", "http://127.0.0.1")):
            raise forbidden()
        filters = _checked(data.get("filters", []))
        for row in self.workspace.webhooks.values():
            if (row["resource"]["gid"], row["target"]) == (project.gid, target):
                raise Refused(403, "Duplicated webhook. You already have an existing webhook for the given resource.")
        secret = await self.deliveries.handshake(target)
        row = {
            "gid": self.workspace.new_gid(),
            "resource_type": "webhook",
            "active": True,
            "resource": compact(project.gid, "project", project.name),
            "target": target,
            "filters": filters,
            "created_at": self.workspace.now(),
            "last_success_at": None,
            "last_failure_at": None,
            "last_failure_content": "",
            "delivery_retry_count": 0,
            "next_attempt_after": None,
            "failure_deletion_timestamp": None,
        }
        self.workspace.webhooks[row["gid"]] = row
        self.deliveries.open(row, secret)
        self.workspace.effect(call.write, "webhook.created", project.gid)
        return Answer(201, {"data": call.show(row), "X-Hook-Secret": secret})

    def update(self, call: Call) -> Answer:
        row = self._webhook(call)
        row["filters"] = _checked(call.data(frozenset({"filters"})).get("filters", []))
        return Answer(200, {"data": call.show(row)})

    def delete(self, call: Call) -> Answer:
        row = self._webhook(call)
        self.deliveries.remove(row["gid"])
        self.workspace.effect(call.write, "webhook.deleted", row["resource"]["gid"])
        return Answer(200, {"data": {}})

    def _webhook(self, call: Call) -> Row:
        gid = call.params["webhook_gid"]
        if gid not in self.workspace.webhooks:
            raise unknown("webhook", gid)
        return self.workspace.webhooks[gid]


def _checked(filters: Any) -> Sequence[Row]:
    for one in filters:
        if one.keys() - _FILTER or one.get("action") not in _ACTIONS or "resource_type" not in one:
            raise Refused(400, "filters: Invalid filter")
        if "fields" in one and one["action"] != "changed":
            raise Refused(400, "filters: fields may only be given with the action changed")
    return [{"resource_subtype": None, **one} for one in filters]
