"""Invoices of Oracle that are told in two channels of Slack, one by one or in a digest, for the crash harness."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from tests.crash.harness import Journey
from tests.installation import Installation
from tests.notices import CHANNELS, Notices

INVOICES, CHANGED, DIGEST_ABOVE = 3, 4, 3
_POST = {"method": "POST", "path": "/api/chat.postMessage", "times": 1}
ROUTING = """
      - {name: invoices, streams: invoices, to: [procurement, finance]}
"""


class Messages:
    """New invoices are told one by one; of those that change, which are too many, a digest tells."""

    system = "slack"
    faults: tuple[dict[str, Any], ...] = (
        {"fault": "lose_response", **_POST},
        {"fault": "apply_then_status", **_POST, "status": 504},
        {"fault": "status", **_POST, "status": 503},
        {"fault": "reset", "method": "GET", "path": "/api/*", "times": 2},
        {"fault": "history_lag", **_POST, "seconds": 0.05},
    )

    def __init__(self, installed: Installation) -> None:
        self.notices = Notices(installed, ROUTING, digest_above=DIGEST_ABOVE, settle=0.3)
        self.sandbox = installed.sandbox

    def journey(self) -> Journey:
        async def tell(run: str, count: int) -> bool:
            return (await self.notices.notify(run, count=count, completed=0, streams=["invoices"])).is_completed()

        return tell

    def begin(self, name: str, tell: Callable[[], None], owner: psycopg.Connection[Any]) -> None:  # noqa: ARG002
        self.sandbox.settings("slack", posts_per_second=None, history_per_minute=None)
        asyncio.run(self.notices.prepare())
        self.sandbox.seed("oracle_fusion", "invoices", CHANGED if name == "changed" else INVOICES)
        if name == "changed":
            tell()
            # the source's clock counts whole seconds: what was changed in the current one is for the next window
            when = (datetime.now(UTC) - timedelta(seconds=2)).isoformat()
            change = {"count": CHANGED, "last_update_date": when}
            self.sandbox.mutate("oracle_fusion", "invoices", set={"Description": "Elsewhere"}, **change)

    def expected(self, name: str) -> int:
        return len(self._told_in()) * (1 if name == "changed" else INVOICES)

    def judge(self, name: str, since: int) -> tuple[list[str], list[str]]:
        posted = [one for one in self.sandbox.effects("slack", since) if one["kind"] == "message.posted"]
        times = Counter(one["key"] for one in posted)
        doubled = [f"message of {key} x{n}" for key, n in times.items() if n > 1]
        lost = []
        stamps = {(one["detail"]["channel"], one["detail"]["ts"]) for one in posted}
        there = [row for row in self.sandbox.state("slack", "messages") if (row["channel"], row["ts"]) in stamps]
        wanted = [f"{CHANGED} invoices"] if name == "changed" else self._titles()
        for channel in self._told_in():
            told = Counter(row["text"].splitlines()[0] for row in there if row["channel"] == CHANNELS[channel])
            for title in wanted:
                found = sum(n for text, n in told.items() if title in text)
                lost += [f"{title} in {channel}"] * (found == 0)
                doubled += [f"{title} in {channel} x{found}"] * (found > 1)
        return lost, doubled

    def _titles(self) -> list[str]:
        return [f"Invoice {row['InvoiceNumber']} " for row in self.sandbox.state("oracle_fusion", "invoices")]

    def _told_in(self) -> tuple[str, ...]:
        return ("procurement", "finance")
