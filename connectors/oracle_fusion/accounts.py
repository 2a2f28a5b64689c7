"""Account combinations, all of them in each read: they have no LastUpdateDate that tells."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime

from connectors.oracle_fusion.client import OracleFusion, Root
from connectors.oracle_fusion.general_ledger import combination_of_row
from connectors.oracle_fusion.page_size import PageSize
from connectors.oracle_fusion.paging import CollectionPage, Keyset
from connectors.oracle_fusion.ranks import ByNumber
from connectors.oracle_fusion.settings import SYSTEM
from connectors.oracle_fusion.value_sets import SegmentValues
from ml_connector.core.records import Body, Page, SourceRecord, Window

_ID = "_CODE_COMBINATION_ID"


class AccountCombinations:
    """Source id: the combination's. A pod may have hundreds of thousands: the setting ``account_combinations`` says
    which are read. The content makes the version."""

    system = SYSTEM
    windowed = False
    continues = False
    root: Root = "fscmRestApi"
    resource = "accountCombinationsLOV"
    queried = (_ID,)

    def __init__(self, client: OracleFusion) -> None:
        self.client = client
        self.operation = client.operation(self.root, self.resource)
        self._size = PageSize(client.settings.page_size)

    async def clock(self) -> datetime:
        """The pod's time, UTC."""
        return await self.client.clock(self.root, self.resource, _ID)

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        """All that are wanted, in the order of their ids, as they may be used when the window ends."""
        values = SegmentValues(self.client)
        keyset = Keyset(self._fetch, ByNumber(_ID), _ID, since=None, until=None, phase=self.operation)
        async for page in keyset.read(cursor):
            records = [await self._record(row, values, window.hi.date()) for row in page.rows]
            yield Page(records, page.cursor, page.request_id)

    async def _fetch(self, q: str, order_by: str) -> CollectionPage:
        wanted = " and ".join(part for part in (self.client.settings.account_combinations, q) if part)
        return await self._size.ask(
            lambda size, retry: self.client.collection(
                self.root, self.resource, q=wanted, order_by=order_by, limit=size, retry=retry
            )
        )

    async def _record(self, row: Body, values: SegmentValues, day: date) -> SourceRecord:
        journals = self.client.settings.journals
        found = combination_of_row(row, journals.segments if journals else ())
        known = await values.of(found.segments)
        body: Body = {
            "CombinationId": found.combination_id,
            "ChartOfAccountsId": str(row["_CHART_OF_ACCOUNTS_ID"]) if "_CHART_OF_ACCOUNTS_ID" in row else None,
            "AccountType": row.get("AccountType"),
            "Postable": found.is_postable(day) and all(one.is_usable(day) for one in known.values()),
            "Segments": [
                {"Name": name, "Value": value}
                | ({"Description": known[name].description} if name in known and known[name].description else {})
                for name, value in found.segments.items()
            ],
        }
        return SourceRecord(found.combination_id, None, body)
