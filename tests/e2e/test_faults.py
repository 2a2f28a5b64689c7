"""Whatever the vendors do, each record arrives once and right: source and destination are compared completely."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from connectors.zendesk.jobs import Jobs
from tests.e2e.conftest import Owner
from tests.e2e.reconcile import doubled, reconcile
from tests.installation import Installation, Sandbox

Fault = dict[str, Any]
CUSTOMERS, CONTACTS = 600, 600  # a customer page and a half


def oracle(fault: str, path: str = "/crmRestApi/*", method: str = "GET", **rest: Any) -> Fault:
    return {"system": "oracle_fusion", "fault": fault, "path": path, "method": method, **rest}


def zendesk(fault: str, path: str = "/api/v2/*", method: str = "*", **rest: Any) -> Fault:
    return {"system": "zendesk", "fault": fault, "path": path, "method": method, **rest}


def everywhere(fault: str, every: int, **rest: Any) -> list[Fault]:
    return [oracle(fault, every=every, **rest), zendesk(fault, every=every, **rest)]


FAULTS: dict[str, list[Fault]] = {
    "pages of 499 where 500 were asked for": [oracle("cap_page", rows=499)],
    "hasMore false after the first page": [oracle("lie_has_more")],
    "hasMore always false": [oracle("lie_has_more", when="always")],
    "empty pages that say there is more": [oracle("empty_has_more", path="*/hub*", every=2)],
    "tokens expire mid-page": [
        oracle("expire_token", every=2, times=3),
        zendesk("expire_token", every=9, times=3),
    ],
    "the answer with the token is lost": [
        oracle("expire_token", every=2, times=1),
        oracle("lose_response", path="/oauth2/*", method="POST", times=1),
        zendesk("expire_token", every=5, times=1),
        zendesk("lose_response", path="/oauth/tokens", method="POST", times=1),
    ],
    "every 7th call 503": everywhere("status", 7, status=503),
    "429 without Retry-After": everywhere("status", 5, status=429),
    "truncated answers": [
        oracle("truncate", every=3),
        zendesk("truncate", method="GET", every=4),
        zendesk("truncate", method="P*", every=4),
    ],
    "HTML where JSON was expected": [
        oracle("html", every=3),
        zendesk("html", method="GET", every=4),
        zendesk("html", method="P*", every=4),
    ],
    "connections cut before and after the call": [
        oracle("reset", every=3),
        zendesk("reset", method="P*", every=5),
        zendesk("lose_response", method="P*", every=4),
    ],
    "every third bulk write committed and answered 504": [zendesk("apply_then_status", method="P*", every=3)],
    "jobs that end as failed, half done": [zendesk("job_failed", method="P*", every=4, after=50)],
    "more jobs than the account may have": [zendesk("too_many_jobs", method="P*", every=4)],
}


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS.keys())
async def test_nothing_is_lost_and_nothing_is_wrong(installed: Installation, faults: list[Fault]) -> None:
    sandbox = await _filled(installed)
    for fault in faults:
        sandbox.fault(**fault)

    state = await installed.sync()

    assert state.is_completed(), state.message
    _check(sandbox)


WRITE_FAULTS: dict[str, list[Fault]] = {
    "committed, then 504": [zendesk("apply_then_status", method="P*", every=2)],
    "cut before and after the call": [
        zendesk("reset", method="P*", every=3),
        zendesk("lose_response", method="P*", every=2),
    ],
    "jobs that fail half done or are forgotten": [
        zendesk("job_failed", method="P*", every=3, after=50),
        zendesk("job_lost", method="P*", every=2, times=2),
    ],
}


@pytest.mark.parametrize("faults", WRITE_FAULTS.values(), ids=WRITE_FAULTS.keys())
async def test_what_has_changed_is_written_once(
    installed: Installation, monkeypatch: pytest.MonkeyPatch, faults: list[Fault]
) -> None:
    monkeypatch.setitem(Jobs.__init__.__kwdefaults__ or {}, "forget", 1.0)
    sandbox = await _filled(installed)
    assert (await installed.sync()).is_completed()
    then = (datetime.now(UTC) - timedelta(seconds=2)).isoformat()
    for collection in ("customers", "contacts"):
        changed = {"City": "Elsewhere"} if collection == "customers" else {"RawWorkPhoneNumber": "+49 30 1"}
        sandbox.mutate("oracle_fusion", collection, count=500, set=changed, last_update_date=then)
    since = len(sandbox.effects())
    for fault in faults:
        sandbox.fault(**fault)

    state = await installed.sync()

    assert state.is_completed(), state.message
    assert [fault["fault"] for fault in sandbox.faults() if not fault["hits"]] == []
    assert reconcile(sandbox) == []
    assert doubled(sandbox, since) == []
    assert sandbox.kinds(since) == {"organization.updated": 500, "user.updated": 500}


@pytest.mark.parametrize("wait", ["seconds", "date"])
async def test_a_429_with_retry_after_is_waited_for(installed: Installation, wait: str) -> None:
    sandbox = await _filled(installed)
    until = datetime.now(UTC) + timedelta(seconds=3)
    told = "3" if wait == "seconds" else format_datetime(until, usegmt=True)
    sandbox.fault(**zendesk("status", path="/api/v2/*_many", method="P*", times=4, status=429, retry_after=told))

    state = await installed.sync()

    assert state.is_completed(), state.message
    created = [e["at"] for e in sandbox.effects() if e["kind"] == "organization.created"]
    early = sum(datetime.fromisoformat(at) < until.replace(microsecond=0) for at in created)
    assert early <= CUSTOMERS - 400  # four jobs of a hundred were told to wait
    _check(sandbox)


@pytest.mark.parametrize("installed", [{"settle": 3.0}], indirect=True)
async def test_a_search_that_lags_behind_the_writes_is_not_believed_too_early(installed: Installation) -> None:
    sandbox = await _filled(installed)
    sandbox.fault(**zendesk("search_lag", seconds=1.0))
    sandbox.fault(**zendesk("apply_then_status", method="P*", every=3))

    state = await installed.sync()

    assert state.is_completed(), state.message
    _check(sandbox)


@pytest.mark.parametrize("applies", [True, False])
async def test_a_job_that_zendesk_has_forgotten_is_looked_for_in_its_records(
    installed: Installation, monkeypatch: pytest.MonkeyPatch, applies: bool
) -> None:
    monkeypatch.setitem(Jobs.__init__.__kwdefaults__ or {}, "forget", 1.0)  # seconds; 15 in production
    sandbox = await _filled(installed)
    for path in ("organizations", "users"):
        sandbox.fault(**zendesk("job_lost", path=f"/api/v2/{path}/*_many", every=3, times=2, applies=applies))

    state = await installed.sync()

    assert state.is_completed(), state.message
    _check(sandbox)


@pytest.mark.parametrize("faults", [[], [zendesk("apply_then_status", method="P*", every=20)]], ids=["", "20th 504"])
async def test_an_account_without_bulk_imports_gets_its_users_one_by_one(
    installed: Installation, faults: list[Fault]
) -> None:
    sandbox = await _filled(installed)
    sandbox.settings("zendesk", bulk_user_import=False)
    for fault in faults:
        sandbox.fault(**fault)

    state = await installed.sync()

    assert state.is_completed(), state.message
    assert sandbox.writes() > CONTACTS
    _check(sandbox)


async def test_rows_that_move_while_paging_are_missed_by_one_run_at_most(installed: Installation) -> None:
    sandbox = await _filled(installed, customers=1_200)
    sandbox.fault(**oracle("mutate_while_paging", path="*/hub*", rows=5))

    first = await installed.sync()
    moved = sum(fault["hits"] for fault in sandbox.faults())
    sandbox.clear_faults()
    await asyncio.sleep(1.1)  # a change in the source's current second is for the next window
    since = len(sandbox.effects())
    second = await installed.sync()

    assert first.is_completed(), first.message
    assert second.is_completed(), second.message
    assert moved >= 4
    assert reconcile(sandbox) == []
    assert len(sandbox.effects(since=since)) <= 5 * moved
    assert doubled(sandbox, since) == []


async def test_a_bulk_load_under_one_timestamp_and_rows_that_were_committed_late(installed: Installation) -> None:
    sandbox = await _filled(installed, customers=1_200)
    moment = datetime.now(UTC) - timedelta(days=1)
    sandbox.mutate("oracle_fusion", "customers", count=1_200, touch=True, last_update_date=moment.isoformat())
    sandbox.fault(**oracle("cap_page", rows=499))
    assert (await installed.sync()).is_completed()
    _check(sandbox)

    late = (datetime.now(UTC) - timedelta(minutes=10)).isoformat()  # within the tenant's lookback
    since = len(sandbox.effects())
    sandbox.mutate("oracle_fusion", "customers", count=3, set={"City": "Late"}, last_update_date=late)
    assert (await installed.sync()).is_completed()

    assert reconcile(sandbox) == []
    assert sandbox.kinds(since) == {"organization.updated": 3}


async def test_an_address_is_never_stolen(installed: Installation, owner: Owner) -> None:
    sandbox = await _filled(installed, customers=10, contacts=20)
    persons = [p for p in sandbox.state("oracle_fusion", "contacts") if p["EmailAddress"]]
    [first, second, third, *_] = persons
    for person in (second, third):
        same = {"EmailAddress": first["EmailAddress"].upper() if person is third else first["EmailAddress"]}
        sandbox.mutate("oracle_fusion", "contacts", keys=[person["PartyNumber"]], set=same)
    await asyncio.sleep(1.1)

    assert (await installed.sync()).is_completed()

    rivals = {str(person["PartyId"]) for person in (first, second, third)}
    rejected = _in_state(owner, "users", "rejected")
    assert len(rejected) == 2
    assert rejected < rivals
    [reason] = {
        row[0] for row in owner.execute("select distinct left(reason, 51) from effect where state = 'rejected'")
    }
    assert reason == "the e-mail address belongs to end-user " + reason[39:]
    address = first["EmailAddress"].lower()
    assert sum(identity["value"] == address for identity in sandbox.state("zendesk", "identities")) == 1


async def test_of_a_completed_job_exactly_the_refused_records_are_rejected_and_a_retry_sends_them(
    installed: Installation, owner: Owner
) -> None:
    sandbox = await _filled(installed)
    sandbox.fault(**zendesk("partial_job", path="/api/v2/organizations/create_many", method="POST", n=100))
    sandbox.fault(**zendesk("partial_job", path="/api/v2/users/create_many", method="POST", n=100))

    state = await installed.sync("run-1")

    assert state.is_completed(), state.message
    there = {o["external_id"] for o in sandbox.state("zendesk", "organizations")}
    missing = {str(p["PartyId"]) for p in sandbox.state("oracle_fusion", "customers") if p["PartyNumber"] not in there}
    assert len(missing) == CUSTOMERS // 100
    assert _in_state(owner, "organizations", "rejected") == missing
    there = {u["external_id"] for u in sandbox.state("zendesk", "users")}
    contacts = [p for p in sandbox.state("oracle_fusion", "contacts") if p["PartyNumber"] not in there]
    parked = {str(p["PartyId"]) for p in contacts if str(p["OrganizationPartyId"]) in missing}
    assert _in_state(owner, "users", "parked") == parked
    assert _in_state(owner, "users", "rejected") == {str(p["PartyId"]) for p in contacts} - parked
    reasons = {row[0] for row in owner.execute("select reason from effect where state = 'rejected'")}
    assert reasons == {"Zendesk refuses the record: UpdateError"}

    sandbox.clear_faults()
    since = len(sandbox.effects())
    state = await installed.sync("run-1", count=2)

    assert state.is_completed(), state.message
    assert reconcile(sandbox) == []
    assert doubled(sandbox, since) == []


async def _filled(installed: Installation, customers: int = CUSTOMERS, contacts: int = CONTACTS) -> Sandbox:
    installed.sandbox.seed("oracle_fusion", "customers", customers)
    installed.sandbox.seed("oracle_fusion", "contacts", contacts)
    await installed.prepare()
    return installed.sandbox


def _check(sandbox: Sandbox) -> None:
    """Every fault has struck, nothing is lost or wrong, and no object was written twice or beside the point."""
    assert [fault["fault"] for fault in sandbox.faults() if not fault["hits"]] == []
    assert reconcile(sandbox) == []
    assert doubled(sandbox) == []
    kinds = Counter(kind for kind in sandbox.kinds() if not kind.endswith(".created"))
    assert not kinds


def _in_state(owner: Owner, stream: str, state: str) -> set[str]:
    rows = owner.execute(
        "select source_id from effect where stream = %s and state = %s", (f"oracle_zendesk/{stream}", state)
    )
    return {row[0] for row in rows}
