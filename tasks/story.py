"""How a flow begins and ends: whose run it is, and which state Prefect is told."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec
from uuid import UUID

from prefect import get_client, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from ml_connector.core.errors import Disconnected, SafeError
from ml_connector.core.lease import LeaseTaken
from tasks.garbage import rare_collections

P = ParamSpec("P")
SKIPPED = "Skipped"
DISCONNECTED = "Disconnected"
"""Name of the state of a run that has failed because a connection waits for a person. Who is alerted of failed runs is
told of the connection, once, and not of each run that finds it so."""


_THEN = "Retry, or the next run, goes on from there when that has passed or is mended."
NOTHING = "Nothing to replay"
"""Name of the state of a replay whose selection nothing fits: that is no failure."""


@dataclass(slots=True, frozen=True)
class FlowRun:
    """The flow run that this process executes.

    ``count`` is above 1 when somebody has retried it; ``completed`` is how often it has been reported as completed.
    """

    id: str
    name: str
    count: int
    completed: int


class NothingLeft(Exception):
    """What this attempt was to continue has been completed by somebody else."""


class NothingToReplay(Exception):
    """Nothing fits what a replay is to take up."""


given: ContextVar[FlowRun | None] = ContextVar("given_flow_run", default=None)
"""Set by who runs a journey without Prefect (the crash harness, the preview of the command line)."""


async def this_flow_run() -> FlowRun:
    """The flow run of this process, as Prefect tells it."""
    known = given.get()
    if known is not None:
        return known
    count = int(runtime.flow_run.run_count or 1)
    completed = await _times_completed(UUID(str(runtime.flow_run.id))) if count > 1 else 0
    return FlowRun(str(runtime.flow_run.id), str(runtime.flow_run.name), count, completed)


async def _times_completed(flow_run_id: UUID) -> int:
    async with get_client() as client:
        states = await client.read_flow_run_states(flow_run_id)
    return sum(state.is_completed() and state.name not in (SKIPPED, NOTHING) for state in states)


def story(
    body: Callable[Concatenate[str, P], Awaitable[str | None]],
) -> Callable[Concatenate[str, P], Awaitable[State[Any]]]:
    """Make a flow body of a tenant, which returns why it failed or None, return Prefect states, and let only SafeErrors
    out. What a person reads of a failure says whose it is, and what to do then.

    A scheduled run that finds its streams taken ends as ``Skipped``; a retry that waited for them in vain has failed.
    One that needs a connection which waits for a person ends as ``Disconnected``. A replay that nothing fits has
    completed.
    """

    @functools.wraps(body)
    async def tell(tenant: str, /, *args: P.args, **kwargs: P.kwargs) -> State[Any]:
        try:
            with rare_collections():
                reason = await body(tenant, *args, **kwargs)
        except LeaseTaken as taken:
            if (await this_flow_run()).count > 1:
                return _failed(tenant, str(taken))
            return Completed(name=SKIPPED, message=str(taken))
        except NothingLeft as done:
            return Completed(message=f"{done}; nothing was left to do")
        except NothingToReplay as nothing:
            return Completed(name=NOTHING, message=str(nothing))
        except Disconnected as error:
            return Failed(name=DISCONNECTED, message=error.message)
        except asyncio.CancelledError:
            raise asyncio.CancelledError from None  # it may have come while an error was handled, and carry that one
        except Exception as error:  # noqa: BLE001 - whatever it is, its text must not reach Prefect
            safe = SafeError.of(error)
        else:
            return _failed(tenant, reason) if reason else Completed()
        safe.args = (f"{tenant}: {safe}. {_THEN}" if safe.retryable else f"{tenant}: {safe}",)
        raise safe from None

    # Prefect looks up the names in the annotations in the globals of `tell`, which are those of this file
    tell.__signature__ = inspect.signature(body, eval_str=True)  # type: ignore[attr-defined]
    return tell


def _failed(tenant: str, reason: str) -> State[Any]:
    return Failed(message=f"{tenant}: {reason.rstrip('.')}. {_THEN}")
