"""What a hostile reader of the journey thought of: each of these once lost, repeated, forgot or blocked something."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from ml_connector.core import audit, ids, runs
from ml_connector.core.audit import Entry, Origin
from ml_connector.core.db import Database
from ml_connector.core.embedded import Embedded
from ml_connector.core.errors import AbortRun, LeaseLost, SafeError
from ml_connector.core.lease import LeaseTaken, leased
from ml_connector.core.records import Decision, Intent, Outcome, State
from ml_connector.core.resolve import resolve, unfinished
from ml_connector.core.vault import Vault
from ml_connector.core.watermarks import next_window
from tasks import progress
from tasks.log_audit import log_audit
from tests.fakes import START, FakeDestination, FakeMapping
from tests.tasks.test_journey import KEY, World


@pytest.fixture
def world(database: Database, vault: Vault) -> World:
    return World(database, vault)


def change_silently(world: World, source_id: str, name: str) -> None:
    """A change that the record's timestamp does not show."""
    at, body = world.source.rows[source_id]
    world.source.rows[source_id] = (at, {**body, "name": name})


async def states(world: World, source_id: str) -> list[str]:
    """The states of a record's effects, oldest first."""
    found = await query(world, "select state from effect where source_id = %s order by id", source_id)
    return [row[0] for row in found]


