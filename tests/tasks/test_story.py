"""How flows and tasks end where an error's text must not travel."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable

import pytest

from ml_connector.core.errors import Misconfigured, RetryLater, SafeError
from tasks.story import story
from tasks.verb import guarded


async def _busy_with_an_error(_tenant: str) -> None:
    try:
        raise ValueError("canary")
    except ValueError:
        await asyncio.sleep(10)


@pytest.mark.parametrize("made", [story(_busy_with_an_error), guarded(_busy_with_an_error)])
async def test_who_is_cancelled_while_handling_an_error_does_not_take_it_along(
    made: Callable[[str], Awaitable[object]],
) -> None:
    task = asyncio.ensure_future(made("acme"))
    await asyncio.sleep(0.01)
    task.cancel()

    with pytest.raises(asyncio.CancelledError) as caught:
        await task

    assert "canary" not in "".join(traceback.format_exception(caught.value))


async def test_a_failure_says_whose_it_is_what_happened_and_what_to_do_then() -> None:
    then = "Retry, or the next run, goes on from there when that has passed or is mended."
    busy = RetryLater("answered 503 (try 5)", vendor="oracle_fusion", phase="GET /hubOrganizations")

    async def told(_tenant: str) -> str:
        return str(SafeError.of(busy))

    async def raised(_tenant: str, error: Exception) -> None:
        raise error

    state = await story(told)("acme")
    with pytest.raises(SafeError) as passing:
        await story(raised)("acme", busy)
    with pytest.raises(SafeError) as wrong:
        await story(raised)("acme", Misconfigured("there is no such stream"))

    text = "acme: RetryLater: answered 503 (try 5) [oracle_fusion GET /hubOrganizations]"
    assert (state.is_failed(), state.message) == (True, f"{text}. {then}")
    assert str(passing.value) == f"{text}. {then}"
    assert str(wrong.value) == "acme: Misconfigured: there is no such stream"
