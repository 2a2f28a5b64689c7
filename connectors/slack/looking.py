"""Was it posted? Each message carries the id of its effect in its metadata; the channel's history is read for it.

https://docs.slack.dev/messaging/message-metadata
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from connectors.slack.client import Slack
from connectors.slack.errors import Refused
from ml_connector.core.errors import Misconfigured, RetryLater
from ml_connector.core.records import Body, Decision, Outcome, State

EVENT_TYPE = "ml_connector_effect"
_BEFORE = 60.0
"""Seconds before the first attempt from which the history is read: clocks were compared to the second only."""
_PATIENCE = 900.0
"""A history that cannot be read for longer than this, in seconds, counts as one that cannot be read."""
POSTED_AGAIN = (
    "not in the channel's history after an unclear outcome, so it is posted again: should the first one show up late, "
    "it stands there twice"
)


@dataclass(slots=True, frozen=True)
class _Unreadable:
    """Why the history tells nothing, and whether to ask again soon."""

    reason: str
    soon: bool = False


def metadata(effect_id: UUID) -> Body:
    """Anybody in the workspace can read it, so it says nothing but the id."""
    return {"event_type": EVENT_TYPE, "event_payload": {"effect": str(effect_id)}}


async def look(client: Slack, decisions: Sequence[Decision]) -> list[Outcome]:
    """What became of messages whose outcome is unclear: one read for all of a channel, and for all of a thread. What is
    in no thread is looked for in the channel: it is posted there where the thread takes no reply.

    APPLIED, or RETRY_WAIT where the message is not there; where the history cannot be read AMBIGUOUS if that may pass
    soon, and otherwise what the connection's ``unclear`` says. `Reauthenticate` if the token is refused.
    """
    outcomes = []
    for (channel, thread), asked in _by_place(decisions).items():
        found = await _find(client, channel, thread, asked)
        beside = found
        if thread and isinstance(found, dict) and (rest := [d for d in asked if str(d.effect_id) not in found]):
            beside = await _find(client, channel, None, rest)
        for decision in asked:
            there = isinstance(found, dict) and str(decision.effect_id) in found
            outcomes.append(_outcome(client, decision, found if there else beside))
    return outcomes


def dest_id(channel: str, ts: str, thread: str | None = None) -> str:
    """How the link table names a message: ``C123/1503435956.000247``, and behind another ``/`` the thread it is in."""
    return f"{channel}/{ts}/{thread}" if thread else f"{channel}/{ts}"


async def _find(
    client: Slack, channel: str, thread: str | None, asked: Sequence[Decision]
) -> dict[str, str] | _Unreadable:
    """The `dest_id` of each effect that has a message there, or why that cannot be told."""
    wanted = {str(decision.effect_id) for decision in asked}
    found: dict[str, str] = {}
    oldest = min(float(decision.request["since"]) for decision in asked) - _BEFORE
    try:
        own = (await client.me()).bot_id
        async for page in client.messages(channel, thread, f"{oldest:.6f}"):
            for message in page:
                effect = _effect(message)
                if effect in wanted and own in (None, message.get("bot_id") or own):
                    found[effect] = dest_id(channel, str(message["ts"]), thread)
            if found.keys() == wanted:
                break
    except RetryLater as error:
        return _Unreadable(error.message, soon=(error.retry_after or 0.0) <= _PATIENCE)
    except (Refused, Misconfigured) as error:
        if thread and isinstance(error, Refused) and error.code == "thread_not_found":
            return {}
        return _Unreadable(error.message)
    return found


def _outcome(client: Slack, decision: Decision, found: dict[str, str] | _Unreadable) -> Outcome:
    request, action = decision.request, decision.action or str(decision.request.get("action", ""))
    outcome = Outcome(decision.effect_id, State.RETRY_WAIT, action)
    if isinstance(found, dict):
        outcome.dest_id = found.get(str(decision.effect_id))
        outcome.reason = POSTED_AGAIN
        if outcome.dest_id is not None:
            outcome.state, outcome.reason = State.APPLIED, "found in the channel's history"
    elif request.get("ts"):
        outcome.reason = "a change in place may be repeated"
    elif found.soon:
        outcome.state, outcome.reason = State.AMBIGUOUS, found.reason
    else:
        outcome.state, outcome.reason = _by_policy(client, found.reason)
    return outcome


def _by_policy(client: Slack, reason: str) -> tuple[State, str]:
    told = f"it may have been posted, and the channel's history cannot be read ({reason})"
    match client.settings.unclear:
        case "hold":
            return State.NEEDS_HUMAN, f"{told}: look there, then resolve it"
        case "resend":
            return State.RETRY_WAIT, f"{told}: posted again, as the connection says; it may stand there twice"
        case "drop":
            return State.ABANDONED, f"{told}: given up, as the connection says"


def _by_place(decisions: Sequence[Decision]) -> dict[tuple[str, str | None], list[Decision]]:
    places: dict[tuple[str, str | None], list[Decision]] = {}
    for decision in decisions:
        places.setdefault((decision.request["channel"], decision.request.get("thread_ts")), []).append(decision)
    return places


def _effect(message: Body) -> str | None:
    said = message.get("metadata") or {}
    payload = said.get("event_payload") or {}
    return payload.get("effect") if said.get("event_type") == EVENT_TYPE else None
