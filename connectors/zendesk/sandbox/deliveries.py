"""Deliveries of webhooks: signed, over real HTTP, repeated as Zendesk repeats them.

https://developer.zendesk.com/documentation/webhooks/verifying/
https://developer.zendesk.com/api-reference/webhooks/introduction/#webhook-retries
"""

from __future__ import annotations

import asyncio
import hmac
import json
import random
import secrets
from base64 import b64encode
from dataclasses import dataclass, field, replace
from itertools import repeat
from uuid import uuid4

import aiohttp

from connectors.zendesk.sandbox.account import ACCOUNT_ID, Account
from connectors.zendesk.sandbox.http import Row
from ml_connector.sandbox.outbox import Outbox

TIMEOUT = 10.0
"""Seconds; another document says 12."""
TIMED_OUT, UNREACHABLE = 0, -1
"""What stands among the answers in place of a status."""
AT_ONCE = 50


@dataclass(slots=True)
class Delivery:
    """One event on its way to one webhook. ``answers``: the status that each attempt was answered with."""

    id: str
    webhook_id: str
    event_type: str
    body: bytes
    created_at: str
    answers: list[int] = field(default_factory=list)
    status: str = "pending"

    def invocation(self) -> Row:
        """As the API shows it."""
        names = ("id", "webhook_id", "event_type", "created_at", "status")
        return {name: getattr(self, name) for name in names} | {"attempts_count": len(self.answers)}

    def state(self) -> Row:
        return {**self.invocation(), "body": json.loads(self.body), "answers": self.answers}


class Deliveries:
    """What an account sends."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._all: list[Delivery] = []
        self.outbox = Outbox(self._send_all)
        self._random = random.Random(1)
        account.user_changed = self.user_changed

    def all(self) -> list[Delivery]:
        return self._all

    def notify(self, webhook_id: str, event_type: str, body: bytes) -> None:
        """Send an event to a webhook, if it is active."""
        webhook = self.account.webhooks.get(webhook_id)
        if webhook is None or webhook["status"] != "active":
            return
        settings = self.account.settings
        delivery = Delivery(f"01{secrets.token_hex(12).upper()}", webhook_id, event_type, body, self.account.now())
        if self._random.random() < settings.webhook_drop:
            self._all.append(replace(delivery, status="dropped", answers=[]))
            return
        for _ in repeat(None, settings.webhook_duplicates):
            self._queue(delivery)

    def again(self, count: int) -> list[str]:
        """Send the last ``count`` deliveries once more, signed with the time of now; their ids."""
        past = [delivery for delivery in self._all if delivery.status != "dropped"][-count:]
        for delivery in past:
            self._queue(delivery)
        return [delivery.id for delivery in past]

    def user_changed(self, kind: str, user_id: int, event: Row) -> None:
        """Tell the webhooks that subscribe to an event of users."""
        event_type = f"zen:event-type:{kind}"
        subscribed = [row["id"] for row in self.account.webhooks.values() if event_type in row["subscriptions"]]
        user = self.account.users.get(user_id)
        if not subscribed or user is None:
            return
        body = json.dumps(self._envelope(event_type, user, event)).encode()
        for webhook_id in subscribed:
            self.notify(webhook_id, event_type, body)

    def _envelope(self, event_type: str, user: Row, event: Row) -> Row:
        """Ids are text here, and 0 where there is none."""
        detail = {name: str(user[name] or 0) for name in ("id", "organization_id", "default_group_id")}
        detail |= {name: user[name] or "" for name in ("email", "external_id", "role", "created_at", "updated_at")}
        return {
            "type": event_type,
            "account_id": ACCOUNT_ID,
            "id": str(uuid4()),
            "time": self.account.now(),
            "zendesk_event_version": "2022-11-06",
            "subject": f"zen:user:{user['id']}",
            "detail": detail,
            "event": event,
        }

    def _queue(self, delivery: Delivery) -> None:
        copy = replace(delivery, status="pending", answers=[], created_at=self.account.now())
        self._all.append(copy)
        self.outbox.put(copy)

    async def _send_all(self, waiting: asyncio.Queue[Delivery]) -> None:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        async with aiohttp.ClientSession(timeout=timeout) as client, asyncio.TaskGroup() as group:
            room = asyncio.Semaphore(AT_ONCE)
            while True:
                group.create_task(self._deliver(await waiting.get(), client, room))

    async def _deliver(self, delivery: Delivery, client: aiohttp.ClientSession, room: asyncio.Semaphore) -> None:
        await asyncio.sleep(self._random.random() * self.account.settings.webhook_shuffle)
        while True:
            async with room:
                answer, retry_after = await self._attempt(delivery, client)
            delivery.answers.append(answer)
            pause = self._pause(delivery.answers, retry_after)
            if pause is None:
                break
            await asyncio.sleep(pause)
        delivery.status = _named(answer)

    async def _attempt(self, delivery: Delivery, client: aiohttp.ClientSession) -> tuple[int, str]:
        webhook = self.account.webhooks.get(delivery.webhook_id)
        if webhook is None:
            return UNREACHABLE, ""
        signed_at = f"{self.account.world.now():%Y-%m-%dT%H:%M:%SZ}"
        key = self.account.signing_secrets[delivery.webhook_id].encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Zendesk Webhook",
            "X-Zendesk-Account-Id": str(ACCOUNT_ID),
            "X-Zendesk-Webhook-Id": delivery.webhook_id,
            "X-Zendesk-Webhook-Invocation-Id": delivery.id,
            "X-Zendesk-Webhook-Signature-Timestamp": signed_at,
            "X-Zendesk-Webhook-Signature": b64encode(
                hmac.digest(key, signed_at.encode() + delivery.body, "sha256")
            ).decode(),
        }
        method, endpoint = webhook["http_method"], webhook["endpoint"]
        try:
            async with client.request(
                method, endpoint, data=delivery.body, headers=headers, allow_redirects=False
            ) as answer:
                return answer.status, answer.headers.get("retry-after", "")
        except TimeoutError:
            return TIMED_OUT, ""
        except (aiohttp.ClientError, OSError):
            return UNREACHABLE, ""

    def _pause(self, answers: list[int], retry_after: str) -> float | None:
        """Seconds until the next attempt; None if there is none. Other failures are not repeated."""
        pause = self.account.settings.webhook_retry_seconds
        match answers[-1]:
            case 409 if answers.count(409) <= 3:
                return pause
            case 429 | 503 if retry_after.isdigit() and int(retry_after) < 60 and len(answers) <= 5:
                return float(retry_after)
            case 0 if answers.count(TIMED_OUT) <= 5:
                return pause
        return None


def _named(answer: int) -> str:
    if 200 <= answer < 300:
        return "success"
    return {TIMED_OUT: "timeout", UNREACHABLE: "failed", 429: "throttled"}.get(answer, "terminated")
