"""Ticket events under load while every part of the installation is killed in turn.

``pytest -m slow tests/e2e/test_outages.py``; the long version has ``E2E_EVENTS_SECONDS=120 E2E_EVENTS_RATE=100`` and
``-o timeout=900``. The receiver alone dies in tests/receiver/test_outages.py, a flow in tests/crash.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.e2e.machine import PARTS, Machine, machine
from tests.e2e.stack import until
from tests.installation import Sandbox

SECONDS = float(os.environ.get("E2E_EVENTS_SECONDS", "10"))
RATE = float(os.environ.get("E2E_EVENTS_RATE", "20"))
CUSTOMERS = 20
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("machine")]
CAUGHT_UP = 120.0
"""Seconds after the last event."""


@pytest.fixture(scope="module")
def installed() -> Iterator[Machine]:
    with machine() as made:
        yield made


class Tickets(threading.Thread):
    """Tickets that come in at a steady rate."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(daemon=True)
        self.sandbox = Sandbox(sandbox.url)
        self.organizations = [row["id"] for row in sandbox.state("zendesk", "organizations")]

    def run(self) -> None:
        began, sent = time.monotonic(), 0
        while (now := time.monotonic() - began) < SECONDS:
            while sent < now * RATE:
                organization = self.organizations[sent % len(self.organizations)]
                self.sandbox.mutate("zendesk", "tickets", create={"organization_id": organization})
                sent += 1
            time.sleep(0.005)


def acknowledged(sandbox: Sandbox) -> dict[str, str]:
    """Ticket by invocation of each delivery that was answered with 2xx."""
    return {
        one["id"]: str(one["body"]["ticket_id"])
        for one in sandbox.state("zendesk", "deliveries")
        if one["status"] == "success" and "ticket_id" in one["body"]
    }


def noted(sandbox: Sandbox) -> Counter[str]:
    notes = sandbox.state("oracle_fusion", "notes")
    return Counter(note["NoteTitle"].partition(" [")[0].rpartition(" ")[2] for note in notes)


def test_each_part_is_killed_and_every_acknowledged_event_is_one_note(installed: Machine) -> None:
    tenant, sandbox = installed.stack.tenant("stormy", events=True), installed.stack.sandbox
    sandbox.settings("zendesk", export_excludes_seconds=0)
    sandbox.seed("oracle_fusion", "customers", CUSTOMERS)
    assert tenant.start("organizations").wait() == "Completed"
    tickets = Tickets(sandbox)
    tickets.start()
    for part in PARTS:
        time.sleep(SECONDS / (len(PARTS) + 1) / 2)
        installed.kill(part)
        time.sleep(SECONDS / (len(PARTS) + 1) / 2)
        installed.start(part)
    tickets.join()
    ended = time.monotonic()
    time.sleep(1)  # the last deliveries
    wanted = acknowledged(sandbox)
    with installed.stack.owner() as db:
        stored = {row[0].removeprefix("invocation:") for row in db.execute("select event_id from inbox")}
    assert set(wanted) <= stored, "events were acknowledged that are not stored"
    until(lambda: set(wanted.values()) <= noted(sandbox).keys(), CAUGHT_UP, "every acknowledged event", every=0.5)

    with installed.stack.owner() as db:
        db.execute("update watermark set updated_at = updated_at - interval '1 h'")
    until(lambda: tenant.start_log_ticket_events().wait() == "Completed", 120, "a run that reads the export")

    came = {str(ticket["id"]) for ticket in sandbox.state("zendesk", "tickets")}
    print(f"{len(came)} tickets, {len(wanted)} acknowledged, caught up {time.monotonic() - ended:.0f} s after the last")
    assert noted(sandbox) == dict.fromkeys(came, 1), "what nobody took is in the export"
    assert len(wanted) > 0.2 * len(came)


def test_events_outlive_prefects_database(installed: Machine) -> None:
    tenant, sandbox = installed.stack.tenant("forgotten", events=True), installed.stack.sandbox
    sandbox.seed("oracle_fusion", "customers", CUSTOMERS)
    assert tenant.start("organizations").wait() == "Completed"
    for part in ("worker", "prefect-server"):
        installed.kill(part)
    sandbox.seed("zendesk", "tickets", CUSTOMERS)
    until(lambda: len(acknowledged(sandbox)) == CUSTOMERS, 30, "the events to be stored")

    installed.lose_prefects_database()
    for part in ("prefect-server", "worker"):
        installed.start(part)
    installed.wait_for_pool()
    tenant.configure(events=True)
    tickets = {str(ticket["id"]): 1 for ticket in sandbox.state("zendesk", "tickets")}
    until(lambda: noted(sandbox) == tickets, CAUGHT_UP, "the events to be processed", every=0.5)
