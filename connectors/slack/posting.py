"""The way of messages into their channels: one at a time in each, and none past another whose fate is open."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from uuid import UUID

from connectors.slack.client import Slack
from connectors.slack.errors import Refused
from connectors.slack.looking import POSTED_AGAIN, dest_id, look, metadata
from ml_connector.core.concurrently import ended
from ml_connector.core.errors import AbortRun, RetryLater
from ml_connector.core.records import Body, Decision, Outcome, State

log = logging.getLogger(__name__)

_UNCLEAR_IN_A_ROW = 3
"""After so many unclear outcomes of one message its channel waits for a later run."""
_TOO_MUCH = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "block_mismatch"})
"""Slack minds the layout: its limits are not all documented, and a message must not fail for them."""
_CANNOT_CHANGE = frozenset(
    {"message_not_found", "cant_update_message", "edit_window_closed", "is_inactive", "msg_too_long", "update_failed"}
)
_CANNOT_REPLY = frozenset(
    {
        "cannot_reply_to_message",
        "restricted_action_non_threadable_channel",
        "restricted_action_thread_locked",
        "thread_not_found",
    }
)
"""The first message is gone, or its thread is closed, as all may be in a channel, which may be open all the same."""
_FIXED: Body = {"unfurl_links": False, "unfurl_media": False, "mrkdwn": False, "parse": "none", "link_names": False}
"""The ERP's addresses are not fetched by Slack, and the plain text is not read as markup."""


class Posting:
    """One send."""

    def __init__(self, client: Slack) -> None:
        self._client = client
        self._known: asyncio.Queue[Outcome | None] = asyncio.Queue()
        self._doubted: set[UUID] = set()
        """What has been posted again after an unclear outcome."""
        self._halt: AbortRun | None = None

    async def send(self, decisions: Sequence[Decision]) -> AsyncIterator[Outcome]:
        """See `Messages.send`; what ends the run is raised after the last outcome."""
        channels: dict[str, list[Decision]] = {}
        for decision in decisions:
            channels.setdefault(decision.request["channel"], []).append(decision)
        running = [asyncio.create_task(self._channel(asked)) for asked in channels.values()]
        going = len(running)
        try:
            while going:
                outcome = await self._known.get()
                if outcome is None:
                    going -= 1
                else:
                    yield outcome
                self._known.task_done()
            await asyncio.gather(*running)
        finally:
            await ended(running)
        if self._halt is not None:
            raise self._halt

    async def _channel(self, decisions: Sequence[Decision]) -> None:
        """Post the messages of one channel in their order. What stops one of them stops those behind it."""
        stopped: Outcome | None = None
        try:
            for decision in decisions:
                if self._halt is not None:
                    outcome = _unsent(decision, f"not sent: {self._halt.message}")
                elif stopped is not None:
                    outcome = replace(stopped, effect_id=decision.effect_id, action=decision.action, request_id=None)
                else:
                    outcome, stopped = await self._settled(decision)
                self._known.put_nowait(outcome)
        finally:
            self._known.put_nowait(None)

    async def _settled(self, decision: Decision) -> tuple[Outcome, Outcome | None]:
        """The outcome of a message, and that of the messages behind it if they cannot be posted now."""
        behind = None
        try:
            outcome = await self._deliver(decision)
        except Refused as error:
            outcome = Outcome(decision.effect_id, State.REJECTED, decision.action, reason=error.message)
            outcome.request_id = error.request_id
            behind = outcome if error.whole_channel else None
        except AbortRun as error:
            self._halt = self._halt or error
            outcome = _unsent(decision, f"not sent: {error.message}")
        else:
            if outcome.state in (State.RETRY_WAIT, State.AMBIGUOUS):
                wait = max(outcome.retry_after or 0.0, self._client.settings.settle_seconds)
                behind = _unsent(decision, "an earlier message of this channel goes first", wait)
        if decision.effect_id in self._doubted:
            outcome = replace(outcome, reason="; ".join(filter(None, (POSTED_AGAIN, outcome.reason))))
        return outcome, behind

    async def _deliver(self, decision: Decision) -> Outcome:
        """Post one message. Raises `Refused` and `AbortRun`; then this try has certainly not posted it."""
        request = dict(decision.request)
        for _ in range(_UNCLEAR_IN_A_ROW):
            try:
                return await self._post(decision, request)
            except RetryLater as error:
                outcome = _unsent(decision, error.message, error.retry_after)
                outcome.request_id = error.request_id
                if not error.maybe_applied or "ts" in request:
                    return outcome
            log.info("slack: an unclear outcome in %s: looking for the message", request["channel"])
            outcome = await self._looked(replace(decision, request=request))
            if outcome.state is not State.RETRY_WAIT:
                return outcome
            await self._doubt(outcome)
        return outcome

    async def _doubt(self, outcome: Outcome) -> None:
        """Have it written down that the message may come to stand there twice. Only then it is posted again: a process
        that dies in between leaves nothing else that tells."""
        self._doubted.add(outcome.effect_id)
        self._known.put_nowait(replace(outcome, state=State.AMBIGUOUS))
        await self._known.join()

    async def _post(self, decision: Decision, request: Body) -> Outcome:
        """One message posted or changed: laid out, or where Slack minds that, as plain text."""
        try:
            ts, request_id = await self._call(decision, request)
        except Refused as error:
            if error.code in _TOO_MUCH and "blocks" in request:
                log.warning("slack: %s: posted as plain text", error)
                del request["blocks"]
            elif error.code in _CANNOT_CHANGE and "ts" in request:
                del request["ts"]
            elif error.code in _CANNOT_REPLY and "thread_ts" in request:
                del request["thread_ts"]
            else:
                raise
            return await self._post(decision, request)
        return Outcome(
            decision.effect_id,
            State.APPLIED,
            decision.action,
            dest_id=dest_id(request["channel"], ts, request.get("thread_ts")),
            reason=None if "blocks" in request else "as plain text: Slack refuses the layout",
            request_id=request_id,
        )

    async def _call(self, decision: Decision, request: Body) -> tuple[str, str | None]:
        names = ("channel", "text", "blocks", "thread_ts", "ts")
        body = {name: request[name] for name in names if name in request}
        # Said in a change, too: without blocks it would drop the old ones, but without metadata keep them.
        body["metadata"] = metadata(decision.effect_id)
        if "ts" in body:
            return await self._client.update({**body, "parse": "none", "link_names": False})
        return await self._client.post({**_FIXED, **body})

    async def _looked(self, decision: Decision) -> Outcome:
        """What became of a message, when it has had time to show up."""
        await asyncio.sleep(self._client.settings.settle_seconds)
        try:
            (outcome,) = await look(self._client, [decision])
        except AbortRun as error:
            self._halt = self._halt or error
            return Outcome(decision.effect_id, State.AMBIGUOUS, decision.action, reason=error.message)
        return outcome


def _unsent(decision: Decision, reason: str, retry_after: float | None = None) -> Outcome:
    return Outcome(decision.effect_id, State.RETRY_WAIT, decision.action, reason=reason, retry_after=retry_after)
