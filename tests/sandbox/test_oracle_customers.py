"""Customers and contacts of a pod: as awkward as real ones, and changed behind our back."""

from __future__ import annotations

from collections import Counter
from typing import Any

import httpx
import pytest

from ml_connector.sandbox.serve import SandboxThread
from tests.sandbox.fusion import ORGANIZATIONS, get, newest, seed

PERSONS = "/crmRestApi/resources/latest/hubPersons"


def test_the_same_seed_gives_the_same_customers(vendors: SandboxThread) -> None:
    def stable(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{name: value for name, value in row.items() if not name.endswith("Date")} for row in rows]

    first = stable(seed(vendors, 50))
    vendors.reset()
    assert stable(seed(vendors, 50)) == first


def test_the_seeded_data_is_as_awkward_as_real_data(vendors: SandboxThread) -> None:
    rows = seed(vendors, 2000, contacts=2500)
    persons = vendors.emulators["oracle_fusion"].state("contacts")
    assert len({row["OrganizationName"] for row in rows}) == len({row["PartyNumber"] for row in rows}) == 2000
    assert len({row["PartyId"] for row in rows + persons}) == 4500
    assert any(row["PartyId"] > 2**53 for row in rows)
    assert max(Counter(row["LastUpdateDate"] for row in rows).values()) > 500, "more than a page with one date"
    emails = [person["EmailAddress"] for person in persons]
    assert 0 < emails.count(None) < 300
    assert len(set(emails)) == 2500 - emails.count(None) + 1
    accounts = Counter(row["CustomerId"] for row in vendors.emulators["oracle_fusion"].state("accounts"))
    assert len(accounts) < 2000
    assert set(accounts.values()) == {1, 2}


def test_changes_at_the_source(vendors: SandboxThread, fusion: httpx.Client) -> None:
    rows = seed(vendors, 30, contacts=60)
    pod = vendors.emulators["oracle_fusion"]
    before = newest(rows)

    def changed_since() -> set[str]:
        q = f"LastUpdateDate > '{before}'"
        return {row["PartyNumber"] for row in get(fusion, ORGANIZATIONS, q=q, limit=500)["items"]}

    assert changed_since() == set()
    edited = pod.mutate("customers", {"count": 7})
    assert changed_since() == set(edited)
    assert len(set(edited)) == 7
    late = next(row["PartyNumber"] for row in rows if row["PartyNumber"] not in edited)
    pod.mutate("customers", {"keys": [late], "set": {"Status": "I"}, "last_update_date": "2026-01-01T00:00:00+00:00"})
    assert changed_since() == set(edited)
    assert get(fusion, f"{ORGANIZATIONS}/{late}")["Status"] == "I"
    pod.mutate("customers", {"keys": [late], "touch": True})
    created = pod.mutate("customers", {"create": 2})
    assert changed_since() == {*edited, late, *created}
    pod.mutate("customers", {"keys": [late], "delete": True})
    assert fusion.get(f"{ORGANIZATIONS}/{late}").status_code == 404
    with pytest.raises(ValueError, match="NoSuch"):
        pod.mutate("customers", {"count": 1, "set": {"NoSuch": 1}})


def test_a_renamed_organization_leaves_its_persons_date_alone(vendors: SandboxThread, fusion: httpx.Client) -> None:
    seed(vendors, 5, contacts=40)
    person = get(fusion, PERSONS, limit=1)["items"][0]
    number = person["OrganizationPartyNumber"]
    vendors.emulators["oracle_fusion"].mutate("customers", {"keys": [number], "set": {"OrganizationName": "Neu"}})
    again = get(fusion, f"{PERSONS}/{person['PartyNumber']}")
    assert again["OrganizationPartyName"] == "Neu"
    assert again["LastUpdateDate"] == person["LastUpdateDate"]
