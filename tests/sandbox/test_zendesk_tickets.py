"""What Zendesk refuses about tickets, exports, webhooks and triggers, the emulator refuses too."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ml_connector.sandbox.serve import SandboxThread
from tests.sandbox.zendesk import Account

WEBHOOK = {
    "name": "x",
    "status": "active",
    "endpoint": "https://hooks.example/x",
    "http_method": "POST",
    "request_format": "json",
    "subscriptions": ["conditional_ticket_events"],
}
USERS = "zen:event-type:user.name_changed"


@pytest.fixture
def http(account: Account) -> Iterator[httpx.Client]:
    """For what the vendor's document does not know, or words otherwise."""
    token = account.http.headers["Authorization"]
    with httpx.Client(base_url=f"{account.http.base_url}api/v2", headers={"Authorization": token}) as client:
        yield client


def ticket(http: httpx.Client, **sent: Any) -> dict[str, Any]:
    answer = http.post("/tickets", json={"ticket": {"subject": "A", "comment": {"body": "B"}, **sent}})
    assert answer.status_code == 201, answer.text
    return dict(answer.json()["ticket"])


def test_tickets_are_kept_by_their_rules(http: httpx.Client) -> None:
    me = http.get("/users/me").json()["user"]["id"]
    made = ticket(http)
    address = f"/tickets/{made['id']}"

    def update(**sent: Any) -> httpx.Response:
        return http.put(address, json={"ticket": sent})

    assert http.post("/tickets", json={"ticket": {"subject": "A"}}).status_code == 422
    assert update(status="solved").json()["details"]["base"][0]["description"].startswith("Assignee: is required")
    assert update(status="sleeping").status_code == 422
    assert update(priority="high", safe_update=True, updated_stamp="2020-01-01T00:00:00Z").json()["error"] == (
        "UpdateConflict"
    )
    assert update(assignee_id=me).json()["ticket"]["status"] == "open"
    assert update(status="new").status_code == 422
    assert update(status="closed", comment={"body": "Bye", "public": False}).status_code == 200
    refused = update(priority="low")
    assert (refused.status_code, refused.json()["details"]["status"][0]["description"]) == (
        422,
        "Status: closed prevents ticket update",
    )
    newest = http.get(f"{address}/comments", params={"sort": "-created_at", "page[size]": 1}).json()
    assert [(one["body"], one["public"]) for one in newest["comments"]] == [("Bye", False)]
    assert http.delete(address).status_code == 204
    assert (http.get(address).status_code, update(priority="low").status_code) == (404, 404)
    assert http.get("/tickets/show_many", params={"ids": str(made["id"])}).json()["tickets"] == []


def test_exports_are_for_admins_and_ten_times_a_minute(vendors: SandboxThread, http: httpx.Client) -> None:
    export = "/incremental/tickets/cursor"
    ticket(http)
    assert http.get(export, params={"start_time": int(time.time()) - 30}).status_code == 422
    assert http.get(export).status_code == 400
    assert http.get(export, params={"cursor": "nonsense"}).status_code == 400
    young = http.get(export, params={"start_time": 0}).json()
    assert (young["tickets"], young["after_cursor"], young["end_of_stream"]) == ([], None, True)
    vendors.emulators["zendesk"].configure({"export_excludes_seconds": 0})
    old = http.get(export, params={"start_time": 0, "per_page": 1}).json()
    assert ([one["id"] for one in old["tickets"]], old["end_of_stream"]) == ([1], True)
    statuses = [http.get(export, params={"cursor": old["after_cursor"]}).status_code for _ in range(6)]
    assert statuses == [200] * 5 + [429]
    vendors.emulators["zendesk"].configure({"role": "agent", "rate_scale": None})
    assert http.get(export, params={"start_time": 0}).status_code == 403


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"status": "sleeping"},
        {"endpoint": "http://hooks.example/x"},
        {"subscriptions": ["conditional_ticket_events", USERS]},
        {"subscriptions": ["zen:event-type:user.no_such_thing"]},
        {"subscriptions": [USERS], "http_method": "PUT"},
    ],
)
def test_webhooks_that_cannot_be_are_refused(http: httpx.Client, wrong: dict[str, Any]) -> None:
    assert http.post("/webhooks", json={"webhook": {**WEBHOOK, **wrong}}).status_code == 400
    assert http.get("/webhooks").json()["webhooks"] == []


def test_webhooks_and_triggers_hold_each_other(http: httpx.Client) -> None:
    webhook = http.post("/webhooks", json={"webhook": WEBHOOK}).json()["webhook"]
    users = http.post("/webhooks", json={"webhook": {**WEBHOOK, "subscriptions": [USERS]}}).json()["webhook"]
    address = f"/webhooks/{webhook['id']}"

    def trigger(webhook_id: str, **changes: Any) -> httpx.Response:
        condition = {"field": "update_type", "operator": "is", "value": "Change"}
        actions = [{"field": "notification_webhook", "value": [webhook_id, "{}"]}]
        sent = {"title": "x", "category_id": "10026", "conditions": {"all": [condition]}, "actions": actions}
        return http.post("/triggers", json={"trigger": {**sent, **changes}})

    assert http.patch(address, json={"webhook": {"subscriptions": [USERS]}}).status_code == 400
    assert [trigger(other).status_code for other in ("no such one", users["id"])] == [422, 422]
    assert trigger(webhook["id"], category_id=None).status_code == 422
    assert trigger(webhook["id"], conditions={"all": []}).status_code == 422
    made = trigger(webhook["id"])
    assert made.status_code == 201
    assert http.delete(address).status_code == 400
    secret = http.get(f"{address}/signing_secret").json()["signing_secret"]["secret"]
    assert http.post(f"{address}/signing_secret").json()["signing_secret"]["secret"] != secret
    assert http.delete(f"/triggers/{made.json()['trigger']['id']}").status_code == 204
    assert (http.delete(address).status_code, http.get(address).status_code) == (204, 404)
