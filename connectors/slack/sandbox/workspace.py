"""What the parts of the Slack emulator share: one workspace with its channels, messages and settings."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from connectors.slack.sandbox.http import Refused, Row
from ml_connector.sandbox.world import FaultRule, World

SYSTEM = "slack"
TEAM_ID, APP_ID, BOT_ID, BOT_USER = "T0SANDBOX1", "A0SANDBOX1", "B0SANDBOX1", "U0SANDBOX1"
SCOPES = "chat:write,channels:read,channels:history,groups:read,groups:history"
DEFAULT_CHANNELS = {"procurement": "C0PROCURE1", "finance": "C0FINANCE1", "operations": "C0OPERATE1"}
EFFECT_KEY = "effect"


@dataclass(slots=True)
class Settings:
    """What a test may change with ``POST /_sandbox/settings``."""

    token: str = "xoxb-sandbox-token"  # noqa: S105 - of an app that exists in the sandbox only
    """The pasted bot token of the app; those bought by OAuth are good beside it."""
    scopes: str = SCOPES
    """Of the pasted token, with commas between them."""
    posts_per_second: float | None = 1.0
    """In one channel; None: as many as come."""
    post_burst: int = 1
    """How many of them at once."""
    history_per_minute: int | None = 50
    """1 for apps that are distributed commercially and not in the Marketplace; None: as many as come."""
    history_limit: int = 999
    """15 for those apps."""
    rotation: bool = False
    """Whether tokens end after 12 hours and come with a refresh token."""
    pkce: bool = False
    """Whether the app is a public client, which is a switch in its settings that nobody can turn back."""
    consent: bool = True
    """Whether the user agrees on the authorization page."""
    events_url: str = ""
    """The app's request address; events are sent there once it has proved itself. Empty: none."""
    signing_secret: str = "sandbox-signing-secret"  # noqa: S105 - as above
    event_retry_seconds: tuple[float, ...] = (0.0, 60.0, 300.0)
    """The pauses before an event is sent again to an address that has not taken it."""


@dataclass(slots=True)
class Message:
    """``visible_at``: when histories begin to show it, in seconds since the epoch."""

    row: Row
    visible_at: float


@dataclass(slots=True)
class Channel:
    row: Row
    messages: list[Message] = field(default_factory=list)


class Workspace:
    """One workspace, in which our app is installed."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.settings = Settings()
        self.channels: dict[str, Channel] = {}
        self._last = 0.0
        self._numbers: defaultdict[str, int] = defaultdict(int)
        for name, channel_id in DEFAULT_CHANNELS.items():
            self.add_channel({"id": channel_id, "name": name})

    def add_channel(self, given: Row) -> Row:
        """A channel with our app in it, unless ``given`` says otherwise."""
        self._numbers["channel"] += 1
        created = int(self.world.now().timestamp())
        name = str(given.get("name") or f"channel-{self._numbers['channel']}")
        row = {
            "id": f"C0SANDBOX{self._numbers['channel']}",
            "name": name,
            "name_normalized": name,
            "is_channel": True,
            "is_group": False,
            "is_im": False,
            "is_mpim": False,
            "is_private": False,
            "created": created,
            "creator": "U0CREATOR1",
            "is_archived": False,
            "is_general": False,
            "unlinked": 0,
            "is_shared": False,
            "is_org_shared": False,
            "is_ext_shared": False,
            "is_pending_ext_shared": False,
            "pending_shared": [],
            "shared_team_ids": [TEAM_ID],
            "pending_connected_team_ids": [],
            "context_team_id": TEAM_ID,
            "is_member": True,
            "topic": {"value": "", "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
            "previous_names": [],
            "updated": created * 1000,
            **given,
        }
        self.channels[row["id"]] = Channel(row)
        return row

    def channel(self, wanted: str) -> Channel:
        """By id, or ``#name``. Of a private channel without us nobody tells us that it exists."""
        found = self.channels.get(wanted)
        if found is None:
            name = wanted.removeprefix("#")
            found = next((one for one in self.channels.values() if one.row["name"] == name), None)
        if found is None or (found.row["is_private"] and not found.row["is_member"]):
            raise Refused("channel_not_found")
        return found

    def new_ts(self) -> str:
        """Slack's id of a message in its channel: the time, later than any before."""
        self._last = max(self.world.now().timestamp(), self._last + 0.000001)
        return f"{self._last:.6f}"

    def armed(self, fault: str, name: str) -> FaultRule | None:
        return self.world.faults.armed(SYSTEM, fault, "POST", f"/api/{name}")

    def effect(self, kind: str, row: Row, channel: Row, request_id: str) -> None:
        """Tell the world of a message; its key is that of our effect, if it names one."""
        payload = (row.get("metadata") or {}).get("event_payload") or {}
        key = str(payload.get(EFFECT_KEY) or row["ts"])
        self.world.effect(SYSTEM, kind, key, request_id, channel=channel["id"], name=channel["name"], ts=row["ts"])
