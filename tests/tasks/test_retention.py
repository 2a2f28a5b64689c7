"""How records that cannot go on, bodies and events come to an end; the audit stays whole throughout."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import pytest

from ml_connector.core import audit
from ml_connector.core.audit_query import lines
from ml_connector.core.db import Database
from ml_connector.core.errors import Misconfigured
from ml_connector.core.lease import leased
from ml_connector.core.ledger_query import BODY_GONE
from ml_connector.core.resolve import Verdict, resolve, unfinished
from ml_connector.core.retention import erase, find_records, prune_tenant
from ml_connector.core.selection import Selection
from ml_connector.core.vault import Vault
from tests.tasks.test_adversarial import change_silently, query, states
from tests.tasks.test_journey import KEY, World


@pytest.fixture
def world(database: Database, vault: Vault) -> World:
    return World(database, vault)


async def say(world: World, key: str, verdict: Verdict) -> None:
    [effect] = await unfinished(world.db, "acme", key)
    async with leased(world.db, "acme", [KEY], holder="test", ttl=60) as lease:
        await resolve(world.db, lease, "acme", effect, verdict, actor="ada", reason="asked the desk")


@pytest.mark.parametrize(
    ("verdict", "state", "writes"),
    [("applied", "applied", 0), ("not-applied", "applied", 1), ("abandon", "abandoned", 0)],
)
async def test_a_persons_word_moves_a_record_that_nobody_else_can_decide(
    world: World, verdict: Verdict, state: str, writes: int
) -> None:
    world.source.put("c1", name="x", number="C-1")
    await world.run("r1")
    await query(world, "update effect set state = 'needs_human' where true returning id")
    world.destination.writes.clear()

    await say(world, "C-1", verdict)
    await world.run("r2")

    assert await states(world, "c1") == [state]
    assert len(world.destination.writes) == writes
    assert await unfinished(world.db, "acme", "c1") == []
    [entry] = [line async for line in lines(world.db, "acme", record="c1") if line.action == "resolve"]
    assert (entry.actor, "asked the desk" in str(entry.reason)) == ("ada", True)
    assert (await audit.verify(world.db, "acme")).broken_at is None


@pytest.mark.parametrize("silently", [False, True])
async def test_an_old_version_that_was_applied_after_all_is_not_what_was_sent_last(
    world: World, silently: bool
) -> None:
    world.source.put("c1", name="A")
    await world.run("r1")
    await query(world, "update effect set state = 'needs_human' where true returning id")
    change_silently(world, "c1", "B") if silently else world.source.put("c1", name="B")
    await world.run("r2")

    await say(world, "c1", "applied")
    world.source.put("c1", name="A")
    await world.run("r3")

    assert await states(world, "c1") == ["applied", "applied", "applied"]
    assert world.destination.objects["c1"]["name"] == "A"


async def test_what_is_not_in_doubt_is_not_told_to_be_applied_and_what_waits_can_be_given_up(world: World) -> None:
    world.source.put("c1", name="x", parent="nobody")
    world.links = {"parent": "test/parents"}
    await world.run("r1")

    with pytest.raises(Misconfigured, match="parked"):
        await say(world, "c1", "applied")
    await say(world, "c1", "abandon")

    assert await states(world, "c1") == ["abandoned"]


async def test_what_is_erased_is_gone_its_audit_is_whole_and_a_replay_says_so(world: World) -> None:
    for n in range(3):
        world.source.put(f"c{n}", name=f"Customer {n}", number=f"C-{n}")
    await world.run("r1")
    world.source.put("c1", name="newer", number="C-1", parent="nobody")
    world.links = {"parent": "test/parents"}
    await world.run("r2")
    await event(world, "customer:c1")
    await event(world, "customer:c2")

    found = await find_records(world.db, "acme", "C-1")
    ended = await erase(world.db, "acme", found, actor="ada", reason="asked for by the person", lease_seconds=60)

    assert (found, ended.bodies, ended.events, ended.abandoned) == ({KEY: ["c1"]}, 3, 1, 1)
    assert await bodies(world) == ["c0", "c0", "c2", "c2"]
    assert await states(world, "c1") == ["applied", "abandoned"]
    assert (await audit.verify(world.db, "acme")).broken_at is None
    told = [line async for line in lines(world.db, "acme", record="c1", state="erased")]
    assert {(line.actor, line.reason) for line in told} == {("ada", "asked for by the person")}

    [again] = await world.run("replay-1", selection=Selection(keys=("c0", "c1")))
    assert (again.read, again.updated, again.rejected, again.open) == (2, 1, 1, 0)
    [line] = [line async for line in lines(world.db, "acme", run="replay-1", state="rejected")]
    assert (line.source_id, line.reason) == ("c1", BODY_GONE)
    await world.run("r1", count=2)  # nor does a Retry trip over it
    assert "rejected" in await states(world, "c1")
    assert await query(world, "select 1 from batch where open") == []


async def test_bodies_end_with_their_time_unless_something_still_needs_them(world: World) -> None:
    world.source.put("done", name="x")
    world.source.put("again", name="x")
    world.source.put("waits", name="x", parent="nobody")
    world.links = {"parent": "test/parents"}
    await world.run("r1")
    await event(world, "customer:1", settled="1 h")
    before = await now(world)
    await world.run("replay-1", selection=Selection(keys=("again",)))

    await event(world, "customer:2", settled="0 s")

    ended = await prune_tenant(world.db, "acme", before, lease_seconds=60)

    assert (ended.bodies, ended.events) == (2, 1)
    assert await bodies(world) == ["again", "again", "again", "waits"]
    assert (await audit.verify(world.db, "acme")).broken_at is None
    [line] = [line async for line in lines(world.db, "acme", state="pruned")]
    assert line.reason is not None
    assert line.reason.startswith("2 bodies were finished before")


@pytest.mark.parametrize("windowed", [True, False])
async def test_what_was_pruned_can_be_replayed_once_a_full_read_has_told_of_it_again(
    world: World, *, windowed: bool
) -> None:
    world.source.windowed = windowed
    world.source.put("c1", name="old")
    await world.run("r1")
    world.source.put("c1", name="x")
    await world.run("r2")
    before = await now(world)
    pruned = await prune_tenant(world.db, "acme", before, lease_seconds=60)
    world.lookback = None
    [full] = await world.run("full")
    kept = await prune_tenant(world.db, "acme", before, lease_seconds=60)  # it begins its time anew
    writes = len(world.destination.writes)
    [again] = await world.run("replay-1", selection=Selection(keys=("c1",)))

    assert (pruned.bodies, kept.bodies) == (4, 0)
    assert (full.read, full.known, writes) == (0, 1, 2)
    assert (again.updated, again.rejected) == (1, 0)
    assert world.destination.writes[-1][1]["name"] == "x"
    assert (await audit.verify(world.db, "acme")).broken_at is None


@pytest.mark.parametrize("pruned", [False, True])
async def test_what_was_erased_does_not_come_back_before_it_changes(world: World, *, pruned: bool) -> None:
    world.source.put("c1", name="x")
    await world.run("r1")
    if pruned:
        await prune_tenant(world.db, "acme", await now(world), lease_seconds=60)
    await erase(world.db, "acme", {KEY: ["c1"]}, actor="ada", reason="asked for", lease_seconds=60)
    world.lookback = None
    await world.run("full")
    gone = await bodies(world)
    world.source.put("c1", name="y")
    await world.run("r2")

    assert gone == []
    assert await bodies(world) == ["c1", "c1"]


async def test_nothing_is_deleted_under_a_run(world: World) -> None:
    world.source.put("c1", name="x")
    await world.run("r1")
    async with leased(world.db, "acme", [KEY], holder="a run", ttl=60):
        ended = await prune_tenant(world.db, "acme", await now(world), lease_seconds=0.1)

    assert ended.bodies == 0


async def now(world: World) -> datetime:
    [[moment]] = await query(world, "select clock_timestamp()")
    await asyncio.sleep(0.01)
    found: datetime = moment
    return found


async def event(world: World, key: str, *, settled: str | None = None) -> None:
    await query(
        world,
        "insert into inbox (tenant, stream, connection, event_id, kind, object_key, state, settled_at, envelope) "
        "values (mlc_tenant(), %s, 'desk', %s, 'changed', %s, %s, now() - %s::interval, '') returning id",
        KEY, key, key, "done" if settled else "pending", settled,
    )  # fmt: skip


async def bodies(world: World) -> list[str]:
    """Whose bodies are there."""
    found: Any = await query(
        world, "select e.source_id from body b join effect e on e.id = b.effect_id order by e.source_id"
    )
    return [row[0] for row in found]


async def test_a_version_that_was_in_doubt_when_it_was_erased_is_not_taken_for_never_sent(world: World) -> None:
    world.source.put("c1", name="A")
    await world.run("r1")
    world.source.put("c1", name="B")
    world.destination.settle_seconds = 60
    world.destination.fate["c1"] = ["lost after"]
    await world.run("r2")

    ended = await erase(world.db, "acme", {KEY: ["c1"]}, actor="ada", reason="asked to", lease_seconds=60)
    world.source.put("c1", name="A")
    await world.run("r3")

    assert ended.abandoned == 1
    assert world.destination.objects["c1"]["name"] == "A"


async def test_what_was_rejected_and_has_no_body_any_more_is_not_planned_again_by_a_retry(world: World) -> None:
    for n in range(6):
        world.source.put(f"c{n}", name="poison")
    await world.run("r1")
    assert world.problem is not None
    records = await find_records(world.db, "acme", "c3")
    await erase(world.db, "acme", records, actor="ada", reason="asked to", lease_seconds=60)

    [again] = await world.run("r1", count=2)

    assert (again.rejected, again.open) == (6, 0)
