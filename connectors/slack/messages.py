"""Messages as a destination: posted once and in order, channel by channel.

Slack has no idempotency key. The request is in the ledger before it is sent, each message carries the id of its
effect, and after an unclear outcome the channel's history is read before anything else is posted there.
https://docs.slack.dev/reference/methods/chat.postMessage
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from connectors.slack.blocks import render
from connectors.slack.client import Slack
from connectors.slack.digest import digest, totals
from connectors.slack.looking import look
from connectors.slack.models import Message
from connectors.slack.posting import Posting
from connectors.slack.preview import shown
from connectors.slack.settings import CHANNEL_ID
from ml_connector.core.records import Body, Decision, Intent, Outcome, Resend, State


class Messages:
    """Posts `models.Message` payloads.

    A decision's request is what Slack is sent, without the metadata, and ``since``: Slack's time before the first
    attempt, in seconds since the epoch.
    """

    system = "slack"
    operation = "Web API chat.postMessage"
    resend = Resend.ON_REQUEST

    def __init__(self, client: Slack) -> None:
        self.settle_seconds = client.settings.settle_seconds
        self._client = client

    async def decide(self, intents: Sequence[Intent], *, preview: bool = False) -> list[Decision]:
        """Lay the messages out. Reads nothing but whom the token acts for: a revoked one ends the run here."""
        now = datetime.now(UTC) + (await self._client.me()).ahead
        decisions = []
        for n, intent in enumerate(intents):
            decisions.append(self._decision(intent, f"{now.timestamp():.6f}", preview))
            if n % 100 == 99:
                await asyncio.sleep(0)  # a millisecond each: let the lease be renewed meanwhile
        return decisions

    def _decision(self, intent: Intent, since: str, preview: bool) -> Decision:
        decision = Decision(intent.effect_id, intent.source_id, action="post")
        message = Message.model_validate(intent.payload)
        wanted = message.channel or ""
        channel = self._client.settings.channels.get(wanted, wanted)
        if not re.fullmatch(CHANNEL_ID, channel):
            decision.state = State.REJECTED
            decision.reason = "channel: it is neither an id nor one of the channels that the connection names"
            return decision
        rendered = render(message)
        request: Body = {"channel": channel, "text": rendered.text, "blocks": rendered.blocks, "since": since}
        earlier = None if intent.force else _earlier(intent.dest_id, channel)
        if earlier and message.follow_up == "reply":
            decision.action, request["thread_ts"] = "reply", earlier
        elif earlier and message.follow_up == "update":
            decision.action, request["ts"] = "update", earlier
        request["action"] = decision.action
        decision.request = request
        decision.changed = tuple(sorted(intent.payload)) if preview else ()
        return decision

    async def send(self, decisions: Sequence[Decision]) -> AsyncIterator[list[Outcome]]:
        """Outcomes one by one, as they are known. Channels go side by side, each in the order of the decisions.

        Before a message is posted again after an unclear outcome it has an AMBIGUOUS one that says so.
        """
        async for outcome in Posting(self._client).send(decisions):
            yield [outcome]

    def totals(self, payload: Body) -> list[tuple[str, Decimal]]:
        """The amounts that a message tells, by currency."""
        return totals(Message.model_validate(payload))

    def digest(self, stream: str, payloads: Sequence[Body]) -> Body:
        """The payload of one message that stands for these, which are for one channel."""
        messages = [Message.model_validate(payload) for payload in payloads]
        return digest(stream, messages).model_dump(exclude_unset=True)

    def shown(self, payload: Body) -> tuple[str, Body]:
        """A message for the terminal, and as Block Kit."""
        rendered = render(Message.model_validate(payload))
        return shown(rendered), {"text": rendered.text, "blocks": rendered.blocks}

    async def probe(self, decisions: Sequence[Decision]) -> list[Outcome]:
        """Whether the messages are in their channels' histories: one read settles all of a channel."""
        return await look(self._client, decisions)


def address(client: Slack, _model: str, dest_id: str) -> str | None:
    """The message's permalink, once it is known which workspace this is."""
    channel, ts, *thread = dest_id.split("/")
    if client.known is None or not client.known.url:
        return None
    query = f"?thread_ts={thread[0]}&cid={channel}" if thread else ""
    return f"{client.known.url.rstrip('/')}/archives/{channel}/p{ts.replace('.', '')}{query}"


def _earlier(dest_id: str | None, channel: str) -> str | None:
    """The ``ts`` of the record's first message, if it is in this channel."""
    parts = (dest_id or "").split("/")
    return parts[-1] if len(parts) > 1 and parts[0] == channel else None
