"""``conversations.*``: channels and their histories."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

from connectors.slack.sandbox.http import Call, Refused, Row
from connectors.slack.sandbox.rates import Rates
from connectors.slack.sandbox.workspace import Channel, Message, Workspace

_TS = re.compile(r"\d{1,12}(\.\d{1,6})?")
_PAGE = 100


class Conversations:
    def __init__(self, workspace: Workspace, rates: Rates) -> None:
        self.workspace = workspace
        self.rates = rates

    def channels(self, call: Call) -> Row:
        """``conversations.list``: channels of the types asked for, by cursor."""
        types = (call.text("types") or "public_channel").split(",")
        wanted = [
            one.row
            for one in self.workspace.channels.values()
            if ("private_channel" if one.row["is_private"] else "public_channel") in types
            and not (call.flag("exclude_archived") and one.row["is_archived"])
            and (one.row["is_member"] or not one.row["is_private"])
        ]
        start, limit = _start(call), min(call.number("limit", _PAGE), 999)
        return {"channels": wanted[start : start + limit], **_next(start + limit, len(wanted))}

    def info(self, call: Call) -> Row:
        """``conversations.info``."""
        channel = self.workspace.channel(call.text("channel"))
        self._require_scope(call, channel, "read")
        return {"channel": channel.row}

    def history(self, call: Call) -> Row:
        """``conversations.history``: the newest first, without replies."""
        found = self._readable(call, lambda row: row.get("thread_ts") in (None, row["ts"]))
        return self._page(call, found[::-1])

    def replies(self, call: Call) -> Row:
        """``conversations.replies``: a thread's messages, the first one of it first."""
        thread = call.text("ts")
        found = self._readable(call, lambda row: thread in (row["ts"], row.get("thread_ts")))
        if not found:
            raise Refused("thread_not_found")
        return self._page(call, found)

    def _readable(self, call: Call, wanted: Callable[[Row], bool]) -> list[Message]:
        channel = self.workspace.channel(call.text("channel"))
        self._require_scope(call, channel, "history")
        if not channel.row["is_member"]:
            raise Refused("not_in_channel")
        self.rates.per_minute(call.name, self.workspace.settings.history_per_minute)
        now = self.workspace.world.now().timestamp()
        return [one for one in channel.messages if one.visible_at <= now and wanted(one.row)]

    def _page(self, call: Call, found: list[Message]) -> Row:
        oldest, latest = _ts(call, "oldest"), _ts(call, "latest")
        rows = [one.row for one in found if _within(one.row["ts"], oldest, latest, call.flag("inclusive"))]
        start = _start(call)
        limit = min(call.number("limit", _PAGE), self.workspace.settings.history_limit)
        page = [_read(row, call.flag("include_all_metadata")) for row in rows[start : start + limit]]
        more = _next(start + limit, len(rows))
        return {"messages": page, "has_more": bool(more["response_metadata"]["next_cursor"]), "pin_count": 0, **more}

    def _require_scope(self, call: Call, channel: Channel, right: str) -> None:
        kind = "groups" if channel.row["is_private"] else "channels"
        require_scope(call, f"{kind}:{right}")


def require_scope(call: Call, needed: str) -> None:
    scopes = call.scopes or frozenset()
    if needed not in scopes:
        raise Refused("missing_scope", needed=needed, provided=",".join(sorted(scopes)))


def _read(row: Row, with_payload: bool) -> Row:
    """Without ``include_all_metadata`` only the type of the metadata is told."""
    shown = {name: value for name, value in row.items() if name != "pings"}
    if "metadata" in shown and not with_payload:
        shown["metadata"] = {"event_type": shown["metadata"]["event_type"]}
    return shown


def _ts(call: Call, name: str) -> float | None:
    text = call.text(name)
    if not text:
        return None
    if not _TS.fullmatch(text):
        raise Refused(f"invalid_ts_{name}")
    return float(text)


def _within(ts: str, oldest: float | None, latest: float | None, inclusive: bool) -> bool:
    at = float(ts)
    if inclusive and at in (oldest, latest):
        return True
    return (oldest is None or at > oldest) and (latest is None or at < latest)


def _start(call: Call) -> int:
    cursor = call.text("cursor")
    if not cursor:
        return 0
    try:
        return int(base64.b64decode(cursor, validate=True).decode().removeprefix("next:"))
    except ValueError:
        raise Refused("invalid_cursor") from None


def _next(position: int, count: int) -> Row:
    cursor = base64.b64encode(f"next:{position}".encode()).decode() if position < count else ""
    return {"response_metadata": {"next_cursor": cursor}}
