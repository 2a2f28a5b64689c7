"""QAD's customers and their tickets, and tickets that name Workday's invoices, for the crash harness."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg

from flows.qad_zendesk import sync_customers
from flows.workday_zendesk import enrich_tickets, sync_suppliers
from tests.crash.customers import Customers
from tests.crash.harness import Journey
from tests.e2e.erp_qad import Qad
from tests.e2e.erp_workday import Workday
from tests.e2e.erps import held, make, shown
from tests.installation import Installation

CUSTOMERS, CONTACTS, CHANGED = 4, 4, 2
TICKETS, PAID = 4, 2


class QadCustomers:
    """They are new, or some of them change."""

    system = "zendesk"
    faults = Customers.faults

    def __init__(self, installed: Installation) -> None:
        self.tenant = Qad(installed).tenant
        self.sandbox = installed.sandbox

    def journey(self) -> Journey:
        async def tell(run: str, count: int) -> bool:
            streams = ["organizations", "users"]
            return (
                await self.tenant.run(sync_customers, run, count=count, completed=0, streams=streams)
            ).is_completed()

        return tell

    def begin(self, name: str, tell: Callable[[], None], owner: psycopg.Connection[Any]) -> None:  # noqa: ARG002
        asyncio.run(self.tenant.prepare(["organizations", "users"]))
        self.sandbox.seed("qad", "customers", CUSTOMERS)
        self.sandbox.seed("qad", "contacts", CONTACTS)
        if name == "changed":
            tell()
            self.sandbox.mutate("qad", "customers", count=CHANGED, set={"address.AddressCity": "Elsewhere"})
            self.sandbox.mutate("qad", "contacts", count=CHANGED, set={"contact.ContactTelephone": "+4930555000"})

    def expected(self, name: str) -> int:
        return 2 * CHANGED if name == "changed" else CUSTOMERS + 2 * CONTACTS

    def judge(self, name: str, since: int) -> tuple[list[str], list[str]]:
        seen = Counter((one["kind"], one["key"]) for one in self.sandbox.effects(since=since))
        doubled = [f"{kind} {key} x{n}" for (kind, key), n in seen.items() if n > 1 and kind.endswith("ed")]
        if name == "new":
            doubled += [f"{kind} {key}, just created" for kind, key in seen if kind.endswith(".updated")]
        there = held(self.sandbox, "organizations")
        lost = []
        for row in self.sandbox.state("qad", "customers"):
            found = there.get(f"qad-{row['debtor.DebtorCode']}", {})
            if row["address.AddressCity"] not in (found.get("qad_address") or ""):
                lost.append(f"organization {row['debtor.DebtorCode']}")
        users = {user["external_id"]: user for user in self.sandbox.state("zendesk", "users")}
        by_id = {row["id"]: key for key, row in there.items()}
        for row in self.sandbox.state("qad", "contacts"):
            user = users.get(f"qad-{row['contact.ContactID']}")
            wanted = (f"qad-{row['debtor.DebtorCode']}", row["contact.ContactTelephone"] or None)
            if user is None or (by_id.get(user["organization_id"]), user["phone"]) != wanted:
                lost.append(f"user {row['contact.ContactID']}")
        return lost, doubled


TICKET_FAULTS: tuple[dict[str, Any], ...] = (
    {"fault": "lose_response", "method": "PUT", "path": "/api/v2/tickets/*", "times": 1},
    {"fault": "apply_then_status", "method": "PUT", "path": "/api/v2/tickets/*", "times": 1, "status": 504},
    {"fault": "status", "method": "PUT", "path": "/api/v2/tickets/*", "times": 1, "status": 409},
    {"fault": "reset", "method": "GET", "path": "/api/v2/*", "times": 2},
)


class QadTickets:
    """They come in, or it becomes clear whose they are. No event tells of them: the export has them."""

    system = "zendesk"
    faults = TICKET_FAULTS

    def __init__(self, installed: Installation) -> None:
        self.erp = Qad(installed)
        self.sandbox = installed.sandbox
        self._wanted: dict[int, dict[str, Any]] = {}

    def journey(self) -> Journey:
        async def tell(run: str, count: int) -> bool:
            return (await self.erp.look_at_tickets(run, count=count, completed=0)).is_completed()

        return tell

    def begin(self, name: str, tell: Callable[[], None], owner: psycopg.Connection[Any]) -> None:
        self.sandbox.settings("zendesk", rate_scale=None)
        asyncio.run(self._customers())
        if name == "new":
            self._wanted = self.erp.make_tickets(TICKETS)
            return
        theirs = make(self.sandbox, "Whose am I?")
        tell()
        self._wanted = self.erp.make_tickets(CHANGED - 1)
        user, fields = next(iter(held(self.sandbox, "users").values())), next(iter(self._wanted.values()))
        self.sandbox.mutate("zendesk", "tickets", keys=[theirs], set={"requester_id": user["id"]})
        self._wanted[theirs] = fields
        owner.execute("update watermark set updated_at = updated_at - interval '1 h'")

    async def _customers(self) -> None:
        await self.erp.prepare(CUSTOMERS)
        assert (await self.erp.sync()).is_completed()

    def expected(self, name: str) -> int:
        return CHANGED if name == "changed" else TICKETS

    def judge(self, name: str, since: int) -> tuple[list[str], list[str]]:  # noqa: ARG002 - the tickets tell all
        seen = Counter(one["key"] for one in self.sandbox.effects(since=since) if one["kind"] == "ticket.updated")
        there = shown(self.sandbox)
        lost = [f"ticket {ticket}" for ticket, fields in self._wanted.items() if there[ticket] != fields]
        return lost, [f"ticket {key} x{n}" for key, n in seen.items() if n > 1]


class WorkdayTickets:
    """They come in, or invoices that they name are paid; in both cases the invoices have to be read first. No event
    tells of the tickets: the export has them."""

    system = "zendesk"
    faults = TICKET_FAULTS

    def __init__(self, installed: Installation) -> None:
        self.tenant = Workday(installed).tenant
        self.sandbox = installed.sandbox
        self._named: dict[int, str] = {}

    def journey(self) -> Journey:
        async def tell(run: str, count: int) -> bool:
            if not await self._read_invoices():
                return False
            return (await self.tenant.run(enrich_tickets, run, count=count, completed=0)).is_completed()

        return tell

    def begin(self, name: str, tell: Callable[[], None], owner: psycopg.Connection[Any]) -> None:
        self.sandbox.settings("zendesk", export_excludes_seconds=0, rate_scale=None)
        self.sandbox.seed("workday", "suppliers", 2)
        self.sandbox.seed("workday", "supplier_invoices", TICKETS)
        asyncio.run(self.tenant.prepare(["tickets"]))
        numbers = [row["Invoice_Number"] for row in self.sandbox.state("workday", "supplier_invoices")]
        self._named = {make(self.sandbox, f"About {number}."): number for number in numbers}
        if name == "changed":
            tell()
            self.sandbox.mutate("workday", "supplier_invoices", keys=numbers[:PAID], pay=1)
            owner.execute("update watermark set updated_at = updated_at - interval '1 h'")

    async def _read_invoices(self) -> bool:
        """As a run of its own each time: what a dead one has read is known."""
        return (await self.tenant.run(sync_suppliers, streams=["kept_invoices"])).is_completed()

    def expected(self, name: str) -> int:
        return PAID if name == "changed" else TICKETS

    def judge(self, name: str, since: int) -> tuple[list[str], list[str]]:  # noqa: ARG002 - the tickets tell all
        seen = Counter(one["key"] for one in self.sandbox.effects(since=since) if one["kind"] == "ticket.updated")
        invoices = self.sandbox.state("workday", "supplier_invoices")
        status = {row["Invoice_Number"]: row["Payment_Status"] for row in invoices}
        tickets = shown(self.sandbox)
        lost = []
        for ticket_id, number in self._named.items():
            fields = tickets[ticket_id]
            if (fields.get("Workday invoice"), fields.get("Workday payment status")) != (number, status[number]):
                lost.append(f"ticket {ticket_id}")
        return lost, [f"ticket {key} x{n}" for key, n in seen.items() if n > 1]
