"""A collection that behaves like Fusion at its worst, for the tests of the pager."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from connectors.oracle_fusion.paging import CollectionPage

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Show = Callable[[int], str]
"""How the rank that is stored, in microseconds, is shown."""

_CLAUSE = re.compile(r"(\w+) (>=|<=|!=|>|<) (?:'([^']+)'|(-?\d+))")
_TESTS: dict[str, Callable[[int, int], bool]] = {
    ">": lambda held, asked: held > asked,
    ">=": lambda held, asked: held >= asked,
    "<": lambda held, asked: held < asked,
    "<=": lambda held, asked: held <= asked,
    "!=": lambda held, asked: held != asked,
}


def cut_off(unit: int) -> Show:
    """Shows no more digits than ``unit`` microseconds are worth."""
    return lambda stored: written(stored // unit * unit, unit)


def rounded(unit: int) -> Show:
    """Shows the nearest instant of so many digits, which may lie after the stored one."""
    return lambda stored: written((stored + unit // 2) // unit * unit, unit)


def without_zero_fraction(stored: int) -> str:
    """Milliseconds, but none where they are zero."""
    shown = stored // 1000 * 1000
    return written(shown, 1000 if shown % 1_000_000 else 1_000_000)


def written(stored: int, unit: int) -> str:
    precision = {1: "microseconds", 1000: "milliseconds", 1_000_000: "seconds"}[unit]
    return (EPOCH + timedelta(microseconds=stored)).isoformat(timespec=precision)


@dataclass
class Collection:
    """``rows``: id -> stored LastUpdateDate in microseconds. ``caps`` are the page sizes served, in turn."""

    rows: dict[int, int]
    show: Show = field(default=cut_off(1000))
    caps: list[int] = field(default_factory=lambda: [500])
    ids_as_text: bool = False
    claims: Callable[[bool], bool] = field(default=lambda more: more)
    """What hasMore says, given the truth."""
    after_page: Callable[[], None] = field(default=lambda: None)
    queries: list[str] = field(default_factory=list)

    async def fetch(self, q: str, order_by: str) -> CollectionPage:
        self.queries.append(q)
        found = [(row_id, at) for row_id, at in self.rows.items() if self._matches(q, row_id, at)]
        keys: list[Callable[[tuple[int, int]], int]] = [
            (lambda row: row[1]) if part == "LastUpdateDate:asc" else (lambda row: row[0])
            for part in order_by.split(",")
        ]
        found.sort(key=lambda row: tuple(key(row) for key in keys))
        cap = self.caps[len(self.queries) % len(self.caps)]
        page = [self._row(row_id, at) for row_id, at in islice(found, cap)]
        more = self.claims(len(found) > cap) if page else False
        self.after_page()
        return CollectionPage(page, more)

    def _matches(self, q: str, row_id: int, at: int) -> bool:
        clauses = [_CLAUSE.fullmatch(part) for part in q.split(" and ")] if q else []
        assert all(clauses), q
        return all(
            _TESTS[clause[2]](
                *((at, _micros(clause[3])) if clause[1] == "LastUpdateDate" else (row_id, int(clause[4])))
            )
            for clause in clauses
            if clause
        )

    def _row(self, row_id: int, at: int) -> dict[str, Any]:
        return {"PartyId": str(row_id) if self.ids_as_text else row_id, "LastUpdateDate": self.show(at)}


def _micros(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)
