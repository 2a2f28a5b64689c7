"""Tokens of the Zendesk emulator: how they are bought, refreshed and refused."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import httpx

from connectors.zendesk.sandbox.oauth import CLIENT_ID, CLIENT_SECRET, LEGACY_API_TOKEN, LEGACY_USER, PUBLIC_CLIENT_ID
from tests.sandbox.zendesk import BY_CLIENT, Account, Json

REDIRECT = "https://hooks.example/oauth/callback"


def exchange(account: Account, **body: Json) -> httpx.Response:
    return account.call("POST", "/oauth/tokens", {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, **body})


def authorized(account: Account, client_id: str, **query: str) -> str:
    """The code that comes back from the authorization page."""
    asked = {"response_type": "code", "client_id": client_id, "redirect_uri": REDIRECT, "scope": "read write"}
    answer = account.http.get("/oauth/authorizations/new", params={**asked, "state": "s1", **query})
    back = urlsplit(answer.headers["Location"])
    assert (answer.status_code, f"{back.scheme}://{back.netloc}{back.path}") == (302, REDIRECT)
    assert parse_qs(back.query)["state"] == ["s1"]
    return parse_qs(back.query)["code"][0]


def test_a_refresh_ends_the_old_access_token_and_the_old_refresh_token(account: Account) -> None:
    code = authorized(account, CLIENT_ID)
    first = exchange(account, grant_type="authorization_code", code=code, redirect_uri=REDIRECT)
    assert first.status_code == 201
    assert first.json()["expires_in"] == 1800
    again = exchange(account, grant_type="authorization_code", code=code, redirect_uri=REDIRECT)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    old = first.json()
    new = exchange(account, grant_type="refresh_token", refresh_token=old["refresh_token"]).json()
    for token, status in ((old["access_token"], 401), (new["access_token"], 200)):
        account.http.headers["Authorization"] = f"Bearer {token}"
        account.api("GET", "organizations", status=status)
    reused = exchange(account, grant_type="refresh_token", refresh_token=old["refresh_token"])
    assert (reused.status_code, reused.json()["error"]) == (400, "invalid_grant")
    account.sandbox.emulators["zendesk"].expire_tokens()
    assert account.api("GET", "organizations", status=401)["error"] == "invalid_token"
    assert exchange(account, grant_type="refresh_token", refresh_token=new["refresh_token"]).status_code == 201


def test_a_public_client_has_to_prove_its_code(account: Account) -> None:
    verifier = "v" * 50
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    for sent, status in (("w" * 50, 400), (verifier, 201)):
        code = authorized(account, PUBLIC_CLIENT_ID, code_challenge=challenge, code_challenge_method="S256")
        body = {"grant_type": "authorization_code", "client_id": PUBLIC_CLIENT_ID, "redirect_uri": REDIRECT}
        answer = account.call("POST", "/oauth/tokens", {**body, "code": code, "code_verifier": sent})
        assert answer.status_code == status


def test_credentials_are_checked_on_every_call(account: Account) -> None:
    form = account.http.post("/oauth/tokens", data=BY_CLIENT)
    wrong = account.call("POST", "/oauth/tokens", {**BY_CLIENT, "client_secret": "guessed"})
    assert (form.status_code, wrong.status_code) == (401, 401)
    account.grant(scope="read")
    refused = account.api("POST", "organizations", {"organization": {"name": "A"}}, status=403)
    assert refused["description"] == "You are missing the following required scopes: write"
    account.grant(scope="organizations:write")
    account.organization(name="A")
    account.api("GET", "organizations", status=403)
    del account.http.headers["Authorization"]
    assert account.api("GET", "users/me")["user"]["id"] is None
    assert account.api("GET", "organizations", status=401) == {"error": "Couldn't authenticate you"}
    account.http.auth = (f"{LEGACY_USER}/token", LEGACY_API_TOKEN)
    assert account.api("GET", "users/me")["user"]["role"] == "admin"
    account.http.auth = (f"{LEGACY_USER}/token", "guessed")
    account.api("GET", "users/me", status=401)
