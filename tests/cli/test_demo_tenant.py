"""The demo's tenant beside a person's own: it counts where the sandbox runs, and is nobody's trouble elsewhere."""

from __future__ import annotations

import asyncio
import shutil

import pytest

from ml_connector.cli.demo_secrets import store_sandbox_secrets
from ml_connector.core.settings import ROOT, settings
from tests.cli.conftest import Command
from tests.installation import Installation


@pytest.fixture(autouse=True)
def demo(installed: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(ROOT / "tenants" / "demo.yaml", settings().tenants_dir)
    shutil.copy(ROOT / "tenants" / "defaults.yaml", settings().tenants_dir)
    monkeypatch.setenv("SANDBOX_URL", installed.sandbox.url)


def test_where_no_sandbox_runs_it_is_left_out_in_so_many_words(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SANDBOX_URL")
    checked, found = command("map", "check"), command("doctor")

    assert checked.exit_code == 0
    assert "demo is left out: the sandbox plays all its vendors, and none runs here" in checked.stderr
    assert "demo" not in checked.stdout
    assert "1 in" in next(line for line in found.stdout.splitlines() if "tenant files" in line)
    assert command("map", "check", "demo").exit_code == 2


def test_where_it_runs_it_has_its_secrets_unless_somebody_has_given_it_any(command: Command) -> None:
    asyncio.run(store_sandbox_secrets())
    pinged = command("ping", "demo").stdout

    assert "demo" not in pinged  # no advice to set a secret
    assert "is refused" not in pinged
    command("secret", "remove", "demo/slack")
    asyncio.run(store_sandbox_secrets())
    assert "demo/slack" not in command("secret", "list").stdout
