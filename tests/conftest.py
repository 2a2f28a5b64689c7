"""Fixtures that every room's tests share."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from ml_connector.core.db import Database
from ml_connector.core.embedded import Embedded, start_embedded
from ml_connector.core.ids import uuid7
from ml_connector.core.secret import Secret
from ml_connector.core.vault import MasterKeys, Vault
from tests.scratch import scratch

# What Hypothesis thinks of is the same in every run, however slow the machine is; with `--hypothesis-profile default`
# it is something else each time.
settings.register_profile("suite", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

ROOT = Path(__file__).resolve().parents[1]
SPECS = ROOT.parent / "shared" / "specs"


@pytest.fixture(scope="session")
def specs() -> Path:
    """The vendors' contracts, which stand beside the project and are not part of it."""
    if not SPECS.is_dir():
        pytest.skip(f"the vendors' contracts are not at {SPECS}: contract tests need them")
    return SPECS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tests of connectors and emulators hold every request and answer against the contracts, if these are there."""
    if not SPECS.is_dir():
        told = f"the vendors' contracts are not at {SPECS}: no request and no answer was held against them"
        terminalreporter.write_line(told, yellow=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Embedded]:
    """A real PostgreSQL of this test session, with a migrated template database."""
    yield from _postgres(fsync="off")  # a power cut is not tested, and disks are slow


@pytest.fixture(scope="session")
def lasting_postgres() -> Iterator[Embedded]:
    """One that keeps what it commits, which the receiver insists on: there it takes the place of `postgres`, by a
    fixture of that name. That may be imported by many files, and starts nothing anew."""
    yield from _postgres(fsync="on")


def _postgres(fsync: str) -> Iterator[Embedded]:
    with scratch() as folder:
        server = start_embedded(folder / "pg")
        _set(server, max_wal_size="256MB", fsync=fsync)
        server.prepare("mlc_template")
        yield server
        _set(server, fsync="off")  # its last checkpoint is of no use to anybody
        server.stop()


def _set(server: Embedded, **settings: str) -> None:
    with psycopg.connect(server.uri("postgres"), autocommit=True) as connection:
        for name, value in settings.items():
            connection.execute(f"alter system set {name} = '{value}'")
        connection.execute("select pg_reload_conf()")


@pytest.fixture
def database_name(postgres: Embedded) -> Iterator[str]:
    """A fresh migrated database of this test."""
    name = f"t_{uuid7().hex[8:24]}"
    postgres.create(name, "mlc_template")
    yield name
    postgres.drop(name)


@pytest.fixture
async def database(postgres: Embedded, database_name: str) -> AsyncIterator[Database]:
    """The fresh database, entered as the runtime role."""
    async with Database(postgres.uri(database_name, "mlc_app")) as db:
        yield db


@pytest.fixture
async def vault(database: Database) -> Vault:
    return Vault(database, MasterKeys.parse(Secret(MasterKeys.generate("test"))))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Without the cycle collector: what is imported stays until the end, and it would walk over that many times."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)  # before those who deal the tests out look at the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of those who run tests side by side one has all that share a running stack. What takes long begins first: at the
    end all but one would wait for it."""
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("stack"))
    items.sort(key=_begins)


def _begins(item: pytest.Item) -> int:
    rooms = ("e2e", "crash", "receiver")
    room = item.path.parent.name
    if item.get_closest_marker("xdist_group"):
        return 0
    return 1 + rooms.index(room) if room in rooms else 1 + len(rooms)
