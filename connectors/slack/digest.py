"""One message that stands for many: how many there are, what they add up to, and the first of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from decimal import Decimal

from connectors.slack.models import Fact, Message
from connectors.slack.text import money
from ml_connector.core.functions import amount

_EVENTS: dict[str, str] = {"new": "new", "changed": "changed", "exception": "exceptions"}


def totals(message: Message) -> list[tuple[str, Decimal]]:
    """The amounts among a message's totals, by currency."""
    return _amounts(message.totals)


def digest(stream: str, messages: Sequence[Message]) -> Message:
    """The message that stands for these, which are for one channel.

    Its totals are in each currency the sum of what counts: of a message the first amount in it (`models.Fact`).
    """
    events: Counter[str] = Counter(message.event for message in messages)
    sums: dict[str, Decimal] = {}
    for message in messages:
        for currency, exact in _first(fact for fact in message.totals if fact.counts).items():
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
    return ", ".join(money(exact, currency) for currency, exact in _first(message.totals).items()) or None


def _first(facts: Iterable[Fact]) -> dict[str, Decimal]:
    """The first amount of each currency: those behind it are parts or states of it, what is paid or still open."""
    first: dict[str, Decimal] = {}
    for currency, exact in _amounts(facts):
        first.setdefault(currency, exact)
    return first


def _amounts(facts: Iterable[Fact]) -> list[tuple[str, Decimal]]:
    told: list[tuple[str, Decimal]] = []
    for fact in facts:
        with suppress(ValueError):
            told += [(fact.currency, amount(fact.value))] if fact.currency else []
    return told
