"""Documents of REST, WQL or a report, which know their supplier by its WID alone, with the id that people give it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime

from connectors.workday.json_streams import ReportStream, RestOrders, WqlStream
from connectors.workday.settings import SYSTEM
from connectors.workday.soap_stream import SoapStream
from ml_connector.core.records import Page, SourceRecord, Window


class Supplied:
    """Suppliers are asked for by SOAP as their documents come, of another transport all of them once."""

    system = SYSTEM
    continues = False

    def __init__(
        self, documents: RestOrders | WqlStream | ReportStream, suppliers: SoapStream | WqlStream | ReportStream
    ) -> None:
        self.windowed = documents.windowed
        self.operation = documents.operation
        self.grant = documents.grant
        self._documents = documents
        self._suppliers = suppliers
        self._ids: dict[str, str | None] = {}
        """Supplier_ID by WID."""

    async def clock(self) -> datetime:
        return await self._documents.clock()

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        async for page in self._documents.read(window, cursor):
            wids = {str(r.body["Supplier_WID"]) for r in page.records if r.body.get("Supplier_WID")}
            await self._learn(wids - self._ids.keys(), window)
            page.records = [
                replace(r, body=r.body | {"Supplier_ID": self._ids.get(str(r.body.get("Supplier_WID")))})
                for r in page.records
            ]
            yield page

    async def _learn(self, wids: set[str], window: Window) -> None:
        if not wids:
            return
        found: list[SourceRecord] = []
        if isinstance(self._suppliers, SoapStream):
            found = await self._suppliers.named(sorted(wids), window)
        elif not self._ids:
            everything = self._suppliers.read(Window(None, window.hi), None)
            found = [record async for page in everything for record in page.records]
        self._ids |= dict.fromkeys(wids) | {one.source_id: one.body.get("Supplier_ID") for one in found}
