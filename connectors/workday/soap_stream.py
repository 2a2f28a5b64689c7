"""Streams that are read by SOAP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta

from connectors.workday.client import Page as SoapPage
from connectors.workday.client import Workday
from connectors.workday.envelope import Part, Reference
from connectors.workday.operations import Operation
from connectors.workday.place import Place
from connectors.workday.settings import SYSTEM, SoapRead
from ml_connector.core import jsonx
from ml_connector.core.errors import Misconfigured, RetryLater
from ml_connector.core.records import Body, Page, SourceRecord, Window

_NAMED = 100
"""Records that are asked for at once by their WIDs."""


@dataclass(slots=True, frozen=True)
class Pass:
    """One question to the operation, and what asking it tells of each record in the answer."""

    criteria: Sequence[Part] = ()
    adds: Callable[[Body], Body] = field(default=lambda _: {})
    references: Sequence[Part] = ()

    @property
    def asked(self) -> Sequence[Part]:
        """Workday takes criteria or references, never both."""
        parts: Sequence[Part] = (("Request_Criteria", self.criteria), ("Request_References", self.references))
        return [part for part in parts if part[1]]


class SoapStream:
    """One operation, read in passes of pages. Workday's answers have no time of change: the content tells versions."""

    system = SYSTEM
    continues = False

    def __init__(
        self,
        client: Workday,
        read: SoapRead,
        operation: Operation,
        passes: Callable[[Window], Sequence[Pass]],
        *,
        windowed: bool,
        number: str,
    ) -> None:
        self.client = client
        self.windowed = windowed
        self.operation = f"SOAP {operation.name} {read.service or operation.service} {read.version}"
        self.grant = operation.grant
        self._read = read
        self._operation = operation
        self._passes = passes
        self._number = number

    async def clock(self) -> datetime:
        """The tenant's time, UTC: the Date header of an answer with one record."""
        past = datetime.now(UTC) - timedelta(days=1)
        asked = self._passes(Window(past, past))[0].asked
        page = await self.client.page(self._operation, self._read, asked, page=1, as_of=past, count=1)
        if page.server_time is None:
            raise RetryLater("answered without a Date header: its clock is unknown", vendor=SYSTEM)
        return page.server_time

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        """All records that the passes find, as they stood at the end of the window: pages do not shift meanwhile.

        Where they do shift, because records have left what was asked for, some pages come twice.
        """
        begin = Place(**jsonx.loads(cursor)) if cursor else Place()
        for nth, one in list(enumerate(self._passes(window)))[begin.nth :]:
            place = begin if nth == begin.nth else Place(nth)
            while place.page:
                page = await self._page(one, place.page, window)
                place = place.behind(page.answer)
                records = [self._record(row | one.adds(row)) for row in page.answer.rows]
                if records:
                    yield Page(records, jsonx.dumps(asdict(place)).decode(), page.request_id)

    async def named(self, wids: Sequence[str], window: Window) -> list[SourceRecord]:
        """The records of these WIDs, as they stood at the end of the window.

        Workday refuses a request that names one which is gone, or is not for this user: that one is left out.
        """
        most = min(_NAMED, self._read.page_size)
        parts = [wids[first : first + most] for first in range(0, len(wids), most)]
        return [record for part in parts for record in await self._named(part, window)]

    async def _named(self, wids: Sequence[str], window: Window) -> list[SourceRecord]:
        reference = f"{self._operation.record}_Reference"
        one = Pass(references=[(reference, Reference("WID", wid)) for wid in wids])
        try:
            page = await self._page(one, 1, window)
        except Misconfigured:
            middle = len(wids) // 2
            halves = (wids[:middle], wids[middle:]) if middle else ()
            return [record for half in halves for record in await self._named(half, window)]
        return [self._record(row) for row in page.answer.rows]

    async def _page(self, one: Pass, number: int, window: Window) -> SoapPage:
        page = await self.client.page(
            self._operation, self._read, one.asked, page=number, as_of=window.hi, count=self._read.page_size
        )
        if not page.answer.count and page.answer.total and number <= page.answer.pages:
            raise RetryLater(
                f"gave no records on a page of which it says that it is one of {page.answer.pages}",
                vendor=SYSTEM,
                phase=f"{self._operation.name}, page {number}",
                request_id=page.request_id,
            )
        return page

    def _record(self, body: Body) -> SourceRecord:
        # Some records have lost their WID to a security rule; then what they are called must do.
        source_id = body.get("WID") or body.get(self._number) or jsonx.digest(body).hex()[:32]
        return SourceRecord(str(source_id), None, body, body.get(self._number))
