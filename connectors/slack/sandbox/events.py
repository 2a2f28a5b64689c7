"""The Events API: what happens in the workspace is told to the app's address, signed and repeated as Slack does.

https://docs.slack.dev/apis/events-api
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

from connectors.slack.sandbox.http import Row
from connectors.slack.sandbox.workspace import APP_ID, BOT_USER, TEAM_ID, Workspace
from ml_connector.sandbox.outbox import Outbox

TIMEOUT = 3.0
"""Seconds that an app has for its answer."""


@dataclass(slots=True)
class Delivery:
    """One request on its way. ``answers``: the status of each attempt, 0 for none. ``dropped``: its address was not
    verified."""

    url: str
    body: Row
    answers: list[int] = field(default_factory=list)
    dropped: bool = False

    def state(self) -> Row:
        return {"url": self.url, "body": self.body, "answers": self.answers, "dropped": self.dropped}


class Events:
    """What a workspace sends."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._all: list[Delivery] = []
        self._verified: set[str] = set()
        self.outbox = Outbox(self._send_all)

    def all(self) -> list[Row]:
        return [delivery.state() for delivery in self._all]

    def tell(self, event: Row, copies: int = 1) -> str:
        """Send an event, if the app has an address; its id."""
        now = self.workspace.world.now().timestamp()
        body = self._named("event_callback") | {
            "event": {**event, "event_ts": f"{now:.6f}"},
            "event_id": f"Ev{secrets.token_hex(5).upper()}",
            "event_time": int(now),
            "authorizations": [{"team_id": TEAM_ID, "user_id": BOT_USER, "is_bot": True}],
        }
        for _ in range(copies):
            self._queue(body)
        return str(body["event_id"])

    def too_many(self, minute: int) -> None:
        """Tell that the events of a minute are lost."""
        self._queue(self._named("app_rate_limited") | {"minute_rate_limited": minute})

    def _named(self, kind: str) -> Row:
        return {"type": kind, "token": "deprecated", "team_id": TEAM_ID, "api_app_id": APP_ID}

    def _queue(self, body: Row) -> None:
        url = self.workspace.settings.events_url
        if not url or not self.outbox.serves:
            return
        self._all.append(Delivery(url, body))
        self.outbox.put(self._all[-1])

    async def _send_all(self, waiting: asyncio.Queue[Delivery]) -> None:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        async with aiohttp.ClientSession(timeout=timeout) as client, asyncio.TaskGroup() as group:
            while True:
                delivery = await waiting.get()
                if delivery.url in self._verified or await self._verify(delivery.url, client):
                    group.create_task(self._deliver(delivery, client))
                else:
                    delivery.dropped = True

    async def _verify(self, url: str, client: aiohttp.ClientSession) -> bool:
        """An address is used once it has given a challenge back."""
        challenge = secrets.token_hex(20)
        body = {"type": "url_verification", "token": "deprecated", "challenge": challenge}
        status, answer, _ = await self._post(url, body, {}, client)
        if status == 200 and answer.strip() == challenge:
            self._verified.add(url)
        return url in self._verified

    async def _deliver(self, delivery: Delivery, client: aiohttp.ClientSession) -> None:
        pauses = self.workspace.settings.event_retry_seconds
        retry: dict[str, str] = {}
        for attempt, pause in enumerate((0.0, *pauses), 1):
            await asyncio.sleep(pause)
            status, reason, final = await self._post(delivery.url, delivery.body, retry, client)
            delivery.answers.append(status)
            if 200 <= status < 300 or final:
                return
            retry = {"x-slack-retry-num": str(attempt), "x-slack-retry-reason": reason if not status else "http_error"}

    async def _post(
        self, url: str, body: Row, headers: dict[str, str], client: aiohttp.ClientSession
    ) -> tuple[int, str, bool]:
        """The status of the answer, its body, and whether it forbids another attempt. Without one: 0, and why."""
        raw, stamp = orjson.dumps(body), str(int(self.workspace.world.now().timestamp()))
        key = self.workspace.settings.signing_secret.encode()
        signature = hmac.new(key, f"v0:{stamp}:".encode() + raw, hashlib.sha256).hexdigest()
        signed: dict[str, Any] = {
            "content-type": "application/json",
            "user-agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "x-slack-request-timestamp": stamp,
            "x-slack-signature": f"v0={signature}",
        }
        try:
            async with client.post(url, data=raw, headers=signed | headers, max_redirects=2) as answer:
                return answer.status, await answer.text(), answer.headers.get("x-slack-no-retry") == "1"
        except TimeoutError:
            return 0, "http_timeout", False
        except aiohttp.TooManyRedirects:
            return 0, "too_many_redirects", False
        except (aiohttp.ClientError, OSError):
            return 0, "connection_failed", False
