"""Tokens are bought as the standards say. The token endpoint is real HTTP."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, urlsplit

import pytest

from ml_connector.core.auth import AuthorizationCodeSpec
from ml_connector.core.grants import AuthorizationCode, ClientCredentials, pkce_challenge, pkce_pair
from ml_connector.core.oauth import OAuthClient
from ml_connector.core.secret import Secret
from tests.core.issuer import LOOPBACK, Issuer, MemoryTokenStore, bearer, fields, oauth, token
from tests.core.wire import wire


async def test_client_credentials_as_a_form_with_basic_client_authentication() -> None:
    async with wire(Issuer()) as server:
        auth = oauth(ClientCredentials, server, MemoryTokenStore(), style="basic_form")
        assert await bearer(auth) == "Bearer a-1"
        assert await bearer(auth) == "Bearer a-1"

    [request] = server.requests
    assert (request.method, request.target) == ("POST", "/oauth/tokens")
    assert fields(request) == {"grant_type": "client_credentials", "scope": "read write"}
    assert base64.b64decode(request.headers["authorization"].removeprefix("Basic ")) == b"my_client:s3cret"


async def test_client_credentials_as_json() -> None:
    async with wire(Issuer()) as server:
        await bearer(oauth(ClientCredentials, server, MemoryTokenStore()))

    assert fields(server.requests[0]) == {
        "grant_type": "client_credentials",
        "scope": "read write",
        "client_id": "my_client",
        "client_secret": "s3cret",
    }
    assert "authorization" not in server.requests[0].headers


@pytest.mark.parametrize("style", ["json", "basic_form"])
async def test_a_public_client_says_who_it_is_and_proves_nothing(style: str) -> None:
    async with wire(Issuer()) as server:
        who = OAuthClient(f"{server.origin}/oauth/tokens", "my_client", None, "read write", style)  # type: ignore[arg-type]
        await AuthorizationCode(who, MemoryTokenStore(token()), LOOPBACK, "acme/zendesk").refuse(
            {"Authorization": "Bearer a-0"}
        )

    assert fields(server.requests[0])["client_id"] == "my_client"
    assert "client_secret" not in fields(server.requests[0])
    assert "authorization" not in server.requests[0].headers


async def test_the_code_flow_with_pkce() -> None:
    spec = AuthorizationCodeSpec(
        type="oauth_authorization_code",
        authorize_url="https://acme.zendesk.com/oauth/authorizations/new",
        token_url="https://acme.zendesk.com/oauth/tokens",
        client_id="my_client",
        scope="read write",
    )
    verifier, challenge = pkce_pair()
    url = spec.authorization_url("https://hub.example/callback", "st", challenge)
    store = MemoryTokenStore()
    async with wire(Issuer()) as server:
        auth = oauth(AuthorizationCode, server, store)
        await auth.exchange("the-code", "https://hub.example/callback", verifier)
        assert await bearer(auth) == "Bearer a-1"

    assert {name: value for name, [value] in parse_qs(urlsplit(url).query).items()} == {
        "response_type": "code",
        "client_id": "my_client",
        "redirect_uri": "https://hub.example/callback",
        "scope": "read write",
        "state": "st",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    sent = fields(server.requests[0])
    assert (sent["grant_type"], sent["code"], sent["code_verifier"]) == ("authorization_code", "the-code", verifier)
    assert store.token is not None
    assert store.token.refresh == Secret("r-1")


def test_the_challenge_is_that_of_rfc_7636_appendix_b() -> None:
    assert (
        pkce_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )
