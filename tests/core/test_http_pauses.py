"""How long the client waits: for a vendor that asks for it, for a permit, for one of its own connections."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from ml_connector.core.errors import RetryLater
from ml_connector.core.rate import Limit, Limiter
from tests.core.calling import Naps, connected, policy
from tests.core.wire import Request, answer


def in_two_minutes() -> str:
    return format_datetime(datetime(2026, 11, 21, 10, 1, 40, tzinfo=UTC), usegmt=True)


NOW = "Sat, 21 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"Retry-After": "7"}, 8.0),
        ({"Retry-After": "0"}, 1.0),
        ({"Retry-After": "soon"}, 1.0),
        ({"Retry-After": "-5"}, 1.0),
        ({"Retry-After": in_two_minutes(), "Date": NOW}, 101.0),
        ({"Retry-After": NOW, "Date": in_two_minutes()}, 1.0),
    ],
)
async def test_retry_after_is_honoured_with_jitter_on_top(headers: dict[str, str], pause: float) -> None:
    naps = Naps()
    async with connected(answer(429, headers=headers), answer(201), policy=policy(naps)) as (_, http):
        await http.request("POST", "/x", json={})

    assert naps.taken == [pause]


async def test_a_date_is_compared_with_our_clock_where_the_vendor_tells_none() -> None:
    naps = Naps()
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    async with connected(answer(503, headers={"Retry-After": later}), answer(), policy=policy(naps)) as (_, http):
        await http.request("GET", "/x")

    assert 60 < naps.taken[0] < 102


@pytest.mark.parametrize(("asked", "told"), [("200", 200.0), ("1000000000", 3600.0), ("9" * 400, 3600.0)])
async def test_a_long_retry_after_is_handed_on_at_once(asked: str, told: float) -> None:
    naps = Naps()
    async with connected(answer(429, headers={"Retry-After": asked}), policy=policy(naps)) as (server, http):
        with pytest.raises(RetryLater) as caught:
            await http.request("POST", "/x", json={})

    assert len(server.requests) == 1
    assert naps.taken == []
    assert (caught.value.retry_after, caught.value.maybe_applied) == (told, False)


async def test_no_pause_goes_beyond_the_deadline() -> None:
    async with connected(answer(429, headers={"Retry-After": "30"}), policy=policy(deadline=10.0)) as (server, http):
        with pytest.raises(RetryLater) as caught:
            await http.request("GET", "/x")

    assert len(server.requests) == 1
    assert caught.value.retry_after == 30.0


async def test_waiting_for_a_free_connection_is_not_a_slow_vendor() -> None:
    async def slow(request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.3)
        await answer(201)(request, writer)

    async with connected(slow, policy=policy(connections=1, try_timeout=2.0)) as (server, http):
        await asyncio.gather(*(http.request("POST", "/x", json={}) for _ in range(10)))

    assert (len(server.requests), server.connections) == (10, 1)


async def test_waiting_for_a_free_connection_does_not_count_towards_the_deadline() -> None:
    came = asyncio.Event()

    async def slow(request: Request, writer: asyncio.StreamWriter) -> None:
        came.set()
        await asyncio.sleep(2.5)
        await answer(201)(request, writer)

    hurried = policy(connections=1, deadline=2.0, backoff=0.01)
    async with connected(slow, answer(503), answer(200), policy=hurried) as (server, http):
        first = asyncio.create_task(http.request("POST", "/slow", json={}))
        await came.wait()
        await http.request("GET", "/x")
        await first

    assert len(server.requests) == 3


class Permits(Limiter):
    """Notes when permits are taken, beside what reaches the server."""

    def __init__(self, seen: list[str]) -> None:
        self.seen = seen

    async def acquire(self, limits: Sequence[Limit]) -> None:
        self.seen.extend(limit.key for limit in limits)


async def test_a_permit_is_taken_for_each_try_right_before_it_leaves() -> None:
    seen: list[str] = []

    async def busy(request: Request, writer: asyncio.StreamWriter) -> None:
        seen.append("request")
        await asyncio.sleep(0.02)
        await answer(429 if len(seen) == 2 else 200)(request, writer)

    async with connected(busy, limiter=Permits(seen), policy=policy(connections=1)) as (_, http):
        limit = Limit("acme", per_minute=10, burst=1)
        await asyncio.gather(*(http.request("GET", "/x", limits=[limit]) for _ in range(3)))

    assert seen == ["acme", "request"] * 4
