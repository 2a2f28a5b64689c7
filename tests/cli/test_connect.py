"""Connecting an account from the command line, and what happens when its refresh token dies."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from ml_connector.core.settings import settings
from ml_connector.core.vault import MasterKeys
from tests.cli.conftest import Command
from tests.connections import CLIENT_SECRET
from tests.installation import Installation
from tests.person import consent, load
from tests.receiver.running import ReceiverThread


@pytest.fixture
def receiver(installed: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReceiverThread]:
    """A receiver of acme, whose Zendesk is connected by a person from now on."""
    _by_a_person(settings().tenants_dir / "acme.yaml", installed.sandbox.url)
    with ReceiverThread(installed.database_url, keys=MasterKeys.load(settings())) as running:
        monkeypatch.setenv("ML_CONNECTOR_PUBLIC_URL", running.url)
        settings.cache_clear()
        yield running


def _by_a_person(file: Path, sandbox_url: str) -> None:
    tenant = yaml.safe_load(file.read_text())
    zendesk = f"{sandbox_url}/zendesk/oauth"
    tenant["connections"]["zendesk"]["auth"] |= {
        "type": "oauth_authorization_code",
        "authorize_url": f"{zendesk}/authorizations/new",
    }
    file.write_text(yaml.safe_dump(tenant))


@contextmanager
def connecting() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """``ml-connector connect acme/zendesk`` in a terminal, and the address that it printed."""
    process = subprocess.Popen(
        [sys.executable, "-c", "from ml_connector.cli.main import app; app()", "connect", "acme/zendesk"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "DO_NOT_TRACK": "1"},
        # a shell lets what it starts in the background ignore Ctrl-C, and so do all that these start
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline(), process.stdout.readline()]
        found = re.search(r"^http\S+/oauth/authorizations/new\?\S+$", lines[1].strip())
        assert found, (lines, process.communicate(timeout=120))
        yield process, found[0]
    finally:
        process.kill()
        process.wait(timeout=60)


def connect() -> str:
    """What the command says when a person has agreed."""
    with connecting() as (process, address):
        assert load(consent(address)).status == 200
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, out + err
    return out


@pytest.mark.usefixtures("receiver")
def test_connect_waits_for_the_person_and_tries_the_connection(
    command: Command, installed: Installation, owner: psycopg.Connection[Any]
) -> None:
    early = command("connect", "acme/zendesk")
    assert early.exit_code == 2
    assert "`ml-connector secret set acme/zendesk client_secret`" in early.stderr
    for connection in ("oracle", "zendesk"):
        command("secret", "set", f"acme/{connection}", "client_secret", typed=CLIENT_SECRET)
    never = command("ping", "acme")
    assert never.exit_code == 1
    assert "reconnect it with `ml-connector connect acme/zendesk`" in never.stdout
    assert _status(owner) == "needs_reauth"

    said = connect()

    assert "acme/zendesk is connected." in said
    assert "acts as user" in said
    assert "oracle" not in said  # only this connection was tried
    assert _status(owner) == "ok"
    assert owner.execute("select count(*) from oauth_state").fetchone() == (0,)
    installed.sandbox.settings("zendesk", consent=False)
    with connecting() as (process, address):
        assert load(consent(address)).status == 400
        out, err = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "access_denied" in err
    assert (_status(owner), "connected." in out) == ("ok", False)


@pytest.mark.usefixtures("receiver")
def test_connect_leaves_nothing_when_it_is_interrupted(command: Command, owner: psycopg.Connection[Any]) -> None:
    command("secret", "set", "acme/zendesk", "client_secret", typed=CLIENT_SECRET)
    with connecting() as (process, address):
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
        late = load(consent(address))

    assert (process.returncode, "Traceback" in err) == (130, False)
    assert owner.execute("select count(*) from oauth_state").fetchone() == (0,)
    assert (late.status, "not valid any more" in late.text) == (400, True)


@pytest.mark.usefixtures("receiver")
def test_connect_says_what_it_lacks(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    command("secret", "set", "acme/zendesk", "client_secret", typed=CLIENT_SECRET)

    assert "needs no browser" in command("connect", "acme/oracle").stderr
    assert "it has: oracle, zendesk" in command("connect", "acme/zendezk").stderr
    for address, why in [
        ("", "set ML_CONNECTOR_PUBLIC_URL"),
        ("http://hooks.example.com", "must begin with https://"),
        ("http://127.0.0.1.example.com", "must begin with https://"),
        ("hooks.example.com", "no address"),
    ]:
        monkeypatch.setenv("ML_CONNECTOR_PUBLIC_URL", address)
        settings.cache_clear()
        refused = command("connect", "acme/zendesk")
        assert refused.exit_code == 2
        assert why in refused.stderr


@pytest.mark.usefixtures("receiver")
async def test_a_rotated_refresh_token_whose_answer_was_lost_waits_for_a_person_and_is_never_tried_in_a_loop(
    command: Command, installed: Installation, owner: psycopg.Connection[Any]
) -> None:
    sandbox = installed.sandbox
    sandbox.seed("oracle_fusion", "customers", 12)
    for connection in ("oracle", "zendesk"):
        await _typed(command, "secret", "set", f"acme/{connection}", "client_secret", typed=CLIENT_SECRET)
    await asyncio.to_thread(connect)
    await installed.prepare()
    refreshed = _token_calls(installed)
    sandbox.fault("zendesk", "expire_token", path="/api/*", times=1)
    sandbox.fault("zendesk", "lose_response", "POST", "/oauth/tokens", times=1)

    state = await installed.sync()

    assert state.is_failed()
    assert _token_calls(installed) == refreshed + 2  # the answer that was lost, and its refusal
    assert _status(owner) == "needs_reauth"
    asked = _calls(installed)
    for _ in range(3):
        assert "acme/zendesk must be reconnected" in str((await installed.sync()).message)
    assert _calls(installed) == asked  # Zendesk was not asked for anything at all
    pinged = await _typed(command, "ping", "acme")
    examined = await _typed(command, "doctor")
    assert (pinged.exit_code, examined.exit_code) == (1, 1)
    assert "`ml-connector connect acme/zendesk`" in pinged.stdout
    assert "acme/zendesk" in examined.stdout
    assert "needs to be reconnected" in examined.stdout
    owner.execute("update connection set status = 'ok'")  # as if nobody had marked it: a process that died before
    assert (await installed.sync()).is_failed()
    assert _token_calls(installed) == refreshed + 2
    assert _status(owner) == "needs_reauth"

    await asyncio.to_thread(connect)

    assert (await installed.sync()).is_completed()
    assert len([row for row in sandbox.state("zendesk", "organizations") if row["external_id"]]) == 12
    assert sandbox.kinds()["organization.created"] == 12


async def test_one_address_that_refuses_a_working_token_does_not_stop_the_connection(
    installed: Installation, owner: psycopg.Connection[Any]
) -> None:
    installed.sandbox.seed("oracle_fusion", "customers", 5)
    await installed.prepare()
    installed.sandbox.fault("zendesk", "status", "POST", "/api/v2/organizations*", status=401)

    assert (await installed.sync()).is_failed()

    assert _status(owner) != "needs_reauth"
    installed.sandbox.clear_faults()
    owner.execute("update effect set next_at = null where state = 'retry_wait'")
    assert (await installed.sync()).is_completed()
    assert len([row for row in installed.sandbox.state("zendesk", "organizations") if row["external_id"]]) == 5


@pytest.mark.usefixtures("receiver")
async def test_a_new_secret_of_the_client_keeps_what_a_person_has_granted(
    command: Command, owner: psycopg.Connection[Any]
) -> None:
    await _typed(command, "secret", "set", "acme/zendesk", "client_secret", typed=CLIENT_SECRET)
    await asyncio.to_thread(connect)
    owner.execute("update connection set status = 'needs_reauth', reason = 'invalid_client'")

    await _typed(command, "secret", "set", "acme/zendesk", "client_secret", typed=CLIENT_SECRET)

    assert _status(owner) == "new"
    assert "acts as user" in (await _typed(command, "ping", "acme")).stdout


async def _typed(command: Command, *words: str, **options: str) -> Any:
    """A command from within a test that has a loop running already."""
    return await asyncio.to_thread(command, *words, **options)


def _status(owner: psycopg.Connection[Any]) -> str | None:
    row = owner.execute("select status from connection where name = 'zendesk'").fetchone()
    return row[0] if row else None


def _calls(installed: Installation) -> int:
    return sum(row["count"] for row in installed.sandbox.requests() if row["system"] == "zendesk")


def _token_calls(installed: Installation) -> int:
    return sum(
        row["count"]
        for row in installed.sandbox.requests()
        if row["system"] == "zendesk" and row["route"] == "/oauth/tokens"
    )
