"""Who of Oracle's persons becomes a user: contacts of customers, while they are active."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from ml_connector.core.settings import settings
from tests.e2e.conftest import Owner
from tests.installation import Installation


async def test_employees_contacts_of_suppliers_and_inactive_persons_become_no_users(
    installed: Installation, owner: Owner
) -> None:
    sandbox = installed.sandbox
    for collection, count in (("customers", 12), ("contacts", 9), ("employees", 5), ("supplier_contacts", 4)):
        sandbox.seed("oracle_fusion", collection, count)
    contacts = [row for row in _persons(sandbox) if row["PartyUsageCode"] == "ORGANIZATION_CONTACT"]
    gone = contacts[0]["PartyNumber"]
    _leave(sandbox, gone, seconds=60)
    await installed.prepare(("organizations", "users"))

    state = await installed.sync()

    assert state.is_completed(), state.message
    active = {row["PartyNumber"] for row in contacts[1:]}
    assert len(sandbox.state("zendesk", "organizations")) == 12
    assert {user["external_id"]: user["user_fields"]["erp_status"] for user in _users(sandbox)} == dict.fromkeys(
        active, "active"
    )
    # a seller may become a customer: its contacts wait for that
    assert _states(owner) == {"applied": 8, "unchanged": 6, "parked": 4}

    leaver = contacts[1]["PartyNumber"]
    _leave(sandbox, leaver, seconds=5)
    assert (await installed.sync()).is_completed()

    (left,) = [user for user in _users(sandbox) if user["external_id"] == leaver]
    assert left["user_fields"]["erp_status"] == "inactive"
    assert len(_users(sandbox)) == 8


async def test_a_tenant_may_say_which_persons_are_read_at_all(installed: Installation, owner: Owner) -> None:
    sandbox = installed.sandbox
    for collection, count in (("customers", 3), ("contacts", 3), ("employees", 2), ("supplier_contacts", 4)):
        sandbox.seed("oracle_fusion", collection, count)
    file = settings().tenants_dir / "acme.yaml"
    plain = "    system: oracle_fusion\n"
    file.write_text(file.read_text().replace(plain, f"{plain}    person_usage: ORGANIZATION_CONTACT\n"))
    await installed.prepare(("organizations", "users"))

    assert (await installed.sync()).is_completed()

    assert _states(owner) == {"applied": 3}


def _leave(sandbox: Any, number: str, *, seconds: int) -> None:
    at = (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()
    sandbox.mutate("oracle_fusion", "contacts", keys=[number], set={"Status": "I"}, last_update_date=at)


def _persons(sandbox: Any) -> list[dict[str, Any]]:
    return list(sandbox.state("oracle_fusion", "contacts"))


def _users(sandbox: Any) -> list[dict[str, Any]]:
    return [user for user in sandbox.state("zendesk", "users") if user["external_id"]]


def _states(owner: Owner) -> Counter[str]:
    rows = owner.execute("select state from effect where stream = 'oracle_zendesk/users'").fetchall()
    return Counter(str(row[0]) for row in rows)
