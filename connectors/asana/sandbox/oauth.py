"""Asana's OAuth server and the check of credentials. https://developers.asana.com/docs/oauth"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from connectors.asana.sandbox.http import Answer, Call, Refused
from connectors.asana.sandbox.workspace import NAMES, USER, Workspace

CLIENT_ID = "1200000000000900"
CLIENT_SECRET = "sandbox-client-secret"  # noqa: S105  # of a client that exists in the sandbox only
PERSONAL_TOKEN = "sandbox-personal-token"  # noqa: S105  # as above


@dataclass(slots=True, frozen=True)
class _Code:
    redirect_uri: str
    challenge: str | None
    expires_at: float


class OAuth:
    """Access tokens with their expiry (monotonic seconds); a refresh token stays good."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._tokens: dict[str, float] = {}
        self._refresh: set[str] = set()
        self._codes: dict[str, _Code] = {}

    def authorize(self, call: Call) -> Answer:
        """``GET /-/oauth_authorize``: the user agrees at once, or refuses if the settings say so."""
        query = call.query
        redirect_uri = query.get("redirect_uri", "")
        if query.get("client_id") != CLIENT_ID or not redirect_uri or query.get("response_type") != "code":
            raise _error("invalid_request", "The client or the redirect_uri is not registered.")
        back = {"state": query["state"]} if "state" in query else {}
        if not self.workspace.settings.consent:
            back["error"] = "access_denied"
        else:
            code = secrets.token_hex(16)
            self._codes[code] = _Code(redirect_uri, query.get("code_challenge"), time.monotonic() + 60)
            back["code"] = code
        return Answer(302, None, {"Location": f"{redirect_uri}?{urlencode(back)}"})

    def exchange(self, call: Call) -> Answer:
        """``POST /-/oauth_token``, form-encoded."""
        body = dict(parse_qsl(call.raw.decode("latin-1")))
        if (body.get("client_id"), body.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            raise _error("invalid_client", "Client authentication failed.", 401)
        match body.get("grant_type"):
            case "authorization_code":
                self._redeem(body)
            case "refresh_token" if body.get("refresh_token") in self._refresh:
                return Answer(200, self._issue())
            case _:
                raise _error("invalid_grant", "The grant is invalid, expired or revoked.")
        refresh = secrets.token_hex(16)
        self._refresh.add(refresh)
        user = {"id": USER, "gid": USER, "name": NAMES[USER], "email": "erp@sandbox.example"}
        return Answer(200, {**self._issue(), "refresh_token": refresh, "data": user})

    def issue(self) -> str:
        """An access token of an app, for a test."""
        return str(self._issue()["access_token"])

    def authenticate(self, call: Call) -> None:
        """Sets who calls; refuses a credential that is not good."""
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or (token != PERSONAL_TOKEN and self._tokens.get(token, 0.0) <= time.monotonic()):
            raise Refused(401, "Not Authorized", {"WWW-Authenticate": 'Bearer realm="asana"'})
        call.token, call.by_oauth, call.write.user = token, token != PERSONAL_TOKEN, USER

    def expire_all(self) -> None:
        """Every access token ends now; refresh tokens and the personal token stay good."""
        self._tokens.clear()

    def _redeem(self, body: dict[str, str]) -> None:
        code = self._codes.pop(body.get("code", ""), None)
        verifier = body.get("code_verifier", "")
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        if (
            code is None
            or code.expires_at < time.monotonic()
            or code.redirect_uri != body.get("redirect_uri")
            or (code.challenge is not None and code.challenge != digest)
        ):
            raise _error("invalid_grant", "The grant is invalid, expired or revoked.")

    def _issue(self) -> dict[str, object]:
        token, lifetime = secrets.token_hex(16), self.workspace.settings.token_expires_in
        self._tokens[token] = time.monotonic() + lifetime
        return {"access_token": token, "token_type": "bearer", "expires_in": lifetime}


class OAuthRefused(Refused):
    """An error of the token endpoint, which has a form of its own."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(status, description)
        self.answer = Answer(status, {"error": error, "error_description": description})


def _error(error: str, description: str, status: int = 400) -> Refused:
    return OAuthRefused(status, error, description)
