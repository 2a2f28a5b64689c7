"""What we know of a tenant's connections: whether they work, and which account they reach."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from ml_connector.core.db import Database
from ml_connector.core.errors import Misconfigured, Reauthenticate
from ml_connector.core.tables import Connection


async def require_usable(db: Database, tenant: str, name: str) -> None:
    """Raise Reauthenticate for a connection that waits for a person, without asking the vendor again."""
    async with db.session(tenant) as session:
        known = await session.get(Connection, (tenant, name))
    if known is not None and known.status == "needs_reauth":
        raise Reauthenticate(
            f"{tenant}/{name} must be reconnected ({known.reason}); then `ml-connector ping {tenant}` clears it",
            phase="connect",
        )


async def needs_reauth(db: Database, tenant: str, name: str, system: str, reason: str) -> None:
    """Mark a connection whose credential is refused, so that no flow asks the vendor until it is mended."""
    async with db.session(tenant) as session:
        row = await _row(session, tenant, name, system)
        row.status, row.reason, row.updated_at = "needs_reauth", reason, datetime.now(UTC)


async def credential_changed(db: Database, tenant: str, name: str) -> None:
    """A person has given a new credential: let the flows try it."""
    async with db.session(tenant) as session:
        known = await session.get(Connection, (tenant, name))
        if known is not None and known.status == "needs_reauth":
            known.status, known.reason, known.updated_at = "new", None, datetime.now(UTC)
            session.add(known)


async def record_identity(db: Database, tenant: str, name: str, system: str, identity: str) -> None:
    """Note which account a working connection reaches. Another account than before is refused (test against live)."""
    async with db.session(tenant) as session:
        row = await _row(session, tenant, name, system)
        if row.identity is not None and row.identity != identity:
            raise Misconfigured(
                f"{tenant}/{name} used to reach the account {row.identity} and now reaches {identity}: its links and "
                f"watermarks belong to the first one. Use another connection name for another account",
                phase="connect",
            )
        row.status, row.identity, row.reason, row.updated_at = "ok", identity, None, datetime.now(UTC)


async def _row(session: AsyncSession, tenant: str, name: str, system: str) -> Connection:
    row = await session.get(Connection, (tenant, name)) or Connection(tenant=tenant, name=name, system=system)
    session.add(row)
    return row
