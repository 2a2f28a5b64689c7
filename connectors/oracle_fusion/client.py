"""Oracle Fusion's REST interface, as far as it is used.

One framework version is fixed on every call, because each of the nine changes the meaning of ``q`` or the shape of
the answer. https://docs.oracle.com/en/cloud/saas/sales/faaps/Set_the_REST_Framework_Version.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote, urlsplit

from connectors.oracle_fusion.paging import CollectionPage
from connectors.oracle_fusion.rows import normalised
from connectors.oracle_fusion.settings import SYSTEM, OracleSettings
from ml_connector.core.errors import RetryLater
from ml_connector.core.http import HttpClient, Response, Retry
from ml_connector.core.records import Body

Root = Literal["crmRestApi", "fscmRestApi"]
_BYTES = "application/octet-stream"
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(slots=True, frozen=True)
class Description:
    """What a pod says about one of its resources: its attributes, and those that ``q`` may use."""

    attributes: frozenset[str]
    queryable: frozenset[str]


@dataclass(slots=True, frozen=True)
class Written:
    """A row as the pod says that it is now; empty if it says nothing."""

    row: Body = field(repr=False)
    request_id: str | None


class OracleFusion:
    """Reads and writes one pod. ``http`` is bound to the pod's origin and explains refusals with `errors.explain`."""

    def __init__(self, http: HttpClient, settings: OracleSettings) -> None:
        self.http = http
        self.settings = settings

    @property
    def account(self) -> str:
        """Which pod this is, to notice that a connection was pointed at another one."""
        address = urlsplit(self.settings.origin)
        return f"{address.netloc}{address.path}".lower()

    @property
    def customers(self) -> str:
        """The resource that customers are read from."""
        return "hubOrganizations" if self.settings.customer_source == "hub" else "accounts"

    def operation(self, root: Root, resource: str) -> str:
        """How a resource is read, for the audit: ``REST crmRestApi/hubOrganizations 11.13.18.05 v4``."""
        return f"REST {root}/{resource} {self.settings.rest_version} v{self.settings.framework_version}"

    async def collection(
        self,
        root: Root,
        resource: str,
        *,
        q: str = "",
        order_by: str = "",
        limit: int | None = None,
        fields: str = "",
        finder: str = "",
        retry: Retry | None = None,
    ) -> CollectionPage:
        """The first rows that match, without links and in the shape of `rows.normalised`. ``limit`` None: a full page.

        `Misconfigured` if the pod refuses the query or has no such resource, `Reauthenticate` if it refuses us.
        """
        page = await self.rows(
            root, resource, q=q, order_by=order_by, limit=limit, fields=fields, finder=finder, retry=retry
        )
        page.rows = [normalised(row) for row in page.rows]
        return page

    async def rows(
        self,
        root: Root,
        resource: str,
        *,
        q: str = "",
        order_by: str = "",
        limit: int | None = None,
        offset: int = 0,
        fields: str = "",
        finder: str = "",
        expand: str = "",
        links: str = "",
        retry: Retry | None = None,
    ) -> CollectionPage:
        """The same, as they came. Rows have links only if some are asked for: ``links`` names their relations.

        ``resource`` may be a collection below a row: ``invoices/0002.../child/invoiceLines``.
        """
        parameters = {"q": q, "orderBy": order_by, "fields": fields, "finder": finder, "expand": expand}
        parameters |= {"links": links} if links else {"onlyData": "true"}
        response = await self._get(
            self._path(root, resource),
            {name: value for name, value in parameters.items() if value}
            | {"limit": limit or self.settings.page_size}
            | ({"offset": offset} if offset else {}),
            retry,
        )
        body = _object(response)
        # A page without rows may come without items (count 0).
        rows = body.get("items") or []
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise _not_a_collection(response)
        return CollectionPage(rows, bool(body.get("hasMore")), response.request_id)

    async def exists(self, root: Root, item: str) -> bool:
        """Whether a row is there and shown to us. ``item`` is its resource and key."""
        path = self._path(root, item)
        response = await self.http.request(
            "GET", path, params={"onlyData": "true"}, headers=self._headers(), accept=(200, 404)
        )
        return response.status == 200

    async def describe(self, root: Root, resource: str) -> Description:
        """The attributes of a resource in this pod, custom ones included."""
        response = await self._get(f"{self._path(root, resource)}/describe", {})
        described = _object(response).get("Resources", {})
        attributes = described.get(resource, {}).get("attributes", []) if isinstance(described, dict) else []
        return Description(
            attributes=frozenset(attribute["name"] for attribute in attributes),
            queryable=frozenset(attribute["name"] for attribute in attributes if attribute.get("queryable")),
        )

    async def clock(self, root: Root = "crmRestApi", resource: str = "", attribute: str = "LastUpdateDate") -> datetime:
        """The pod's time in UTC, to the second: the Date header of a small answer. ``resource``: else the customers."""
        response = await self._get(
            self._path(root, resource or self.customers), {"limit": 1, "fields": attribute, "onlyData": "true"}
        )
        if response.server_time is None:
            raise RetryLater(
                "answered without a Date header: its clock is unknown", vendor=SYSTEM, request_id=response.request_id
            )
        return response.server_time

    def page_of(self, template: str, row: Body) -> str | None:
        """Where a person sees a row: a template of the settings with the row's values in it; None if there is none."""
        if not template:
            return None
        filled = _PLACEHOLDER.sub(lambda name: quote(str(row.get(name[1], "")), safe=""), template)
        return filled if filled.startswith("https://") else f"{self.settings.origin}{filled}"

    async def create(self, root: Root, resource: str, row: Body, *, record_key: str) -> Written:
        """POST a row; it is never sent again where its outcome is unknown.

        `RejectRecord` if the pod refuses the row, `RetryLater` with ``maybe_applied`` if it may have taken it.
        """
        return await self._write("POST", self._path(root, resource), row, record_key)

    async def update(self, root: Root, item: str, row: Body, *, record_key: str) -> Written:
        """PATCH attributes of a row. ``item`` is its resource and key; errors as of ``create``.

        Not sent again either where the outcome is unknown: it could overtake a newer one.
        """
        return await self._write("PATCH", self._path(root, item), row, record_key)

    async def text(self, root: Root, item: str) -> bytes | None:
        """A large attribute of a row, as it is; None if it, or its row, is not there."""
        response = await self.http.request(
            "GET", self._path(root, item), headers=self._headers(accept=_BYTES), accept=(200, 204, 404)
        )
        _check_no_page(response)
        return response.body if response.status == 200 else None

    async def put_text(self, root: Root, item: str, text: bytes, *, record_key: str) -> None:
        """Replace a large attribute of a row, again until it is certain. Errors as of ``create``."""
        headers = self._headers(accept="*/*") | {"Content-Type": _BYTES}
        response = await self.http.request(
            "PUT", self._path(root, item), content=text, headers=headers, retry=Retry.ALWAYS, record_key=record_key
        )
        _check_no_page(response)

    async def scheduler(self, path: str, parameters: dict[str, str]) -> dict[str, Any]:
        """An answer of the scheduler, which has an interface of its own. `AbortRun` where it refuses the question."""
        return _object(await self.http.request("GET", f"/ess/rest/scheduler/v1/{path}", params=parameters))

    async def _write(self, method: str, path: str, row: Body, record_key: str) -> Written:
        headers = self._headers() | {"Content-Type": "application/vnd.oracle.adf.resourceitem+json"}
        response = await self.http.request(method, path, json=row, headers=headers, record_key=record_key)
        body = response.json() if response.body else {}
        return Written(normalised(body) if isinstance(body, dict) else {}, response.request_id)

    async def _get(self, path: str, parameters: dict[str, Any], retry: Retry | None = None) -> Response:
        return await self.http.request("GET", path, params=parameters, headers=self._headers(), retry=retry)

    def _headers(self, accept: str = "application/json") -> dict[str, str]:
        return {"REST-Framework-Version": str(self.settings.framework_version), "Accept": accept}

    def _path(self, root: Root, resource: str) -> str:
        return f"/{root}/resources/{self.settings.rest_version}/{resource}"


def _object(response: Response) -> dict[str, Any]:
    body = response.json()
    if not isinstance(body, dict):
        raise _not_a_collection(response)
    return body


def _check_no_page(response: Response) -> None:
    """Where bytes are expected, a page to sign in at would pass for them."""
    if response.headers.get("content-type", "").startswith("text/html"):
        raise RetryLater("answered with a page instead of a text", vendor=SYSTEM, request_id=response.request_id)


def _not_a_collection(response: Response) -> RetryLater:
    return RetryLater("answered with something that is not a collection", vendor=SYSTEM, request_id=response.request_id)
