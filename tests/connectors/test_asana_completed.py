"""Completed tasks as a source, over real HTTP to the sandbox: none is lost, none is another one when it comes again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from connectors.asana.completed import CompletedTasks
from connectors.asana.field_setup import ensure_fields
from connectors.asana.models import CompletedTask
from connectors.asana.webhook import read as read_delivery
from ml_connector.core.errors import Misconfigured, RejectEvent
from ml_connector.core.records import EventSource, SourceRecord, Window
from tests.connectors.asana_workspace import ORDERS, PAYABLES, WANTED, Workspace, workspace


@pytest.fixture
def asana() -> Iterator[Workspace]:
    with workspace() as opened:
        yield opened


def window(lo: datetime | None = None) -> Window:
    return Window(lo, datetime.now(UTC))


async def records(source: EventSource, lo: datetime | None = None, cursor: str | None = None) -> list[SourceRecord]:
    return [record async for page in source.read(window(lo), cursor) for record in page.records]


async def test_a_scan_and_an_event_give_the_same_record(asana: Workspace) -> None:
    async with asana.client() as client:
        await ensure_fields(client, WANTED)
        values = {"PO number": "162045", "Oracle ID": "po:1", "Amount": 10.5, "Status": "Open"}
        create = {"name": "Delivery", "projects": [ORDERS, PAYABLES], "custom_fields": values}
        (gid,) = asana.by_hand(create=create)
        asana.by_hand(create={"name": "Not done"})
        asana.by_hand(keys=[gid], complete=True)
        source = CompletedTasks(client)
        (scanned,) = await records(source)  # once, though it is in two projects
        (looked_up,) = await source.lookup([gid, "999", "not an id"])

    assert scanned == looked_up
    task = CompletedTask.model_validate(scanned.body)
    assert (scanned.source_id, scanned.modified_at) == (gid, task.completed_at)
    assert (task.po_number, task.oracle_id, task.custom_fields["Amount"]) == ("162045", "po:1", "10.5")
    assert task.completed_by is not None
    assert task.completed_by.name == "Greg Sanchez"
    assert [one.project_name for one in task.memberships] == ["Purchase orders", "Payables"]


async def test_an_approval_that_is_granted_after_all_is_another_version_of_its_completion(asana: Workspace) -> None:
    async with asana.client() as client:
        await ensure_fields(client, WANTED)
        (gid,) = asana.by_hand(create={"name": "Approve", "resource_subtype": "approval"})
        source = CompletedTasks(client)
        versions: list[tuple[datetime | None, str | None]] = []
        for status in ("rejected", "approved", "approved"):
            asana.by_hand(keys=[gid], approve=status, set={"name": f"Approve ({len(versions)})"})
            (record,) = await source.lookup([gid])
            versions.append((record.modified_at, record.version))

    assert versions[0][0] == versions[1][0]
    assert versions[0] != versions[1] == versions[2]


async def test_one_completion_is_one_version_and_the_next_one_another(asana: Workspace) -> None:
    async with asana.client() as client:
        await ensure_fields(client, WANTED)
        (gid,) = asana.by_hand(create={"name": "Delivery", "custom_fields": {"Amount": 1}})
        asana.by_hand(keys=[gid], complete=True)
        source = CompletedTasks(client)
        (first,) = await records(source)
        asana.by_hand(keys=[gid], set={"name": "Written on later", "custom_fields": {"Amount": 2}})
        (later,) = await records(source)
        await asyncio.sleep(0.002)
        asana.by_hand(keys=[gid], reopen=True)
        (reopened,) = await source.lookup([gid])
        assert await records(source) == []
        await asyncio.sleep(0.002)
        asana.by_hand(keys=[gid], complete=True)
        (again,) = await records(source)

    def version(record: SourceRecord) -> tuple[datetime | None, str | None]:
        return record.modified_at, record.version

    assert version(first) == version(later)
    assert first.body != later.body
    assert reopened.body["completed"] is False
    moments = [record.modified_at for record in (first, reopened, again)]
    assert moments == sorted(set(filter(None, moments)))


async def test_a_scan_takes_what_was_completed_in_its_window_and_not_what_was_only_touched(asana: Workspace) -> None:
    async with asana.client() as client:
        await ensure_fields(client, WANTED)
        old, new = asana.by_hand(create={"name": "Old"})[0], asana.by_hand(create={"name": "New"})[0]
        asana.by_hand(keys=[old], complete=True)
        await asyncio.sleep(0.005)
        lo = datetime.now(UTC)
        await asyncio.sleep(0.005)
        asana.by_hand(keys=[old], set={"notes": "a word"})
        asana.by_hand(keys=[new], complete=True)
        found = await records(CompletedTasks(client), lo)

    assert [record.source_id for record in found] == [new]


async def test_a_scan_goes_on_where_it_was_stopped_also_when_its_place_is_no_longer_known(asana: Workspace) -> None:
    for number in range(250):
        asana.by_hand(create={"name": f"Task {number}", "projects": [(ORDERS, PAYABLES)[number % 5 == 0]]})
    done = set(asana.by_hand(where={"completed": False}, complete=True))
    async with asana.client() as client:
        await ensure_fields(client, WANTED)
        source = CompletedTasks(client)
        pages = [page async for page in source.read(window(timedelta_ago(60)), None)]
        sizes = [len(page.records) for page in pages]
        rest = await records(source, cursor=pages[0].cursor)
        lost = json.dumps({"project": ORDERS, "offset": "eyJ100000"})
        anew = await records(source, cursor=lost)

    assert sizes == [100, 100, 50]
    first = {record.source_id for record in pages[0].records}
    assert first | {record.source_id for record in rest} == done
    assert first.isdisjoint({record.source_id for record in rest})
    assert {record.source_id for record in anew} == done


def timedelta_ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


@pytest.mark.parametrize("change", [{"hide": True}, {"delete": True}])
async def test_a_project_that_is_gone_is_named_when_all_others_are_read_and_until_then_the_scan_is_not_complete(
    asana: Workspace, change: dict[str, bool]
) -> None:
    (first,), (second,) = (asana.by_hand(create={"name": "Done", "projects": [one]}) for one in (ORDERS, PAYABLES))
    asana.by_hand(keys=[first, second], complete=True)
    async with asana.client() as client:
        await ensure_fields(client, WANTED)
        asana.emulator.mutate("projects", {"keys": [ORDERS], **change})
        source = CompletedTasks(client)
        reading = source.read(window(), None)
        page = await anext(reading)
        with pytest.raises(Misconfigured, match="orders: "):
            await anext(reading)
        with pytest.raises(Misconfigured, match="orders: "):  # the place behind what was read does not forget it
            await records(source, cursor=page.cursor)
        if "hide" in change:
            assert await source.lookup([first]) == []
            asana.emulator.mutate("projects", {"keys": [ORDERS], "hide": False})
            (late,) = await records(source, cursor=page.cursor)
            assert late.source_id == first

    assert [record.source_id for record in page.records] == [second]


async def test_completions_wait_while_nobody_can_tell_which_order_they_are_about(asana: Workspace) -> None:
    async with asana.client() as client:
        await ensure_fields(client, WANTED)
        values = {"PO number": "162045"}
        (gid,) = asana.by_hand(create={"name": "Delivery", "projects": [ORDERS], "custom_fields": values})
        asana.by_hand(keys=[gid], complete=True)
        source = CompletedTasks(client)
        asana.emulator.mutate("custom_fields", {"keys": ["PO number"], "rename": "Order"})
        with pytest.raises(Misconfigured, match="orders: the project has no field `PO number`"):
            await records(source)
        assert await source.lookup([gid]) == []
        asana.emulator.mutate("custom_fields", {"keys": ["Order"], "rename": "PO number"})
        (record,) = await records(source)

    assert record.body["po_number"] == "162045"


async def test_a_rejected_approval_says_so_and_is_scanned_again_when_it_is_granted_after_all(asana: Workspace) -> None:
    (gid,) = asana.by_hand(create={"name": "Approve it", "resource_subtype": "approval"})
    asana.by_hand(keys=[gid], approve="rejected")
    async with asana.client() as client:
        await ensure_fields(client, WANTED)
        (record,) = await records(CompletedTasks(client))
        await asyncio.sleep(0.005)
        lo = datetime.now(UTC)
        await asyncio.sleep(0.005)
        assert await records(CompletedTasks(client), lo) == []
        asana.by_hand(keys=[gid], approve="approved")
        (granted,) = await records(CompletedTasks(client), lo)

    assert (record.body["completed"], record.body["approval_status"]) == (True, "rejected")
    assert (granted.modified_at, granted.later) == (record.modified_at, True)  # as a first version it would not count
    assert (record.later, granted.version) == (False, "completed approved")


def event(gid: str = "1201", field: str = "completed", at: str = "2026-11-21T09:00:00.000Z") -> dict[str, object]:
    return {
        "user": {"gid": "111", "resource_type": "user"},
        "created_at": at,
        "action": "changed",
        "resource": {"gid": gid, "resource_type": "task", "resource_subtype": "default_task"},
        "parent": None,
        "change": {"field": field, "action": "changed"},
    }


async def test_a_delivery_holds_events_which_are_known_again(asana: Workspace) -> None:
    body = json.dumps({"events": [event(), event(), event("1202"), event(at="2026-11-21T09:00:01.000Z"), {"odd": 1}]})
    delivery = read_delivery([], body.encode())
    again = read_delivery([], json.dumps({"events": [dict(reversed(event().items()))]}).encode())
    async with asana.client() as client:
        source = CompletedTasks(client)
        concerns = [await source.concerns(e.kind, e.object_key, e.body) for e in delivery.events]
        (deleted,) = read_delivery([], json.dumps({"events": [{**event(), "action": "deleted"}]}).encode()).events

    assert [(e.kind, e.object_key) for e in delivery.events] == [
        ("task.changed.completed", "task:1201"),
        ("task.changed.completed", "task:1202"),
        ("task.changed.completed", "task:1201"),
        ("unknown", ""),
    ]
    assert concerns == [True, True, True, False]
    assert again.events[0].event_id == delivery.events[0].event_id
    assert deleted.kind == "task.deleted.completed"
    assert read_delivery([], b'{"events": []}').events == []
    for wrong in (b"", b"[]", b'{"events": 3}'):
        with pytest.raises(RejectEvent):
            read_delivery([], wrong)
