"""Ticket events of Zendesk that become notes of Oracle, for the crash harness: receiver, inbox, drain, write-back.

Each process serves the receiver's address, lets the tickets happen if they have not yet, and drains the inbox. What the
emulated Zendesk sent to a process that died is not sent again: its export has it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg

from tests.crash.harness import Journey
from tests.crash.receiving import Address
from tests.installation import Installation
from tests.listening import apply_webhooks

CUSTOMERS, TICKETS, SOLVED = 3, 4, 2
STREAM = "ticket_notes"


def journey(installed: Installation, story: Tickets) -> Journey:
    """One process of the installation, from the delivery to the note."""

    async def tell(run: str, count: int) -> bool:
        async with story.address.served() as delivered:
            if await asyncio.to_thread(story.happens):
                await delivered()
            return (await installed.log_events(run, count=count, completed=0, streams=[STREAM])).is_completed()

    return tell


class Tickets:
    """They come in, or some of those that are there are solved."""

    system = "oracle_fusion"
    faults: tuple[dict[str, Any], ...] = (
        {"fault": "lose_response", "method": "POST", "path": "*/child/Note", "times": 1},
        {"fault": "lose_response", "method": "PUT", "path": "*/enclosure/NoteTxt", "times": 1},
        {"fault": "apply_then_status", "method": "P*", "path": "*/child/Note*", "times": 1, "status": 504},
        {"fault": "status", "method": "P*", "path": "*/child/Note*", "times": 1, "status": 503},
        {"fault": "reset", "method": "GET", "path": "*/hubOrganizations*", "times": 2},
    )

    def __init__(self, installed: Installation) -> None:
        self.installed = installed
        self.sandbox = installed.sandbox
        self.address = Address(installed)
        self._name = ""

    def begin(self, name: str, tell: Callable[[], None], owner: psycopg.Connection[Any]) -> None:
        self._name = "new"
        self.sandbox.settings("zendesk", export_excludes_seconds=0, rate_scale=None)
        self.sandbox.seed("oracle_fusion", "customers", CUSTOMERS)
        self.sandbox.seed("zendesk", "organizations", CUSTOMERS)
        organizations = [row["id"] for row in self.sandbox.state("zendesk", "organizations")]
        parties = [row["PartyId"] for row in self.sandbox.state("oracle_fusion", "hubOrganizations")]
        for organization, party in zip(organizations, parties, strict=True):
            owner.execute(_LINK, (str(party), str(organization)))
        asyncio.run(self._apply())
        if name == "changed":
            tell()
            owner.execute("update watermark set updated_at = updated_at - interval '1 h'")
        self._name = name

    async def _apply(self) -> None:
        await self.installed.store_secrets()
        await apply_webhooks()

    def happens(self) -> bool:
        """Let it happen in Zendesk, once a round. False: it has."""
        tickets = self.sandbox.state("zendesk", "tickets")
        if not tickets:
            self.sandbox.seed("zendesk", "tickets", TICKETS)
        elif self._name == "changed" and not any(ticket["status"] == "solved" for ticket in tickets):
            self.sandbox.mutate("zendesk", "tickets", count=SOLVED, set={"status": "solved"}, comment="It is mended.")
        else:
            return False
        return True

    def expected(self, name: str) -> int:
        return SOLVED if name == "changed" else TICKETS

    def judge(self, name: str, since: int) -> tuple[list[str], list[str]]:  # noqa: ARG002 - the notes tell all
        told = Counter(
            (note["NoteTitle"].partition(" [")[0].rpartition(" ")[2], note["NoteTxt"])
            for note in self.sandbox.state("oracle_fusion", "notes")
        )
        tickets = {str(ticket["id"]): ticket["status"] for ticket in self.sandbox.state("zendesk", "tickets")}
        lost = [
            f"ticket {ticket}, {status}"
            for ticket, status in tickets.items()
            if not any(about == ticket and f"Status: {status}" in text for about, text in told)
        ]
        if len(tickets) < TICKETS:
            lost.append("tickets that never came")
        return lost, [f"note of ticket {ticket} x{n}" for (ticket, _), n in told.items() if n > 1]


_LINK = """
    insert into link (tenant, stream, source_id, dest_id, payload_hash, version_at, effect_id)
    values ('acme', 'oracle_zendesk/organizations', %s, %s, '', now(), gen_random_uuid())
"""
