"""One Workday tenant: its SOAP operations, REST, WQL and reports. Nothing here writes.

SOAP: https://community.workday.com/sites/default/files/file-hosting/productionapi/index.html
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from connectors.workday.answers import Answer, read_page
from connectors.workday.envelope import HEADERS, Part, envelope
from connectors.workday.operations import Operation
from connectors.workday.settings import SYSTEM, ReportRead, RestRead, SoapRead, WorkdaySettings, WqlRead
from ml_connector.core.auth import Basic, UsernameToken
from ml_connector.core.errors import AbortRun, ConnectorError, Misconfigured, RetryLater
from ml_connector.core.http import HttpClient, Response
from ml_connector.core.oauth import basic
from ml_connector.core.rate import Limit
from ml_connector.core.records import Body

_LONGEST_QUERY = 2_048
"""Of a WQL query in an address; longer ones are posted."""
_UNQUOTED = re.compile(r"[0-9a-f]{32}|\d+|true|false")
_CHARSET = re.compile(r"charset=\"?([\w-]{1,40})", re.IGNORECASE)


@dataclass(slots=True, frozen=True)
class Rows:
    """Rows of a JSON answer; ``total`` as the tenant says."""

    rows: list[Body] = field(repr=False)
    total: int
    server_time: datetime | None
    request_id: str | None


@dataclass(slots=True, frozen=True)
class Page:
    """One page of a SOAP operation."""

    answer: Answer
    server_time: datetime | None
    request_id: str | None


class Workday:
    """Reads one tenant. ``http`` is bound to its origin, with `errors.explain` and `errors.status`."""

    def __init__(self, http: HttpClient, settings: WorkdaySettings) -> None:
        if isinstance(http.auth, Basic):
            raise Misconfigured("Workday takes auth of type ws_security (SOAP, reports) or oauth_refresh_token (all)")
        self.http = http
        self.settings = settings
        self._user = http.auth if isinstance(http.auth, UsernameToken) else None
        per_minute = settings.requests_per_minute
        self._limits = (Limit(f"{SYSTEM}/{self.account}", per_minute, max(1, per_minute // 10)),)

    @property
    def account(self) -> str:
        """Which tenant this is, to notice that a connection was pointed at another one."""
        return f"{urlsplit(self.settings.origin).netloc}/{self.settings.tenant}".lower()

    async def page(
        self, operation: Operation, read: SoapRead, asked: Sequence[Part], *, page: int, as_of: datetime, count: int
    ) -> Page:
        """Page number ``page``, from 1, of what the operation finds, as everything stood at ``as_of``.

        ``asked``: ``Request_Criteria`` or ``Request_References``; nothing asks for everything.

        `Misconfigured` if the tenant refuses the request or the user may not make it, `Reauthenticate` if it refuses
        the user, `RetryLater` if it has no time or the answer is not whole.
        """
        service = read.service or operation.service
        stands = as_of.astimezone(UTC).isoformat().replace("+00:00", "Z")
        response_filter = (("As_Of_Entry_DateTime", stands), ("Page", str(page)), ("Count", str(count)))
        message = envelope(
            operation.request,
            (
                *asked,
                ("Response_Filter", response_filter),
                ("Response_Group", operation.group),
            ),
            version=read.version,
            user=self._user,
            tenant=self.settings.tenant,
        )
        path = f"/ccx/service/{self.settings.tenant}/{service}/{read.version}"
        request_id = None
        try:
            response = await self.http.request(
                "POST", path, content=message, headers=HEADERS, reads=True, accept=(200,), limits=self._limits
            )
            request_id = response.request_id
            answer = await asyncio.to_thread(read_page, operation, response.body, _charset(response))
        except ConnectorError as error:
            error.vendor, error.phase = SYSTEM, f"{operation.name} ({service} {read.version}), page {page}"
            error.request_id = error.request_id or request_id
            raise
        return Page(answer, response.server_time, request_id)

    async def rest(self, read: RestRead, resource: str, parameters: Mapping[str, str], *, offset: int) -> Rows:
        """Rows of a REST collection from ``offset`` on."""
        path = f"/ccx/api/{read.service}/{self.settings.tenant}/{resource}"
        return await self._collection(path, {**parameters, "limit": read.page_size, "offset": offset})

    async def wql(self, read: WqlRead, where: str, *, offset: int, limit: int) -> Rows:
        """Rows of a query from ``offset`` on."""
        columns = {path.partition(".")[0]: None for path in read.fields.values()}
        if read.last_updated:
            columns[read.last_updated] = None
        told = [f"dataSourceFilter = {read.data_source_filter}"] if read.data_source_filter else []
        told += [f"{name} = {_literal(value)}" for name, value in read.parameters.items()]
        # Without an order the rows of two pages need not be each other's.
        source = f"{read.data_source} ({', '.join(told)})" if told else read.data_source
        order = f"ORDER BY {read.fields['WID'].partition('.')[0]}"
        filtered = f"WHERE {where} {order}" if where else order
        query = f"SELECT {', '.join(columns)} FROM {source} {filtered}"  # noqa: S608 - checked words
        path, page = f"{self.settings.wql_path}/{self.settings.tenant}/data", {"limit": limit, "offset": offset}
        if len(query) > _LONGEST_QUERY:
            return await self._collection(path, page, json={"query": query})
        return await self._collection(path, {"query": query, **page})

    async def report(self, read: ReportRead) -> Rows:
        """All rows of a report: it has no pages."""
        path = f"/ccx/service/customreport2/{self.settings.tenant}/{quote(read.owner)}/{quote(read.report)}"
        # Reports take the user name and the password as HTTP Basic.
        headers = basic(self._user.username, self._user.password) if self._user else {}
        response = await self.http.request(
            "GET", path, params={"format": "json", **read.prompts}, headers=headers, limits=self._limits
        )
        body = response.json()
        rows = body.get("Report_Entry") if isinstance(body, dict) else None
        if not isinstance(rows, list):
            raise AbortRun(
                f"report {read.report} answers without Report_Entry: enable it as a web service, with that alias",
                vendor=SYSTEM,
                phase=f"report {read.report}",
            )
        return Rows(rows, len(rows), response.server_time, response.request_id)

    async def _collection(self, path: str, parameters: Mapping[str, Any], json: Body | None = None) -> Rows:
        if self._user is not None:
            raise Misconfigured(
                "REST and WQL need auth of type oauth_refresh_token: ws_security is for SOAP and reports"
            )
        method = "GET" if json is None else "POST"
        response = await self.http.request(method, path, params=parameters, json=json, reads=True, limits=self._limits)
        body = response.json()
        rows, total = (body.get("data"), body.get("total")) if isinstance(body, dict) else (None, None)
        if not isinstance(rows, list) or not isinstance(total, int):
            raise RetryLater(
                "answered with something that is not a collection", vendor=SYSTEM, phase=f"{method} {path}"
            )
        return Rows(rows, total, response.server_time, response.request_id)


def _charset(response: Response) -> str | None:
    found = _CHARSET.search(response.headers.get("content-type", ""))
    return found[1] if found else None


def _literal(value: str | bool) -> str:
    """Instances, numbers and flags as they are, text in quotation marks."""
    text = str(value).lower() if isinstance(value, bool) else value
    return text if _UNQUOTED.fullmatch(text) else f"'{text}'"
