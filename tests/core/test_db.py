"""The pool of connections, where the library below does not tell everything."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ml_connector.core.db import Database
from ml_connector.core.embedded import Embedded

STEPS = 40
"""Turns of the loop, more than it takes from the moment in which a connection is free until somebody has it."""


async def _cancelled_after(steps: int, work: Callable[[], Awaitable[None]], begin: Callable[[], None]) -> bool:
    """Whether work that is cancelled so many turns of the loop after ``begin`` ends."""
    task = asyncio.ensure_future(work())
    await asyncio.sleep(0.002)  # it waits
    begin()
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=2)
    task.cancel()
    return bool(done)


async def test_who_is_cancelled_in_the_moment_in_which_a_connection_comes_does_not_go_on(
    postgres: Embedded, database_name: str
) -> None:
    async with Database(postgres.uri(database_name), connections=1) as db:

        async def use() -> None:
            async with db.system():
                await asyncio.Event().wait()

        for steps in range(STEPS):
            enough = asyncio.Event()

            async def occupy(enough: asyncio.Event = enough) -> None:
                async with db.system():
                    await enough.wait()

            occupied = asyncio.ensure_future(occupy())
            await asyncio.sleep(0.002)
            assert await _cancelled_after(steps, use, enough.set), f"cancelled {steps} turns after it was free"
            await occupied
