"""The ways to buy an OAuth 2.0 token, one class each, and what a person's browser needs for the last of them."""

from __future__ import annotations

import base64
import hashlib
import secrets
from urllib.parse import urlencode

from ml_connector.core.errors import Reauthenticate
from ml_connector.core.hosts import HostPolicy
from ml_connector.core.oauth import OAuth, OAuthClient
from ml_connector.core.oauth_token import Token, TokenStore
from ml_connector.core.secret import Secret


class ClientCredentials(OAuth):
    """The application acts for itself (RFC 6749, section 4.4)."""

    @property
    def remedy(self) -> str:
        return f"check client_id and set the secret with `ml-connector secret set {self._connection} client_secret`"

    def _grant(self, _: Token | None, /) -> dict[str, str]:
        return _filled(grant_type="client_credentials", scope=self._client.scope)


class RefreshToken(OAuth):
    """Somebody has issued a refresh token by hand that stays valid (RFC 6749, section 6)."""

    def __init__(
        self, client: OAuthClient, refresh: Secret, store: TokenStore, hosts: HostPolicy, connection: str
    ) -> None:
        super().__init__(client, store, hosts, connection)
        self._refresh = refresh

    @property
    def remedy(self) -> str:
        return f"issue a new refresh token and `ml-connector secret set {self._connection} refresh_token`"

    def _grant(self, _: Token | None, /) -> dict[str, str]:
        return {"grant_type": "refresh_token", "refresh_token": self._refresh.reveal()}


class PasswordGrant(OAuth):
    """A technical user signs in (RFC 6749, section 4.3). Renewed the same way: nothing is gained by refresh tokens."""

    def __init__(
        self,
        client: OAuthClient,
        username: str,
        password: Secret,
        store: TokenStore,
        hosts: HostPolicy,
        connection: str,
    ) -> None:
        super().__init__(client, store, hosts, connection)
        self._username = username
        self._password = password

    @property
    def remedy(self) -> str:
        return f"check client_id and username, and `ml-connector secret set {self._connection} password`"

    def _grant(self, _: Token | None, /) -> dict[str, str]:
        return _filled(
            grant_type="password",
            username=self._username,
            password=self._password.reveal(),
            scope=self._client.scope,
        )


class AuthorizationCode(OAuth):
    """A person has let the application act for them (RFC 6749, section 4.1; PKCE is RFC 7636)."""

    @property
    def remedy(self) -> str:
        return f"reconnect it with `ml-connector connect {self._connection}`"

    async def exchange(self, code: str, redirect_uri: str, verifier: str) -> None:
        """Buy the first token with the code that the authorization server gave to our callback, and store it.

        ``verifier`` is empty without PKCE.
        """
        grant = _filled(
            grant_type="authorization_code",
            code=code,
            redirect_uri=redirect_uri,
            code_verifier=verifier,
            scope=self._client.scope,
        )
        token = await self._buy(grant, None)  # the row is not locked meanwhile: the code is good for us alone
        async with self._store.locked() as slot:
            await slot.save(token)

    def _grant(self, token: Token | None, /) -> dict[str, str]:
        if token is None:
            raise Reauthenticate(f"{self._connection} was never connected: {self.remedy}")
        if token.refresh is None:
            raise Reauthenticate(f"the token of {self._connection} cannot be renewed: {self.remedy}")
        return _filled(grant_type="refresh_token", refresh_token=token.refresh.reveal(), scope=self._client.scope)


def pkce_pair() -> tuple[str, str]:
    """A fresh code verifier and its S256 challenge."""
    verifier = secrets.token_urlsafe(48)
    return verifier, pkce_challenge(verifier)


def pkce_challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def authorization_url(
    authorize_url: str, client_id: str, scope: str, *, redirect_uri: str, state: str, challenge: str
) -> str:
    """Where a person's browser goes to grant access (RFC 6749, section 4.1.1)."""
    query = _filled(
        response_type="code",
        client_id=client_id,
        redirect_uri=redirect_uri,
        scope=scope,
        state=state,
        code_challenge=challenge,
        code_challenge_method="S256" if challenge else "",
    )
    return f"{authorize_url}?{urlencode(query)}"


def _filled(**fields: str) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value}
