"""Asana's token endpoint, as our OAuth client meets it: credentials in the form, one refresh token for ever."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from connectors.asana.sandbox.oauth import CLIENT_ID, CLIENT_SECRET
from ml_connector.core.grants import AuthorizationCode
from ml_connector.core.hosts import HostPolicy
from ml_connector.core.oauth import OAuthClient
from ml_connector.core.secret import Secret
from tests.connectors.asana_workspace import Workspace, workspace
from tests.core.issuer import MemoryTokenStore

BACK = "https://here.example/oauth/callback"


@pytest.fixture
def asana() -> Iterator[Workspace]:
    with workspace() as opened:
        yield opened


async def test_a_connection_is_made_renewed_and_renewed_again(asana: Workspace) -> None:
    origin = asana.sandbox.url("asana")
    store = MemoryTokenStore()
    who = OAuthClient(f"{origin}/-/oauth_token", CLIENT_ID, Secret(CLIENT_SECRET), "default", "form")
    auth = AuthorizationCode(who, store, HostPolicy((), allow_private=True), "acme/asana")
    query = {"client_id": CLIENT_ID, "redirect_uri": BACK, "response_type": "code", "state": "s"}
    async with httpx.AsyncClient() as browser:
        sent = await browser.get(f"{origin}/-/oauth_authorize", params=query)
        await auth.exchange(httpx.URL(sent.headers["location"]).params["code"], BACK, "verifier")
        for _ in range(2):
            headers = await auth.headers()
            assert (await browser.get(f"{asana.origin}/users/me", headers=headers)).status_code == 200
            asana.emulator.expire_tokens()
            assert (await browser.get(f"{asana.origin}/users/me", headers=headers)).status_code == 401
            await auth.refuse(headers)
