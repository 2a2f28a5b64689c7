"""An HTTP client of a server that misbehaves: it waits for nothing, and what it meets is explained in one word."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ml_connector.core.errors import ConnectorError, Reauthenticate, RejectRecord
from ml_connector.core.hosts import HostPolicy
from ml_connector.core.http import HttpClient, HttpPolicy, Response
from tests.core.wire import Step, Wire, wire

LOOPBACK = HostPolicy([], allow_private=True)


class Naps:
    """Takes the place of sleeping and remembers for how long it would have been."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.taken.append(round(seconds, 3))


class Tickets:
    """A credential that counts up each time it is refused."""

    remedy = "buy a new ticket"

    def __init__(self, renewals: int = 99) -> None:
        self.number = 1
        self.renewals = renewals

    async def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.number}"}

    async def refuse(self, headers: dict[str, str]) -> None:
        if not self.renewals:
            raise Reauthenticate(self.remedy)
        if headers == await self.headers():
            self.number += 1
            self.renewals -= 1


def explain(response: Response, phase: str) -> ConnectorError:
    return RejectRecord(f"{response.status} refused", phase=phase, request_id=response.request_id)


@asynccontextmanager
async def connected(
    *script: Step, auth: Tickets | None = None, **options: Any
) -> AsyncIterator[tuple[Wire, HttpClient]]:
    async with wire(*script) as server:
        http = client(server.origin, auth=auth, **options)
        yield server, http
        await http.aclose()


def client(origin: str, **options: Any) -> HttpClient:
    defaults: dict[str, Any] = {
        "vendor": "acme",
        "origin": origin,
        "auth": None,
        "hosts": LOOPBACK,
        "explain": explain,
        "request_id_headers": ["X-Request-Id"],
        "policy": policy(),
    }
    return HttpClient(**(defaults | options))


def policy(naps: Naps | None = None, **options: Any) -> HttpPolicy:
    defaults: dict[str, Any] = {"sleep": (naps or Naps()).sleep, "random": lambda: 1.0}
    return HttpPolicy(**(defaults | options))
