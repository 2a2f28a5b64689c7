"""A new master key takes the place of the old one under a running sync, also when the rotation is killed on the way."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from typing import Any

import psycopg
import pytest

from ml_connector.core.connections import put_secret
from ml_connector.core.credentials import get_secrets
from ml_connector.core.db import Database
from ml_connector.core.errors import Misconfigured
from ml_connector.core.secret import Secret
from ml_connector.core.settings import settings
from ml_connector.core.vault import MasterKeys, Vault
from tests.cli.conftest import Command
from tests.installation import Installation
from tests.receiver.running import until

TENANTS = [f"tenant-{n:02d}" for n in range(30)]
_ROTATE = """
import os, signal
from ml_connector.cli.main import app
from ml_connector.core import crashpoints
passed = 0
def die(name):
    global passed
    passed += name == "key.rewrapped"
    if passed == {at}:
        os.kill(os.getpid(), signal.SIGKILL)
crashpoints.arm(die)
app(["key", "rotate"])
"""


async def test_a_rotation_is_killed_and_goes_on_while_a_sync_runs_and_the_old_key_is_of_no_use_then(
    command: Command,
    installed: Installation,
    owner: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old, new = os.environ["ML_CONNECTOR_MASTER_KEYS"], MasterKeys.generate("new")
    await installed.prepare()
    async with Database(installed.database_url, connections=1) as db:
        for tenant in TENANTS:
            await put_secret(db, _vault(db, old), tenant, "desk", "password", Secret(f"of {tenant}"))
    installed.sandbox.seed("oracle_fusion", "customers", 300)
    installed.sandbox.seed("oracle_fusion", "contacts", 5)
    installed.sandbox.fault("zendesk", "too_many_jobs")  # it waits before its first write, until the fault is cleared

    syncing = asyncio.create_task(installed.sync())  # by a process that knows the old key only
    await until(lambda: owner.execute("select from batch").fetchone() is not None)
    killed = await asyncio.to_thread(_rotate, f"{new},{old}", at=7)
    assert killed.returncode == -signal.SIGKILL
    between = _wrapped_by(owner)
    assert between["new"] >= 6
    assert between["test"] >= 20
    rotated = await asyncio.to_thread(_rotate, f"{new},{old}")
    assert not syncing.done(), "the sync was meant to last longer"

    assert rotated.returncode == 0, rotated.stderr
    assert "take them out of the configuration: test." in rotated.stdout
    assert f"wrapped anew by new: {between['test']}" in rotated.stdout
    assert set(_wrapped_by(owner)) == {"new"}
    installed.sandbox.clear_faults()
    assert (await syncing).is_completed()
    assert installed.sandbox.kinds()["organization.created"] == 300

    monkeypatch.setenv("ML_CONNECTOR_MASTER_KEYS", new)
    settings.cache_clear()
    assert (await asyncio.to_thread(command, "ping", "acme")).exit_code == 0
    some = owner.execute("select source_id from effect limit 1").fetchone()
    assert some is not None
    shown = await asyncio.to_thread(command, "audit", "acme", "--record", some[0], "--bodies")
    assert "OrganizationName" in shown.stdout
    assert "There is no older key" in (await asyncio.to_thread(command, "key", "rotate")).stdout
    async with Database(installed.database_url, connections=1) as db:
        for tenant in TENANTS:
            assert (await get_secrets(db, _vault(db, new), tenant, "desk"))["password"].reveal() == f"of {tenant}"
        with pytest.raises(Misconfigured, match="has been retired"):
            await _vault(db, old).sealer("another", "secret")
        with pytest.raises(Misconfigured, match="'new' is not configured"):
            await _vault(db, old).check()


async def test_a_key_that_somebody_still_needs_is_not_given_up(
    command: Command, installed: Installation, owner: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = os.environ["ML_CONNECTOR_MASTER_KEYS"], MasterKeys.generate("new")
    await installed.prepare()
    async with Database(installed.database_url, connections=1) as db:
        await put_secret(db, _vault(db, old), "other", "desk", "password", Secret("x"))  # no file, never applied
    owner.execute("delete from tenant where name = 'other'")  # as if its first data key were made when all were listed
    monkeypatch.setenv("ML_CONNECTOR_MASTER_KEYS", f"{new},{old}")
    settings.cache_clear()

    refused = await asyncio.to_thread(command, "key", "rotate")

    assert refused.exit_code == 1
    assert "test is still needed" in refused.stderr
    assert "take them out" not in refused.stdout
    assert owner.execute("select kek_id from data_key where tenant = 'other'").fetchall() == [("test",)]
    owner.execute("insert into tenant (name) values ('other')")
    assert "configuration: test" in (await asyncio.to_thread(command, "key", "rotate")).stdout


def _vault(db: Database, keys: str) -> Vault:
    return Vault(db, MasterKeys.parse(Secret(keys)))


def _rotate(keys: str, at: int = 0) -> subprocess.CompletedProcess[str]:
    """``ml-connector key rotate`` in a process of its own, which dies at the ``at``-th tenant."""
    environment = {**os.environ, "ML_CONNECTOR_MASTER_KEYS": keys, "DO_NOT_TRACK": "1"}
    code = [sys.executable, "-c", _ROTATE.format(at=at)]
    return subprocess.run(code, env=environment, capture_output=True, text=True, timeout=120)


def _wrapped_by(owner: psycopg.Connection[Any]) -> Counter[str]:
    return Counter(dict(owner.execute("select kek_id, count(*) from data_key group by 1").fetchall()))
