"""Credentials of a connection: how the tenant file names them, and what `HttpClient` makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ml_connector.core.errors import Misconfigured, Reauthenticate
from ml_connector.core.grants import (
    AuthorizationCode,
    ClientCredentials,
    PasswordGrant,
    RefreshToken,
    authorization_url,
)
from ml_connector.core.hosts import HostPolicy
from ml_connector.core.http import Auth
from ml_connector.core.oauth import OAuthClient, TokenStyle, basic
from ml_connector.core.oauth_token import TokenStore
from ml_connector.core.secret import Secret

__all__ = ["Auth", "AuthSpec", "AuthorizationCodeSpec", "Basic", "Bearer", "UsernameToken", "build_auth", "secrets_of"]


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class BasicSpec(_Spec):
    """HTTP Basic; ``secret`` is the name of the stored secret that serves as the password."""

    type: Literal["basic"]
    username: str
    secret: Literal["password", "api_token"] = "password"  # noqa: S105 - its name


class BearerSpec(_Spec):
    """A token that was issued by hand, stored as secret ``token``."""

    type: Literal["bearer"]


class ClientCredentialsSpec(_Spec):
    """OAuth 2.0 client credentials; the client's secret is stored as ``client_secret``."""

    type: Literal["oauth_client_credentials"]
    token_url: str
    client_id: str
    scope: str = ""
    token_style: TokenStyle = "basic_form"  # noqa: S105


class AuthorizationCodeSpec(_Spec):
    """OAuth 2.0 authorization code; the client's secret, if it has one, is stored as ``client_secret``."""

    type: Literal["oauth_authorization_code"]
    authorize_url: str
    token_url: str
    client_id: str
    scope: str = ""
    token_style: TokenStyle = "basic_form"  # noqa: S105
    public_client: bool = False
    """It is registered without a secret."""
    pkce: bool = True
    """RFC 7636. Slack refuses it of an app that has a secret."""

    @model_validator(mode="after")
    def _proves_itself(self) -> AuthorizationCodeSpec:
        if self.public_client and not self.pkce:
            raise ValueError("a client without a secret needs pkce")
        return self

    def authorization_url(self, redirect_uri: str, state: str, challenge: str) -> str:
        """Where a person's browser goes to grant access; ``challenge`` is of `oauth.pkce_pair`, empty without PKCE."""
        return authorization_url(
            self.authorize_url,
            self.client_id,
            self.scope,
            redirect_uri=redirect_uri,
            state=state,
            challenge=challenge,
        )


class RefreshTokenSpec(_Spec):
    """OAuth 2.0 with a refresh token that was issued by hand and does not expire.

    It is stored as secret ``refresh_token``, the client's secret as ``client_secret``.
    """

    type: Literal["oauth_refresh_token"]
    token_url: str
    client_id: str
    token_style: TokenStyle = "basic_form"  # noqa: S105


class PasswordGrantSpec(_Spec):
    """OAuth 2.0 resource owner password credentials of a public client; the password is stored as ``password``."""

    type: Literal["oauth_password"]
    token_url: str
    client_id: str
    username: str
    scope: str = ""


class UsernameTokenSpec(_Spec):
    """A WS-Security UsernameToken inside each SOAP message; the password is stored as ``password``."""

    type: Literal["ws_security"]
    username: str


AuthSpec = Annotated[
    BasicSpec
    | BearerSpec
    | ClientCredentialsSpec
    | AuthorizationCodeSpec
    | RefreshTokenSpec
    | PasswordGrantSpec
    | UsernameTokenSpec,
    Field(discriminator="type"),
]


def secrets_of(spec: AuthSpec) -> tuple[str, ...]:
    """The names of the secrets that ``build_auth`` takes for this credential."""
    match spec:
        case BasicSpec():
            return (spec.secret,)
        case BearerSpec():
            return ("token",)
        case ClientCredentialsSpec():
            return ("client_secret",)
        case AuthorizationCodeSpec():
            return () if spec.public_client else ("client_secret",)
        case RefreshTokenSpec():
            return "client_secret", "refresh_token"
        case PasswordGrantSpec() | UsernameTokenSpec():
            return ("password",)


