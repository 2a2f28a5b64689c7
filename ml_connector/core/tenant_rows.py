"""The tenant list in the database, which stands outside of row-level security, and the names of stored secrets."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from ml_connector.core.db import Database


async def known_tenants(db: Database) -> dict[str, bool]:
    """Every tenant that was ever applied, and whether it still is in the files."""
    async with db.system() as conn:
        rows = await conn.execute("select name, active from tenant order by name")
        return dict(await rows.fetchall())


async def register(db: Database, tenants: Collection[str]) -> None:
    """Note these as the active tenants. What the others have in the ledger stays."""
    async with db.system() as conn:
        await conn.execute(
            "insert into tenant (name) select unnest(%s::text[]) on conflict (name) do update set active = true",
            (sorted(tenants),),
        )
        await conn.execute("update tenant set active = false where active and name <> all(%s)", (list(tenants),))


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
