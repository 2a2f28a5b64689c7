"""Zendesk's OAuth server and the check of credentials.

https://developer.zendesk.com/api-reference/ticketing/oauth/grant_type_tokens/
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from connectors.zendesk.sandbox.account import Account
from connectors.zendesk.sandbox.http import Answer, Call, Endpoint, Refused, Row, not_found

CLIENT_ID = "ml-connector"
CLIENT_SECRET = "sandbox-client-secret"  # noqa: S105  # of a client that exists in the sandbox only
PUBLIC_CLIENT_ID = "ml-connector-public"
"""A client without a secret: it must use PKCE."""
SECRETS: dict[str, str | None] = {CLIENT_ID: CLIENT_SECRET, PUBLIC_CLIENT_ID: None}
LEGACY_USER = "admin@sandbox.example"
LEGACY_API_TOKEN = "sandbox-api-token"  # noqa: S105  # as above
CODE_SECONDS = 120
REFRESH_SECONDS = 2_592_000
INVALID_TOKEN = {
    "error": "invalid_token",
    "error_description": "The access token provided is expired, revoked, malformed or invalid for other reasons.",
}
DENIED = {
    "error": "access_denied",
    "error_description": "The end-user or authorization server denied the request.",
}
NOT_AUTHENTICATED = {"error": "Couldn't authenticate you"}


@dataclass(slots=True)
class Token:
    """An access token; ``refresh`` is the refresh token issued with it. Times are on the monotonic clock."""

    id: int
    client_id: str
    scopes: list[str]
    expires_at: float | None
    value: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    refresh: str | None = field(default=None, repr=False)
    refresh_expires_at: float = 0.0


@dataclass(slots=True, frozen=True)
class Code:
    """An authorization code, good for one exchange."""

    client_id: str
    redirect_uri: str
    scope: str
    challenge: str | None
    expires_at: float


class OAuth:
    """Access tokens by their value; a refresh replaces both tokens and deletes the old ones."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._tokens: dict[str, Token] = {}
        self._codes: dict[str, Code] = {}

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint("GET", "oauth/tokens/current", self.show),
            Endpoint("DELETE", "oauth/tokens/{token_id}", self.destroy),
        ]

    def authorize(self, call: Call) -> Answer:
        """``GET /oauth/authorizations/new``: the user agrees at once, or refuses if the settings say so."""
        query = call.query
        client_id, redirect_uri = query.get("client_id", ""), query.get("redirect_uri", "")
        if client_id not in SECRETS or not _acceptable(redirect_uri):
            raise _error(400, "invalid_request", "The client or the redirect_uri is not registered.")
        challenge = query.get("code_challenge")
        needs_challenge = SECRETS[client_id] is None and challenge is None
        if query.get("response_type") != "code" or not query.get("scope") or needs_challenge:
            return _back(redirect_uri, error="invalid_request", state=query.get("state"))
        if challenge is not None and query.get("code_challenge_method") != "S256":
            return _back(redirect_uri, error="invalid_request", state=query.get("state"))
        if not self.account.settings.consent:
            return _back(redirect_uri, **DENIED, state=query.get("state"))
        code = secrets.token_hex(16)
        expires_at = time.monotonic() + CODE_SECONDS
        self._codes[code] = Code(client_id, redirect_uri, query["scope"], challenge, expires_at)
        return _back(redirect_uri, code=code, state=query.get("state"))

    def exchange(self, call: Call) -> Answer:
        """``POST /oauth/tokens``. Parameters are read from a JSON body only."""
        body = call.body()
        self._require_client(body)
        match body.get("grant_type"):
            case "client_credentials":
                if SECRETS[body["client_id"]] is None:
                    raise _error(400, "unauthorized_client", "Only confidential clients may use this grant type.")
                token = self._issue(body, str(body.get("scope", "")), refreshable=False)
            case "authorization_code":
                token = self._issue(body, self._redeemed(body).scope, refreshable=True)
            case "refresh_token":
                token = self._refreshed(body)
            case _:
                raise _error(400, "unsupported_grant_type", "The grant type is not supported.")
        return Answer(201, self._granted(token))

    def show(self, call: Call) -> Answer:
        token = self._tokens.get(call.token)
        if token is None:
            raise not_found()
        return Answer(200, {"token": _shown(token)})

    def destroy(self, call: Call) -> Answer:
        """Revokes a token by its id, or the one that the call is made with (``current``)."""
        wanted = call.params["token_id"]
        for token in list(self._tokens.values()):
            if str(token.id) == wanted or (wanted == "current" and token.value == call.token):
                del self._tokens[token.value]
                return Answer(204)
        raise not_found()

    def authenticate(self, call: Call) -> None:
        """Sets the call's actor and its token; refuses a credential that is not good. None given: no actor."""
        scheme, _, credential = call.headers.get("authorization", "").partition(" ")
        if not scheme:
            return
        if scheme.lower() == "basic":
            if credential != base64.b64encode(f"{LEGACY_USER}/token:{LEGACY_API_TOKEN}".encode()).decode():
                raise Refused(401, NOT_AUTHENTICATED)
        else:
            token = self._tokens.get(credential)
            if scheme.lower() != "bearer" or token is None or _is_past(token.expires_at):
                raise Refused(401, INVALID_TOKEN, {"WWW-Authenticate": 'Bearer realm="Web", error="invalid_token"'})
            call.token = credential
        owner = self.account.users.all()[0]
        call.actor = {**owner, "role": self.account.settings.role}

    def require_scope(self, call: Call, resource: str) -> None:
        """A token whose scope is wrong is issued all the same: it fails here."""
        if not call.token:
            return
        needed = "read" if call.method == "GET" else "write"
        scopes = self._tokens[call.token].scopes
        if needed not in scopes and f"{resource}:{needed}" not in scopes:
            description = f"You are missing the following required scopes: {needed}"
            raise Refused(403, {"error": "Forbidden", "description": description})

    def expire_all(self) -> None:
        """Every access token ends now; refresh tokens stay good."""
        for token in self._tokens.values():
            token.expires_at = time.monotonic()

    def state(self) -> list[Row]:
        return [_shown(token) for token in self._tokens.values()]

    def _require_client(self, body: Row) -> None:
        client_id = body.get("client_id")
        if client_id not in SECRETS or body.get("client_secret") != SECRETS[client_id]:
            # A confidential client that proves the code with PKCE need not send its secret.
            if client_id in SECRETS and "client_secret" not in body and body.get("code_verifier"):
                return
            raise _error(401, "invalid_client", "Client authentication failed.")

    def _redeemed(self, body: Row) -> Code:
        code = self._codes.pop(str(body.get("code")), None)
        if code is None or _is_past(code.expires_at) or code.client_id != body["client_id"]:
            raise _invalid_grant()
        if code.redirect_uri != body.get("redirect_uri"):
            raise _invalid_grant()
        verifier = str(body.get("code_verifier", ""))
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        if code.challenge is not None and not secrets.compare_digest(digest, code.challenge):
            raise _invalid_grant()
        return code

    def _refreshed(self, body: Row) -> Token:
        wanted = body.get("refresh_token")
        old = next((token for token in self._tokens.values() if wanted and token.refresh == wanted), None)
        if old is None or _is_past(old.refresh_expires_at) or old.client_id != body["client_id"]:
            raise _invalid_grant()
        token = self._issue(body, str(body.get("scope") or " ".join(old.scopes)), refreshable=True)
        del self._tokens[old.value]
        return token

    def _issue(self, body: Row, scope: str, *, refreshable: bool) -> Token:
        lifetime = body.get("expires_in", self.account.settings.token_expires_in)
        refresh_lifetime = body.get("refresh_token_expires_in", REFRESH_SECONDS)
        if lifetime is not None and not 300 < lifetime < min(172_800, refresh_lifetime):
            raise _error(400, "invalid_request", "expires_in is out of range.")
        if not 604_800 <= refresh_lifetime <= 7_776_000:
            raise _error(400, "invalid_request", "refresh_token_expires_in is out of range.")
        now = time.monotonic()
        expires_at = None if lifetime is None else now + lifetime
        token = Token(self.account.new_id(), body["client_id"], scope.split(), expires_at)
        if refreshable:
            token.refresh = secrets.token_hex(16)
            token.refresh_expires_at = now + refresh_lifetime
        self._tokens[token.value] = token
        return token

    def _granted(self, token: Token) -> Row:
        now = time.monotonic()
        body: Row = {"access_token": token.value, "token_type": "bearer", "scope": " ".join(token.scopes)}
        if token.expires_at is not None:
            body["expires_in"] = round(token.expires_at - now)
        if token.refresh is not None:
            body |= {"refresh_token": token.refresh, "refresh_token_expires_in": round(token.refresh_expires_at - now)}
        return body


def _acceptable(redirect_uri: str) -> bool:
    parts = urlsplit(redirect_uri)
    return bool(parts.hostname) and (parts.scheme == "https" or parts.hostname in ("localhost", "127.0.0.1"))


def _back(redirect_uri: str, **parameters: str | None) -> Answer:
    query = urlencode({name: value for name, value in parameters.items() if value is not None})
    return Answer(302, None, {"Location": f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{query}"})


def _is_past(moment: float | None) -> bool:
    return moment is not None and moment <= time.monotonic()


def _shown(token: Token) -> Row:
    return {"id": token.id, "client_id": token.client_id, "scopes": token.scopes, "expired": _is_past(token.expires_at)}


def _error(status: int, error: str, description: str) -> Refused:
    return Refused(status, {"error": error, "error_description": description})


def _invalid_grant() -> Refused:
    return _error(400, "invalid_grant", "The provided authorization grant is invalid, expired, or revoked.")
