"""Webhooks. https://developer.zendesk.com/api-reference/webhooks/webhooks-api/webhooks/"""

from __future__ import annotations

import re
import secrets
from base64 import b64encode
from typing import Any
from urllib.parse import urlsplit

from connectors.zendesk.sandbox.account import Account
from connectors.zendesk.sandbox.deliveries import Deliveries
from connectors.zendesk.sandbox.http import Answer, Call, Endpoint, Refused, Row, existing
from connectors.zendesk.sandbox.paging import listing, sequence

TRIGGERED = "conditional_ticket_events"
REQUIRED = ("name", "endpoint", "http_method", "request_format", "status")
WRITABLE = frozenset({*REQUIRED, "description", "subscriptions", "authentication", "custom_headers"})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
USER_EVENTS = (
    "active_changed|alias_changed|created|custom_field_changed|custom_role_changed|default_group_changed|deleted|"
    "details_changed|external_id_changed|group_membership_created|group_membership_deleted|identity_changed|"
    "identity_created|identity_deleted|last_login_changed|merged|name_changed|notes_changed|"
    "only_private_comments_changed|organization_membership_created|organization_membership_deleted|password_changed|"
    "photo_changed|role_changed|suspended_changed|tags_changed|time_zone_changed"
)
EVENT = re.compile(rf"zen:event-type:((ticket|organization|article|community_post)\.[a-z_]+|user\.({USER_EVENTS}))")


class Webhooks:
    """The endpoints, and what an admin does by hand."""

    def __init__(self, account: Account, deliveries: Deliveries) -> None:
        self.account = account
        self.deliveries = deliveries

    def endpoints(self) -> list[Endpoint]:
        scope, one = "webhooks", "webhooks/{webhook_id}"
        return [
            Endpoint("GET", "webhooks", self.index, scope),
            Endpoint("POST", "webhooks", self.create, scope),
            Endpoint("GET", one, self.show, scope),
            Endpoint("PUT", one, self.update, scope),
            Endpoint("PATCH", one, self.update, scope),
            Endpoint("DELETE", one, self.destroy, scope),
            Endpoint("GET", f"{one}/signing_secret", self.signing_secret, scope),
            Endpoint("POST", f"{one}/signing_secret", self.reset_signing_secret, scope),
            Endpoint("GET", f"{one}/invocations", self.invocations, scope),
        ]

    def index(self, call: Call) -> Answer:
        """Always by cursor, also without ``page[size]``."""
        call.require_admin()
        call.query.setdefault("page[size]", "100")
        return listing(call, "webhooks", sequence(list(self.account.webhooks.values())), lambda row: row)

    def show(self, call: Call) -> Answer:
        return Answer(200, {"webhook": self._named(call)})

    def create(self, call: Call) -> Answer:
        call.require_admin()
        sent = call.body().get("webhook") or {}
        if missing := [name for name in REQUIRED if not sent.get(name)]:
            raise _bad_request(f"{', '.join(missing)} can't be blank")
        now, actor = self.account.now(), str(call.write.actor_id)
        row: Row = {"id": f"01{secrets.token_hex(12).upper()}", "subscriptions": [], "description": ""}
        row |= {"created_at": now, "created_by": actor, "updated_at": now, "updated_by": actor}
        row |= _valid({name: value for name, value in sent.items() if name in WRITABLE})
        self.account.webhooks[row["id"]] = row
        self._new_secret(row["id"])
        self.account.effect(call.write, "webhook.created", row["id"])
        return Answer(201, {"webhook": row})

    def update(self, call: Call) -> Answer:
        row = self._named(call)
        self.change(row["id"], call.body().get("webhook") or {})
        self.account.effect(call.write, "webhook.updated", row["id"])
        return Answer(204)

    def destroy(self, call: Call) -> Answer:
        row = self._named(call)
        self.remove(row["id"])
        self.account.effect(call.write, "webhook.deleted", row["id"])
        return Answer(204)

    def signing_secret(self, call: Call) -> Answer:
        return self._secret(200, self._named(call)["id"])

    def reset_signing_secret(self, call: Call) -> Answer:
        row = self._named(call)
        self._new_secret(row["id"])
        self.account.effect(call.write, "webhook.secret_reset", row["id"])
        return self._secret(201, row["id"])

    def invocations(self, call: Call) -> Answer:
        webhook_id, wanted = self._named(call)["id"], call.query.get("filter[status]")
        rows = [one.invocation() for one in self.deliveries.all() if one.webhook_id == webhook_id]
        rows = [row for row in rows if wanted in (None, row["status"])]
        return listing(call, "invocations", sequence(rows[::-1]), lambda row: row)

    def change(self, webhook_id: str, sent: Row) -> None:
        old = self.account.webhooks[webhook_id]
        new = _valid({**old, **{name: value for name, value in sent.items() if name in WRITABLE}})
        if (TRIGGERED in new["subscriptions"]) != (TRIGGERED in old["subscriptions"]):
            raise _bad_request("the connection method of a webhook cannot be changed")
        self.account.webhooks[webhook_id] = {**new, "updated_at": self.account.now()}

    def remove(self, webhook_id: str) -> None:
        """A trigger that notifies it has to go first."""
        if any(webhook_id in notified(trigger) for trigger in self.account.triggers.all()):
            raise _bad_request("the webhook is connected to a trigger")
        del self.account.webhooks[webhook_id]

    def _new_secret(self, webhook_id: str) -> None:
        self.account.signing_secrets[webhook_id] = b64encode(secrets.token_bytes(32)).decode()

    def _secret(self, status: int, webhook_id: str) -> Answer:
        secret = {"secret": self.account.signing_secrets[webhook_id], "algorithm": "SHA256"}
        return Answer(status, {"signing_secret": secret})

    def _named(self, call: Call) -> Row:
        call.require_admin()
        return existing(self.account.webhooks.get(call.params["webhook_id"]))


def notified(trigger: Row) -> list[str]:
    """The webhooks that a trigger notifies."""
    return [str(a["value"][0]) for a in trigger["actions"] if a["field"] == "notification_webhook"]


def _valid(row: Row) -> Row:
    subscriptions: list[Any] = row.get("subscriptions") or []
    if TRIGGERED in subscriptions and len(subscriptions) > 1:
        raise _bad_request(f"{TRIGGERED} cannot be combined with event subscriptions")
    if unknown := [one for one in subscriptions if one != TRIGGERED and not EVENT.fullmatch(str(one))]:
        raise _bad_request(f"subscriptions: {unknown[0]} is not an event type")
    if (
        subscriptions != [TRIGGERED]
        and subscriptions
        and (row["http_method"], row["request_format"]) != ("POST", "json")
    ):
        raise _bad_request("event subscriptions need POST and json")
    url = urlsplit(str(row["endpoint"]))
    if not url.hostname or (url.scheme != "https" and url.hostname not in LOOPBACK):
        raise _bad_request("endpoint must be a valid https URL")
    if row["status"] not in ("active", "inactive"):
        raise _bad_request("status is not valid")
    return {**row, "subscriptions": subscriptions}


def _bad_request(title: str) -> Refused:
    return Refused(400, {"errors": [{"code": "BadRequest", "title": title}]})
