"""What becomes of a digest becomes of the records that it stands for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from ml_connector.core.db import Database
from ml_connector.core.lease import leased
from ml_connector.core.records import Body, Decision, Outcome, Resend, State
from ml_connector.core.resolve import resolve, unfinished
from ml_connector.core.retention import erase, find_records
from ml_connector.core.routing import Routing, Rule
from ml_connector.core.selection import Selection
from ml_connector.core.vault import Vault
from tasks.stream import Route
from tests.fakes import FakeDestination, FakeMapping
from tests.tasks.test_adversarial import query
from tests.tasks.test_journey import KEY, World

RECORDS = 12


class Mapping(FakeMapping):
    def created_at(self, body: Body) -> datetime | None:  # noqa: ARG002
        return None


class Channel(FakeDestination):
    """Messages for one channel, each of which meets what ``fates`` says next."""

    resend = Resend.ON_REQUEST

    def __init__(self) -> None:
        super().__init__()
        self.fates: list[State] = []

    def totals(self, payload: Body) -> list[tuple[str, Decimal]]:  # noqa: ARG002
        return []

    def digest(self, stream: str, payloads: Sequence[Body]) -> Body:  # noqa: ARG002
        return {"name": f"digest of {len(payloads)}", "channel": "ops"}

    def shown(self, payload: Body) -> tuple[str, Body]:  # noqa: ARG002
        return "", {}

    async def send(self, decisions: Sequence[Decision]) -> AsyncIterator[list[Outcome]]:
        for decision in decisions:
            if self.fates and (fate := self.fates.pop(0)) is not State.APPLIED:
                yield [Outcome(decision.effect_id, fate, "post", reason="is_archived", retry_after=3600)]
            else:
                self._write(decision)
                yield [Outcome(decision.effect_id, State.APPLIED, "post", dest_id="C1/1")]


class Notices(World):
    def __init__(self, db: Database, vault: Vault) -> None:
        super().__init__(db, vault)
        self.mapping: Any = Mapping()
        self.destination: Channel = Channel()
        self.source.page = 100
        for n in range(RECORDS):
            self.source.put(f"i{n}", name=f"Invoice {n}")

    def route(self, key: str = KEY) -> Route:
        route = super().route(key)
        route.routing = Routing([Rule(name="all", to=["ops"])], digest_above=3)
        return route

    @property
    def told(self) -> list[str]:
        return [body["name"] for _, body in self.destination.writes]

    async def states(self) -> dict[str, int]:
        """Of the records, not of digests."""
        found = await query(
            self, "select state, count(*) from effect where source_id not like 'digest:%%' group by state"
        )
        return dict(found)


@pytest.fixture
def notices(database: Database, vault: Vault) -> Notices:
    return Notices(database, vault)


async def test_records_of_a_digest_that_is_refused_are_rejected_and_come_back_by_retry(notices: Notices) -> None:
    notices.destination.fates = [State.REJECTED]

    [found] = await notices.run("r1")
    failed = notices.problem
    [retried] = await notices.run("r1", count=2)
    [again] = await notices.run("r2")

    assert (found.digested, found.rejected, found.open, found.problem) == (0, RECORDS, 0, None)
    assert "12 of 12 records were rejected" in str(failed)
    assert (retried.digested, retried.rejected, retried.problem) == (RECORDS, 0, None)
    assert notices.problem is None
    assert again.read == 0
    assert notices.told == ["digest of 12"]
    found_at = await query(notices, "select distinct dest_id from effect where source_id not like 'digest:%%'")
    assert found_at == [("C1/1",)]


async def test_they_come_back_by_a_replay_once_and_without_asking_for_it_twice(notices: Notices) -> None:
    notices.destination.fates = [State.REJECTED]
    await notices.run("r1")

    [found] = await notices.run("replay", selection=Selection(states=("rejected",)))
    await notices.run("replay again", selection=Selection(states=("rejected",)))

    assert (found.read, found.digested) == (RECORDS, RECORDS)
    assert notices.told == ["digest of 12"]


@pytest.mark.parametrize("fate", [State.AMBIGUOUS, State.RETRY_WAIT, State.NEEDS_HUMAN])
async def test_while_a_digest_waits_its_records_are_open(notices: Notices, fate: State) -> None:
    notices.destination.fates = [fate]

    [found] = await notices.run("r1")

    assert (found.digested, found.open, found.problem) == (0, RECORDS, None)


async def test_records_of_a_digest_that_is_given_up_are_given_up_and_can_be_replayed(notices: Notices) -> None:
    notices.destination.fates = [State.NEEDS_HUMAN]
    await notices.run("r1")
    [effect] = await unfinished(notices.db, "acme", "i3@ops")

    async with leased(notices.db, "acme", [KEY], holder="test", ttl=60) as lease:
        await resolve(notices.db, lease, "acme", effect, "abandon", actor="ada", reason="too late")

    assert await notices.states() == {"abandoned": RECORDS}
    reasons = await query(notices, "select distinct reason from effect where source_id not like 'digest:%%'")
    assert reasons == [(f"in the digest {effect.effect_id}: resolved as abandon: too late",)]
    await notices.run("replay", selection=Selection(states=("abandoned",)))
    assert notices.told == ["digest of 12"]


async def test_so_are_those_of_a_digest_that_its_destination_gives_up(notices: Notices) -> None:
    notices.destination.fates = [State.ABANDONED]  # what is unclear is dropped, as a connection may say

    [found] = await notices.run("r1")

    assert (found.digested, found.rejected, found.open, found.problem) == (0, RECORDS, 0, None)
    assert await notices.states() == {"abandoned": RECORDS}
    told = await query(notices, "select count(*) from audit_entry where action = 'digest' and status = 'abandoned'")
    assert told == [(RECORDS,)]


async def test_records_of_a_digest_that_is_erased_before_it_was_told_are_given_up(notices: Notices) -> None:
    notices.destination.fates = [State.RETRY_WAIT]
    await notices.run("r1")

    records = await find_records(notices.db, "acme", "i3")
    await erase(notices.db, "acme", records, actor="ada", reason="asked to", lease_seconds=60)

    assert await notices.states() == {"abandoned": RECORDS}


async def test_what_was_told_before_the_digest_is_told_again_when_it_comes_back(notices: Notices) -> None:
    notices.source.rows.clear()
    notices.source.put("i0", name="A")
    await notices.run("r1")
    for n in range(RECORDS):
        notices.source.put(f"i{n}", name=f"B {n}")
    await notices.run("r2")
    notices.source.put("i0", name="A")

    await notices.run("r3")

    assert notices.told == ["A", "digest of 12", "A"]
