"""Ticket events, signed over HTTP by the emulated Zendesk, become notes, counted at the emulated Oracle."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ml_connector.cli.listening import still_told
from ml_connector.cli.ping import ping
from ml_connector.core.db import Database
from ml_connector.core.settings import settings
from ml_connector.core.tenants import load_tenant
from tasks import events
from tests.e2e.conftest import Owner
from tests.installation import Installation, Sandbox
from tests.listening import applied, apply_webhooks, listening
from tests.receiver.conftest import postgres as postgres  # one that keeps what it commits
from tests.receiver.running import ReceiverThread

CUSTOMERS, CONTACTS = 5, 6
pytestmark = pytest.mark.usefixtures("receiver")


@pytest.fixture
async def receiver(installed: Installation, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ReceiverThread]:
    """Customers and contacts are in Zendesk, and its webhooks reach the receiver."""
    monkeypatch.setattr(events, "LINGER", 0.0)  # nobody sends while a test waits
    installed.sandbox.settings("zendesk", export_excludes_seconds=0)
    await installed.prepare()
    installed.sandbox.seed("oracle_fusion", "customers", CUSTOMERS)
    installed.sandbox.seed("oracle_fusion", "contacts", CONTACTS)
    assert (await installed.sync()).is_completed()
    async with listening(installed) as running:
        yield running


def notes(sandbox: Sandbox) -> list[dict[str, Any]]:
    return sandbox.state("oracle_fusion", "notes")


def titles(sandbox: Sandbox) -> Counter[str]:
    """How many notes each ticket has."""
    return Counter(note["NoteTitle"].partition(" [")[0].removeprefix("Zendesk ticket ") for note in notes(sandbox))


async def received(owner: Owner, wanted: int) -> None:
    """Wait until so many ticket events are in the inbox."""
    deadline = time.monotonic() + 60
    while True:
        row = owner.execute("select count(*) from inbox where kind like 'ticket%' and stream like '%notes'").fetchone()
        if row and row[0] >= wanted:
            return
        assert time.monotonic() < deadline, f"{row} events of {wanted} have arrived"
        await asyncio.sleep(0.02)


async def answered(sandbox: Sandbox, wanted: int) -> list[list[int]]:
    """What was answered to so many deliveries of ticket events, once all of them have been."""
    deadline = time.monotonic() + 60
    while True:
        answers = [one["answers"] for one in sandbox.state("zendesk", "deliveries") if "ticket_id" in one["body"]]
        if len(answers) >= wanted and all(answers):
            return answers
        assert time.monotonic() < deadline, f"{answers} was answered to {wanted} deliveries"
        await asyncio.sleep(0.02)


async def test_a_ticket_that_comes_and_is_solved_is_two_notes_of_its_customer(
    installed: Installation, owner: Owner
) -> None:
    sandbox = installed.sandbox
    sandbox.seed("zendesk", "tickets", CUSTOMERS)
    await received(owner, CUSTOMERS)
    state = await installed.log_events()
    assert state.is_completed(), state.message
    assert titles(sandbox) == {ticket["id"]: 1 for ticket in _tickets(sandbox)}

    [solved, *_] = sandbox.mutate(
        "zendesk", "tickets", count=1, set={"status": "solved"}, comment={"body": "It is mended & paid", "public": True}
    )
    await received(owner, CUSTOMERS + 1)
    assert (await installed.log_events()).is_completed()

    assert titles(sandbox)[solved] == 2
    text = max(
        (note["NoteId"], note["NoteTxt"]) for note in notes(sandbox) if f"ticket {solved} [" in note["NoteTitle"]
    )[1]
    assert "Status: solved" in text
    assert "It is mended & paid" in text
    assert {note["PartyNumber"] for note in notes(sandbox)} <= {
        row["PartyNumber"] for row in sandbox.state("oracle_fusion", "hubOrganizations")
    }


def _tickets(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [{**ticket, "id": str(ticket["id"])} for ticket in sandbox.state("zendesk", "tickets")]


async def test_an_event_that_comes_fifty_times_and_once_more_tomorrow_is_one_note(
    installed: Installation, owner: Owner
) -> None:
    sandbox = installed.sandbox
    sandbox.settings("zendesk", webhook_duplicates=50, webhook_shuffle=0.3)
    sandbox.seed("zendesk", "tickets", 1)
    await received(owner, 1)
    assert (await installed.log_events("while they still come")).is_completed()
    await answered(sandbox, 50)
    assert (await installed.log_events()).is_completed()
    assert sum(titles(sandbox).values()) == 1

    sandbox.settings("zendesk", webhook_duplicates=1, webhook_shuffle=0)
    sandbox.mutate("zendesk", "deliveries", again=1_000)  # all of them, signed with the time of now
    answers = await answered(sandbox, 100)
    assert (await installed.log_events()).is_completed()
    assert sum(titles(sandbox).values()) == 1
    assert answers == [[200]] * 100


async def test_what_no_event_told_is_found_in_the_export_and_noted_once(installed: Installation, owner: Owner) -> None:
    sandbox = installed.sandbox
    assert (await installed.log_events()).is_completed()  # the export begins here
    sandbox.settings("zendesk", webhook_drop=1.0)
    sandbox.seed("zendesk", "tickets", 3)
    sandbox.settings("zendesk", webhook_drop=0.0)
    owner.execute("update watermark set updated_at = now() - interval '1 h'")
    assert (await installed.log_events()).is_completed()
    assert sorted(titles(sandbox).values()) == [1, 1, 1]

    sandbox.mutate("zendesk", "tickets", count=1, set={"status": "pending", "subject": "Something else"})
    await received(owner, 1)
    for _ in range(2):
        owner.execute("update watermark set updated_at = now() - interval '1 h'")
        assert (await installed.log_events()).is_completed()
    assert sorted(titles(sandbox).values()) == [1, 1, 2]


async def test_a_cursor_that_zendesk_does_not_take_any_more_costs_nothing(
    installed: Installation, owner: Owner
) -> None:
    sandbox = installed.sandbox
    assert (await installed.log_events()).is_completed()  # the export begins here
    sandbox.settings("zendesk", webhook_drop=1.0)
    sandbox.seed("zendesk", "tickets", 2)
    owner.execute("update watermark set updated_at = now() - interval '1 h', cursor = 'forgotten'")
    state = await installed.log_events()
    assert state.is_completed(), state.message
    assert sorted(titles(sandbox).values()) == [1, 1]


@pytest.mark.parametrize(
    ("fault", "path"),
    [
        ("lose_response", "*/child/Note"),
        ("apply_then_status", "*/child/Note"),
        ("lose_response", "*/enclosure/NoteTxt"),
        ("reset", "*/child/Note"),
    ],
)
async def test_a_note_whose_answer_is_lost_is_one_note_after_retries_and_replays(
    installed: Installation, owner: Owner, fault: str, path: str
) -> None:
    sandbox = installed.sandbox
    sandbox.seed("zendesk", "tickets", 2)
    await received(owner, 2)
    rest = {"status": 504} if fault == "apply_then_status" else {}
    sandbox.fault("oracle_fusion", fault, "P*", path, times=1, **rest)
    assert (await installed.log_events("run")).is_completed()
    for count in (2, 3):
        assert (await installed.log_events("run", count=count)).is_completed()

    assert sorted(titles(sandbox).values()) == [1, 1]
    assert all("Status:" in note["NoteTxt"] for note in notes(sandbox))


async def test_a_ticket_of_an_unknown_customer_waits_in_sight_and_is_noted_when_the_customer_is_there(
    installed: Installation, owner: Owner
) -> None:
    sandbox = installed.sandbox
    known = {row["PartyNumber"] for row in sandbox.state("oracle_fusion", "hubOrganizations")}
    sandbox.seed("oracle_fusion", "customers", 1, seed=2)
    [number] = {row["PartyNumber"] for row in sandbox.state("oracle_fusion", "hubOrganizations")} - known
    sandbox.mutate("zendesk", "organizations", create={"name": "Ahead", "external_id": number})
    [organization_id] = [row["id"] for row in sandbox.state("zendesk", "organizations") if row["external_id"] == number]
    sandbox.mutate("zendesk", "tickets", create={"organization_id": organization_id})
    await received(owner, 1)
    assert (await installed.log_events()).is_completed()
    assert notes(sandbox) == []
    [parked] = owner.execute("select state, reason from effect where stream like '%ticket_notes'").fetchall()
    assert parked == ("parked", "PartyId: oracle_zendesk/organizations does not link it yet")

    entered = (datetime.now(UTC) - timedelta(seconds=2)).isoformat()  # Oracle's clock counts whole seconds
    sandbox.mutate("oracle_fusion", "hubOrganizations", count=CUSTOMERS + 1, last_update_date=entered)
    assert (await installed.sync()).is_completed()
    assert (await installed.log_events()).is_completed()
    assert sum(titles(sandbox).values()) == 1


async def test_applying_again_changes_nothing_and_mends_what_is_gone(installed: Installation, owner: Owner) -> None:
    sandbox = installed.sandbox
    there, writes = (_asked_for(sandbox), sandbox.writes())
    await apply_webhooks()
    assert (_asked_for(sandbox), sandbox.writes()) == (there, writes)

    assert await ping("acme") == 0

    sandbox.mutate("zendesk", "webhooks", set={"status": "inactive"})
    sandbox.mutate("zendesk", "triggers", delete=True)
    assert await ping("acme") == 1
    await apply_webhooks()
    assert _asked_for(sandbox) == there
    sandbox.mutate("zendesk", "triggers", delete=True)  # the account's admin has cleaned up
    sandbox.mutate("zendesk", "webhooks", delete=True)
    await apply_webhooks()
    assert _asked_for(sandbox) == there
    sandbox.seed("zendesk", "tickets", 1)
    await received(owner, 1)


async def test_a_webhook_that_was_switched_off_is_mended_by_the_next_run_and_its_gap_read(
    installed: Installation, owner: Owner
) -> None:
    sandbox = installed.sandbox
    there = _asked_for(sandbox)
    assert (await installed.log_events()).is_completed()  # the export begins here
    sandbox.mutate("zendesk", "webhooks", set={"status": "inactive"})
    sandbox.seed("zendesk", "tickets", 2)
    owner.execute("update watermark set updated_at = now() - interval '1 h'")
    assert (await installed.log_events()).is_completed()
    assert _asked_for(sandbox) == there
    assert sorted(titles(sandbox).values()) == [1, 1]


async def test_webhooks_that_nobody_needs_are_removed_by_the_apply_that_reaches_the_vendor(
    installed: Installation, owner: Owner
) -> None:
    sandbox = installed.sandbox
    async with Database(installed.database_url, connections=1) as db:
        assert await still_told(db, []) == ["acme"]
        assert await still_told(db, [load_tenant(settings().tenants_dir / "acme.yaml")]) == []
    _switch("contact_drift", on=False)
    assert await applied()
    _switch("ticket_notes", on=False)
    sandbox.fault("zendesk", "status", "DELETE", "*", status=503)
    assert not await applied()
    assert _asked_for(sandbox) != []
    sandbox.clear_faults()
    assert await applied()
    assert (_asked_for(sandbox), owner.execute("select * from endpoint").fetchall()) == ([], [])

    _switch("ticket_notes", on=True)
    await apply_webhooks()
    sandbox.seed("zendesk", "tickets", 1)
    await received(owner, 1)


def _switch(stream: str, *, on: bool) -> None:
    file = settings().tenants_dir / "acme.yaml"
    off = f"{stream}: {{enabled: false, "
    text = file.read_text().replace(off, f"{stream}: {{")
    file.write_text(text if on else text.replace(f"{stream}: {{", off))


def _asked_for(sandbox: Sandbox) -> list[tuple[Any, ...]]:
    webhooks = [(row["name"], row["status"], row["endpoint"]) for row in sandbox.state("zendesk", "webhooks")]
    return [*sorted(webhooks), *[(row["title"], row["active"]) for row in sandbox.state("zendesk", "triggers")]]
