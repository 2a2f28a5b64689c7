"""Trying a connection for real, without posting: what works, what is missing, and which workspace it reaches."""

from __future__ import annotations

from datetime import UTC, datetime

from connectors.slack.client import Slack
from connectors.slack.errors import Refused
from ml_connector.core.errors import ConnectorError, Reauthenticate
from ml_connector.core.findings import Finding
from ml_connector.core.system import Health

_INVITE = "type `/invite` and the app's name in the channel"


async def ping(client: Slack) -> Health:
    """Whom the token acts for, its scopes, and each channel of the connection. The identity is the workspace's id.

    Never raises a `ConnectorError`: it becomes a finding.
    """
    client.known = None  # the token may be another one by now
    try:
        me = await client.me()
    except ConnectorError as error:
        finding = Finding(False, "the workspace cannot be reached", error.message, isinstance(error, Reauthenticate))
        return Health(None, [finding])
    findings = [Finding(True, f"acts as {me.user} in the workspace {me.team} ({me.team_id})"), _scopes(me.scopes)]
    for name, channel in client.settings.channels.items():
        findings += await _channel(client, name, channel)
    if not client.settings.channels:
        findings.append(Finding(True, "no channels are named", "name them under `channels` of the connection"))
    return Health(me.team_id, findings)


def _scopes(scopes: frozenset[str]) -> Finding:
    told = f"scopes: {', '.join(sorted(scopes)) or 'none'}"
    missing = sorted({"chat:write", "channels:read", "channels:history"} - scopes)
    if missing:
        return Finding(False, told, f"add {', '.join(missing)} under OAuth & Permissions, and install the app again")
    return Finding(True, told)


async def _channel(client: Slack, name: str, channel: str) -> list[Finding]:
    try:
        found = await client.channel(channel)
    except ConnectorError as error:
        return [Finding(False, f"channel {name} ({channel}) cannot be looked up", error.message)]
    if found.get("is_archived"):
        return [Finding(False, f"channel {name} is archived", "unarchive it, or choose another one")]
    if found.get("is_member"):
        return [Finding(True, f"channel {name} can be posted to"), await _history(client, name, channel)]
    public = "chat:write.public" in (await client.me()).scopes and not found.get("is_private")
    told = f"channel {name}: the app is not a member"
    hint = f"{_INVITE}: the history is read only by members, and after an unclear outcome it is needed"
    return [Finding(public and client.settings.unclear != "hold", told, hint)]


async def _history(client: Slack, name: str, channel: str) -> Finding:
    try:
        now = datetime.now(UTC) + (await client.me()).ahead
        async for _ in client.messages(channel, None, f"{now.timestamp():.6f}"):
            break
    except Refused as error:
        return Finding(False, f"the history of {name} cannot be read", error.message)
    except ConnectorError as error:
        hint = f"{error.message}; without it, messages with an unclear outcome are treated as `unclear` says"
        return Finding(False, f"the history of {name} cannot be read", hint)
    return Finding(True, f"the history of {name} can be read")
