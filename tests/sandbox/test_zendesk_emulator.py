"""The Zendesk emulator over real HTTP: what it refuses, what it holds back, and what it counts.

Every request that these tests send, except those that are wrong on purpose, is checked against the vendor's document.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from connectors.zendesk.sandbox import ZendeskEmulator
from connectors.zendesk.sandbox.oauth import (
    CLIENT_ID,
    CLIENT_SECRET,
    LEGACY_API_TOKEN,
    LEGACY_USER,
    PUBLIC_CLIENT_ID,
)
from ml_connector.sandbox.serve import SandboxThread
from tests.contracts.openapi import ZENDESK_AMENDMENTS, OpenApi

Json = Any
SPEC = Path(__file__).resolve().parents[3] / "shared" / "specs" / "zendesk" / "openapi.patched.json"
BY_CLIENT = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
REDIRECT = "https://hooks.example/oauth/callback"


class Account:
    """A client of the emulated account that knows nothing but HTTP."""

    def __init__(self, sandbox: SandboxThread, contract: OpenApi | None) -> None:
        self.sandbox = sandbox
        self.contract = contract
        self.http = httpx.Client(base_url=sandbox.url("zendesk"))
        self.grant()

    def grant(self, scope: str = "read write") -> None:
        """Use a new token from now on."""
        answer = self.call("POST", "/oauth/tokens", {**BY_CLIENT, "scope": scope})
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def call(
        self, method: str, path: str, body: Json = None, *, wrong: bool = False, **query: str | int
    ) -> httpx.Response:
        """``wrong``: the request is not one that the document allows."""
        sent = {name.replace("__", "[") + ("]" if "__" in name else ""): str(value) for name, value in query.items()}
        if self.contract and not wrong:
            assert self.contract.check_request(method, path, sent, body) == []
        return self.http.request(method, path, params=sent, json=body)

    def api(self, method: str, path: str, body: Json = None, *, status: int = 200, **options: Any) -> Json:
        answer = self.call(method, f"/api/v2/{path}", body, **options)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def organization(self, **attributes: Json) -> Json:
        return self.api("POST", "organizations", {"organization": attributes}, status=201)["organization"]

    def user(self, **attributes: Json) -> Json:
        # The document asks for an e-mail address, the prose does not.
        sent = {"user": {"skip_verify_email": True, **attributes}}
        return self.api("POST", "users", sent, status=201)["user"]

    def finished(self, answer: Json) -> Json:
        """The job when it is over."""
        until = time.monotonic() + 5
        while time.monotonic() < until:
            job = self.api("GET", f"job_statuses/{answer['job_status']['id']}")["job_status"]
            if job["status"] in ("completed", "failed"):
                return job
            time.sleep(0.01)
        raise AssertionError("the job did not end")

    def control(self, action: str, **body: Json) -> Json:
        answer = self.http.post(f"{self.sandbox.base_url}/_sandbox/{action}", json={"system": "zendesk", **body})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def state(self, collection: str) -> list[Json]:
        objects: list[Json] = self.sandbox.emulators["zendesk"].state(collection)
        return objects

    def effects(self, kind: str) -> list[str]:
        return [effect.key for effect in self.sandbox.world.effects if effect.kind == kind]


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxThread]:
    with SandboxThread((ZendeskEmulator,)) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def contract() -> OpenApi | None:
    return OpenApi(SPEC, ZENDESK_AMENDMENTS) if SPEC.is_file() else None


@pytest.fixture
def account(running: SandboxThread, contract: OpenApi | None) -> Iterator[Account]:
    running.reset()
    account = Account(running, contract)
    yield account
    account.http.close()


def names(rows: list[Json]) -> list[str]:
    return [row["name"] for row in rows]


# --- OAuth


def exchange(account: Account, **body: Json) -> httpx.Response:
    return account.call("POST", "/oauth/tokens", {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, **body})


def authorized(account: Account, client_id: str, **query: str) -> str:
    """The code that comes back from the authorization page."""
    asked = {"response_type": "code", "client_id": client_id, "redirect_uri": REDIRECT, "scope": "read write"}
    answer = account.http.get("/oauth/authorizations/new", params={**asked, "state": "s1", **query})
    back = urlsplit(answer.headers["Location"])
    assert (answer.status_code, f"{back.scheme}://{back.netloc}{back.path}") == (302, REDIRECT)
    assert parse_qs(back.query)["state"] == ["s1"]
    return parse_qs(back.query)["code"][0]


def test_a_refresh_ends_the_old_access_token_and_the_old_refresh_token(account: Account) -> None:
    code = authorized(account, CLIENT_ID)
    first = exchange(account, grant_type="authorization_code", code=code, redirect_uri=REDIRECT)
    assert first.status_code == 201
    assert first.json()["expires_in"] == 1800
    again = exchange(account, grant_type="authorization_code", code=code, redirect_uri=REDIRECT)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    old = first.json()
    new = exchange(account, grant_type="refresh_token", refresh_token=old["refresh_token"]).json()
    for token, status in ((old["access_token"], 401), (new["access_token"], 200)):
        account.http.headers["Authorization"] = f"Bearer {token}"
        account.api("GET", "organizations", status=status)
    reused = exchange(account, grant_type="refresh_token", refresh_token=old["refresh_token"])
    assert (reused.status_code, reused.json()["error"]) == (400, "invalid_grant")
    account.sandbox.emulators["zendesk"].expire_tokens()
    assert account.api("GET", "organizations", status=401)["error"] == "invalid_token"
    assert exchange(account, grant_type="refresh_token", refresh_token=new["refresh_token"]).status_code == 201


def test_a_public_client_has_to_prove_its_code(account: Account) -> None:
    verifier = "v" * 50
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    for sent, status in (("w" * 50, 400), (verifier, 201)):
        code = authorized(account, PUBLIC_CLIENT_ID, code_challenge=challenge, code_challenge_method="S256")
        body = {"grant_type": "authorization_code", "client_id": PUBLIC_CLIENT_ID, "redirect_uri": REDIRECT}
        answer = account.call("POST", "/oauth/tokens", {**body, "code": code, "code_verifier": sent})
        assert answer.status_code == status


def test_credentials_are_checked_on_every_call(account: Account) -> None:
    form = account.http.post("/oauth/tokens", data=BY_CLIENT)
    wrong = account.call("POST", "/oauth/tokens", {**BY_CLIENT, "client_secret": "guessed"})
    assert (form.status_code, wrong.status_code) == (401, 401)
    account.grant(scope="read")
    refused = account.api("POST", "organizations", {"organization": {"name": "A"}}, status=403)
    assert refused["description"] == "You are missing the following required scopes: write"
    account.grant(scope="organizations:write")
    account.organization(name="A")
    account.api("GET", "organizations", status=403)
    del account.http.headers["Authorization"]
    assert account.api("GET", "users/me")["user"]["id"] is None
    assert account.api("GET", "organizations", status=401) == {"error": "Couldn't authenticate you"}
    account.http.auth = (f"{LEGACY_USER}/token", LEGACY_API_TOKEN)
    assert account.api("GET", "users/me")["user"]["role"] == "admin"
    account.http.auth = (f"{LEGACY_USER}/token", "guessed")
    account.api("GET", "users/me", status=401)


# --- Organizations


def test_a_name_is_taken_whatever_its_case_and_blanks(account: Account) -> None:
    assert account.organization(name=" Acme ", external_id="C-1")["name"] == "Acme"
    refused = account.api("POST", "organizations", {"organization": {"name": "ACME"}}, status=422)
    assert refused == {
        "error": "RecordInvalid",
        "description": "Record validation errors",
        "details": {"name": [{"description": "Name: ACME has already been taken", "error": "DuplicateValue"}]},
    }
    second = {"organization": {"name": "Other", "external_id": "c-1"}}
    assert "external_id" in account.api("POST", "organizations", second, status=422)["details"]
    assert len(account.state("organizations")) == 1
    assert account.effects("organization.created") == ["C-1"]


def test_create_or_update_knows_ids_and_external_ids_but_no_names(account: Account) -> None:
    first = account.organization(name="Acme")
    same_name = {"organization": {"name": "Acme", "external_id": "C-1"}}
    account.api("POST", "organizations/create_or_update", same_name, status=422)
    by_id = {"organization": {"id": first["id"], "external_id": "c-1"}}
    account.api("POST", "organizations/create_or_update", by_id)
    by_key = {"organization": {"external_id": "C-1", "name": "Acme Inc"}}
    updated = account.api("POST", "organizations/create_or_update", by_key)["organization"]
    assert (updated["id"], updated["name"], updated["external_id"]) == (first["id"], "Acme Inc", "C-1")
    new = {"organization": {"external_id": "C-2", "name": "Second"}}
    account.api("POST", "organizations/create_or_update", new, status=201)


def test_custom_fields_are_kept_as_zendesk_keeps_them(account: Account) -> None:
    fields: list[Json] = [
        {"key": "since", "title": "Since", "type": "date"},
        {"key": "credit", "title": "Credit", "type": "decimal"},
        {"key": "blocked", "title": "Blocked", "type": "checkbox"},
        {
            "key": "plan",
            "title": "Plan",
            "type": "dropdown",
            "custom_field_options": [{"name": "Gold", "value": "gold"}],
        },
    ]
    for field in fields:
        account.api("POST", "organization_fields", {"organization_field": field}, status=201)
    values = {"since": "2018-11-04", "credit": "12.50", "plan": "gold", "no_such_field": "x"}
    answer = account.call(
        "POST",
        "/api/v2/organizations",
        {"organization": {"name": "Acme", "tags": ["b", "A"], "organization_fields": values, "foo": 1}},
        wrong=True,
    )
    made = answer.json()["organization"]
    assert made["organization_fields"] == {
        "since": "2018-11-04T00:00:00+00:00",
        "credit": 12.5,
        "blocked": False,
        "plan": "gold",
    }
    assert made["tags"] == ["a", "b", "gold"]
    assert "organization.foo" in answer.headers["X-Zendesk-API-Warn"]
    for bad in ({"plan": "silver"}, {"since": "soon"}, {"credit": "much"}):
        sent = {"organization": {"organization_fields": bad}}
        account.api("PUT", f"organizations/{made['id']}", sent, status=422)
    account.api("DELETE", "organization_fields/plan", status=204)
    account.api("POST", "organization_fields", {"organization_field": fields[-1]}, status=422)


def test_a_write_that_changes_nothing_is_still_an_effect(account: Account) -> None:
    made = account.organization(name="Acme", external_id="C-1")
    for notes in ("old", "old"):
        account.api("PUT", f"organizations/{made['id']}", {"organization": {"notes": notes}})
    written = [effect for effect in account.sandbox.world.effects if effect.kind == "organization.updated"]
    assert [effect.detail["changed"] for effect in written] == [["notes"], []]


def test_lists_are_paged_by_cursor_and_offsets_end_at_a_hundred_pages(account: Account) -> None:
    account.control("seed", collection="organizations", count=250, seed=1)
    seen: list[str] = []
    page = account.api("GET", "organizations", page__size=100)
    while True:
        seen += names(page["organizations"])
        if not page["meta"]["has_more"]:
            break
        page = account.http.get(page["links"]["next"]).json()
    assert len(seen) == 250
    assert seen == names(account.state("organizations"))
    second = account.api("GET", "organizations.json", page=2, wrong=True)
    assert (second["count"], len(second["organizations"])) == (250, 100)
    too_deep = account.api("GET", "organizations", page=101, per_page=10, status=400)
    assert too_deep["errors"][0]["code"] == "InvalidPaginationDepth"
    account.api("GET", "users/search", external_id="x", page__size=10, status=400)  # offset pages only


# --- Users


def test_a_new_address_of_a_user_is_a_second_one_until_it_is_made_primary(account: Account) -> None:
    user = account.user(name="Ann", email="old@a.example", external_id="U-1")
    sent = {"user": {"email": "new@a.example", "skip_verify_email": True}}
    assert account.api("PUT", f"users/{user['id']}", sent)["user"]["email"] == "old@a.example"
    old, new = account.api("GET", f"users/{user['id']}/identities")["identities"]
    assert (old["primary"], new["primary"], new["value"]) == (True, False, "new@a.example")
    account.api("PUT", f"users/{user['id']}/identities/{new['id']}/make_primary", {})
    assert account.api("GET", f"users/{user['id']}")["user"]["email"] == "new@a.example"
    other = {"user": {"name": "Bob", "email": "OLD@a.example"}}
    assert account.api("POST", "users", other, status=422)["details"]["email"] == [
        {"description": "Email: OLD@a.example is already being used by another user", "error": "DuplicateValue"}
    ]
    account.api("DELETE", f"users/{user['id']}/identities/{old['id']}", status=204)
    account.api("POST", "users", other, status=201)


def test_zendesk_writes_to_contacts_unless_it_is_told_not_to(account: Account) -> None:
    account.user(name="Ann", email="ann@a.example")
    account.user(name="Bob", email="bob@a.example", skip_verify_email=False, verified=True)
    assert account.effects("mail_sent") == []
    account.user(name="Cid", email="cid@a.example", external_id="U-3", skip_verify_email=False)
    assert account.effects("mail_sent") == ["U-3"]


def test_phone_numbers_are_checked_where_the_account_wants_it(account: Account) -> None:
    assert account.user(name="A", phone="030 1234")["phone"] == "030 1234"
    account.control("settings", validates_phones=True)
    refused = account.api("POST", "users", {"user": {"name": "B", "phone": "030 1234"}}, status=422, wrong=True)
    told = {"description": "Phone 030 1234 is not properly formatted", "error": "InvalidFormat"}
    assert refused["details"] == {"phone": told}
    assert account.user(name="B", phone="+4930123456")["phone"] == "+4930123456"


def test_writing_organization_id_takes_a_user_out_of_all_other_organizations(account: Account) -> None:
    first, second, third = (account.organization(name=name)["id"] for name in "ABC")
    user = account.user(name="Ann", email="ann@a.example", organization_id=first)["id"]
    membership = {"organization_membership": {"user_id": user, "organization_id": second, "default": True}}
    account.api("POST", "organization_memberships", membership, status=201)
    again = account.api("POST", "organization_memberships", membership, status=422)
    assert again["details"]["user_id"][0]["error"] == "DuplicateValue"
    assert account.api("GET", f"users/{user}")["user"]["organization_id"] == second
    listed = account.api("GET", f"users/{user}/organization_memberships", wrong=True)["organization_memberships"]
    assert [one["organization_id"] for one in listed] == [second, first]
    account.api("PUT", f"users/{user}", {"user": {"organization_id": third}})
    assert [row["organization_id"] for row in account.state("memberships")] == [third]
    account.api("DELETE", f"organizations/{third}", status=204)
    assert account.api("GET", f"users/{user}")["user"]["organization_id"] is None
    missing = {"user": {"name": "Bob", "email": "bob@a.example", "organization_id": third}}
    account.api("POST", "users", missing, status=404)


def test_a_user_is_matched_by_external_id_or_any_address(account: Account) -> None:
    ann = account.user(name="Ann", email="ann@a.example", external_id="u-1")
    account.control("settings", rate_scale=None)
    by_key = {"user": {"name": "Ann B", "external_id": "U-1", "email": "ann@a.example"}}
    updated = account.api("POST", "users/create_or_update", by_key)["user"]
    assert (updated["id"], updated["external_id"]) == (ann["id"], "U-1")
    new = {"user": {"name": "Bob", "email": "bob@a.example", "skip_verify_email": True}}
    account.api("POST", "users/create_or_update", new, status=201)
    conflict = {"user": {"name": "Ann", "external_id": "U-1", "email": "bob@a.example"}}
    account.api("POST", "users/create_or_update", conflict, status=422)
    for query in ("email:bob@a.example", "bob@a.example", "Bob"):
        assert names(account.api("GET", "users/search", query=query)["users"]) == ["Bob"]
    assert names(account.api("GET", "users/show_many", external_ids="u-1,none")["users"]) == ["Ann B"]


# --- Jobs


def many(count: int) -> Json:
    return {"organizations": [{"name": f"O{n}", "external_id": f"C-{n}"} for n in range(count)]}


def test_a_job_writes_when_it_runs_and_reports_by_index(account: Account) -> None:
    account.control("settings", job_delay=0.3)
    submitted = account.api("POST", "organizations/create_many", many(100))
    assert submitted["job_status"]["status"] == "queued"
    assert account.state("organizations") == []
    job = account.finished(submitted)
    by_index = {result["index"]: result["id"] for result in job["results"]}
    assert {row["external_id"]: row["id"] for row in account.state("organizations")} == {
        f"C-{index}": row_id for index, row_id in by_index.items()
    }
    assert list(by_index.values()) != sorted(by_index.values())
    too_many = account.api("POST", "organizations/create_many", many(101), wrong=True, status=400)
    assert (too_many["error"], too_many["max_count"]) == ("TooManyValues", 100)


def test_a_completed_job_can_hold_failed_items(account: Account) -> None:
    account.organization(name="O1")
    results = account.finished(account.api("POST", "organizations/create_many", many(3)))["results"]
    assert [result.get("success", True) for result in results] == [True, False, True]
    assert results[1] == {
        "index": 1,
        "id": 1,
        "action": "create",
        "status": "Failed",
        "success": False,
        "error": "OrganizationCreateError",
        "details": "Name: O1 has already been taken",
    }
    account.control("faults", fault="partial_job", n=2)
    ids = [row["id"] for row in account.state("organizations")]
    body = {"organizations": [{"id": row_id, "notes": "x"} for row_id in [*ids, 999]]}
    results = account.finished(account.api("PUT", "organizations/update_many", body))["results"]
    assert [result["success"] for result in results] == [True, False, True, False]
    assert [row["notes"] for row in account.state("organizations")] == ["x", None, "x"]


@pytest.mark.parametrize(("named", "by"), [("place", {"id": 1}), ("nothing", {})])
def test_a_failed_item_may_be_named_by_its_place_or_not_at_all(account: Account, named: str, by: Json) -> None:
    account.control("settings", result_index=False, failure_names=named)
    account.organization(name="O1")
    results = account.finished(account.api("POST", "organizations/create_many", many(3)))["results"]
    made = {row["external_id"]: row["id"] for row in account.state("organizations")}
    assert [results[0], results[2]] == [{"id": made[f"C-{n}"], "status": "Created"} for n in (0, 2)]
    assert {name: results[1][name] for name in results[1] if name in ("id", "index")} == by
    assert (results[1]["status"], results[1]["success"]) == ("Failed", False)


def test_bulk_updates_name_their_objects_in_the_query_or_in_the_body(account: Account) -> None:
    account.finished(account.api("POST", "organizations/create_many", many(3)))
    sent = {"organization": {"notes": "both"}}
    account.finished(account.api("PUT", "organizations/update_many", sent, external_ids="C-0,c-2"))
    assert [row["notes"] for row in sorted(account.state("organizations"), key=lambda row: row["name"])] == [
        "both",
        None,
        "both",
    ]
    unknown = account.api("PUT", "organizations/update_many", {"organizations": [{"id": 5, "notes": "x"}]})
    assert account.finished(unknown)["results"][0]["error"] == "RecordNotFound"


def test_jobs_are_limited_lost_and_forgotten(account: Account) -> None:
    account.control("settings", job_delay=0.4, jobs_kept=35)
    submitted = [
        account.api("POST", "organizations/create_many", {"organizations": [{"name": f"J{n}"}]}) for n in range(30)
    ]
    assert account.api("POST", "organizations/create_many", many(1), status=429)["error"] == "TooManyJobs"
    account.finished(submitted[-1])
    account.control("settings", job_delay=0.05)
    account.control("faults", fault="job_lost", times=1)
    lost = account.api("POST", "organizations/create_many", many(1))["job_status"]["id"]
    account.api("GET", f"job_statuses/{lost}", status=404)
    for n in range(8):
        account.finished(account.api("POST", "organizations/create_many", {"organizations": [{"name": f"K{n}"}]}))
    shown = account.api("GET", "job_statuses/show_many", ids=",".join(job["job_status"]["id"] for job in submitted))
    assert len(shown["job_statuses"]) == 27
    assert "C-0" in account.effects("organization.created")


def test_a_failed_job_may_have_done_a_part(account: Account) -> None:
    account.control("faults", fault="job_failed", after=2, times=1)
    job = account.finished(account.api("POST", "organizations/create_many", many(5)))
    assert (job["status"], job["progress"], len(account.state("organizations"))) == ("failed", 2, 2)


def test_users_in_bulk_are_matched_and_named_by_address_unless_forbidden(account: Account) -> None:
    ann = account.user(name="Ann", email="ann@a.example")
    users = [
        {"name": "Ann B", "email": "ann@a.example"},
        {"name": "Bob", "email": "not an address"},
        {"name": "Cid", "email": "cid@a.example", "skip_verify_email": True},
    ]
    results = account.finished(account.api("POST", "users/create_or_update_many", {"users": users}))["results"]
    assert [result["status"] for result in results] == ["Updated", "Failed", "Created"]
    assert (results[0]["id"], results[1]["id"], results[1]["error"]) == (ann["id"], 1, "UserUpdateError")
    assert all("index" not in result for result in results)
    account.control("settings", bulk_user_import=False)
    refused = account.api("POST", "users/create_or_update_many", {"users": users}, status=403)
    assert refused["error"]["title"] == "Forbidden"


def test_a_reset_takes_queued_jobs_with_it(account: Account) -> None:
    account.control("settings", job_delay=0.1)
    account.api("POST", "organizations/create_many", many(1))
    account.control("reset")
    time.sleep(0.15)
    assert account.state("organizations") == []
    assert account.effects("organization.created") == []


# --- Lag, limits, agents


def test_a_search_that_lags_shows_the_past(account: Account) -> None:
    first = account.organization(name="Old name", external_id="C-1")
    account.control("faults", fault="search_lag", seconds=0.5)
    second = account.organization(name="New", external_id="C-2")
    account.api("PUT", f"organizations/{first['id']}", {"organization": {"name": "New name"}})
    assert account.api("GET", f"organizations/{second['id']}")["organization"]["name"] == "New"

    def found() -> list[list[str]]:
        paths: list[tuple[str, dict[str, Any]]] = [
            ("organizations", {}),
            ("organizations/show_many", {"external_ids": "C-1,C-2"}),
            ("organizations/search", {"name": "New name"}),
        ]
        return [names(account.api("GET", path, **query)["organizations"]) for path, query in paths]

    assert found() == [["Old name"], ["Old name"], []]
    time.sleep(0.55)
    assert found() == [["New name", "New"], ["New name", "New"], ["New name"]]


def test_limits_of_endpoints_are_enforced_and_counted(account: Account) -> None:
    made = account.organization(name="A")
    statuses = [
        account.call("PUT", f"/api/v2/organizations/{made['id']}", {"organization": {"notes": str(n)}}).status_code
        for n in range(6)
    ]
    assert statuses == [200] * 5 + [429]
    first = {"user": {"name": "Ann", "email": "ann@a.example", "skip_verify_email": True}}
    account.api("POST", "users/create_or_update", first, status=201)
    refused = account.call("POST", "/api/v2/users/create_or_update", first)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert [row["limit"] for row in account.state("rate_violations")] == [
        "organization_update",
        "user_writes_per_second",
    ]
    account.control("settings", rate_scale=None)
    account.api("POST", "users/create_or_update", first)


def test_the_limit_of_the_account_is_plain_text_with_a_retry_after(account: Account) -> None:
    account.control("settings", requests_per_minute=3)
    answers = [account.call("GET", "/api/v2/users/me") for _ in range(4)]
    assert [answer.headers["X-Rate-Limit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert answers[-1].status_code == 429
    assert answers[-1].text == "Number of allowed API requests per minute exceeded"
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60


def test_agents_change_things_behind_our_back(account: Account) -> None:
    key = account.control("mutate", collection="organizations", create={"name": "Acme"})["keys"]
    account.api("POST", "organizations", {"organization": {"name": "acme"}}, status=422)
    account.control("mutate", collection="organizations", keys=key, set={"name": "Renamed", "external_id": "X"})
    account.organization(name="acme")
    account.control("mutate", collection="organizations", where={"name": "Renamed"}, delete=True)
    account.control("seed", collection="users", count=2, seed=1)
    assert names(account.state("organizations")) == ["acme"]
    assert [user["email"] for user in account.state("users")[1:]] == [
        "contact2@legacy.example",
        "contact3@legacy.example",
    ]
    assert [effect.kind for effect in account.sandbox.world.effects] == ["organization.created"]
    account.control("settings", role="agent")
    made = account.state("organizations")[0]["id"]
    account.api("PUT", f"organizations/{made}", {"organization": {"notes": "mine"}})
    account.api("PUT", f"organizations/{made}", {"organization": {"name": "mine"}}, status=403)
