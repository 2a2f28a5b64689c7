"""The same customers copied by a plain loop: the same calls with the same HTTP library, no ledger and no audit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
from httpx_aiohttp import AiohttpTransport

from tests.connections import CLIENT_SECRET

PAGE, PER_CALL, JOBS_AT_ONCE, POLL_EVERY = 500, 100, 20, 0.1
STATUS = {"A": "active", "I": "inactive", "M": "merged", "D": "deleted"}
Row = dict[str, Any]


async def copy_customers(sandbox_url: str) -> None:
    """Read all customers, and create those that Zendesk does not have."""
    async with (
        httpx.AsyncClient(base_url=f"{sandbox_url}/oracle_fusion", transport=AiohttpTransport(), timeout=60) as oracle,
        httpx.AsyncClient(base_url=f"{sandbox_url}/zendesk", transport=AiohttpTransport(), timeout=60) as zendesk,
    ):
        form = {"grant_type": "client_credentials", "scope": "urn:opc:resource:consumer::all"}
        await _log_in(oracle, "/oauth2/v1/token", data=form, auth=("ml-connector", CLIENT_SECRET))
        grant = {"grant_type": "client_credentials", "client_id": "ml-connector", "client_secret": CLIENT_SECRET}
        await _log_in(zendesk, "/oauth/tokens", json=grant | {"scope": "read write"})
        await Copy(zendesk).run(_pages(oracle))


class Copy:
    """Jobs of 100, so many at once; one call looks at all of them."""

    def __init__(self, zendesk: httpx.AsyncClient) -> None:
        self._zendesk = zendesk
        self._room = asyncio.Semaphore(JOBS_AT_ONCE)
        self._over: dict[str, asyncio.Future[Row]] = {}

    async def run(self, pages: AsyncIterator[list[Row]]) -> None:
        watch = asyncio.create_task(self._watch())
        async with asyncio.TaskGroup() as jobs:
            async for page in pages:
                rows = [_mapped(row) for row in page]
                for start in range(0, len(rows), PER_CALL):
                    await self._room.acquire()
                    jobs.create_task(self._write(rows[start : start + PER_CALL]))
        watch.cancel()

    async def _write(self, rows: list[Row]) -> None:
        try:
            ids = ",".join(row["external_id"] for row in rows)
            found = await self._call("GET", "/organizations/show_many", params={"external_ids": ids})
            there = {organization["external_id"] for organization in found["organizations"]}
            new = [row for row in rows if row["external_id"] not in there]
            job = (await self._call("POST", "/organizations/create_many", json={"organizations": new}))["job_status"]
            self._over[job["id"]] = over = asyncio.get_running_loop().create_future()
            results = (await over)["results"]
            assert all(result.get("id") and "error" not in result for result in results)
        finally:
            self._room.release()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(POLL_EVERY)
            if not self._over:
                continue
            answer = await self._call("GET", "/job_statuses/show_many", params={"ids": ",".join(self._over)})
            for job in answer["job_statuses"]:
                if job["status"] == "completed":
                    self._over.pop(job["id"]).set_result(job)

    async def _call(self, method: str, path: str, **request: Any) -> Row:
        response = await self._zendesk.request(method, f"/api/v2{path}", **request)
        response.raise_for_status()
        found: Row = response.json()
        return found


async def _pages(oracle: httpx.AsyncClient) -> AsyncIterator[list[Row]]:
    last = 0
    while True:
        response = await oracle.get(
            "/crmRestApi/resources/11.13.18.05/hubOrganizations",
            params={"q": f"PartyId > {last}", "orderBy": "PartyId:asc", "limit": PAGE, "onlyData": "true"},
            headers={"REST-Framework-Version": "4"},
        )
        response.raise_for_status()
        rows: list[Row] = response.json()["items"]
        if not rows:
            return
        yield rows
        last = rows[-1]["PartyId"]


def _mapped(row: Row) -> Row:
    address = [row[name] for name in ("Address1", "Address2", "PostalCode", "City") if row.get(name)]
    return {
        "external_id": row["PartyNumber"],
        "name": row["OrganizationName"],
        "organization_fields": {
            "erp_number": row["PartyNumber"],
            "erp_status": STATUS.get(row["Status"], "unknown"),
            "billing_country": row.get("Country"),
            "billing_address": ", ".join(address) or None,
        },
    }


async def _log_in(client: httpx.AsyncClient, path: str, **request: Any) -> None:
    answer = await client.post(path, **request)
    answer.raise_for_status()
    client.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
