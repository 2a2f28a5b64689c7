"""What Slack's deliveries are read as."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from connectors.slack.sandbox.workspace import Settings
from connectors.slack.webhook import read
from ml_connector.core.errors import RejectEvent
from ml_connector.core.webhooks import Delivery
from tests.connectors.slack_workspace import PROCUREMENT, workspace
from tests.core.wire import Request, answer, reset, wire
from tests.receiver.running import until

ENVELOPE = {
    "type": "event_callback",
    "token": "deprecated",
    "team_id": "T123ABC456",
    "api_app_id": "A123ABC456",
    "event": {"type": "channel_archive", "channel": "C123ABC456", "user": "U1", "event_ts": "1355517523.000005"},
    "event_id": "Ev123ABC456",
    "event_time": 1234567890,
}
LOST = {
    "type": "app_rate_limited",
    "team_id": "T123ABC456",
    "api_app_id": "A123ABC456",
    "minute_rate_limited": 1518467820,
}


def delivered(body: dict[str, Any]) -> Delivery:
    return read([], json.dumps(body).encode())


def test_an_address_is_proved_with_the_challenge_and_nothing_is_stored(specs: Path) -> None:
    vectors = json.loads((specs / "slack" / "test_vectors.json").read_bytes())
    body = vectors["slack_derived"][0]["body"]

    assert read([], body.encode()) == Delivery(None, (), answer=json.loads(body)["challenge"].encode())
    assert delivered({"type": "url_verification", "challenge": "<script>"}).answer == b""


@pytest.mark.parametrize(
    ("change", "event_id", "kind", "object_key"),
    [
        ({}, "Ev123ABC456", "channel_archive", "channel:C123ABC456"),
        ({"event": {"type": "channel_rename", "channel": {"id": "C9"}}}, "Ev123ABC456", "channel_rename", "channel:C9"),
        (
            {"event": {"type": "channel_id_changed", "old_channel_id": "G1", "new_channel_id": "C1"}},
            "Ev123ABC456",
            "channel_id_changed",
            "channel:G1",
        ),
        ({"event": {"type": "app_uninstalled"}}, "Ev123ABC456", "app_uninstalled", "team:T123ABC456"),
        ({"event": {"type": "tokens_revoked", "tokens": {}}}, "Ev123ABC456", "tokens_revoked", "team:T123ABC456"),
        (
            {**LOST, "event": None, "event_id": None},
            "app_rate_limited:1518467820",
            "app_rate_limited",
            "team:T123ABC456",
        ),
        ({"type": "something new"}, "Ev123ABC456", "unknown", "team:T123ABC456"),
    ],
)
def test_an_event_goes_by_its_own_id(change: dict[str, Any], event_id: str, kind: str, object_key: str) -> None:
    delivery = delivered({**ENVELOPE, **change})

    (event,) = delivery.events
    assert delivery.account == "T123ABC456/A123ABC456"
    assert (event.event_id, event.kind, event.object_key) == (event_id, kind, object_key)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"\xff", b'{"a": 1'])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(RejectEvent):
        read([], body)


async def test_the_sandbox_sends_an_event_again_as_slack_does() -> None:
    async def proves_itself(request: Request, writer: asyncio.StreamWriter) -> None:
        await answer(200, json.loads(request.body)["challenge"].encode())(request, writer)

    with workspace() as slack:
        async with wire(proves_itself, answer(503), reset, answer(200)) as app, slack.client() as client:
            slack.configure(events_url=f"{app.origin}/hooks/x", event_retry_seconds=(0.05, 0.05, 0.05))
            await client.me()
            slack.channel(PROCUREMENT, is_archived=True)
            await until(lambda: slack.emulator.state("events")[-1]["answers"][-1:] == [200])
        [delivery] = slack.emulator.state("events")

    assert delivery["answers"] == [503, 0, 200]
    retries = [
        (one.headers.get("x-slack-retry-num"), one.headers.get("x-slack-retry-reason")) for one in app.requests[1:]
    ]
    assert retries == [(None, None), ("1", "http_error"), ("2", "connection_failed")]
    assert {one.body for one in app.requests[1:]} == {app.requests[1].body}
    assert Settings().event_retry_seconds == (0.0, 60.0, 300.0)
