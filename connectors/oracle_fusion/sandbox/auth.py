"""The identity domain of the sandbox: client credentials, authorization code with PKCE, rotating refresh tokens.

https://docs.oracle.com/en/cloud/saas/financials/26d/farfa/configure_oauth.html
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from ml_connector.sandbox.basic import pair

CODE_SECONDS = 60
OFFLINE = "offline_access"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the sandbox's domain accepts; ``POST /_sandbox/settings`` changes it. Tokens live for seconds."""

    client_id: str = "ml-connector"
    client_secret: str = "sandbox-client-secret"  # noqa: S105  # opens nothing but the sandbox
    username: str = "ML_CONNECTOR"
    password: str = "sandbox-password"  # noqa: S105
    scopes: tuple[str, ...] = (
        "urn:opc:resource:consumer::all",
        # Two names run together without a space, as Oracle's own samples write it.
        "urn:opc:resource:fa:instanceid=1urn:opc:resource:consumer::all",
    )
    access_token_seconds: int = 3600
    refresh_token_seconds: int = 7 * 24 * 3600
    consent: bool = True
    """Whether the person agrees on the authorization page."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a code or a refresh token stands for."""

    scope: str
    expires: float
    redirect_uri: str = ""
    challenge: str = ""


class OAuthError(Exception):
    """The token endpoint's refusal; ``error`` is one of RFC 6749, section 5.2."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status


class IdentityDomain:
    """Issues tokens and knows which are good. Nothing that it holds is ever shown."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.settings = Settings()
        self.codes: dict[str, Grant] = {}
        self.refresh_tokens: dict[str, Grant] = {}
        self.access_tokens: dict[str, float] = {}

    def configure(self, settings: dict[str, Any]) -> None:
        try:
            self.settings = replace(self.settings, **settings)
        except TypeError as error:
            raise ValueError(str(error)) from None

    def admits(self, authorization: str | None) -> bool:
        """Whether an ``Authorization`` header opens the REST and SOAP services."""
        scheme, _, credential = (authorization or "").partition(" ")
        if scheme.lower() == "bearer":
            return self.access_tokens.get(credential, 0) > time.time()
        return scheme.lower() == "basic" and pair(credential) == (self.settings.username, self.settings.password)

    async def authorize(self, request: Request) -> Response:
        """The page where a person signs in; here they consent at once, or refuse if the settings say so."""
        asked = request.query_params
        scope = asked.get("scope", "")
        if asked.get("client_id") != self.settings.client_id or not asked.get("redirect_uri"):
            return JSONResponse({"error": "invalid_request"}, 400)
        answer = {"state": asked["state"]} if "state" in asked else {}
        if asked.get("response_type") != "code":
            answer["error"] = "unsupported_response_type"
        elif not self._knows(scope):
            answer["error"] = "invalid_scope"
        elif asked.get("code_challenge") and asked.get("code_challenge_method") != "S256":
            answer["error"] = "invalid_request"
        elif not self.settings.consent:
            answer["error"] = "access_denied"
        else:
            answer["code"] = secrets.token_urlsafe(24)
            self.codes[answer["code"]] = Grant(
                scope, time.time() + CODE_SECONDS, asked["redirect_uri"], asked.get("code_challenge", "")
            )
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(answer)}", 302)

    async def token(self, request: Request) -> Response:
        """``POST /oauth2/v1/token``."""
        try:
            form = dict(parse_qsl((await request.body()).decode()))
            return JSONResponse(self._grant(request, form))
        except OAuthError as error:
            return JSONResponse({"error": error.error, "error_description": error.description}, error.status)

    def _grant(self, request: Request, form: dict[str, str]) -> dict[str, Any]:
        scheme, _, credential = request.headers.get("authorization", "").partition(" ")
        client = (self.settings.client_id, self.settings.client_secret)
        if scheme.lower() != "basic" or pair(credential) != client:
            raise OAuthError("invalid_client", "Client authentication failed.", 401)
        match form.get("grant_type"):
            case "client_credentials":
                scope = form.get("scope", "")
                if not self._knows(scope) or OFFLINE in scope:
                    raise OAuthError("invalid_scope", "Invalid scope.")
                return self._issue(scope)
            case "authorization_code":
                return self._issue(self._redeem_code(form).scope)
            case "refresh_token":
                # Rotation: the old token ends with its first use.
                return self._issue(_live(self.refresh_tokens.pop(form.get("refresh_token", ""), None)).scope)
            case _:
                raise OAuthError("unsupported_grant_type", "The grant type is not supported.")

    def _redeem_code(self, form: dict[str, str]) -> Grant:
        grant = _live(self.codes.pop(form.get("code", ""), None))
        verifier = form.get("code_verifier", "")
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if form.get("redirect_uri") != grant.redirect_uri or (grant.challenge and digest != grant.challenge):
            raise OAuthError("invalid_grant", "The authorization code is invalid.")
        return grant

    def _issue(self, scope: str) -> dict[str, Any]:
        token = secrets.token_urlsafe(32)
        self.access_tokens[token] = time.time() + self.settings.access_token_seconds
        seconds = self.settings.access_token_seconds
        answer: dict[str, Any] = {"access_token": token, "token_type": "Bearer", "expires_in": seconds}
        if OFFLINE in scope.split():
            answer["refresh_token"] = secrets.token_urlsafe(32)
            self.refresh_tokens[answer["refresh_token"]] = Grant(
                scope, time.time() + self.settings.refresh_token_seconds
            )
        return answer

    def _knows(self, scope: str) -> bool:
        return " ".join(word for word in scope.split() if word != OFFLINE) in self.settings.scopes


def _live(grant: Grant | None) -> Grant:
    if grant is None or grant.expires < time.time():
        raise OAuthError("invalid_grant", "The authorization code or refresh token is invalid or has expired.")
    return grant
