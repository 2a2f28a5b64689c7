"""The rows below a document: its lines, their distributions.

They come with their document, a page of documents in one call (``expand``), but not without limit:

* Not three levels deep: https://docs.oracle.com/en/cloud/saas/procurement/24d/fainp/spm-rest-apis-outbound.html says so
  of suppliers, the same books of items and of maintenance. What an order's schedules are charged to lies there.
* How many rows of a collection come along is documented nowhere; 25, the length of a page that nobody gave a length, is
  what others have seen.

So a collection that is not there, says that there are more rows, or has 25 of them is not taken for complete: all that
is below its document is then read collection by collection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from connectors.oracle_fusion.client import OracleFusion, Root
from connectors.oracle_fusion.paging import CollectionPage
from connectors.oracle_fusion.rows import children, has_more, key_in_url
from connectors.oracle_fusion.settings import SYSTEM
from ml_connector.core.errors import Misconfigured, RetryLater
from ml_connector.core.records import Body

CUT_AT = 25
MOST = 5_000
"""Rows of one collection that are read; a subledger's journal may have hundreds of thousands."""
LEFT_OUT = "rows_left_out"
"""What the document then says."""
ASKED_AT_ONCE = 40
"""Documents whose addresses are asked for in one query; more make it too long."""
CONCURRENCY = 4
"""Documents of a page that are read this way at the same time."""


@dataclass(slots=True, frozen=True)
class Child:
    """A collection below each row of another. ``order``: an attribute that gives its rows a fixed order."""

    name: str
    order: str
    below: tuple[Child, ...] = ()


def expansion(below: Iterable[Child], levels: int) -> str:
    """The value of ``expand``: ``invoiceLines,invoiceLines.invoiceDistributions``."""
    return ",".join(_paths(below, "", levels))


def _paths(below: Iterable[Child], prefix: str, levels: int) -> Iterator[str]:
    for child in below if levels else ():
        yield prefix + child.name
        yield from _paths(child.below, f"{prefix}{child.name}.", levels - 1)


class Descendants:
    """Completes documents of one resource, ``key`` being the attribute with their id."""

    def __init__(self, client: OracleFusion, root: Root, resource: str, key: str, below: Sequence[Child]) -> None:
        self._client = client
        self._root: Root = root
        self._resource = resource
        self._key = key
        self._below = below
        self._slots = asyncio.Semaphore(CONCURRENCY)

    async def complete(self, documents: Sequence[Body]) -> list[Body]:
        """The documents with all that is below them. `RetryLater` where that changes while it is read."""
        cut = [document[self._key] for document in documents if _is_cut(document, self._below)]
        addresses = await self._addresses(cut)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._complete(document, addresses.get(document[self._key])))
                    for document in documents
                ]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return [task.result() for task in tasks]

    async def _complete(self, document: Body, address: str | None) -> Body:
        if address is None:
            return document
        async with self._slots:
            whole = dict(document)
            for child in self._below:
                whole[child.name], complete = await self._rows(address, child)
                if not complete:
                    whole[LEFT_OUT] = True
            return whole

    async def _addresses(self, ids: Sequence[object]) -> dict[object, str]:
        """Where documents are found, by their ids. Some resources have opaque keys, which only links tell."""
        found: dict[object, str] = {}
        for start in range(0, len(ids), ASKED_AT_ONCE):
            missing = list(ids[start : start + ASKED_AT_ONCE])
            while missing:  # a page may hold fewer rows than it could
                page = await self._client.rows(
                    self._root,
                    self._resource,
                    q=" or ".join(f"{self._key} = {one}" for one in missing),
                    fields=self._key,
                    limit=len(missing),
                    links="self",
                )
                new = {row[self._key]: key for row in page.rows if (key := key_in_url(row)) is not None}
                if not new.keys() & missing:
                    raise self._changed(f"a document that has just been read is not found by its {self._key}")
                found |= {one: f"{self._resource}/{key}" for one, key in new.items()}
                missing = [one for one in missing if one not in new]
        return found

    async def _rows(self, parent: str, child: Child) -> tuple[list[Body], bool]:
        """The rows of one collection with what is below them, and whether these are all."""
        found: dict[str, Body] = {}
        while len(found) < MOST:
            page = await self._page(parent, child, len(found))
            if not page.rows and page.has_more:
                raise self._changed(f"an empty page of {child.name} came that says that there are more rows")
            for row in page.rows:
                key = key_in_url(row)
                if key is None or key in found:
                    raise self._changed(f"{child.name} changed while they were read")
                found[key] = row
            if not page.has_more and len(page.rows) < CUT_AT:
                break
        complete = len(found) < MOST
        for key, row in found.items():
            if _is_cut(row, child.below):
                for deeper in child.below:
                    row[deeper.name], all_of_them = await self._rows(f"{parent}/child/{child.name}/{key}", deeper)
                    complete = complete and all_of_them
        return list(found.values()), complete

    async def _page(self, parent: str, child: Child, offset: int) -> CollectionPage:
        try:
            return await self._client.rows(
                self._root,
                f"{parent}/child/{child.name}",
                expand=expansion(child.below, self._client.settings.expand_levels),
                order_by=f"{child.order}:asc",
                offset=offset,
                links="self",
            )
        except Misconfigured:  # a 404 for one: of a collection that this pod does not have, or below what was deleted
            if await self._client.exists(self._root, parent):
                raise
        raise self._changed(f"what {child.name} are below was deleted while they were read")

    def _changed(self, what: str) -> RetryLater:
        return RetryLater(
            f"{what}: ask again later", vendor=SYSTEM, phase=self._client.operation(self._root, self._resource)
        )


def _is_cut(row: Body, below: Iterable[Child]) -> bool:
    """Whether some collection below a row may have more rows than came with it."""
    return any(
        row.get(child.name) is None
        or has_more(row.get(child.name))
        or len(rows := children(row.get(child.name))) >= CUT_AT
        or any(_is_cut(one, child.below) for one in rows)
        for child in below
    )
