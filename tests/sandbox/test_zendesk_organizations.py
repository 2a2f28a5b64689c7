"""Organizations of the Zendesk emulator: names that are taken, custom fields, pages, a search that lags."""

from __future__ import annotations

import time
from typing import Any

from tests.sandbox.zendesk import Account, Json, names


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


def test_a_search_that_lags_shows_the_past(account: Account) -> None:
    first = account.organization(name="Old name", external_id="C-1")
    account.control("faults", fault="search_lag", seconds=3.0)
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
    time.sleep(3.05)
    assert found() == [["New name", "New"], ["New name", "New"], ["New name"]]


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
