"""Slack's Web API, as far as messages need it: thin calls and their limits. https://docs.slack.dev/apis/web-api"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.slack.errors import VENDOR, error_of, explain
from connectors.slack.settings import SlackSettings
from ml_connector.core.http import HttpClient, Response, Retry
from ml_connector.core.rate import Limit
from ml_connector.core.records import Body

__all__ = ["HOSTS", "REQUEST_ID_HEADERS", "VENDOR", "Slack", "explain"]

HOSTS = ("slack.com", "slack-gov.com")
REQUEST_ID_HEADERS = ("x-slack-req-id",)
_JSON = {"content-type": "application/json; charset=utf-8"}
_PAGE = 200


@dataclass(slots=True, frozen=True)
class Me:
    """Whom the token acts for."""

    team_id: str
    team: str
    url: str
    """``https://acme.slack.com/``."""
    user: str
    bot_id: str | None
    scopes: frozenset[str]
    ahead: timedelta
    """By how much Slack's clock is ahead of ours."""


class Slack:
    """One app in one workspace. ``http`` is a client of ``settings.origin`` that was given `explain`.

    All calls raise `core.errors`; what is about one message or channel is an `errors.Refused`.
    """

    def __init__(self, http: HttpClient, settings: SlackSettings) -> None:
        self.settings = settings
        self.known: Me | None = None
        """What `me` has found."""
        self._http = http

    # --- reading

    async def me(self) -> Me:
        """Ask once who we are there; it is also where the clocks are compared."""
        if self.known is None:
            answer = await self._http.request("GET", "/auth.test")
            body = _checked(answer, "auth.test")
            told = answer.headers.get("x-oauth-scopes", "").split(",")
            now = datetime.now(UTC)
            self.known = Me(
                team_id=str(body.get("team_id")),
                team=str(body.get("team")),
                url=str(body.get("url") or ""),
                user=str(body.get("user")),
                bot_id=body.get("bot_id"),
                scopes=frozenset(scope.strip() for scope in told if scope.strip()),
                ahead=(answer.server_time or now) - now,
            )
        return self.known

    async def channel(self, channel: str) -> Body:
        """``conversations.info``."""
        answer = await self._read("conversations.info", per_minute=50, channel=channel)
        return answer.get("channel") or {}

    async def messages(self, channel: str, thread: str | None, oldest: str) -> AsyncIterator[list[Body]]:
        """The messages of a channel (or of one thread in it) since ``oldest``, with their metadata, page by page.

        The newest come first, in a thread the oldest. Slack may give fewer than asked for, and empty pages.
        """
        method = "conversations.replies" if thread else "conversations.history"
        query = {"channel": channel, "oldest": oldest, "limit": str(_PAGE), "include_all_metadata": "true"}
        if thread:
            query["ts"] = thread
        cursor = ""
        while True:
            page = await self._read(method, per_minute=50, **query, **({"cursor": cursor} if cursor else {}))
            yield page.get("messages") or []
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return

    async def _read(self, method: str, *, per_minute: int, **query: str) -> Body:
        limit = Limit(f"slack {(await self.me()).team_id} {method}", per_minute=per_minute, burst=5)
        return _checked(await self._http.request("GET", f"/{method}", params=query, limits=[limit]), method)

    # --- writing

    async def post(self, message: Body) -> tuple[str, str | None]:
        """``chat.postMessage``; returns the message's ``ts`` and Slack's request id. Never repeated once it may have
        been acted on: Slack has no idempotency key."""
        team = (await self.me()).team_id
        # One message a second in a channel; the difference is for requests that overtake each other on the way.
        limits = [
            Limit(f"slack {team} {message['channel']}", per_minute=50, burst=1),
            Limit(f"slack {team}", per_minute=self.settings.messages_per_minute, burst=10),
        ]
        return await self._write("chat.postMessage", message, limits, Retry.UNSENT)

    async def update(self, message: Body) -> tuple[str, str | None]:
        """``chat.update``, which says the whole message and so may be repeated."""
        limit = Limit(f"slack {(await self.me()).team_id} chat.update", per_minute=50, burst=5)
        return await self._write("chat.update", message, [limit], Retry.ALWAYS)

    async def _write(self, method: str, message: Body, limits: list[Limit], retry: Retry) -> tuple[str, str | None]:
        answer = await self._http.request("POST", f"/{method}", json=message, headers=_JSON, limits=limits, retry=retry)
        ts = _checked(answer, method).get("ts")
        if not isinstance(ts, str):
            raise error_of(None, method, answer.request_id)
        return ts, answer.request_id


def _checked(answer: Response, method: str) -> dict[str, Any]:
    body = answer.json() if answer.body else None
    if not isinstance(body, dict) or body.get("ok") is not True:
        raise error_of(body, method, answer.request_id)
    return body
