"""The Zendesk emulator against the vendor's own document: the same addresses, and answers of the same make."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.zendesk.sandbox import ZendeskEmulator
from connectors.zendesk.sandbox.oauth import CLIENT_ID, CLIENT_SECRET
from ml_connector.sandbox.serve import SandboxThread
from ml_connector.sandbox.world import World
from tests.contracts.openapi import ZENDESK_AMENDMENTS, OpenApi

PROSE_ONLY = {
    # Other addresses of the same operations, which the reference names and the document leaves out.
    ("GET", "users/{user_id}/organization_memberships"),
    ("POST", "users/{user_id}/organization_memberships"),
    ("DELETE", "users/{user_id}/organization_memberships/{membership_id}"),
    ("GET", "organizations/{organization_id}/organization_memberships"),
}


@pytest.fixture(scope="module")
def contract(specs: Path) -> OpenApi:
    return OpenApi(specs / "zendesk" / "openapi.patched.json", ZENDESK_AMENDMENTS)


@pytest.fixture(scope="module")
def examples(specs: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((specs / "zendesk" / "example-payloads-from-oas.json").read_bytes())
    return found


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with SandboxThread((ZendeskEmulator,)) as sandbox, httpx.Client(base_url=sandbox.url("zendesk")) as client:
        grant = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        token = client.post("/oauth/tokens", json={**grant, "scope": "read write"}).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def test_every_address_of_the_emulator_is_in_the_document(contract: OpenApi) -> None:
    for endpoint in ZendeskEmulator(World()).endpoints.all():
        path = endpoint.template.replace("{", "").replace("}", "")
        known = contract.operation_id(endpoint.method, f"/api/v2/{path}") is not None
        assert known != ((endpoint.method, endpoint.template) in PROSE_ONLY), endpoint


def test_a_request_that_the_document_does_not_know_is_found(contract: OpenApi) -> None:
    organizations = "/api/v2/organizations"
    assert contract.operation_id("GET", "/api/v2/users/me") == "ShowCurrentUser"
    assert contract.check_request("POST", organizations, {}, {"organization": {"name": "A", "group_id": None}}) == []
    wrong = [
        ("PATCH", organizations, {}, {"organization": {"name": "A"}}),
        ("GET", f"{organizations}/show_many", {"keys": "1"}, None),
        ("GET", "/api/v2/job_statuses/show_many", {}, None),
        ("POST", organizations, {}, None),
        ("POST", organizations, {}, {"organization": {"notes": "no name"}}),
        ("POST", organizations, {}, {"organization": {"name": "A", "nmae": "B"}}),
        ("POST", organizations, {}, {"organization": {"name": "A", "domain_names": "a.example"}}),
        ("POST", f"{organizations}/create_many", {}, {"organizations": [{"name": "A"}] * 101}),
    ]
    for request in wrong:
        assert contract.check_request(*request) != [], request


def test_answers_have_the_attributes_of_the_official_examples(http: httpx.Client, examples: dict[str, Any]) -> None:
    organization = _answer(http, examples, "POST", "organizations", {"organization": {"name": "Acme"}})["organization"]
    sent = {"name": "Ann", "email": "ann@a.example", "organization_id": organization["id"], "skip_verify_email": True}
    user = _answer(http, examples, "POST", "users/create_or_update", {"user": sent})["user"]
    sent = {"type": "email", "value": "ann2@a.example", "skip_verify_email": True}
    created = _answer(http, examples, "POST", "users/{user_id}/identities", {"identity": sent}, user_id=user["id"])
    path = "users/{user_id}/identities/{user_identity_id}/make_primary"
    ids = {"user_id": user["id"], "user_identity_id": created["identity"]["id"]}
    _answer(http, examples, "PUT", path, {}, **ids)
    other = http.post("/api/v2/organizations", json={"organization": {"name": "Other"}}).json()["organization"]
    sent = {"user_id": user["id"], "organization_id": other["id"], "default": True}
    _answer(http, examples, "POST", "organization_memberships", {"organization_membership": sent})
    field = {"key": "erp", "title": "ERP", "description": "Number", "type": "text"}
    _answer(http, examples, "POST", "organization_fields", {"organization_field": field})
    _answer(http, examples, "POST", "user_fields", {"user_field": field})
    _answer(http, examples, "GET", "organizations/search", None, query="name=acme")
    _answer(http, examples, "GET", "users/me", None)
    changes = {"organizations": [{"id": organization["id"], "notes": "x"}]}
    job = http.put("/api/v2/organizations/update_many", json=changes).json()["job_status"]
    while http.get(f"/api/v2/job_statuses/{job['id']}").json()["job_status"]["status"] != "completed":
        time.sleep(0.01)
    _answer(http, examples, "GET", "job_statuses/{job_status_id}", None, job_status_id=job["id"])


def test_tickets_and_triggers_have_the_attributes_of_the_official_examples(
    http: httpx.Client, examples: dict[str, Any]
) -> None:
    ticket = http.post("/api/v2/tickets", json={"ticket": {"subject": "A", "comment": {"body": "B"}}}).json()["ticket"]
    sent = {"ticket": {"priority": "high", "comment": {"body": "C", "public": False}}}
    _answer(http, examples, "PUT", "tickets/{ticket_id}", sent, ticket_id=ticket["id"])
    settings = {"system": "zendesk", "export_excludes_seconds": 0}
    http.post(http.base_url.copy_with(path="/_sandbox/settings"), json=settings).raise_for_status()
    exported = _answer(http, examples, "GET", "incremental/tickets/cursor", None, query="start_time=0")
    assert len(exported["tickets"]) == 1
    endpoint = {"endpoint": "https://hooks.example/x", "http_method": "POST", "request_format": "json"}
    made = {"name": "x", "status": "active", "subscriptions": ["conditional_ticket_events"], **endpoint}
    webhook = http.post("/api/v2/webhooks", json={"webhook": made}).json()["webhook"]
    trigger = {
        "title": "x",
        "category_id": "10026",
        "conditions": {"all": [{"field": "status", "operator": "is", "value": "open"}]},
        "actions": [{"field": "notification_webhook", "value": [webhook["id"], "{}"]}],
    }
    _answer(http, examples, "POST", "triggers", {"trigger": trigger})


def _answer(
    http: httpx.Client, examples: dict[str, Any], method: str, path: str, body: Any, query: str = "", **ids: Any
) -> Any:
    """The emulator's answer, after a look at whether it has all that the official example has."""
    answer = http.request(method, f"/api/v2/{path.format(**ids)}?{query}", json=body)
    official = examples[f"{method} /api/v2/{path}"]["responses"]
    assert str(answer.status_code) in official
    assert _missing(official[str(answer.status_code)]["default"], answer.json()) == []
    return answer.json()


def _missing(official: Any, given: Any, where: str = "") -> list[str]:
    """Attributes of the official example that the emulator's answer lacks."""
    if isinstance(official, dict) and isinstance(given, dict):
        absent = [f"{where}/{name}" for name in official if name not in given]
        pairs = [(name, value) for name, value in official.items() if name in given and not name.endswith("_fields")]
        return absent + [one for name, value in pairs for one in _missing(value, given[name], f"{where}/{name}")]
    if isinstance(official, list) and isinstance(given, list) and official and given:
        return _missing(official[0], given[0], f"{where}/0")
    return []
