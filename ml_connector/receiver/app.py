"""The receiver: takes what vendors send, keeps it, and rings for the flow that handles it."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ml_connector.core.connecting import CALLBACK
from ml_connector.core.db import Database
from ml_connector.core.inbox_writer import DATABASE_ERRORS, InboxWriter
from ml_connector.core.secret import Secret
from ml_connector.core.vault import MasterKeys, Vault
from ml_connector.receiver.directory import Directory
from ml_connector.receiver.doorbell import Doorbell
from ml_connector.receiver.flow_runs import FlowRuns, prefect
from ml_connector.receiver.handshake import Handshakes
from ml_connector.receiver.hooks import Hooks
from ml_connector.receiver.limits import Limits
from ml_connector.receiver.metrics import Metrics
from ml_connector.receiver.oauth_callback import OAuthCallback

_HOOKS = "/hooks/"
_READY_SECONDS = 2.0


def create_app(
    database_url: str,
    master: MasterKeys,
    metrics: Metrics,
    *,
    operator_token: Secret | None = None,
    allow_private_hosts: bool = False,
    limits: Limits | None = None,
    flow_runs: Callable[[], AbstractAsyncContextManager[FlowRuns | None]] = prefect,
) -> ASGIApp:
    """The application. Without the database it does not start; `preflight` says more.

    ``operator_token``: what who reads the metrics must show, as a bearer token. ``allow_private_hosts``: accounts at
    the sandbox may be connected.
    """
    bounds = limits or Limits()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, Any]]:
        async with AsyncExitStack() as stack:
            db = await stack.enter_async_context(Database(database_url, connections=2))
            vault = Vault(db, master)
            writer = await stack.enter_async_context(InboxWriter(database_url))
            doorbell = Doorbell(db, await stack.enter_async_context(flow_runs()), metrics)
            sweeper = asyncio.create_task(doorbell.run())
            stack.push_async_callback(doorbell.stop)
            stack.callback(sweeper.cancel)
            directory = Directory(db, vault)
            hooks = Hooks(directory, Handshakes(db, directory), writer, metrics, bounds, doorbell.ring)
            callback = OAuthCallback(db, vault, metrics, bounds, allow_private_hosts=allow_private_hosts)
            yield {
                "hooks": hooks,
                "callback": callback,
                "db": db,
                "metrics": metrics,
                "operator_token": operator_token,
            }

    routes = [
        Route("/healthz", _healthz),
        Route("/readyz", _readyz),
        Route("/metrics", _metrics),
        Route(CALLBACK, _oauth_callback),
    ]
    pages = Starlette(routes=routes, lifespan=lifespan)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        # past Starlette, whose routing would take as long as the proof of a delivery
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"].startswith(_HOOKS):
            await scope["state"]["hooks"](scope["path"].removeprefix(_HOOKS), scope["headers"], receive, send)
        else:
            await pages(scope, receive, send)

    return app


async def _healthz(_request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _readyz(request: Request) -> Response:
    try:
        async with asyncio.timeout(_READY_SECONDS), request.state.db.system() as conn:
            await conn.execute("select 1 from endpoint limit 1")
    except DATABASE_ERRORS:
        return PlainTextResponse("the database does not answer\n", status_code=503)
    return PlainTextResponse("ready\n")


async def _oauth_callback(request: Request) -> Response:
    callback: OAuthCallback = request.state.callback
    return await callback(request)


async def _metrics(request: Request) -> Response:
    token: Secret | None = request.state.operator_token
    given = request.headers.get("authorization", "")
    if token is not None and not hmac.compare_digest(given.encode(), f"Bearer {token.reveal()}".encode()):
        return PlainTextResponse("show the operator token as a bearer token\n", status_code=401)
    return Response(request.state.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
