"""What a tenant's file says about a Slack connection. No secrets."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

CHANNEL_ID = r"^[CGD][A-Z0-9]{6,30}$"

ChannelId = Annotated[str, StringConstraints(pattern=CHANNEL_ID)]


class SlackSettings(BaseModel):
    """Settings of one Slack app in one workspace."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    origin: str
    """``https://slack.com/api``, or ``https://slack-gov.com/api`` for GovSlack."""
    channels: dict[str, ChannelId] = {}
    """The channels that the routing names -> their ids (in Slack: the channel's details, at the very end).

    Ids, because a name is not stable, and to find the id of one Slack has to be asked for every channel there is.
    """
    app_id: Annotated[str, StringConstraints(pattern=r"^A[A-Z0-9]{6,30}$")] | None = None
    """The app's id (Basic Information > App ID). With it, what Slack tells of the workspace is heard."""
    settle_seconds: float = Field(default=30.0, ge=0)
    """How long a message may be missing from the channel's history after it was posted."""
    unclear: Literal["hold", "resend", "drop"] = "hold"
    """What becomes of a message that may have been posted, where the channel's history cannot be read.

    ``hold`` leaves it to a person, ``resend`` posts it again (it may then stand there twice), ``drop`` gives it up.
    """
    messages_per_minute: int = Field(default=240, ge=60)
    """Over all channels of the workspace. Slack allows "several hundred"; more are refused for a while."""
