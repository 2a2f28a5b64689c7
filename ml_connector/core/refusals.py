"""Connections that wait for a person to give them a new credential: how flow runs mark, heed and tell of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ml_connector.core.db import Database
from ml_connector.core.errors import Disconnected


@dataclass(slots=True, frozen=True)
class Refused:
    """A connection that waits for a person to give it a new credential."""

    tenant: str
    connection: str
    system: str
    reason: str
    since: datetime
    told: bool
    """Whether somebody was told."""


async def refused_connections(db: Database, tenant: str) -> list[Refused]:
    """The connections of a tenant that need re-authorization, by name."""
    async with db.tenant(tenant) as conn:
        rows = await conn.execute(
            "select name, system, coalesce(reason, ''), updated_at, told_at is not null from connection "
            "where status = 'needs_reauth' order by name"
        )
        return [Refused(tenant, *row) for row in await rows.fetchall()]


async def require_usable(db: Database, tenant: str, name: str) -> None:
    """Raise Disconnected for a connection that waits for a person, without asking the vendor again."""
    async with db.tenant(tenant) as conn:
        row = await (
            await conn.execute("select reason from connection where name = %s and status = 'needs_reauth'", (name,))
        ).fetchone()
    if row is not None:
        raise Disconnected(
            f"{tenant}/{name} must be reconnected ({row[0]}); then `ml-connector ping {tenant}` clears it",
            phase="connect",
        )


async def needs_reauth(db: Database, tenant: str, name: str, system: str, reason: str) -> None:
    """Mark a connection whose credential is refused, so that no flow asks the vendor until it is mended.

    One that is marked already keeps the moment since when it is so, and that somebody was told.
    """
    async with db.tenant(tenant) as conn:
        await conn.execute(
            "insert into connection as known (tenant, name, system, status, reason) "
            "values (mlc_tenant(), %s, %s, 'needs_reauth', %s) "
            "on conflict (tenant, name) do update set status = excluded.status, reason = excluded.reason, "
            "updated_at = case known.status when excluded.status then known.updated_at else now() end, "
            "told_at = case known.status when excluded.status then known.told_at end",
            (name, system, reason),
        )


async def refusal_told(db: Database, refused: Refused) -> None:
    """Note that somebody was told of it, unless it is refused anew since."""
    async with db.tenant(refused.tenant) as conn:
        await conn.execute(
            "update connection set told_at = now() where name = %s and updated_at = %s",
            (refused.connection, refused.since),
        )
