"""OAuth 2.0 tokens: fetched, kept, renewed in time, by one process at a time."""

from __future__ import annotations

import asyncio
import base64
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import urlencode, urlsplit

from ml_connector.core import jsonx
from ml_connector.core.errors import ConnectorError, Misconfigured, Reauthenticate, RetryLater
from ml_connector.core.hosts import HostPolicy
from ml_connector.core.http import HttpClient, HttpPolicy, Response, Retry
from ml_connector.core.oauth_token import Token, TokenStore
from ml_connector.core.secret import Secret

TokenStyle = Literal["basic_form", "form", "json"]

# All of it passes while other processes wait for the row of this token, for 30 s at most.
TOKEN_POLICY = HttpPolicy(tries=3, try_timeout=8, connect_timeout=5, deadline=20, connections=2, max_body=1024 * 1024)
_QUIET = timedelta(seconds=30)  # without another request to a token address that has just failed
_FOREVER = 1e9
_LATER = {"server_error", "temporarily_unavailable"}
"""The authorization server's own trouble: RFC 6749, section 4.1.2.1."""
_DEAD = "invalid_grant"
"""The refresh token is worthless: RFC 6749, section 5.2."""


@dataclass(slots=True, frozen=True)
class OAuthClient:
    """An application that is registered with an authorization server.

    ``token_style``: ``basic_form`` sends form fields, and the client's id and secret as HTTP Basic; ``form`` all of it
    as form fields; ``json`` all of it as one JSON object. ``client_secret`` None: it is registered as a public one
    (RFC 6749, section 2.1). ``error_codes``: the vendor's own error codes, by which of the RFC's they stand for.
    """

    token_url: str
    client_id: str
    client_secret: Secret | None
    scope: str
    token_style: TokenStyle
    error_codes: Mapping[str, str] = field(default_factory=dict)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class OAuth(ABC):
    """Renews a token in time, and once when it is refused.

    Only one process renews: the row of the token is locked meanwhile, and who has waited for it takes the new token
    from there. A new token is stored before it is used, because the refresh token that bought it is worthless by then.
    A refresh token that is refused is forgotten: the answer that brought its successor may have been lost.
    ``connection`` (``acme/zendesk``) is the name by which a person reconnects it.
    """

    def __init__(
        self,
        client: OAuthClient,
        store: TokenStore,
        hosts: HostPolicy,
        connection: str,
        now: Callable[[], datetime] = _utc_now,
        policy: HttpPolicy = TOKEN_POLICY,
    ) -> None:
        hosts.check(client.token_url)
        self._client = client
        self._store = store
        self._hosts = hosts
        self._connection = connection
        self._now = now
        self._policy = policy
        self._token: Token | None = None
        self._lock = asyncio.Lock()
        self._renewal: asyncio.Future[Token] | None = None
        self._failure: ConnectorError | None = None
        self._quiet_until = now()

    @property
    @abstractmethod
    def remedy(self) -> str:
        """What a person has to do when no token can be had."""

    @abstractmethod
    def _grant(self, token: Token | None, /) -> dict[str, str]:
        """The fields that buy the next token."""

    async def headers(self) -> dict[str, str]:
        token = self._token
        if token is None or token.is_stale(self._now()):
            token = await self._renewed(None)
        return {"Authorization": token.authorization()}

    async def refuse(self, headers: dict[str, str]) -> None:
        await self._renewed(headers["Authorization"])

    async def _renewed(self, refused: str | None) -> Token:
        """A token that is neither stale nor ``refused``."""
        async with self._lock:
            if self._token and self._is_good(self._token, refused):
                return self._token  # another task was faster
            if self._failure and self._now() < self._quiet_until:
                if self._token and self._still_works(self._token, refused):
                    return self._token
                raise self._failure
            # Shielded: a caller who is cancelled must not take the new refresh token with him.
            self._renewal = asyncio.ensure_future(self._renew(refused))
            self._token = await asyncio.shield(self._renewal)
            return self._token

    async def _renew(self, refused: str | None) -> Token:
        async with self._store.locked() as slot:
            if slot.token and self._is_good(slot.token, refused):
                return slot.token  # another process was faster
            try:
                token = await self._buy(self._grant(slot.token), slot.token)
            except ConnectorError as error:
                self._failure, self._quiet_until = error, self._now() + _QUIET
                if isinstance(error, RetryLater) and slot.token and self._still_works(slot.token, refused):
                    return slot.token
                if not (isinstance(error, Reauthenticate) and error.dead_grant and slot.token):
                    raise
                # No process asks with it again. Raised outside, where this has been committed.
                await slot.save(replace(slot.token, refresh=None))
            else:
                await slot.save(token)
                self._failure = None
                return token
        raise self._failure

    def _is_good(self, token: Token, refused: str | None) -> bool:
        return token.authorization() != refused and not token.is_stale(self._now())

    def _still_works(self, token: Token, refused: str | None) -> bool:
        return token.authorization() != refused and not token.is_expired(self._now())

    async def _buy(self, grant: dict[str, str], old: Token | None) -> Token:
        """A token from the token address. `Reauthenticate` if the grant is refused."""
        response = await self._post(grant)
        answer = response.json()
        if not isinstance(answer, dict) or not answer.get("access_token"):
            raise self._refused(response)
        lifetime = min(float(answer.get("expires_in") or 0), _FOREVER)
        now = self._now()
        refresh, kept = answer.get("refresh_token"), old.refresh if old else None
        return Token(
            access=Secret(str(answer["access_token"])),
            refresh=Secret(str(refresh)) if refresh else kept,
            issued_at=now,
            expires_at=now + timedelta(seconds=lifetime) if lifetime > 0 else None,
        )

    async def _post(self, grant: dict[str, str]) -> Response:
        who = self._client
        content, headers = _token_request(who, grant)
        url = urlsplit(who.token_url)
        http = HttpClient(
            vendor="oauth",
            origin=f"{url.scheme}://{url.netloc}",
            auth=None,
            hosts=self._hosts,
            explain=lambda response, _: self._refused(response),
            policy=self._policy,
        )
        try:
            # Also a refresh token that can be used only once may be sent again when the answer was lost: at worst it
            # is refused, and then the token that it had bought is out of reach anyway.
            return await http.request("POST", who.token_url, content=content, headers=headers, retry=Retry.ALWAYS)
        except RetryLater as error:
            error.maybe_applied = False  # nothing was done to a record
            raise
        finally:
            await http.aclose()

    def _refused(self, response: Response) -> ConnectorError:
        code = _error_code(response)
        if code is None:
            return Misconfigured(f"the token address of {self._connection} answered {response.status}: check token_url")
        meant = self._client.error_codes.get(code, code)
        if meant in _LATER:
            return RetryLater(f"the token address of {self._connection} does not work now ({code})")
        error = Reauthenticate(f"the credential of {self._connection} is refused ({code}): {self.remedy}")
        error.dead_grant = meant == _DEAD
        return error


def _token_request(who: OAuthClient, grant: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    """Body and headers. A public client has nothing to prove itself by, and only says who it is."""
    mine = {"client_id": who.client_id} | ({"client_secret": who.client_secret.reveal()} if who.client_secret else {})
    if who.token_style == "json":  # noqa: S105
        return jsonx.dumps(grant | mine), {"content-type": "application/json"}
    form = {"content-type": "application/x-www-form-urlencoded"}
    if who.token_style == "form" or who.client_secret is None:  # noqa: S105
        return urlencode(grant | mine).encode(), form
    return urlencode(grant).encode(), basic(who.client_id, who.client_secret) | form


def basic(user: str, password: Secret) -> dict[str, str]:
    """The header of HTTP Basic authentication."""
    pair = f"{user}:{password.reveal()}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def _error_code(response: Response) -> str | None:
    """The ``error`` of an OAuth error answer (RFC 6749, section 5.2), or None if it is not one."""
    try:
        answer = response.json()
    except RetryLater:
        return None
    if not isinstance(answer, dict) or "error" not in answer:
        return None
    code = str(answer["error"])
    return code if re.fullmatch(r"\w{1,60}", code) else "error"
