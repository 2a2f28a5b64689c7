"""The receiver on a loopback port, in a thread of the test or as a process of its own, and somebody who sends to it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import IO, Any

import aiohttp
import psycopg

from ml_connector.core.db import Database
from ml_connector.core.endpoints import accept_secret, ensure_endpoint
from ml_connector.core.listeners import listen as let_listen
from ml_connector.core.secret import Secret
from ml_connector.core.vault import MasterKeys, Vault
from ml_connector.receiver.app import create_app
from ml_connector.receiver.flow_runs import FlowRuns
from ml_connector.receiver.limits import Limits
from ml_connector.receiver.metrics import Metrics
from ml_connector.receiver.serve import listen, server
from tests.receiver import signing

MASTER = MasterKeys.generate("test")
SECRET = "c2lnbmluZyBzZWNyZXQ="
STREAM = "oracle_zendesk/ticket_events"
DEPLOYMENT = "oracle-zendesk-log-ticket-events/acme"
PATIENT = Limits(request_seconds=60.0, answer_seconds=30.0)
"""A machine that is busy with other tests may need longer than the time after which a vendor is asked to come again."""


def master() -> MasterKeys:
    return MasterKeys.parse(Secret(MASTER))


def vault_of(db: Database) -> Vault:
    return Vault(db, master())


async def add_connection(
    db: Database, tenant: str = "acme", *, secret: str = SECRET, stream: str | None = STREAM
) -> str:
    """A connection ``desk`` of Zendesk with an address, a signing secret and a listener; returns the token."""
    vault = vault_of(db)
    token = await ensure_endpoint(db, vault, tenant, "desk", "zendesk")
    await accept_secret(db, vault, tenant, "desk", Secret(secret), webhook="tickets")
    if stream is not None:
        await let_listen(db, tenant, stream, "desk", f"oracle-zendesk-log-ticket-events/{tenant}")
    return token.reveal()


class ReceiverThread:
    """The receiver in a thread of this process; ``limits`` None: it has all the time it needs; ``flow_runs`` None:
    without Prefect."""

    def __init__(
        self,
        database_url: str,
        *,
        keys: MasterKeys | None = None,
        limits: Limits | None = None,
        flow_runs: FlowRuns | None = None,
    ) -> None:
        self.metrics = Metrics()

        def no_prefect() -> AbstractAsyncContextManager[FlowRuns | None]:
            return nullcontext(flow_runs)

        limits = limits or PATIENT
        app = create_app(
            database_url,
            keys or master(),
            self.metrics,
            allow_private_hosts=True,
            limits=limits,
            flow_runs=no_prefect,
        )
        self._listener = listen("127.0.0.1", 0)
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._server = server(app, self.metrics, limits)
        self._thread = threading.Thread(target=self._server.run, args=([self._listener],), daemon=True)

    def __enter__(self) -> ReceiverThread:
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the receiver did not start"
            time.sleep(0.005)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=60)
        self._listener.close()

    def count(self, outcome: str) -> float:
        """How many deliveries had this outcome."""
        return self.metrics.registry.get_sample_value("ml_connector_deliveries_total", {"outcome": outcome}) or 0.0


@contextmanager
def receiver_process(
    database_url: str, *, stderr: IO[str] | None = None
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """``python -m ml_connector.receiver`` without Prefect; yields its base URL once it answers."""
    environment = {**os.environ, "ML_CONNECTOR_DATABASE_URL": database_url, "ML_CONNECTOR_MASTER_KEYS": MASTER}
    environment.pop("PREFECT_API_URL", None)
    process = subprocess.Popen(
        [sys.executable, "-m", "ml_connector.receiver", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        env=environment,
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url, "the receiver did not start; its error is above"
        yield url, process
    finally:
        process.kill()
        process.wait(timeout=60)


@dataclass(slots=True)
class Sender:
    """Zendesk, as far as it sends."""

    http: aiohttp.ClientSession
    url: str
    token: str
    secret: str = SECRET
    account: str = "12514403"

    def trigger(self, n: int, *, ticket: int | None = None) -> tuple[signing.Headers, bytes]:
        """Delivery number ``n`` of a trigger, signed now."""
        body = json.dumps({"ticket_id": str(ticket if ticket is not None else n), "actor_id": "7"}).encode()
        return self.signed(body, f"01HANA{n:020d}"), body

    def signed(self, body: bytes, invocation: str, at: float | None = None) -> signing.Headers:
        return [
            *signing.zendesk(self.secret, at if at is not None else time.time(), body),
            (b"x-zendesk-account-id", self.account.encode()),
            (b"x-zendesk-webhook-invocation-id", invocation.encode()),
            (b"content-type", b"application/json; charset=utf-8"),
        ]

    async def post(self, headers: signing.Headers, body: Any, token: str | None = None) -> int:
        """The status of the answer."""
        named = [(name.decode(), value.decode()) for name, value in headers]
        async with self.http.post(f"{self.url}/hooks/{token or self.token}", headers=named, data=body) as answer:
            await answer.read()
            return answer.status

    async def post_raw(self, headers: signing.Headers, body: bytes) -> int:
        """The status of the answer to a request that no client library would send."""
        port = int(self.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        lines = [f"POST /hooks/{self.token} HTTP/1.1".encode(), b"host: x", b"connection: close"]
        lines += [b"content-length: %d" % len(body), *[name + b": " + value for name, value in headers], b"", body]
        writer.write(b"\r\n".join(lines))
        answer = await reader.read()
        writer.close()
        return int(answer.split(b" ", 2)[1])

    async def send(self, n: int) -> int:
        return await self.post(*self.trigger(n))


@asynccontextmanager
async def sender(url: str, token: str, *, connections: int = 50) -> AsyncIterator[Sender]:
    async with aiohttp.ClientSession(
        # a connection that the receiver is just closing takes no request, and a busy machine hears late of it
        connector=aiohttp.TCPConnector(limit=connections, force_close=True),
        timeout=aiohttp.ClientTimeout(total=60),
        skip_auto_headers=("User-Agent",),
    ) as http:
        yield Sender(http, url, token)


def rows(url: str) -> list[tuple[str, str, str, str]]:
    """Tenant, stream, event id and state of everything in the inbox, by the owner of the database."""
    with psycopg.connect(url) as conn:
        return conn.execute("select tenant, stream, event_id, state from inbox order by id").fetchall()


async def until(check: Any, seconds: float = 60.0) -> None:
    """Wait for something that must come."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not come"
        await asyncio.sleep(0.02)
