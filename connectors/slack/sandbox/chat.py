"""``chat.*``: messages posted and changed."""

from __future__ import annotations

from typing import Any

from connectors.slack.sandbox.check import parts, pings, require_blocks, require_metadata, size
from connectors.slack.sandbox.http import Call, Refused, Row
from connectors.slack.sandbox.rates import Rates
from connectors.slack.sandbox.workspace import APP_ID, BOT_ID, BOT_USER, TEAM_ID, Channel, Message, Workspace

LONGEST_TEXT = 40_000
LONGEST_MESSAGE = 4_000
"""Of what has no blocks: a longer text becomes several messages. In a change it is refused."""
_CONTENT = ("text", "blocks", "attachments")


class Chat:
    def __init__(self, workspace: Workspace, rates: Rates) -> None:
        self.workspace = workspace
        self.rates = rates

    def post(self, call: Call) -> Row:
        """``chat.postMessage``."""
        channel = self._open(call)
        settings = self.workspace.settings
        self.rates.spaced(f"post {channel.row['id']}", settings.posts_per_second, settings.post_burst)
        content = self._content(call)
        if thread := call.text("thread_ts"):
            if all(message.row["ts"] != thread for message in channel.messages):
                raise Refused("cannot_reply_to_message")
            content["thread_ts"] = thread
        lag = self.workspace.armed("history_lag", call.name)
        late = float(lag.params["seconds"]) if lag else 0.0
        whole = "blocks" in content or size(content["text"]) <= LONGEST_MESSAGE
        rows = [
            {**content, "text": text, "ts": self.workspace.new_ts()}
            for text in ([content["text"]] if whole else parts(content["text"], LONGEST_MESSAGE))
        ]
        for row in rows:
            channel.messages.append(Message(row, float(row["ts"]) + late))
            self.workspace.effect("message.posted", row, channel.row, call.request_id)
        return {"channel": channel.row["id"], "ts": rows[0]["ts"], "message": _shown(rows[0])}

    def update(self, call: Call) -> Row:
        """``chat.update``. Without blocks the old ones go; without metadata the old stay."""
        channel = self._open(call)
        self.rates.per_minute("chat.update", 50)
        message = next((one for one in channel.messages if one.row["ts"] == call.text("ts")), None)
        if message is None:
            raise Refused("message_not_found")
        if message.row["bot_id"] != BOT_ID:
            raise Refused("cant_update_message")
        if size(call.text("text")) > LONGEST_MESSAGE:
            raise Refused("msg_too_long")
        content = self._content(call)
        kept: Row = {name: message.row[name] for name in ("ts", "thread_ts") if name in message.row}
        if "metadata" in message.row and "metadata" not in call.args:
            content["metadata"] = message.row["metadata"]
        message.row = {**content, **kept, "edited": {"user": BOT_USER, "ts": self.workspace.new_ts()}}
        self.workspace.effect("message.updated", message.row, channel.row, call.request_id)
        text = message.row["text"]
        return {"channel": channel.row["id"], "ts": message.row["ts"], "text": text, "message": _shown(message.row)}

    def _open(self, call: Call) -> Channel:
        """The channel, if we may post there."""
        if not call.text("channel"):
            raise Refused("channel_not_found")
        channel = self.workspace.channel(call.text("channel"))
        if channel.row["is_archived"]:
            raise Refused("is_archived")
        if not channel.row["is_member"] and "chat:write.public" not in (call.scopes or ()):
            raise Refused("not_in_channel")
        return channel

    def _content(self, call: Call) -> Row:
        """What a message says; refused as Slack refuses it."""
        blocks, metadata, text = call.structure("blocks"), call.structure("metadata"), call.text("text")
        if not any(call.args.get(name) for name in _CONTENT):
            raise Refused("no_text")
        if blocks is not None:
            require_blocks(blocks)
        if metadata:
            require_metadata(metadata)
        if len(text) > LONGEST_TEXT:
            call.warnings.append("message_truncated")
        row: dict[str, Any] = {
            "type": "message",
            "subtype": "bot_message",
            "text": text[:LONGEST_TEXT],
            "user": BOT_USER,
            "bot_id": BOT_ID,
            "app_id": APP_ID,
            "team": TEAM_ID,
            "pings": pings({**call.args, "blocks": blocks}),
        }
        if blocks:
            row["blocks"] = [{"block_id": f"b{n}", **block} for n, block in enumerate(blocks)]
        if metadata:
            row["metadata"] = metadata
        return row


def _shown(row: Row) -> Row:
    """As Slack shows it: ``pings`` is the emulator's own note."""
    return {name: value for name, value in row.items() if name != "pings"}
