"""Balances, credit profiles and supplier orders: amounts to the last digit, whatever the customer's timestamp says."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.e2e.conftest import Owner
from tests.e2e.reconcile import accounts_by_party, doubled, reconcile_fields
from tests.installation import Installation, Sandbox

BALANCES = ("receivables", "credit_profiles", "supplier_orders")
ALL = ("organizations", *BALANCES)
CUSTOMERS = 300


async def test_every_amount_arrives_exactly_also_of_a_party_with_two_accounts(installed: Installation) -> None:
    sandbox = await _filled(installed)
    two = next(accounts for accounts in accounts_by_party(sandbox).values() if len(accounts) == 2)
    _set_balance(sandbox, two[0], "70368744177664.10")  # a binary sum ends in .305
    _set_balance(sandbox, two[1], "0.20")

    state = await installed.sync(streams=ALL)

    assert state.is_completed(), state.message
    assert reconcile_fields(sandbox) == []
    [held] = _fields(sandbox, two[0])
    assert (held["account_number"], held["open_receivables"]) == (
        ", ".join(account["AccountNumber"] for account in two),
        70368744177664.3,
    )
    suppliers = {order["SupplierPartyId"] for order in sandbox.state("oracle_fusion", "purchase_orders")}
    accounts = len(accounts_by_party(sandbox))
    kinds = sandbox.kinds()
    assert (kinds["organization.created"], kinds["organization.updated"]) == (CUSTOMERS, 2 * accounts + len(suppliers))
    assert len(suppliers) > 10


async def test_a_balance_that_changes_arrives_though_no_timestamp_has_moved(installed: Installation) -> None:
    sandbox = await _filled(installed)
    await installed.sync(streams=ALL)
    [account, other, *_] = sandbox.state("oracle_fusion", "accounts")
    writes, since = sandbox.writes(), len(sandbox.effects())
    assert (await installed.sync(streams=ALL)).is_completed()
    assert sandbox.writes() == writes

    _set_balance(sandbox, account, "1.10")
    sandbox.mutate("oracle_fusion", "credit_profiles", keys=[other["AccountNumber"]], set={"CreditLimit": "0.30"})
    for balance in ("2.20", "1.10"):
        assert (await installed.sync(streams=ALL)).is_completed()
        _set_balance(sandbox, account, balance)
    state = await installed.sync(streams=ALL)

    assert state.is_completed(), state.message
    assert reconcile_fields(sandbox) == []
    seen = Counter(effect["key"] for effect in sandbox.effects(since=since))
    parties = {row["PartyId"]: row["PartyNumber"] for row in sandbox.state("oracle_fusion", "customers")}
    # 1.10, 2.20 and 1.10 again are three writes
    assert seen == {parties[account["CustomerId"]]: 3, parties[other["CustomerId"]]: 1}


async def test_who_has_no_account_and_no_order_any_more_owes_nothing_and_is_owed_nothing(
    installed: Installation,
) -> None:
    sandbox = await _filled(installed)
    await installed.sync(streams=ALL)
    account = sandbox.state("oracle_fusion", "accounts")[0]
    supplier = sandbox.state("oracle_fusion", "purchase_orders")[0]["SupplierPartyId"]
    orders = [row for row in sandbox.state("oracle_fusion", "purchase_orders") if row["SupplierPartyId"] == supplier]
    accounts = accounts_by_party(sandbox)[account["CustomerId"]]
    [before] = _fields(sandbox, account)
    _delete(sandbox, "accounts", [row["AccountId"] for row in accounts])
    _delete(sandbox, "purchase_orders", [row["POHeaderId"] for row in orders])
    since = len(sandbox.effects())

    for _ in range(2):
        state = await installed.sync(streams=ALL)
        assert state.is_completed(), state.message

    [customer] = _fields(sandbox, account)
    [orderer] = _fields(sandbox, {"CustomerId": supplier})
    assert (customer["open_receivables"], customer["due_receivables"]) == (0, 0)
    for kept in ("account_number", "credit_limit", "payment_terms"):  # an account may be there without any activity
        assert customer[kept] == before[kept]
    assert customer["account_number"]
    assert (orderer["purchase_order_count"], orderer["purchase_order_amount"]) == (0, None)
    assert sandbox.kinds(since=since) == {"organization.updated": 2}


async def test_a_role_that_sees_no_accounts_any_more_sets_no_balance_to_zero(installed: Installation) -> None:
    sandbox = await _filled(installed)
    await installed.sync(streams=ALL)
    since = len(sandbox.effects())
    sandbox.fault("oracle_fusion", "no_data_security", path="*/receivablesCustomerAccountActivities")
    state = await installed.sync("run-1", streams=ALL)
    assert "oracle_zendesk/receivables: " in str(state.message)
    assert "are missing from what the source tells" in str(state.message)
    assert sandbox.kinds(since=since) == {}

    sandbox.clear_faults()
    state = await installed.sync("run-1", count=2, completed=0, streams=ALL)
    assert state.is_completed(), state.message
    assert reconcile_fields(sandbox) == []
    assert sandbox.kinds(since=since) == {}


async def test_a_balance_waits_for_its_organization(installed: Installation, owner: Owner) -> None:
    sandbox = await _filled(installed)
    assert (await installed.sync(streams=BALANCES)).is_completed()
    assert sandbox.kinds()["organization.updated"] == 0
    assert _states(owner) == {"parked"}

    assert (await installed.sync(streams=("organizations",))).is_completed()
    assert (await installed.sync(streams=BALANCES)).is_completed()

    assert _states(owner) == {"applied"}
    assert reconcile_fields(sandbox) == []
    assert not [line for line in doubled(sandbox) if not line.endswith(("x2", "x3"))]  # one of each stream at most


@pytest.mark.parametrize(
    "faults",
    [
        [{"system": "oracle_fusion", "fault": "cap_page", "path": "/fscmRestApi/*", "rows": 99}],
        [{"system": system, "fault": "status", "status": 503, "every": 7} for system in ("oracle_fusion", "zendesk")],
        [{"system": "zendesk", "fault": "apply_then_status", "method": "PUT", "every": 2}],
        [
            {"system": "oracle_fusion", "fault": "expire_token", "path": "/fscm*", "every": 50},
            {"system": "zendesk", "fault": "job_failed", "method": "PUT", "every": 2, "after": 30},
        ],
    ],
    ids=["pages of 99", "every 7th call 503", "every second write 504", "tokens expire, jobs fail"],
)
async def test_no_fault_makes_an_amount_wrong(installed: Installation, faults: list[dict[str, Any]]) -> None:
    sandbox = await _filled(installed)
    for fault in faults:
        sandbox.fault(**fault)

    state = await installed.sync(streams=ALL)

    assert state.is_completed(), state.message
    assert [fault["fault"] for fault in sandbox.faults() if not fault["hits"]] == []
    assert reconcile_fields(sandbox) == []


async def _filled(installed: Installation) -> Sandbox:
    installed.sandbox.seed("oracle_fusion", "customers", CUSTOMERS)
    await installed.prepare()
    return installed.sandbox


def _delete(sandbox: Sandbox, collection: str, keys: list[Any]) -> None:
    assert keys
    sandbox.mutate("oracle_fusion", collection, keys=keys, delete=True)


def _set_balance(sandbox: Sandbox, account: dict[str, Any], amount: str) -> None:
    """Another balance under the same LastUpdateDate."""
    sandbox.mutate(
        "oracle_fusion",
        "accounts",
        keys=[account["AccountId"]],
        set={"TotalOpenReceivablesForAccount": amount},
        last_update_date=account["LastUpdateDate"],
    )


def _fields(sandbox: Sandbox, account: dict[str, Any]) -> list[dict[str, Any]]:
    numbers = {row["PartyId"]: row["PartyNumber"] for row in sandbox.state("oracle_fusion", "customers")}
    wanted = numbers[account["CustomerId"]]
    return [o["organization_fields"] for o in sandbox.state("zendesk", "organizations") if o["external_id"] == wanted]


def _states(owner: Owner) -> set[str]:
    rows = owner.execute("select distinct state from effect where stream <> 'oracle_zendesk/organizations'")
    return {row[0] for row in rows}
