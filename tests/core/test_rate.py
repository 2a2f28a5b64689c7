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


def most(limit: Limit, seconds: float) -> float:
    """The most requests that may leave in any span of ``seconds``."""
    return limit.burst + (seconds + HOLD) / limit.spacing


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


async def test_all_processes_together_keep_the_limit_in_any_span(database: Database) -> None:
    limit = Limit("acme", per_minute=3000, burst=30)
    times: list[float] = []
    async with Database(database.url) as other:
        limiters = [Limiter(database), Limiter(other)]
        for pause in (0.7, 0.0):  # after the pause, permits that were reserved before it must have lapsed
            until = time.monotonic() + 1.2
            await asyncio.gather(*(spend(limiter, limit, until, times) for limiter in limiters for _ in range(10)))
            await asyncio.sleep(pause)

    times.sort()
    for i, start in enumerate(times):
        for j in range(i, len(times)):
            assert j - i + 1 <= most(limit, times[j] - start) + 1
    assert len(times) > 0.8 * (2 * limit.burst + 2.4 / limit.spacing)


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


async def test_a_process_that_asks_seldom_reserves_nothing_that_it_does_not_use(database: Database) -> None:
    limiter = Limiter(database)
    limit = Limit("acme", per_minute=1200, burst=1)
    for _ in range(4):
        await limiter.acquire([limit])
        await asyncio.sleep(0.6)
    started = time.monotonic()
    await asyncio.gather(*(limiter.acquire([limit]) for _ in range(3)))

    assert time.monotonic() - started < 4 * limit.spacing


async def test_a_permit_that_has_lapsed_while_another_was_awaited_is_taken_again(database: Database) -> None:
    limiter = Limiter(database)
    account, endpoint = Limit("account", per_minute=50, burst=10), Limit("endpoint", per_minute=60, burst=1)
    await limiter.acquire([endpoint])
    started = time.monotonic()
    await limiter.acquire([endpoint, account])

    assert time.monotonic() - started > 0.9
    async with database.system() as connection:
        row = await (
            await connection.execute(
                "select extract(epoch from tat - clock_timestamp())::float8 from rate_bucket where key = 'account'"
            )
        ).fetchone()
    assert row is not None
    assert row[0] > account.spacing, "two permits of the account: the first was a second old"


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
