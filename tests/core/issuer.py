"""An authorization server on loopback, what keeps its tokens, and the clock of the credentials that it issues."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import orjson

from ml_connector.core.hosts import HostPolicy
from ml_connector.core.http import HttpPolicy
from ml_connector.core.oauth import OAuth, OAuthClient
from ml_connector.core.oauth_token import Token
from ml_connector.core.secret import Secret
from tests.core.wire import Request, Wire, answer

LOOPBACK = HostPolicy([], allow_private=True)
SECRETS = {
    "client_secret": Secret("s3cret"),
    "password": Secret("pa:ss"),
    "token": Secret("t-1"),
    "api_token": Secret("a-1"),
}
START = datetime(2026, 11, 21, 10, tzinfo=UTC)


class MemoryTokenStore:
    """What Postgres does for all processes, for several `OAuth` objects in one test: a locked row, durable saves."""

    def __init__(self, token: Token | None = None) -> None:
        self.token = token
        self.saves = self.locks = 0
        self.row = asyncio.Lock()

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[MemoryTokenStore]:
        async with self.row:
            self.locks += 1
            yield self

    async def save(self, token: Token) -> None:
        self.token = token
        self.saves += 1


class Clock:
    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time

    def ahead(self, **by: float) -> None:
        self.time += timedelta(**by)


class Issuer:
    """An authorization server whose refresh tokens can be used once; a refused one answers as RFC 6749 says."""

    def __init__(self, expires_in: int | None = 3600, delay: float = 0.0) -> None:
        self.count = 0
        self.refresh = "r-0"
        self.expires_in = expires_in
        self.delay = delay

    async def __call__(self, request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self.delay)
        asked = fields(request)
        if asked["grant_type"] == "refresh_token" and asked["refresh_token"] != self.refresh:
            await answer(400, b'{"error": "invalid_grant", "error_description": "r-0 was used"}')(request, writer)
            return
        self.count += 1
        self.refresh = f"r-{self.count}"
        token: dict[str, Any] = {"access_token": f"a-{self.count}", "refresh_token": self.refresh}
        if self.expires_in is not None:
            token["expires_in"] = self.expires_in
        await answer(201, orjson.dumps(token))(request, writer)


def fields(request: Request) -> dict[str, Any]:
    if request.headers["content-type"] == "application/json":
        return dict(orjson.loads(request.body))
    return dict(parse_qsl(request.body.decode()))


def token(number: int = 0, *, lifetime: float | None = 3600, issued: datetime = START) -> Token:
    expires = issued + timedelta(seconds=lifetime) if lifetime else None
    return Token(Secret(f"a-{number}"), Secret(f"r-{number}"), issued, expires)


def oauth(
    kind: type[OAuth],
    server: Wire,
    store: MemoryTokenStore,
    clock: Clock | None = None,
    style: Any = "json",
    **limits: Any,
) -> Any:
    who = OAuthClient(f"{server.origin}/oauth/tokens", "my_client", SECRETS["client_secret"], "read write", style)

    async def no_pause(_: float) -> None:
        pass

    policy = HttpPolicy(**{"tries": 3, "sleep": no_pause, **limits})
    return kind(who, store, LOOPBACK, "acme/zendesk", now=(clock or Clock()).now, policy=policy)


async def bearer(auth: OAuth) -> str:
    return (await auth.headers())["Authorization"]
