"""The database of a command, and the vault in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ml_connector.core.db import Database
from ml_connector.core.doctor_query import missing_migration, unreachable
from ml_connector.core.errors import Misconfigured
from ml_connector.core.settings import settings
from ml_connector.core.vault import MasterKeys, Vault


@asynccontextmanager
async def open_database() -> AsyncIterator[Database]:
    """The database of the settings. Misconfigured, with what to do, when there is none or its tables are old."""
    url = settings().database_url
    if not url:
        raise Misconfigured("there is no database: set ML_CONNECTOR_DATABASE_URL, or start one with `ml-connector up`")
    if why := await unreachable(url):
        raise Misconfigured(f"the database of ML_CONNECTOR_DATABASE_URL does not let us in: {why}")
    async with Database(url, connections=2) as db:
        if missing := await missing_migration(db):
            raise Misconfigured(f"{missing}: run `ml-connector db migrate`")
        yield db


async def open_vault(db: Database) -> Vault:
    """The vault, after proof that the master key is the one of this database."""
    vault = Vault(db, MasterKeys.load(settings()))
    await vault.check()
    return vault
