"""What Slack tells of the workspace itself: that our token is gone, or a channel that messages go to.

The app's one address is set by hand, where the app is configured. An event is a hint: what it tells of is looked at
when it is handled, so one that comes late or twice, or from before the workspace was connected again, does no harm.
https://docs.slack.dev/reference/events
"""

from __future__ import annotations

import re

from connectors.slack.client import Slack
from connectors.slack.errors import Refused
from connectors.slack.settings import CHANNEL_ID, SlackSettings
from ml_connector.core import jsonx
from ml_connector.core.findings import Finding
from ml_connector.core.secret import Secret
from ml_connector.core.webhooks import Event, News, SecretKeeper

_OF_ACCOUNT = frozenset({"app_uninstalled", "tokens_revoked"})
_OF_CHANNEL = re.compile(r"(channel|group)_(archive|deleted|id_changed|left|rename|unarchive)")
_LOST = "app_rate_limited"
"""More events happened in a minute than Slack tells of, so any of them may have."""


def is_heard(settings: SlackSettings) -> bool:
    return settings.app_id is not None


async def open_address(client: Slack, _address: Secret, keeper: SecretKeeper) -> list[str]:
    """Deliveries of this app in this workspace are ours, whichever address of the app they come to."""
    team = (await client.me()).team_id
    if await keeper.belongs_to(f"{team}/{client.settings.app_id}"):
        return [f"Slack may tell of the workspace {team}: `ml-connector ping` shows the Request URL that the app needs"]
    return []


async def event_findings(client: Slack, address: Secret) -> list[Finding]:
    """What is to be typed where the app is configured."""
    where = f"Event Subscriptions > Request URL: {address.reveal()}, or that of another workspace of this app"
    first = "Store the app's Signing Secret as webhook_secret_app first, or Slack is refused"
    return [Finding(True, f"events of the app {client.settings.app_id} are heard", f"{where}. {first}")]


async def close_address(_client: Slack, _address: Secret) -> None:
    """Nothing can be taken away at Slack by us."""


async def heed(client: Slack, event: Event) -> list[News]:
    """What is the matter with a channel, if the event tells of that. `Reauthenticate` if the token is gone."""
    if event.kind in _OF_ACCOUNT:
        client.known = None
        await client.me()
    elif event.kind == _LOST:
        channels = dict.fromkeys(client.settings.channels.values())
        return [news for channel in channels for news in await _channel(client, channel)]
    elif _OF_CHANNEL.fullmatch(event.kind):
        return await _channel(client, event.object_key.partition(":")[2], event)
    return []


async def _channel(client: Slack, channel: str, event: Event | None = None) -> list[News]:
    names = [name for name, its_id in client.settings.channels.items() if its_id == channel]
    found = await _finding(client, channel, f"channel {(names or [channel])[0]}", event)
    return [News(found, (*names, channel))] if found else []


async def _finding(client: Slack, channel: str, told: str, event: Event | None) -> Finding | None:
    if new_id := _new_id(event):
        return Finding(False, f"{told} has another id", f"put {new_id} in place of {channel} into the tenant file")
    try:
        row = await client.channel(channel)
    except Refused as error:
        return Finding(False, f"{told} is deleted or closed to the app", error.message)
    if row.get("is_archived"):
        return Finding(False, f"{told} is archived", "unarchive it, or send these messages to another one")
    if not row.get("is_member"):
        return Finding(False, f"{told} does not have the app any more", "type `/invite` and the app's name there")
    if event is not None and event.kind.endswith("_rename"):
        said = f"{told} is called #{row.get('name')} in Slack"
        return Finding(True, said, "messages go on: it is known by its id")
    return None


def _new_id(event: Event | None) -> str | None:
    if event is None or not event.kind.endswith("_id_changed"):
        return None
    new_id = str(jsonx.loads(event.body)["event"].get("new_channel_id"))
    return new_id if re.fullmatch(CHANNEL_ID, new_id) else None
