"""Slack's rate limits. https://docs.slack.dev/apis/web-api/rate-limits"""

from __future__ import annotations

import math
import time
from collections import deque

from connectors.slack.sandbox.http import Refused, Row

TOLERANCE = 0.02
"""Seconds by which two requests may come closer than documented: the network moves them that much."""


class Rates:
    """Refuses what comes too fast with 429, and remembers every such request as a violation."""

    def __init__(self) -> None:
        self.violations: list[Row] = []
        self._full_until: dict[str, float] = {}
        self._taken: dict[str, deque[float]] = {}

    def spaced(self, key: str, per_second: float | None, burst: int) -> None:
        """So many a second, and ``burst`` of them at once."""
        if per_second is None:
            return
        now = time.monotonic()
        full = max(self._full_until.get(key, 0.0), now)
        wait = full - now - (burst - 1) / per_second
        if wait > TOLERANCE:
            self._refuse(key, wait)
        self._full_until[key] = full + 1.0 / per_second

    def per_minute(self, key: str, count: int | None) -> None:
        """So many in any minute."""
        if count is None:
            return
        now, taken = time.monotonic(), self._taken.setdefault(key, deque())
        while taken and taken[0] <= now - 60.0:
            taken.popleft()
        if len(taken) >= count:
            self._refuse(key, taken[0] + 60.0 - now)
        taken.append(now)

    def _refuse(self, key: str, wait: float) -> None:
        self.violations.append({"limit": key, "wait": wait})
        raise Refused("ratelimited", status=429, headers={"Retry-After": str(max(1, math.ceil(wait)))})
