"""What a collection is read in the order of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from connectors.oracle_fusion import instants


@dataclass(slots=True, frozen=True)
class Mark:
    """The rank of a row: as shown, and the span ``[low, high)`` in which the database's own value lies."""

    at: int
    low: int
    high: int


class Rank(Protocol):
    """The attribute that a read is ordered by, before the id."""

    @property
    def attribute(self) -> str: ...

    def mark(self, raw: object) -> Mark | None:
        """The rank that a value stands for; None if it is no such value."""
        ...

    def literal(self, value: int) -> str: ...


@dataclass(slots=True, frozen=True)
class ByTime:
    """Ordered by a timestamp, in microseconds."""

    attribute: str

    def mark(self, raw: object) -> Mark | None:
        seen = instants.parse(raw)
        return Mark(seen.micros, seen.micros - seen.unit, seen.micros + seen.unit) if seen else None

    def literal(self, value: int) -> str:
        return instants.literal(value)


@dataclass(slots=True, frozen=True)
class ByNumber:
    """Ordered by a whole number, such as an id."""

    attribute: str

    def mark(self, raw: object) -> Mark | None:
        number = whole_number(raw)
        return None if number is None else Mark(number, number, number + 1)

    def literal(self, value: int) -> str:
        return str(value)


def whole_number(raw: object) -> int | None:
    """An id as a number; framework version 9 writes it as text."""
    text = str(raw)
    return int(text) if text.isascii() and text.removeprefix("-").isdigit() else None
