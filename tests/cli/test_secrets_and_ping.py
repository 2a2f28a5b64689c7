"""Secrets go in and never come out; a ping tells what a connection can do."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

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
