"""Slack's own kind of OAuth by the same command: no PKCE, a bot token that lives for ever or is renewed, always 200."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
import yaml

from connectors.slack.sandbox.oauth import CLIENT_SECRET
from ml_connector.cli.ping import ping
from ml_connector.core import rate
from ml_connector.core.auth import AuthorizationCodeSpec
from ml_connector.core.connecting import callback_address, invite
from ml_connector.core.connections import put_secret
from ml_connector.core.hosts import HostPolicy
from ml_connector.core.secret import Secret
from ml_connector.core.settings import settings
from ml_connector.core.vault import MasterKeys
from tasks.workspace import open_workspace
from tests.installation import Installation
from tests.notices import Notices
from tests.person import Page, consent, load
from tests.receiver.running import ReceiverThread

SCOPE = "chat:write,channels:read,channels:history"


@pytest.fixture
async def notices(installed: Installation, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Notices]:
    """A receiver of acme, whose Slack is connected by a person."""
    monkeypatch.setattr(rate, "_MINUTE", 0.1)
    made = Notices(installed)
    await made.prepare()
    file = settings().tenants_dir / "acme.yaml"
    tenant = yaml.safe_load(file.read_text())
    tenant["connections"]["slack"]["auth"] = {
        "type": "oauth_authorization_code",
        "authorize_url": f"{installed.sandbox.url}/slack/oauth/v2/authorize",
        "token_url": f"{installed.sandbox.url}/slack/api/oauth.v2.access",
        "client_id": "ml-connector",
        "scope": SCOPE,
        "pkce": False,
    }
    file.write_text(yaml.safe_dump(tenant))
    with ReceiverThread(installed.database_url, keys=MasterKeys.load(settings())) as running:
        monkeypatch.setenv("ML_CONNECTOR_PUBLIC_URL", running.url)
        settings.cache_clear()
        yield made


async def install(secret: str = CLIENT_SECRET) -> tuple[str, Page]:
    """As the command does: where a person is sent to agree, and the page that ends it."""
    async with open_workspace("acme") as acme:
        await put_secret(acme.db, acme.vault, "acme", "slack", "client_secret", Secret(secret))
        spec = acme.config.connections["slack"].auth
        assert isinstance(spec, AuthorizationCodeSpec)
        hosts, back = HostPolicy([], allow_private=True), callback_address(settings().public_url)
        invitation = await invite(acme.db, acme.vault, "acme", "slack", "slack", spec, hosts, back)
    return invitation.url, await asyncio.to_thread(lambda: load(consent(invitation.url)))


@pytest.mark.parametrize("rotation", [False, True])
async def test_an_app_is_installed_and_a_revoked_token_waits_for_the_next_install(
    notices: Notices, owner: psycopg.Connection[Any], rotation: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    notices.sandbox.settings("slack", rotation=rotation)
    address, page = await install()
    assert page.status == 200, page.text
    asked = parse_qs(urlsplit(address).query)
    assert asked["scope"] == [SCOPE]
    assert "code_challenge" not in asked
    assert await ping("acme", only="slack") == 0
    assert "channels:history" in capsys.readouterr().out
    notices.sandbox.seed("oracle_fusion", "invoices", 3)
    assert (await notices.notify("run-1", streams=("invoices",))).is_completed()

    notices.sandbox.fault("slack", "expire_token", "POST", "/api/chat.postMessage", times=1)
    a_moment_ago = (datetime.now(UTC) - timedelta(seconds=20)).isoformat()
    notices.sandbox.mutate("oracle_fusion", "invoices", create=2, last_update_date=a_moment_ago)
    state = await notices.notify("run-2", streams=("invoices",))
    if not rotation:
        assert state.is_failed()
        row = owner.execute("select status, reason from connection where name = 'slack'").fetchone()
        assert row is not None
        assert row[0] == "needs_reauth"
        assert "`ml-connector connect acme/slack`" in str(row[1])
        _, page = await install()
        assert page.status == 200, page.text
        state = await notices.notify("run-2", streams=("invoices",), count=2, completed=0)

    assert state.is_completed(), state.message
    assert len(notices.messages("procurement")) == 5
    assert set(notices.posted().values()) == {1}


async def test_what_slack_refuses_is_told_though_it_answers_200(
    notices: Notices, owner: psycopg.Connection[Any]
) -> None:
    _, page = await install("of another app")
    assert page.status == 400
    assert "bad_client_secret" in page.text
    refusal = {"ok": False, "error": "fatal_error"}
    notices.sandbox.fault("slack", "status", "POST", "/api/oauth.v2.access", status=200, body=refusal)
    _, page = await install()
    assert page.status == 502, "a fault of Slack's is no refusal"
    assert "fatal_error" in page.text
    assert owner.execute("select status from connection where name = 'slack'").fetchall() == []
