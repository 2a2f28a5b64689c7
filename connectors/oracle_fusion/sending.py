"""Writes side by side: customers at the same time, what belongs to one customer one after the other."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from ml_connector.core.concurrently import as_they_end
from ml_connector.core.errors import AbortRun, ConnectorError, LeaseLost, Misconfigured, RejectRecord, RetryLater
from ml_connector.core.records import Decision, Outcome, State

AT_ONCE = 4
"""Customers written to at once; Oracle publishes no limit, four is what practitioners find harmless."""


@dataclass(slots=True)
class Halt:
    """What ends a send: nothing more is started, what is in flight is waited for, then ``error`` is raised."""

    error: AbortRun | None = None

    def note(self, error: Exception) -> None:
        if isinstance(error, AbortRun):
            self.error = self.error or error


_BEHIND = "not sent: an earlier write of this customer goes first"

Write = Callable[[Decision, Halt], Awaitable[Outcome]]
"""Carries one decision out. Raises no `ConnectorError`: an `AbortRun` goes into the halt."""


async def in_order(
    decisions: Sequence[Decision], customer: Callable[[Decision], str], write: Write, *, behind: float | None = None
) -> AsyncIterator[list[Outcome]]:
    """Outcomes as they are known, one per decision; what ends the run is raised after the last of them.

    ``behind``: seconds for which the next of a customer wait where one is unclear or has to wait itself, and would
    come after them else; None: they do not.
    """
    halt = Halt()
    room = asyncio.Semaphore(AT_ONCE)
    waits: dict[str, float] = {}

    async def one(decision: Decision) -> Outcome:
        async with room:
            if halt.error:
                return _not_sent(decision, halt.error)
            if (pause := waits.get(customer(decision))) is not None:
                return outcome(decision, State.RETRY_WAIT, decision.dest_id, _BEHIND, retry_after=pause)
            done = await write(decision, halt)
        if behind is not None and done.state in (State.AMBIGUOUS, State.RETRY_WAIT):
            waits[customer(decision)] = max(behind, done.retry_after or 0.0)
        return done

    for turn in _turns(decisions, customer):
        async for done in as_they_end(one(decision) for decision in turn):
            yield [done]
    if halt.error:
        raise halt.error


def outcome_of_failure(decision: Decision, error: ConnectorError) -> Outcome:
    """What a write that ended in this error has become. Unless it is certain that it was not carried out: unknown."""
    state, retry_after = State.AMBIGUOUS, None
    if isinstance(error, RejectRecord):
        state = State.REJECTED
    elif isinstance(error, (Misconfigured, LeaseLost)):  # a 403, 406 or 415; our own refusal to send
        state = State.RETRY_WAIT
    elif isinstance(error, RetryLater) and not error.maybe_applied:
        state, retry_after = State.RETRY_WAIT, error.retry_after
    return outcome(decision, state, decision.dest_id, error.message, error.request_id, retry_after)


def outcome(
    decision: Decision,
    state: State,
    dest_id: str | None,
    reason: str | None = None,
    request_id: str | None = None,
    retry_after: float | None = None,
) -> Outcome:
    return Outcome(decision.effect_id, state, decision.action, dest_id, reason, request_id, retry_after)


def _not_sent(decision: Decision, error: AbortRun) -> Outcome:
    return outcome(decision, State.RETRY_WAIT, decision.dest_id, f"not sent: {error.message}")


def _turns(decisions: Sequence[Decision], customer: Callable[[Decision], str]) -> list[list[Decision]]:
    """At most one decision per customer in each, in the order in which they came."""
    before: Counter[str] = Counter()
    turns: defaultdict[int, list[Decision]] = defaultdict(list)
    for decision in decisions:
        turns[before[customer(decision)]].append(decision)
        before[customer(decision)] += 1
    return list(turns.values())
