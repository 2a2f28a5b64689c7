"""A source may say itself what a version is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

from ml_connector.core.db import Database
from ml_connector.core.records import Page, Window
from ml_connector.core.vault import Vault
from tests.fakes import FakeSource
from tests.tasks.test_journey import World


class Completions(FakeSource):
    """Of each row only that it is there is a version, not what it says."""

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        async for page in super().read(window, cursor):
            page.records = [replace(record, version="completed") for record in page.records]
            yield page


async def test_what_is_written_on_a_completed_thing_later_is_no_second_completion(
    database: Database, vault: Vault
) -> None:
    world = World(database, vault)
    world.source = Completions()
    world.source.put("t1", name="Done")
    [first] = await world.run("r1")
    at, body = world.source.rows["t1"]
    world.source.rows["t1"] = (at, {**body, "name": "Done, and written on"})
    [touched] = await world.run("r2")
    world.source.put("t1", name="Done")
    [again] = await world.run("r3")

    assert (first.created, touched.read, again.read) == (1, 0, 1)
    assert [body["name"] for _, body in world.destination.writes] == ["Done"]


class Timeless(FakeSource):
    """Finds what has changed, and does not say when: as Workday's suppliers."""

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        async for page in super().read(window, cursor):
            page.records = [replace(record, modified_at=None) for record in page.records]
            yield page


async def test_a_record_without_a_time_that_is_read_again_in_an_overlap_is_known_by_its_content(
    database: Database, vault: Vault
) -> None:
    world = World(database, vault)
    world.source = Timeless()
    world.source.put("s1", name="Acme")
    [first] = await world.run("r1")
    world.source.now += timedelta(minutes=10)
    [again] = await world.run("r2")  # its window looks back over the record
    world.source.put("s1", name="Acme Ltd")
    [changed] = await world.run("r3")
    assert (first.read, again.read, changed.read) == (1, 0, 1)
