"""Zendesk's rate limits. https://developer.zendesk.com/api-reference/introduction/rate-limits"""

from __future__ import annotations

import math
import time
from collections import deque

from connectors.zendesk.sandbox.account import Settings
from connectors.zendesk.sandbox.http import Call, Refused, Row

TOLERANCE = 0.05
"""Seconds by which a sliding window is shorter than documented: the network moves two requests that much."""


class SlidingWindow:
    """At most ``limit`` calls per key in any ``seconds``."""

    def __init__(self, name: str, limit: int, seconds: float) -> None:
        self.name = name
        self.limit = limit
        self.seconds = seconds
        self._taken: dict[str, deque[float]] = {}

    def wait(self, key: str, scale: float) -> float:
        """Seconds until the next call of this key is allowed; 0 if it is allowed now."""
        now, taken = time.monotonic(), self._taken.get(key, ())
        recent = [at for at in taken if at > now - self.seconds + TOLERANCE]
        if len(recent) < self.limit * scale:
            return 0.0
        return max(recent[-max(1, round(self.limit * scale))] + self.seconds - now, 0.001)

    def take(self, key: str) -> None:
        taken = self._taken.setdefault(key, deque())
        now = time.monotonic()
        while taken and taken[0] <= now - self.seconds:
            taken.popleft()
        taken.append(now)


class Rates:
    """Refuses what comes too fast, and remembers every such request as a violation."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.violations: list[Row] = []
        self._window_start = 0.0
        self._window_count = 0
        self._organization = SlidingWindow("organization_update", 5, 60)
        self._users_per_second = SlidingWindow("user_writes_per_second", 1, 1)
        self._user = SlidingWindow("user_update", 5, 60)
        self._incremental = SlidingWindow("incremental", 10, 60)
        self._ticket = SlidingWindow("ticket_update", 30, 600)
        self._tickets = SlidingWindow("ticket_updates_per_minute", 100, 60)

    def account(self, call: Call) -> dict[str, str]:
        """Count one request of the account; the headers that tell how many are left in this minute."""
        if self.settings.rate_scale is None:
            return {}
        now = time.monotonic()
        if now - self._window_start >= 60:
            self._window_start, self._window_count = now, 0
        limit = round(self.settings.requests_per_minute * self.settings.rate_scale)
        resets = math.ceil(self._window_start + 60 - now)
        self._window_count += 1
        left = max(limit - self._window_count, 0)
        headers = {
            "X-Rate-Limit": str(limit),
            "X-Rate-Limit-Remaining": str(left),
            "ratelimit-limit": str(limit),
            "ratelimit-remaining": str(left),
            "ratelimit-reset": str(resets),
        }
        if self._window_count > limit:
            self._note(call, "requests_per_minute", "account")
            body = "Number of allowed API requests per minute exceeded"
            raise Refused(429, body, {**headers, "Retry-After": str(resets)})
        return headers

    def organization_update(self, call: Call, organization_id: int) -> None:
        """``PUT /organizations/{id}``: 5 a minute for each organization."""
        self._require(
            call,
            self._organization,
            str(organization_id),
            {"errors": [{"code": "TooManyRequests", "title": "Too many requests to update"}]},
        )

    def user_write(self, call: Call, user: Row | None) -> None:
        """``POST /users/create_or_update`` and ``PUT /users/{id}``: 1 a second, and 5 a minute for each user."""
        description = "Number of allowed user update requests per second exceeded"
        body = {"error": "APIRateLimitExceeded", "description": description}
        self._require(call, self._users_per_second, "account", body)
        if user is not None:
            told = f"user email: {user['email']} external_id: {user['external_id']}"
            description = f"You have exceeded the rate limit for updating a single unique user. {told}"
            body = {"error": "APIRateLimitExceeded", "description": description}
            self._require(call, self._user, str(user["id"]), body)

    def user_created(self, user: Row) -> None:
        """Creating a user counts against the limit of that user."""
        self._user.take(str(user["id"]))

    def incremental(self, call: Call) -> None:
        """``GET /incremental/*``: 10 a minute over all resources."""
        description = "Number of allowed incremental export API requests per minute exceeded"
        self._require(call, self._incremental, "account", {"error": "APIRateLimitExceeded", "description": description})

    def ticket_update(self, call: Call, ticket_id: int) -> None:
        """``PUT /tickets/{id}``: 100 a minute, and 30 in 10 minutes for each user and ticket."""
        body = {"error": "APIRateLimitExceeded", "description": "Number of allowed ticket update requests exceeded"}
        self._require(call, self._tickets, "account", body)
        self._require(call, self._ticket, f"{call.write.actor_id}/{ticket_id}", body)

    def _require(self, call: Call, window: SlidingWindow, key: str, body: Row) -> None:
        if self.settings.rate_scale is None:
            return
        if wait := window.wait(key, self.settings.rate_scale):
            self._note(call, window.name, key)
            raise Refused(429, body, {"Retry-After": str(math.ceil(wait))})
        window.take(key)

    def _note(self, call: Call, limit: str, key: str) -> None:
        self.violations.append({"limit": limit, "key": key, "method": call.method, "path": f"/{call.path}"})
