"""Pieces of work for Zendesk, and what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, Protocol

from connectors.zendesk.errors import Problem, Refused
from ml_connector.core.errors import AbortRun, RetryLater
from ml_connector.core.rate import Limit
from ml_connector.core.records import Body, Decision, Outcome, State


class Api(Protocol):
    """What writing needs of the client (`client.Zendesk`), which holds those who write."""

    async def write(
        self, method: str, path: str, body: Body | None = None, *, limits: Sequence[Limit] = ()
    ) -> tuple[Body, str | None]: ...

    async def show_jobs(self, ids: Sequence[str]) -> list[Body]: ...

    def user_update_limits(self, user_id: str) -> list[Limit]: ...


class Call(NamedTuple):
    """A call that writes: an object under one key, or (``many``) up to 100, and then it answers with a job."""

    method: str
    path: str
    """May name the object: ``/users/{id}``."""
    key: str
    many: bool = True
    optional: bool = False
    """Zendesk enables it per account; where it does not, single calls do the work."""


@dataclass(slots=True)
class Work:
    """One object to be written for one decision."""

    decision: Decision
    call: Call
    body: Body = field(repr=False)
    id: str | None = None
    """The Zendesk id of the organization or user that the decision is about, if it exists."""
    attempt: int = 1
    """How often another way to write the same decision has been tried in this send."""
    then: Work | None = None
    """What is to be written when this is."""
    alone: bool = False
    """In a job of its own, whose only result is unmistakable."""


class Fate(Enum):
    WRITTEN = "written"
    REFUSED = "refused"
    """By Zendesk, because of what is in it."""
    UNSENT = "unsent"
    """Certainly not acted on."""
    UNKNOWN = "unknown"
    SILENT = "silent"
    """The job is over and says nothing about this object: reading it tells."""
    FORBIDDEN = "forbidden"
    """The account may not do this in bulk."""


@dataclass(slots=True)
class Result:
    """What became of one piece of work."""

    fate: Fate
    id: str | None = None
    problem: Problem | None = None
    reason: str | None = None
    retry_after: float | None = None
    request_id: str | None = None


Results = list[tuple[Work, Result]]


@dataclass(slots=True)
class Halt:
    """What ends a send: nothing more is started, what is in flight is waited for, then ``error`` is raised."""

    error: AbortRun | None = None

    def stop(self, error: AbortRun) -> Result:
        self.error = self.error or error
        return self.unsent()

    def unsent(self) -> Result:
        return Result(Fate.UNSENT, reason=f"not sent: {self.error.message if self.error else 'the run ended'}")


def result_of(error: Refused | RetryLater) -> Result:
    """The fate of a write that ended in this error."""
    if isinstance(error, Refused):
        return Result(Fate.REFUSED, problem=error.problem, reason=error.message, request_id=error.request_id)
    fate = Fate.UNKNOWN if error.maybe_applied else Fate.UNSENT
    return Result(fate, reason=error.message, retry_after=error.retry_after, request_id=error.request_id)


_STATES = {
    Fate.WRITTEN: State.APPLIED,
    Fate.REFUSED: State.REJECTED,
    Fate.FORBIDDEN: State.REJECTED,
    Fate.UNSENT: State.RETRY_WAIT,
    Fate.UNKNOWN: State.AMBIGUOUS,
    Fate.SILENT: State.AMBIGUOUS,
}


def outcome_of(work: Work, result: Result) -> Outcome:
    """The outcome of a decision whose last piece of work ended so."""
    said = f"Zendesk refuses the record: {result.problem}" if result.problem else None
    if result.fate is Fate.WRITTEN:
        said = work.decision.reason  # what had to be left out
    return Outcome(
        work.decision.effect_id,
        _STATES[result.fate],
        action=work.decision.action,
        dest_id=work.id or result.id,
        reason=result.reason or said,
        request_id=result.request_id,
        retry_after=result.retry_after,
    )


def probed(decision: Decision, held: Body | None, jobs_running: bool) -> Outcome:
    """The outcome of a probe: ``held`` is the object if it is what the request says."""
    action = "update" if "id" in decision.request else "create"
    if held:
        return Outcome(decision.effect_id, State.APPLIED, action, dest_id=str(held["id"]))
    if jobs_running:
        reason = "a job that may hold this record is still running"
        return Outcome(decision.effect_id, State.AMBIGUOUS, action, decision.dest_id, reason)
    return Outcome(decision.effect_id, State.RETRY_WAIT, action, decision.dest_id, "Zendesk does not hold it")
