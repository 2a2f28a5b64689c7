"""Routing: which channels a message about a record goes to, by the rules of the tenant's file.

A record is one effect for each channel that a rule may send it to: each has its own state, link and place in the order
of its channel, and is sent once by itself. Its source id in the ledger is ``<record>@<channel>``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from ml_connector.core.expressions import Expression
from ml_connector.core.mapping_check import field_names
from ml_connector.core.records import Body

Event = Literal["new", "changed", "exception"]
"""``new`` or ``changed``: whether the record was known before. ``exception``, beside one of these: the mapping says so,
of a hold or an error."""
CONTEXT = frozenset({"event", "previous"})
"""What mappings and rules see beside the record's own fields: ``new`` or ``changed``, and its last version known."""
DIGEST = "digest:"
"""The source ids of digests begin with this."""


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _compiled(text: str) -> str:
    try:
        Expression(text)
    except ValueError as error:
        raise ValueError(f"`{text}`: {error}. Correct the expression") from None
    return text


Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Names = Annotated[list[str], BeforeValidator(_as_list), Field(min_length=1)]


class Rule(BaseModel):
    """Whom to tell of what. All that is given must hold; what is not given does not restrict."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: Annotated[str, StringConstraints(pattern=r"^[^\n]{1,60}$")]
    to: Names
    """Channels, by the names that the connection gives them."""
    streams: Names | None = None
    event: Annotated[list[Event], BeforeValidator(_as_list), Field(min_length=1)] | None = None
    when: Annotated[str, AfterValidator(_compiled)] | None = None
    """An expression on the record, as in mappings; ``previous`` is the version that was known before."""
    at_least: dict[Currency, Annotated[Decimal, Field(gt=0)]] = {}
    """One of the message's totals is at least this much; in a currency that is not named, none is."""
    stop: bool = False
    """Where this rule holds, those behind it are not asked."""

    def concerns(self, stream: str) -> bool:
        """Whether it may hold for a record of this stream."""
        return self.streams is None or stream in self.streams


@dataclass(slots=True, frozen=True)
class Notice:
    """What rules are asked about. ``body``: the record with its ``CONTEXT``; ``totals``: amounts by currency."""

    stream: str
    events: Collection[str]
    body: Body = field(repr=False)
    totals: Sequence[tuple[str, Decimal]] = field(repr=False)


@dataclass(slots=True, frozen=True)
class Routing:
    """The rules of an integration, in their order."""

    rules: Sequence[Rule]
    digest_above: int

    def channels(self, stream: str) -> list[str]:
        """Every channel that a rule may send this stream's records to."""
        return list(dict.fromkeys(channel for rule in self.rules if rule.concerns(stream) for channel in rule.to))

    def asked(self, notice: Notice) -> list[tuple[Rule, str | None]]:
        """Each rule that is asked, and why it does not hold; None if it does. Raises ValueError, without values."""
        asked: list[tuple[Rule, str | None]] = []
        for rule in self.rules:
            asked.append((rule, _why_not(rule, notice)))
            if asked[-1][1] is None and rule.stop:
                break
        return asked


def rule_problems(rules: Sequence[Rule], stream: str, source: type[BaseModel]) -> Iterator[str]:
    """What the rules for a stream read that its records do not have."""
    known = {*field_names(source), *CONTEXT}
    for n, rule in enumerate(rules):
        roots = _expression(rule.when).roots if rule.when is not None and rule.concerns(stream) else frozenset()
        for root in sorted(roots - known):
            told = "" if rule.streams else ", or name the streams that the rule is for"
            yield f"routing.{n}.when: `{rule.when}`: {stream} has no field {root}. Correct it{told}"


def at(record: str, channel: str) -> str:
    """The source id of a record in a channel."""
    return f"{record}@{channel}"


def split(source_id: str) -> tuple[str, str | None]:
    """The record and the channel of a source id; no channel where no rule concerned the record's stream."""
    record, mark, channel = source_id.rpartition("@")
    return (record, channel) if mark else (source_id, None)


def _why_not(rule: Rule, notice: Notice) -> str | None:
    if not rule.concerns(notice.stream):
        return f"it is for {', '.join(rule.streams or ())}"
    if rule.event is not None and not set(rule.event) & set(notice.events):
        return f"the record is {' and '.join(notice.events)}, the rule is for {' and '.join(rule.event)}"
    if rule.when is not None and not _expression(rule.when).holds(notice.body):
        return f"`{rule.when}` does not hold"
    if rule.at_least and not any(total >= rule.at_least[one] for one, total in notice.totals if one in rule.at_least):
        return _too_little(rule, notice)
    return None


def _too_little(rule: Rule, notice: Notice) -> str:
    currencies = sorted({currency for currency, _ in notice.totals})
    named = [currency for currency in currencies if currency in rule.at_least]
    if named:
        return f"its total is less than {' or '.join(f'{rule.at_least[one]:,f} {one}' for one in named)}"
    return f"the rule names no limit for {', '.join(currencies) or 'a record without an amount'}"


_expression = cache(Expression)
