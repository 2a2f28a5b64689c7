"""The sandbox's control interface: what the demo does to the vendors, and what it counts there."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ml_connector.core.errors import AbortRun
from ml_connector.core.hosts import HostPolicy
from ml_connector.core.http import HttpClient
from ml_connector.core.response import Response


class Emulators:
    """The vendors of a running sandbox, from outside."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def seed(self, system: str, collection: str, count: int) -> None:
        """Let a vendor have records, the same at every start."""
        await self._post("seed", system=system, collection=collection, count=count, seed=1)

    async def mutate(self, system: str, collection: str, count: int, **how: Any) -> list[str]:
        """Change records as a person at the vendor's screen does; returns their keys."""
        answer = await self._post("mutate", system=system, collection=collection, count=count, **how)
        keys: list[str] = answer["keys"]
        return keys

    async def create(self, system: str, collection: str, **attributes: Any) -> list[str]:
        """One new record, made by a person at the vendor's screen; returns its key."""
        answer = await self._post("mutate", system=system, collection=collection, create=attributes)
        keys: list[str] = answer["keys"]
        return keys

    async def effects(self, since: int) -> tuple[Counter[str], int]:
        """How many state changes of each kind, in each channel, the destinations saw after number ``since``; and the
        newest number.
        """
        answer = (await self._http.request("GET", "/_sandbox/effects", params={"since": str(since)})).json()
        return Counter(map(_named, answer["effects"])), answer["last"]

    async def objects(self, system: str, collection: str) -> list[dict[str, Any]]:
        """All records of a collection as the vendor holds them."""
        answer = await self._http.request("GET", f"/_sandbox/state/{system}/{collection}")
        found: list[dict[str, Any]] = answer.json()["objects"]
        return found

    async def _post(self, command: str, **body: Any) -> Any:
        return (await self._http.request("POST", f"/_sandbox/{command}", json=body)).json()


@asynccontextmanager
async def emulators(address: str) -> AsyncIterator[Emulators]:
    """The sandbox at ``address``. Its refusals are AbortRun."""
    hosts = HostPolicy((), allow_private=True)
    http = HttpClient(vendor="sandbox", origin=address, auth=None, hosts=hosts, explain=_explain)
    try:
        yield Emulators(http)
    finally:
        await http.aclose()


def _named(effect: dict[str, Any]) -> str:
    where = f" in #{effect['detail']['name']}" if "channel" in effect["detail"] else ""
    return f"{effect['system']} {effect['kind']}{where}"


def _explain(response: Response, phase: str) -> AbortRun:
    return AbortRun(f"the sandbox refused: {response.json().get('error')}", vendor="sandbox", phase=phase)
