"""A person is told once of a record that does not get through, and the others do not wait for it."""

from __future__ import annotations

import psycopg
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from ml_connector.core import audit
from ml_connector.core.alarms import TRIES
from ml_connector.core.audit_query import lines
from ml_connector.core.db import Database
from ml_connector.core.embedded import Embedded
from ml_connector.core.vault import Vault
from tasks.alerts import NEEDS_HUMAN
from tests.e2e.listener import listening
from tests.tasks.test_adversarial import query
from tests.tasks.test_journey import World


@pytest.fixture
def world(database: Database, vault: Vault) -> World:
    return World(database, vault)


async def test_after_five_failures_of_a_record_one_alert_and_it_is_still_tried_while_the_others_arrive(
    world: World,
) -> None:
    for n in range(5):
        world.source.put(f"c{n}", name=f"Customer {n}")
    world.destination.fate["c3"] = ["busy"] * (2 * TRIES)

    [first] = await world.run("r1")
    told = [await _alerts(world)]
    tried = [2 * TRIES - len(world.destination.fate["c3"])]
    while world.destination.fate["c3"]:
        await world.run(f"r{len(told) + 1}")
        told.append(await _alerts(world))
        tried.append(2 * TRIES - len(world.destination.fate["c3"]))
    await world.run("last")

    assert (first.created, first.open) == (4, 1)
    assert told == [[("c3", "retry_wait")] if times >= TRIES else [] for times in tried]
    attempts = [line.attempt async for line in lines(world.db, "acme") if line.action == "alert"]
    assert attempts == [next(times for times in tried if times >= TRIES)]
    assert "c3" in world.destination.objects
    assert (await audit.verify(world.db, "acme")).broken_at is None


async def test_a_record_that_waits_for_a_decision_is_told_of_once_whichever_run_it_is_from(
    world: World, postgres: Embedded, database_name: str
) -> None:
    world.source.put("c1", name="x")
    world.source.put("c2", name="y")
    world.destination.fate = {"c1": ["busy"] * 99, "c2": ["busy"] * 99}
    await world.run("r1")
    with psycopg.connect(postgres.uri(database_name), autocommit=True) as owner:
        owner.execute("update effect set state = 'needs_human' where source_id = 'c1'")

    await world.run("r2")
    await world.run("r3")

    assert [alert for alert in await _alerts(world) if alert[1] == "needs_human"] == [("c1", "needs_human")]


async def test_nobody_was_told_while_prefect_does_not_take_the_event(world: World) -> None:
    world.source.put("c1", name="x")
    await world.run("r1")
    await query(world, "update batch set open = true returning 1")
    await query(world, "update effect set state = 'needs_human' returning 1")
    told_by = []
    with listening() as prefect, temporary_settings({PREFECT_API_URL: f"{prefect.url}api"}):
        for n, status in enumerate((500, 204, 204)):
            prefect.status = status
            await world.run(f"r{n + 2}")
            told_by.append(await _alerts(world))

    assert told_by == [[], *[[("c1", "needs_human")]] * 2]
    assert [one["event"] for [one] in prefect.heard] == [NEEDS_HUMAN] * 2
    assert len({one["id"] for [one] in prefect.heard}) == 1, "the same event once more"


async def _alerts(world: World) -> list[tuple[str | None, str]]:
    return [(line.source_id, line.status) async for line in lines(world.db, "acme") if line.action == "alert"]
