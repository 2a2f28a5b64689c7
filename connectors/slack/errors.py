"""What Slack says when it refuses something: HTTP 200 with ``{"ok": false, "error": "..."}``.

Each code becomes the error that says what must happen next, in words for the person who looks after the workspace.
https://docs.slack.dev/reference/methods/chat.postMessage#errors
"""

from __future__ import annotations

import re
from typing import Any

from ml_connector.core import jsonx
from ml_connector.core.errors import ConnectorError, Misconfigured, Reauthenticate, RejectRecord, RetryLater
from ml_connector.core.response import Response

VENDOR = "slack"

_REMEDY = "connect the workspace again, or install the app once more and set its new bot token"
_CREDENTIAL = {
    "not_authed": f"no token was sent: {_REMEDY}",
    "invalid_auth": f"the token is not one of this workspace: {_REMEDY}",
    "token_revoked": f"the token was revoked: {_REMEDY}",
    "token_expired": f"the token has expired: {_REMEDY}",
    "account_inactive": f"the app was removed from the workspace, or the workspace was deleted: {_REMEDY}",
    "not_allowed_token_type": "this is no bot token: use the one that begins with xoxb-",
}
_RENEWABLE = frozenset({"not_authed", "invalid_auth", "token_revoked", "token_expired"})
"""What another token would mend."""
_WORKSPACE = {
    "accesslimited": "the workspace accepts the app from certain networks only: an admin must add ours",
    "access_denied": "the workspace denies this to the app: an admin must approve the app",
    "app_access_restricted": "an admin has restricted the app: it must be approved for this workspace",
    "enterprise_is_restricted": "the app cannot act for the whole organization: install it in the workspace itself",
    "org_login_required": "the workspace is being moved into an organization: connect it again after that",
    "team_access_not_granted": "the organization has not granted the app access to this workspace: an admin must",
    "two_factor_setup_required": "the workspace demands two-factor authentication of the app's owner",
    "team_not_found": "the token is for a whole organization: install the app in the workspace itself",
    "unknown_method": "Slack knows no such address: check the origin",
    "method_deprecated": "Slack has retired this call: a newer version of ml-connector is needed",
    "deprecated_endpoint": "Slack has retired this call: a newer version of ml-connector is needed",
}
_CHANNEL = {
    "channel_not_found": "there is no such channel, or it is private and the app was not invited: correct the id in "
    "the tenant file, or type `/invite` and the app's name in the channel",
    "not_in_channel": "the app is not a member of the channel: type `/invite` and the app's name there",
    "is_archived": "the channel is archived: unarchive it, or send these messages to another one",
    "channel_is_limited_access": "the app has no access to the channel: somebody in it must give it access",
    "no_permission": "the app may not do this in the channel: invite it there",
    "restricted_action": "the workspace does not let the app post there: an admin must allow it in the channel's "
    "posting permissions",
    "restricted_action_read_only_channel": "the channel is read-only: an admin must let the app post there",
    "restricted_action_thread_only_channel": "the channel takes replies only: choose another one",
    "ekm_access_denied": "the admins have suspended posting in the channel",
    "messages_tab_disabled": "the app's messages tab is off: switch it on in the app's settings, under App Home",
}
_LATER = {
    "ratelimited": 30.0,
    "rate_limited": 60.0,
    "message_limit_exceeded": 3600.0,
    "service_unavailable": 30.0,
    "team_added_to_org": 600.0,
    "external_channel_migrating": 600.0,
}
"""Certainly nothing was done; seconds until it is worth another try."""
_UNCLEAR = frozenset({"fatal_error", "internal_error", "request_timeout"})
"""Slack's own words: "It's possible some aspect of the operation succeeded"."""
# https://docs.slack.dev/reference/methods/oauth.v2.access#errors, all of them told with status 200
OAUTH_ERRORS = {"invalid_refresh_token": "invalid_grant"} | dict.fromkeys(
    ("ratelimited", "service_unavailable", "team_added_to_org", *_UNCLEAR), "temporarily_unavailable"
)
"""Slack's words at its token address, by those of RFC 6749."""
_CODE = re.compile(r"[a-z][a-z0-9_]{1,60}")
_SCOPES = re.compile(r"[a-z:._, ]{1,200}")
_POINTER = re.compile(r"\[json-pointer:([/\w]{1,80})\]")


class Refused(RejectRecord):
    """Slack refuses one call. ``code`` is its own; ``whole_channel``: nothing else can be posted there either."""

    def __init__(self, message: str, code: str, *, whole_channel: bool, phase: str, request_id: str | None) -> None:
        super().__init__(message, vendor=VENDOR, phase=phase, request_id=request_id)
        self.code = code
        self.whole_channel = whole_channel


def error_of(body: Any, phase: str, request_id: str | None = None) -> ConnectorError:
    """The error for an answer that does not say ``"ok": true``."""
    code = _code(body)
    where: dict[str, Any] = {"vendor": VENDOR, "phase": phase, "request_id": request_id}
    if code is None or code in _UNCLEAR:
        said = code or "an answer that says neither yes nor no"
        return RetryLater(f"Slack failed with {said}", maybe_applied=True, **where)
    if code in _LATER:
        return RetryLater(f"Slack takes nothing now ({code})", retry_after=_LATER[code], **where)
    if code in _CREDENTIAL:
        return Reauthenticate(f"{_CREDENTIAL[code]} ({code})", **where)
    if code == "missing_scope":
        return Misconfigured(_missing_scope(body), **where)
    if code in _WORKSPACE:
        return Misconfigured(f"{_WORKSPACE[code]} ({code})", **where)
    told = f"{_CHANNEL[code]} ({code})" if code in _CHANNEL else f"Slack refuses the message: {code}{_places(body)}"
    return Refused(told, code, whole_channel=code in _CHANNEL, phase=phase, request_id=request_id)


def status_of(response: Response) -> int:
    """401 where Slack says in a 200 that the token is no good: one that can be renewed is."""
    if response.status != 200 or not response.body.startswith(b'{"ok":false'):
        return response.status
    try:
        code = _code(jsonx.loads(response.body))
    except ValueError:
        return response.status
    return 401 if code in _RENEWABLE else response.status


def explain(response: Response, phase: str) -> ConnectorError:
    """The error for an answer with another status than 200."""
    try:
        body = jsonx.loads(response.body)
    except ValueError:
        body = None
    if _code(body) is not None:
        return error_of(body, phase, response.request_id)
    message = f"Slack answered {response.status}: check the origin"
    return Misconfigured(message, vendor=VENDOR, phase=phase, request_id=response.request_id)


def _code(body: Any) -> str | None:
    code = body.get("error") if isinstance(body, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None


def _missing_scope(body: dict[str, Any]) -> str:
    needed = body.get("needed")
    scopes = needed if isinstance(needed, str) and _SCOPES.fullmatch(needed) else "that it needs"
    return f"the app lacks the scope {scopes}: add it under OAuth & Permissions, and install the app again"


def _places(body: dict[str, Any]) -> str:
    """Where in the blocks the trouble is; the sentences around it may quote the message."""
    found = _POINTER.findall(str(body.get("errors")))
    return f" at {', '.join(found[:5])}" if found else ""
