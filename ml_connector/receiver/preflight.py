"""What must be right before the receiver listens."""

from __future__ import annotations

from ml_connector.core.db import Database
from ml_connector.core.doctor_query import missing_migration, unreachable
from ml_connector.core.errors import Misconfigured
from ml_connector.core.inbox_writer import check_durable
from ml_connector.core.vault import MasterKeys, Vault


async def preflight(database_url: str, master: MasterKeys) -> None:
    """Raise Misconfigured unless the database is there, current and durable, and the master key is its own."""
    if why := await unreachable(database_url):
        raise Misconfigured(f"the database of ML_CONNECTOR_DATABASE_URL does not let us in: {why}")
    async with Database(database_url, connections=1) as db:
        if missing := await missing_migration(db):
            raise Misconfigured(f"{missing}: run `ml-connector db migrate`")
        await Vault(db, master).check()
        async with db.system() as conn:
            await check_durable(conn)
