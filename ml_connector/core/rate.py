"""Rate limits that hold over all processes.

A bucket is one row in Postgres that holds a single instant (GCRA, the generic cell rate algorithm): the time at which
it would be empty again. Permits are reserved ahead, each with the instant from which it may be used, so a process
that needs many asks the database once for a block of them, and nobody polls.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from ml_connector.core.db import Database

# A permit is used within this many seconds or lapses: a process must not save permits up and spend them in one go.
_HOLD = 0.5
# What the vendor may count as one minute: the hold, and as much again for requests that overtake each other.
_MINUTE = 60.0 + 2 * _HOLD

_RESERVE = """
insert into rate_bucket as bucket (key, tat) values (%(key)s, clock_timestamp() + %(seconds)s * interval '1 s')
on conflict (key) do update
   set tat = greatest(bucket.tat, clock_timestamp()) + %(seconds)s * interval '1 s'
returning extract(epoch from tat - clock_timestamp())::float8
"""
# A bucket that is empty again says nothing. Rows that are being reserved are skipped: nobody waits for anybody.
_FORGET = """
delete from rate_bucket where key in (
    select key from rate_bucket where tat < clock_timestamp() - interval '10 minutes' for update skip locked)
"""
_FORGET_EVERY = 1000  # reservations of this process


@dataclass(slots=True, frozen=True)
class Limit:
    """At most ``per_minute`` requests in any 60 seconds, of which ``burst`` (1 to per_minute) at once.

    ``key`` names what the vendor counts: the account, with the endpoint or the object where it has its own limit.
    """

    key: str
    per_minute: float
    burst: int

    def __post_init__(self) -> None:
        if not 1 <= self.burst <= self.per_minute:
            raise ValueError(f"{self.key}: burst must be between 1 and per_minute")

    @property
    def spacing(self) -> float:
        """Seconds between two permits once the burst is used up.

        A minute that starts with a full burst holds burst + minute / spacing - 1 permits, which must not be more
        than ``per_minute``: a greater burst makes the steady rate smaller.
        """
        return _MINUTE / (int(self.per_minute) - self.burst + 1)


class Limiter:
    """Hands out permits; one per process and database is enough."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lanes: dict[str, _Lane] = {}
        self._reservations = 0

    async def acquire(self, limits: Sequence[Limit]) -> None:
        """Wait until one request may leave under each of ``limits``; it must leave at once."""
        # The slowest first: the others are then taken when the request is about to leave, and do not lapse.
        ordered = sorted(limits, key=lambda limit: limit.per_minute)
        lapses = [await self._take(limit) for limit in ordered]
        while (now := time.monotonic()) > min(lapses, default=now):
            for i, limit in enumerate(ordered):
                if lapses[i] < now:
                    lapses[i] = await self._take(limit)

    async def _take(self, limit: Limit) -> float:
        """Wait for one permit; returns when it lapses."""
        lane = self._lanes.setdefault(limit.key, _Lane())
        lane.waiting += 1
        try:
            async with lane.lock:
                due = lane.next(time.monotonic())
                if due is None:
                    block = max(lane.waiting, min(lane.block, int(_HOLD / limit.spacing)))
                    lane.permits.extend(await self._reserve(limit, block))
                    lane.block = 2 * block
                    due = lane.permits.popleft()
        finally:
            lane.waiting -= 1
            if limit.spacing > _HOLD and not lane.waiting and not lane.permits:
                self._lanes.pop(limit.key, None)  # a limit per object: there may be a million of them
        await asyncio.sleep(due - time.monotonic())
        return due + _HOLD

    async def _reserve(self, limit: Limit, count: int) -> list[float]:
        """Reserve permits; returns the instants (of our monotonic clock) from which on each may be used."""
        parameters = {"key": limit.key, "seconds": count * limit.spacing}
        self._reservations += 1
        async with self._database.system() as connection:
            cursor = await connection.execute(_RESERVE, parameters)
            row = await cursor.fetchone()
            if self._reservations % _FORGET_EVERY == 0:
                await connection.execute(_FORGET)
        assert row is not None  # noqa: S101 - the statement always returns one
        now = time.monotonic()
        first = row[0] - (count + limit.burst - 1) * limit.spacing
        return [now + max(0.0, first + i * limit.spacing) for i in range(count)]


@dataclass(slots=True)
class _Lane:
    """This process's permits of one limit, in order."""

    waiting: int = 0
    block: int = 1
    """How many to reserve next: doubles while they are used, one again when some have lapsed."""
    permits: deque[float] = field(default_factory=deque)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def next(self, now: float) -> float | None:
        while self.permits:
            due = self.permits.popleft()
            if now <= due + _HOLD:
                return due
            self.block = 1
        return None
