"""Rows by id with their indexes, and the past that a slow search index still shows."""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator

from connectors.zendesk.sandbox.http import Row

KeyOf = Callable[[Row], object]


class Table:
    """Rows are never changed in place: ``replace`` takes a new one.

    A write with a ``lag`` (seconds) is at once visible to ``get`` and ``find``, and to ``seen``, ``find_seen`` and
    ``walk`` only when the lag has passed. ``indexes`` name functions that give a row's key, or None for no key; keys
    are not unique here, because nothing is in accounts that are old enough.
    """

    def __init__(self, **indexes: KeyOf) -> None:
        self._key_of = indexes
        self._rows: dict[int, Row] = {}
        self._ids: list[int] = []
        self._index: dict[str, dict[object, dict[int, None]]] = {name: {} for name in indexes}
        self._past: dict[int, list[tuple[float, Row | None]]] = {}
        self._changed_at: dict[int, float] = {}
        self._changes: list[tuple[float, int]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def insert(self, row: Row, lag: float = 0.0) -> None:
        self._remember(row["id"], None, lag)
        insort(self._ids, row["id"])
        self._rows[row["id"]] = row
        for name, key_of in self._key_of.items():
            self._enter(name, key_of(row), row["id"])

    def replace(self, row: Row, lag: float = 0.0) -> None:
        old = self._rows[row["id"]]
        self._remember(row["id"], old, lag)
        self._rows[row["id"]] = row
        for name, key_of in self._key_of.items():
            if (before := key_of(old)) != (after := key_of(row)):
                self._leave(name, before, row["id"])
                self._enter(name, after, row["id"])

    def remove(self, row_id: int, lag: float = 0.0) -> None:
        old = self._rows.pop(row_id)
        self._remember(row_id, old, lag)
        del self._ids[bisect_left(self._ids, row_id)]
        for name, key_of in self._key_of.items():
            self._leave(name, key_of(old), row_id)

    def get(self, row_id: int) -> Row | None:
        return self._rows.get(row_id)

    def find(self, index: str, key: object) -> list[Row]:
        """The rows of this key, by id."""
        return [self._rows[row_id] for row_id in sorted(self._index[index].get(key, ()))]

    def all(self) -> list[Row]:
        return [self._rows[row_id] for row_id in self._ids]

    def seen(self, row_id: int) -> Row | None:
        if row_id in self._past:
            now = time.monotonic()
            for until, row in self._past[row_id]:
                if until > now:
                    return row
            del self._past[row_id]
        return self._rows.get(row_id)

    def find_seen(self, index: str, key: object) -> list[Row]:
        candidates = {*self._index[index].get(key, ()), *self._past}
        rows = [self.seen(row_id) for row_id in sorted(candidates)]
        return [row for row in rows if row is not None and self._key_of[index](row) == key]

    def walk(self, after: int = 0) -> Iterator[Row]:
        """The visible rows with a greater id than ``after``, by id."""
        ids = sorted({*self._ids, *self._past}) if self._past else self._ids
        for position in range(bisect_right(ids, after), len(ids)):
            row = self.seen(ids[position])
            if row is not None:
                yield row

    def changes(self, after: tuple[float, int], until: float) -> Iterator[tuple[float, int]]:
        """When which row was last changed (or removed), in that order; no two at the same time."""
        for position in range(bisect_right(self._changes, after), len(self._changes)):
            at, row_id = self._changes[position]
            if at > until:
                return
            if self._changed_at[row_id] == at:
                yield at, row_id

    def _remember(self, row_id: int, old: Row | None, lag: float) -> None:
        at = max(time.time(), self._changes[-1][0] + 1e-5 if self._changes else 0.0)
        self._changed_at[row_id] = at
        self._changes.append((at, row_id))
        if lag > 0:
            self._past.setdefault(row_id, []).append((time.monotonic() + lag, old))

    def _enter(self, name: str, key: object, row_id: int) -> None:
        if key is not None:
            self._index[name].setdefault(key, {})[row_id] = None

    def _leave(self, name: str, key: object, row_id: int) -> None:
        if key is not None:
            ids = self._index[name][key]
            del ids[row_id]
            if not ids:
                del self._index[name][key]


def folded(value: object) -> str | None:
    """The form in which Zendesk compares names, e-mail addresses and external ids."""
    return str(value).strip().casefold() if value not in (None, "") else None
