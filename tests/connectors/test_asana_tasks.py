"""Tasks as a destination, over real HTTP to the sandbox: counted there, and never in what the connector says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from connectors.asana.client import Asana
from connectors.asana.field_setup import ensure_fields
from connectors.asana.fields import Field, Unwritable
from ml_connector.core import jsonx
from ml_connector.core.concurrently import together
from ml_connector.core.custom_fields import CustomField
from ml_connector.core.errors import Misconfigured
from ml_connector.core.records import Outcome, State
from tests.connectors.asana_workspace import (
    ORDERS,
    PAYABLES,
    PROJECT_NAMES,
    WANTED,
    Workspace,
    destination,
    intent,
    workspace,
)
from tests.connectors.delivering import send, upsert

ORDER = {
    "external_id": "po:1",
    "name": "PO 162045 - ACME Ltd",
    "due_on": "2026-12-15",
    "custom_fields": {"po_number": "162045", "amount": Decimal("24900.50"), "status": "Open", "needed_by": None},
}


@pytest.fixture
def asana() -> Iterator[Workspace]:
    with workspace() as opened:
        yield opened


@pytest.mark.parametrize("found_by", ["field", "external"])
async def test_a_task_is_created_once_then_found_compared_and_changed(asana: Workspace, found_by: str) -> None:
    async with asana.client(token=asana.emulator.oauth.issue(), found_by=found_by) as client:
        await ensure_fields(client, WANTED)
        (created,) = await upsert(destination(client), [intent(ORDER)])
        assert (created.state, created.action) == (State.APPLIED, "create")
        # as after a restart: the link is lost, and the payload's amount is text
        stored = jsonx.loads(jsonx.dumps(ORDER))
        (found,) = await upsert(destination(client), [intent(stored)])
        (linked,) = await upsert(destination(client), [intent(stored, created.dest_id)])
        assert [found.state, linked.state] == [State.UNCHANGED] * 2
        assert asana.effects()["task.created"] == 1
        assert asana.effects()["task.updated"] == 0

        closed = {**ORDER, "custom_fields": {"status": "closed", "amount": Decimal("0.1"), "needed_by": "2026-12-01"}}
        (changed,) = await upsert(destination(client), [intent(closed)])

    assert (changed.state, changed.dest_id) == (State.APPLIED, created.dest_id)
    (task,) = asana.state("tasks")
    values = asana.values(task)
    assert (values["PO number"], values["Status"], values["Amount"]) == ("162045", "Closed", "0.1")
    assert (task["due_on"], [one["gid"] for one in task["projects"]]) == ("2026-12-15", [ORDERS])


async def test_an_answer_that_is_lost_leads_to_no_second_task(asana: Workspace) -> None:
    async with asana.client() as client:
        await ensure_fields(client, WANTED)
        tasks = destination(client)
        asana.fault("lose_response", "POST", "/tasks", times=1)
        decisions = await tasks.decide([intent(ORDER)])
        (unclear,) = await send(tasks, decisions)
        (probed,) = await tasks.probe(decisions)
        asana.fault("reset", "POST", "/tasks", times=1)
        decisions = await tasks.decide([intent({**ORDER, "external_id": "po:2"})])
        (reset,) = await send(tasks, decisions)
        (absent,) = await tasks.probe(decisions)

    assert unclear.state is State.AMBIGUOUS
    assert (probed.state, probed.dest_id) == (State.APPLIED, asana.state("tasks")[0]["gid"])
    assert (reset.state, absent.state) == (State.AMBIGUOUS, State.RETRY_WAIT)
    assert asana.effects()["task.created"] == 1


async def test_a_chunk_survives_refusals_limits_and_copies(asana: Workspace) -> None:
    async with asana.client() as client:
        await ensure_fields(client, WANTED)
        (original,) = await upsert(destination(client), [intent(ORDER)])
        asana.by_hand(create={"name": "Copy of it", "projects": [ORDERS], "custom_fields": {"Oracle ID": "po:1"}})
        asana.fault("status", "POST", "/tasks", times=3, status=429, retry_after=0)
        many = [intent({**ORDER, "external_id": f"po:{n}", "name": f"PO {n}"}) for n in range(1, 40)]
        wrong = [
            intent({**ORDER, "external_id": "w1", "custom_fields": {"status": "Unheard-of"}}),
            intent({**ORDER, "external_id": "w2", "custom_fields": {"amount": Decimal("1.005")}}),
            intent({**ORDER, "external_id": "w3", "project": "nowhere"}),
            intent({**ORDER, "external_id": "w4", "custom_fields": {"undeclared": "x"}}),
        ]
        outcomes = await upsert(destination(client), [*many, *wrong])

    assert {outcome.state for outcome in outcomes[:39]} == {State.APPLIED}
    assert outcomes[0].dest_id == original.dest_id
    assert asana.effects()["task.created"] == 39
    assert [outcome.state for outcome in outcomes[39:]] == [State.PARKED, *[State.REJECTED] * 2, State.PARKED]
    reasons = " ".join(outcome.reason or "" for outcome in outcomes[39:])
    assert "Unheard-of" not in reasons
    assert "1.005" not in reasons


async def test_a_deleted_task_is_made_anew_and_a_moved_one_is_added_to_its_project(asana: Workspace) -> None:
    async with asana.client() as client:
        await ensure_fields(client, WANTED)
        first, second = await upsert(destination(client), [intent(ORDER), intent({**ORDER, "external_id": "po:2"})])
        asana.by_hand(keys=[first.dest_id], delete=True)
        moved = {**ORDER, "external_id": "po:2", "project": "payables"}
        again, added = await upsert(destination(client), [intent(ORDER, first.dest_id), intent(moved, second.dest_id)])

    assert (again.state, again.action) == (State.APPLIED, "create")
    assert added.dest_id == second.dest_id
    projects = {task["gid"]: {one["gid"] for one in task["projects"]} for task in asana.state("tasks")}
    assert projects == {again.dest_id: {ORDERS}, second.dest_id: {ORDERS, PAYABLES}}


async def test_a_task_that_was_not_added_to_its_project_is_not_taken_for_added(asana: Workspace) -> None:
    async with asana.client() as client:
        await ensure_fields(client, WANTED)
        (made,) = await upsert(destination(client), [intent(ORDER)])
        asana.fault("reset", "POST", "/tasks/*/addProject", times=1)
        tasks = destination(client)
        decisions = await tasks.decide([intent({**ORDER, "project": "payables"}, made.dest_id)])
        (unclear,) = await send(tasks, decisions)
        (probed,) = await tasks.probe(decisions)
        await send(tasks, decisions)
        (there,) = await tasks.probe(decisions)

    assert [unclear.state, probed.state, there.state] == [State.AMBIGUOUS, State.RETRY_WAIT, State.APPLIED]


@pytest.mark.parametrize("found_by", ["field", "external"])
async def test_a_task_that_is_hidden_from_us_is_rejected_alone_and_not_made_again(
    asana: Workspace, found_by: str
) -> None:
    orders = [{**ORDER, "external_id": f"po:{n}", "name": f"PO {n}"} for n in range(3)]
    async with asana.client(token=asana.emulator.oauth.issue(), found_by=found_by) as client:
        await ensure_fields(client, WANTED)
        made = await upsert(destination(client), [intent(order) for order in orders])
        asana.by_hand(keys=[made[1].dest_id], hide=True)
        changed = [intent({**o, "due_on": "2027-01-01"}, one.dest_id) for o, one in zip(orders, made, strict=True)]
        tasks = destination(client)
        decisions = await tasks.decide(changed)
        probed = await tasks.probe(decisions)
        outcomes = await upsert(tasks, changed)

    assert [outcome.state for outcome in outcomes] == [State.APPLIED, State.REJECTED, State.APPLIED]
    assert "hidden from us" in (outcomes[1].reason or "")
    assert [outcome.state for outcome in probed] == [State.RETRY_WAIT] * 3  # and is decided, and rejected, once more
    assert asana.effects()["task.created"] == 3


@pytest.mark.parametrize("change", [{"hide": True}, {"delete": True}])
@pytest.mark.parametrize("linked", [True, False])
async def test_a_project_that_is_gone_stops_its_own_records_only(
    asana: Workspace, change: dict[str, bool], linked: bool
) -> None:
    orders = [{**ORDER, "external_id": f"po:{n}", "project": ("orders", "payables")[n % 2]} for n in range(4)]
    async with asana.client() as client:
        await ensure_fields(client, WANTED)
        made = await upsert(destination(client), [intent(order) for order in orders])
        known = destination(client)
        await known.decide([intent(order) for order in orders])
        asana.emulator.mutate("projects", {"keys": [PAYABLES], **change})
        again = [intent(o, one.dest_id if linked else None) for o, one in zip(orders, made, strict=True)]
        outcomes = await upsert(destination(client), again)
        decisions = await destination(client).decide(again)
        probed = await destination(client).probe([d for d in decisions if d.request["project"] == PAYABLES])
        stale = await upsert(known, again)  # which has read the project's fields a moment ago

    assert [outcome.state for outcome in outcomes] == [State.UNCHANGED, State.REJECTED] * 2
    assert PAYABLES in (outcomes[1].reason or "")
    assert {outcome.state for outcome in probed} == {State.RETRY_WAIT}
    assert {outcome.state for outcome in stale[1::2]} <= {State.REJECTED, State.RETRY_WAIT}
    assert [outcome.state for outcome in stale[::2]] == [State.UNCHANGED] * 2
    assert asana.effects()["task.created"] == 4


async def test_what_lacks_its_field_waits_until_the_field_is_back(asana: Workspace) -> None:
    async with asana.client() as client:
        await ensure_fields(client, WANTED)
        asana.emulator.mutate("custom_fields", {"keys": ["Amount"], "rename": "Betrag"})
        (waits,) = await upsert(destination(client), [intent(ORDER)])
        asana.emulator.mutate("custom_fields", {"keys": ["Betrag"], "rename": "Amount"})
        (written,) = await upsert(destination(client), [intent(ORDER)])
        asana.emulator.mutate("custom_fields", {"keys": ["Oracle ID"], "delete": True})
        with pytest.raises(Misconfigured, match="by which tasks are found again"):
            await destination(client).decide([intent(ORDER)])

    assert (waits.state, written.state) == (State.PARKED, State.APPLIED)
    assert "no field Amount" in (waits.reason or "")


async def test_two_runs_of_a_token_stay_below_what_asana_takes_at_once_and_what_is_refused_is_not_done(
    asana: Workspace,
) -> None:
    async with asana.client() as one, asana.client() as two:
        await ensure_fields(one, WANTED)
        asana.emulator.configure({"latency": 0.05})

        async def run(client: Asana, name: str) -> list[Outcome]:
            tasks = destination(client)
            return await upsert(tasks, [intent({**ORDER, "external_id": f"{name}:{n}"}) for n in range(20)])

        await together([run(one, "a"), run(two, "b")])
        below = list(asana.state("rate_violations"))
        asana.emulator.configure({"writes_at_once": 4})
        outcomes = await run(one, "c")

    assert below == []
    assert asana.state("rate_violations")
    created = [outcome for outcome in outcomes if outcome.state is State.APPLIED]
    assert {outcome.state for outcome in outcomes} <= {State.APPLIED, State.RETRY_WAIT}
    assert asana.effects()["task.created"] == 40 + len(created)


async def test_many_tasks_are_compared_by_few_calls_and_each_is_its_own(asana: Workspace) -> None:
    orders = [{**ORDER, "external_id": f"po:{n}", "name": f"PO {n}"} for n in range(210)]
    async with asana.client() as client:
        await ensure_fields(client, WANTED)
        created = await upsert(destination(client), [intent(order) for order in orders])
        asana.by_hand(keys=[created[7].dest_id], set={"name": "Renamed"})
        asana.by_hand(keys=[created[8].dest_id], delete=True)
        before = asana.world.request_counts.total()
        linked = [intent(order, one.dest_id) for order, one in zip(orders, created, strict=True)]
        decisions = await destination(client).decide(linked)
        reads = asana.world.request_counts.total() - before

    sent = [(d.source_id, d.action, "custom_fields.Oracle ID" in d.changed) for d in decisions if d.state is None]
    assert sent == [("po:7", "update", False), ("po:8", "create", True)]
    assert decisions[7].changed == ("name",)
    assert reads < 20


async def test_what_people_filled_in_stays_and_nothing_is_created_where_that_is_not_wanted(asana: Workspace) -> None:
    async with asana.client(create_missing=False) as client:
        await ensure_fields(client, WANTED)
        values = {"Oracle ID": "po:1", "PO number": "mine"}
        asana.by_hand(create={"name": "Theirs", "projects": [ORDERS], "custom_fields": values})
        tasks = destination(client, frozenset({"custom_fields.po_number"}))
        written, missing = await upsert(tasks, [intent(ORDER), intent({**ORDER, "external_id": "po:9"})])

    assert (written.state, missing.state) == (State.APPLIED, State.REJECTED)
    (task,) = asana.state("tasks")
    assert asana.values(task)["PO number"] == "mine"
    assert asana.values(task)["Amount"] == "24900.5"


async def test_fields_and_options_are_created_once_and_never_more_than_asana_takes(asana: Workspace) -> None:
    async with asana.client() as client:
        created = await ensure_fields(client, WANTED)
        assert {"Oracle ID", "Status", "Amount in project orders", "Amount in project payables"} <= set(created)
        assert await ensure_fields(client, WANTED) == []
        more = FIELDS_WITH_MORE_OPTIONS
        assert await ensure_fields(client, more) == ["Status: Cancelled"]
        crowd = CustomField(title="Status", type="enum", options=tuple(f"Supplier {n}" for n in range(500)))
        with pytest.raises(Misconfigured, match="503 options"):
            await ensure_fields(client, {"custom_fields": {"status": crowd}})
        with pytest.raises(Misconfigured, match="type text, and number is needed"):
            await ensure_fields(client, {"custom_fields": {"x": CustomField(title="PO number", type="decimal")}})
        asana.emulator.configure({"premium": False})
        with pytest.raises(Misconfigured, match="paid"):
            await ensure_fields(client, {"custom_fields": {"x": CustomField(title="New", type="text")}})

    assert len(asana.emulator.custom_fields.named("Status")["enum_options"]) == 3


FIELDS_WITH_MORE_OPTIONS = {
    "custom_fields": {"status": CustomField(title="Status", type="enum", options=("Open", "Cancelled"))}
}


async def test_a_field_gets_the_decimals_that_amounts_need_and_loses_none(asana: Workspace) -> None:
    dinars = {"external_id": "po:1", "name": "PO 1", "custom_fields": {"amount": Decimal("12.345")}}
    async with asana.client() as client:
        await ensure_fields(client, WANTED)
        (refused,) = await upsert(destination(client), [intent(dinars)])
        finer = {"custom_fields": {"amount": CustomField(title="Amount", type="decimal", precision=3)}}
        assert await ensure_fields(client, finer) == ["Amount: 3 decimals"]
        (written,) = await upsert(destination(client), [intent(dinars)])
        assert await ensure_fields(client, WANTED) == []

    assert (refused.state, written.state) == (State.REJECTED, State.APPLIED)
    assert asana.values(asana.state("tasks")[0])["Amount"] == "12.345"


async def test_no_write_goes_through_the_batch_endpoint_and_amounts_keep_their_digits(asana: Workspace) -> None:
    async with asana.client(projects={"orders": PROJECT_NAMES["orders"]}) as client:
        await ensure_fields(client, WANTED)
        await upsert(destination(client), [intent(ORDER)])

    (created,) = [seen for seen in asana.world.requests if (seen.method, seen.path) == ("POST", "/api/1.0/tasks")]
    gid = asana.emulator.custom_fields.named("Amount")["gid"]
    assert json.loads(created.body, parse_float=str)["data"]["custom_fields"][gid] == "24900.50"
    assert not any("batch" in seen.path for seen in asana.world.requests)


@pytest.mark.parametrize(
    ("kind", "ours", "written"),
    [
        ("number", "10.50", Decimal("10.50")),
        ("number", 7, Decimal(7)),
        ("text", Decimal("1E+3"), "1000"),
        ("text", " x\r\ny ", "x\ny"),
        ("text", "", None),
        ("date", "2026-11-04T10:00:00", {"date": "2026-11-04"}),
        ("enum", " open", "1"),
    ],
)
def test_a_value_is_written_as_its_field_wants_it(kind: str, ours: Any, written: Any) -> None:
    assert Field("9", "F", kind, 2, {"Open": "1"}).encode(ours) == written


@pytest.mark.parametrize(
    ("kind", "value"),
    [("number", "12345678901234567.89"), ("number", "1.001"), ("number", "NaN"), ("number", "1e400"), ("people", "1")],
)
def test_a_value_that_asana_would_change_is_refused_without_being_quoted(kind: str, value: str) -> None:
    with pytest.raises(Unwritable) as error:
        Field("9", "F", kind, 2, {}).encode(value)

    assert value not in str(error.value)
