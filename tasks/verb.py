"""How the verbs of the journey run: as Prefect tasks inside a flow run, as plain functions elsewhere (crash harness).

Nothing of a record may reach Prefect: results and inputs are not persisted, and whatever is raised leaves as a
SafeError without its cause.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import FlowRunContext

from ml_connector.core.errors import SafeError

P = ParamSpec("P")
R = TypeVar("R")


def guarded(function: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Let errors leave only as SafeError, ``from None``."""

    @functools.wraps(function)
    async def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await function(*args, **kwargs)
        except asyncio.CancelledError:
            raise asyncio.CancelledError from None  # it may have come while an error was handled, and carry that one
        except Exception as error:  # noqa: BLE001 - whatever it is, its text must not leave
            safe = SafeError.of(error)
        raise safe from None

    return run


def verb(*, retries: int = 0) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Awaitable[R]]]:
    """Make a verb. ``retries`` are for pure reads: what is written is repeated by the ledger, never by Prefect."""

    def decorate(function: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
        plain = guarded(function)
        as_task: Any = task(
            name=function.__name__,
            cache_policy=NO_CACHE,
            persist_result=False,
            retries=retries,
            retry_delay_seconds=[2.0 ** (n + 1) for n in range(retries)],
            retry_condition_fn=_is_retryable,
        )(plain)

        @functools.wraps(function)
        async def run(*args: P.args, **kwargs: P.kwargs) -> R:
            if FlowRunContext.get() is None:
                return await plain(*args, **kwargs)
            result: R = await as_task(*args, **kwargs)
            return result

        return run

    return decorate


async def _is_retryable(_task: Any, _run: TaskRun, state: State[Any]) -> bool:
    try:
        await state.aresult()
    except SafeError as error:
        return error.retryable
    return False
