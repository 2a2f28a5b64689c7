"""How much a sender may ask of us."""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class Limits:
    """Bounds of the receiver; a test narrows them."""

    head_bytes: int = 16 * 1024
    """Request line and headers. uvicorn has no such bound."""
    body_bytes: int = 256 * 1024
    """Zendesk's trigger bodies end there, and no vendor's events come near it."""
    request_seconds: float = 10.0
    """From the first byte of a request, or the opening of its connection, to its last byte."""
    answer_seconds: float = 2.0
    """Then the database has not answered in time, and the sender is asked to come again."""
    events_per_second: float = 200.0
    """For each connection of a tenant; Zendesk allows an account about 1,000 changes a minute."""
    burst: float = 2000.0
    callbacks_per_second: float = 5.0
    """Of people who connect accounts, all tenants together: each costs a query."""
    callbacks: float = 50.0
    """As many at once."""


class Bucket:
    """A token bucket of one connection, of this process."""

    __slots__ = ("_at", "_left", "_limits")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._left = limits.burst
        self._at = time.monotonic()

    def take(self) -> bool:
        now = time.monotonic()
        self._left = min(self._limits.burst, self._left + (now - self._at) * self._limits.events_per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Sparing(logging.Filter):
    """For lines that anybody can cause: ten of a kind at once, then one a second, which tells how many are left out."""

    def __init__(self) -> None:
        super().__init__()
        self._buckets: dict[str, Bucket] = {}
        self._left_out: Counter[str] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        kind = f"{record.name} {record.msg}"  # without what is filled in, so there are few
        bucket = self._buckets.setdefault(kind, Bucket(Limits(events_per_second=1.0, burst=10.0)))
        if not bucket.take():
            self._left_out[kind] += 1
            return False
        if left_out := self._left_out.pop(kind, 0):
            record.msg = f"{record.msg} (and {left_out} like this before)"
        return True
