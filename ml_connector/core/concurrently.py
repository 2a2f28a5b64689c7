"""Calls that run at the same time and end together, whoever waits for them: none is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")
_AGAIN = 12.0
"""Seconds after which who was told to end, and has not, is told so again. psycopg may take ten to end a query."""


async def ended(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Give the tasks up, and wait until they have ended, whatever they end with.

    In Python 3.11 ``asyncio.wait_for``, by which libraries wait, loses a cancellation that comes in the moment in which
    what it waits for does (https://github.com/python/cpython/issues/86296): who is told but once may go on for ever.
    """
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        done, running = await asyncio.wait(running, timeout=_AGAIN)
        for task in done:
            if not task.cancelled():
                task.exception()  # else it is logged as never retrieved, and its text may hold anything


async def together(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results, in the order of the calls; if one fails the others are given up."""
    tasks = [asyncio.create_task(call) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    finally:
        await ended(tasks)


async def as_they_end(calls: Iterable[Coroutine[Any, Any, T]]) -> AsyncIterator[T]:
    """Each result as it comes; who stops listening, or hears a failure, gives up what still runs and awaits its end."""
    tasks = [asyncio.create_task(call) for call in calls]
    try:
        for finished in asyncio.as_completed(tasks):
            yield await finished
    finally:
        await ended(tasks)
