"""Rate limits over real Postgres. Two `Limiter` with pools of their own stand for two processes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ml_connector.core.db import Connection, Database
from ml_connector.core.rate import Limit, Limiter

HOLD = 0.5  # seconds that a permit may be kept before it is used
ATTEMPTS = 20  # of what must be possible, on a machine that may stand still for longer than a permit is kept


def most(limit: Limit, seconds: float, late: float) -> float:
    """The most requests that may leave in any span of ``seconds``, if we hear of a reservation up to ``late`` after
    it was made."""
    return limit.burst + (seconds + HOLD + late) / limit.spacing


@pytest.mark.parametrize("per_minute", [1, 3, 5, 60, 400, 700, 2500.5])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_a_minute_never_holds_more_than_the_limit_and_not_much_less(per_minute: float, share: float) -> None:
    limit = Limit("k", per_minute, max(1, int(per_minute * share)))
    times = [0.0] * limit.burst  # the greediest caller: all at once, then each permit as soon as there is one
    while times[-1] < 200:
        times.append(times[-1] + limit.spacing)

    # A minute, and what a request may shift: half a second of holding its permit, as much of delay on its way.
    windows = [sum(start <= t < start + 60.999 for t in times) for start in times[:: max(1, len(times) // 50)]]
    assert max(windows) == int(per_minute)


@pytest.mark.parametrize(("per_minute", "burst"), [(5, 6), (5, 0), (0.5, 1)])
def test_a_limit_that_cannot_be_kept_is_refused(per_minute: float, burst: int) -> None:
    with pytest.raises(ValueError, match="burst"):
        Limit("k", per_minute, burst)


async def spend(limiter: Limiter, limit: Limit, until: float, times: list[float]) -> None:
    while time.monotonic() < until:
        await limiter.acquire([limit])
        times.append(time.monotonic())


class Timed(Database):
    """Notes the longest that it took to hear of a reservation."""

    late = 0.0

    @asynccontextmanager
    async def system(self) -> AsyncIterator[Connection]:
        started = time.monotonic()
        async with super().system() as connection:
            yield connection
        self.late = max(self.late, time.monotonic() - started)


async def test_all_processes_together_keep_the_limit_in_any_span(database: Database) -> None:
    wanted = 0.6 * (30 + 1.5 / Limit("", per_minute=3000, burst=30).spacing)
    one, other = Timed(database.url), Timed(database.url)
    async with one, other:
        for attempt in range(ATTEMPTS):
            limit = Limit(f"acme/{attempt}", per_minute=3000, burst=30)
            async with one.system() as connection:  # an hour of silence is no credit
                hour_ago = "insert into rate_bucket values (%s, clock_timestamp() - interval '1 hour')"
                await connection.execute(hour_ago, (limit.key,))
            times: list[float] = []
            one.late = other.late = 0.0
            until = time.monotonic() + 1.5
            limiters = [Limiter(one), Limiter(other)]
            await asyncio.gather(*(spend(limiter, limit, until, times) for limiter in limiters for _ in range(10)))

            times.sort()
            late = max(one.late, other.late)
            for i, start in enumerate(times):
                for j in range(i, len(times)):
                    assert j - i + 1 <= most(limit, times[j] - start, late) + 1
            if len(times) > wanted:
                return
    pytest.fail("hardly more than half of what may leave did")


async def test_a_burst_leaves_at_once_and_the_rest_in_even_steps(database: Database) -> None:
    limiter = Limiter(database)
    for attempt in range(ATTEMPTS):
        limit = Limit(f"acme/{attempt}", per_minute=600, burst=20)
        times: list[float] = []
        started = time.monotonic()

        async def one(limit: Limit = limit, times: list[float] = times, started: float = started) -> None:
            await limiter.acquire([limit])
            times.append(time.monotonic() - started)

        await asyncio.gather(*(one() for _ in range(30)))

        assert times[29] > 9 * limit.spacing
        if times[19] < 0.5:
            return
    pytest.fail("the burst was held up")


async def test_permits_are_not_saved_up(database: Database) -> None:
    limiter = Limiter(database)
    limit = Limit("acme", per_minute=6000, burst=1)
    while "acme" not in limiter._lanes or len(limiter._lanes["acme"].permits) < 30:
        await limiter.acquire([limit])
    await asyncio.sleep(1.0)
    times: list[float] = []
    await spend(limiter, limit, time.monotonic() + 0.1, times)

    assert len(times) <= 2 + 0.1 / limit.spacing


WAIT = "select extract(epoch from tat - clock_timestamp())::float8 from rate_bucket where key = %(key)s"


class Counted(Database):
    transactions = 0

    @asynccontextmanager
    async def system(self) -> AsyncIterator[Connection]:
        self.transactions += 1
        async with super().system() as connection:
            yield connection


async def test_the_hot_path_does_not_ask_the_database_for_each_request(database: Database) -> None:
    counted = Counted(database.url)
    async with counted:
        limiter = Limiter(counted)
        limit = Limit("acme", per_minute=600_000, burst=1000)

        async def worker() -> None:
            for _ in range(100):
                await limiter.acquire([limit])

        await asyncio.gather(*(worker() for _ in range(20)))
        assert counted.transactions < 100


async def test_a_process_that_asks_seldom_takes_nothing_from_the_others(database: Database) -> None:
    limiter = Limiter(database)
    limit = Limit("acme", per_minute=600, burst=1)
    await limiter.acquire([limit])
    for _ in range(2):
        await asyncio.sleep(1.0)
        await limiter.acquire([limit])

    async with database.system() as connection:
        row = await (await connection.execute(WAIT, {"key": limit.key})).fetchone()
    assert row is not None
    assert row[0] < 1.5 * limit.spacing, "what another process would have to wait"


async def test_a_permit_that_has_lapsed_while_another_was_awaited_is_taken_again(database: Database) -> None:
    limiter = Limiter(database)
    account, endpoint = Limit("account", per_minute=50, burst=10), Limit("endpoint", per_minute=60, burst=1)
    started = time.monotonic()
    await limiter.acquire([endpoint])
    await limiter.acquire([endpoint, account])

    async with database.system() as connection:
        row = await (await connection.execute(WAIT, {"key": account.key})).fetchone()
    passed = time.monotonic() - started
    assert passed > endpoint.spacing - 0.1
    assert row is not None
    assert row[0] + passed > 2 * account.spacing, "two permits of the account: the first was a second old"


async def test_limits_per_object_leave_nothing_behind(database: Database) -> None:
    limiter = Limiter(database)
    async with database.system() as connection:
        await connection.execute("insert into rate_bucket values ('old', clock_timestamp() - interval '11 minutes')")
    for user in range(1000):
        await limiter.acquire([Limit(f"users/{user}", per_minute=5, burst=1)])

    async with database.system() as connection:
        row = await (await connection.execute("select count(*), bool_or(key = 'old') from rate_bucket")).fetchone()
    assert row == (1000, False)
    assert not limiter._lanes
