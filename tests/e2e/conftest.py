"""One sandbox process for all end-to-end tests, and for each of them a tenant with a database of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from connectors.zendesk import jobs
from ml_connector.core.embedded import Embedded
from ml_connector.core.http import HttpClient, HttpPolicy
from ml_connector.sandbox.serve import sandbox_process
from tests.e2e.stack import stack as stack  # a fixture
from tests.installation import Installation, installation

Owner = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture(scope="session")
def sandbox_url() -> Iterator[str]:
    with sandbox_process() as url:
        yield url


@pytest.fixture
def installed(
    postgres: Embedded,
    database_name: str,
    sandbox_url: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Installation]:
    """Tenant ``acme`` between empty vendors. Parametrize it (indirect) with keyword arguments of `installation`."""
    monkeypatch.setattr(jobs, "_SOONEST", 0.02)  # the emulator's jobs take 10 ms; waiting is not what is tested
    monkeypatch.setitem(HttpClient.__init__.__kwdefaults__ or {}, "policy", HttpPolicy(backoff=0.02))
    wanted: dict[str, Any] = getattr(request, "param", {})
    with installation(postgres, database_name, sandbox_url, tmp_path / "tenants", **wanted) as made:
        made.sandbox.reset()
        made.sandbox.settings("zendesk", job_delay=0.01, rate_scale=None)
        yield made
        made.sandbox.reset()


@pytest.fixture
def owner(postgres: Embedded, database_name: str) -> Iterator[Owner]:
    """The test's database, entered as its owner: row-level security does not apply."""
    with psycopg.connect(postgres.uri(database_name), autocommit=True) as connection:
        yield connection
