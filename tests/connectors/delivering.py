"""Destinations as the tests of all connectors write to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ml_connector.core.records import Decision, Destination, Intent, Outcome, State


async def upsert(destination: Destination, intents: Sequence[Intent]) -> list[Outcome]:
    """Decide and send; one outcome per intent, in order."""
    decisions = await destination.decide(intents)
    assert [decision.effect_id for decision in decisions] == [one.effect_id for one in intents]
    outcomes = {d.effect_id: Outcome(d.effect_id, d.state, d.action, d.dest_id, d.reason) for d in decisions if d.state}
    for outcome in await send(destination, [decision for decision in decisions if decision.state is None]):
        assert outcome.effect_id not in outcomes, "a decision has two outcomes"
        outcomes[outcome.effect_id] = outcome
    return [outcomes[one.effect_id] for one in intents]


async def send(destination: Destination, decisions: Sequence[Decision]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    await send_into(outcomes, destination, decisions)
    return outcomes


async def send_into(outcomes: list[Outcome], destination: Destination, decisions: Sequence[Decision]) -> None:
    """Send; the outcomes are there even if it ends in an error."""
    async for some in destination.send(decisions):
        outcomes += some


def states(outcomes: Sequence[Outcome]) -> Counter[State]:
    return Counter(outcome.state for outcome in outcomes)
