"""Purchase orders and invoices of Oracle that stand on tasks of Asana, for the crash harness."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from tests.boards import Boards
from tests.crash.harness import Journey
from tests.installation import Installation

DOCUMENTS, CHANGED = 3, 2
_KINDS = {"po": ("purchaseOrders", "POHeaderId"), "invoice": ("invoices", "InvoiceId")}


class Costs:
    """They are new, or some of them change."""

    system = "asana"
    faults: tuple[dict[str, Any], ...] = (
        {"fault": "lose_response", "method": "PUT", "path": "*/tasks/*", "times": 1},
        {"fault": "lose_response", "method": "POST", "path": "*/tasks", "times": 1},
        {"fault": "apply_then_status", "method": "P*", "path": "*/tasks*", "times": 1, "status": 504},
        {"fault": "status", "method": "P*", "path": "*/tasks*", "times": 1, "status": 503},
        {"fault": "reset", "method": "GET", "path": "*/tasks*", "times": 2},
    )

    def __init__(self, installed: Installation) -> None:
        self.boards = Boards(installed, settle=0.1)
        self.sandbox = installed.sandbox

    def journey(self) -> Journey:
        async def tell(run: str, count: int) -> bool:
            return (await self.boards.sync(run, count=count, completed=0)).is_completed()

        return tell

    def begin(self, name: str, tell: Callable[[], None], owner: psycopg.Connection[Any]) -> None:  # noqa: ARG002
        self.sandbox.settings("asana", rate_scale=None)
        asyncio.run(self.boards.prepare())
        self.sandbox.seed("oracle_fusion", "purchase_orders", DOCUMENTS)
        self.sandbox.seed("oracle_fusion", "invoices", DOCUMENTS)
        if name == "changed":
            tell()
            # the source's clock counts whole seconds: what was changed in the current one is for the next window
            when = (datetime.now(UTC) - timedelta(seconds=2)).isoformat()
            for collection, _ in _KINDS.values():
                change = {"count": CHANGED, "last_update_date": when}
                self.sandbox.mutate("oracle_fusion", collection, set={"Supplier": "Somebody else"}, **change)

    def expected(self, name: str) -> int:
        return 2 * (CHANGED if name == "changed" else DOCUMENTS)

    def judge(self, name: str, since: int) -> tuple[list[str], list[str]]:
        seen = Counter((one["kind"], one["key"]) for one in self.sandbox.effects("asana", since))
        doubled = [f"{kind} {key} x{n}" for (kind, key), n in seen.items() if n > 1]
        if name == "new":
            doubled += [f"{kind} {key}, just created" for kind, key in seen if kind == "task.updated"]
        tasks, lost = self.boards.tasks(), []
        for kind, (collection, key) in _KINDS.items():
            for row in self.sandbox.state("oracle_fusion", collection):
                task = tasks.get(f"{kind}:{row[key]}")
                if task is None or task["Supplier"] != row["Supplier"]:
                    lost.append(f"{kind} {row[key]}")
        return lost, doubled
