"""What waits for a record that never comes costs the runs nothing, and a person is told of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ml_connector.core import parking
from ml_connector.core.audit_query import lines
from ml_connector.core.db import Database
from ml_connector.core.records import Decision, State
from ml_connector.core.selection import Selection
from ml_connector.core.vault import Vault
from tests.fakes import FakeDestination, FakeMapping
from tests.tasks.test_adversarial import query, states
from tests.tasks.test_journey import World

PARENTS = "test/parents"


class Counting(FakeMapping):
    def __init__(self) -> None:
        self.looked = 0

    def apply(self, body: dict[str, Any]) -> dict[str, Any]:
        self.looked += 1
        return super().apply(body)


class Missing(FakeDestination):
    """It lacks what the records name."""

    async def decide(self, intents: Any, *, preview: bool = False) -> list[Decision]:
        del preview
        return [Decision(i.effect_id, i.source_id, "", state=State.PARKED, reason="no such option") for i in intents]


@pytest.fixture
async def world(database: Database, vault: Vault) -> World:
    """A child whose parent is not there, and whose stream was run twice since."""
    world = World(database, vault)
    world.mapping = Counting()
    world.links = {"parent": PARENTS}
    world.source.put("child", name="x", parent="p1")
    for n in range(3):
        await world.run(f"r{n}")
    assert (await states(world, "child"), world.mapping.looked) == (["parked"], 1)
    return world


async def parent(world: World, key: str, **body: Any) -> None:
    parents = World(world.db, world.vault)
    parents.source.now = world.source.now = world.source.now + timedelta(minutes=1)
    parents.source.put(key, **body)
    await parents.run(f"{key} {body}", routes=[parents.route(PARENTS)])


async def test_a_parked_record_is_looked_at_when_something_is_linked_that_it_may_wait_for(world: World) -> None:
    await parent(world, "p2", name="y")
    await world.run("a new one")
    looked = world.mapping.looked
    await query(world, "update link set since = now() - interval '1 day' returning 1")
    await parent(world, "p2", name="z")  # it was there before
    await world.run("a changed one")
    unmoved = world.mapping.looked
    await parent(world, "p1", name="y")
    await world.run("the parent")

    assert (looked > 1, unmoved == looked) == (True, True)
    assert world.destination.objects["child"]["parent"] == "d-p1"


async def test_it_is_looked_at_now_and_then_and_by_a_replay(world: World) -> None:
    await query(world, "update effect set next_at = now() - interval '1 s' returning 1")
    await world.run("an hour later")
    await world.run("and then")
    seldom = world.mapping.looked
    world.source.put("other", name="y")
    await world.run("before the replay")
    before = world.mapping.looked
    await world.run("replay-1", selection=Selection(keys=("other",)))

    assert (seldom, before) == (2, 3)
    assert world.mapping.looked > before + 1  # the other one, too
    assert len([line async for line in lines(world.db, "acme", record="child", state="parked")]) == 1


async def test_so_it_is_with_what_its_destination_lacks(database: Database, vault: Vault) -> None:
    world = World(database, vault)
    world.mapping, world.destination = Counting(), Missing()
    world.source.put("c1", name="x")
    for n in range(3):
        await world.run(f"r{n}")
    looked = world.mapping.looked
    world.destination = FakeDestination()
    await query(world, "update effect set next_at = now() - interval '1 s' returning 1")
    await world.run("an hour later")

    assert looked == 1
    assert await states(world, "c1") == ["applied"]


async def test_a_person_is_told_once_of_what_waits_for_days(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.run("the same day")
    soon = await told(world)
    monkeypatch.setattr(parking, "OVERDUE", timedelta(days=-2))
    world.source.put("child", name="newer", parent="p1")
    for n in range(2):
        await world.run(f"days later {n}")

    assert (soon, await told(world)) == ([], [("child", "parked")])  # of the newest version only


async def told(world: World) -> list[tuple[str | None, str]]:
    return [(line.source_id, line.status) async for line in lines(world.db, "acme") if line.action == "alert"]
