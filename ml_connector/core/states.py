"""The states of effects, by what they mean to whoever meets an effect; how it comes into them is told at `State`."""

from __future__ import annotations

from collections.abc import Iterable

from ml_connector.core.records import State

CLAIMABLE = (State.PLANNED, State.RETRY_WAIT, State.PARKED)
"""Nothing of it is on its way to the destination: a run sends it, once it is due."""
IN_FLIGHT = (State.SENDING, State.AMBIGUOUS)
"""It was claimed, and nobody knows yet what became of it: nothing else of its object may be sent."""
MOVING = (*CLAIMABLE, *IN_FLIGHT)
"""Every run of its stream takes it up where it stands."""
UNDECIDED = (State.NEEDS_HUMAN, State.HELD)
"""It waits for a person, or for the tenant's policy: no run moves it, but a replay takes its place."""
OPEN = (*MOVING, *UNDECIDED)
"""It is not over: its batch stays open, and its body is kept."""

DONE = (State.APPLIED, State.UNCHANGED)
"""The destination has what it should have of it."""
FINISHED = (*DONE, State.REJECTED, State.SUPERSEDED, State.DIGESTED)
"""It has come to its end by itself: a replay takes it up unasked."""
FINAL = (*FINISHED, State.ABANDONED)
"""It is over, whoever has brought it there. What a person has abandoned a replay takes up only when it is named."""
REPLAYABLE = (*FINAL, *UNDECIDED)
"""A replay may enter it once more: no run takes it up any more."""

FAILED = (State.REJECTED, State.NEEDS_HUMAN, State.AMBIGUOUS, State.RETRY_WAIT, State.PARKED)
"""It has not come through, or not yet: what a person looks for."""


def literals(states: Iterable[State]) -> str:
    """States as a list in SQL: ``('sending', 'ambiguous')``. The planner knows how many rows are in each of them, which
    it would not of a parameter."""
    return "(" + ", ".join(f"'{state.value}'" for state in states) + ")"
