"""Asana's REST API, as far as the integrations use it: thin calls and their limits.

https://developers.asana.com/reference/rest-api-reference
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

from connectors.asana.errors import VENDOR, Refused, explain
from connectors.asana.fields import Field
from connectors.asana.settings import AsanaSettings
from ml_connector.core.errors import RetryLater
from ml_connector.core.http import HttpClient, Response, Retry
from ml_connector.core.rate import Limit
from ml_connector.core.records import Body

__all__ = ["HOSTS", "REQUEST_ID_HEADERS", "VENDOR", "Asana", "explain"]


HOSTS = ("app.asana.com",)
REQUEST_ID_HEADERS = ("x-asana-request-id", "x-request-id")
_PAGE = "100"
_WRITES_AT_ONCE = 7
"""Asana allows a token 15 at once, over all programs that use it: two runs of ours stay below that. What is too much is
refused with 429 and certainly not done; it waits as Asana says, and is sent again.
https://developers.asana.com/docs/rate-limits#concurrent-request-limits"""
_READS_AT_ONCE = 15
"""Of 50."""


class Asana:
    """One workspace. ``http`` is a client of ``settings.origin`` that was given `explain`.

    All calls raise `core.errors`; what is about one object is an `errors.Refused`.
    """

    def __init__(self, http: HttpClient, settings: AsanaSettings) -> None:
        self.settings = settings
        self.foreseen: dict[str, dict[str, Field]] = {}
        """In a preview: custom fields as they are going to be, by the id of a project, or of the workspace."""
        self._http = http
        self._reading = asyncio.Semaphore(_READS_AT_ONCE)
        self._writing = asyncio.Semaphore(_WRITES_AT_ONCE)
        rate = settings.requests_per_minute
        # Asana counts by token; we know the workspace, in which each connection has one
        name = f"asana {settings.origin.rstrip('/').lower()} {settings.workspace}"
        self._limits = [Limit(name, per_minute=rate, burst=max(1, rate // 10))]

    # --- reading

    async def get(self, path: str, **params: str) -> Any:
        """The ``data`` of one object."""
        return (await self._read(path, params)).json().get("data")

    async def pages(
        self, path: str, offset: str = "", **params: str
    ) -> AsyncIterator[tuple[list[Body], str, str | None]]:
        """A list page by page: its objects, the offset behind them ("" at the end), and Asana's request id.

        Offsets end soon: `Refused` with the code ``stale_offset``.
        """
        while True:
            answer = await self._read(path, {**params, "limit": _PAGE, **({"offset": offset} if offset else {})})
            page = answer.json()
            offset = str((page.get("next_page") or {}).get("offset") or "")
            yield page.get("data") or [], offset, answer.request_id
            if not offset:
                return

    async def all(self, path: str, **params: str) -> list[Body]:
        """All objects of a list."""
        return [row async for rows, _, _ in self.pages(path, **params) for row in rows]

    async def task(self, gid: str, opt_fields: str) -> Body | Refused | None:
        """A task by its gid, or by ``external:<id>``; None if it does not exist, the refusal if it is hidden from us.

        The refusal is returned: it concerns this task, and none of those that are asked for beside it.
        """
        try:
            found: Body = await self.get(f"/tasks/{quote(gid, safe='')}", opt_fields=opt_fields)
        except Refused as error:
            return None if error.missing else error
        return found

    async def clock(self) -> datetime:
        """Asana's time in UTC, to the second: the Date header of a small answer."""
        answer = await self._read("/users/me", {"opt_fields": "gid"})
        if answer.server_time is None:
            raise RetryLater("answered without a Date header: its clock is unknown", request_id=answer.request_id)
        return answer.server_time

    async def _read(self, path: str, params: dict[str, str]) -> Response:
        async with self._reading:
            return await self._http.request("GET", path, params=params, limits=self._limits)

    # --- writing: nothing goes through Asana's batch endpoint, which is reported to lose bodies

    async def create(
        self, path: str, data: Body, *, record_key: str | None = None, **params: str
    ) -> tuple[Body, str | None]:
        """POST; the answer, and Asana's request id. Not repeated once it may have been acted on."""
        return await self._write("POST", path, data, Retry.UNSENT, record_key, params)

    async def update(self, path: str, data: Body, *, record_key: str | None = None) -> str | None:
        """PUT of the named fields, which may be repeated; Asana's request id."""
        return (await self._write("PUT", path, data, Retry.ALWAYS, record_key, {"opt_fields": "gid"}))[1]

    async def delete(self, path: str) -> None:
        async with self._writing:
            await self._http.request("DELETE", path, limits=self._limits)

    async def _write(
        self, method: str, path: str, data: Body, retry: Retry, record_key: str | None, params: dict[str, str]
    ) -> tuple[Body, str | None]:
        async with self._writing:
            answer = await self._http.request(
                method,
                path,
                params=params,
                json={"data": data},
                limits=self._limits,
                retry=retry,
                record_key=record_key,
            )
        return (answer.json() if answer.body else {}), answer.request_id
