"""Tickets that name documents, with those documents: the join of what a system tells with what is kept here.

Nothing is guessed. A number counts if exactly one document of its kind has it and that one is the ticket's own party's.
Where the party is not known, only numbers count that the ERP itself has given.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol, runtime_checkable

from ml_connector.core.documents import Documents, Known, folded
from ml_connector.core.records import Body, EventSource, Page, SourceRecord, Window

_AT_ONCE = 100


@runtime_checkable
class Mentioning(EventSource, Protocol):
    """A source whose bodies have ``mentioned`` (numbers), ``customer`` (the party, or null), and ``documents`` to be
    filled in."""

    mentions: bool


class Documented:
    """A source of tickets whose bodies hold, per kind, the documents that they name.

    Each read also gives the open tickets that name a document which has changed since the window's beginning.
    """

    windowed = True

    def __init__(self, tickets: Mentioning, documents: Documents, stream: str) -> None:
        self.system = tickets.system
        self.operation = tickets.operation
        self.continues = tickets.continues
        self.objects = tickets.objects
        self._tickets = tickets
        self._documents = documents
        self._stream = stream

    async def clock(self) -> datetime:
        return await self._tickets.clock()

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        async for page in self._tickets.read(window, cursor):
            cursor = page.cursor
            page.records = await self._joined(page.records)
            yield page
        if window.lo is None or cursor is None:
            return
        ids = await self._documents.concerned(self._stream, window.lo)
        for first in range(0, len(ids), _AT_ONCE):
            yield Page(await self.lookup(ids[first : first + _AT_ONCE]), cursor)

    async def lookup(self, ids: Sequence[str]) -> list[SourceRecord]:
        return await self._joined(await self._tickets.lookup(ids))

    async def concerns(self, kind: str, object_key: str, body: bytes) -> bool:
        return await self._tickets.concerns(kind, object_key, body)

    async def _joined(self, records: Sequence[SourceRecord]) -> list[SourceRecord]:
        if not records:
            return []
        await self._documents.mentioned(self._stream, {r.source_id: r.body["mentioned"] for r in records})
        named = sorted({number for record in records for number in record.body["mentioned"]})
        known = await self._documents.find(named) if named else []
        return [replace(r, body={**r.body, "documents": belonging(r.body, known)}) for r in records]


def belonging(body: Body, known: Sequence[Known]) -> dict[str, list[Body]]:
    """The contents of the documents that a ticket names, per kind."""
    party, numbers = body["customer"], {folded(number) for number in body["mentioned"]}
    found: dict[str, dict[str, Body]] = {}
    by_number: dict[tuple[str, str], list[Known]] = {}
    for one in known:
        if one.number in numbers and (one.party == party if party else one.own):
            by_number.setdefault((one.kind, one.number), []).append(one)
    for (kind, _), matches in sorted(by_number.items()):
        if len(matches) == 1:
            found.setdefault(kind, {})[matches[0].id] = matches[0].content
    return {kind: list(contents.values()) for kind, contents in found.items()}
