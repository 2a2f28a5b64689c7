"""The Asana emulator against the vendor's own document, and what a poller of events and tokens meets there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.asana.sandbox.oauth import CLIENT_ID, CLIENT_SECRET, PERSONAL_TOKEN
from tests.connectors.asana_workspace import ORDERS, SPEC, Workspace, workspace


@pytest.fixture
def asana() -> Iterator[Workspace]:
    with workspace() as opened:
        yield opened


@pytest.fixture
def http(asana: Workspace) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=asana.origin, headers={"authorization": f"Bearer {PERSONAL_TOKEN}"}) as client:
        yield client


def properties(document: Any, name: str) -> dict[str, Any]:
    """All attributes of one of the document's objects."""

    def walk(node: Any) -> dict[str, Any]:
        if "$ref" in node:
            return walk(document["components"]["schemas"][node["$ref"].rpartition("/")[2]])
        found = dict(node.get("properties", {}))
        for part in node.get("allOf", []):
            found |= walk(part)
        return found

    return walk(document["components"]["schemas"][name])


def test_answers_have_only_attributes_that_the_document_has(specs: Path, http: httpx.Client) -> None:
    assert specs
    document = json.loads(SPEC.read_bytes())
    field = {
        "workspace": "1200000000000001",
        "name": "Status",
        "resource_subtype": "enum",
        "enum_options": [{"name": "A"}],
    }
    created = http.post("/custom_fields", json={"data": field}).json()["data"]
    http.post(f"/projects/{ORDERS}/addCustomFieldSetting", json={"data": {"custom_field": created["gid"]}})
    values = {created["gid"]: created["enum_options"][0]["gid"]}
    answer = http.post("/tasks", json={"data": {"name": "T", "projects": [ORDERS], "custom_fields": values}})
    task = answer.json()["data"]
    (setting,) = http.get(
        f"/projects/{ORDERS}/custom_field_settings", params={"opt_fields": "project,custom_field"}
    ).json()["data"]
    shown = [
        ("CustomFieldResponse", created),
        ("TaskResponse", task),
        ("CustomFieldSettingResponse", setting),
        ("ProjectResponse", http.get(f"/projects/{ORDERS}").json()["data"]),
        ("UserResponse", http.get("/users/me").json()["data"]),
        ("CustomFieldResponse", task["custom_fields"][0]),
    ]
    for name, row in shown:
        assert row.keys() <= properties(document, name).keys() | {"resource_subtype"}, name
    assert (answer.status_code, answer.headers["location"]) == (201, f"/api/1.0/tasks/{task['gid']}")


def test_what_asana_refuses_is_refused(asana: Workspace, http: httpx.Client) -> None:
    assert asana
    wrong: list[tuple[str, str, Any, int]] = [
        ("POST", "/tasks", {"name": "no data"}, 400),
        ("POST", "/tasks", {"data": {"name": "nowhere"}}, 400),
        ("POST", "/tasks", {"data": {"name": "x", "projects": ["1"]}}, 404),
        ("POST", "/tasks", {"data": {"name": "x", "projects": [ORDERS], "custom_fields": {"9": "1"}}}, 400),
        ("POST", "/tasks", {"data": {"name": "x", "projects": [ORDERS], "external": {"gid": "1"}}}, 403),
        ("POST", "/tasks", {"data": {"name": "x", "projects": [ORDERS], "due_on": "tomorrow"}}, 400),
        ("GET", "/tasks?project=1&limit=101", None, 404),
        ("GET", f"/tasks?project={ORDERS}&limit=101", None, 400),
        ("GET", f"/tasks?project={ORDERS}&offset=abc", None, 400),
        ("POST", "/webhooks", {"data": {"resource": ORDERS, "target": "http://localhost/hooks"}}, 403),
    ]
    task = http.post("/tasks", json={"data": {"name": "T", "projects": [ORDERS]}}).json()["data"]
    wrong.append(("PUT", f"/tasks/{task['gid']}", {"data": {"projects": [ORDERS]}}, 400))
    for method, path, body, status in wrong:
        answer = http.request(method, path, json=body)
        assert answer.status_code == status, (method, path, answer.text)
        assert answer.json()["errors"][0]["message"]
    asana.world.requests.clear()  # they are wrong by the contract, too


def test_events_are_told_from_a_sync_token_on(asana: Workspace, http: httpx.Client) -> None:
    first = http.get("/events", params={"resource": ORDERS})
    assert first.status_code == 412
    (gid,) = asana.by_hand(create={"name": "T"})
    asana.by_hand(keys=[gid], complete=True)
    page = http.get("/events", params={"resource": ORDERS, "sync": first.json()["sync"]}).json()
    assert [(event["action"], (event.get("change") or {}).get("field")) for event in page["data"]] == [
        ("added", None),
        ("changed", "completed"),
    ]
    assert http.get("/events", params={"resource": ORDERS, "sync": page["sync"]}).json()["data"] == []
    asana.emulator.configure({"sync_seconds": 0.0})
    assert http.get("/events", params={"resource": ORDERS, "sync": page["sync"]}).status_code == 412


def test_tokens_are_exchanged_renewed_and_expire_and_requests_are_limited(asana: Workspace, http: httpx.Client) -> None:
    oauth = asana.sandbox.url("asana") + "/-/"
    app = {"client_id": CLIENT_ID, "redirect_uri": "https://here.example/back"}
    sent = http.get(f"{oauth}oauth_authorize", params={**app, "response_type": "code", "state": "s"})
    code = httpx.URL(sent.headers["location"]).params["code"]
    grant = {**app, "client_secret": CLIENT_SECRET, "grant_type": "authorization_code", "code": code}
    granted = http.post(f"{oauth}oauth_token", data=grant).json()
    assert http.post(f"{oauth}oauth_token", data=grant).status_code == 400  # a code is good once
    asana.emulator.expire_tokens()
    me = {"authorization": f"Bearer {granted['access_token']}"}
    assert http.get("/users/me", headers=me).status_code == 401
    renew = {**grant, "grant_type": "refresh_token", "refresh_token": granted["refresh_token"]}
    renewed = http.post(f"{oauth}oauth_token", data=renew).json()
    assert "refresh_token" not in renewed  # the old one stays good
    asana.emulator.configure({"rate_scale": 1.0, "requests_per_minute": 2})
    me = {"authorization": f"Bearer {renewed['access_token']}"}
    answers = [http.get("/users/me", headers=me) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60
