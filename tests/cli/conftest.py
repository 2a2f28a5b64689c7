"""The command line over a real database and the sandbox, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from typer.testing import CliRunner, Result

from ml_connector.cli import console, environment
from ml_connector.cli.main import app
from ml_connector.core.embedded import Embedded
from ml_connector.sandbox.serve import SandboxThread
from tests.installation import Installation, installation

Command = Callable[..., Result]
CUSTOMERS = 6


@pytest.fixture(scope="session")
def sandbox_url() -> Iterator[str]:
    with SandboxThread() as running:
        yield running.base_url


@pytest.fixture
def installed(postgres: Embedded, database_name: str, sandbox_url: str, tmp_path: Path) -> Iterator[Installation]:
    """Tenant ``acme`` between the sandbox's Oracle and Zendesk; nothing is stored or seeded yet."""
    with installation(postgres, database_name, sandbox_url, tmp_path / "tenants") as made:
        made.sandbox.reset()
        yield made


@pytest.fixture
def owner(postgres: Embedded, database_name: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """The test's database, entered as its owner: row-level security does not apply."""
    with psycopg.connect(postgres.uri(database_name), autocommit=True) as connection:
        yield connection


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Command]:
    """``command("ping", "acme")``: what was printed and the exit code. It knows nothing of a demo running beside us."""
    monkeypatch.setattr(environment, "ADDRESSES", tmp_path / "env")
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(console.out, "width", 1000)  # no text is wrapped
    monkeypatch.setattr(console.err, "width", 1000)
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        yield lambda *words, typed="": CliRunner().invoke(app, list(words), input=typed, catch_exceptions=False)


@pytest.fixture
def synced(installed: Installation) -> Installation:
    """``acme`` after a run that created all organizations but one, which Zendesk does not take."""
    installed.sandbox.seed("oracle_fusion", "customers", CUSTOMERS)
    rename(installed, " ", count=1)
    asyncio.run(installed.prepare())
    asyncio.run(installed.sync("flow-run-1", streams=("organizations",)))
    return installed


def rename(installed: Installation, name: str, *, count: int) -> list[str]:
    """A minute ago: what changed within the current second is not in a window yet, its clock counts whole ones."""
    when = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    change = {"set": {"OrganizationName": name}, "last_update_date": when}
    return installed.sandbox.mutate("oracle_fusion", "hubOrganizations", count=count, **change)
