"""Retry: a failed run is continued, a completed one is sent again from its stored bodies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prefect.logging import disable_run_logger

from flows.prune import prune
from ml_connector.core import crashpoints
from ml_connector.core.settings import settings
from tests.e2e.child import sync_in_child
from tests.e2e.conftest import Owner
from tests.e2e.reconcile import doubled, reconcile
from tests.installation import Installation, Sandbox, tell

CUSTOMERS, CONTACTS = 600, 400


async def test_a_completed_run_is_sent_again_while_the_erp_is_down_except_what_has_been_overtaken(
    installed: Installation,
) -> None:
    sandbox = await _filled(installed)
    assert (await installed.sync("run-1")).is_completed()
    overtaken = _change(sandbox, "customers", 5, City="Elsewhere") + _change(sandbox, "contacts", 3, LastName="New")
    assert (await installed.sync("run-2")).is_completed()
    deleted = _spoil(sandbox, overtaken)
    assert len(reconcile(sandbox)) > 20
    sandbox.fault("oracle_fusion", "reset")
    asked, since = _calls(sandbox, "oracle_fusion"), len(sandbox.effects())

    state = await installed.sync("run-1", count=2)

    assert state.is_completed(), state.message
    assert _calls(sandbox, "oracle_fusion") == asked
    assert reconcile(sandbox) == []
    written = Counter(e["key"] for e in sandbox.effects(since=since) if e["kind"].split(".")[0] != "membership")
    parties = [*sandbox.state("oracle_fusion", "customers"), *sandbox.state("oracle_fusion", "contacts")]
    assert written == {party["PartyNumber"]: 1 for party in parties if party["PartyNumber"] not in overtaken}
    kinds = Counter(e["kind"] for e in sandbox.effects(since=since))
    assert kinds["organization.created"] == 1, f"{deleted} was deleted by hand"

    sandbox.clear_faults()
    changed = _change(sandbox, "customers", 2, City="Nowhere")
    since = len(sandbox.effects())
    assert (await installed.sync("run-3")).is_completed()
    assert sorted(e["key"] for e in sandbox.effects(since=since)) == sorted(changed)


@pytest.mark.parametrize(
    "die_at",
    [
        ("ledger.claimed", 1),
        ("upsert.sent", 3),
        pytest.param(("ledger.planned", 2), marks=pytest.mark.slow),
        pytest.param(("ledger.settled", 3), marks=pytest.mark.slow),
    ],
    ids=str,
)
async def test_a_replay_whose_process_dies_goes_on_as_a_replay(
    installed: Installation, owner: Owner, die_at: tuple[str, int]
) -> None:
    sandbox = await _filled(installed)
    assert (await installed.sync("run-1")).is_completed()
    by_hand = {"organization_fields": {"billing_address": "somewhere else"}}
    sandbox.mutate("zendesk", "organizations", where={"shared_tickets": False}, set=by_hand)
    sandbox.mutate("zendesk", "users", where={"role": "end-user"}, set={"phone": "none"})
    assert len(reconcile(sandbox)) == CUSTOMERS + CONTACTS
    sandbox.fault("oracle_fusion", "reset")
    since = len(sandbox.effects())

    died = sync_in_child("run-1", count=2, die_at=die_at)
    assert died.completed is None
    owner.execute("update lease set until = clock_timestamp()")  # what passes while somebody finds the Retry button
    ended = sync_in_child("run-1", count=3, completed=1)

    assert ended.completed, ended.message
    assert reconcile(sandbox) == []
    assert doubled(sandbox, since) == []
    assert len(sandbox.effects(since=since)) == CUSTOMERS + CONTACTS


async def test_a_run_that_failed_in_the_middle_of_its_window_fetches_only_the_rest(
    installed: Installation, owner: Owner, arm: Any
) -> None:
    sandbox = await _filled(installed)

    def on_point(name: str) -> None:
        if name == "ledger.planned" and not sandbox.faults():
            sandbox.fault("oracle_fusion", "status", path="/crmRestApi/*", status=400)

    arm(on_point)
    state = await installed.sync("run-1")
    assert state.is_failed()
    assert 0 < _fetched(owner) < CUSTOMERS
    arm(None)
    sandbox.clear_faults()

    state = await installed.sync("run-1", count=2)

    assert state.is_completed(), state.message
    assert _fetched(owner) == CUSTOMERS
    assert reconcile(sandbox) == []
    assert doubled(sandbox) == []


async def test_a_replay_uses_the_mapping_of_today(installed: Installation) -> None:
    sandbox = await _filled(installed)
    assert (await installed.sync("run-1")).is_completed()
    file = settings().tenants_dir / "acme.yaml"
    plain = "organizations: {every: 10m"
    overlay = 'organizations: {mapping: {fields: {organization_fields.billing_country: "lower(Country)"}}, every: 10m'
    file.write_text(file.read_text().replace(plain, overlay))
    sandbox.fault("oracle_fusion", "reset")

    state = await installed.sync("run-1", count=2)

    assert state.is_completed(), state.message
    held = {o["organization_fields"]["billing_country"] for o in sandbox.state("zendesk", "organizations")}
    assert {"de", "fr", "jp"} < held
    assert {country for country in held if country} == {country.lower() for country in held if country}


async def test_retry_of_a_replay_sends_the_same_once_more_and_what_is_young_is_not_pruned_before(
    installed: Installation,
) -> None:
    sandbox = await _filled(installed, customers=12, contacts=0)
    assert (await installed.sync(streams=["organizations"])).is_completed()
    picked = sorted(one["external_id"] for one in sandbox.state("zendesk", "organizations"))[:2]
    since = len(sandbox.effects())

    assert (await installed.replay("again", record_keys=picked)).is_completed()
    with disable_run_logger():
        assert (await tell(prune)).is_completed()
    assert (await installed.replay("again", count=2, record_keys=picked)).is_completed()  # Retry

    written = Counter((one["kind"], one["key"]) for one in sandbox.effects(since=since))
    assert written == {("organization.updated", key): 2 for key in picked}


async def test_a_b_a_at_the_source_arrives_as_three_writes(installed: Installation) -> None:
    sandbox = await _filled(installed, customers=20, contacts=20)
    for seconds, name in ((9, "A"), (6, "B"), (3, "A")):
        changed = _change(sandbox, "customers", 1, ago=seconds, City=name)
        changed += _change(sandbox, "contacts", 1, ago=seconds, LastName=name)
        assert (await installed.sync()).is_completed()
        assert reconcile(sandbox) == []

    kinds = Counter(effect["kind"] for effect in sandbox.effects() if effect["key"] in changed)
    assert (kinds["organization.created"], kinds["organization.updated"]) == (1, 2)
    assert (kinds["user.created"], kinds["user.updated"]) == (1, 2)


@pytest.fixture
def arm() -> Iterator[Any]:
    yield crashpoints.arm
    crashpoints.arm(None)


async def _filled(installed: Installation, customers: int = CUSTOMERS, contacts: int = CONTACTS) -> Sandbox:
    installed.sandbox.seed("oracle_fusion", "customers", customers)
    installed.sandbox.seed("oracle_fusion", "contacts", contacts)
    await installed.prepare()
    return installed.sandbox


def _change(sandbox: Sandbox, collection: str, count: int, ago: float = 2.0, **values: Any) -> list[str]:
    """Change rows at the source; what changes in its current second is for a later window, so ``ago`` (seconds)."""
    then = (datetime.now(UTC) - timedelta(seconds=ago)).isoformat()
    return sandbox.mutate("oracle_fusion", collection, count=count, set=values, last_update_date=then)


def _spoil(sandbox: Sandbox, spared: list[str]) -> str:
    """Change what was written by hand, and delete an organization that has contacts; returns its number."""
    contacts = sandbox.state("oracle_fusion", "contacts")
    kept = {c["OrganizationPartyNumber"] for c in contacts if c["PartyNumber"] in spared} | set(spared)
    deleted = next(c["OrganizationPartyNumber"] for c in contacts if c["OrganizationPartyNumber"] not in kept)
    others = [p["PartyNumber"] for p in sandbox.state("oracle_fusion", "customers") if p["PartyNumber"] not in kept]
    sandbox.mutate("zendesk", "organizations", keys=[deleted], delete=True)
    by_hand = {"organization_fields": {"billing_address": "somewhere else"}}
    sandbox.mutate("zendesk", "organizations", keys=[n for n in others if n != deleted][:20], set=by_hand)
    return str(deleted)


def _calls(sandbox: Sandbox, system: str) -> int:
    return sum(row["count"] for row in sandbox.requests() if row["system"] == system)


def _fetched(owner: Owner) -> int:
    row = owner.execute("select sum(fetched) from run_window where stream like '%/organizations'").fetchone()
    return int(row[0]) if row else 0
