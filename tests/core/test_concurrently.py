"""Who is told to end does end, and whoever tells it waits no longer than that."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import pytest
from sqlalchemy import text

from ml_connector.core import concurrently, lease
from ml_connector.core.concurrently import ended, together
from ml_connector.core.db import Database
from ml_connector.core.lease import leased


async def _deaf(times: int) -> None:
    """It loses so many cancellations, as `asyncio.wait_for` does now and then."""
    while times:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            times -= 1
    await asyncio.Event().wait()


async def test_a_task_that_has_lost_its_cancellation_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrently, "_AGAIN", 0.01)
    task = asyncio.create_task(_deaf(1))
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await ended([task])

    assert task.cancelled()


async def test_who_waits_for_the_end_of_another_can_be_cancelled_meanwhile() -> None:
    deaf = asyncio.create_task(_deaf(1))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(ended([deaf]))
    await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.wait([waiting], timeout=30)

    assert waiting.cancelled()
    await ended([deaf])


async def test_none_is_left_behind_when_one_fails() -> None:
    left = asyncio.Event()

    async def slow_to_end() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)
            left.set()

    async def fails() -> None:
        await asyncio.sleep(0)
        raise ValueError

    with pytest.raises(ValueError):
        await together([slow_to_end(), fails()])
    assert left.is_set()


async def test_a_lease_that_cannot_be_given_back_is_left_to_expire(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody holds its row locked: the renewal waits, and so would giving it back."""
    monkeypatch.setattr(lease, "RELEASE", 0.2)
    async with database.tenant("acme") as conn:
        async with leased(database, "acme", ["test/customers"], holder="a run", ttl=0.3):
            await conn.execute("select 1 from lease for update")
            await asyncio.sleep(0.2)
            began = time.monotonic()
        assert time.monotonic() - began < 25, "who waits for a lock does so for 30 s"


async def test_a_server_that_is_gone_without_a_word_is_noticed(database: Database) -> None:
    async with database.tenant("acme") as conn:
        wanted = conn.info.get_parameters()
    assert int(wanted["tcp_user_timeout"]) <= 30_000
    assert int(wanted["keepalives_idle"]) <= 10


async def test_nobody_waits_for_a_lock_for_ever(database: Database) -> None:
    async with database.tenant("acme") as conn, database.session("acme") as session:
        shown = [
            (await (await conn.execute("show lock_timeout")).fetchone() or ("",))[0],
            (await (await session.connection()).execute(text("show lock_timeout"))).scalar(),
        ]
    assert shown == ["30s", "30s"]
