"""What a source may tell in one page, and enters the ledger all the same."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from ml_connector.core.db import Database
from ml_connector.core.ids import storable
from ml_connector.core.records import Page, SourceRecord, Window
from ml_connector.core.routing import Routing, Rule, split
from ml_connector.core.vault import Vault
from tasks.routed import spread
from tests.fakes import FakeSource
from tests.tasks.test_adversarial import states, written
from tests.tasks.test_journey import KEY, World


class Told(FakeSource):
    """Tells in every read the same page."""

    def __init__(self, *told: SourceRecord, windowed: bool) -> None:
        super().__init__(windowed=windowed)
        self.told = list(told)

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:  # noqa: ARG002
        if cursor is None:
            yield Page(self.told, json.dumps("end"))


def record(source_id: str, *, windowed: bool = True, number: str | None = None, **body: Any) -> SourceRecord:
    return SourceRecord(source_id, FakeSource().now if windowed else None, {"id": source_id, **body}, number)


@pytest.fixture
def world(database: Database, vault: Vault) -> World:
    return World(database, vault)


@pytest.mark.parametrize("windowed", [True, False])
async def test_of_two_contents_of_one_object_and_one_time_the_last_one_told_stands(
    world: World, windowed: bool
) -> None:
    first = [record("x", windowed=windowed, name="Unpaid"), record("k", windowed=windowed, name="k")]
    both = [record("x", windowed=windowed, name=name) for name in ("Partially", "Paid")]
    world.source = Told(*first, windowed=windowed)
    await world.run("r1")
    world.source.told = [*both, *first[1:]]

    for n in range(3):
        world.source.now += timedelta(minutes=1)
        [found] = await world.run(f"with both {n}")
        assert world.problem is None
        assert found.problem is None

    assert written(world) == ["Unpaid", "k", "Paid"]
    assert await states(world, "x") == ["applied", "superseded", "applied"]

    world.source.told = [*reversed(both), *first[1:]]
    world.source.now += timedelta(minutes=1)
    await world.run("told the other way round")

    assert world.destination.objects["x"]["name"] == "Partially"


@pytest.mark.parametrize("windowed", [True, False])
async def test_ids_and_numbers_that_postgres_cannot_hold_stop_nothing_and_stay_apart(
    world: World, windowed: bool
) -> None:
    odd = ["cut\ud83d", "cut\ud83e", "nul\0"]
    told = [record(one, windowed=windowed, number="\0" + one, name=f"name {n}") for n, one in enumerate(odd)]
    child = record("child", windowed=windowed, name="child", parent=odd[1])
    world.source = Told(*told, record("fine", windowed=windowed, number="F-1", name="fine"), windowed=windowed)

    [found] = await world.run("r1")
    world.source.told.append(child)
    world.links = {"parent": KEY}
    [again] = await world.run("r2")

    assert world.problem is None
    assert (found.read, found.created, again.read, again.created) == (4, 4, 1, 1)
    assert sorted(written(world)) == ["child", "fine", "name 0", "name 1", "name 2"]
    assert world.destination.objects["child"]["parent"].startswith("d-cut?~")


async def test_the_channels_of_an_id_that_postgres_cannot_hold_are_still_known(world: World) -> None:
    route = world.route()
    route.routing = Routing([Rule(name="all", to=["ops", "finance"])], 10)

    spread_out = spread(route, [record("cut\ud83d", name="x")])

    records, channels = zip(*(split(storable(one.source_id)) for one in spread_out), strict=True)
    assert channels == ("ops", "finance")
    assert len(set(records)) == 1
