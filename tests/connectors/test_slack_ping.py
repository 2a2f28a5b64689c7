"""Trying a Slack connection, over real HTTP to the sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.slack.ping import ping
from connectors.slack.sandbox.workspace import TEAM_ID
from tests.connectors.slack_workspace import FINANCE, PROCUREMENT, SlackWorkspace, workspace

CHANNELS = {"procurement": PROCUREMENT, "finance": FINANCE}


@pytest.fixture
def slack() -> Iterator[SlackWorkspace]:
    with workspace() as opened:
        yield opened


async def test_a_connection_in_order(slack: SlackWorkspace) -> None:
    async with slack.client(channels=CHANNELS) as client:
        health = await ping(client)

    assert health.identity == TEAM_ID
    assert [finding.what for finding in health.findings if not finding.ok] == []
    assert len(health.findings) == 6
    assert slack.messages() == []


async def test_each_channel_says_what_is_missing(slack: SlackWorkspace) -> None:
    slack.channel(PROCUREMENT, is_archived=True)
    slack.channel(FINANCE, is_member=False)
    async with slack.client(channels={**CHANNELS, "ghost": "C0NOSUCHONE"}) as client:
        findings = {finding.what: finding.hint or "" for finding in (await ping(client)).findings if not finding.ok}

    assert list(findings) == [
        "channel procurement is archived",
        "channel finance: the app is not a member",
        "channel ghost (C0NOSUCHONE) cannot be looked up",
    ]
    assert "unarchive" in findings["channel procurement is archived"]
    assert "/invite" in findings["channel finance: the app is not a member"]
    assert "correct the id" in findings["channel ghost (C0NOSUCHONE) cannot be looked up"]


async def test_missing_scopes_are_named(slack: SlackWorkspace) -> None:
    slack.configure(scopes="chat:write,channels:read")
    async with slack.client(channels=CHANNELS) as client:
        findings = [finding for finding in (await ping(client)).findings if not finding.ok]

    assert "add channels:history" in (findings[0].hint or "")
    assert [finding.what for finding in findings[1:]] == [
        f"the history of {name} cannot be read" for name in ("procurement", "finance")
    ]


async def test_a_revoked_token_is_one_finding_and_no_error(slack: SlackWorkspace) -> None:
    async with slack.client(channels=CHANNELS) as client:
        await ping(client)
        slack.emulator.expire_tokens()
        health = await ping(client)

    assert health.identity is None
    assert [(finding.ok, finding.refused) for finding in health.findings] == [(False, True)]
