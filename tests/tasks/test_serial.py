"""What may never be sent twice, and shares something with others: one after the other, and none behind a doubt."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from ml_connector.core.audit_query import lines, stored_body
from ml_connector.core.db import Database
from ml_connector.core.records import Decision, Intent, Outcome, Resend, State
from ml_connector.core.vault import Vault
from tests.fakes import FakeDestination
from tests.tasks.test_journey import World


class Orders(FakeDestination):
    """Objects that share their ``parent``; never sent twice."""

    resend = Resend.NEVER

    def __init__(self) -> None:
        super().__init__()
        self.verdict = State.AMBIGUOUS

    async def decide(self, intents: Sequence[Intent], *, preview: bool = False) -> list[Decision]:
        decisions = await super().decide(intents, preview=preview)
        for decision, intent in zip(decisions, intents, strict=True):
            decision.serial = intent.payload.get("parent")
        return decisions

    async def send(self, decisions: Sequence[Decision]) -> AsyncIterator[list[Outcome]]:
        assert len(decisions) <= 4
        async for outcomes in super().send(decisions):
            yield outcomes

    async def probe(self, decisions: Sequence[Decision]) -> list[Outcome]:
        found = await super().probe(decisions)
        for outcome in found:
            if outcome.state is State.RETRY_WAIT:
                outcome.state, outcome.answer = self.verdict, {"log": "who knows"}
        return found


@pytest.fixture
def world(database: Database, vault: Vault) -> World:
    world = World(database, vault)
    world.destination = Orders()
    return world


def written(world: World) -> list[str]:
    return [source_id for source_id, _ in world.destination.writes]


async def states(world: World) -> dict[str, str]:
    async with world.db.tenant("acme") as conn:
        rows = await (await conn.execute("select source_id, state from effect order by id")).fetchall()
    return dict(rows)


async def test_nothing_goes_out_beside_or_behind_a_doubt_of_its_serial(world: World) -> None:
    for n in range(3):
        world.source.put(f"a{n}", name="x", parent="A")
    world.source.put("b0", name="x", parent="B")
    world.source.put("c0", name="x")
    world.destination.fate["a0"] = ["lost before"]

    await world.run("r1")
    assert written(world) == ["b0", "c0"]
    assert await states(world) == {
        "a0": "ambiguous", "a1": "planned", "a2": "planned", "b0": "applied", "c0": "applied",
    }  # fmt: skip

    assert isinstance(world.destination, Orders)
    world.destination.verdict = State.NEEDS_HUMAN
    world.source.put("a0", name="once more", parent="B")  # another serial, but its object is for a person
    await world.run("r2")
    await world.run("r3")
    assert written(world) == ["b0", "c0"]
    assert await states(world) == {
        "a0": "planned", "a1": "planned", "a2": "planned", "b0": "applied", "c0": "applied",
    }  # fmt: skip

    async with world.db.tenant("acme") as conn:
        await conn.execute("update effect set state = 'abandoned' where state = 'needs_human'")
    await world.run("r4")
    assert sorted(written(world)[2:]) == ["a0", "a1", "a2"]
    assert world.problem is None


async def test_what_the_destination_had_to_say_is_kept_for_those_who_may_read_it(world: World, vault: Vault) -> None:
    world.source.put("a0", name="x", parent="A")
    world.destination.fate["a0"] = ["lost before"]
    assert isinstance(world.destination, Orders)
    world.destination.verdict = State.REJECTED
    await world.run("r1")

    told = [line async for line in lines(world.db, "acme", state="rejected")]
    sealer = await vault.sealer("acme", "body")
    assert [await stored_body(world.db, sealer, "acme", line) for line in told] == [{"log": "who knows"}]
