"""Streams that are read by REST, by WQL or from a report."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta

from connectors.workday.client import Rows, Workday
from connectors.workday.json_rows import Values, check_columns, instant, renamed
from connectors.workday.settings import SYSTEM, ReportRead, RestRead, WqlRead
from ml_connector.core import jsonx
from ml_connector.core.errors import RetryLater
from ml_connector.core.records import Page, SourceRecord, Window

_REST_ORDER = {
    "WID": "id",
    "Document_Number": "descriptor",
    "Document_Status": "status.descriptor",
    "Company": "company.descriptor",
    "Supplier_WID": "supplier.id",
    "Supplier_Name": "supplier.descriptor",
    "Currency": "currency",
    "Document_Date": "documentDate",
    "Total_Amount": "totalAmount",
}
"""purchaseOrders of procurement v5; its descriptor is what the order is called."""
_CHUNK = 500


class RestOrders:
    """Purchase orders by REST, by document date and in full each time: it has no filter by change."""

    system = SYSTEM
    windowed = False
    continues = False
    grant = "the scope Procurement for the API client, and Process: Purchase Order - View"

    def __init__(self, client: Workday, read: RestRead) -> None:
        self.client = client
        self.operation = f"REST {read.service}/purchaseOrders"
        self._read = read

    async def clock(self) -> datetime:
        rows = await self.client.rest(self._read, "purchaseOrders", {}, offset=0)
        return _time(rows)

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        """All orders since the first day; the cursor counts rows."""
        since = {"fromDate": (window.hi - timedelta(days=self._read.days)).date().isoformat()}
        offset = int(jsonx.loads(cursor)["offset"]) if cursor else 0
        while True:
            found = await self.client.rest(self._read, "purchaseOrders", since, offset=offset)
            offset += len(found.rows)
            if found.rows:
                yield _page(found, _REST_ORDER, {}, "Document_Number", offset, self.operation)
            if offset >= found.total or not found.rows:
                return


class WqlStream:
    """A query. Windowed where an alias tells the moment of the last change."""

    system = SYSTEM
    continues = False
    grant = "access to the data source for the user, and the scope System for the API client"

    def __init__(self, client: Workday, read: WqlRead, number: str) -> None:
        self.client = client
        self.windowed = read.last_updated is not None
        self.operation = f"WQL {read.data_source}"
        self._read = read
        self._number = number

    async def clock(self) -> datetime:
        return _time(await self.client.wql(self._read, "", offset=0, limit=1))

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        """All rows of the window; the cursor counts rows."""
        offset = int(jsonx.loads(cursor)["offset"]) if cursor else 0
        while True:
            found = await self.client.wql(self._read, self._where(window), offset=offset, limit=self._read.page_size)
            check_columns(found.rows, self._read.fields, self.operation)
            offset += len(found.rows)
            if found.rows:
                read = self._read
                yield _page(found, read.fields, read.values, self._number, offset, self.operation, read.last_updated)
            if offset >= found.total or not found.rows:
                return

    def _where(self, window: Window) -> str:
        alias = self._read.last_updated
        if alias is None:
            return ""
        parts = [f"{alias} <= '{_moment(window.hi)}'"]
        if window.lo is not None:
            parts.insert(0, f"{alias} >= '{_moment(window.lo)}'")
        return " AND ".join(parts)


class ReportStream:
    """A report, in full each time and in one answer."""

    system = SYSTEM
    windowed = False
    continues = False
    grant = "access to the report for the user: share it, and enable it as a web service"

    def __init__(self, client: Workday, read: ReportRead, number: str) -> None:
        self.client = client
        self.operation = f"RaaS {read.report}"
        self._read = read
        self._number = number
        self._seen: Rows | None = None

    async def clock(self) -> datetime:
        """The tenant's time, UTC. It takes the whole report to learn it, so the next read does not ask again."""
        self._seen = await self.client.report(self._read)
        return _time(self._seen)

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:  # noqa: ARG002 - always all of it
        """All rows. A read that was broken off begins anew: the rows of a report have no order."""
        found, self._seen = self._seen or await self.client.report(self._read), None
        check_columns(found.rows, self._read.fields, self.operation)
        for first in range(0, len(found.rows), _CHUNK):
            part = Rows(found.rows[first : first + _CHUNK], found.total, found.server_time, found.request_id)
            end = first + len(part.rows)
            yield _page(part, self._read.fields, self._read.values, self._number, end, self.operation)


def _page(
    found: Rows,
    fields: Mapping[str, str],
    values: Values,
    number: str,
    offset: int,
    what: str,
    last_updated: str | None = None,
) -> Page:
    records = []
    for row in found.rows:
        body = renamed(row, fields, values, what)
        source_id = body.get("WID") or jsonx.digest(body).hex()[:32]
        modified = instant(row.get(last_updated)) if last_updated else None
        records.append(SourceRecord(str(source_id), modified, body, body.get(number)))
    return Page(records, jsonx.dumps({"offset": offset}).decode(), found.request_id)


def _time(found: Rows) -> datetime:
    if found.server_time is None:
        raise RetryLater("answered without a Date header: its clock is unknown", vendor=SYSTEM)
    return found.server_time


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
