"""Only a live credential opens a pod, and tokens are granted as an identity domain grants them."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from ml_connector.sandbox.serve import SandboxThread
from tests.sandbox.fusion import CLIENT, ORGANIZATIONS, SCOPE


def test_only_a_live_credential_opens_the_resources(vendors: SandboxThread, fusion: httpx.Client) -> None:
    assert fusion.get(ORGANIZATIONS).status_code == 200
    vendors.emulators["oracle_fusion"].expire_tokens()
    refused = fusion.get(ORGANIZATIONS)
    assert (refused.status_code, refused.content) == (401, b"")
    basic = httpx.BasicAuth("ML_CONNECTOR", "sandbox-password")
    assert fusion.get(ORGANIZATIONS, auth=basic).status_code == 200
    assert fusion.get(ORGANIZATIONS, auth=httpx.BasicAuth("ML_CONNECTOR", "wrong")).status_code == 401


def test_a_token_ends_when_it_said_it_would(vendors: SandboxThread, fusion: httpx.Client) -> None:
    vendors.emulators["oracle_fusion"].configure({"access_token_seconds": 0})
    grant = {"grant_type": "client_credentials", "scope": SCOPE}
    answer = fusion.post("/oauth2/v1/token", auth=CLIENT, data=grant).json()
    assert answer["expires_in"] == 0
    assert fusion.get(ORGANIZATIONS, headers={"authorization": f"Bearer {answer['access_token']}"}).status_code == 401


@pytest.mark.parametrize(
    ("secret", "form", "status", "error"),
    [
        ("wrong", {"grant_type": "client_credentials", "scope": SCOPE}, 401, "invalid_client"),
        (CLIENT[1], {"grant_type": "client_credentials", "scope": "everything"}, 400, "invalid_scope"),
        (CLIENT[1], {"grant_type": "password"}, 400, "unsupported_grant_type"),
        (CLIENT[1], {"grant_type": "refresh_token", "refresh_token": "made up"}, 400, "invalid_grant"),
    ],
)
def test_refused_grants(fusion: httpx.Client, secret: str, form: dict[str, str], status: int, error: str) -> None:
    answer = fusion.post("/oauth2/v1/token", auth=(CLIENT[0], secret), data=form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_code_flow_with_pkce_and_rotating_refresh_tokens(fusion: httpx.Client) -> None:
    verifier = "v" * 50
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    redirect_uri = "http://127.0.0.1:9/callback"
    asked = {"response_type": "code", "client_id": CLIENT[0], "redirect_uri": redirect_uri, "state": "s1"}
    pkce = {"code_challenge": challenge, "code_challenge_method": "S256", "scope": f"{SCOPE} offline_access"}

    def code() -> str:
        location = fusion.get("/oauth2/v1/authorize", params=asked | pkce).headers["location"]
        answer = parse_qs(urlsplit(location).query)
        assert answer["state"] == ["s1"]
        return answer["code"][0]

    def token(**form: str) -> httpx.Response:
        return fusion.post("/oauth2/v1/token", auth=CLIENT, data={"redirect_uri": redirect_uri, **form})

    assert token(grant_type="authorization_code", code=code(), code_verifier="other").status_code == 400
    used = code()
    first = token(grant_type="authorization_code", code=used, code_verifier=verifier).json()
    assert token(grant_type="authorization_code", code=used, code_verifier=verifier).status_code == 400
    second = token(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert second.status_code == 200
    assert token(grant_type="refresh_token", refresh_token=first["refresh_token"]).status_code == 400
    assert token(grant_type="refresh_token", refresh_token=second.json()["refresh_token"]).status_code == 200
