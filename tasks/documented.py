"""Tickets that name documents, with those documents: the join of what a system tells with what is kept here.

Nothing is guessed. A number counts if exactly one document of its kind has it and that one is the ticket's own party's.
Where the party is not known, only what the ERP itself has given counts, and what belongs to a party that the ticket
names; and nothing does in a ticket that is known to be somebody else's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol, runtime_checkable

from ml_connector.core.documents import PARTY, Documents, Known, folded
from ml_connector.core.records import Body, EventSource, Page, SourceRecord, Window

_AT_ONCE = 100


@runtime_checkable
class Mentioning(EventSource, Protocol):
    """A source whose bodies have ``mentioned`` (numbers, names), ``customer`` (the party, or null) and ``foreign``."""

    mentions: bool


class Documented:
    """A source of tickets whose bodies hold, per kind, the documents that they name, and what is open of the parties
    among them.

    Each read also gives the open tickets of which such a document has changed since the window's beginning.
    """

    windowed = True

    def __init__(self, tickets: Mentioning, documents: Documents) -> None:
        self.system = tickets.system
        self.operation = tickets.operation
        self.continues = tickets.continues
        self.objects = tickets.objects
        self._tickets = tickets
        self._documents = documents

    async def clock(self) -> datetime:
        return await self._tickets.clock()

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        async for page in self._tickets.read(window, cursor):
            cursor = page.cursor
            page.records = await self._joined(page.records)
            yield page
        if window.lo is None or cursor is None:
            return
        ids = await self._documents.concerned(window.lo)
        for first in range(0, len(ids), _AT_ONCE):
            yield Page(await self.lookup(ids[first : first + _AT_ONCE]), cursor)

    async def lookup(self, ids: Sequence[str]) -> list[SourceRecord]:
        return await self._joined(await self._tickets.lookup(ids))

    async def concerns(self, kind: str, object_key: str, body: bytes) -> bool:
        return await self._tickets.concerns(kind, object_key, body)

    async def _joined(self, records: Sequence[SourceRecord]) -> list[SourceRecord]:
        if not records:
            return []
        await self._documents.mentioned({r.source_id: r.body["mentioned"] for r in records})
        named = sorted({number for record in records for number in record.body["mentioned"]})
        known = await self._documents.find(named) if named else []
        found = [belonging(r.body, known) for r in records]
        parties = sorted({one.party for some in found for one in some if one.kind == PARTY and one.party})
        open_ = await self._documents.open_of(parties) if parties else {}
        return [
            replace(r, body={**r.body, "documents": _contents(its), "open_documents": _open(its, open_)})
            for r, its in zip(records, found, strict=True)
        ]


def belonging(body: Body, known: Sequence[Known]) -> list[Known]:
    """The documents that a ticket names; with what is settled, what settles it."""
    numbers = {folded(number) for number in body["mentioned"]}
    mine = [one for one in known if one.number in numbers and not body["foreign"]]
    named = [one for one in mine if not one.settles]
    if body["customer"]:
        found = _unambiguous(one for one in named if one.party == body["customer"])
    else:
        parties = {one.party for one in _unambiguous(one for one in named if one.own) if one.kind == PARTY}
        found = _unambiguous(one for one in named if one.own or one.party in parties)
    settled = {(one.number, one.party) for one in found}
    return found + [one for one in mine if one.settles and (one.number, one.party) in settled]


def _unambiguous(matches: Iterable[Known]) -> list[Known]:
    by_number: dict[tuple[str, str], list[Known]] = {}
    for one in matches:
        by_number.setdefault((one.kind, one.number), []).append(one)
    return [some[0] for _, some in sorted(by_number.items()) if len(some) == 1]


def _contents(found: Sequence[Known]) -> dict[str, list[Body]]:
    """By kind, each document once."""
    contents: dict[str, dict[str, Body]] = {}
    for one in found:
        contents.setdefault(one.kind, {})[one.id] = one.content
    return {kind: list(by_id.values()) for kind, by_id in contents.items()}


def _open(found: Sequence[Known], open_: dict[str, dict[str, list[Body]]]) -> dict[str, list[Body]]:
    by_kind: dict[str, list[Body]] = {}
    for party in dict.fromkeys(one.party for one in found if one.kind == PARTY):
        for kind, contents in open_.get(party or "", {}).items():
            by_kind.setdefault(kind, []).extend(contents)
    return by_kind
