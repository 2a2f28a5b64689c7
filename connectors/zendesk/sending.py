"""The way from pieces of work to outcomes, the same for all kinds of objects."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from connectors.zendesk.client import Zendesk
from connectors.zendesk.errors import Refused
from connectors.zendesk.lookup import Found, Key, find
from connectors.zendesk.writing import Fate, Halt, Result, Results, Work, outcome_of
from ml_connector.core.concurrently import as_they_end, together
from ml_connector.core.errors import AbortRun, ConnectorError, RetryLater
from ml_connector.core.records import Outcome

Step = Work | Outcome
Settle = Callable[[Work, Result, Found], Coroutine[Any, Any, Step]]
"""What follows from a piece of work that was not simply written: another one for the same decision, or the outcome.
`Found` is what Zendesk holds, read where the job was SILENT about it, else empty."""

ATTEMPTS = 4
"""So many ways to write a decision are tried in one send; more would mean that two of them undo each other."""

_SILENCES = 3
"""From so many sends on, what Zendesk neither writes nor says a word about is not tried again."""


async def send_all(
    client: Zendesk, kind: str, work: Sequence[Work], key: Callable[[Work], Key], settle: Settle
) -> AsyncIterator[list[Outcome]]:
    """Outcomes as they are known: one per decision. What ends the run is raised after the last of them."""
    halt = Halt()
    while work and not halt.error:
        again: list[Work] = []
        jobs = client.jobs.batches([piece for piece in work if piece.call.many], halt)
        calls = client.singles.calls([piece for piece in work if not piece.call.many], halt)
        async for results in as_they_end([*jobs, *calls]):
            steps = await _steps(client, kind, results, key, settle, halt)
            again += [step for step in steps if isinstance(step, Work)]
            yield [step for step in steps if isinstance(step, Outcome)]
        work = again
    if halt.error:
        yield [outcome_of(piece, halt.unsent()) for piece in work]
        raise halt.error


def unsaid(work: Work, result: Result) -> Step:
    """What follows when a job says nothing about a piece of work, and Zendesk does not hold it.

    The first time it may only not be visible yet: it is looked at later. When it has been sent before, it is sent once
    more in a job of its own, whose result is its own.
    """
    if work.call.many and work.decision.attempts and not work.alone:
        return replace(work, alone=True)
    if work.alone and work.decision.attempts >= _SILENCES:
        reason = f"Zendesk has not written it in {work.decision.attempts} tries, and does not say why: try it by hand"
        return outcome_of(work, Result(Fate.REFUSED, reason=reason, request_id=result.request_id))
    return outcome_of(work, result)


async def _steps(
    client: Zendesk, kind: str, results: Results, key: Callable[[Work], Key], settle: Settle, halt: Halt
) -> list[Step]:
    steps: list[Step] = [work.then or outcome_of(work, result) for work, result in results if _is_written(result)]
    open_ = [(work, result) for work, result in results if not _is_written(result)]
    silent = [work for work, result in open_ if result.fate is Fate.SILENT]
    try:
        read = await find(client, kind, [key(work) for work in silent])
    except (RetryLater, AbortRun) as error:
        if isinstance(error, AbortRun):
            halt.stop(error)
        return steps + [_undecided(work, result, error) for work, result in open_]
    found = {id(work): answer for work, answer in zip(silent, read, strict=True)}
    return steps + await together([_step(w, r, found.get(id(w)) or Found(), settle, halt) for w, r in open_])


async def _step(work: Work, result: Result, found: Found, settle: Settle, halt: Halt) -> Step:
    try:
        return await settle(work, result, found)
    except Refused:
        return outcome_of(work, result)  # nothing more can be found out: what was said of the write itself stands
    except RetryLater as error:
        return _undecided(work, result, error)
    except AbortRun as error:
        halt.stop(error)
        return _undecided(work, result, error)


def _undecided(work: Work, result: Result, error: ConnectorError) -> Outcome:
    """Looking further has failed: of what was refused it is certain that it was not written."""
    fate = Fate.UNSENT if result.fate in (Fate.REFUSED, Fate.UNSENT, Fate.FORBIDDEN) else Fate.UNKNOWN
    return outcome_of(work, Result(fate, reason=error.message, request_id=error.request_id))


def _is_written(result: Result) -> bool:
    return result.fate is Fate.WRITTEN