class Basic:
    """HTTP Basic authentication with a password that only a person can change."""

    def __init__(self, username: str, password: Secret, connection: str, secret: str) -> None:
        self._headers = basic(username, password)
        self._connection = connection
        self.remedy = _set_secret(connection, secret)

    async def headers(self) -> dict[str, str]:
        return self._headers

    async def refuse(self, headers: dict[str, str]) -> None:  # noqa: ARG002
        raise Reauthenticate(f"the user name or password of {self._connection} is refused: {self.remedy}")


class UsernameToken:
    """A user name and a password that the client puts into its messages; in the HTTP headers there is nothing."""

    def __init__(self, username: str, password: Secret, connection: str) -> None:
        self.username = username
        self.password = password
        self._connection = connection
        self.remedy = _set_secret(connection, "password")

    async def headers(self) -> dict[str, str]:
        return {}

    async def refuse(self, headers: dict[str, str]) -> None:  # noqa: ARG002
        raise Reauthenticate(f"the user name or password of {self._connection} is refused: {self.remedy}")


class Bearer:
    """A token that only a person can renew."""

    def __init__(self, token: Secret, connection: str) -> None:
        self._headers = {"Authorization": f"Bearer {token.reveal()}"}
        self._connection = connection
        self.remedy = _set_secret(connection, "token")

    async def headers(self) -> dict[str, str]:
        return self._headers

    async def refuse(self, headers: dict[str, str]) -> None:  # noqa: ARG002
        raise Reauthenticate(f"the token of {self._connection} is refused: {self.remedy}")


def build_auth(
    spec: AuthSpec,
    secrets: Mapping[str, Secret],
    store: TokenStore,
    hosts: HostPolicy,
    connection: str,
    oauth_errors: Mapping[str, str] = {},
) -> Auth:
    """The credential that ``spec`` describes.

    ``connection`` (``acme/zendesk``) names it in messages. ``store`` keeps the tokens of the OAuth types.
    ``oauth_errors``: see `System`. `Misconfigured` if a secret is missing or ``hosts`` refuses the token address.
    """

    def secret(name: str) -> Secret:
        if name not in secrets:
            raise Misconfigured(f"{connection} has no {name}: {_set_secret(connection, name)}")
        return secrets[name]

    match spec:
        case BasicSpec():
            return Basic(spec.username, secret(spec.secret), connection, spec.secret)
        case BearerSpec():
            return Bearer(secret("token"), connection)
        case ClientCredentialsSpec():
            return ClientCredentials(_client(spec, secret("client_secret"), oauth_errors), store, hosts, connection)
        case AuthorizationCodeSpec():
            hosts.check(spec.authorize_url)
            proof = None if spec.public_client else secret("client_secret")
            return AuthorizationCode(_client(spec, proof, oauth_errors), store, hosts, connection)
        case RefreshTokenSpec():
            client = OAuthClient(spec.token_url, spec.client_id, secret("client_secret"), "", spec.token_style)
            return RefreshToken(client, secret("refresh_token"), store, hosts, connection)
        case PasswordGrantSpec():
            client = OAuthClient(spec.token_url, spec.client_id, None, spec.scope, "basic_form")
            return PasswordGrant(client, spec.username, secret("password"), store, hosts, connection)
        case UsernameTokenSpec():
            return UsernameToken(spec.username, secret("password"), connection)


def _client(
    spec: ClientCredentialsSpec | AuthorizationCodeSpec, secret: Secret | None, error_codes: Mapping[str, str]
) -> OAuthClient:
    return OAuthClient(spec.token_url, spec.client_id, secret, spec.scope, spec.token_style, error_codes)


def _set_secret(connection: str, name: str) -> str:
    return f"set it with `ml-connector secret set {connection} {name}`"
