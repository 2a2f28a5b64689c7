"""Documents of the finance modules, read by time window with all that is below them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Collection, Sequence
from copy import copy
from datetime import datetime
from typing import ClassVar, Literal, Self

from connectors.oracle_fusion import instants
from connectors.oracle_fusion.child_order import in_order
from connectors.oracle_fusion.client import OracleFusion, Root
from connectors.oracle_fusion.descendants import Child, Descendants, expansion
from connectors.oracle_fusion.literals import literal
from connectors.oracle_fusion.page_size import PageSize
from connectors.oracle_fusion.paging import CollectionPage, Keyset
from connectors.oracle_fusion.ranks import ByTime
from connectors.oracle_fusion.rows import normalised
from connectors.oracle_fusion.settings import SYSTEM
from ml_connector.core import jsonx
from ml_connector.core.records import Body, Page, SourceRecord, Window

AT_ONCE = 50
"""Documents asked for in one call: each comes with all its rows, and Fusion is slow at that."""


class Documents(ABC):
    """One resource. ``key`` is the id, ``number`` what people call a document, ``below`` its collections.

    ``withheld`` attributes are dropped on arrival, on every level.
    """

    system = SYSTEM
    windowed = True
    continues = False
    root: Root = "fscmRestApi"
    resource: ClassVar[str]
    key: ClassVar[str]
    number: ClassVar[str]
    below: ClassVar[tuple[Child, ...]] = ()
    withheld: ClassVar[Collection[str]] = ()

    def __init__(self, client: OracleFusion) -> None:
        self.client = client
        self.operation = client.operation(self.root, self.resource)
        self._by: Literal["LastUpdateDate", "CreationDate"] = "LastUpdateDate"
        self._size = PageSize(min(AT_ONCE, client.settings.page_size))
        self._descendants = Descendants(client, self.root, self.resource, self.key, self.below)

    def new_only(self) -> Self:
        """The same stream, but of what was created in a window: a document comes once, whatever becomes of it."""
        of_new = copy(self)
        of_new._by = "CreationDate"
        return of_new

    @property
    def queried(self) -> tuple[str, ...]:
        """The attributes that must be queryable."""
        return (self._by, self.key)

    async def clock(self) -> datetime:
        """The pod's time, UTC."""
        return await self.client.clock(self.root, self.resource)

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        """The documents whose LastUpdateDate (of `new_only`: CreationDate) is in the window, in its order and by id.

        One whose date cannot be read comes with ``modified_at`` None; one without it matches no window.
        """
        since = None if window.lo is None else instants.micros(window.lo)
        until = instants.micros(window.hi)
        keyset = Keyset(self._fetch, ByTime(self._by), self.key, since=since, until=until, phase=self.operation)
        async for page in keyset.read(cursor):
            rows = await self.joined(page.rows)
            records = [self._record(row, more) for row, more in zip(page.rows, rows, strict=True)]
            yield Page(records, page.cursor, page.request_id)

    async def lookup(self, ids: Sequence[str]) -> list[SourceRecord]:
        """Those of the documents that exist, the same as ``read`` would give them."""
        records: list[SourceRecord] = []
        for one in ids:
            if one.isascii() and one.isdigit():
                page = await self._fetch(f"{self.key} = {one}", f"{self.key}:asc")
                beside = await self.joined(page.rows)
                records += [self._record(row, more) for row, more in zip(page.rows, beside, strict=True)]
        return records

    async def numbered(self, number: str) -> list[Body]:
        """The documents that people call by this number, with all that is below them; none if it has characters that
        cannot be asked for. Some numbers are given twice, by two business units."""
        written = literal(number)
        found: list[Body] = []
        q = f"{self.number} = {written}"
        while written:
            page = await self._fetch(q, f"{self.key}:asc")
            if not page.rows:
                break
            found += [row for row in page.rows if row.get(self.number) == number]
            q = f"{self.number} = {written} and {self.key} > {page.rows[-1][self.key]}"
        return found

    async def joined(self, rows: list[Body]) -> list[Body]:
        """What is put beside the attributes of each row, in their order; it makes no version of a document."""
        return [{"url": url} if (url := self.client.page_of(self.page(), row)) else {} for row in rows]

    @abstractmethod
    def page(self) -> str:
        """The template of the addresses where people see these documents."""

    async def _fetch(self, q: str, order_by: str) -> CollectionPage:
        page = await self._size.ask(
            lambda size, retry: self.client.rows(
                self.root,
                self.resource,
                q=q,
                order_by=order_by,
                expand=expansion(self.below, self.client.settings.expand_levels),
                limit=size,
                retry=retry,
            )
        )
        complete = await self._descendants.complete(page.rows)
        page.rows = [in_order(self._without_withheld(normalised(row)), self.below) for row in complete]
        return page

    def _without_withheld(self, row: Body) -> Body:
        for child in self.below:
            for one in row.get(child.name, ()):
                for name in self.withheld:
                    one.pop(name, None)
        return {name: value for name, value in row.items() if name not in self.withheld}

    def _record(self, row: Body, beside: Body) -> SourceRecord:
        shown = row.get(self._by)
        at = instants.parse(shown)
        version = shown if self._by == "CreationDate" else jsonx.digest(row).hex()
        return SourceRecord(row[self.key], at.at if at else None, row | beside, row.get(self.number), version)
