"""A record that its destination cannot be asked about holds up neither its chunk nor the streams behind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from itertools import pairwise

import pytest

from ml_connector.core.db import Database
from ml_connector.core.errors import RejectRecord, RetryLater
from ml_connector.core.records import Decision, Intent, Outcome, Resend
from ml_connector.core.vault import Vault
from tests.fakes import FakeDestination
from tests.tasks.test_adversarial import query, states, written
from tests.tasks.test_journey import World


@pytest.fixture
def world(database: Database, vault: Vault) -> World:
    found = World(database, vault)
    found.destination = Astonished()
    return found


class Astonished(FakeDestination):
    """Cannot be asked about some records; counts how often it is asked."""

    def __init__(self, **odd: Exception) -> None:
        super().__init__()
        self.odd = odd
        self.blind = False
        self.asks = 0

    async def decide(self, intents: Sequence[Intent], *, preview: bool = False) -> list[Decision]:
        self._look(intents)
        return await super().decide(intents, preview=preview)

    async def probe(self, decisions: Sequence[Decision]) -> list[Outcome]:
        if self.blind:
            self._look(decisions)
        return await super().probe(decisions)

    def _look(self, asked: Sequence[Intent | Decision]) -> None:
        self.asks += 1
        for one in asked:
            if one.source_id in self.odd:
                raise self.odd[one.source_id]


def fill(world: World, *odd: str) -> None:
    for n in range(40):
        world.source.put(f"c{n:02}", name=f"Customer {n}")
        if n == 25:
            for one in odd:
                world.source.put(one, name=one)


async def test_the_others_of_its_chunk_are_sent_and_it_is_rejected_or_put_off(world: World) -> None:
    world.source.page = 100
    fill(world, "forbidden", "unknown", "broken")
    world.destination = desk = Astonished(
        forbidden=RejectRecord("the task is private"),
        unknown=KeyError("what the record holds"),
        broken=RetryLater("the desk answers 500"),
    )

    [found] = await world.run("r1")

    assert (len(desk.writes), found.rejected, found.open) == (40, 1, 2)
    reasons = dict(await query(world, "select source_id, reason from effect where state <> 'applied'"))
    assert reasons["forbidden"] == "the task is private"
    assert "what the record holds" not in reasons["unknown"]
    assert await states(world, "broken") == await states(world, "unknown") == ["retry_wait"]
    assert "unknown was put off: KeyError" in str(world.problem)
    assert "broken was put off: RetryLater: the desk answers 500" in str(world.problem)
    assert desk.asks < 40


async def test_streams_behind_it_are_read_in_every_run(world: World) -> None:
    world.source.put("odd", name="odd")
    world.destination = Astonished(odd=RetryLater("the desk answers 500"))  # for all one can see, the desk is down
    other = World(world.db, world.vault)

    for n in range(2):
        other.source.put(f"o{n}", name=f"o{n}")
        await world.run(f"r{n}", routes=[world.route(), other.route("test/others")])

    assert written(other) == ["o0", "o1"]
    assert await states(world, "odd") == ["planned"]


async def test_what_may_have_been_written_stays_in_doubt_when_it_cannot_be_looked_up(world: World) -> None:
    fill(world)
    world.destination = desk = Astonished(c07=RejectRecord("the task is private"))
    desk.odd, odd = {}, desk.odd
    desk.fate = {f"c{n:02}": ["lost after"] for n in range(20)}
    desk.settle_seconds = 5.0
    await world.run("r1")
    desk.odd, desk.blind = odd, True
    await query(world, "update effect set next_at = null where state = 'ambiguous' returning 1")

    [_] = await world.run("r2")

    left = await query(world, "select source_id, state, reason from effect where state <> 'applied'")
    assert left == [("c07", "ambiguous", "the task is private")]
    assert "c07 was put off: the task is private" in str(world.problem)


async def test_a_desk_that_is_down_is_not_asked_about_single_records(world: World) -> None:
    world.source.page = 100
    fill(world)
    world.destination = desk = Astonished(**{f"c{n:02}": RetryLater("the desk is down") for n in range(40)})

    [found] = await world.run("r1")

    assert found.open == 40
    assert await query(world, "select distinct state from effect") == [("planned",)]
    assert desk.asks <= 3 * 3  # all and both halves, each time that the run comes back to them


async def test_records_that_are_all_odd_are_left_as_they_are(world: World) -> None:
    world.source.page = 100
    fill(world)
    world.destination = Astonished(**{f"c{n:02}": KeyError("name") for n in range(40)})

    await world.run("r1")

    assert await query(world, "select distinct state from effect") == [("planned",)]
    assert "KeyError" in str(world.problem)


class Choking(FakeDestination):
    """Fails as a whole where one of some records is to be sent."""

    def __init__(self, *odd: str) -> None:
        super().__init__()
        self.odd = odd
        self.said: list[str] = []

    async def decide(self, intents: Sequence[Intent], *, preview: bool = False) -> list[Decision]:
        self.said.append("decided")
        return await super().decide(intents, preview=preview)

    async def send(self, decisions: Sequence[Decision]) -> AsyncIterator[list[Outcome]]:
        for one in decisions:
            if one.source_id in self.odd:
                self.said.append("choked")
                raise KeyError("what the record holds")
        async for outcomes in super().send(decisions):
            yield outcomes


async def test_who_chokes_on_one_record_is_sent_the_others_without_it(world: World) -> None:
    world.source.page = 100
    odd = ("a1", "a2", "a3", "a4")
    fill(world, *odd)
    world.destination = Choking(*odd)

    for n in range(3):
        await world.run(f"r{n}")
        await query(world, "update effect set next_at = null returning 1")

    assert sorted(key for key, _ in world.destination.writes) == sorted(f"c{n:02}" for n in range(40))
    assert dict(await query(world, "select source_id, state from effect where state <> 'applied'")).keys() == set(odd)
    assert "sending a1 fails: KeyError" in str(world.problem)
    assert "what the record holds" not in str(world.problem)


async def test_who_is_known_to_choke_it_brings_nothing_new_into_doubt(world: World) -> None:
    world.source.put("a1", name="a1")
    world.destination = Choking("a1")
    for n in range(3):
        await world.run(f"vain {n}")
    fill(world)
    world.destination.unreachable = True
    await world.run("r1")
    world.destination.unreachable = False

    await world.run("r2")

    assert len(world.destination.writes) == 40
    assert await query(world, "select distinct source_id from audit_entry where status = 'ambiguous'") == [("a1",)]


async def test_what_is_sent_later_is_decided_by_what_was_written_before_it(world: World) -> None:
    world.source.put("a1", name="one task")
    world.destination = board = Board("a1")
    for n in range(3):
        await world.run(f"vain {n}")
    world.source.put("b1", name="one task")
    board.unreachable = True
    await world.run("r1")
    board.unreachable, board.odd = False, ()

    await world.run("r2")

    assert board.sent == [("b1", "create"), ("a1", "update")]


class Board(Choking):
    """Has one object for each name."""

    def __init__(self, *odd: str) -> None:
        super().__init__(*odd)
        self.sent: list[tuple[str, str]] = []

    async def decide(self, intents: Sequence[Intent], *, preview: bool = False) -> list[Decision]:
        decisions = await super().decide(intents, preview=preview)
        there = {request["name"] for request in self.objects.values()}
        for decision in decisions:
            decision.action = "update" if decision.request["name"] in there else "create"
        return decisions

    def _write(self, decision: Decision) -> None:
        super()._write(decision)
        self.sent.append((decision.source_id, decision.action))


async def test_what_had_to_wait_keeps_its_place_before_what_came_later(world: World) -> None:
    world.source.put("early", name="early")
    world.destination.fate["early"] = ["busy"] * 100
    for n in range(3):
        await world.run(f"vain {n}")
    world.source.put("late", name="late")
    world.destination.unreachable = True
    await world.run("r1")
    world.destination.unreachable = False
    world.destination.fate.clear()

    await world.run("r2")

    assert written(world) == ["early", "late"]


async def test_where_none_may_be_sent_twice_the_first_failure_ends_the_sending(world: World) -> None:
    world.source.page = 100
    fill(world)
    world.destination = desk = Choking(*(f"c{n:02}" for n in range(40)))
    desk.resend = Resend.NEVER

    await world.run("r1")

    assert "choked" in desk.said
    assert ("choked", "choked") not in pairwise(desk.said)
