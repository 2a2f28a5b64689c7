"""Fetch, where a source breaks off: what it gave before is worked on, and what it did not give is asked for again."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ml_connector.core.db import Database
from ml_connector.core.errors import RejectRecord
from ml_connector.core.records import Page, Window
from ml_connector.core.vault import Vault
from tests.fakes import FakeSource
from tests.tasks.test_adversarial import query
from tests.tasks.test_journey import World


class BreaksOff(FakeSource):
    """Gives what it has, and says then that something is closed to us."""

    closed = True

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        async for page in super().read(window, cursor):
            yield page
        if self.closed:
            raise RejectRecord("one of the projects is closed to us", vendor=self.system)


async def test_what_a_source_gave_before_it_broke_off_is_written_and_the_window_is_not_complete(
    database: Database, vault: Vault
) -> None:
    world = World(database, vault)
    world.source = source = BreaksOff()
    for n in range(45):
        source.put(f"c{n}", name=f"Customer {n}")

    await world.run("r1")
    assert len(world.destination.writes) == 45
    assert "closed to us" in (world.problem or "")

    source.rows["late"] = (source.rows["c3"][0], {"id": "late", "name": "Behind the closed door"})
    source.closed = False
    await world.run("r2")
    assert len(world.destination.writes) == 46


async def test_a_retry_that_reads_an_older_window_later_does_not_bring_the_watermark_back(
    database: Database, vault: Vault
) -> None:
    world = World(database, vault)
    world.source.put("c1", name="A")
    world.source.down = True
    await world.run("r1")
    world.source.put("c2", name="B")
    world.source.down = False
    await world.run("r2")
    before = await query(world, "select modified_at, run_id from watermark")

    await world.run("r1", count=2)

    assert world.problem is None
    assert await query(world, "select modified_at, run_id from watermark") == before
