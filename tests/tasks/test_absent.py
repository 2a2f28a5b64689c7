"""Who is told of no more in a full read: emptied once, unless it is rather the read that is short."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from ml_connector.core import crashpoints
from ml_connector.core.db import Database
from ml_connector.core.embedded import Embedded
from ml_connector.core.errors import RetryLater
from ml_connector.core.records import Body, Page, Window
from ml_connector.core.vault import Vault
from tests.fakes import FakeSource
from tests.tasks.test_journey import World

NOTHING = "owes nothing"


class Sums(FakeSource):
    """What customers owe. ``breaks`` after so many pages."""

    def __init__(self, customers: int) -> None:
        super().__init__(windowed=False)
        self.breaks: int | None = None
        self.untold: list[str] = []
        for n in range(customers):
            self.put(f"c{n:02}", name=f"owes {n}")

    def absent(self, source_id: str, before: Body) -> Body:  # noqa: ARG002
        return {"id": source_id, "name": NOTHING}

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        self.now = self.now.replace(microsecond=0)
        async for page in super().read(window, cursor):
            yield Page(page.records, page.cursor, untold=self.untold)
            self.breaks = None if self.breaks is None else self.breaks - 1
            if self.breaks == 0:
                raise RetryLater("the ERP is down", vendor=self.system)


class Desk(World):
    def __init__(self, db: Database, vault: Vault, customers: int = 25) -> None:
        super().__init__(db, vault)
        self.source: Sums = Sums(customers)

    def written(self) -> list[tuple[str, Any]]:
        """Since the last time that somebody asked."""
        found = [(key, body["name"]) for key, body in self.destination.writes]
        self.destination.writes.clear()
        return found


@pytest.fixture
def desk(database: Database, vault: Vault) -> Desk:
    return Desk(database, vault)


async def test_who_is_gone_is_emptied_once_and_gets_its_figures_when_it_comes_back(desk: Desk) -> None:
    await desk.run("r1")
    paid = {key: desk.source.rows.pop(key) for key in ("c03", "c17")}
    desk.written()

    [emptied] = await desk.run("r2")
    assert (desk.problem, desk.written()) == (None, [("c03", NOTHING), ("c17", NOTHING)])
    assert (emptied.read, emptied.updated, emptied.known) == (2, 2, 23)
    await desk.run("r3")
    assert desk.written() == []
    desk.source.rows["c03"] = paid["c03"]
    await desk.run("r4")
    assert desk.written() == [("c03", "owes 3")]
    del desk.source.rows["c03"]
    await desk.run("r5")
    assert desk.written() == [("c03", NOTHING)]


async def test_of_a_read_that_is_continued_both_halves_count(desk: Desk) -> None:
    await desk.run("r1")
    del desk.source.rows["c03"], desk.source.rows["c17"]
    desk.written()

    desk.source.breaks = 1
    await desk.run("r2")
    assert ("the ERP is down" in str(desk.problem), desk.written()) == (True, [])
    desk.destination.unreachable = True
    await desk.run("r2", count=2)  # planned, and not sent
    assert desk.written() == []
    desk.destination.unreachable = False
    await desk.run("r2", count=3)

    assert (desk.problem, sorted(desk.written())) == (None, [("c03", NOTHING), ("c17", NOTHING)])


class Death(BaseException):
    """Of the process."""


async def test_wherever_the_process_dies_who_is_gone_is_emptied_once(desk: Desk) -> None:
    await desk.run("r0")
    died_at: list[str] = []
    while "run.finished" not in died_at:  # then there is nothing left to retry
        paid, _ = desk.source.rows.popitem()
        desk.written()
        left = len(died_at) + 1

        def die(point: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                died_at.append(point)
                raise Death

        crashpoints.arm(die)
        try:
            await desk.run(f"without {len(died_at)}")
        except Death:
            crashpoints.arm(None)
            if died_at[-1] != "run.finished":
                await desk.run(f"without {len(died_at) - 1}", count=2)
        assert (desk.problem, desk.written()) == (None, [(paid, NOTHING)]), died_at

    assert {"fetch.read", "ledger.planned", "ledger.claimed", "ledger.settled", "watermark.moved"} <= set(died_at)


async def test_a_run_that_is_continued_after_a_later_one_empties_nobody(desk: Desk) -> None:
    desk.source.page = 5
    await desk.run("r1")
    for run, breaks in (("r2", 2), ("r3", 3)):
        desk.source.breaks = breaks
        await desk.run(run)
    desk.written()
    for run in ("r2", "r3"):
        await desk.run(run, count=2)
        assert (desk.problem, desk.written()) == (None, [])


@pytest.mark.parametrize(("customers", "short"), [(45, 10), (3, 3)])
async def test_a_read_that_is_short_empties_nobody_and_is_told_of(
    database: Database, vault: Vault, customers: int, short: int
) -> None:
    desk = Desk(database, vault, customers)
    await desk.run("r1")
    hidden = {key: desk.source.rows.pop(key) for key in list(desk.source.rows)[:short]}
    desk.source.put("new", name="owes 1")
    if customers == short:
        hidden["new"] = desk.source.rows.pop("new")
    desk.written()

    await desk.run("r2")
    said = f"test/customers: {short} of {customers + (customers != short)} records that were there before are missing"
    assert said in str(desk.problem)
    assert "raise the threshold for that run in integrations.test" in str(desk.problem)
    assert [name for _, name in desk.written()] == ["owes 1"] * (customers != short)
    await desk.run("r3")
    assert said in str(desk.problem)
    desk.source.rows |= hidden
    [again] = await desk.run("r3", count=2)

    assert (desk.problem, again.complete) == (None, True)
    assert [name for _, name in desk.written()] == ["owes 1"] * (customers == short)


async def test_what_could_not_be_told_is_there(desk: Desk) -> None:
    await desk.run("r1")
    del desk.source.rows["c03"], desk.source.rows["c17"]
    desk.source.untold = ["c03"]
    desk.written()
    await desk.run("r2")

    assert desk.written() == [("c17", NOTHING)]


async def test_a_retry_of_a_completed_run_says_again_that_nothing_is_left(desk: Desk) -> None:
    await desk.run("r1")
    paid = {key: desk.source.rows.pop(key) for key in ("c03", "c17")}
    await desk.run("r2")
    desk.source.rows["c03"] = paid["c03"]
    await desk.run("r3")
    desk.written()
    await desk.run("r2", count=2)

    assert desk.written() == [("c17", NOTHING)]  # of c03 a newer version was applied


async def test_what_the_ledger_knew_before_is_emptied_too(desk: Desk, postgres: Embedded, database_name: str) -> None:
    await desk.run("r1")
    with psycopg.connect(postgres.uri(database_name), autocommit=True) as owner:
        owner.execute("truncate presence")
    del desk.source.rows["c03"]
    desk.written()
    await desk.run("r2")

    assert desk.written() == [("c03", NOTHING)]
