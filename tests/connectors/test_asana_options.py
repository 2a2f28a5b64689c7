"""Reference data as options of enum fields, over real HTTP to the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from connectors.asana.client import Asana
from connectors.asana.field_setup import ensure_fields
from connectors.asana.options import FieldOptions
from ml_connector.core.records import Intent, State
from tests.connectors.asana_workspace import WANTED, Workspace, destination, intent, workspace
from tests.connectors.delivering import upsert

VALUES = {"po_number": "1", "status": "Acme"}


@pytest.fixture
def asana() -> Iterator[Workspace]:
    with workspace() as opened:
        yield opened


def option(name: str, dest_id: str | None = None, *, key: str = "7", field: str = "Status", **rest: Any) -> Intent:
    return Intent(uuid4(), key, {"field": field, "name": name, **rest}, dest_id)


def options(asana: Workspace) -> dict[str, bool]:
    return {row["name"]: row["enabled"] for row in asana.emulator.custom_fields.named("Status")["enum_options"]}


async def written(client: Asana, **values: str) -> tuple[State, str | None]:
    """Write the task with these values; what became of it."""
    payload = {"external_id": "po:1", "name": "PO 1", "custom_fields": VALUES | values}
    (outcome,) = await upsert(destination(client), [intent(payload)])
    return outcome.state, outcome.reason


async def test_an_option_is_added_renamed_and_switched_off_and_never_twice(asana: Workspace) -> None:
    async with asana.client() as client:
        await ensure_fields(client, WANTED)
        (added,) = await upsert(FieldOptions(client), [option("Acme Ltd")])
        again, same = await upsert(FieldOptions(client), [option("Acme Ltd", added.dest_id), option("acme ltd ")])
        assert (added.state, again.state) == (State.APPLIED, State.UNCHANGED)
        assert same.dest_id == added.dest_id  # people, too, add options, in their own spelling
        (renamed,) = await upsert(FieldOptions(client), [option("Acme plc", added.dest_id)])
        assert renamed.state == State.APPLIED
        gone, never = await upsert(
            FieldOptions(client), [option("Acme plc", added.dest_id, enabled=False), option("Zeta", enabled=False)]
        )
        assert (gone.state, never.state) == (State.APPLIED, State.UNCHANGED)
        (nowhere,) = await upsert(FieldOptions(client), [option("x", field="Amount")])
        assert nowhere.state == State.PARKED
        assert "shows us no enum field `Amount`" in (nowhere.reason or "")

    assert options(asana) == {"Open": True, "Closed": True, "Acme plc": False}
    assert asana.effects()["enum_option.created"] == 1


@pytest.mark.parametrize("first", [0, 1])
async def test_a_name_that_one_record_gives_up_and_another_takes_is_an_option_of_its_own(
    asana: Workspace, first: int
) -> None:
    async with asana.client() as client:
        await ensure_fields(client, WANTED)
        (old,) = await upsert(FieldOptions(client), [option("Acme")])
        both = [option("Acme Holding", old.dest_id), option("Acme", key="8")]
        await upsert(FieldOptions(client), [both[first], both[1 - first]])

    held = {row["name"]: row["gid"] for row in asana.emulator.custom_fields.named("Status")["enum_options"]}
    assert held.keys() == {"Open", "Closed", "Acme Holding", "Acme"}
    assert held["Acme Holding"] == old.dest_id


async def test_what_no_longer_fits_is_held_and_told_and_names_that_are_equal_take_one_place(asana: Workspace) -> None:
    async with asana.client() as client:
        await ensure_fields(client, WANTED)
        crowd = [option(f"Supplier {n}", key=str(n)) for n in range(510)]
        outcomes = await upsert(FieldOptions(client), [crowd[0], option("supplier 0", key="x"), *crowd[1:]])

    states = [outcome.state for outcome in outcomes]
    assert [states.count(state) for state in (State.APPLIED, State.UNCHANGED, State.HELD)] == [498, 1, 12]
    assert "Asana allows no more" in str(outcomes[-1].reason)
    assert len(options(asana)) == 500


async def test_an_option_whose_answer_is_lost_is_found_there(asana: Workspace) -> None:
    async with asana.client() as client:
        await ensure_fields(client, WANTED)
        asana.fault("lose_response", "POST", "*/enum_options", times=1)
        decisions = await FieldOptions(client).decide([option("Acme")])
        unclear = [one async for some in FieldOptions(client).send(decisions) for one in some]
        asana.fault("reset", "POST", "*/enum_options", times=1)
        lost = await FieldOptions(client).decide([option("Zeta")])
        unclear += [one async for some in FieldOptions(client).send(lost) for one in some]
        assert [one.state for one in unclear] == [State.AMBIGUOUS] * 2

        probed = await FieldOptions(client).probe([*decisions, *lost])

    assert [one.state for one in probed] == [State.APPLIED, State.RETRY_WAIT]
    assert asana.effects()["enum_option.created"] == 1


async def test_a_task_waits_for_an_option_and_keeps_one_that_is_switched_off(asana: Workspace) -> None:
    async with asana.client() as client:
        await ensure_fields(client, WANTED)
        assert (await written(client))[0] == State.PARKED
        (added,) = await upsert(FieldOptions(client), [option("Acme")])
        assert await written(client) == (State.APPLIED, None)

        await upsert(FieldOptions(client), [option("Acme", added.dest_id, enabled=False)])
        assert await written(client) == (State.UNCHANGED, None)
        assert (await written(client, po_number="2"))[0] == State.APPLIED

    (task,) = asana.state("tasks")
    assert (asana.values(task)["Status"], asana.values(task)["PO number"]) == ("Acme", "2")
