"""What Asana sends: the handshake, signed events over real HTTP, heartbeats; and that it gives up after a day.

At most once: what is not delivered before the webhook is deleted is lost. https://developers.asana.com/docs/webhooks-guide
"""

from __future__ import annotations

import asyncio
import hmac
import json
import random
import secrets
import time
from dataclasses import dataclass, field
from datetime import timedelta

import aiohttp

from connectors.asana.sandbox.http import Refused, Row
from connectors.asana.sandbox.workspace import Project, Workspace


@dataclass(slots=True)
class _Line:
    """The way to one webhook."""

    webhook: Row
    secret: str
    waiting: list[Row] = field(default_factory=list)
    some: asyncio.Event = field(default_factory=asyncio.Event)
    sender: asyncio.Task[None] | None = None


class Deliveries:
    """Sends from the loop that serves the workspace, whoever causes an event."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.sent: list[Row] = []
        """Each attempt: webhook, events, and the status of the answer (0: none)."""
        self.drop = 0
        """So many deliveries from now on are lost, as Asana's at-most-once allows."""
        self._lines: dict[str, _Line] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        workspace.happened = self.happened

    def serve(self) -> None:
        """Called in the loop that serves the workspace."""
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """The sandbox is reset: what is on its way is given up."""
        for gid in list(self._lines):
            self.remove(gid)

    async def handshake(self, target: str) -> str:
        """The secret of a new webhook, once the target has given it back."""
        secret = secrets.token_hex(32)
        status, back = await self._post(target, b"", {"X-Hook-Secret": secret})
        if status not in (200, 204) or back != secret:
            raise Refused(400, "The remote server did not respond with the handshake secret.")
        return secret

    def open(self, webhook: Row, secret: str) -> None:
        """Begin to send; the first is a heartbeat."""
        line = self._lines[webhook["gid"]] = _Line(webhook, secret)
        line.sender = asyncio.get_running_loop().create_task(self._send(line))

    def remove(self, gid: str) -> None:
        self.workspace.webhooks.pop(gid, None)
        line = self._lines.pop(gid, None)
        if line is not None and line.sender is not None and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(line.sender.cancel)

    def again(self) -> None:
        """All that was ever sent comes once more, signed as it was."""
        for gid, line in self._lines.items():
            for event in [event for one in self.sent if one["webhook"] == gid for event in one["events"]]:
                self._put(line, event)

    def happened(self, project: Project, event: Row) -> None:
        for line in self._lines.values():
            if line.webhook["resource"]["gid"] == project.gid and _wanted(line.webhook["filters"], event):
                self._put(line, event)

    def _put(self, line: _Line, event: Row) -> None:
        assert self._loop is not None  # noqa: S101 - webhooks are made by requests, which are served in it
        self._loop.call_soon_threadsafe(self._wait, line, event)

    def _wait(self, line: _Line, event: Row) -> None:
        line.waiting.append(event)
        line.some.set()

    async def _send(self, line: _Line) -> None:
        settings = self.workspace.settings
        await self._deliver(line, [])
        async with asyncio.TaskGroup() as astray:
            while True:
                try:
                    async with asyncio.timeout(settings.heartbeat_seconds):
                        await line.some.wait()
                except TimeoutError:
                    pass
                else:
                    await asyncio.sleep(settings.webhook_delay)
                events, line.waiting = line.waiting, []
                line.some.clear()
                if settings.webhook_shuffle:
                    for _ in range(settings.webhook_duplicates):
                        astray.create_task(self._late(line, events))
                else:
                    await self._deliver(line, events)

    async def _late(self, line: _Line, events: list[Row]) -> None:
        await asyncio.sleep(random.random() * self.workspace.settings.webhook_shuffle)
        await self._deliver(line, events)

    async def _deliver(self, line: _Line, events: list[Row]) -> None:
        """Until it has arrived; or until the webhook is deleted, for it has failed so long."""
        if events and self.drop:
            self.drop -= 1
            self.sent.append({"webhook": line.webhook["gid"], "events": events, "status": "dropped"})
            return
        settings, webhook, began, tries = self.workspace.settings, line.webhook, time.monotonic(), 0
        body = json.dumps({"events": events}).encode()
        while True:
            signature = hmac.new(line.secret.encode(), body, "sha256").hexdigest()
            status, _ = await self._post(webhook["target"], body, {"X-Hook-Signature": signature})
            self.sent.append({"webhook": webhook["gid"], "events": events, "status": status})
            if status in (200, 204):
                webhook |= {"last_success_at": self.workspace.now(), "delivery_retry_count": 0}
                webhook |= {"next_attempt_after": None, "failure_deletion_timestamp": None}
                return
            left = settings.webhook_give_up_seconds - (time.monotonic() - began)
            tries += 1
            webhook |= {"last_failure_at": self.workspace.now(), "last_failure_content": f"status {status}"}
            ends = self.workspace.world.now() + timedelta(seconds=left)
            webhook |= {"delivery_retry_count": tries, "failure_deletion_timestamp": ends.isoformat()}
            pause = settings.webhook_retry_seconds * 2.0 ** (tries - 1)
            if pause > left:
                await asyncio.sleep(max(left, 0.0))
                self.remove(webhook["gid"])
                return
            await asyncio.sleep(pause)

    async def _post(self, target: str, body: bytes, headers: dict[str, str]) -> tuple[int, str | None]:
        timeout = aiohttp.ClientTimeout(total=self.workspace.settings.webhook_timeout)
        told = {"Content-Type": "application/json; charset=UTF-8", **headers}
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as client,
                client.post(target, data=body, headers=told, allow_redirects=False) as answer,
            ):
                return answer.status, answer.headers.get("X-Hook-Secret")
        except (TimeoutError, aiohttp.ClientError, OSError):
            return 0, None


def _wanted(filters: list[Row], event: Row) -> bool:
    def fits(one: Row) -> bool:
        fields = one.get("fields")
        return (
            one["resource_type"] == event["resource"]["resource_type"]
            and one["action"] == event["action"]
            and (not fields or (event.get("change") or {}).get("field") in fields)
        )

    return not filters or any(fits(one) for one in filters)