async def query(world: World, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    async with world.db.tenant("acme") as conn:
        return await (await conn.execute(sql, values)).fetchall()


def written(world: World) -> list[str]:
    return [body["name"] for _, body in world.destination.writes]


# --- versions


async def test_a_replay_does_not_bring_back_what_a_change_without_a_new_timestamp_has_replaced(world: World) -> None:
    world.source.put("c1", name="A")
    await world.run("r1")
    change_silently(world, "c1", "B")
    await world.run("r2")

    [again] = await world.run("r1", count=2)

    assert written(world) == ["A", "B"]
    assert again.read == 0


async def test_a_replay_overtakes_its_original_although_our_clock_is_behind(world: World) -> None:
    world.source.put("c1", name="A")
    ids._last = (time.time_ns() + 3600 * 10**9 << 12) // 1_000_000  # another machine, an hour ahead
    await world.run("r1")
    ids._last = 0

    [again] = await world.run("r1", count=2)

    assert written(world) == ["A", "A"]
    assert again.superseded == 0


async def test_a_b_a_within_one_timestamp_arrives_as_three_writes(world: World) -> None:
    world.source.put("c1", name="A")
    for n, name in enumerate(("A", "B", "A")):
        change_silently(world, "c1", name)
        await world.run(f"r{n}")
        [again] = await world.run(f"r{n} again")
        assert again.read == 0

    assert written(world) == ["A", "B", "A"]


async def test_of_the_versions_of_a_waiting_child_only_the_newest_stays_open(world: World) -> None:
    world.links = {"parent": "test/parents"}
    for n, name in enumerate("ABC"):
        world.source.put("child", name=name, parent="p1")
        await world.run(f"r{n}")
    before = await query(world, "select count(*) from audit_entry")

    await world.run("r4")

    assert await states(world, "child") == ["superseded", "superseded", "parked"]
    assert await query(world, "select count(*) from audit_entry") == before  # nothing has happened to it


async def test_a_version_that_was_given_up_takes_no_place_of_the_one_before(world: World) -> None:
    world.destination.unreachable = True
    for name in ("A", "B"):
        world.source.put("c1", name=name)
        await world.run(f"run {name}")
    _, newer = await unfinished(world.db, "acme", "c1")
    async with leased(world.db, "acme", [KEY], holder="test", ttl=5) as lease:
        await resolve(world.db, lease, "acme", newer, "abandon", actor="ada", reason="a slip")
    world.destination.unreachable = False

    await world.run("r3")

    assert await states(world, "c1") == ["applied", "abandoned"]


# --- the link table: what was sent last


async def test_what_was_never_sent_is_not_taken_for_the_last_that_was(world: World) -> None:
    world.source.put("c1", name="A")
    await world.run("r1")
    world.source.put("c1", name="B")
    world.destination.fate["c1"] = ["busy"] * 20
    await world.run("r2")
    world.mapping = Picky()
    await world.run("r3")
    world.mapping = FakeMapping()
    world.destination.fate.clear()
    world.source.put("c1", name="B")

    await world.run("r4")

    assert world.destination.objects["c1"]["name"] == "B"


class Picky(FakeMapping):
    """A mapping whose `when` leaves out "B"."""

    def wants(self, body: dict[str, Any]) -> bool:
        return bool(body["name"] != "B")


async def test_what_a_refused_write_may_have_changed_is_written_back(world: World) -> None:
    world.destination = HalfWay()
    for n, name in enumerate(("A", "half way", "A")):
        world.source.put("c1", name=name)
        await world.run(f"r{n}")

    assert world.destination.objects["c1"]["name"] == "A"


class HalfWay(FakeDestination):
    """Takes several calls for an object, and refuses the last of them."""

    async def send(self, decisions: Sequence[Decision]) -> AsyncIterator[list[Outcome]]:
        async for outcomes in super().send(decisions):
            for decision, outcome in zip(decisions, outcomes, strict=True):
                if decision.request["name"] == "half way":
                    outcome.state = State.REJECTED
            yield outcomes


async def test_what_was_given_up_in_doubt_is_not_taken_for_what_stands_there(world: World) -> None:
    world.destination = Dropping()
    for n, name in enumerate(("A", "B", "A")):
        world.source.put("c1", name=name)
        world.destination.fate["c1"] = ["lost after" if name == "B" else "ok"]
        await world.run(f"r{n}")

    assert await states(world, "c1") == ["applied", "abandoned", "applied"]
    assert world.destination.objects["c1"]["name"] == "A"


class Dropping(FakeDestination):
    """Gives up what is unclear."""

    async def probe(self, decisions: Sequence[Decision]) -> list[Outcome]:
        return [Outcome(decision.effect_id, State.ABANDONED, reason="dropped") for decision in decisions]


# --- who may write


async def test_a_lease_that_ran_out_is_not_renewed_and_lets_nothing_leave(world: World) -> None:
    async with leased(world.db, "acme", [KEY], holder="sleeper", ttl=1.5) as lease:
        await query(world, "update lease set until = clock_timestamp() - interval '1 s' returning 1")
        await asyncio.sleep(1.5)

        with pytest.raises(LeaseLost, match="ran out"):
            lease.check()
        assert await query(world, "select until > clock_timestamp() from lease") == [(False,)]


async def test_who_lost_the_lease_does_not_say_how_the_run_ended(world: World) -> None:
    async with world.opened("r1") as run:
        await query(world, "update lease set until = clock_timestamp() - interval '1 s' returning 1")
        async with leased(world.db, "acme", [KEY], holder="heir", ttl=60):
            with pytest.raises(SafeError, match="taken over"):
                await log_audit(run)

    last = await runs.last_attempt(world.db, "acme", "r1")
    assert last is not None
    assert last.outcome is None


async def test_who_lost_the_lease_does_not_begin_anew_what_its_heir_has_completed(world: World) -> None:
    async with leased(world.db, "acme", [KEY], holder="sleeper", ttl=5) as lease:
        await query(world, "update lease set until = clock_timestamp() - interval '1 s' returning 1")
        await world.run("r1")

        with pytest.raises(LeaseLost):
            await runs.open_attempt(world.db, "acme", lease, [KEY], "r1", "test", "sync")

    assert await query(world, "select attempt, outcome from run") == [(1, "completed")]


async def test_who_lost_the_lease_does_not_close_what_its_heir_has_opened_again(world: World) -> None:
    world.source.put("c1", name="poison")
    await world.run("r1")
    [(batch_id,)] = await query(world, "select id from batch where not open")
    async with world.opened("r2") as run:
        await query(world, "update lease set until = clock_timestamp() - interval '1 s' returning 1")
        async with leased(world.db, "acme", [KEY], holder="heir", ttl=60):
            async with world.db.tenant("acme") as conn:  # what a Retry of the first run does
                await conn.execute("update effect set state = 'planned'")
                await conn.execute("update batch set open = true")
                closing = asyncio.create_task(run.streams[0].ledger.close([batch_id]))
                await asyncio.sleep(0.1)
            with pytest.raises(LeaseLost):
                await closing

    assert await query(world, "select open from batch") == [(True,)]


async def test_a_holder_that_sleeps_inside_a_transaction_is_named_and_not_waited_for(world: World) -> None:
    async with leased(world.db, "acme", [KEY], holder="sleeper", ttl=3.0) as lease, world.db.tenant("acme") as conn:
        await lease.hold(conn, KEY)
        await asyncio.sleep(3.1)
        started = time.monotonic()
        with pytest.raises(LeaseTaken, match="sleeper"):
            async with leased(world.db, "acme", [KEY], holder="heir", ttl=60):
                pass
        assert time.monotonic() - started < 25, "who waits for a lock does so for 30 s"


# --- failures


async def test_a_chunk_that_our_own_code_cannot_take_does_not_hold_up_the_others(world: World) -> None:
    world.source.put("odd", name="odd")
    world.destination = Astonished(KeyError("what the record holds"))
    await world.run("r1")
    failed = world.problem
    world.source.put("c1", name="A")

    await world.run("r2")

    assert written(world) == ["A"]
    assert "KeyError" in str(failed)
    assert await states(world, "odd") == ["retry_wait"]


class Astonished(FakeDestination):
    """Fails on the record "odd"."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    async def decide(self, intents: Sequence[Intent], *, preview: bool = False) -> list[Decision]:
        if any(intent.source_id == "odd" for intent in intents):
            raise self.error
        return await super().decide(intents, preview=preview)


async def test_a_run_that_was_stopped_asks_no_further_source(world: World) -> None:
    world.source.put("odd", name="x")
    other = World(world.db, world.vault)
    other.source.clock = refuse_to_be_asked  # type: ignore[method-assign]
    world.destination = Astonished(AbortRun("the token is revoked"))

    await world.run("r1", routes=[world.route(), other.route("test/others")])

    assert world.problem == "AbortRun: the token is revoked"


async def refuse_to_be_asked() -> Any:
    raise AssertionError("the source was asked")


async def test_who_waits_behind_an_unclear_outcome_does_not_use_up_the_patience_for_it(world: World) -> None:
    world.destination = Cut()
    world.source.put("c1", name="A")
    await world.run("r1")
    world.source.put("c1", name="B")

    [found] = await world.run("r2")

    assert written(world) == ["A", "B"]
    assert found.open == 0


class Cut(FakeDestination):
    """The run ends right behind the first write, which shows up after a while."""

    settle_seconds = 0.9

    async def send(self, decisions: Sequence[Decision]) -> AsyncIterator[list[Outcome]]:
        first = not self.writes
        async for outcomes in super().send(decisions):
            if first:
                raise AbortRun("the process is asked to end")
            yield outcomes


async def test_progress_that_cannot_be_shown_is_no_reason_to_fail(world: World, postgres: Embedded) -> None:
    async with world.opened("r1") as run:
        run.db = Database(postgres.uri("is_not_there", "mlc_app"))
        reporter = asyncio.create_task(progress.report(run, uuid4()))
        await asyncio.sleep(progress.EVERY + 0.5)
        assert not reporter.done()
        reporter.cancel()


# --- windows


async def test_no_window_looks_back_beyond_the_beginning(world: World) -> None:
    world.source.put("c1", name="x")
    await world.run("r1")

    window = await next_window(
        world.db,
        "acme",
        KEY,
        source_now=world.source.now,
        lookback=timedelta(days=30),
        delay=timedelta(0),
        start_from=START,
    )

    assert window.lo == START


# --- the audit


async def test_a_chain_that_grows_while_it_is_verified_is_not_called_broken(world: World) -> None:
    async def grow() -> None:
        for n in range(150):
            async with world.db.tenant("acme") as conn:
                await audit.append(conn, Origin(KEY), [Entry(None, f"c{n}", "read", State.PLANNED)])

    growing = asyncio.create_task(grow())
    while not growing.done():
        verdict = await audit.verify(world.db, "acme")
        assert verdict.broken_at is None, verdict
    await growing


async def test_blocks_whose_head_is_gone_are_noticed(world: World, postgres: Embedded, database_name: str) -> None:
    world.source.put("c1", name="x")
    await world.run("r1")
    with psycopg.connect(postgres.uri(database_name), autocommit=True) as owner:
        owner.execute("delete from audit_head")

    assert (await audit.verify(world.db, "acme")).broken_at is not None
