"""What the journey promises, between a source and a destination in memory and on a real ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from ml_connector.core import audit
from ml_connector.core.balance import Balance, balance
from ml_connector.core.db import Database
from ml_connector.core.errors import LeaseLost
from ml_connector.core.lease import LeaseTaken, leased
from ml_connector.core.selection import Selection
from ml_connector.core.vault import Vault
from tasks.fetch import pages
from tasks.hold_run import Guard, hold_run
from tasks.leftovers import leftovers
from tasks.log_audit import log_audit
from tasks.running import OpenRun
from tasks.story import FlowRun, NothingLeft, given
from tasks.stream import Route
from tasks.transform import transform
from tasks.upsert import upsert
from tests.fakes import START, FakeDestination, FakeMapping, FakeSource

KEY = "test/customers"


class World:
    """One stream of one tenant, and the runs that move it."""

    def __init__(self, db: Database, vault: Vault) -> None:
        self.db, self.vault = db, vault
        self.source, self.destination = FakeSource(), FakeDestination()
        self.mapping: Any = FakeMapping()
        self.links: dict[str, str] = {}
        self.lookback: timedelta | None = timedelta(minutes=15)

    def route(self, key: str = KEY) -> Route:
        return Route(
            key.split("/")[1], key, source=self.source, mapping=self.mapping, destination=self.destination,
            links=self.links, backlinks={}, lookback=self.lookback, delay=timedelta(0), start_from=None,
            address=lambda _: None,
        )  # fmt: skip

    async def run(
        self,
        flow_run: str,
        *,
        count: int = 1,
        routes: Sequence[Route] | None = None,
        selection: Selection | None = None,
    ) -> list[Balance]:
        async with self.opened(flow_run, routes, count=count, selection=selection) as run:
            for stream in run.streams:
                for chunks in (leftovers(run, stream), pages(run, stream), leftovers(run, stream, patience=1)):
                    async for chunk in chunks:
                        with run.tolerating(chunk):
                            await upsert(stream, await transform(stream, chunk))
            self.problem = await log_audit(run)
            return [await balance(self.db, "acme", run.run.id, s.route.key) for s in run.streams]

    @asynccontextmanager
    async def opened(
        self,
        flow_run: str,
        routes: Sequence[Route] | None = None,
        *,
        count: int = 1,
        selection: Selection | None = None,
    ) -> AsyncIterator[OpenRun]:
        """A run that holds its leases, and has moved nothing yet."""
        token = given.set(FlowRun(flow_run, flow_run, count, count - 1))
        try:
            async with hold_run(
                self.db, self.vault, Guard(), "acme", "test", routes or [self.route()], lease_seconds=60,
                reject_limit=(0.5, 5), selection=selection,
            ) as run:  # fmt: skip
                yield run
        finally:
            given.reset(token)


@pytest.fixture
def world(database: Database, vault: Vault) -> World:
    return World(database, vault)


async def test_every_record_is_accounted_for_and_an_unchanged_one_costs_no_call(world: World) -> None:
    for n in range(25):
        world.source.put(f"c{n}", name=f"Customer {n}")
    world.source.put("bad", name="poison")
    world.source.put("not", name="unwanted")
    world.destination.fate["c3"] = ["refused"]

    [first] = await world.run("r1")
    writes = len(world.destination.writes)
    [second] = await world.run("r2")
    world.source.put("c5", name="Customer five")
    world.source.put("c6", name="Customer 6")  # touched, not changed
    [third] = await world.run("r3")

    assert (first.read, first.created, first.rejected, first.unchanged, first.open) == (27, 24, 2, 1, 0)
    assert (second.read, second.known > 0, writes) == (0, True, 24)
    assert (third.read, third.updated, third.unchanged) == (2, 1, 1)
    assert len(world.destination.writes) == 25
    assert all(b.problem is None for b in (first, second, third))
    assert (await audit.verify(world.db, "acme")).broken_at is None


async def test_a_b_a_arrives_as_three_writes(world: World) -> None:
    for name in ("A", "B", "A"):
        world.source.put("c1", name=name)
        await world.run(f"run {name} {world.source.now}")

    assert [body["name"] for _, body in world.destination.writes] == ["A", "B", "A"]


async def test_without_a_timestamp_a_b_a_still_arrives_as_three_writes(world: World) -> None:
    world.source.windowed = False
    for name in ("A", "B", "B", "A"):
        world.source.put("c1", name=name)
        await world.run(f"run {name} {world.source.now}")

    assert [body["name"] for _, body in world.destination.writes] == ["A", "B", "A"]


async def test_so_it_does_when_all_of_them_are_read_in_one_second_of_the_source(world: World) -> None:
    world.source.windowed = False
    noon = world.source.now
    for n, name in enumerate(("A", "B", "B", "A")):
        world.source.put("c1", name=name)
        world.source.now = noon
        await world.run(f"run {n}")

    assert [body["name"] for _, body in world.destination.writes] == ["A", "B", "A"]


async def test_an_unclear_outcome_is_probed_before_anything_is_sent_again(world: World) -> None:
    world.source.put("arrived", name="x")
    world.source.put("vanished", name="y")
    world.source.put("busy", name="z")
    world.destination.fate = {"arrived": ["lost after"], "vanished": ["lost before"], "busy": ["busy"]}

    [found] = await world.run("r1")

    assert sorted(key for key, _ in world.destination.writes) == ["arrived", "busy", "vanished"]
    assert (found.created + found.updated, found.open) == (3, 0)


async def test_retry_of_a_failed_run_sends_the_rest_from_the_stored_bodies(world: World) -> None:
    for n in range(30):
        world.source.put(f"c{n}", name=f"Customer {n}")
    world.destination.unreachable = True
    await world.run("r1")
    assert "the desk is down" in str(world.problem)
    assert world.destination.writes == []
    reads = world.source.reads
    assert reads > 0

    world.destination.unreachable = False
    [found] = await world.run("r1", count=2)

    assert (found.read, found.created, found.open) == (30, 30, 0)
    assert len(world.destination.writes) == 30
    assert reads < 3 or world.source.reads == reads  # only what had not been read


async def test_retry_of_a_completed_run_replays_it_without_the_source_unless_overtaken(world: World) -> None:
    for n in range(12):
        world.source.put(f"c{n}", name=f"Customer {n}")
    await world.run("r1")
    world.source.put("c3", name="newer")
    await world.run("r2")
    world.source.down = True
    world.destination.writes.clear()

    [again] = await world.run("r1", count=2)

    assert sorted(key for key, _ in world.destination.writes) == sorted(f"c{n}" for n in range(12) if n != 3)
    assert (again.read, again.updated, again.superseded) == (11, 11, 0)  # c3 is left out
    assert world.destination.objects["c3"]["name"] == "newer"


async def test_an_older_version_that_was_never_sent_is_superseded_by_a_newer_one(world: World) -> None:
    world.source.put("c1", name="old")
    world.destination.unreachable = True
    await world.run("r1")
    world.source.put("c1", name="new")
    world.destination.unreachable = False

    await world.run("r2")

    assert [body["name"] for _, body in world.destination.writes] in (["old", "new"], ["new"])
    assert world.destination.objects["c1"]["name"] == "new"


async def test_a_row_that_was_committed_later_than_any_window_looks_back_is_found_by_a_full_read(world: World) -> None:
    world.source.put("early", name="x")
    await world.run("r1")
    world.source.rows["late"] = (START, {"id": "late", "name": "y"})
    [missed] = await world.run("r2")
    world.lookback = None
    [full] = await world.run("r3")

    assert (missed.read, full.read, full.known, full.created) == (0, 1, 1, 1)
    assert [key for key, _ in world.destination.writes] == ["early", "late"]


async def test_a_child_waits_for_its_parent(world: World) -> None:
    parents = World(world.db, world.vault)
    world.source.put("child", name="x", parent="p1")
    world.links = {"parent": "test/parents"}
    [waiting] = await world.run("r1")
    parents.source.put("p1", name="y")
    await parents.run("r2", routes=[parents.route("test/parents")])

    await world.run("r3")

    assert waiting.open == 1
    assert world.destination.writes == [("child", {"source_id": "child", "name": "x", "parent": "d-p1"})]


async def test_a_second_writer_is_told_who_writes(world: World) -> None:
    async with leased(world.db, "acme", [KEY], holder="flow run blue-owl", ttl=60):
        with pytest.raises(LeaseTaken, match="blue-owl"):
            await world.run("r1")


async def test_who_lost_the_lease_can_write_neither_here_nor_there(world: World) -> None:
    async with leased(world.db, "acme", [KEY], holder="sleeper", ttl=60) as lease:
        async with world.db.tenant("acme") as conn:
            await conn.execute("update lease set until = clock_timestamp() - interval '1 s'")
        async with leased(world.db, "acme", [KEY], holder="heir", ttl=60) as heir:
            with pytest.raises(LeaseLost):
                async with world.db.tenant("acme") as conn:
                    await lease.hold(conn, KEY)
            async with world.db.tenant("acme") as conn:
                await heir.hold(conn, KEY)


async def test_a_retry_of_a_running_attempt_finds_nothing_left(world: World) -> None:
    import asyncio

    world.source.put("c1", name="x")
    gate, at_work = asyncio.Event(), asyncio.Event()
    plain = world.destination.decide

    async def slow(intents: Any, *, preview: bool = False) -> Any:
        at_work.set()
        await gate.wait()
        return await plain(intents, preview=preview)

    world.destination.decide = slow  # type: ignore[method-assign]
    first = asyncio.create_task(world.run("r1"))
    await at_work.wait()
    second = asyncio.create_task(world.run("r1", count=2))
    await asyncio.sleep(0.3)
    gate.set()
    await first
    with pytest.raises(NothingLeft):
        await second

    assert len(world.destination.writes) == 1


@pytest.mark.parametrize(
    ("damage", "place", "why"),
    [
        ("update audit_entry set dest_id = 'elsewhere' where seq = 2 and n = 1", 2, "its entries were altered"),
        ("delete from audit_entry where seq = 2 and n = 2", 2, "its entries were altered"),
        ("update audit_block set actor = 'nobody' where seq = 1", 1, "its header was altered"),
        ("update audit_block set reason = 'because' where seq = 1", 1, "its header was altered"),
        ("delete from audit_entry where seq = 2; delete from audit_block where seq = 2", 2, "a block is missing"),
        ("update audit_head set seq = seq + 1", None, "the newest blocks are missing"),
    ],
)
async def test_a_tampered_audit_is_found(
    world: World, postgres: Any, database_name: str, damage: str, place: int | None, why: str
) -> None:
    import psycopg

    for n in range(5):
        world.source.put(f"c{n}", name="x")
    await world.run("r1")
    intact = await audit.verify(world.db, "acme")
    with psycopg.connect(postgres.uri(database_name), autocommit=True) as owner:
        owner.execute(damage)
    broken = await audit.verify(world.db, "acme")

    assert intact.broken_at is None
    assert broken.broken_at == (place or intact.blocks + 1)
    assert why in str(broken.why)
