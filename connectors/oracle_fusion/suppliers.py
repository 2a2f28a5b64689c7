"""Suppliers, all of them in each read: their LastUpdateDate cannot be queried."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime

from connectors.oracle_fusion.client import OracleFusion, Root
from connectors.oracle_fusion.page_size import PageSize
from connectors.oracle_fusion.paging import CollectionPage, Keyset
from connectors.oracle_fusion.ranks import ByNumber
from connectors.oracle_fusion.settings import SYSTEM
from ml_connector.core.records import Body, Page, SourceRecord, Window

TAX_DETAILS = frozenset({"DataFoxEIN", "NationalInsuranceNumber", "TaxpayerId"})
"""Of a supplier who is a person they are private; not even stored."""


class Suppliers:
    """Source id: SupplierId. One is ``Active`` until the day of its ``InactiveDate``. The content makes the version."""

    system = SYSTEM
    windowed = False
    continues = False
    root: Root = "fscmRestApi"
    resource = "suppliers"
    queried = ("SupplierId",)

    def __init__(self, client: OracleFusion) -> None:
        self.client = client
        self.operation = client.operation(self.root, self.resource)
        self._size = PageSize(client.settings.page_size)

    async def clock(self) -> datetime:
        """The pod's time, UTC."""
        return await self.client.clock(self.root, self.resource)

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        """All suppliers in the order of their ids; whether they are active is told for the end of the window."""
        keyset = Keyset(self._fetch, ByNumber("SupplierId"), "SupplierId", since=None, until=None, phase=self.operation)
        async for page in keyset.read(cursor):
            yield Page([_record(row, window.hi.date()) for row in page.rows], page.cursor, page.request_id)

    async def _fetch(self, q: str, order_by: str) -> CollectionPage:
        return await self._size.ask(
            lambda size, retry: self.client.collection(
                self.root, self.resource, q=q, order_by=order_by, limit=size, retry=retry
            )
        )


def _record(row: Body, today: date) -> SourceRecord:
    body = {name: value for name, value in row.items() if name not in TAX_DETAILS}
    # The date decides; what words Status has is not documented.
    body["Active"] = not row.get("InactiveDate") or str(row["InactiveDate"])[:10] > today.isoformat()
    return SourceRecord(row["SupplierId"], None, body, row.get("SupplierNumber"))
