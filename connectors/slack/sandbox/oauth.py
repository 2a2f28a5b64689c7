"""Slack's OAuth v2 and the check of tokens. https://docs.slack.dev/authentication/installing-with-oauth"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from connectors.slack.sandbox.http import Call, Refused, Row
from connectors.slack.sandbox.workspace import APP_ID, BOT_USER, TEAM_ID, Workspace

CLIENT_ID = "ml-connector"
CLIENT_SECRET = "sandbox-client-secret"  # noqa: S105 - of a client that exists in the sandbox only
CODE_SECONDS = 600
TOKEN_SECONDS = 43_200


@dataclass(slots=True)
class Token:
    """A bot token that OAuth has issued."""

    scopes: frozenset[str]
    expires_at: float | None
    value: str = field(repr=False)
    refresh: str | None = field(default=None, repr=False)


@dataclass(slots=True, frozen=True)
class Code:
    redirect_uri: str
    scopes: frozenset[str]
    challenge: str | None
    expires_at: float


class OAuth:
    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._tokens: dict[str, Token] = {}
        self._codes: dict[str, Code] = {}
        self._revoked: dict[str, str] = {}

    def authenticate(self, call: Call) -> None:
        """Sets the scopes of the call's token; refuses one that is not good."""
        scheme, _, value = call.headers.get("authorization", "").partition(" ")
        value = value if scheme == "Bearer" else call.text("token")
        if not value:
            raise Refused("not_authed")
        if value in self._revoked:
            raise Refused(self._revoked[value])
        token = self._tokens.get(value)
        if token is not None and token.expires_at is not None and token.expires_at <= time.monotonic():
            raise Refused("token_expired")
        if token is None and value != self.workspace.settings.token:
            raise Refused("invalid_auth")
        call.scopes = token.scopes if token else frozenset(self.workspace.settings.scopes.split(","))

    def revoke_all(self, code: str = "token_revoked") -> None:
        """Every token issued so far, and the pasted one, is worthless from now on, for the reason ``code``."""
        self._revoked |= dict.fromkeys((*self._tokens, self.workspace.settings.token), code)

    def authorize(self, request: Request) -> Response:
        """``GET /oauth/v2/authorize``: the user agrees at once, or refuses if the settings say so."""
        query = request.query_params
        back, state = query.get("redirect_uri", ""), query.get("state", "")
        parts = urlsplit(back)
        if query.get("client_id") != CLIENT_ID or not parts.hostname or parts.fragment or not query.get("scope"):
            return Response("Something went wrong when authorizing this app.", 400)
        if not self.workspace.settings.consent:
            return RedirectResponse(f"{back}?{urlencode({'error': 'access_denied', 'state': state})}", 302)
        code = secrets.token_hex(16)
        scopes = frozenset(query["scope"].replace(" ", ",").split(","))
        self._codes[code] = Code(back, scopes, query.get("code_challenge"), time.monotonic() + CODE_SECONDS)
        return RedirectResponse(f"{back}?{urlencode({'code': code, 'state': state})}", 302)

    def access(self, call: Call) -> Row:
        """``oauth.v2.access``: a code, or a refresh token, for a bot token."""
        self._require_client(call)
        match call.text("grant_type") or "authorization_code":
            case "authorization_code":
                token = self._issue(self._redeemed(call))
            case "refresh_token":
                token = self._refreshed(call.text("refresh_token"))
            case _:
                raise Refused("invalid_grant_type")
        body: Row = {
            "app_id": APP_ID,
            "authed_user": {"id": "U0INSTALL1"},
            "scope": ",".join(sorted(token.scopes)),
            "token_type": "bot",
            "access_token": token.value,
            "bot_user_id": BOT_USER,
            "team": {"id": TEAM_ID, "name": "Sandbox"},
            "enterprise": None,
            "is_enterprise_install": False,
        }
        if token.refresh:
            body |= {"refresh_token": token.refresh, "expires_in": TOKEN_SECONDS}
        return body

    def _require_client(self, call: Call) -> None:
        client, secret = call.text("client_id"), call.text("client_secret")
        scheme, _, pair = call.headers.get("authorization", "").partition(" ")
        if scheme == "Basic":
            client, _, secret = base64.b64decode(pair).decode().partition(":")
        if client != CLIENT_ID:
            raise Refused("invalid_client_id")
        if secret != CLIENT_SECRET:
            raise Refused("bad_client_secret")

    def _redeemed(self, call: Call) -> frozenset[str]:
        code = self._codes.pop(call.text("code"), None)
        if code is None or code.expires_at <= time.monotonic():
            raise Refused("invalid_code")
        if code.redirect_uri != call.text("redirect_uri"):
            raise Refused("bad_redirect_uri")
        if (code.challenge or call.text("code_verifier")) and not self.workspace.settings.pkce:
            raise Refused("pkce_not_allowed")
        digest = hashlib.sha256(call.text("code_verifier").encode()).digest()
        if code.challenge not in (None, base64.urlsafe_b64encode(digest).decode().rstrip("=")):
            raise Refused("invalid_code_verifier")
        return code.scopes

    def _refreshed(self, wanted: str) -> Token:
        old = next((token for token in self._tokens.values() if wanted and token.refresh == wanted), None)
        if old is None:
            raise Refused("invalid_refresh_token")
        old.refresh = None
        return self._issue(old.scopes)

    def _issue(self, scopes: frozenset[str]) -> Token:
        if self.workspace.settings.rotation:
            token = Token(scopes, time.monotonic() + TOKEN_SECONDS, f"xoxe.xoxb-1-{secrets.token_hex(12)}")
            token.refresh = f"xoxe-1-{secrets.token_hex(12)}"
        else:
            token = Token(scopes, None, f"xoxb-{secrets.token_hex(12)}")
        self._tokens[token.value] = token
        return token
