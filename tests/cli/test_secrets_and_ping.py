"""Secrets go in and never come out; a ping tells what a connection can do."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from ml_connector.core.settings import settings
from tests.cli.conftest import Command
from tests.connections import CLIENT_SECRET
from tests.installation import Installation


@pytest.mark.usefixtures("installed")
def test_a_secret_is_read_from_standard_input_and_never_shown(command: Command, owner: psycopg.Connection[Any]) -> None:
    stored = command("secret", "set", "acme/zendesk", "client_secret", typed=f"{CLIENT_SECRET}\n")
    listed = command("secret", "list")
    nothing = command("secret", "set", "acme/zendesk", "client_secret", typed="")
    unknown = command("secret", "set", "acme/zendezk", "client_secret", typed=CLIENT_SECRET)

    assert (stored.exit_code, listed.exit_code, nothing.exit_code, unknown.exit_code) == (0, 0, 2, 2)
    assert "acme/zendesk" in listed.stdout
    assert "it has: oracle, zendesk" in unknown.stderr
    assert CLIENT_SECRET not in stored.output + listed.output + unknown.output
    envelopes = owner.execute("select envelope from secret").fetchall()
    assert len(envelopes) == 1
    assert CLIENT_SECRET.encode() not in envelopes[0][0]


@pytest.mark.usefixtures("installed")
def test_a_secret_that_nobody_would_use_is_not_stored(command: Command, owner: psycopg.Connection[Any]) -> None:
    for name in ("pasword", "password", "webhook_secret_app"):  # of another connector, or of another auth
        refused = command("secret", "set", "acme/oracle", name, typed=CLIENT_SECRET)
        assert refused.exit_code == 2
        assert f"uses no secret {name}; as oauth_client_credentials in the tenant file it uses: client_secret" in (
            refused.stderr
        )
    assert "acme is not TENANT/CONNECTION" in command("secret", "set", "acme", "client_secret").stderr
    assert "there is no tenant acmee: " in command("secret", "set", "acmee/oracle", "client_secret").stderr
    assert owner.execute("select name from secret").fetchall() == []


@pytest.mark.usefixtures("installed")
def test_a_tenant_is_known_from_its_first_secret_on_and_to_try_it_before_leaves_nothing(
    command: Command, owner: psycopg.Connection[Any]
) -> None:
    tried = command("ping", "acme")
    left = owner.execute("select name from tenant union all select tenant from data_key").fetchall()
    command("secret", "set", "acme/zendesk", "client_secret", typed=CLIENT_SECRET)

    assert tried.exit_code == 1
    assert left == []
    assert owner.execute("select name from tenant").fetchall() == [("acme",)]


@pytest.mark.usefixtures("installed")
def test_what_is_removed_is_not_used_any_more(command: Command, owner: psycopg.Connection[Any]) -> None:
    """Of a tenant without a file, too; what belongs to the address that its vendor sends to stays with that."""
    command("secret", "set", "acme/oracle", "client_secret", typed=CLIENT_SECRET)
    command("secret", "set", "acme/zendesk", "client_secret", typed=CLIENT_SECRET)
    command("ping", "acme")  # buys tokens
    misspelt = command("secret", "remove", "acme/zendesk", "client_secrt")
    one = command("secret", "remove", "acme/zendesk", "client_secret")
    pinged = command("ping", "acme")

    assert misspelt.exit_code == 2
    assert "Removed of acme/zendesk: client_secret, the token." in one.stdout
    assert "acme/zendesk has no client_secret: set it with" in pinged.stdout
    owner.execute(
        "insert into secret (tenant, connection, name, envelope) values ('acme', 'oracle', 'webhook_secret_t', ''), "
        "('acme', 'oracle', 'webhook_token', '')"
    )
    (settings().tenants_dir / "acme.yaml").unlink()
    assert "Removed of acme/oracle: client_secret, the token." in command("secret", "remove", "acme/oracle").stdout
    assert command("secret", "remove", "acme/oracle").exit_code == 2
    assert owner.execute("select name from secret order by name").fetchall() == [
        ("webhook_secret_t",),
        ("webhook_token",),
    ]
    assert owner.execute("select connection from token where envelope is not null").fetchall() == []


def test_ping_records_the_account_and_marks_a_refused_credential(
    command: Command, installed: Installation, owner: psycopg.Connection[Any]
) -> None:
    """A wrong secret is told apart from a right one, no run asks the vendor meanwhile, and a new secret clears it."""
    installed.sandbox.seed("oracle_fusion", "customers", 5)
    installed.sandbox.seed("oracle_fusion", "contacts", 5)
    command("secret", "set", "acme/oracle", "client_secret", typed=CLIENT_SECRET)
    command("secret", "set", "acme/zendesk", "client_secret", typed="wrong")

    failed = command("ping", "acme")
    assert failed.exit_code == 1
    assert _connections(owner) == {"oracle": "ok", "zendesk": "needs_reauth"}
    refused = command("preview", "acme", "oracle_zendesk")
    assert refused.exit_code == 2
    assert "acme/zendesk must be reconnected" in refused.stderr

    command("secret", "set", "acme/zendesk", "client_secret", typed=CLIENT_SECRET)
    passed = command("ping", "acme")
    assert passed.exit_code == 0
    assert "fail" not in passed.stdout
    assert _connections(owner) == {"oracle": "ok", "zendesk": "ok"}
    assert installed.sandbox.writes() == 0


def _connections(owner: psycopg.Connection[Any]) -> dict[str, str]:
    return dict(owner.execute("select name, status from connection").fetchall())
