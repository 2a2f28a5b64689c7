"""A Zendesk account in the sandbox, and a client of it: what the tests of the Zendesk connector share."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl
from uuid import uuid4

from connectors.zendesk.client import HOSTS, REQUEST_ID_HEADERS, VENDOR, Zendesk, explain
from connectors.zendesk.sandbox import ZendeskEmulator
from connectors.zendesk.settings import ZendeskSettings
from ml_connector.core.hosts import HostPolicy
from ml_connector.core.http import Auth, HttpClient, HttpPolicy
from ml_connector.core.rate import Limit, Limiter
from ml_connector.core.records import Body, Intent
from ml_connector.sandbox.serve import SandboxThread
from tests.contracts.openapi import ZENDESK_AMENDMENTS, OpenApi

SPEC = Path(__file__).resolve().parents[2].parent / "shared" / "specs" / "zendesk" / "openapi.patched.json"
_PATH = "/paths/~1api~1v2~1users~1{user_id}~1organization_memberships"
AMENDMENTS = {
    # The document has one path for what the reference lists under several: the memberships "for the account, user or
    # organization in question".
    # https://developer.zendesk.com/api-reference/ticketing/organizations/organization_memberships/#list-memberships
    _PATH: {"get": {"operationId": "ListOrganizationMemberships"}},
}


class Token:
    """A bearer token that never changes."""

    remedy = "connect the account again"

    def __init__(self, token: str) -> None:
        self._token = token

    async def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._token}"}

    async def refuse(self, headers: dict[str, str]) -> None:
        del headers


class Account:
    """The emulator, as the tests look at it."""

    def __init__(self, sandbox: SandboxThread) -> None:
        self.sandbox = sandbox
        self.world = sandbox.world
        self.emulator = cast(ZendeskEmulator, sandbox.emulators["zendesk"])
        self.configure(rate_scale=None)

    def configure(self, **settings: Any) -> None:
        self.emulator.configure(settings)

    def fault(self, fault: str, method: str = "*", path: str = "*", **rule: Any) -> None:
        self.world.faults.ask("zendesk", fault, method=method, path=path, **rule)

    def by_hand(self, collection: str, **attributes: Any) -> Body:
        """An object that a person has made."""
        self.emulator.mutate(collection, {"create": attributes})
        return self.state(collection)[-1]

    def state(self, collection: str) -> list[Body]:
        return self.emulator.state(collection)

    def held(self, collection: str, external_id: str) -> Body:
        (found,) = [row for row in self.state(collection) if row["external_id"] == external_id]
        return found

    def effects(self) -> Counter[str]:
        """How often what has happened to the account through its API."""
        return Counter(effect.kind for effect in self.world.effects)

    def calls(self, method: str, path: str) -> int:
        return sum(n for (_, m, p, _), n in self.world.request_counts.items() if (m, p) == (method, f"/api/v2{path}"))

    def writes(self) -> int:
        return sum(n for (_, m, p, _), n in self.world.request_counts.items() if m != "GET" and "/oauth/" not in p)

    @asynccontextmanager
    async def client(
        self, *, scope: str = "read write", guard: Any = None, limiter: Any = None, **settings: Any
    ) -> AsyncIterator[Zendesk]:
        """A client with a token of its own, which soon gives up what is lost."""
        origin = self.sandbox.url("zendesk")
        http = self._http(Token(await self._token(scope)), guard, limiter)
        client = Zendesk(http, ZendeskSettings(origin=origin, **{"settle_seconds": 0.0, **settings}))
        client.jobs.forget = 0.5
        try:
            yield client
        finally:
            await http.aclose()

    async def _token(self, scope: str) -> str:
        http = self._http(None, None, None)
        asked = {"grant_type": "client_credentials", "client_id": "ml-connector", "scope": scope}
        answer = await http.request("POST", "/oauth/tokens", json={**asked, "client_secret": "sandbox-client-secret"})
        await http.aclose()
        return str(answer.json()["access_token"])

    def _http(self, auth: Auth | None, guard: Any, limiter: Any) -> HttpClient:
        return HttpClient(
            vendor=VENDOR,
            origin=self.sandbox.url("zendesk"),
            auth=auth,
            hosts=HostPolicy(HOSTS, allow_private=True),
            explain=explain,
            request_id_headers=REQUEST_ID_HEADERS,
            guard=guard,
            limiter=cast(Limiter, limiter),
            policy=HttpPolicy(tries=3, backoff=0.01, deadline=10),
        )

    def violations(self) -> list[str]:
        """What is wrong, by Zendesk's own contract, with the requests that the account has seen."""
        if not SPEC.is_file():
            return []
        found = []
        for seen in self.world.requests:
            path = seen.path if seen.path.startswith("/api/") else f"/api/v2{seen.path}"
            body = json.loads(seen.body) if seen.body else None
            if "/oauth/" not in path:
                query = dict(parse_qsl(seen.query))
                problems = contract().check_request(seen.method, path.removesuffix(".json"), query, body)
                found += [f"{seen.method} {path}: {problem}" for problem in problems]
        return found


class Permits:
    """A limiter that remembers what it was asked for and never makes anybody wait."""

    def __init__(self) -> None:
        self.asked: list[Limit] = []

    async def acquire(self, limits: Sequence[Limit]) -> None:
        self.asked += limits


@lru_cache
def contract() -> OpenApi:
    return OpenApi(SPEC, {**ZENDESK_AMENDMENTS, **AMENDMENTS})


@contextmanager
def account() -> Iterator[Account]:
    """An empty account; at the end all its requests must have kept to the contract."""
    with SandboxThread((ZendeskEmulator,)) as sandbox:
        opened = Account(sandbox)
        yield opened
        assert opened.violations() == []


def intent(payload: Body, dest_id: str | None = None, *, force: bool = False) -> Intent:
    return Intent(uuid4(), str(payload.get("external_id") or payload.get("id")), payload, dest_id, force)


async def jobs_over(client: Zendesk) -> None:
    while await client.jobs_running():  # noqa: ASYNC110 - there is nobody else to tell
        await asyncio.sleep(0.02)
