"""Tasks that are completed on boards, the batches that Oracle has of them, and a person who decides on doubts."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg

from connectors.asana.field_setup import ensure_fields
from connectors.oracle_fusion.journal_names import BatchName
from connectors.oracle_fusion.sandbox.scheduler import ON_THE_WAY
from ml_connector.cli import console
from ml_connector.cli.resolve import resolve
from ml_connector.core.custom_fields import CustomField
from tasks.workspace import open_workspace
from tests.boards import NOT_IN_FORCE, ORDERS, Boards

Completion = tuple[str, datetime]
"""A task, and when it was completed."""
STREAM = "oracle_asana/journals"
_AMOUNT = {"journal_amount": CustomField(title="Journal amount", type="decimal")}


class Posting:
    """Boards on which tasks name an order and an amount (``amount: field``)."""

    def __init__(self, boards: Boards) -> None:
        self.boards, self.sandbox = boards, boards.sandbox
        self.orders: list[str] = []
        """Numbers."""

    async def prepare(self, orders: int) -> None:
        """Fields, one batch of somebody else, and so many orders in dollars that are in force."""
        await self.boards.prepare()
        async with open_workspace("acme") as workspace:
            await ensure_fields(await workspace.client("asana"), {"custom_fields": _AMOUNT})
        self.sandbox.seed("oracle_fusion", "journal_batches", 1)
        self.sandbox.seed("oracle_fusion", "purchase_orders", 5 * orders + 10)
        rows = self.sandbox.state("oracle_fusion", "purchaseOrders")
        found = [
            row["OrderNumber"]
            for row in rows
            if row["CurrencyCode"] == "USD"
            and row["Status"] not in NOT_IN_FORCE
            and Decimal(str(row["Ordered"])) > 1000
        ]
        assert len(found) >= orders
        self.orders = found[:orders]

    def task(self, order: str, amount: Decimal) -> str:
        """A new task of an order; its gid."""
        fields = {"PO number": order, "Journal amount": float(amount)}
        task = {"name": f"Delivery of {order}", "projects": [ORDERS], "custom_fields": fields}
        return self.sandbox.mutate("asana", "tasks", create=task)[0]

    def complete(self, tasks: Sequence[str]) -> None:
        """People complete these tasks."""
        self.sandbox.mutate("asana", "tasks", keys=list(tasks), complete=True)

    def completions(self) -> dict[Completion, Decimal]:
        """What is completed now, and what it costs."""
        found = {}
        for row in self.sandbox.state("asana", "tasks"):
            if row["completed"]:
                fields = {field["name"]: field["display_value"] for field in row["custom_fields"]}
                found[row["gid"], datetime.fromisoformat(row["completed_at"])] = Decimal(fields["Journal amount"])
        return found

    def judge(self) -> tuple[list[str], list[str]]:
        """What is lost or wrong, and what was posted twice: as Asana and Oracle have it."""
        costs = self.completions()
        batches = [(batch, _completion(batch)) for batch in self.boards.batches()]
        times = Counter(completion for _, completion in batches)
        lost = [f"completion of {task}" for task, at in costs if not times[task, at]]
        lost += [f"{batch['BatchName']}: {why}" for batch, one in batches if (why := _wrong(batch, costs.get(one)))]
        return lost, [f"batch of {task} x{n}" for (task, _), n in times.items() if n > 1]


def _wrong(batch: dict[str, Any], cost: Decimal | None) -> str | None:
    [journal] = batch["journalHeaders"]
    sides = [
        sum((Decimal(str(line[side] or 0)) for line in journal["journalLines"]), Decimal(0))
        for side in ("EnteredDr", "EnteredCr")
    ]
    return None if sides == [cost, cost] else f"its sides are {sides}, and the completion costs {cost}"


async def decide(posting: Posting, owner: psycopg.Connection[Any]) -> int:
    """A person looks up in Oracle what needs one, with nothing but what the ledger tells, and says so; how many."""
    rows = owner.execute("select id::text, reason from effect where state = 'needs_human' and stream = %s", (STREAM,))
    doubted = rows.fetchall()
    while _one_runs(posting):  # noqa: ASYNC110 - what has not ended may yet make the batch, and tells nobody when
        await asyncio.sleep(0.1)
    names = [batch["BatchName"] for batch in posting.boards.batches()]
    for effect_id, reason in doubted:
        named = next(name for name in map(BatchName.parse, _from_each_word(reason)) if name)
        assert " group " in reason, f"no group to look for: {reason}"
        alerts = "select 1 from audit_entry where effect_id = %s::uuid and action = 'alert'"
        assert owner.execute(alerts, (effect_id,)).fetchone(), "nobody was told of it"
        there = any(name.startswith(f"{named} ") for name in names)
        with console.out.capture():
            await resolve("acme", effect_id, "applied" if there else "not-applied", "looked up in Oracle")
    return len(doubted)


def _one_runs(posting: Posting) -> bool:
    return any(row["STATUS"] in ON_THE_WAY for row in posting.sandbox.state("oracle_fusion", "ess_processes"))


def _from_each_word(text: str) -> list[str]:
    return [word.strip(".,()") for word in text.split()]


def _completion(batch: dict[str, Any]) -> Completion:
    name = BatchName.parse(batch["BatchName"])
    assert name is not None
    return name.task, name.completed_at
