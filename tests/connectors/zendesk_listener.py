"""Somebody to whom the sandbox's Zendesk sends webhooks: keeps what came, and answers as a test wants."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from aiohttp import web

from connectors.zendesk.webhook import WEBHOOK
from ml_connector.core.secret import Secret
from ml_connector.core.webhooks import Event

TOKEN = "c2FuZGJveC1saXN0ZW5lcg"


class Listener:
    """``answers``: statuses for the next deliveries, with a Retry-After where it is a pair; then 200."""

    def __init__(self) -> None:
        self.address = Secret("")
        self.secrets: dict[str, Secret] = {}
        self.events: list[Event] = []
        self.headers: list[dict[str, str]] = []
        self.answers: deque[int | tuple[int, str]] = deque()

    async def accept(self, name: str, secret: Secret) -> None:
        self.secrets[name] = secret

    async def come(self, count: int) -> Sequence[Event]:
        """The events, once there are so many of them."""
        await until(lambda: len(self.events) >= count)
        return self.events


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not met():  # noqa: ASYNC110 - the account is in another thread
            await asyncio.sleep(0.01)


@asynccontextmanager
async def listener() -> AsyncIterator[Listener]:
    heard = Listener()

    async def receive(request: web.Request) -> web.Response:
        body = await request.read()
        raw = [(name.lower(), value) for name, value in request.raw_headers]
        WEBHOOK.verify(raw, body, list(heard.secrets.values()), time.time())
        heard.events += WEBHOOK.read(raw, body).events
        heard.headers.append(dict(request.headers))
        answer = heard.answers.popleft() if heard.answers else 200
        status, retry_after = answer if isinstance(answer, tuple) else (answer, None)
        return web.Response(status=status, headers={"retry-after": retry_after} if retry_after else {})

    app = web.Application()
    app.router.add_post(f"/hooks/{TOKEN}", receive)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    heard.address = Secret(f"http://127.0.0.1:{port}/hooks/{TOKEN}")
    try:
        yield heard
    finally:
        await runner.cleanup()
