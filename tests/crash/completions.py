"""Tasks of Asana that are completed and become journals of Oracle, for the crash harness: from webhook to batch.

Of a submission that nothing can be learned of a person is asked. So a round ends with one who looks up in Oracle what
needs one, and with a last run; then there must be one batch of each completion.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import psycopg

from ml_connector.cli import console
from tests.boards import Boards
from tests.crash.harness import Journey
from tests.crash.receiving import Address
from tests.installation import Installation
from tests.listening import apply_webhooks
from tests.posting import Posting, decide

ORDERS, TASKS, CHANGED = 3, 4, 3
SLOW = 1.5
"""Seconds that the first job takes: longer than the next process to begin, which finds no batch yet."""
_FILES = {"method": "POST", "path": "*/erpintegrations"}


class Completions:
    """Tasks are completed, two of them of one order; then (``changed``) others of these orders are."""

    system = "oracle_fusion"
    faults: tuple[dict[str, Any], ...] = (
        {"fault": "lose_response", **_FILES, "times": 1},
        {"fault": "apply_then_status", **_FILES, "times": 1, "status": 504},
        {"fault": "status", **_FILES, "times": 1, "status": 503},
        {"fault": "reset", "method": "GET", "path": "*/erpintegrations", "times": 2},
        {"fault": "lose_response", "method": "GET", "path": "*/journalBatches", "times": 2},
        {"fault": "child_failure", **_FILES, "times": 1},
    )

    def __init__(self, installed: Installation) -> None:
        self.address = Address(installed)
        self.posting = Posting(Boards(installed, settle=0.1, amount="field", patience=3))
        self._tasks: list[str] = []
        self._completed = 0

    def journey(self) -> Journey:
        async def tell(run: str, count: int) -> bool:
            async with self.address.served() as delivered:
                if await asyncio.to_thread(self._happens):
                    await delivered()
                return (await self.posting.boards.post(run, count=count, completed=0)).is_completed()

        return tell

    def begin(self, name: str, tell: Callable[[], None], owner: psycopg.Connection[Any]) -> None:
        self._tell, self._owner, self._completed = tell, owner, 0
        asyncio.run(self._prepare())
        tell()  # completions count from here
        self._completed = TASKS
        if name == "changed":
            tell()
            self._completed += CHANGED
        owner.execute("update watermark set updated_at = updated_at - interval '1 h'")
        self.posting.sandbox.fault("oracle_fusion", "slow_job", **_FILES, seconds=SLOW, times=1)

    async def _prepare(self) -> None:
        await self.posting.prepare(ORDERS)
        shares = [Decimal("100.01") * n for n in range(1, TASKS + CHANGED + 1)]
        self._tasks = [self.posting.task(self.posting.orders[n % ORDERS], share) for n, share in enumerate(shares)]
        async with self.address.served():
            with console.out.capture():
                await apply_webhooks()

    def _happens(self) -> bool:
        """Let people complete what they have not, once a round. False: they have."""
        done = len(self.posting.completions())
        if done < self._completed:
            self.posting.complete(self._tasks[done : self._completed])
        return done < self._completed

    def expected(self, name: str) -> int:
        return CHANGED if name == "changed" else TASKS

    def judge(self, name: str, since: int) -> tuple[list[str], list[str]]:  # noqa: ARG002 - the batches tell all
        if asyncio.run(decide(self.posting, self._owner)):
            self._tell()
        lost, doubled = self.posting.judge()
        if len(self.posting.completions()) < self._completed:
            lost.append("completions that never came")
        return lost, doubled
