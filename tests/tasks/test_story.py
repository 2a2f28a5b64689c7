"""How flows and tasks end where an error's text must not travel."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable

import pytest

from tasks.story import story
from tasks.verb import guarded


async def _busy_with_an_error() -> None:
    try:
        raise ValueError("canary")
    except ValueError:
        await asyncio.sleep(10)


@pytest.mark.parametrize("made", [story(_busy_with_an_error), guarded(_busy_with_an_error)])
async def test_who_is_cancelled_while_handling_an_error_does_not_take_it_along(
    made: Callable[[], Awaitable[object]],
) -> None:
    task = asyncio.ensure_future(made())
    await asyncio.sleep(0.01)
    task.cancel()

    with pytest.raises(asyncio.CancelledError) as caught:
        await task

    assert "canary" not in "".join(traceback.format_exception(caught.value))
