"""The rows of one resource, kept in the orders in which they are read: a page costs what it holds, not all."""

from __future__ import annotations

import random
from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

from connectors.oracle_fusion.sandbox.query import EVERYTHING, And, Comparison, Condition, Or
from connectors.oracle_fusion.sandbox.resources import LAST_UPDATE, Attribute, Resource, Row, micros, timestamp

Order = Sequence[tuple[str, bool]]
"""Attributes to order by, each with True for descending."""
FEW = 2_000
"""So many rows are sorted rather than looked for in an index."""
BEGINNING, END = -(1 << 80), 1 << 80


class Table:
    """All rows of one resource, by their ``id`` attribute."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.rows: dict[int, Row] = {}
        self._by_time: list[tuple[int, int]] = []
        self._by_id: list[tuple[int, int]] = []
        self._found_by: dict[str, dict[object, set[int]]] = {name: {} for name in resource.indexed}
        self._unordered = random.Random(1)
        self._custom: tuple[str, ...] = ()

    def declare(self, custom: dict[str, Attribute]) -> None:
        """The custom attributes of the resource, in place of those declared before; empty in every row."""
        for row in self.rows.values():
            for name in self._custom:
                del row[name]
            row.update(dict.fromkeys(custom))
        own = {name: one for name, one in self.resource.attributes.items() if name not in self._custom}
        self.resource = replace(self.resource, attributes=own | custom)
        self._custom = tuple(custom)

    def add(self, rows: Iterable[Row]) -> None:
        for row in rows:
            row.update(dict.fromkeys(self._custom))
            key = row[self.resource.id]
            self.rows[key] = row
            self._by_time.append((micros(row[LAST_UPDATE]), key))
            self._by_id.append((key, key))
            self._find(row)
        self._by_time.sort()
        self._by_id.sort()

    def change(self, key: int, values: Row, at: datetime) -> None:
        """Set attributes of a row and its LastUpdateDate."""
        row = self.rows[key]
        self._forget(row)
        row.update(values)
        row[LAST_UPDATE] = timestamp(at)
        self._find(row)
        insort(self._by_time, (micros(row[LAST_UPDATE]), key))

    def delete(self, key: int) -> None:
        row = self.rows.pop(key)
        self._forget(row)
        self._by_id.pop(bisect_left(self._by_id, (key, key)))

    def find(self, name: str, value: object) -> list[Row]:
        """The rows with this value of an indexed attribute."""
        return [self.rows[key] for key in sorted(self._found_by[name].get(value, ()))]

    def select(self, where: Condition, order: Order, offset: int = 0) -> Iterator[Row]:
        """The rows that match from ``offset`` on, lazily where an index gives the order."""
        keys: Collection[int] | None = self._candidates(where)
        if keys is None:
            by_time = self._stretch(self._by_time, LAST_UPDATE, where)
            if tuple(order) == ((LAST_UPDATE, False), (self.resource.id, False)):
                return self._scan(self._by_time, by_time, LAST_UPDATE, where, offset)
            if tuple(order) == ((self.resource.id, False),) and len(by_time) > FEW:
                by_id = self._stretch(self._by_id, self.resource.id, where)
                return self._scan(self._by_id, by_id, self.resource.id, where, offset)
            keys = [self._by_time[at][1] for at in by_time]
        rows = [row for row in map(self.rows.__getitem__, keys) if where.matches(row)]
        return iter(self._sorted(rows, order)[offset:])

    def count(self, where: Condition) -> int:
        """How many rows match; this reads them all."""
        return sum(1 for _ in self.select(where, ((self.resource.id, False),)))

    def _stretch(self, index: list[tuple[int, int]], name: str, where: Condition) -> range:
        """The places of an index between which all matches lie."""
        low, high = _range(where, name)
        return range(bisect_left(index, (low,)), bisect_left(index, (high + 1,)))

    def _scan(
        self, index: list[tuple[int, int]], stretch: range, name: str, where: Condition, offset: int
    ) -> Iterator[Row]:
        """The matching rows of a stretch; where it holds nothing but matches, the offset costs nothing."""
        rest = _beside_range(where, name)
        if rest is EVERYTHING:
            stretch, offset = stretch[offset:], 0
        rows = (self.rows[index[at][1]] for at in stretch)
        return islice((row for row in rows if rest.matches(row)), offset, None)

    def _candidates(self, where: Condition) -> set[int] | None:
        """Keys among which all matches are, if look-ups alone can tell."""
        match where:
            case Comparison(attribute, "=", value) if attribute.name in self._found_by:
                return self._found_by[attribute.name].get(value, set())
            case And(parts):
                known = [keys for part in parts if (keys := self._candidates(part)) is not None]
                return min(known, key=len, default=None)
            case Or(parts):
                found = [self._candidates(part) for part in parts]
                return None if any(keys is None for keys in found) else set().union(*(keys or () for keys in found))
            case _:
                return None

    def _sorted(self, rows: list[Row], order: Order) -> list[Row]:
        # Rows that the order leaves equal come differently each time: a database promises nothing about them.
        self._unordered.shuffle(rows)
        for name, descending in reversed(order):
            attribute = self.resource.attributes[name]
            held = [row for row in rows if row[name] is not None]
            held.sort(key=lambda row: attribute.comparable(row[attribute.name]), reverse=descending)
            nulls = [row for row in rows if row[name] is None]
            rows = nulls + held if descending else held + nulls
        return rows

    def _find(self, row: Row) -> None:
        for name, found in self._found_by.items():
            found.setdefault(row[name], set()).add(row[self.resource.id])

    def _forget(self, row: Row) -> None:
        key = row[self.resource.id]
        self._by_time.pop(bisect_left(self._by_time, (micros(row[LAST_UPDATE]), key)))
        for name, found in self._found_by.items():
            found[row[name]].discard(key)


def _beside_range(where: Condition, name: str) -> Condition:
    """What the range of an attribute leaves to be looked at."""
    rest = tuple(part for part in _conjuncts(where) if not (isinstance(part, Comparison) and _ranges(part, name)))
    return And(rest) if rest else EVERYTHING


def _range(where: Condition, name: str) -> tuple[int, int]:
    """A closed range of an attribute in which all matches lie."""
    match where:
        case Comparison(_, sign, value) if _ranges(where, name):
            low = value + (sign == ">") if sign in ("=", ">", ">=") else BEGINNING
            high = value - (sign == "<") if sign in ("=", "<", "<=") else END
            return low, high
        case And(parts):
            ranges = [_range(part, name) for part in parts]
            return max((low for low, _ in ranges), default=BEGINNING), min((high for _, high in ranges), default=END)
        case Or(parts) if parts:
            ranges = [_range(part, name) for part in parts]
            return min(low for low, _ in ranges), max(high for _, high in ranges)
        case _:
            return BEGINNING, END


def _ranges(comparison: Comparison, name: str) -> bool:
    return comparison.attribute.name == name and comparison.operator not in ("!=", "<>")


def _conjuncts(where: Condition) -> Iterator[Condition]:
    if isinstance(where, And):
        for part in where.parts:
            yield from _conjuncts(part)
    else:
        yield where
