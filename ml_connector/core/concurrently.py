"""Calls that run at the same time and end together, whoever waits for them: none is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def together(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results, in the order of the calls; if one fails the others are given up."""
    tasks = [asyncio.create_task(call) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def as_they_end(calls: Iterable[Coroutine[Any, Any, T]]) -> AsyncIterator[T]:
    """Each result as it comes; who stops listening, or hears a failure, gives up what still runs and awaits its end."""
    tasks = [asyncio.create_task(call) for call in calls]
    try:
        for finished in asyncio.as_completed(tasks):
            yield await finished
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
