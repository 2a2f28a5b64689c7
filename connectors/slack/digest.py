"""One message that stands for many: how many there are, what they add up to, and the first of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal

from connectors.slack.models import Fact, Message
from connectors.slack.text import money
from ml_connector.core.functions import amount

_EVENTS: dict[str, str] = {"new": "new", "changed": "changed", "exception": "exceptions"}


def totals(message: Message) -> list[tuple[str, Decimal]]:
    """The amounts among a message's totals, by currency."""
    told: list[tuple[str, Decimal]] = []
    for fact in message.totals:
        with suppress(ValueError):
            told += [(fact.currency, amount(fact.value))] if fact.currency else []
    return told


def digest(stream: str, messages: Sequence[Message]) -> Message:
    """The message that stands for these, which are for one channel. An amount counts once a message: its first."""
    events: Counter[str] = Counter(message.event for message in messages)
    sums: dict[str, Decimal] = {}
    for message in messages:
        for currency, exact in totals(message)[:1]:
            sums[currency] = sums.get(currency, Decimal(0)) + exact
    return Message(
        channel=messages[0].channel,
        event="exception" if events["exception"] else "changed",
        title=f"{len(messages)} {stream.replace('_', ' ')}",
        summary=", ".join(f"{events[event]} {name}" for event, name in _EVENTS.items() if events[event]),
        totals=[Fact(label="Total", value=sums[currency], currency=currency) for currency in sorted(sums)],
        columns=["Message", "Amount"],
        lines=[[message.title, _amount(message)] for message in messages],
        footer="One message for all of them, because there are so many at once.",
    )


def _amount(message: Message) -> str | None:
    return next((money(exact, currency) for currency, exact in totals(message)), None)
