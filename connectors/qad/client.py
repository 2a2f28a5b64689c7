"""One QAD instance: its browses, and what it says about their columns. Nothing here writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from connectors.qad.settings import SYSTEM, QadSettings
from ml_connector.core.errors import RetryLater
from ml_connector.core.http import HttpClient
from ml_connector.core.rate import Limit
from ml_connector.core.records import Body

_LOOKUP = "urn:browse:custom:lookupBrowseFields"
_CRUD = "urn:be:com.qad.qra.adapter.entity.IEntityBuilderCRUD"
_DESCRIBED = 500


@dataclass(slots=True, frozen=True)
class BrowsePage:
    """One page. ``more``: whether QAD says that there are further ones, None where it says nothing."""

    rows: list[Body] = field(repr=False)
    more: bool | None
    server_time: datetime | None
    request_id: str | None


@dataclass(slots=True, frozen=True)
class Column:
    """What an instance says about a column of a browse."""

    name: str
    label: str
    type: str


class Qad:
    """Reads one instance. ``http`` is bound to its origin, with `errors.explain` and `errors.status`."""

    def __init__(self, http: HttpClient, settings: QadSettings) -> None:
        self.http = http
        self.settings = settings
        per_minute = settings.requests_per_minute
        self._limits = (Limit(f"{SYSTEM}/{self.account}", per_minute, max(1, per_minute // 10)),)
        self._headers = {"Accept-Language": settings.language}
        if settings.workspace:
            self._headers["x-qad-workspace-id"] = settings.workspace

    @property
    def account(self) -> str:
        """Which instance and workspace this is, to notice that a connection was pointed at another one."""
        address = urlsplit(self.settings.origin)
        return f"{address.netloc}{address.path}#{self.settings.workspace or ''}".lower().rstrip("#")

    async def browse(
        self, urn: str, *, page: int, page_size: int, call_id: str, filters: Sequence[str] = ()
    ) -> BrowsePage:
        """Page number ``page``, from 1, of a browse.

        ``page`` and ``pageAction`` are always sent: without them QAD answers 200 and no rows. `RetryLater` if the
        answer is no browse's; errors as of `errors.explain`.
        """
        query: list[tuple[str, Any]] = [
            ("browseId", urn),
            ("page", page),
            ("pageSize", page_size),
            ("pageAction", "first" if page == 1 else "next"),
            ("callId", call_id),
            *(("filter", one) for one in filters),
        ]
        path = f"/api/qracore/browses?{urlencode(query, safe=',:')}"
        response = await self.http.request("GET", path, headers=self._headers, limits=self._limits)
        body = response.json()
        rows = body.get("data") if isinstance(body, dict) else None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise RetryLater(
                "answered with something that is not a browse", vendor=SYSTEM, phase=urn, request_id=response.request_id
            )
        said = (body.get("auxillaryData") or {}).get("HasMoreParams")  # QAD's spelling, and a text
        more = None if said is None else str(said).lower() == "true"
        return BrowsePage(rows, more, response.server_time, response.request_id)

    async def columns(self, urn: str) -> dict[str, Column]:
        """The columns of a browse by name, exactly as rows and filters name them; empty if the instance knows none."""
        page = await self.browse(
            _LOOKUP, page=1, page_size=_DESCRIBED, call_id="columns", filters=[f"browseURI,eq,{urn},literal"]
        )
        found = [
            Column(str(row.get("field")), str(row.get("fieldLabel") or ""), str(row.get("fieldDataType") or ""))
            for row in page.rows
            if row.get("field")
        ]
        return {one.name: one for one in found}

    async def entity_fields(self, uri: str) -> list[str]:
        """The field codes of a business component, ``urn:be:...``; empty if the instance knows none."""
        response = await self.http.request(
            "GET",
            "/api/qracore/entitymetadatas",
            params={"entityURI": uri, "viewUri": _CRUD},
            headers=self._headers,
            limits=self._limits,
        )
        body = response.json()
        data = body.get("data") if isinstance(body, dict) else None
        found = data.get("entityMetadatas") if isinstance(data, dict) else None
        fields = found[0].get("entityFields") if isinstance(found, list) and found else None
        return [str(one["entityFieldCode"]) for one in fields or [] if "entityFieldCode" in one]
