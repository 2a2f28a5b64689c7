"""What can be read from QAD: each configured entity through its browse."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

from connectors.qad.client import Qad
from connectors.qad.keys import Keys
from connectors.qad.rows import record_of
from connectors.qad.settings import SYSTEM, Entity
from ml_connector.core import jsonx
from ml_connector.core.errors import AbortRun, Misconfigured, RetryLater
from ml_connector.core.records import Body, Page, Window

_DAY = timedelta(days=1)  # the column of the last change may be a day, in the instance's own time zone


class BrowseStream:
    """One entity. Windowed where the browse has a column of the last change."""

    system = SYSTEM
    continues = False

    def __init__(self, client: Qad, name: str, entity: Entity) -> None:
        self.client = client
        self.name = name
        self.entity = entity
        self.windowed = entity.last_modified is not None
        self.operation = f"REST {entity.browse}"

    async def clock(self) -> datetime:
        """The instance's time, UTC: the Date header of an answer with one row."""
        page = await self.client.browse(self.entity.browse, page=1, page_size=1, call_id="clock")
        if page.server_time is None:
            raise RetryLater("answered without a Date header: its clock is unknown", vendor=SYSTEM)
        return page.server_time

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        """All rows, or those changed since the day before the window.

        A full page is not believed to be the last one: what comes behind it tells. `Misconfigured` names a browse or
        columns that the instance does not have, or a key that is none; `AbortRun` if pages repeat, or the time budget
        is used up: a continued run goes on behind the last page.
        """
        begun = time.monotonic()
        state: dict[str, Any] = jsonx.loads(cursor) if cursor else {"page": 1, "call": str(uuid4())}
        start, call_id = int(state["page"]), str(state["call"])
        seen: set[str] = set()
        keys = Keys(self.client, self.name, self.entity)
        promised: bool | None = False
        for number in count(start):
            page = await self.client.browse(
                self.entity.browse,
                page=number,
                page_size=self.entity.page_size,
                call_id=call_id,
                filters=self._filters(window),
            )
            if number == start:
                await self.check(page.rows)
                if number == 1 and not page.rows and window.lo is None:
                    self._refuse_emptiness()
            records = [record_of(row, self.name, self.entity) for row in page.rows]
            if not records or records[0].source_id in seen:
                self._check_end(repeated=bool(records), promised=bool(promised or page.more))
                return
            seen.add(records[0].source_id)
            records = await keys.new(records)
            yield Page(records, jsonx.dumps({"page": number + 1, "call": call_id}).decode(), page.request_id)
            if page.more is False and len(page.rows) < self.entity.page_size:
                return
            promised = page.more
            self._check_budget(time.monotonic() - begun, number)

    async def check(self, rows: list[Body]) -> None:
        """`Misconfigured` unless the instance has this browse with these columns.

        QAD answers 200 without rows to a browse that it does not know, and rows may leave out empty columns; so where
        something is not there, what the instance says about the browse decides.
        """
        missing = [name for name in self.entity.columns if not any(name in row for row in rows)]
        if not missing:
            return
        described = await self.client.columns(self.entity.browse)
        place = f"entities.{self.name}"
        if not described and not rows:
            raise Misconfigured(
                f"this instance does not know {self.entity.browse}: correct {place}.browse in the tenant file "
                "(`ml-connector discover` lists the browses that are there)",
                vendor=SYSTEM,
                phase=self.operation,
            )
        keys = {self.entity.fields[name] for name in self.entity.key}
        unknown = [name for name in missing if (name not in described if described else name in keys)]
        if unknown:
            raise Misconfigured(
                f"{self.entity.browse} has no {', '.join(unknown)}: correct {place} in the tenant file "
                "(`ml-connector discover` lists its columns)",
                vendor=SYSTEM,
                phase=self.operation,
            )

    def _filters(self, window: Window) -> list[str]:
        filters = list(self.entity.filters)
        if self.entity.last_modified is not None and window.lo is not None:
            filters.append(f"{self.entity.last_modified},ge,{(window.lo - _DAY).date().isoformat()},literal")
        return filters

    def _refuse_emptiness(self) -> None:
        """A QAD without any customer is none; of contacts, orders and invoices there may be none."""
        if self.name == "customers":
            raise Misconfigured(
                f"{self.entity.browse} is there, with its columns, and has no rows: correct workspace, or "
                "entities.customers.filters, in the tenant file, or let the user's role see the customers",
                vendor=SYSTEM,
                phase=self.operation,
            )

    def _check_end(self, *, repeated: bool, promised: bool) -> None:
        """A page with nothing new ends the read, unless there was to be more."""
        if promised and repeated:  # what QAD expects in pageAction behind the first page is not documented
            raise AbortRun(
                f"the pages of {self.entity.browse} repeat: set entities.{self.name}.page_size above the number of "
                "its rows",
                vendor=SYSTEM,
                phase=self.operation,
            )
        if promised:  # the next attempt begins at this page, and believes it if it is still empty
            raise RetryLater("promised more rows and gave none", vendor=SYSTEM, phase=self.operation)

    def _check_budget(self, seconds: float, pages: int) -> None:
        if seconds > self.entity.time_budget_minutes * 60:
            raise AbortRun(
                f"{pages} pages of {self.entity.browse} took longer than the time budget. Retry goes on from there; "
                f"better: configure entities.{self.name}.last_modified, filters, a greater page_size or "
                "time_budget_minutes",
                vendor=SYSTEM,
                phase=self.operation,
            )


def _opener(name: Any) -> Callable[[Qad], BrowseStream]:
    def opened(client: Qad) -> BrowseStream:
        entity = client.settings.entities.get(name)
        if entity is None:
            raise Misconfigured(
                f"entities.{name} is not configured: run `ml-connector discover` for the connection and put what fits "
                "into the tenant file, or switch the stream off"
            )
        return BrowseStream(client, name, entity)

    return opened


STREAMS: Mapping[str, Callable[[Qad], BrowseStream]] = {
    "Customer": _opener("customers"),
    "Contact": _opener("contacts"),
    "SalesOrder": _opener("orders"),
    "Invoice": _opener("invoices"),
}
