"""The tenant list in the database, which stands outside of row-level security, and the names of stored secrets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ml_connector.core.db import Database


async def known_tenants(db: Database) -> list[str]:
    """Every tenant of which anything was ever stored."""
    async with db.system() as conn:
        rows = await conn.execute("select name from tenant order by name")
        return [name for (name,) in await rows.fetchall()]


@dataclass(slots=True, frozen=True)
class StoredSecret:
    """A secret that is stored, without its value."""

    connection: str
    name: str
    updated_at: datetime


async def stored_secrets(db: Database, tenant: str) -> list[StoredSecret]:
    """What ``ml-connector secret list`` shows of a tenant."""
    async with db.tenant(tenant) as conn:
        rows = await conn.execute("select connection, name, updated_at from secret order by connection, name")
        return [StoredSecret(*row) for row in await rows.fetchall()]
