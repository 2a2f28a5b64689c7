"""A PostgreSQL that keeps what it commits, which the receiver insists on, and a receiver before it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from ml_connector.core.db import Database
from ml_connector.core.embedded import Embedded
from tests.receiver.running import ReceiverThread, Sender, add_connection, sender


@pytest.fixture(scope="session")
def postgres(lasting_postgres: Embedded) -> Embedded:
    """Instead of the other tests' server, whose fsync is off."""
    return lasting_postgres


@pytest.fixture
def owner_url(postgres: Embedded, database_name: str) -> str:
    """The test's database, by its owner, whom row-level security does not bind."""
    return postgres.uri(database_name)


@pytest.fixture
async def token(database: Database) -> str:
    """The token of acme's connection ``desk``."""
    return await add_connection(database)


@pytest.fixture
def receiver(database: Database) -> Iterator[ReceiverThread]:
    with ReceiverThread(database.url) as running:
        yield running


@pytest.fixture
async def zendesk(receiver: ReceiverThread, token: str) -> AsyncIterator[Sender]:
    """Sends to acme's desk."""
    async with sender(receiver.url, token) as sending:
        yield sending
