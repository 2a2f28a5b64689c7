"""What the ledger says at the very moment at which something is on its way: what a process that dies there leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from ml_connector.core.db import Database
from ml_connector.core.records import Decision, Outcome, Resend, State
from ml_connector.core.vault import Vault
from tests.fakes import FakeDestination, FakeMapping
from tests.tasks.test_adversarial import Picky, query, states
from tests.tasks.test_apart import Choking
from tests.tasks.test_journey import World


class Watched(FakeDestination):
    """Has the states of the ledger counted before it says what became of each write, and after it has said so."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.seen: list[dict[str, int]] = []
        self.attempts: list[int] = []

    async def send(self, decisions: Sequence[Decision]) -> AsyncIterator[list[Outcome]]:
        self.attempts += [decision.attempts for decision in decisions]
        async for outcomes in super().send(decisions):
            await self._look()
            yield outcomes
            await self._look()

    async def _look(self) -> None:
        found = await query(self.world, "select state, count(*) from effect group by state")
        self.seen.append(dict(found))


@pytest.fixture
def world(database: Database, vault: Vault) -> World:
    world = World(database, vault)
    world.source.page = 100
    world.destination = Watched(world)
    return world


def watched(world: World) -> Watched:
    assert isinstance(world.destination, Watched)
    return world.destination


async def test_where_none_may_be_sent_twice_few_are_at_risk_and_each_outcome_is_written_at_once(world: World) -> None:
    world.destination.resend = Resend.NEVER
    for n in range(9):
        world.source.put(f"c{n}", name=f"Completion {n}")

    await world.run("r1")

    before, after = watched(world).seen[::2], watched(world).seen[1::2]
    assert max(found.get("sending", 0) for found in before) == 4
    assert [found.get("applied", 0) for found in after] == list(range(1, 10))


async def test_that_an_outcome_is_unclear_is_written_before_the_destination_goes_on(world: World) -> None:
    world.source.put("c1", name="A")
    world.destination.fate["c1"] = ["lost after"]

    await world.run("r1")

    assert watched(world).seen[:2] == [{"sending": 1}, {"ambiguous": 1}]


async def test_who_sends_is_told_how_often_it_was_sent_before(world: World) -> None:
    world.source.put("c1", name="A")
    world.destination.fate["c1"] = ["busy", "busy"]

    await world.run("r1")
    await world.run("r2")
    await world.run("r3")

    assert watched(world).attempts == [0, 1, 2]


async def test_what_is_in_doubt_stays_so_although_the_mapping_would_not_send_it_any_more(world: World) -> None:
    world.source.put("c1", name="B")
    world.destination = Unsure()
    world.destination.fate["c1"] = ["lost after"]
    await world.run("r1")
    world.mapping = Picky()
    await world.run("r2")
    assert await states(world, "c1") == ["ambiguous"]
    world.mapping, world.destination.sure = FakeMapping(), True

    await world.run("r3")

    assert await states(world, "c1") == ["applied"]


async def test_nothing_is_unchanged_while_another_version_is_in_doubt(world: World) -> None:
    world.destination = Unsure()
    for name in ("A", "B", "A"):
        world.source.put("c1", name=name)
        world.destination.fate["c1"] = ["lost after" if name == "B" else "ok"]
        await world.run(f"run {name} {world.source.now}")
    assert await states(world, "c1") == ["applied", "ambiguous", "planned"]
    world.destination.sure = True

    await world.run("r1")

    assert world.destination.objects["c1"]["name"] == "A"


class Unsure(FakeDestination):
    """Cannot tell, as long as a job that may hold the record is running."""

    sure = False

    async def probe(self, decisions: Sequence[Decision]) -> list[Outcome]:
        if self.sure:
            return await super().probe(decisions)
        return [Outcome(decision.effect_id, State.AMBIGUOUS, reason="a job is running") for decision in decisions]


async def test_what_a_crash_leaves_is_not_looked_for_before_it_can_be_seen(world: World) -> None:
    world.source.put("c1", name="A")
    world.destination = Dying("c1")
    await world.run("r1")

    await world.run("r2")

    waits = "select state, next_at > clock_timestamp() + interval '1 minute' from effect"
    assert await query(world, waits) == [("ambiguous", True)]
    assert world.destination.looked == 0


async def test_what_was_applied_is_neither_claimed_nor_settled_a_second_time(world: World) -> None:
    world.source.put("c1", name="A")
    await world.run("r1")
    [(effect_id,)] = await query(world, "select id from effect")
    async with world.opened("r2") as run:
        [stream] = run.streams
        assert await stream.ledger.claim([Decision(effect_id, "c1", "update")], {}) == []
        await stream.ledger.settle([Outcome(effect_id, State.REJECTED, reason="too late")], 0.0)

    assert await query(world, "select state, attempts, reason from effect") == [("applied", 1, None)]


class Dying(Choking):
    """Fails in the middle of a write, which shows up after minutes."""

    settle_seconds = 600.0
    looked = 0

    async def probe(self, decisions: Sequence[Decision]) -> list[Outcome]:
        self.looked += 1
        return await super().probe(decisions)
