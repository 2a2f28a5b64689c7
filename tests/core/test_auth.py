"""Credentials as a tenant file names them, and a token as it is stored."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from ml_connector.core.auth import AuthSpec, build_auth, secrets_of
from ml_connector.core.errors import Misconfigured, Reauthenticate
from ml_connector.core.hosts import HostPolicy
from ml_connector.core.oauth_token import Token
from ml_connector.core.secret import Secret
from tests.core.issuer import LOOPBACK, SECRETS, START, MemoryTokenStore, token


def spec_of(**fields: Any) -> Any:
    return TypeAdapter(AuthSpec).validate_python(fields)


async def test_fixed_credentials() -> None:
    def built(**fields: Any) -> Any:
        return build_auth(spec_of(**fields), SECRETS, MemoryTokenStore(), LOOPBACK, "acme/oracle")

    def basic(pair: bytes) -> dict[str, str]:
        return {"Authorization": "Basic " + base64.b64encode(pair).decode()}

    assert await built(type="basic", username="jo").headers() == basic(b"jo:pa:ss")
    legacy = built(type="basic", username="jo@acme.example/token", secret="api_token")
    assert await legacy.headers() == basic(b"jo@acme.example/token:a-1")
    assert await built(type="bearer").headers() == {"Authorization": "Bearer t-1"}
    with pytest.raises(Reauthenticate, match="`ml-connector secret set acme/oracle password`"):
        await built(type="basic", username="jo").refuse({})


OAUTH = {"type": "oauth_client_credentials", "token_url": "https://idcs-1.identity.oraclecloud.com/t", "client_id": "c"}


def test_a_missing_secret_is_named() -> None:
    hosts = HostPolicy(["*.identity.oraclecloud.com"])
    with pytest.raises(Misconfigured, match="`ml-connector secret set acme/oracle client_secret`"):
        build_auth(spec_of(**OAUTH), {}, MemoryTokenStore(), hosts, "acme/oracle")


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "basic", "username": "jo"},
        {"type": "basic", "username": "jo", "secret": "api_token"},
        {"type": "bearer"},
        OAUTH,
        {**OAUTH, "type": "oauth_authorization_code", "authorize_url": OAUTH["token_url"]},
        {**OAUTH, "type": "oauth_authorization_code", "authorize_url": OAUTH["token_url"], "public_client": True},
        {**OAUTH, "type": "oauth_refresh_token"},
        {**OAUTH, "type": "oauth_password", "username": "jo"},
        {"type": "ws_security", "username": "jo"},
    ],
)
def test_each_credential_is_built_of_the_secrets_that_it_names_and_misses_each_of_them(fields: dict[str, Any]) -> None:
    hosts, spec = HostPolicy(["*.identity.oraclecloud.com"]), spec_of(**fields)
    given = {name: Secret("x") for name in secrets_of(spec)}

    build_auth(spec, given, MemoryTokenStore(), hosts, "acme/oracle")
    for name in given:
        rest = {one: value for one, value in given.items() if one != name}
        with pytest.raises(Misconfigured, match=f"has no {name}"):
            build_auth(spec, rest, MemoryTokenStore(), hosts, "acme/oracle")


def test_a_token_address_outside_the_allowed_hosts_is_refused() -> None:
    with pytest.raises(Misconfigured, match="not an allowed host"):
        build_auth(spec_of(**OAUTH), SECRETS, MemoryTokenStore(), HostPolicy(["*.zendesk.com"]), "acme/oracle")


@pytest.mark.parametrize("wrong", [{"type": "magic"}, {**OAUTH, "client_secret": "x"}, {**OAUTH, "token_style": "x"}])
def test_a_spec_with_unknown_fields_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        spec_of(**wrong)


def test_a_token_survives_storage_and_hides_in_reprs() -> None:
    for kept in (token(), Token(Secret("a"), None, START, None)):
        assert Token.load(kept.dump()) == kept
    assert "a-0" not in repr(token())
