"""A pod where journals can be posted, completions of its orders, and a desk that posts them as the ledger would."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.oracle_fusion.client import OracleFusion
from connectors.oracle_fusion.journal_settings import JournalSettings
from connectors.oracle_fusion.journals import Journals
from connectors.oracle_fusion.sandbox.ledger_setup import DATA_ACCESS_SET, SEGMENTS
from ml_connector.core.ids import uuid7
from ml_connector.core.records import Body, Decision, Intent, Outcome, State
from tests.connectors.oracle_pod import Pod
from tests.connectors.oracle_pod import running as running

SUBMIT = ("POST", "*/erpintegrations")
BATCHES = ("GET", "*/journalBatches")
NOW = datetime.now(UTC).replace(microsecond=123_000)
SETTINGS: dict[str, Any] = {
    "ledger": "US Primary Ledger",
    "business_units": ["US1 Business Unit"],
    "data_access_set": str(DATA_ACCESS_SET),
    "source": "Asana",
    "category": "Accrual",
    "segments": SEGMENTS,
    "amount": "field",
    "clearing_account": {"account": "22100", "costCenter": "000"},
    "cost_centre_segment": "costCenter",
    "time_zone": "UTC",
    "closed_period": "reject",
    "settle_seconds": 0,
}


@pytest.fixture
def prepared(running: Pod) -> Pod:
    running.anew()
    running.emulator.seed("purchase_orders", 200, 5)
    running.emulator.seed("journal_batches", 1, 5)
    return running


@pytest.fixture
def fusion(prepared: Pod) -> Pod:
    """As the emulator comes: the number that a file is answered with is that of its loader."""
    return prepared


def settings(**changes: Any) -> dict[str, Any]:
    return {"journals": JournalSettings(**{**SETTINGS, **changes})}


def orders(fusion: Pod, currency: str = "USD", *statuses: str) -> list[Body]:
    """Open orders whose accounts may all be posted to."""
    disabled = {row["_CODE_COMBINATION_ID"] for row in fusion.held("account_combinations") if row["EnabledFlag"] == "N"}
    return [
        row
        for row in fusion.held("purchase_orders")
        if row["Status"] in (statuses or ("Open",)) and row["CurrencyCode"] == currency
        and not {one["POChargeAccountId"] for one in distributions(row)} & disabled
    ]  # fmt: skip


def distributions(order: Body) -> list[Body]:
    return [one for line in order["lines"] for schedule in line["schedules"] for one in schedule["distributions"]]


def completion(order: Body, task: int = 1, **changes: Any) -> Body:
    at = NOW + timedelta(milliseconds=task)
    return {
        "completion": f"12{task:012d}",
        "completed_at": at,
        "po_number": order["OrderNumber"],
        "task_name": 'Umbau, 3. Stock; "fertig"',
        "task_url": "https://app.asana.com/0/0/12",
        "amount": Decimal("100.00"),
    } | changes


@dataclass
class Entry:
    """What the ledger keeps of an effect."""

    intent: Intent
    state: State = State.PLANNED
    request: Body = field(default_factory=dict)
    serial: str | None = None
    dest_id: str | None = None
    attempts: int = 0
    reason: str | None = None
    outcome: Outcome | None = None


class Desk:
    """What the core does with a destination: one of a serial at a time, and nothing twice that is in doubt."""

    def __init__(self, payloads: Sequence[Body]) -> None:
        self.told: list[str | None] = []
        self.entries = {
            (i := Intent(uuid7(), str(payload["completion"]), payload, None)).effect_id: Entry(i)
            for payload in payloads
        }

    @property
    def states(self) -> list[State]:
        return [entry.state for entry in self.entries.values()]

    @property
    def open(self) -> list[Entry]:
        """What may still be sent."""
        return [entry for entry in self.entries.values() if entry.state in (State.PLANNED, State.RETRY_WAIT)]

    @property
    def only(self) -> Entry:
        (entry,) = self.entries.values()
        return entry

    async def until_settled(self, journals: Journals, rounds: int = 500) -> Counter[State]:
        for _ in range(rounds):
            await self.probe(journals)
            await self.send(journals)
            if not self.open and State.AMBIGUOUS not in self.states:
                break
            await asyncio.sleep(0.01)
        return Counter(self.states)

    async def decided(self, journals: Journals) -> list[Decision]:
        """Those that may be sent."""
        busy = {e.serial for e in self.entries.values() if e.state in (State.AMBIGUOUS, State.NEEDS_HUMAN) and e.serial}
        ready = []
        for decision in await journals.decide([e.intent for e in self.open if e.serial not in busy]):
            entry = self.entries[decision.effect_id]
            entry.serial = decision.serial
            if decision.state is not None:
                entry.state, entry.reason, entry.dest_id = decision.state, decision.reason, decision.dest_id
            elif decision.serial not in busy:
                busy.add(str(decision.serial))
                entry.request, entry.state = decision.request, State.AMBIGUOUS
                decision.attempts, entry.attempts = entry.attempts, entry.attempts + 1
                ready.append(decision)
        return ready

    async def send(self, journals: Journals) -> None:
        async for outcomes in journals.send(await self.decided(journals)):
            self.settle(outcomes)

    async def probe(self, journals: Journals) -> None:
        doubtful = [e for e in self.entries.values() if e.state is State.AMBIGUOUS]
        asked = [
            Decision(e.intent.effect_id, e.intent.source_id, "", e.request, e.dest_id, attempts=e.attempts)
            for e in doubtful
        ]
        self.settle(await journals.probe(asked))

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            self.told += [outcome.reason] if outcome.state is State.NEEDS_HUMAN else []
            entry = self.entries[outcome.effect_id]
            entry.state, entry.reason, entry.outcome = outcome.state, outcome.reason, outcome
            entry.dest_id = outcome.dest_id or entry.dest_id


async def post(client: OracleFusion, *payloads: Body) -> Desk:
    desk = Desk(payloads)
    await desk.until_settled(Journals(client))
    return desk


def imported(fusion: Pod) -> list[Body]:
    return [row for row in fusion.held("journal_batches") if row["BatchName"].startswith("MLC-")]


def submissions(fusion: Pod) -> int:
    counts = fusion.world.request_counts.items()
    return sum(n for (_, method, route, _), n in counts if method == "POST" and route.endswith("erpintegrations"))
