"""What became of a write, said of the decision that it carried out."""

from __future__ import annotations

from ml_connector.core.errors import RetryLater
from ml_connector.core.records import Decision, Outcome, State


def outcome(decision: Decision, state: State, reason: str | None, request_id: str | None = None) -> Outcome:
    """It has come to ``state``, at the object that the decision names. ``reason`` as in `Outcome`."""
    return Outcome(decision.effect_id, state, decision.action, decision.dest_id, reason, request_id)


def later(decision: Decision, error: RetryLater) -> Outcome:
    """To be sent again, or probed first: the error says whether the vendor may have acted on it, and when to come."""
    state = State.AMBIGUOUS if error.maybe_applied else State.RETRY_WAIT
    known = outcome(decision, state, error.message, error.request_id)
    known.retry_after = error.retry_after
    return known
