"""What a replay takes up, and what it leaves alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, get_args
from uuid import UUID

import pytest

from flows.replay import Integration, StateName
from ml_connector.core import audit, crashpoints
from ml_connector.core.audit_query import lines
from ml_connector.core.db import Database
from ml_connector.core.records import Resend, State
from ml_connector.core.run_query import our_run_id
from ml_connector.core.selection import Selection, left_out, overtaken, streams_of
from ml_connector.core.tenants import INTEGRATIONS
from ml_connector.core.vault import Vault
from tests.fakes import FakeMapping
from tests.tasks.test_adversarial import query, states
from tests.tasks.test_journey import KEY, World


@pytest.fixture
def world(database: Database, vault: Vault) -> World:
    return World(database, vault)


class Mended(FakeMapping):
    """Takes every name."""

    def apply(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"name": f"mended {body['name']}"}


async def test_what_was_rejected_is_sent_with_the_mapping_of_today_and_the_audit_says_for_whom(world: World) -> None:
    for n in range(8):
        world.source.put(f"c{n}", name="poison" if n < 3 else f"Customer {n}")
    await world.run("r1")
    world.source.down = True
    world.mapping = Mended()

    rejected = Selection(states=("rejected",), actor="ada", reason="the mapping is mended")
    [first] = await world.run("replay-1", selection=rejected)
    [second] = await world.run("replay-2", selection=rejected)

    assert [key for key, _ in world.destination.writes][5:] == ["c0", "c1", "c2"]
    assert (first.read, first.created, first.problem) == (3, 3, None)
    assert second.read == 0
    entries = [line async for line in lines(world.db, "acme", record="c0", run="replay-1")]
    assert [line.status for line in entries] == ["planned", "sending", "applied"]
    assert {(line.actor, line.reason) for line in entries} == {("ada", "the mapping is mended")}
    assert (await audit.verify(world.db, "acme")).broken_at is None


async def test_a_record_is_found_by_its_id_at_either_side_and_by_its_number_and_only_its_newest_is_sent(
    world: World,
) -> None:
    for n in range(4):
        world.source.put(f"c{n}", name=f"Customer {n}", number=f"C-100{n}")
    await world.run("r1")
    world.source.put("c1", name="newer", number="C-1001")
    await world.run("r2")
    world.destination.writes.clear()

    [found] = await world.run("replay-1", selection=Selection(keys=("c0", "d-c2", "C-1001", "nobody")))

    assert [(key, body["name"]) for key, body in world.destination.writes] == [
        ("c0", "Customer 0"),
        ("c2", "Customer 2"),
        ("c1", "newer"),
    ]
    assert (found.read, found.updated) == (3, 3)


def test_the_form_offers_every_integration_and_only_states_that_there_are() -> None:
    assert set(get_args(Integration)) == set(INTEGRATIONS)
    assert set(get_args(StateName)) == set(State) - {State.PLANNED, State.SENDING}


async def test_a_span_of_time_and_a_run_select_too(world: World) -> None:
    world.source.put("old", name="x")
    await world.run("r1")
    [[between]] = await query(world, "select clock_timestamp()")
    world.source.put("new", name="y")
    await world.run("r2")
    of_first = Selection(run_id=await our_run_id(world.db, "acme", "r1"))
    world.destination.writes.clear()

    await world.run("replay-1", selection=Selection(since=between))
    await world.run("replay-2", selection=Selection(until=between))
    await world.run("replay-3", selection=of_first)
    [both] = await world.run("replay-4", selection=dataclasses.replace(of_first, keys=("new",)))

    assert [key for key, _ in world.destination.writes] == ["new", "old", "old"]
    assert both.read == 0


async def test_what_a_later_run_has_overtaken_is_left_out_and_counted(world: World) -> None:
    for n in range(4):
        world.source.put(f"c{n}", name="x")
    await world.run("r1")
    world.source.put("c0", name="newer")
    world.source.put("c1", name="newer")
    await world.run("r2")
    world.source.put("c1", name="newest")
    await world.run("r3")
    runs = {name: Selection(run_id=await last(world, name)) for name in ("r1", "r2", "r3")}
    counts = {name: await overtaken(world.db, "acme", KEY, one) for name, one in runs.items()}
    world.destination.writes.clear()

    await world.run("replay-1", selection=runs["r1"])

    assert [key for key, _ in world.destination.writes] == ["c2", "c3"]
    assert counts == {"r1": 2, "r2": 1, "r3": 0}
    assert await overtaken(world.db, "acme", None, runs["r1"]) == 2  # what is replayed has not overtaken itself
    assert await overtaken(world.db, "acme", None, dataclasses.replace(runs["r1"], keys=("c1",))) == 1
    assert await overtaken(world.db, "acme", None, dataclasses.replace(runs["r1"], states=("rejected",))) == 0
    assert await overtaken(world.db, "acme", None, Selection(states=("applied",))) == 0
    values = runs["r1"].run_id, runs["r2"].run_id  # one run may read two versions, too
    await query(world, "update batch set run_id = %s where run_id = %s returning id", *values)
    assert await overtaken(world.db, "acme", KEY, runs["r1"]) == 1


@pytest.mark.parametrize("resend", [Resend.ON_REQUEST, Resend.NEVER])
async def test_what_would_stand_there_twice_is_sent_again_on_request_only_and_a_journal_never(
    world: World, resend: Resend
) -> None:
    world.destination.resend = resend
    world.source.put("sent", name="x")
    world.source.put("refused", name="y")
    world.destination.fate["refused"] = ["refused", "refused"]
    await world.run("r1")

    await world.run("r1", count=2)
    keys = ("sent", "refused")
    assert await left_out(world.db, "acme", KEY, Selection(keys=keys)) == 1
    await world.run("replay-1", selection=Selection(keys=keys))
    assert sorted(key for key, _ in world.destination.writes) == ["refused", "sent"]
    await world.run("replay-2", selection=Selection(keys=keys, resend=True, reason="lost by the customer"))

    twice = ["refused", "refused", "sent", "sent"] if resend is Resend.ON_REQUEST else ["refused", "sent"]
    assert sorted(key for key, _ in world.destination.writes) == twice
    await world.run("replay-2", count=2)  # a Retry of it
    assert len(world.destination.writes) == len(twice)


async def test_what_needs_a_human_is_replaced_by_its_replay_unless_it_may_stand_there(world: World) -> None:
    world.source.put("c1", name="x")
    await world.run("r1")
    await query(world, "update effect set state = 'needs_human' where true returning id")
    chosen = Selection(states=("needs_human",))

    world.destination.resend = Resend.ON_REQUEST
    [left] = await world.run("replay-1", selection=chosen)
    world.destination.resend = Resend.FREELY
    [taken] = await world.run("replay-2", selection=chosen)

    assert (left.read, taken.read, taken.updated) == (0, 1, 1)
    assert await states(world, "c1") == ["superseded", "applied"]


async def test_what_a_person_has_given_up_is_taken_up_only_by_name(world: World) -> None:
    world.source.put("c1", name="x")
    await world.run("r1")
    await query(world, "update effect set state = 'abandoned' where true returning id")

    [every] = await world.run("replay-1", selection=Selection(keys=("c1",)))
    [again] = await world.run("r1", count=2)
    [named] = await world.run("replay-2", selection=Selection(keys=("c1",), states=("abandoned",)))

    assert (every.read, again.read, named.updated) == (0, 0, 1)


@pytest.mark.parametrize("state", ["abandoned", "superseded"])
async def test_what_was_cut_short_after_it_was_sent_may_stand_there(world: World, state: str) -> None:
    world.destination.resend = Resend.ON_REQUEST
    world.source.put("sent", name="x")
    world.source.put("not sent", name="y")
    await world.run("r1")
    cut_short = "update effect set state = %s, attempts = case source_id when 'sent' then 1 else 0 end returning id"
    await query(world, cut_short, state)
    world.destination.writes.clear()

    await world.run("replay-1", selection=Selection(states=(state,)))
    unasked = [key for key, _ in world.destination.writes]
    await world.run("replay-2", selection=Selection(states=(state,), resend=True, reason="it is not there"))

    assert unasked == ["not sent"]
    assert [key for key, _ in world.destination.writes] == ["not sent", "sent"]


async def test_a_replay_that_dies_is_continued_and_sends_nothing_twice(world: World, arm: Any) -> None:
    for n in range(1_200):
        world.source.put(f"c{n}", name=f"Customer {n}")
    await world.run("r1")
    world.destination.writes.clear()
    world.destination.objects.clear()  # somebody has deleted them all
    seen: list[str] = []

    def die(name: str) -> None:
        seen.append(name)
        if seen.count("ledger.planned") == 2:
            raise Killed

    arm(die)
    with pytest.raises(Killed):
        await world.run("replay-1", selection=Selection(states=("applied",)))
    arm(None)
    assert len(world.destination.writes) < 1_200
    await query(world, "update lease set until = clock_timestamp() returning 1")
    assert await streams_of(world.db, "acme", Selection(states=("applied",)), await last(world, "replay-1")) == [KEY]

    [found] = await world.run("replay-1", count=2, selection=Selection(states=("applied",)))

    assert sorted(key for key, _ in world.destination.writes) == sorted(f"c{n}" for n in range(1_200))
    assert (found.read, found.updated, found.problem) == (1_200, 1_200, None)


class Killed(BaseException):
    """No handler of ``Exception`` sees it."""


@pytest.fixture
def arm() -> Iterator[Any]:
    yield crashpoints.arm
    crashpoints.arm(None)


async def last(world: World, flow_run: str) -> UUID:
    return await our_run_id(world.db, "acme", flow_run)
