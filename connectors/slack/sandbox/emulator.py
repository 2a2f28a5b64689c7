"""The Slack emulator: one strict, stateful workspace under ``/slack``.

Methods stand under ``/slack/api``, the page on which a person installs the app under ``/slack/oauth/v2/authorize``.
It refuses what Slack refuses, with Slack's codes; what no document confirms is named in this connector's README.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from connectors.slack.sandbox.chat import Chat
from connectors.slack.sandbox.conversations import Conversations, require_scope
from connectors.slack.sandbox.events import Events
from connectors.slack.sandbox.http import Call, Method, Refused, Row, answer, call_of
from connectors.slack.sandbox.oauth import OAuth
from connectors.slack.sandbox.rates import Rates
from connectors.slack.sandbox.workspace import APP_ID, BOT_ID, BOT_USER, SYSTEM, TEAM_ID, Workspace
from ml_connector.sandbox.world import World, configure


class SlackEmulator:
    """See ``ml_connector.sandbox.world.Emulator``. Collections: ``state`` lists them."""

    system = SYSTEM
    faults = frozenset({"history_lag"})

    def __init__(self, world: World) -> None:
        self.world = world
        self._request_numbers = count(1)
        self._open()

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/oauth/v2/authorize", self.authorize, methods=["GET"]),
            Route("/api/{method}", self.serve, methods=["GET", "POST"]),
        ]

    def reset(self) -> None:
        self.events.outbox.close()
        self._open()

    def configure(self, settings: dict[str, Any]) -> None:
        configure(self.workspace.settings, settings)

    def expire_tokens(self) -> None:
        self.oauth.revoke_all()
        self.events.tell({"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [BOT_USER]}})

    def seed(self, collection: str, count: int, seed: int) -> int:
        """Public channels with the app in them, the same for any ``seed``."""
        del seed
        if collection != "channels":
            raise KeyError(collection)
        for _ in range(count):
            self.workspace.add_channel({})
        return count

    def mutate(self, collection: str, change: dict[str, Any]) -> list[str]:
        """Of ``channels``: ``{create: attributes}``, ``{keys: ids, set: attributes}``, ``{keys: ids, delete: true}``.

        Of ``app``: ``{uninstall: true}``. Slack tells the app of these.

        Of ``messages``: ``{keys: [ts], delete: true}``. Of ``events``: ``{send: event, copies: 1}``, or
        ``{lost: minute}``. Returns the ids concerned.
        """
        match collection, change:
            case "channels", {"create": attributes}:
                return [str(self.workspace.add_channel(attributes)["id"])]
            case "channels", {"keys": keys, "set": attributes}:
                for key in keys:
                    self._change(self.workspace.channels[key].row, attributes)
                return list(keys)
            case "channels", {"keys": keys, "delete": True}:
                for key in keys:
                    del self.workspace.channels[key]
                    self.events.tell({"type": "channel_deleted", "channel": key})
                return list(keys)
            case "app", {"uninstall": True}:
                self.oauth.revoke_all("account_inactive")
                self.events.tell({"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [BOT_USER]}})
                return [self.events.tell({"type": "app_uninstalled"})]
            case "messages", {"keys": keys, "delete": True}:
                for channel in self.workspace.channels.values():
                    channel.messages = [one for one in channel.messages if one.row["ts"] not in keys]
                return list(keys)
            case "events", {"send": event}:
                return [self.events.tell(event, int(change.get("copies", 1)))]
            case "events", {"lost": minute}:
                self.events.too_many(int(minute))
                return []
        raise KeyError(collection)

    def _change(self, row: Row, attributes: Row) -> None:
        before = dict(row)
        row.update(attributes)
        if row["is_archived"] != before["is_archived"]:
            kind = "channel_archive" if row["is_archived"] else "channel_unarchive"
            self.events.tell({"type": kind, "channel": row["id"], "user": "U0CREATOR1"})
        if before["is_member"] and not row["is_member"]:
            left = "group_left" if row["is_private"] else "channel_left"
            self.events.tell({"type": left, "channel": row["id"], "actor_id": "U0CREATOR1"})
        if row["name"] != before["name"]:
            renamed = {name: row[name] for name in ("id", "name", "created")}
            self.events.tell({"type": "channel_rename", "channel": renamed})

    def state(self, collection: str) -> list[dict[str, Any]]:
        """Messages in the order of their channels and times; ``pings`` are those whom one would call."""
        collections: dict[str, Callable[[], list[Row]]] = {
            "channels": lambda: [one.row for one in self.workspace.channels.values()],
            "messages": lambda: [
                {"channel": one.row["id"], **message.row}
                for one in self.workspace.channels.values()
                for message in one.messages
            ],
            "events": self.events.all,
            "rate_violations": lambda: self.rates.violations,
        }
        return collections[collection]()

    async def authorize(self, request: Request) -> Response:
        return self.oauth.authorize(request)

    async def serve(self, request: Request) -> Response:
        """Every call of a method."""
        self.events.outbox.serve()
        call: Call | None = None
        try:
            call = call_of(request, await request.body(), f"{next(self._request_numbers):012x}")
            return answer(call, {"ok": True, **self._carried_out(call)}, 200, {})
        except Refused as refused:
            return answer(call, refused.body, refused.status, refused.headers)
        finally:
            request.scope["path_params"] = {}  # the route is the method itself

    def _carried_out(self, call: Call) -> Row:
        if call.name == "oauth.v2.access":
            return self.oauth.access(call)
        if call.name not in self.methods:
            raise Refused("unknown_method")
        method, scope = self.methods[call.name]
        self.oauth.authenticate(call)
        if scope:
            require_scope(call, scope)
        return method(call)

    def _test(self, _: Call) -> Row:
        """``auth.test``."""
        return {
            "url": "https://sandbox.slack.com/",
            "team": "Sandbox",
            "user": "ml-connector",
            "team_id": TEAM_ID,
            "user_id": BOT_USER,
            "bot_id": BOT_ID,
            "app_id": APP_ID,
            "is_enterprise_install": False,
        }

    def _open(self) -> None:
        self.workspace = Workspace(self.world)
        self.rates = Rates()
        self.oauth = OAuth(self.workspace)
        self.events = Events(self.workspace)
        chat = Chat(self.workspace, self.rates)
        conversations = Conversations(self.workspace, self.rates)
        self.methods: dict[str, tuple[Method, str]] = {
            "auth.test": (self._test, ""),
            "chat.postMessage": (chat.post, "chat:write"),
            "chat.update": (chat.update, "chat:write"),
            "conversations.list": (conversations.channels, "channels:read"),
            "conversations.info": (conversations.info, ""),
            "conversations.history": (conversations.history, ""),
            "conversations.replies": (conversations.replies, ""),
        }
